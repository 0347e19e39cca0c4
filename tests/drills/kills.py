"""SIGKILL at random instants, from before the start to after the end: nothing is half there, no line is lost.

    uv run tests/drills/kills.py            # 500 kills
    uv run tests/drills/kills.py 100 7      # 100, with another seed

Half of the runs begin new experiments, half go on with earlier ones; of both, half capture with "sys" and
half with "fd"; a third of all print without a buffer. Prints what the kills met. What is not as it should be
ends it with an AssertionError.
"""

import collections
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meticulous_read import ExperimentReader
from starts import make_repository, problems

SCRIPT = """
import argparse
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--run")
parser.add_argument("--capture")
Experiment.add_argument_group(parser)
capture = parser.parse_args().capture
with Experiment.from_parser(parser, capture=capture) as experiment:
    for line in range(40):
        print(f"line {line} of {experiment.args.run} " + "x" * 100, flush=True)
        experiment.summary({"line": line, "text": "y" * 20_000})
print("ended", flush=True)
"""
RECORDED = {"metadata.json", "args.json", "default_args.json", "STATUS", "stdout", "stderr", "summary.json"}
RECORDED |= {"requirements.txt"}


def main(kills: int = 500, seed: int = 1) -> None:
    """Kill so many runs, two at a time."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(folder, "repository")
        make_repository(repository, SCRIPT)
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            first, last = map(statistics.median, zip(*pool.map(lambda _: duration(repository), range(8))))
        chance = random.Random(seed)
        runs = []
        for number in range(kills):
            capture = ("sys", "fd")[number % 2]
            # Half about the start, half from the first line until a little after the end.
            running = chance.random() < 0.5
            instant = chance.uniform(0, 1.2 * (last - first)) if running else chance.uniform(0.8, 1.1) * first
            runs.append((number, capture, number % 4 >= 2, running, instant))
        with ThreadPoolExecutor(2) as pool:
            met = collections.Counter(pool.map(lambda run: killed(repository, *run), runs))
        states = collections.Counter(
            check(path) for path in (repository / "experiments").iterdir() if path.is_dir()
        )
        seconds = time.perf_counter() - began
    phases = ", ".join(f"{count} {phase}" for phase, count in sorted(met.items()))
    print(f"{kills} kills in {seconds:.0f} s: {phases}")
    print(f"what they left: {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}")
    print("every JSON file whole, every line that was shown in its file, no litter, every RUNNING found lost")


def command(run: int, capture: str, resume: bool) -> list[str]:
    # Those that resume have the same arguments, and so find an experiment to go on with.
    name = f"all of {capture}" if resume else str(run)
    return [
        sys.executable,
        "train.py",
        "--run",
        name,
        "--capture",
        capture,
        *(["--resume"] if resume else []),
    ]


def duration(repository: Path) -> tuple[float, float]:
    """How long a run takes to its first line, and to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command(-1, "sys", False), cwd=repository, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    first = time.perf_counter() - began
    process.communicate()
    return first, time.perf_counter() - began


def killed(repository: Path, run: int, capture: str, resume: bool, running: bool, after: float) -> str:
    """Start a run, kill it, and hold what it had shown against what is recorded; return what was met."""
    process = subprocess.Popen(
        command(run, capture, resume),
        cwd=repository,
        env={**os.environ, "PYTHONUNBUFFERED": "1" if run % 3 == 0 else ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # so that nothing read ahead is lost to communicate()
    )
    assert process.stdout is not None
    first = process.stdout.readline() if running else b""
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
    shown, said = process.communicate()
    shown = first + shown
    assert process.returncode in (0, -9), said.decode()
    if not shown:
        return "before the first line"
    lines = shown.decode().splitlines(keepends=True)
    if lines[-1] == "ended\n":
        lines.pop()
    assert not said, said.decode()
    files = [path.read_text() for path in (repository / "experiments").glob("*/stdout")]
    assert any("".join(lines) in text for text in files), f"what run {run} had shown is in no file"
    return "after the end" if shown.endswith(b"ended\n") else "between lines"


def check(experiment: Path) -> str:
    """Hold one experiment against the format, whatever met it; return its state."""
    visible = {name for name in os.listdir(experiment) if name[0] != "."}
    assert visible <= RECORDED, f"{experiment}: litter: {visible - RECORDED}"
    for path in experiment.glob("[!.]*.json"):
        assert isinstance(json.loads(path.read_bytes()), dict), path
    reader = ExperimentReader(experiment)
    if not reader.status:
        return "cut short in the start"
    assert problems(experiment) == [], problems(experiment)
    assert visible - {"summary.json"} == RECORDED - {"summary.json"}
    if reader.status == "RUNNING":
        assert reader.lost, experiment
        return "RUNNING and lost"
    return reader.status


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
