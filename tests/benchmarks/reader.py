"""What reading costs: experiments to a frame, a second look, and a slow file system, each beside its floor.

    uv run tests/benchmarks/reader.py            # 10,000 experiments
    uv run tests/benchmarks/reader.py 100000     # with the tenfold number too; needs 6 GB of disk for a while

Everything is measured in one run, interleaved, in fresh processes, and given as medians with the ratio to
what it stands beside; the slow file system is measured once.
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

sys.path.insert(0, str(Path(__file__).parents[1]))
import latency

COUNT = 10_000
ROUNDS = 5

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
statuses = [os.path.join(directory, name, "STATUS") for name in os.listdir(directory)]
stats, refreshes = [], []
for turn in range(rounds):
    start = time.perf_counter()
    for path in statuses:
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


def main() -> None:
    counts = [COUNT, *map(int, sys.argv[1:])]
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    pandas = run(["-c", "import pandas; print(pandas.__version__)"])[1].strip()
    print(f"Python {platform.python_version()}, pandas {pandas}, {system}")
    per_experiment = 0.0
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(folder, "experiments")
            make_experiments(directory, count)
            medians = frames(directory, count)
            if per_experiment:
                ratio = medians["to a frame"] / count / per_experiment
                print(f"  {ratio:.2f} x the time for each experiment of {counts[0]:,}")
            per_experiment = per_experiment or medians["to a frame"] / count
            if count == COUNT:
                refresh(directory, count)
                slow(directory)


def make_experiments(directory: Path, count: int) -> None:
    """Write experiments as the recorder does, each with 15 arguments and 8 results."""
    args = {f"argument_{number}": number / 7 for number in range(11)}
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
        summary = {f"metric_{metric}": 1 / (number + metric) for metric in range(6)}
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


def frames(directory: Path, count: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in SCRIPTS}
    peaks: dict[str, int] = {}
    for turn in range(ROUNDS + 1 if count <= COUNT else 3):
        for name, script in SCRIPTS.items():
            seconds, output = run(["-c", script + PEAK, directory])
            peaks[name] = int(output)
            if turn:  # the first round fills the caches
                times[name].append(seconds)
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    floor = medians["pandas and the floor"]
    print(f"{count:,} experiments, each in a fresh process:")
    for name, median in medians.items():
        peak = f", at most {peaks[name] / 2**20:,.0f} MiB" if peaks[name] else ""
        ratio = f" ({median / floor:.2f} x)" if name == "to a frame" else ""
        print(f"  {name}: {median:.2f} s{ratio}{peak}")
    return medians


def refresh(directory: Path, count: int) -> None:
    stats, seconds = map(float, run(["-c", REFRESH, directory, str(3 * ROUNDS)])[1].split())
    print(
        f"refresh_experiments() with one new among {count:,}: {1e3 * seconds:.0f} ms, "
        f"{seconds / stats:.2f} x one stat of each STATUS ({1e3 * stats:.0f} ms)"
    )


def slow(directory: Path) -> None:
    if latency.why_not():
        print(f"with 1 ms for each call to the file system: not measured, {latency.why_not()}")
        return
    variables = latency.slow_below(directory.parent, directory)
    floor, _ = run(["-c", SCRIPTS["pandas and the floor"], directory], variables)
    seconds, _ = run(["-c", SCRIPTS["to a frame"], directory], variables)
    print(
        f"with 1 ms for each call to the file system: pandas and the floor {floor:.0f} s, "
        f"to a frame {seconds:.0f} s: {floor / seconds:.1f} x faster"
    )


def run(command: list[str | Path], variables: dict[str, str] | None = None) -> tuple[float, str]:
    # With byte code cached, as it is for whoever runs a script twice.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= variables or {}
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *command], env=environment, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - begin, done.stdout.decode()


if __name__ == "__main__":
    main()
