"""File systems that are not like Linux's own: each is recorded on, and read from, as any other.

    uv run tests/drills/filesystems.py              # by FUSE: needs mfusepy, libfuse and /dev/fuse
    uv run tests/drills/filesystems.py ci           # those whose quirks have this in their name
    uv run tests/drills/filesystems.py /mnt/share   # a folder of yours, on whatever it is mounted

For each, a repository on it and one elsewhere: one run; eight at once; capture="fd"; SIGKILL, and four that
resume at once; SIGTERM; a reader that sees each of 40 summaries and an edit in place; the command; no litter.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repository import make_repository, problems

QUIRKFS = Path(__file__).parents[1] / "systems" / "quirkfs.py"
QUIRKS = (
    "ci,nfd,nodirsync",  # macOS
    "ci,mtime=2,ino,nolink,nodirsync",  # FAT; where chmod fails, too, git makes no repository
    "ino,mtime=1,ac=3",  # a network file system that caches attributes
)

TRAIN = """
import argparse, sys, time
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int, default=0)
parser.add_argument("--sleep", type=float, default=0)
parser.add_argument("--capture", default="sys")
Experiment.add_argument_group(parser)
capture = parser.parse_known_args()[0].capture
with Experiment.from_parser(parser, capture=capture) as experiment:
    print("out", experiment.args.n, flush=True)
    for step in range(3):
        experiment.summary({"step": step})
    with experiment.open("own.txt", "w") as file:
        file.write("x")
    print("ready", file=sys.stderr, flush=True)
    time.sleep(experiment.args.sleep)
    print("end")
"""

WATCH = """
import sys
from meticulous import Experiment
from meticulous_read import Experiments
experiment = Experiment({"lr": 1}, experiments_directory=sys.argv[1])
experiments, missed = Experiments(sys.argv[1]), 0
for step in range(40):
    experiment.summary({"step": step % 10})
    experiments.refresh_experiments()
    missed += experiments[experiment.experiment_id].summary != {"step": step % 10}
experiment.finish()
experiments.refresh_experiments()
ended = experiments[experiment.experiment_id].status
path = experiment.directory / "summary.json"
path.write_text(path.read_text().replace("9", "7"))
experiments.refresh_experiments()
print(missed, ended, experiments[experiment.experiment_id].summary["step"])
"""

SAFE = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    # The packages are loaded from this checkout, whose changes are not the drill's.
    "GIT_CEILING_DIRECTORIES": str(Path(__file__).resolve().parents[2]),
}


def main(*which: str) -> None:
    """Drill on folders that are given, or on FUSE file systems whose quirks have one of `which` in them."""
    folders = [name for name in which if os.path.isdir(name)]
    for name in folders:
        with tempfile.TemporaryDirectory(dir=name) as folder:
            drill(name, Path(folder))
    for quirks in QUIRKS if not folders else ():
        if not which or any(word in quirks for word in which):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    with mounted(Path(folder), quirks) as mount:
                        drill(quirks, mount)
                except NotMountedError as error:
                    print(f"{quirks}: left out, as it cannot be mounted here ({error})")


class NotMountedError(Exception):
    """There is no FUSE here."""


@contextlib.contextmanager
def mounted(folder: Path, quirks: str):
    """Mount a file system with these quirks; its folder."""
    source, mount = folder / "source", folder / "mount"
    source.mkdir()
    mount.mkdir()
    command = [sys.executable, str(QUIRKFS), str(source), str(mount), quirks]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        deadline = time.monotonic() + 10
        while not os.path.ismount(mount):
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                raise NotMountedError((server.stdout.read().strip().splitlines() or ["no answer"])[-1])
            time.sleep(0.05)
        yield mount
    finally:
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        server.kill()
        server.communicate()


def drill(name: str, folder: Path) -> None:
    """Record and read below `folder`, from a repository that lies there, and from one that lies elsewhere."""
    began = time.perf_counter()
    make_repository(folder / "project", TRAIN, watch=WATCH)
    checks = Checks(folder / "project", folder / "project" / "experiments").all()
    with tempfile.TemporaryDirectory() as elsewhere:
        make_repository(Path(elsewhere, "project"), TRAIN, watch=WATCH)
        checks += Checks(Path(elsewhere, "project"), folder / "experiments").all()
    print(f"{name}: {checks} checks in {time.perf_counter() - began:.0f} s")


class Checks:
    """What is looked at, with a `project` that records in `directory`."""

    def __init__(self, project: Path, directory: Path) -> None:
        self.project, self.directory = project, directory

    def all(self) -> int:
        """Do all; how many these were."""
        checks = (self.starts, self.resumes, self.reading, self.command, self.litter)
        for check in checks:
            check()
        return len(checks)

    def start(self, *arguments: str, script: str = "train.py") -> subprocess.Popen:
        where = (
            ("--experiments-directory", str(self.directory))
            if script == "train.py"
            else (str(self.directory),)
        )
        return subprocess.Popen(
            [sys.executable, script, *where, *arguments],
            cwd=self.project,
            env={**os.environ, **SAFE},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, process: subprocess.Popen) -> str:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"exit code {process.returncode}: {err}"
        return out

    def folders(self, n: int | None = None) -> list[Path]:
        found = sorted(
            (path for path in self.directory.iterdir() if path.name.isdigit()), key=lambda p: int(p.name)
        )
        return [path for path in found if n is None or json.loads((path / "args.json").read_text())["n"] == n]

    def starts(self) -> None:
        self.finish(self.start("--n", "1"))
        for process in [self.start("--n", "2") for _ in range(8)]:
            self.finish(process)
        self.finish(self.start("--n", "3", "--capture", "fd"))
        assert [path.name for path in self.folders()] == list(map(str, range(1, 11))), "an id is missing"
        for path in self.folders():
            n = json.loads((path / "args.json").read_text())["n"]
            assert (path / "stdout").read_text() == f"out {n}\nend\n", f"{path.name}: output is not whole"

    def resumes(self) -> None:
        killed = self.start("--n", "4", "--sleep", "60")
        killed.stderr.readline()
        killed.kill()
        killed.communicate()
        four = [self.start("--n", "4", "--sleep", "60", "--resume") for _ in range(4)]
        for process in four:
            while process.stderr.readline() not in ("ready\n", ""):
                pass  # what it says of those that it did not take up
        found = self.folders(4)
        sessions = [
            len(json.loads((path / "metadata.json").read_text()).get("earlier-sessions", ()))
            for path in found
        ]
        assert sorted(sessions) == [0, 0, 0, 1], f"of four that resume at once not one went on: {sessions}"
        for process in four:
            process.send_signal(signal.SIGTERM)
        for process in four:
            process.communicate(timeout=60)
        for path in found:
            assert (path / "STATUS").read_text().startswith("ERROR\nsignal SIGTERM"), (
                f"{path.name}: no SIGTERM"
            )

    def reading(self) -> None:
        assert self.finish(self.start(script="watch.py")).split() == ["0", "SUCCESS", "7"], (
            "a change was not seen"
        )

    def command(self) -> None:
        command = [sys.executable, "-m", "meticulous_cli", str(self.directory)]
        table = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        assert table.count("SUCCESS") == 11, table
        assert not [problem for path in self.folders() for problem in problems(path)]

    def litter(self) -> None:
        found = [path.name for path in self.directory.rglob(".*") if path.name != ".gitignore"]
        assert not found, f"litter: {found}"


if __name__ == "__main__":
    main(*sys.argv[1:])
