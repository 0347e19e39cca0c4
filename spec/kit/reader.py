"""Any reader held against format 1.0: `python spec/kit/reader.py [--without PART] -- COMMAND …`.

The command is run with the path of an experiments directory as its last argument, once for each fixture, and
prints what it reads as one JSON object (README.md says which); that is compared with what the fixture
expects. Then, a few things that only show in motion. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fixtures import POOL, Fixture, fixtures
from report import Report, arguments

PARTS = {
    "life": "tells lost and silent experiments from running ones",
    "legacy": "reads folders of version 0",
    "output": "reads stdout and stderr",
}
SECONDS = 30  # in which a reading has to be there
MEMORY = 2**30  # that it may take
OUTPUT_KEYS = ("stdout", "stderr")
JSON_KEYS = ("args", "default_args", "summary")


# Running a reader


def read(command: list[str], directory: Path) -> tuple[dict[str, Any] | None, str, int]:
    """Run the reader on a directory; return its reading or None, why there is none, and its peak memory."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        environment = {**os.environ, "TZ": "UTC"}  # legacy times are in the reader's local time
        process = subprocess.Popen(
            [*command, str(directory)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        alarm = threading.Timer(SECONDS, _kill, [process])
        alarm.start()
        memory = _wait(process)
        timed_out = not alarm.is_alive()
        alarm.cancel()
        out.seek(0)
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()[-300:]
        if timed_out:
            return None, f"no end after {SECONDS} seconds", memory
        if process.returncode:
            return None, f"exit code {process.returncode}: {said}", memory
        try:
            reading = json.loads(out.read().decode())["experiments"]
            return ({name: dict(value) for name, value in reading.items()}), "", memory
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return None, f"not the JSON that README.md asks for: {error!r}; {said}", memory


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _wait(process: subprocess.Popen[bytes]) -> int:
    if not hasattr(os, "wait4"):
        process.wait()
        return 0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# Comparing


def compare(report: Report, fixture: Fixture, found: dict[str, Any], left_out: list[str]) -> None:
    """Hold a reading against what the fixture expects."""
    expected = fixture.case["reading"]
    needed = {name for name, value in expected.items() if not value.get("may-be-absent")}
    if not needed <= set(found) <= set(expected):
        report.tell(shown_by(fixture), fixture.name, sorted(needed), sorted(found))
    for name in found.keys() & expected.keys():
        for key in expected[name]:
            value, got = expected[name][key], found[name].get(key)
            if key in ("may-be-absent", "or-problems") or (key == "life" and "life" in left_out):
                continue
            if key in JSON_KEYS and set(expected[name].get("or-problems", ())) & set(
                found[name].get("problems") or ()
            ):
                continue  # it refuses the file, or can't give all of a number, and says so
            if "output" in left_out:
                if key in OUTPUT_KEYS:
                    continue
                if key == "problems" and isinstance(got, list):
                    value, got = (
                        [file for file in files if file not in OUTPUT_KEYS] for files in (value, got)
                    )
            if not same(key, value, got):
                report.tell(shown_by(fixture), f"{fixture.name}: {name}: {key}", value, got)
    report.held.update(shown_by(fixture))


def shown_by(fixture: Fixture) -> list[str]:
    """What a wrong reading of a fixture breaks: the readers' requirements that it shows, or all."""
    shows = fixture.case["shows"]
    return [name for name in shows if BINDS_READERS.match(name)] or shows


BINDS_READERS = re.compile("READ|STATE|VERSION|SAFE")


def same(key: str, expected: Any, found: Any) -> bool:
    """Whether two values of a reading mean the same."""
    if key in ("timestamp", "start-time", "end-time") and isinstance(expected, str):
        a, b = moment(expected), moment(found)
        return a is not None and b is not None and abs((a - b).total_seconds()) <= 0.001
    if key == "problems":
        # A reader may report more that is wrong, where something is (READ-5).
        return isinstance(found, list) and (
            bool(found) if expected == ["."] else set(expected) <= set(found) if expected else not found
        )
    return normal(expected) == normal(found)


def normal(value: Any) -> Any:
    """A value in which what means the same is the same: 1 and 1.0, an unpaired surrogate and U+FFFD."""
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    return ("boolean", value) if isinstance(value, bool) else value


def moment(text: Any) -> datetime | None:
    """A time of a reading: RFC 3339 with any offset; fractions beyond microseconds are cut."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", str(text))
    if not found:
        return None
    day, fraction, offset = found.groups()
    digits = f"{fraction or ''}000000"[:6]
    text = f"{day}.{digits}{'+00:00' if offset == 'Z' else offset}"
    return datetime.fromisoformat(text).astimezone(timezone.utc)


# In motion


def state_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every name below a folder, how large it is and when it was changed."""
    found = {}
    for path, folders, files in os.walk(folder):
        for name in folders + files:
            status = os.lstat(os.path.join(path, name))
            found[os.path.join(path, name)] = (status.st_size if name in files else 0, status.st_mtime_ns)
    return found


def check_fixture(report: Report, command: list[str], fixture: Fixture, left_out: list[str]) -> str:
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
        reading, problem, memory = read(command, target)
        if reading is None:
            report.tell(shown_by(fixture), fixture.name, "a reading", problem)
        else:
            compare(report, fixture, reading, left_out)
        written = state_of(Path(folder)) != before
        ran = [path for path in (Path("ran"), target / "1" / "ran", target / "ran") if path.exists()]
        for path in ran:
            path.unlink()
        read_it = reading is not None  # what read nothing has not shown that it keeps to the following
        if read_it or written:
            report.check("STATE-4", fixture.name, "nothing written", "something", ok=not written)
        if read_it or ran:
            report.check("SAFE-7", fixture.name, "nothing of it is run", "it was", ok=not ran)
        if "SAFE-4" in fixture.case["shows"] and (read_it or memory > MEMORY):
            shown = f"{memory // 2**20} MiB"
            report.check("SAFE-4", fixture.name, f"at most {MEMORY // 2**20} MiB", shown, ok=memory <= MEMORY)
    return ""


def check_order(report: Report, command: list[str]) -> None:
    """READ-7: what is opened first, STATUS or another file; seen by what Linux tells of opened files."""
    from watch import Watch

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "experiments")
        shutil.copytree(POOL / "folders" / "success", target / "1")
        with Watch(target / "1", opened=True) as watch:
            read(command, target)
            opened = [event.name for event in watch.events() if event.kind == "opened" and event.name]
        first = opened[0] if opened else "nothing"
        report.check("READ-7", "the order of reading", "STATUS first", f"{first} first", ok=first == "STATUS")


def check_changes(report: Report, command: list[str]) -> None:
    """READ-8: experiments are resumed, end and vanish while they are read."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "experiments")
        source = POOL / "folders" / "success"
        for number in range(200):
            shutil.copytree(source, target / str(number))
        stop = threading.Event()
        churn = threading.Thread(target=_churn, args=(target, source, stop))
        churn.start()
        try:
            for _ in range(5):
                reading, problem, _ = read(command, target)
                stays = set() if reading is None else {str(number) for number in range(150)} - set(reading)
                found = problem or f"without {', '.join(sorted(stays))}"
                report.check(
                    "READ-8",
                    "while folders change and vanish",
                    "all that stays",
                    found,
                    ok=reading is not None and not stays,
                )
        finally:
            stop.set()
            churn.join()


def _churn(target: Path, source: Path, stop: threading.Event) -> None:
    while not stop.is_set():
        for number in range(150, 200):
            shutil.rmtree(target / str(number), ignore_errors=True)
            for file in ("metadata.json", "STATUS"):
                new = target / str(number - 150) / ".new"
                new.write_bytes((source / file).read_bytes())
                os.replace(new, new.parent / file)
        for number in range(150, 200):
            shutil.copytree(source, target / str(number), dirs_exist_ok=True)


MOTION = {"in motion: the order of reading, READ-7": check_order, "in motion: changes, READ-8": check_changes}


def main() -> int:
    """Check what the command line says."""
    every = {fixture.name: fixture for fixture in fixtures()}
    options = arguments("Hold a reader against the format.", PARTS, [*every, *MOTION])
    report = Report()
    for name in options.names:
        if name in MOTION:
            if "order" in name and sys.platform != "linux":
                print(f"skip  {name}: needs Linux")
            else:
                MOTION[name](report, options.command)
        elif every[name].part in options.without:
            continue
        elif why := check_fixture(report, options.command, every[name], options.without):
            print(f"skip  {name}: {why}")
    return report.end(options.without)


if __name__ == "__main__":
    sys.exit(main())
