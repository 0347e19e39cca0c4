"""A repository in which a recorder's adapter plays scenarios, and what it leaves there."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folder as at_rest
from report import Report, keys
from watch import Watch

__all__ = ["EXPERIMENTS", "RECORDED", "Hang", "Play", "Stage", "changed", "contents_of"]

SECONDS = 60  # in which whatever is waited for has to happen
EXPERIMENTS = "experiments"
RECORDED = frozenset(["metadata.json", "args.json", "default_args.json", "summary.json", "STATUS"])
RECORDED |= frozenset(["requirements.txt", "git.diff", "stdout", "stderr"])
# Breaches after which nothing else can be said of a file.
UNREADABLE = {"DIR-5", "JSON-1", "JSON-2", "JSON-3", "JSON-4", "STATUS-1"}
# What a recorder finds of schedulers, launchers and git is set by scenarios alone.
INHERITED = ("SLURM_", "PBS_", "LSB_", "OMPI_", "PMI_", "PMIX_", "GIT_", "RANK", "WORLD_SIZE", "LOCAL_RANK")


class Hang(Exception):
    """The adapter neither went on nor ended, and was killed."""


class Play:
    """One run of the adapter with one scenario."""

    def __init__(self, command: list[str], folder: Path, scenario: Path, **how: Any) -> None:
        self.shown = b""
        self.process = subprocess.Popen(
            [*command, str(scenario)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **how,
        )
        self.errors = b""

    def ready(self, word: bytes = b"ready\n") -> bool:
        """Wait until the program says that it waits, or another word; False if it ended instead.

        Raises:
            Hang: it does neither.
        """
        assert self.process.stdout is not None
        deadline = time.monotonic() + SECONDS
        seen = len(self.shown)
        while word not in self.shown[seen:].replace(b"\r\n", b"\n"):
            if select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
                data = os.read(self.process.stdout.fileno(), 2**16)
                self.shown += data
                if not data:
                    return False
            else:
                self.kill()
                raise Hang(f"it neither printed {word.decode().strip()!r} nor ended within {SECONDS} seconds")
        return True

    def go(self) -> None:
        """Let it go on, if it is still there."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(b"go\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def end(self, number: int | None = None) -> Play:
        """Wait for its end, after a signal where one is given; SIGKILL is for all its processes, too.

        Raises:
            Hang: it does not come.
        """
        if self.process.stdout is None or self.process.stdout.closed:
            return self  # it has ended already
        held = None
        if number is not None:
            # A program that waits for a line must not find the end of its input before the signal.
            held, self.process.stdin = self.process.stdin, None
            if number == signal.SIGKILL:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        try:
            shown, self.errors = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Hang(f"it did not end, or a process of it did not, within {SECONDS} seconds") from None
        if held is not None:
            held.close()
        self.shown += shown
        return self

    def kill(self) -> None:
        """End it with all of its processes, as far as that goes, and keep what it said."""
        if self.process.returncode is None:  # else its number may be another's by now
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):  # which of them it is depends on the system
                pass
        try:
            self.errors = self.process.communicate(timeout=1)[1] or b""
        except subprocess.TimeoutExpired as error:  # somebody outside of its session has the pipes still
            self.errors = error.stderr or b""
        except ValueError:  # they are closed, since it has ended
            pass
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    @property
    def code(self) -> int:
        """The exit code, or minus a signal."""
        return self.process.returncode


