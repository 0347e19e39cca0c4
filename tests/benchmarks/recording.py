"""What recording costs: a start and an end in several repositories, a line of output, a summary."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Process, duration, in_turns, run

BARE = """
import argparse, json, os, sys
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
if os.path.isdir("modules"):
    sys.path.insert(0, "modules")
    for file in os.listdir("modules"):
        if file.endswith(".py"):
            __import__(file[:-3])
"""
# The floor: GitPython is imported, and asked the questions of the recorder, one after the other.
FLOOR = """
import git
repository = git.Repo(".", search_parent_directories=True)
repository.git.update_environment(GIT_OPTIONAL_LOCKS="0")
settings_off = ("--no-ahead-behind", "--untracked-files=no", "--ignore-submodules=none")
repository.git.status("--porcelain=v2", "--branch", "-z", *settings_off)
repository.git.ls_files("-v", "-z")
repository.git.rev_list("--max-count=1", "--format=%B", "HEAD", "--")
"""
SCRIPTS = {
    "bare.py": BARE + "print(parser.parse_args().lr)\n",
    "floor.py": BARE + FLOOR + "print(parser.parse_args().lr)\n",
    "recorded.py": BARE
    + "from meticulous import Experiment\nprint(Experiment.from_parser(parser).args.lr)\n",
    ".gitignore": "__pycache__/\nexperiments/\n",
}
# Both in one process and in turns: the times of the thing by itself, and with the recorder.
WITHIN = """
import json, os, statistics, sys, time
from meticulous import Experiment
count, rounds, null = int(sys.argv[1]), int(sys.argv[2]), open(os.devnull, "w")
line = "epoch 12: loss 0.1234, accuracy 0.9876, 1.23 s, and some more to make it a usual length"
values = {f"metric_{number}": 1 / (7 + number) for number in range(6)} | {"epoch": 3, "best": {"loss": 0.25}}
def replace(values):
    with open(".summary.json", "w") as file:
        json.dump(values, file, indent=4)
    os.replace(".summary.json", "summary.json")
def timed(do, times):
    start = time.perf_counter()
    for _ in range(count):
        do()
    times.append((time.perf_counter() - start) / count)
line_alone, line_recorded, summary_alone, summary_recorded = times = [], [], [], []
for _ in range(rounds):
    sys.stdout = null
    timed(lambda: print(line), line_alone)
    timed(lambda: replace(values), summary_alone)
    with Experiment({}) as experiment:
        timed(lambda: print(line), line_recorded)
        timed(lambda: experiment.summary(values), summary_recorded)
    sys.stdout = sys.__stdout__
print(*map(statistics.median, times))
"""


STARTS = ["a script, start to finish", "bare", "floor", "recorded", "rounds"]
WITHIN_A_RUN = ["within a run", "alone", "recorded", "more", "rounds"]


def repositories(
    folder: Path, *, modules: int, files: int, tags: int, megabytes: int
) -> Iterator[tuple[str, Path]]:
    """Make repositories, one after the other, as there is not much room."""
    small = folder / "small"
    _commit(small)
    yield "a small repository", small

    def write(name: str, content: bytes = b"") -> None:
        path = large / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    large = folder / "modules"
    for number in range(modules):
        write(f"modules/module_{number}.py")
    _commit(large)
    yield f"{modules:,} loaded modules", large
    large = folder / "files"
    for number in range(files):
        write(f"data/{number // 100}/{number}.txt", b"%d\n" % number)
    _commit(large)
    yield f"{files:,} tracked files", large
    large = folder / "tags"
    _commit(large)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=large, check=True, stdout=subprocess.PIPE)
    sha = head.stdout.decode().strip()
    lines = sorted(f"{sha} refs/tags/v{number}\n" for number in range(tags))
    (large / ".git/packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted\n" + "".join(lines))
    yield f"{tags:,} tags on HEAD", large
    large = folder / "stale"
    for number in range(megabytes // 10):
        write(f"data/{number}.bin", os.urandom(10 * 2**20))
    _commit(large)
    for path in (large / "data").iterdir():
        path.touch()  # git must look into each of them to know that it is the same
    yield f"{megabytes:,} MB that look changed to git", large


def _commit(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    user = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com"]
    add = ["-c", "core.compression=0", "add", "."]
    for command in (["init", "-q"], add, [*user, "commit", "-q", "-m", "benchmark"], ["status"]):
        subprocess.run(["git", *command], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def starts(
    label: str, repository: Path, variants: dict[str, dict[str, str]], seconds: float, rounds: int
) -> list[list[str]]:
    """Return the row of one repository, for each variant: what the floor and the recorder add to a script."""

    def job(name: str, variables: dict[str, str]) -> Callable[[], Process]:
        return lambda: run([sys.executable, name], repository, **variables)

    jobs = {"bare": job("bare.py", {}), "floor": job("floor.py", {})}
    jobs |= {name: job("recorded.py", variables) for name, variables in variants.items()}
    measured = in_turns(jobs, seconds, rounds)
    bare, floor = (measured.pop(name).seconds for name in ("bare", "floor"))
    return [
        [
            label + name,
            duration(bare),
            f"{duration(floor - bare)} more",
            f"{duration(recorded.seconds - bare)} more, {(recorded.seconds - bare) / (floor - bare):.2f} x",
            str(recorded.rounds),
        ]
        for name, recorded in measured.items()
    ]


def within(repository: Path, variants: dict[str, dict[str, str]], count: int, rounds: int) -> list[list[str]]:
    """Return the rows of a line and a summary within a run."""
    rows = []
    for name, variables in variants.items():
        done = run([sys.executable, "-c", WITHIN, str(count), str(rounds)], repository, **variables)
        line, recorded_line, summary, recorded_summary = map(float, done.output.split())
        for label, alone, recorded in (
            ("a printed line", line, recorded_line),
            ("`summary()` of 8 values", summary, recorded_summary),
        ):
            more = f"{duration(recorded - alone)}, {recorded / alone:.2f} x"
            rows.append([label + name, duration(alone), duration(recorded), more, str(rounds)])
    return rows
