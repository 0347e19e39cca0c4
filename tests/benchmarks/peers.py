"""What recording and reading cost, beside the floor and beside other recorders.

    uv run tests/benchmarks/peers.py                       # everything, into RESULTS.md and the README
    uv run tests/benchmarks/peers.py aim trackio           # these beside ours; only prints
    uv run tests/benchmarks/peers.py --environments DIR    # keeps what is installed for the next time

Each recorder gets an environment of its own from the public index; what does not install or run is skipped
with a word. They take turns, each time in a fresh process, and what is given are medians.
peers/recorders/__init__.py says how one is added, peers/measure.py what each is made to do.
"""

import argparse
import dataclasses
import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import figures
import peers_tables

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE / "peers"), str(HERE.parent)]  # where the package `recorders` is, and `latency`
import latency  # noqa: E402

OURS = ("bare", "floor", "meticulous", "meticulous_fd")
PEERS = ("sacred", "mlflow_files", "mlflow_sqlite", "wandb", "aim", "dvclive", "trackio", "guild")


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured; nothing that takes more than `patience` seconds."""

    files: int = 20_000
    rounds: int = 7
    lines: int = 5000
    writes: int = 200
    counts: tuple[int, ...] = (100, 1000, 10_000)
    slow: int = 1000  # of these the reading is measured with 1 ms a call, too
    patience: float = 300
    pause: float = 2


class Recorder:
    """One recorder, its environment and repositories, and what was measured or why it was not."""

    def __init__(self, name: str, folder: Path, python: Path) -> None:
        self.name = name
        self.settings = importlib.import_module(f"recorders.{name}")
        self.label: str = self.settings.LABEL
        self.folder = folder / name
        self.python = python
        self.version = ""
        self.words: dict[str, str] = {}
        self.measured: dict[str, list[float]] = {}
        self.files = self.bytes = 0.0  # of one run
        self.kept: dict[str, bool] = {}  # after SIGKILL
        self._runs, self._pace = 0, 0.0

    def setting(self, name: str, default: object = None) -> object:
        return getattr(self.settings, name, default)

    def median(self, key: str) -> float | None:
        return statistics.median(self.measured[key]) if key in self.measured else None

    def attempt(self, key: str, what: Callable[[], None]) -> None:
        """Do it, unless it has failed before; of a peer that fails the tables say why."""
        if {key, "install", "prepare"} & self.words.keys():
            return
        try:
            what()
        except RuntimeError as error:
            if self.name in OURS:
                raise
            self.words[key] = str(error)
            print(f"{self.label}, {key}: {error}", file=sys.stderr)

    def install(self) -> None:
        """Make its environment, unless it is there; ours always, since the packages may have changed."""
        environment = self.python.parents[1]
        uv = os.environ.get("UV", "uv")  # `uv run` says which it is
        ours = self.name.startswith("meticulous")
        if ours or not environment.exists():
            packages = self.setting("PACKAGES", [])
            if ours:
                packages = [ROOT / "packages" / f"meticulous-{part}" for part in ("record", "read", "cli")]
            self._run(ROOT, uv, "venv", "-q", "--clear", "--python", sys.executable, environment)
            if packages:
                # uv would build ours from its cache as long as their pyproject.toml stays the same.
                self._run(ROOT, uv, "pip", "install", "-q", "--refresh", "--python", self.python, *packages)

    def prepare(self, files: int) -> None:
        """Make its repositories: a small one, a large one, and one in which many runs are recorded."""
        self.folder.mkdir(parents=True)
        distribution = self.setting("DISTRIBUTION") or next(iter(self.setting("PACKAGES", [])), None)
        if distribution:
            ask = "import importlib.metadata as m, sys; open(sys.argv[1], 'w').write(m.version(sys.argv[2]))"
            self._run(self.folder, "python", "-c", ask, "version", distribution)
            self.version = (self.folder / "version").read_text()
        for name in ("small", "large", "store"):
            folder = self.folder / name
            shutil.copytree(HERE / "peers", folder, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / ".gitignore").write_text("__pycache__/\n")
            for number in range(files if name == "large" else 0):
                path = folder / f"data/{number // 100}/{number}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(number))
            self._run(folder, "git", "init", "-q")
            self._run(folder, "git", "config", "user.name", "benchmark")
            self._run(folder, "git", "config", "user.email", "benchmark@example.com")
            self._measure(folder, "prepare")
            self._run(folder, "git", "add", ".")
            self._run(folder, "git", "commit", "-q", "-m", "benchmark")

    def start(self, turn: int) -> None:
        """Time train.py from start to finish in both repositories."""
        for name in ("small", "large"):
            seconds = self._run(self.folder / name, *self.setting("START", ["python", "train.py"]))
            self._add(turn, f"start {name}", seconds)

    def costs(self, turn: int, lines: int, writes: int) -> None:
        """Time lines of output and what stands for a summary, within a run and at its end."""
        for key, value in self._measure(self.folder / "small", "costs", lines, writes).items():
            self._add(turn, key, value)

    def kill(self, pause: float) -> None:
        """Find out whether a line and a write are in some file so many seconds after SIGKILL."""
        folder = self.folder / "small"
        try:
            self._measure(folder, "kill")
        except RuntimeError:
            pass  # it was killed
        time.sleep(pause)  # another process of theirs may still be at work
        words: dict[str, str] = json.loads((self.folder / "result.json").read_text())
        files = [path for path in folder.rglob("*") if path.is_file()]
        contents = [path.name.encode() + path.read_bytes() for path in files]
        found = {key: any(word.encode() in content for content in contents) for key, word in words.items()}
        # Where the word of a run that ended well cannot be seen either, its absence says nothing.
        self.kept = {key: found[key] for key in ("line", "write") if found[key] or found[f"good {key}"]}

    def fill(self, count: int, size: Size) -> None:
        """Bring the store to this many runs, if that will not take too long."""
        store = self.folder / "store"
        if self.name in ("bare", "meticulous_fd") or (self._runs and not self.setting("read")):
            return
        expected = (self.median(f"read {self._runs}") or 0) * count / max(self._runs, 1)
        if expected > size.patience / 8:  # and that several times
            raise RuntimeError(f"not read: by {self._runs:,} runs, it would take {expected / 60:.1f} min")
        expected = self._pace * (count - self._runs)
        if expected > size.patience:
            raise RuntimeError(
                f"not filled: at {self._pace:.2g} s a run it would take {expected / 60:.0f} min"
            )
        before = _usage(store)
        more = count - self._runs
        self._pace = self._measure(store, "fill", more, timeout=size.patience)["seconds"] / more
        if not self._runs and self.name != "floor":
            self.files, self.bytes = ((after - old) / count for old, after in zip(before, _usage(store)))
        self._runs = count

    def read(self, turn: int, count: int, size: Size) -> None:
        """Time all runs into a frame, and the command that lists them."""
        store = self.folder / "store"
        listing = self.setting("LISTING")
        if listing:
            self._add(turn, f"list {count}", self._run(store, *listing, timeout=size.patience / 3))
        if self.setting("read"):
            begin = time.perf_counter()
            found = self._measure(store, "read", timeout=size.patience / 3)
            self._add(turn, f"read {count}", time.perf_counter() - begin)
            if found["count"] != count:
                raise RuntimeError(f"{found['count']:,} of {count:,} runs were read")
            if found["peak"]:
                self._add(turn, f"peak {count}", found["peak"])

    def read_slowly(self, turn: int, count: int, size: Size) -> None:
        """Time all runs into a frame where each call to the file system below the store takes 1 ms."""
        store = self.folder / "store"
        if not self.setting("read"):
            return
        # What is imported comes from next door: Python looks at the folder of the script for each module.
        command = ["python", self.folder / "small" / "measure.py", self.folder / "result.json", "read"]
        variables = latency.slow_below(self.folder, store)
        seconds = self._run(store, *command, timeout=size.patience / 3, variables=variables)
        if self._result()["count"] != count:
            raise RuntimeError(f"{self._result()['count']:,} of {count:,} runs were read")
        self._add(turn, f"slow {count}", seconds)

    def _add(self, turn: int, key: str, value: float | None) -> None:
        if turn and value is not None:  # the first turn fills the caches
            self.measured.setdefault(key, []).append(value)

    def _measure(self, folder: Path, *verb: str | int, timeout: float | None = None) -> dict[str, float]:
        self._run(folder, "python", "measure.py", self.folder / "result.json", *verb, timeout=timeout)
        return self._result()

    def _result(self) -> dict[str, float]:
        return json.loads((self.folder / "result.json").read_text())

    def _run(
        self,
        folder: Path,
        *command: str | int | Path,
        timeout: float | None = None,
        variables: dict[str, str] | None = None,
    ) -> float:
        """Run a command, and return the seconds it took from start to finish."""
        # With byte code cached and output buffered, as it is for whoever runs a script twice.
        unwanted = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in unwanted}
        environment |= {"RECORDER": self.name, "DO_NOT_TRACK": "1", **(variables or {})}
        environment["PATH"] = f"{self.python.parent}{os.pathsep}{environment['PATH']}"
        for key, value in self.setting("ENVIRONMENT", {}).items():
            environment[key] = value.replace("{repository}", str(folder))
        begin = time.perf_counter()
        try:
            done = subprocess.run(
                list(map(str, command)),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not done within {timeout:.0f} s") from None
        except OSError as error:
            raise RuntimeError(f"`{command[0]}` does not start: {error.strerror}") from None
        seconds = time.perf_counter() - begin
        if done.returncode:
            said = done.stderr.decode(errors="replace").split("\n")
            last = next((line.strip() for line in reversed(said) if line.strip()), "and said nothing")
            raise RuntimeError(f"`{Path(command[0]).name}` ended with {done.returncode}: {last[:160]}")
        return seconds


def _usage(folder: Path) -> tuple[int, int]:
    """The number of files below a folder and their bytes, byte code aside."""
    sizes = [
        path.lstat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return len(sizes), sum(sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("peers", nargs="*", metavar="PEER", help=", ".join(PEERS))
    parser.add_argument("--environments", type=Path, help="where to keep what is installed")
    options = parser.parse_args()
    if not set(options.peers) <= set(PEERS):
        parser.error(f"the peers are {', '.join(PEERS)}")
    size = Size()
    about = figures.About()
    with tempfile.TemporaryDirectory() as folder:
        environments = (options.environments or Path(folder, "environments")).absolute()
        recorders = [
            Recorder(name, Path(folder), environments / name / "bin" / "python")
            for name in (*OURS, *(options.peers or PEERS))
        ]
        for recorder in recorders:
            recorder.attempt("install", recorder.install)
        measure(recorders, size)
        tables = peers_tables.Tables(recorders, size)
        results = [about.line(), tables.whole()]
        print(*results, sep="\n\n", flush=True)  # before a million files are deleted
    if options.peers:
        return
    figures.replace(ROOT / "README.md", "peers.py", f"{results[0]}\n\n{tables.short()}")
    figures.replace(HERE / "RESULTS.md", "peers.py", "\n\n".join(results))


def measure(recorders: list[Recorder], size: Size) -> None:
    """Measure all of them in turns, and leave in each what was found."""

    def turns(rounds: int, key: str, what: Callable[[Recorder, int], None], first: int = 0) -> None:
        for turn in range(first, first + rounds):
            for recorder in recorders:
                recorder.attempt(key, lambda: what(recorder, turn))  # noqa: B023 - called at once

    turns(1, "prepare", lambda recorder, _: recorder.prepare(size.files))
    turns(1 + size.rounds, "start", lambda recorder, turn: recorder.start(turn))
    few = 1 + size.rounds // 2
    turns(1 + few, "costs", lambda recorder, turn: recorder.costs(turn, size.lines, size.writes))
    turns(1, "kill", lambda recorder, _: recorder.kill(size.pause))
    for count in size.counts:
        for recorder in reversed(recorders):  # the floor copies ours, and so comes after it
            recorder.attempt(str(count), lambda: recorder.fill(count, size))  # noqa: B023
        # Of many runs the first turn counts, too: they have just been written, and code is cached by then.
        rounds, first = (3, 1) if count > 10_000 else (1 + (few if count <= 1000 else 3), 0)
        turns(rounds, str(count), lambda recorder, turn: recorder.read(turn, count, size), first)  # noqa: B023
        slowly = f"{count:,} at 1 ms a call"
        if count == size.slow and latency.why_not():
            for recorder in recorders:
                recorder.words[slowly] = latency.why_not()
        elif count == size.slow:
            turns(3, slowly, lambda recorder, turn: recorder.read_slowly(turn, count, size), 1)  # noqa: B023


if __name__ == "__main__":
    main()
