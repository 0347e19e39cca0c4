"""What recording costs: a start, and a line of output, each beside the same without a recorder.

    uv run tests/benchmarks/recorder.py

Everything is measured in one run, interleaved, and given as medians with the ratio to what it stands beside.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 25
LINES = 20_000
FILES = 20_000

PARSER = """
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
"""
BARE = PARSER + "args = parser.parse_args()\nprint(args.lr)\n"
# The floor: importing GitPython, and the three questions that the recorder asks of git.
FLOOR = (
    PARSER
    + """
args = parser.parse_args()
import git
repository = git.Repo(".", search_parent_directories=True)
repository.git.update_environment(GIT_OPTIONAL_LOCKS="0")
repository.git.log("-1", "--no-show-signature", "--decorate=full", "--format=%H%x00%D%x00%B")
repository.git.ls_files("--others", "--exclude-standard", "-z", "--full-name", "--", "floor.py")
repository.git.status("--porcelain", "-z", "--untracked-files=no")
print(args.lr)
"""
)
RECORDED = (
    PARSER
    + """
from meticulous import Experiment
print(Experiment.from_parser(parser).args.lr)
"""
)
IMPORT = """
import argparse, json, time
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""
LINE = """
import statistics, sys, time
from meticulous import Experiment
LINES = int(sys.argv[1])
line = "epoch 12: loss 0.1234, accuracy 0.9876, 1.23 s, and some more to make it a usual length"
def once():
    start = time.perf_counter()
    for _ in range(LINES):
        print(line)
    return (time.perf_counter() - start) / LINES
bare, recorded = [], []
for _ in range(int(sys.argv[2])):
    bare.append(once())
    with Experiment({}):
        recorded.append(once())
print(statistics.median(bare), statistics.median(recorded), file=sys.stderr)
"""


def main() -> None:
    # With byte code cached, as it is for whoever runs a script twice.
    environment = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED")
    }
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, {system}")
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small"), Path(folder, "large")
        for repository, files in ((small, 0), (large, FILES)):
            make_repository(repository, files)
            start(repository, environment)
        imports(small, environment)
        lines(small, environment)


def make_repository(folder: Path, files: int) -> None:
    folder.mkdir()
    for name, text in (("bare.py", BARE), ("floor.py", FLOOR), ("recorded.py", RECORDED), ("line.py", LINE)):
        (folder / name).write_text(text)
    for number in range(files):
        path = folder / f"data/{number // 100}/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    user = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "benchmark"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


def start(repository: Path, environment: dict[str, str]) -> None:
    times: dict[str, list[float]] = {"bare": [], "floor": [], "recorded": []}
    for turn in range(ROUNDS + 1):
        for name, measured in times.items():
            seconds, _ = run(repository, environment, [f"{name}.py"])
            if turn:  # the first round fills the caches
                measured.append(seconds)
    bare, floor, recorded = (statistics.median(times[name]) for name in ("bare", "floor", "recorded"))
    print(
        f"start to finish, {repository.name} repository: bare {1e3 * bare:.1f} ms, "
        f"with GitPython and three git calls {1e3 * floor:.1f} ms, recorded {1e3 * recorded:.1f} ms: "
        f"{(recorded - bare) / (floor - bare):.2f} x the floor's cost over bare"
    )


def imports(repository: Path, environment: dict[str, str]) -> None:
    seconds = [
        float(run(repository, environment, ["-c", IMPORT.format("from meticulous import Experiment")])[1])
        for _ in range(ROUNDS)
    ]
    print(
        f"from meticulous import Experiment: {1e3 * statistics.median(seconds):.1f} ms over argparse and json"
    )


def lines(repository: Path, environment: dict[str, str]) -> None:
    script = [sys.executable, "line.py", str(LINES), str(ROUNDS)]
    done = subprocess.run(
        script, cwd=repository, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
    )
    bare, recorded = map(float, done.stderr.split())
    print(
        f"a printed line: bare {1e6 * bare:.2f} us, recorded {1e6 * recorded:.2f} us: "
        f"{1e6 * (recorded - bare):.2f} us more"
    )


def run(folder: Path, environment: dict[str, str], command: list[str]) -> tuple[float, str]:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - begin, done.stdout.decode()


if __name__ == "__main__":
    main()
