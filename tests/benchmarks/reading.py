"""What reading costs: experiments to a frame, a second look, the command's table."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from figures import Process, beside, duration, in_turns, run, size

# The floor: what reads the same five files of each experiment, one after the other and with as few calls as
# can be, and keeps what they hold.
FLOOR = """
import json, os, sys
def read(path):
    file = os.open(path, os.O_RDONLY)
    data = os.read(file, os.fstat(file).st_size + 1)
    os.close(file)
    return data
everything = []
for name in sorted(os.listdir(sys.argv[1])):
    folder = os.path.join(sys.argv[1], name)
    for file in ("metadata.json", "args.json", "default_args.json", "summary.json"):
        everything.append(json.loads(read(os.path.join(folder, file))))
    everything.append(read(os.path.join(folder, "STATUS")))
"""
FRAME = "import sys\nfrom meticulous_read import Experiments\nExperiments(sys.argv[1]).as_dataframe()"
REFRESH = """
import os, shutil, statistics, sys, time
from meticulous_read import Experiments
directory, rounds = sys.argv[1], int(sys.argv[2])
experiments = Experiments(directory)
files = ("metadata.json", "args.json", "default_args.json", "summary.json", "STATUS")
paths = [os.path.join(directory, name, file) for name in os.listdir(directory) for file in files]
stats, refreshes = [], []
for turn in range(rounds):
    start = time.perf_counter()
    for path in paths:
        os.stat(path)
    stats.append(time.perf_counter() - start)
    new = os.path.join(directory, f"new-{turn}")
    shutil.copytree(os.path.join(directory, "1"), new)
    start = time.perf_counter()
    experiments.refresh_experiments()
    refreshes.append(time.perf_counter() - start)
    assert f"new-{turn}" in experiments
    shutil.rmtree(new)
    experiments.refresh_experiments()
print(statistics.median(stats), statistics.median(refreshes))
"""
ABOUT = """
import importlib.util, pandas, platform
pyarrow = "with" if importlib.util.find_spec("pyarrow") else "without"
print(f"Python {platform.python_version()}, pandas {pandas.__version__} {pyarrow} pyarrow")
"""
FRAMES = ["experiments", "floor", "frame", "processor", "memory of the floor", "of the frame", "rounds"]
TABLES = ["experiments", "floor", "`meticulous`", "`--filter`", "`--groupby`", "rounds"]


def make_experiments(directory: Path, count: int, keys: int) -> None:
    """Write experiments as the recorder does, each with 8 results, and without output."""
    args: dict[str, Any] = {f"argument_{number}": number / 7 for number in range(keys - 4)}
    args |= {"optimizer": "adam", "layers": [128, 64], "amp": True, "seed": 0}
    defaults = _encode(args)
    for number in range(1, count + 1):
        folder = directory / str(number)
        folder.mkdir(parents=True)
        day, second = divmod(number, 86400)
        start = f"2026-11-{1 + day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        metadata = {
            "format": "Meticulous experiment folder",
            "format-version": "1.0",
            "uuid": f"{number:08x}-0000-4000-8000-000000000000",
            "githead-sha": f"{number // 100:040x}",
            "githead-message": "Train longer, with a smaller rate",
            "description": "",
            "timestamp": f"{start}.000000+00:00",
            "start-time": f"{start}.000000+00:00",
            "command": ["train.py", "--seed", str(number)],
            "recorder": "meticulous-record 0.2.0",
            "githead-branch": "main",
            "git-remote": "https://example.com/project.git",
            "git-dirty": False,
            "working-directory": "/home/ada/project",
            "runtime": "Python 3.12.1",
            "hostname": "node-17",
            "pid": number,
            "process-start": f"linux:0d1f6b3a-0000-4000-8000-000000000000:4026531836:{number}",
            "heartbeat-seconds": 60,
            "end-time": f"{start}.500000+00:00",
        }
        summary: dict[str, Any] = {f"metric_{metric}": 1 / (number + metric) for metric in range(6)}
        summary |= {"epochs": number % 90, "best": {"epoch": 3, "loss": 0.25}}
        (folder / "metadata.json").write_bytes(_encode(metadata))
        (folder / "args.json").write_bytes(_encode({**args, "seed": number}))
        (folder / "default_args.json").write_bytes(defaults)
        (folder / "summary.json").write_bytes(_encode(summary))
        (folder / "STATUS").write_bytes(b"SUCCESS\n")


def _encode(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=4) + "\n").encode()


def about(python: str) -> str:
    """Return what some Python has."""
    return run([python, "-c", ABOUT], Path.cwd()).output.strip()


def frames(
    label: str, directory: Path, python: str, variants: dict[str, dict[str, str]], seconds: float, rounds: int
) -> list[list[str]]:
    """Return the row of so many experiments; one for each variant, with the variables that lead to it."""

    def job(script: str, variables: dict[str, str]) -> Callable[[], Process]:
        return lambda: run([python, "-c", script, directory], directory.parent, **variables)

    jobs = {"floor": job("import pandas\n" + FLOOR, {})}
    jobs |= {name: job(FRAME, variables) for name, variables in variants.items()}
    measured = in_turns(jobs, seconds, rounds)
    floor = measured.pop("floor")
    return [
        [
            label + name,
            duration(floor.seconds),
            beside(frame, floor),
            f"{frame.processor / floor.processor:.2f} x",
            size(floor.peak),
            size(frame.peak),
            str(floor.rounds),
        ]
        for name, frame in measured.items()
    ]


def refresh(directory: Path, rounds: int) -> str:
    """Return a sentence on a second look at many experiments, of which one is new."""
    done = run([sys.executable, "-c", REFRESH, directory, str(rounds)], directory.parent)
    stats, seconds = map(float, done.output.split())
    return (
        f"`refresh_experiments()` with one new experiment: {duration(seconds)}, {seconds / stats:.2f} x "
        f"one `stat` of each file that is read ({duration(stats)}); {rounds} rounds."
    )


def tables(
    label: str, directory: Path, variants: dict[str, dict[str, str]], seconds: float, rounds: int
) -> list[list[str]]:
    """Return the row of the command's tables of so many experiments; one for each variant."""
    commands = {
        "floor": ["-c", "import argparse, json, tabulate\n" + FLOOR],
        "table": ["-m", "meticulous_cli"],
        "filter": ["-m", "meticulous_cli", "--filter", "epochs > 3"],
        "groupby": ["-m", "meticulous_cli", "--groupby", "epochs"],
    }

    def job(command: list[str], variables: dict[str, str]) -> Callable[[], Process]:
        return lambda: run([sys.executable, *command, directory], directory.parent, **variables)

    jobs = {"floor": job(commands.pop("floor"), {})}
    jobs |= {
        command + name: job(arguments, variables)
        for name, variables in variants.items()
        for command, arguments in commands.items()
    }
    measured = in_turns(jobs, seconds, rounds)
    floor = measured["floor"]
    return [
        [
            label + name,
            duration(floor.seconds),
            *(beside(measured[command + name], floor) for command in commands),
            str(floor.rounds),
        ]
        for name in variants
    ]
