"""Any reader held against format 1.0: `python spec/kit/reader.py [--without PART] -- COMMAND …`.

The command is run with the path of an experiments directory as its last argument, once for each fixture, and
prints what it reads as one JSON object (README.md says which); that is compared with what the fixture's
`case.json` expects. Then, a few things that only show in motion. Standard library only.
"""

from __future__ import annotations

import functools
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from reading.compare import broken_by, differences, shown_by
from reading.fixtures import Fixture, fixtures
from reading.motion import MOTION
from reading.run import read
from report import Report, arguments

PARTS = {
    "lost": "tells lost experiments from running ones",
    "silent": "tells silent experiments from running ones",
    "legacy": "reads folders of version 0",
    "output": "reads stdout and stderr",
}
MEMORY = 2**30  # that a reading may take


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every name below a folder, how large it is and when it was changed."""
    found = {}
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            status = os.lstat(os.path.join(path, name))
            found[os.path.join(path, name)] = (status.st_size if name in files else 0, status.st_mtime_ns)
    return found


def check_fixture(fixture: Fixture, report: Report, command: list[str], left_out: list[str]) -> str:
    """Check one fixture; return why not, where this system can't have it."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "experiments")
        needs = fixture.case.get("needs", [])
        if "linux" in needs and sys.platform != "linux":
            return "needs Linux"
        try:
            fixture.lay_out(target)
        except (OSError, AttributeError) as error:
            return f"can't be made here: {error}"
        before = state_of(Path(folder))
        reading = read(command, target)
        found = reading.experiments
        if found is None:
            report.tell([broken_by(fixture, "")], fixture.name, "a reading", reading.problem)
        else:
            for requirement, where, expected, got in differences(fixture, found, left_out):
                report.tell([requirement], where, expected, got)
            report.held.update(shown_by(fixture))
        written = state_of(Path(folder)) != before
        ran = [path for path in (Path("ran"), target / "1" / "ran", target / "ran") if path.exists()]
        for path in ran:
            path.unlink()
        if ran:
            report.check("SAFE-7", fixture.name, "nothing of it is run", "it was", ok=False)
        elif found is not None or written:  # what read nothing has not shown that it writes nothing
            report.check("STATE-4", fixture.name, "nothing written", "something", ok=not written)
        if "SAFE-4" in fixture.case["shows"] and (found is not None or reading.memory > MEMORY):
            shown = f"{reading.memory // 2**20} MiB"
            ok = reading.memory <= MEMORY
            report.check("SAFE-4", fixture.name, f"at most {MEMORY // 2**20} MiB", shown, ok=ok)
    return ""


Check = Callable[[Report, list[str], list[str]], str]


def checks() -> dict[str, Check]:
    """All that a reader is put through, by name; each returns why it was skipped, or ""."""
    found: dict[str, Check] = {
        fixture.name: functools.partial(check_fixture, fixture) for fixture in fixtures()
    }
    for name, check in MOTION.items():
        found[name] = functools.partial(_without_parts, check)
    return found


def _without_parts(
    check: Callable[[Report, list[str]], str], report: Report, command: list[str], _: list[str]
) -> str:
    return check(report, command)


def main() -> int:
    """Check what the command line says."""
    every = checks()
    parts = {fixture.name: fixture.part for fixture in fixtures()}
    options = arguments("Hold a reader against the format.", PARTS, every)
    report = Report()
    for name in options.names:
        if parts.get(name) in options.without:
            continue
        if why := every[name](report, options.command, options.without):
            print(f"skip  {name}: {why}")
    return report.end(options.without)


if __name__ == "__main__":
    sys.exit(main())
