"""A repository to record in, and scripts that run there as a user would run them: recorded, and bare."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Where SIGINT is ignored (`pytest … &` in a script, nohup), the programs of the tests would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples everywhere, and a busy machine is no failure. The fuzzing drill looks for new ones.
settings.register_profile(
    "anywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anywhere")

# What a launcher or a scheduler sets would change what is recorded; so would this machine's git settings.
FOREIGN = (
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "NODE_RANK",
    "GROUP_RANK",
    "MASTER_ADDR",
    "OMPI_",
    "PMI",
    "PALS_",
)
FOREIGN += ("MV2_", "JSM_", "HOROVOD_", "SLURM_", "PBS_", "LSB_", "GIT_", "PYTHON")


def with_line_feeds(data: bytes) -> bytes:
    """What was printed, with the line ends of POSIX: a pipe of Windows gets CRLF from Python's text layer."""
    return data.replace(b"\r\n", b"\n") if sys.platform == "win32" else data


# In the place of the recorder: the same names, and nothing happens.
BARE = """
class Experiment:
    def __init__(self, *args, **options): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def summary(self, values, update=False): pass
    def finish(self): pass
"""


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    """No launcher, no scheduler, no git settings but the repository's own."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # The tests themselves are code that is loaded, and lie in a repository, perhaps a dirty one.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path(__file__).resolve().parents[3]))


class Repository:
    """A git repository with one commit, and the experiments recorded in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q")
        for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
            self.git("config", key, value)
        self.commit("README", "a test\n")

    def git(self, *arguments: str) -> str:
        """Run git here; its output without the last newline."""
        done = subprocess.run(["git", *arguments], cwd=self.path, stdout=subprocess.PIPE, check=True)
        return done.stdout.decode().rstrip("\n")

    def commit(self, name: str, content: str) -> Path:
        """Write a file and commit it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != content:
            path.write_text(content, "utf-8")
            self.git("add", "--", name)
            self.git("commit", "-q", "-m", f"Change {name}")
        return path

    @property
    def experiments(self) -> Path:
        """The experiments directory of its scripts."""
        return self.path / "experiments"

    def status(self, experiment_id: int | str = 1) -> str:
        """The STATUS of an experiment, without its last newline."""
        text = (self.experiments / str(experiment_id) / "STATUS").read_text("utf-8")
        assert text.endswith("\n")
        return text[:-1]

    def output(self, experiment_id: int | str = 1, stream: str = "stdout") -> bytes:
        """What an experiment recorded of a stream."""
        return with_line_feeds((self.experiments / str(experiment_id) / stream).read_bytes())


@pytest.fixture
def repository(tmp_path):
    """A git repository with one commit."""
    return Repository(tmp_path / "repository")


@pytest.fixture
def start(repository, tmp_path):
    """Start a script in the repository, committed and recorded; `bare`: its recorder does nothing."""
    running: list[subprocess.Popen[bytes]] = []
    stub = tmp_path / "bare" / "meticulous.py"
    stub.parent.mkdir()
    stub.write_text(BARE)

    def start(code: str, *arguments: str, bare: bool = False, flags: Any = (), **how: Any) -> Any:
        repository.commit("script.py", code)
        how["env"] = {**os.environ, **how.get("env", {})}
        if bare:
            how["env"]["PYTHONPATH"] = str(stub.parent)
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        command = [sys.executable, *flags, "script.py", *arguments]
        process = subprocess.Popen(command, cwd=repository.path, **{**streams, **how})
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def run(start):
    """Run a script as `start` does, to its end."""

    def run(code: str, *arguments: str, **how: Any) -> subprocess.CompletedProcess[bytes]:
        process = start(code, *arguments, **how)
        out, err = (data and with_line_feeds(data) for data in process.communicate(timeout=60))
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return run


@pytest.fixture
def project(repository):
    """The folder of the repository."""
    return repository.path


@pytest.fixture
def git(repository):
    """Runs git in the repository, and answers what it printed."""
    return repository.git
