"""What a slow file system costs: each call below the experiments directory takes 1 ms, and is counted."""

import shutil
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import latency
from figures import duration, run
from reading import FLOOR, FRAME

SLOW = ["at 1 ms a call", "time", "calls"]


def reading(directory: Path, count: int, floor: int) -> list[list[str]]:
    """Return the rows of all experiments to a frame, and of so many of them by the floor."""
    some = directory.parent / "some"
    for name in range(1, floor + 1):
        shutil.copytree(directory / str(name), some / str(name))
    rows = []
    for label, script, below, rounds in (
        (f"{count:,} experiments to a frame", FRAME, directory, 3),
        (f"{floor:,} experiments to a frame", FRAME, some, 3),
        (f"{floor:,} experiments by the floor", "import pandas\n" + FLOOR, some, 1),
    ):
        variables = latency.slow_below(directory.parent, below)
        seconds, calls = [], 0
        for _ in range(rounds):
            done = run([sys.executable, "-c", script, below], directory.parent, **variables)
            seconds.append(done.seconds)
            calls = latency.counted_calls(variables)
        rows.append([label, duration(statistics.median(seconds)), f"{calls:,}"])
    return rows


def recording(folder: Path, repository: Path, others: int) -> list[list[str]]:
    """Return the rows of a start, a page and a resume, the latter beside other experiments."""
    experiments = repository / "slow"
    variables = latency.slow_below(folder, experiments)

    def measured(label: str, *command: str, per: Callable[[int], str] = "{:,}".format) -> list[str]:
        done = run([sys.executable, *command], repository, **variables)
        return [label, duration(done.seconds), per(latency.counted_calls(variables))]

    script = ["recorded.py", "--experiments-directory", "slow"]
    run([sys.executable, *script], repository)
    rows = [
        measured("a script, start to finish", *script),
        measured("the page of an experiment", "-m", "meticulous_cli", "slow/1"),
    ]
    for number in range(3, others + 1):
        shutil.copytree(experiments / "1", experiments / str(number))
    alone = int(rows[0][2])
    rows.append(
        measured(
            f"`--resume` where none of {others:,} fits",
            *script,
            "--resume",
            "--lr=7",
            per=lambda calls: f"{calls:,}, {(calls - alone) / others:.1f} for each",
        )
    )
    return rows
