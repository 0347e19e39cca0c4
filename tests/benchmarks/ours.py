"""What recording, reading and the command cost, each beside its floor: all in one run.

    uv run tests/benchmarks/ours.py                   # ten minutes on a quiet machine, and 4 GB of its disk
    uv run tests/benchmarks/ours.py --write           # and puts the tables into RESULTS.md and READMEs
    uv run tests/benchmarks/ours.py --before CHECKOUT # beside the packages of another checkout
    uv run tests/benchmarks/ours.py --python PYTHON   # frames by another Python, too, with another pandas
    uv run tests/benchmarks/ours.py --small           # in seconds, only to see that it works

What is compared takes turns, in fresh processes with byte code cached. Given are medians and the ratio to the
floor: the least that does the same, as recording.py and reading.py have it. Linux and macOS only.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

BEFORE = ", before"
HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))  # where `latency` is
import latency  # noqa: E402
import reading  # noqa: E402
import recording  # noqa: E402
import slow  # noqa: E402
from figures import About, replace, say, table  # noqa: E402


class Plan(NamedTuple):
    """How much is measured, and for how long."""

    modules: int = 5000
    files: int = 50_000
    tags: int = 50_000
    megabytes: int = 400
    frames: tuple[tuple[int, int], ...] = (
        *((100, 10), (10_000, 10), (50_000, 10), (100_000, 10)),
        *((10_000, 100), (2000, 1000)),
    )
    tables: tuple[int, ...] = (100, 10_000, 100_000)
    looked_at: tuple[int, int] = (10_000, 10)
    """Of these a refresh, other Pythons and a slow file system are measured, too."""
    calls: int = 1000
    seconds: float = 15
    """For what is compared: it takes turns at least twice, and at most so many rounds."""
    rounds: int = 25


SMALL = Plan(20, 20, 20, 10, ((20, 10), (5, 100)), (20,), (20, 10), 10, 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="into RESULTS.md and the READMEs")
    parser.add_argument("--small", action="store_true", help="in seconds, only to see that it works")
    parser.add_argument("--before", metavar="CHECKOUT", type=Path, help="beside the packages of this one")
    parser.add_argument("--python", action="append", default=[], help="makes frames, too")
    options = parser.parse_args()
    pythons = [os.path.abspath(shutil.which(name) or name) for name in options.python]
    for python in pythons:
        say(reading.about(python))  # which also shows at once whether it has pandas
    about = About()
    with tempfile.TemporaryDirectory() as folder:
        parts = measure(Path(folder), SMALL if options.small else Plan(), options.before, pythons)
        lines = f"{about.line()} {reading.about(sys.executable)}."
    print(lines, *map(_titled, parts.items()), sep="\n\n")
    if options.write:
        write(ROOT, lines, parts)


def write(root: Path, lines: str, parts: dict[str, str]) -> None:
    """Put the tables into the files that show them."""
    whole = "\n\n".join([lines, *map(_titled, parts.items())])
    replace(root / "tests/benchmarks/RESULTS.md", "ours.py", whole)
    for package, title in (("read", "Reading"), ("cli", "The command")):
        now = "\n".join(line for line in parts[title].splitlines() if BEFORE not in line)
        replace(root / f"packages/meticulous-{package}/README.md", "ours.py", f"{lines}\n\n{now}")


def measure(folder: Path, plan: Plan, before: Path | None, pythons: list[str]) -> dict[str, str]:
    """Return what the tables say, by their titles."""
    variants: dict[str, dict[str, str]] = {"": {}}
    if before is not None:
        variants[BEFORE] = _sources(before)
    seconds, rounds = plan.seconds, plan.rounds

    starts, within, slowly = [], [], []
    repositories = recording.repositories(
        folder, modules=plan.modules, files=plan.files, tags=plan.tags, megabytes=plan.megabytes
    )
    for label, repository in repositories:
        say(label)
        starts += recording.starts(label, repository, variants, seconds, rounds)
        if not within:
            within = recording.within(repository, variants, plan.calls, rounds)
            slowly += [] if latency.why_not() else slow.recording(folder, repository, plan.calls)

    frames, tables, second_look = [], [], ""
    for count, keys in plan.frames:
        label = f"{count:,} of {keys:,} arguments"
        say(f"{label}: making them")
        with tempfile.TemporaryDirectory(dir=folder) as place:
            directory = Path(place, "experiments")
            reading.make_experiments(directory, count, keys)
            say(label)
            frames += reading.frames(label, directory, sys.executable, variants, seconds, rounds)
            if (count, keys) == plan.looked_at:
                for python in pythons:
                    name = f"{label}, {reading.about(python)}"
                    frames += reading.frames(name, directory, python, {"": _sources(ROOT)}, seconds, rounds)
                second_look = reading.refresh(directory, rounds)
                slowly += [] if latency.why_not() else slow.reading(directory, count, plan.calls)
            if keys == plan.looked_at[1] and count in plan.tables:
                tables += reading.tables(f"{count:,}", directory, variants, seconds, rounds)
    return {
        "Recording": f"{table(recording.STARTS, starts)}\n\n{table(recording.WITHIN_A_RUN, within)}",
        "Reading": f"{table(reading.FRAMES, frames)}\n\n{second_look}",
        "The command": table(reading.TABLES, tables),
        "A slow file system": latency.why_not() or table(slow.SLOW, slowly),
    }


def _titled(part: tuple[str, str]) -> str:
    return "### {}\n\n{}".format(*part)


def _sources(checkout: Path) -> dict[str, str]:
    """Return the variables with which Python imports the packages of a checkout."""
    folders = [str(path.absolute()) for path in sorted(checkout.glob("packages/*/src"))]
    return {"PYTHONPATH": os.pathsep.join(folders)}


if __name__ == "__main__":
    main()
