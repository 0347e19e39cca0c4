"""Processes in turns → medians → Markdown between two markers of a file: what both benchmarks need."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """What a process and its children took, and what it wrote to standard output."""

    seconds: float
    processor: float
    peak: int
    output: str


class Medians(NamedTuple):
    """What processes of one kind took, in the middle of so many rounds."""

    seconds: float
    processor: float
    peak: float
    rounds: int


class About:
    """When and where something is measured that begins now."""

    def __init__(self) -> None:
        self._date = time.strftime("%Y-%m-%d")
        self._begin = time.monotonic()
        self._load = os.getloadavg()[0]

    def line(self) -> str:
        system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        load = f"load average {self._load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end"
        minutes = f"{(time.monotonic() - self._begin) / 60:.1f} minutes"
        return f"{self._date}, Python {platform.python_version()}, {system}; {load}; {minutes}."


def run(command: Sequence[str | Path], folder: Path, **variables: str) -> Process:
    """Run a command to its end, with byte code cached, as it is for whoever runs a script twice."""
    unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    environment = {key: value for key, value in os.environ.items() if key not in unwanted} | variables
    begin = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as process:
        output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Process(seconds, usage.ru_utime + usage.ru_stime, peak, output.decode())


def in_turns(jobs: dict[str, Callable[[], Process]], seconds: float, rounds: int) -> dict[str, Medians]:
    """Run all jobs in turns, for so many seconds or rounds; the first fills the caches, and is not counted.

    There are two at least; where there are no more, both are counted: what takes long is spoilt less by that.
    """
    turns: list[dict[str, Process]] = []
    end = time.monotonic() + seconds
    while len(turns) <= rounds and (len(turns) < 2 or time.monotonic() < end):
        turns.append({name: job() for name, job in jobs.items()})
    if len(turns) > 2:
        del turns[0]
    found = {
        name: Medians(
            statistics.median(turn[name].seconds for turn in turns),
            statistics.median(turn[name].processor for turn in turns),
            statistics.median(turn[name].peak for turn in turns),
            len(turns),
        )
        for name in jobs
    }
    say("  " + ", ".join(f"{name or 'now'} {duration(one.seconds)}" for name, one in found.items()))
    return found


def say(words: str) -> None:
    """Tell whoever waits how far it is."""
    print(words, file=sys.stderr, flush=True)


def beside(one: Medians, floor: Medians) -> str:
    """Return how long something took, and how many times as long as its floor."""
    return f"{duration(one.seconds)}, {one.seconds / floor.seconds:.2f} x"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    return "\n".join(f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *rows))


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1), ("ms", 1e-3)):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def size(number: float | None) -> str:
    if not number:
        return ""
    return f"{number / 2**20:.0f} MiB" if number >= 2**20 else f"{number / 2**10:.1f} KiB"


def replace(path: Path, script: str, text: str) -> None:
    """Put this between the markers of a script in a file."""
    begin, end = f"<!-- {script} writes what follows -->", f"<!-- here {script} ends -->"
    before, rest = path.read_text("utf-8").split(begin)
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", "utf-8")
