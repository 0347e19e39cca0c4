"""Many starts at a time in one checkout: every one gets its folder, none loses a line.

    uv run tests/drills/starts.py            # 1,000 starts, 64 at a time; then as many with --resume
    uv run tests/drills/starts.py 100 16

Prints what was done and how long it took. What is not as it should be ends it with an AssertionError.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "spec" / "kit"))
from folder import problems

LINES = 20
SCRIPT = f"""
import argparse
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--start")
Experiment.add_argument_group(parser)
with Experiment.from_parser(parser) as experiment:
    for line in range({LINES}):
        print(f"line {{line}} of " + "x" * 100)
    experiment.summary({{"lines": {LINES}}})
"""
OUTPUT = "".join(f"line {line} of {'x' * 100}\n" for line in range(LINES))


def main(starts: int = 1000, at_a_time: int = 64) -> None:
    """Drill with `starts` starts of new experiments, and as many that resume where they can."""
    with tempfile.TemporaryDirectory() as folder:
        for resume in (False, True):
            drill(Path(folder, "resuming" if resume else "new"), starts, at_a_time, resume)


def drill(repository: Path, starts: int, at_a_time: int, resume: bool) -> None:
    make_repository(repository, SCRIPT)
    before = state_of(repository)
    began = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        shown = list(pool.map(lambda number: start(repository, number, resume), range(starts)))
    seconds = time.perf_counter() - began
    assert shown == [OUTPUT] * starts, "a program printed something else than it would have"
    assert state_of(repository) == before, "the repository is not as it was"
    experiments = repository / "experiments"
    names = {path.name for path in experiments.iterdir() if path.name[0] != "."}
    assert names == set(map(str, range(1, len(names) + 1))), "there is a gap in the numbers"
    sessions = sum(check(experiments / name) for name in names)
    assert sessions == starts, f"{starts} sessions, of which {sessions} are recorded"
    assert resume or len(names) == starts, "two starts share a folder"
    what = f"{starts:,} starts{' with --resume' if resume else ''}, {at_a_time} at a time"
    found = f"{len(names):,} folders without a gap, {sessions:,} sessions, no line lost"
    print(f"{what}: {found}, {seconds:.0f} s")


def start(repository: Path, number: int, resume: bool) -> str:
    # Those that resume have the same arguments, and so fight for the same experiments.
    options = ["--resume"] if resume else ["--start", str(number)]
    command = [sys.executable, "train.py", *options]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def check(experiment: Path) -> int:
    """Hold an experiment against the format, its output against its sessions; return the number of these."""
    assert problems(experiment) == []
    assert (experiment / "STATUS").read_text() == "SUCCESS\n"
    metadata = json.loads((experiment / "metadata.json").read_text())
    sessions = 1 + len(metadata.get("resumes", []))
    assert (experiment / "stdout").read_text() == OUTPUT * sessions, f"{experiment}: output is missing"
    assert not [name for name in os.listdir(experiment) if name[0] == "."], f"{experiment}: litter"
    return sessions


def make_repository(folder: Path, script: str) -> None:
    """Make a repository whose only commit has this script as `train.py`."""
    folder.mkdir()
    (folder / "train.py").write_text(script)
    user = ["-c", "user.name=drill", "-c", "user.email=drill@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "drill"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def state_of(repository: Path) -> dict[str, bytes]:
    """Return all that is in a repository's `.git`, locks and the index included."""
    files = (path for path in (repository / ".git").rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
