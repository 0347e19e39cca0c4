"""Many starts at a time in one checkout: every one gets its folder, none loses a line.

    uv run tests/drills/starts.py            # 1,000 starts, 64 at a time; then as many with --resume
    uv run tests/drills/starts.py 100 16

Prints what was done and how long it took. What is not as it should be ends it with an AssertionError.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from repository import experiments, make_repository, problems

LINES = 20
SCRIPT = f"""
import argparse, sys
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--start")
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    for line in range({LINES}):
        print(f"line {{line}} of " + "x" * 100)
        print(f"warning {{line}}", file=sys.stderr)
    experiment.summary({{"lines": {LINES}}})
"""
OUTPUT = "".join(f"line {line} of {'x' * 100}\n" for line in range(LINES))
WARNINGS = "".join(f"warning {line}\n" for line in range(LINES))


def main(starts: int = 1000, at_a_time: int = 64) -> None:
    """Drill with `starts` starts of new experiments, and as many that resume where they can."""
    with tempfile.TemporaryDirectory() as folder:
        for resume in (False, True):
            drill(Path(folder, "resuming" if resume else "new"), starts, at_a_time, resume)


def drill(repository: Path, starts: int, at_a_time: int, resume: bool) -> None:
    make_repository(repository, SCRIPT)
    os.utime(repository / "train.py", (0, 0))  # `git status` would now like to write the index anew
    before = state_of(repository)
    began = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        shown = list(pool.map(lambda number: start(repository, number, resume), range(starts)))
    seconds = time.perf_counter() - began
    assert shown == [(OUTPUT, WARNINGS)] * starts, "a program printed something else than it would have"
    assert state_of(repository) == before, "the repository is not as it was"
    found = experiments(repository)
    assert {path.name for path in found} == set(map(str, range(1, len(found) + 1))), "there is a gap"
    sessions = sum(check(path) for path in found)
    assert sessions == starts, f"{starts} sessions, of which {sessions} are recorded"
    if resume:
        # A new one is made only where all that there are are running.
        assert len(found) <= at_a_time, f"{len(found)} folders for {at_a_time} that ran at a time"
    else:
        args = sorted(int(json.loads((path / "args.json").read_text())["start"]) for path in found)
        assert args == list(range(starts)), "two starts share a folder"
    what = f"{starts:,} starts{' with --resume' if resume else ''}, {at_a_time} at a time"
    held = f"{len(found):,} folders without a gap, {sessions:,} sessions, no line lost"
    print(f"{what}: {held}, {seconds:.0f} s")


def start(repository: Path, number: int, resume: bool) -> tuple[str, str]:
    # Those that resume have the same arguments, and so fight for the same experiments.
    options = ["--resume"] if resume else ["--start", str(number)]
    command = [sys.executable, "train.py", *options]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # Those that find all that they could go on with running say so, before the first line.
    said = re.sub(r"\A(meticulous: .*\n)+", "", done.stderr) if resume else done.stderr
    return done.stdout, said


def check(experiment: Path) -> int:
    """Hold an experiment against the format, and its files against its sessions; return their number."""
    assert problems(experiment) == []
    assert (experiment / "STATUS").read_text() == "SUCCESS\n"
    metadata = json.loads((experiment / "metadata.json").read_text())
    sessions = 1 + len(metadata.get("earlier-sessions", []))
    assert (experiment / "stdout").read_text() == OUTPUT * sessions, f"{experiment}: output is missing"
    assert (experiment / "stderr").read_text() == WARNINGS * sessions, f"{experiment}: output is missing"
    assert json.loads((experiment / "summary.json").read_text()) == {"lines": LINES}
    assert not [name for name in os.listdir(experiment) if name[0] == "."], f"{experiment}: litter"
    return sessions


def state_of(repository: Path) -> dict[str, bytes]:
    """Return all files below the repository but the experiments: its `.git`, locks, the index, what else."""
    files = (path for path in repository.rglob("*") if path.is_file())
    names = {path: path.relative_to(repository) for path in files}
    return {str(name): path.read_bytes() for path, name in names.items() if name.parts[0] != "experiments"}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