class Stage:
    """A new repository with one commit and a remote, and the adapter's files.

    Attributes:
        repository: its folder, in which the adapter runs.
        experiments: the experiments directory; not there at first.
        left_out: the optional parts that the recorder does not have.
        copies: the names of the adapter's files, in the repository.
        broken: by file or place, the requirement that was first seen broken there.
    """

    def __init__(
        self, folder: Path, command: list[str], copies: list[Path], report: Report, left_out: list[str]
    ) -> None:
        self.folder, self.command, self.report, self.left_out = folder, command, report, left_out
        self.repository = folder / "repository"
        self.experiments = self.repository / EXPERIMENTS
        self.copies = [path.name for path in copies]
        self.plays: list[Play] = []
        self.broken: dict[str, str] = {}
        self.repository.mkdir()
        for path in copies:
            shutil.copy(path, self.repository)
        (self.repository / "data.txt").write_bytes(b"one\ntwo\n")
        (self.repository / "data.bin").write_bytes(bytes(range(256)))
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(INHERITED)
        }
        self.environment.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", "https://git.example.org/ada/digits.git")
        (self.repository / ".git" / "info" / "exclude").write_text(f"{EXPERIMENTS}/\n")
        self.commit("Train\n\nThe body, ünïcode ☕.")

    def git(self, *arguments: str, cwd: Path | None = None, ok: bool = True) -> str:
        """Run git in the repository; return what it prints, without white space at its ends.

        It has to succeed where that is `ok`.
        """
        user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        done = subprocess.run(
            ["git", *user, *arguments],
            cwd=cwd or self.repository,
            env=self.environment,
            check=ok,
            capture_output=True,
        )
        return done.stdout.decode().strip()

    def commit(self, message: str) -> None:
        """Commit all that is there."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def start(
        self,
        *steps: dict[str, Any],
        environment: dict[str, str] | None = None,
        before: Callable[[], None] | None = None,
        **scenario: Any,
    ) -> Play:
        """Start the adapter with a scenario: README.md tells its keys."""
        whole = {
            "experiments-directory": EXPERIMENTS,
            "args": {"lr": 0.5},
            "defaults": {"lr": 0.1},
            "id": None,
            "description": "",
            "resume": False,
            "handlers": [],
            "allow-dirty": False,
        }
        whole.update({key.replace("_", "-"): value for key, value in scenario.items()})
        whole["steps"] = list(steps)
        path = self.folder / f"scenario-{time.monotonic_ns()}.json"
        path.write_text(json.dumps(whole, indent=4) + "\n", "utf-8")

        def prepare() -> None:
            # In the background of a script, and under nohup, we were told to ignore these.
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            if before is not None:
                before()

        environment = {**self.environment, **(environment or {})}
        self.plays.append(Play(self.command, self.repository, path, env=environment, preexec_fn=prepare))
        return self.plays[-1]

    def close(self) -> str:
        """End what still runs; return what the last play said on its standard error."""
        for play in self.plays:
            play.kill()
        return self.plays[-1].errors.decode(errors="replace").strip()[-300:] if self.plays else ""

    def run(self, *steps: dict[str, Any], **scenario: Any) -> Play:
        """Play a scenario from its start to its end."""
        return self.start(*steps, **scenario).end()

    def names(self) -> list[str]:
        """The experiments that are there: names without a dot in front, numbers first."""
        found = os.listdir(self.experiments) if self.experiments.is_dir() else []
        return sorted((name for name in found if name[0] != "."), key=lambda name: (len(name), name))

    def metadata(self, name: str = "1") -> dict[str, Any]:
        """What metadata.json holds; {} if it can't be read, which is told elsewhere."""
        return self.json("metadata.json", name)

    def json(self, file: str, name: str = "1") -> dict[str, Any]:
        """What a JSON file holds; {} if it can't be read."""
        try:
            value = json.loads((self.experiments / name / file).read_bytes())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    def bytes(self, file: str, name: str = "1") -> bytes | None:
        """What a file holds; None if it is not there."""
        try:
            return (self.experiments / name / file).read_bytes()
        except OSError:
            return None

    def status(self, name: str = "1") -> str | None:
        """STATUS as text."""
        data = self.bytes("STATUS", name)
        return None if data is None else data.decode(errors="replace")

    def set(self, name: str = "1", drop: tuple[str, ...] = (), **keys: Any) -> None:
        """Change keys of metadata.json, as time or another program would have."""
        value = {key: item for key, item in self.metadata(name).items() if key not in drop}
        value.update({key.replace("_", "-"): item for key, item in keys.items()})
        text = json.dumps(value, indent=4, ensure_ascii=False) + "\n"
        (self.experiments / name / "metadata.json").write_text(text, "utf-8")

    def check(
        self,
        requirement: str,
        where: str,
        expected: Any,
        found: Any,
        ok: bool | None = None,
        root: bool = False,
    ) -> None:
        """`Report.check`, but for what only follows from another breach.

        That is one that was told of the same file already, or, unless this check is the `root` of it, that
        the file can't be read.
        """
        if found == expected if ok is None else ok:
            self.report.held.add(requirement)
            return
        place = place_of(where)
        for finding in self.findings() if place in RECORDED and not root else []:
            if finding.file == place and finding.requirement in UNREADABLE:
                requirement, expected, found = finding.requirement, "what the format says", finding.message
                break
        if self.broken.setdefault(place, requirement) == requirement:
            self.report.tell([requirement], where, expected, found)

    def findings(self, names: list[str] | None = None) -> list[at_rest.Finding]:
        """What `folder.py` finds in experiments, all or those of these names."""
        found = []
        for name in self.names() if names is None else names:
            found += at_rest.judge(self.experiments / name).findings
        return found

    def judge(self, where: str) -> None:
        """Hold every folder that is there against the format."""
        for name in self.names():
            reserved = [file for file in os.listdir(self.experiments / name) if is_reserved(file)]
            self.check("DIR-9", f"{where}: {name}: files with reserved names", [], reserved)
            for finding in self.findings([name]):
                place = f"{where}: {name}: {finding.file}"
                both = {"git.diff", "metadata.json"} if finding.requirement == "META-8" else {finding.file}
                if not any(
                    self.broken.get(file, finding.requirement) != finding.requirement for file in both
                ):
                    self.check(finding.requirement, place, "what the format says", finding.message, ok=False)

    def watch_a_start(self, play: Play, known: list[str] | None = None) -> tuple[list[str], Watch | None]:
        """Wait for the folder of an experiment beside the known ones; what it holds, and a watch on it."""
        known = known or []
        deadline = time.monotonic() + SECONDS
        while self.names() == known and play.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0002)  # a watch on a directory that is not there yet can't be had
        for name in set(self.names()).difference(known):
            watch = Watch(self.experiments / name)
            return os.listdir(self.experiments / name), watch
        return [], None


def place_of(where: str) -> str:
    """The file that a check is about: "success: hostname" is about metadata.json. Else all of the words."""
    for part in reversed(where.split(": ")):
        word = part.partition(" ")[0].rstrip(",")
        if word in RECORDED or word in keys():
            return word if word in RECORDED else "metadata.json"
    return where


def is_reserved(file: str) -> bool:
    """Whether a later version may name a file so, and this one does not (DIR-9)."""
    return file not in RECORDED and file.lower().startswith(("git.", "recorded-"))


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """The names of files that came, went or have another content."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def contents_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
