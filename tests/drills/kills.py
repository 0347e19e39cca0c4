"""SIGKILL at random instants, from before the start to the very end: nothing is half there, no line is lost.

    uv run tests/drills/kills.py            # 500 kills
    uv run tests/drills/kills.py 100 7      # 100, with another seed

Half of the runs begin new experiments, half go on with earlier ones; of both, half capture with "sys" and
half with "fd"; a third of all print without a buffer. A run that has ended by itself before its instant came
does not count. Prints where the kills fell. What is not as it should be ends it with an AssertionError.
"""

import collections
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meticulous_read import ExperimentReader
from repository import experiments, make_repository, problems

LINES = 40
SCRIPT = f"""
import argparse, os, sys
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--run")
parser.add_argument("--capture")
Experiment.add_argument_group(parser)
capture = parser.parse_args().capture
with Experiment.from_parser(parser, capture=capture) as experiment:
    for line in range({LINES}):
        print(f"line {{line}} of {{os.getpid()}} " + "x" * 100, flush=True)
        print(f"warning {{line}} of {{os.getpid()}}", file=sys.stderr, flush=True)
        experiment.summary({{"line": line, "text": "y" * 20_000}})
    print("all done", os.getpid(), flush=True)
print("ended", flush=True)
"""
RECORDED = {"metadata.json", "args.json", "default_args.json", "STATUS", "stdout", "stderr", "summary.json"}
RECORDED |= {"requirements.txt"}
ENDED = "had ended"


def main(kills: int = 500, seed: int = 1) -> None:
    """Kill so many runs, two at a time."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        trial, repository = Path(folder, "trial"), Path(folder, "repository")
        make_repository(trial, SCRIPT)
        make_repository(repository, SCRIPT)
        began = time.perf_counter()
        first, last = map(statistics.median, zip(*pool.map(lambda _: duration(trial), range(8))))
        chance = random.Random(seed)
        met: collections.Counter[str] = collections.Counter()
        numbers = itertools.count()
        while (missing := kills - met.total() + met[ENDED]) > 0:
            runs = []
            for number in itertools.islice(numbers, missing):
                # Half about the start, half from the first line until a little after the end.
                running = chance.random() < 0.5
                latest = 1.1 * (last - first) if running else 1.1 * first
                runs.append((number, running, chance.uniform(0 if running else 0.8 * first, latest)))
            met.update(pool.map(lambda run: killed(repository, *run), runs))
        states = collections.Counter(map(check, experiments(repository)))
        seconds = time.perf_counter() - began
    told = f", and {met[ENDED]} that had ended" if met[ENDED] else ""
    del met[ENDED]
    phases = ", ".join(f"{count} {phase}" for phase, count in sorted(met.items()))
    print(f"{met.total()} kills in {seconds:.0f} s: {phases}{told}")
    print(f"what they left: {', '.join(f'{count} {state}' for state, count in sorted(states.items()))}")
    held = "every JSON file whole, every line that was shown in its file, no litter that a reader sees"
    print(f"{held}, every RUNNING found lost")


def options(run: int) -> dict[str, str]:
    """Return the options of a run. Those that resume have the same arguments, and so find one another."""
    capture, resumes = ("sys", "fd")[run % 2], run % 4 >= 2
    return {"--run": f"all of {capture}" if resumes else str(run), "--capture": capture} | (
        {"--resume": ""} if resumes else {}
    )


def command(run: int) -> list[str]:
    return [sys.executable, "train.py", *(part for pair in options(run).items() for part in pair if part)]


def duration(repository: Path) -> tuple[float, float]:
    """How long a run takes to its first line, and to its end."""
    began = time.perf_counter()
    process = subprocess.Popen(command(0), cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    first = time.perf_counter() - began
    process.communicate()
    return first, time.perf_counter() - began


def killed(repository: Path, run: int, running: bool, after: float) -> str:
    """Start a run, kill it, and hold what it had shown against what is recorded; return where it fell."""
    process = subprocess.Popen(
        command(run),
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
    # Where several resume at once, those that have to begin anew say so, before the first line.
    said = re.sub(rb"\A(meticulous: .*\n)+", b"", said)
    assert all(line.startswith(b"warning ") for line in said.splitlines()), said.decode()
    # Without a buffer a line is shown in two pieces, and is in the file when it has ended. A kill may take
    # the last one, if it has not.
    lines, warnings = (re.sub(rb"[^\n]*\Z", b"", text) for text in (shown, said))
    lines = re.sub("ended\n$", "", lines.decode())
    assert any(
        lines in (path / "stdout").read_text() and warnings.decode() in (path / "stderr").read_text()
        for path in experiments(repository)
        if (path / "stderr").exists()
    ), f"what run {run} had shown is in no file"
    if process.returncode == 0:
        return ENDED
    if shown.endswith(b"ended\n"):
        return "after the end"
    return "in the end" if b"\nall done " in shown else "between lines"


def check(experiment: Path) -> str:
    """Hold one experiment against the format, whatever met it; return its state."""
    visible = {name for name in os.listdir(experiment) if name[0] != "."}
    assert visible <= RECORDED, f"{experiment}: litter: {visible - RECORDED}"
    contents = {path.name: json.loads(path.read_bytes()) for path in experiment.glob("[!.]*.json")}
    assert all(isinstance(content, dict) for content in contents.values()), experiment
    reader = ExperimentReader(experiment)
    if not reader.status:
        return "cut short in the start"
    assert problems(experiment) == [], problems(experiment)
    assert visible - {"summary.json"} == RECORDED - {"summary.json"}
    printed = (experiment / "stdout").read_text()
    # A summary follows its line at once, and the next one replaces it.
    assert ("summary.json" in visible) or printed.count("\n") <= printed.count("line 0 of "), experiment
    name = contents["args.json"]["run"]
    assert name.startswith("all of") or contents["args.json"] == {
        "run": name,
        "capture": options(int(name))["--capture"],
    }
    if reader.status == "RUNNING":
        assert reader.lost, experiment
        return "RUNNING and lost"
    assert reader.status == "SUCCESS", reader.status
    assert contents["summary.json"]["line"] == LINES - 1, experiment
    return "SUCCESS"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
