"""What reading costs: experiments to a frame, a second look, and a slow file system, each beside its floor.

    uv run tests/benchmarks/reader.py --small          # two minutes: fewer experiments, and fewer rounds
    uv run tests/benchmarks/reader.py                  # 10,000 experiments; 100 and 1,000 arguments
    uv run tests/benchmarks/reader.py 50000 100000     # these numbers too; needs 6 GB of disk for a while

Everything is measured in one run, interleaved, in fresh processes, and given as medians with the ratio to
what it stands beside; the slow file system is measured once. Beside the time on the clock stands that of the
processor, which a busy machine spoils less.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
import latency

COUNT = 10_000
ROUNDS = 7
# How many experiments of how many arguments.
LARGER = ((2_000, 100), (300, 1_000))

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
SCRIPTS = {
    "pandas and the floor": "import pandas\n" + FLOOR,
    "the floor": FLOOR,
    "Experiments": "import sys\nfrom meticulous_read import Experiments\nExperiments(sys.argv[1])",
    "to a frame": (
        "import sys\nfrom meticulous_read import Experiments\nExperiments(sys.argv[1]).as_dataframe()"
    ),
}
# Peak memory, by the system's own count; Windows has no such module.
PEAK = """
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak * (1 if sys.platform == "darwin" else 1024))
except ImportError:
    print(0)
"""
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
import importlib.util, pandas
print(pandas.__version__, "with" if importlib.util.find_spec("pyarrow") else "without")
"""


def main() -> None:
    small = "--small" in sys.argv
    counts = [COUNT // 5 if small else COUNT, *(int(word) for word in sys.argv[1:] if word != "--small")]
    larger = [(count // 5, keys) if small else (count, keys) for count, keys in LARGER]
    rounds = 3 if small else ROUNDS
    pandas, has_pyarrow = run(["-c", ABOUT]).output.split()
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"Python {platform.python_version()}, pandas {pandas} {has_pyarrow} pyarrow, {system}")
    if hasattr(os, "getloadavg"):
        print(f"load at the beginning: {os.getloadavg()[0]:.2f}")
    for count, keys in [(count, 15) for count in counts] + larger:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder, "experiments")
            make_experiments(directory, count, keys)
            frames(directory, count, keys, rounds if count <= COUNT else 3)
            if (count, keys) == (counts[0], 15):
                refresh(directory, count, 3 * rounds)
                slow(directory, count)


def make_experiments(directory: Path, count: int, keys: int) -> None:
    """Write experiments as the recorder does, each with 8 results."""
    args: dict[str, Any] = {f"argument_{number}": number / 7 for number in range(keys - 4)}
    args |= {"optimizer": "adam", "layers": [128, 64], "amp": True, "seed": 0}
    for number in range(1, count + 1):
        folder = directory / str(number)
        folder.mkdir(parents=True)
        day, second = divmod(number, 86400)
        start = f"2026-11-{1 + day:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        metadata = {
            "format-version": "1.0",
            "githead-sha": f"{number // 100:040x}",
            "githead-message": "Train longer, with a smaller rate",
            "description": "",
            "timestamp": f"{start}.000000+00:00",
            "start-time": f"{start}.000000+00:00",
            "command": ["train.py", "--seed", str(number)],
            "recorder": "meticulous-record 0.1.0",
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
        files = {
            "metadata": metadata,
            "args": {**args, "seed": number},
            "default_args": args,
            "summary": summary,
        }
        for name, content in files.items():
            (folder / f"{name}.json").write_text(json.dumps(content, indent=4) + "\n")
        (folder / "STATUS").write_text("SUCCESS\n")
        (folder / "stdout").write_text("epoch 1: loss 0.5\n" * 20)
        (folder / "stderr").touch()


def frames(directory: Path, count: int, keys: int, rounds: int) -> None:
    runs: dict[str, list[Run]] = {name: [] for name in SCRIPTS}
    for turn in range(rounds + 1):
        for name, script in SCRIPTS.items():
            done = run(["-c", script + PEAK, directory])
            if turn:  # the first round fills the caches
                runs[name].append(done)
    print(f"{count:,} experiments of {keys:,} arguments, each in a fresh process:")
    seconds = {name: statistics.median(done.seconds for done in all) for name, all in runs.items()}
    processor = {name: statistics.median(done.processor for done in all) for name, all in runs.items()}
    peaks = {name: max(int(done.output) for done in all) / 2**20 for name, all in runs.items()}
    for name in SCRIPTS:
        peak = f", at most {peaks[name]:,.0f} MiB" if peaks[name] else ""
        print(f"  {name}: {seconds[name]:.2f} s, {processor[name]:.2f} s of processor time{peak}")
    ratios = [figures["to a frame"] / figures["pandas and the floor"] for figures in (seconds, processor)]
    print(f"  to a frame: {ratios[0]:.2f} x the floor with pandas, {ratios[1]:.2f} x its processor time")


def refresh(directory: Path, count: int, rounds: int) -> None:
    stats, seconds = map(float, run(["-c", REFRESH, directory, str(rounds)]).output.split())
    print(
        f"refresh_experiments() with one new among {count:,}: {1e3 * seconds:.0f} ms, "
        f"{seconds / stats:.2f} x one stat of each recorded file that is read ({1e3 * stats:.0f} ms)"
    )


def slow(directory: Path, count: int) -> None:
    if latency.why_not():
        print(f"with 1 ms for each call to the file system: not measured, {latency.why_not()}")
        return
    variables = latency.slow_below(directory.parent, directory)
    seconds = run(["-c", SCRIPTS["to a frame"], directory], variables).seconds
    text = f"with 1 ms for each call to the file system: {count:,} to a frame in {seconds:.1f} s"
    if count < COUNT:
        floor = run(["-c", SCRIPTS["pandas and the floor"], directory], variables).seconds
        text += f"; pandas and the floor {floor:.0f} s: {floor / seconds:.1f} x faster"
    print(text)


class Run(NamedTuple):
    """What a process took and wrote."""

    seconds: float
    processor: float
    output: str


def run(command: list[str | Path], variables: dict[str, str] | None = None) -> Run:
    # With byte code cached, as it is for whoever runs a script twice.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= variables or {}
    begin, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, *command], env=environment, check=True, stdout=subprocess.PIPE)
    seconds, after = time.perf_counter() - begin, os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, processor, done.stdout.decode())


if __name__ == "__main__":
    main()
