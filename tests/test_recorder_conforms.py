"""Whatever happens to a recorded script, its folder holds against the specification."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SPEC = Path(__file__).parent.parent / "spec" / "1.0"

START = """
import argparse, math, os, signal, sys, threading
from meticulous import Experiment
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--name", default="naïve ☕")
Experiment.add_argument_group(parser)
experiment = Experiment.from_parser(parser)
print("training", experiment.args.lr)
print("a warning: ünïcode \\udcff", file=sys.stderr)
experiment.summary({"loss": math.nan, "best": {"loss": -math.inf}, "lone": "\\ud800", "big": 10**400})
"""

# What the script does next, and how its STATUS then begins.
ENDS = {
    "end": ("", "SUCCESS\n"),
    "exit 0": ("sys.exit(0)", "SUCCESS\n"),
    "exit None": ("sys.exit()", "SUCCESS\n"),
    "exit 3": ("sys.exit(3)", "ERROR\nexit code 3\n"),
    "exit -1": ("sys.exit(-1)", "ERROR\nexit code 255\n"),
    "exit text": ("sys.exit('signal lost')", "ERROR\nexit code 1\nsignal lost\n"),
    "exception": ("raise ValueError('exit code 3')", "ERROR\nTraceback (most recent call last):\n"),
    "exception of odd text": ("raise ValueError('\\udcff\\n\\n\\x1b[31m')", "ERROR\nTraceback"),
    "exception without text": ("class E(Exception): pass\nraise E", "ERROR\nTraceback"),
    "raise SystemExit": ("raise SystemExit", "RUNNING\n"),  # which hides the exit code, and a warning says so
    "Ctrl-C": (
        "os.kill(os.getpid(), signal.SIGINT); threading.Event().wait(9)",
        "ERROR\nsignal SIGINT\nTraceback",
    ),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM); threading.Event().wait(9)", "ERROR\nsignal SIGTERM\n"),
    "SIGHUP": ("os.kill(os.getpid(), signal.SIGHUP); threading.Event().wait(9)", "ERROR\nsignal SIGHUP\n"),
    "SIGKILL": ("os.kill(os.getpid(), signal.SIGKILL); threading.Event().wait(9)", "RUNNING\n"),
    "os._exit": ("os._exit(3)", "RUNNING\n"),
    "handler that exits": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); os.kill(os.getpid(), signal.SIGTERM)",
        "ERROR\nexit code 7\n",
    ),
    "with": ("with experiment: raise KeyError('x')", "ERROR\nTraceback"),
    "with and SystemExit": ("with experiment: raise SystemExit(4)", "ERROR\nexit code 4\n"),
    "finish": ("experiment.finish(); sys.exit(5)", "SUCCESS\n"),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("SLURM_", "PMI_", "OMPI_", "PYTHON"))]:
        monkeypatch.delenv(name)
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(START, "utf-8")
    commit(folder, "init", "-q")
    commit(folder, "remote", "add", "origin", "https://ada:secret@example.org/ada/digits.git")
    return folder


def commit(folder, *command):
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (
        command,
        ("add", "."),
        (*user, "commit", "-q", "--allow-empty", "-m", "Train\n\nMore\n\n"),
    ):
        if arguments:
            subprocess.run(["git", *arguments], cwd=folder, check=True)


def record(folder, *arguments, code="", python=()):
    (folder / "train.py").write_text(START + code, "utf-8")
    commit(folder)
    return subprocess.run(
        [sys.executable, *python, "train.py", *arguments], cwd=folder, capture_output=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="these signals are POSIX's")
@pytest.mark.parametrize("end", ENDS)
def test_however_it_ends(project, problems, end):
    code, status = ENDS[end]
    record(project, code=code)
    folder = project / "experiments" / "1"
    assert problems(folder) == []
    assert (folder / "STATUS").read_text("utf-8", "surrogateescape").startswith(status)


@pytest.mark.parametrize("capture", ["sys", "fd", "none"])
def test_however_output_is_captured(project, problems, capture):
    (project / "other.py").write_text(
        f"from meticulous import Experiment\nwith Experiment({{}}, capture={capture!r}): print('x')\n"
    )
    commit(project)
    subprocess.run([sys.executable, "other.py"], cwd=project, check=True)
    assert problems(project / "experiments" / "1") == []


@pytest.mark.skipif(sys.platform == "win32", reason="these signals are POSIX's")
@pytest.mark.parametrize("end", ["end", "exit 3", "exception", "SIGTERM", "SIGKILL"])
def test_resumed_after_any_end(project, problems, end):
    code, status = ENDS[end]
    record(project, "--lr", "1", code=code)
    for _ in range(2):
        command = [sys.executable, "train.py", "--lr", "1", "--resume"]
        subprocess.run(command, cwd=project, capture_output=True, check=False)
    folder = project / "experiments" / "1"
    assert problems(folder) == []
    sessions = json.loads((folder / "metadata.json").read_text("utf-8"))["earlier-sessions"]
    assert [session["status"].startswith(status.rstrip()) for session in sessions] == [True, True]
    assert (folder / "stdout").read_text() == "training 1.0\n" * 3


def test_with_uncommitted_changes(project, problems):
    record(project)
    (project / "train.py").write_text(START + "import helper\n", "utf-8")
    (project / "helper.py").write_text("pass")
    subprocess.run([sys.executable, "train.py", "--allow-dirty"], cwd=project, check=True)
    assert (project / "experiments" / "2" / "git.diff").exists()
    assert problems(project / "experiments" / "2") == []


def test_on_a_detached_head_and_in_a_job(project, problems, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "")
    commit(project)
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=project, check=True)
    subprocess.run([sys.executable, "train.py"], cwd=project, check=True)
    assert problems(project / "experiments" / "1") == []


@pytest.mark.requirement("GIT-4")
@pytest.mark.parametrize("change", ["content", "commit", "both", "nothing"])
def test_a_submodule_is_as_it_ran(project, problems, tmp_path, change):
    def git(folder, *arguments):
        user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"]
        done = subprocess.run(
            ["git", *user, *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout.strip()

    library = tmp_path / "library"
    library.mkdir()
    (library / "library.py").write_text("V = 1\n")
    git(library, "init", "-q", "-b", "main")
    git(library, "add", ".")
    git(library, "commit", "-q", "-m", "one")
    git(project, "submodule", "add", "-q", str(library), "vendor")
    (project / "train.py").write_text(START + "import vendor.library\n")
    commit(project)
    if change in ("commit", "both"):
        (project / "vendor" / "library.py").write_text("V = 2\n")
        git(project / "vendor", "commit", "-q", "-a", "-m", "two")
    if change in ("content", "both"):
        (project / "vendor" / "library.py").write_text("V = 3\n")
    subprocess.run([sys.executable, "train.py", "--allow-dirty"], cwd=project, check=True, timeout=60)
    folder = project / "experiments" / "1"
    assert problems(folder) == []
    metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
    recorded = {each["directory"]: each["githead-sha"] for each in metadata.get("git-repositories", [])}
    assert recorded == (
        {} if change == "nothing" else {"vendor": git(project / "vendor", "rev-parse", "HEAD")}
    )
    # What GIT-2 promises: a clean checkout of the commits, and the patch, make what ran.
    git(tmp_path, "clone", "-q", "--recursive", str(project), "again")
    again = tmp_path / "again"
    for directory, sha in recorded.items():
        git(again / directory, "fetch", "-q", str(project / directory), "HEAD")
        git(again / directory, "checkout", "-q", sha)
    if (folder / "git.diff").exists():
        git(again, "apply", str(folder / "git.diff"))
    for name in ("train.py", "vendor/library.py"):
        assert (again / name).read_text() == (project / name).read_text()


@pytest.mark.requirement("ID-8", "META-13")
def test_all_that_is_known_is_recorded_and_nobody_has_the_same_uuid(project, problems):
    for _ in range(2):
        record(project)
    subprocess.run(
        [sys.executable, "train.py", "--experiment-id", "2"], cwd=project, capture_output=True, timeout=60
    )
    found = [json.loads((project / "experiments" / each / "metadata.json").read_bytes()) for each in "12"]
    assert found[0]["uuid"] != found[1]["uuid"]
    assert len(found[1]["earlier-sessions"]) == 1
    not_here = {"description", "githead-claimed", "git-repositories", "earlier-sessions"}
    schema = json.loads((SPEC / "schemas" / "metadata.schema.json").read_bytes())
    expected = {
        key for key in schema["properties"] if not key.startswith(("slurm-", "pbs-", "lsf-"))
    } - not_here
    if sys.platform != "linux":
        expected -= {"process-start"}
    assert expected <= set(found[0])
    assert problems(project / "experiments" / "2") == []


@pytest.mark.requirement("PRIV-1", "PRIV-2")
def test_neither_the_environment_nor_the_user_is_recorded(project, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "a-secret-of-the-environment")
    monkeypatch.setenv("LOGNAME", "ada-lovelace")
    monkeypatch.setenv("USER", "ada-lovelace")
    record(project)
    for path in (project / "experiments" / "1").iterdir():
        for word in (b"a-secret-of-the-environment", b"ada-lovelace", b"ada@example.org"):
            assert word not in path.read_bytes(), path.name


def test_each_variable_of_a_scheduler_has_its_key(project, problems, monkeypatch):
    text = (SPEC / "format.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([\w-]+)` \| string .* \| `\$([A-Z_]+)`", text, re.MULTILINE))
    assert len(rows) == 8
    for number, variable in enumerate(rows.values(), 1):
        monkeypatch.setenv(variable, f"{number}.x")
    record(project)
    monkeypatch.setenv("LSB_JOBINDEX", "0")
    record(project, code="# again")
    found = [json.loads((project / "experiments" / each / "metadata.json").read_bytes()) for each in "12"]
    assert {key: found[0].get(key) for key in rows} == {
        key: f"{number}.x" for number, key in enumerate(rows, 1)
    }
    assert "lsf-job-index" not in found[1]
    assert problems(project / "experiments" / "1") == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_killed_at_any_moment_every_json_file_is_whole(project):
    """A small drill; a folder whose start was cut short lacks files, but none is half there."""
    loop = "for i in range(10**6): experiment.summary({'i': i, 'text': 'x' * 5000})"
    (project / "train.py").write_text(
        START.replace("print(", "print('ready', flush=True); print(") + loop, "utf-8"
    )
    commit(project)
    experiments = project / "experiments"
    for number in range(1, 9):
        process = subprocess.Popen(
            [sys.executable, "train.py"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if number % 2:
            process.stdout.readline()
        else:  # in its start, as soon as there is a folder
            while not (experiments / str(number)).exists():
                pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for file in experiments.glob("*/[!.]*.json"):
        assert isinstance(json.loads(file.read_bytes()), dict)
    for file in experiments.glob("*/STATUS"):
        assert file.read_text() == "RUNNING\n"
    assert len(list(experiments.glob("*/STATUS"))) >= 4
