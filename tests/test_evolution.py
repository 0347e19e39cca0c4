"""Dry runs of versions to come: what 1.0 promised holds for readers, the recorder and the validator of today.

Three minor versions and two major ones are made up here. What the first ones bring is what users of trackers
ask for most, and is left out of 1.0 since a minor version can add it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BASE = ROOT / "spec" / "fixtures" / "folders" / "success"
READERS = {
    "Python": [sys.executable, ROOT / "tests/adapters/read.py"],
    "JavaScript": ["node", ROOT / "examples/third-party/read.js"],
}
RECORD = """
import sys
from meticulous import Experiment
name = sys.argv[1] if len(sys.argv) > 1 else None
experiment = Experiment({"lr": 0.5}, resume=not name, experiment_id=name)
print(experiment.experiment_id)
"""
SESSION = {"start-time": "2026-11-23T15:00:00Z", "status": "RUNNING"}


def series(folder):
    """1.1: metric series in a reserved file; a key says which, another is of the session."""
    change(folder, {"format-version": "1.1", "series": {"recorded-series.jsonl": "epoch"}, "processes": 8})
    (folder / "recorded-series.jsonl").write_text('{"epoch": 1, "loss": 0.25}\n')


def parent(folder):
    """1.2: where it comes from; new keys in the objects inside, and a new first line of a note."""
    repository = {"directory": "../mylib", "githead-sha": "0" * 40, "depth": 1}
    change(
        folder,
        {
            "format-version": "1.2",
            "parent": "7e57ab1e-0000-4000-8000-000000000002",
            "earlier-sessions": [{**SESSION, "exit-code": None, "processes": 8}],
            "git-repositories": [repository],
            "process-start": "plan9:17:42",
        },
    )
    (folder / "STATUS").write_text("SUCCESS\nstopped early at epoch 3\n")


def artifacts(folder):
    """1.10: the program's files with their hashes, listed before STATUS."""
    model = b"weights"
    (folder / "model.pt").write_bytes(model)
    listed = {"model.pt": {"bytes": len(model), "sha256": hashlib.sha256(model).hexdigest()}}
    (folder / "recorded-files.json").write_text(json.dumps(listed))
    change(folder, {"format-version": "1.10", "container-image": "sha256:" + "0" * 64})


MINORS = {"series": series, "parent": parent, "artifacts": artifacts}


def without_status(folder):
    """2.0: no STATUS and no arguments beside metadata.json, which holds all that."""
    for path in folder.iterdir():
        path.unlink()
    metadata = {"format-version": "2.0", "state": ["done"], "start-time": 1, "args": {"lr": 0.5}}
    (folder / "metadata.json").write_text(json.dumps(metadata))


def of_other_meaning(folder):
    """3.1: the files of today, which mean something else."""
    change(folder, {"format-version": "3.1", "timestamp": None, "command": {"argv": []}})
    (folder / "STATUS").write_text("done: 0\n")
    (folder / "args.json").write_text("[]")


MAJORS = {"2.0": without_status, "3.1": of_other_meaning}


def change(folder, keys):
    path = folder / "metadata.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **keys}, indent=4) + "\n")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A repository whose program would resume the base's experiment, if it were of 1.0."""
    for name in [name for name in os.environ if name.startswith(("SLURM_", "GIT_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "train.py").write_text(RECORD)
    (tmp_path / ".gitignore").write_text("experiments\n")
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "Train"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, timeout=60)
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    folder = tmp_path / "experiments" / "1"
    shutil.copytree(BASE, folder)
    change(folder, {"githead-sha": done.stdout.strip()})
    return tmp_path


def read(reader, directory):
    command = READERS[reader]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([*command, directory], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)["experiments"]


def record(project, *arguments):
    command = [sys.executable, "train.py", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)


def state(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@pytest.mark.requirement("VERSION-1", "READ-3")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("minor", MINORS)
def test_readers_of_today_read_a_later_minor_version_as_their_own(project, reader, minor):
    folder = project / "experiments" / "1"
    before = read(reader, folder.parent)["1"]
    assert before["problems"] == []
    MINORS[minor](folder)
    after = read(reader, folder.parent)["1"]
    assert after.pop("format-version") != before.pop("format-version")
    known = {key: after["metadata"][key] for key in before.pop("metadata") if key != "format-version"}
    assert known.items() <= after.pop("metadata").items()
    note = "stopped early at epoch 3" if minor == "parent" else ""
    assert after == {**before, "reason": note}


@pytest.mark.requirement("VERSION-2")
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("major", MAJORS)
def test_readers_of_today_list_a_later_major_version_and_take_nothing_in_it_for_known(project, reader, major):
    directory = project / "experiments"
    shutil.copytree(directory / "1", directory / "2")
    MAJORS[major](directory / "2")
    found = read(reader, directory)
    assert (found["1"]["status"], found["1"]["problems"]) == ("SUCCESS", [])
    later = found["2"]
    assert later["problems"] == ["metadata.json"]
    assert [later[key] for key in ("status", "timestamp", "start-time", "end-time")] == [None] * 4
    assert [later[key] for key in ("args", "default_args", "summary")] == [{}] * 3


@pytest.mark.requirement("RESUME-3", "VERSION-8")
@pytest.mark.parametrize("version", [None, *MINORS, *MAJORS])
def test_the_recorder_of_today_resumes_its_own_version_and_shares_a_directory_with_others(project, version):
    folder = project / "experiments" / "1"
    if version is not None:
        {**MINORS, **MAJORS}[version](folder)
    before = state(folder)
    done = record(project)
    assert done.returncode == 0, done.stderr
    if version is None:  # the base is of 1.0, and was not recorded by us
        assert done.stdout == "1\n"
        metadata = json.loads((folder / "metadata.json").read_text("utf-8"))
        assert (metadata["format-version"], metadata["uuid"]) == (
            "1.0",
            "7e57ab1e-0000-4000-8000-000000000001",
        )
        assert len(metadata["earlier-sessions"]) == 1
        return
    assert done.stdout == "2\n"
    refused = record(project, "1")
    assert refused.returncode == 1
    assert "format 1.0" in refused.stderr
    assert state(folder) == before


@pytest.mark.requirement("DIR-9")
def test_the_recorder_of_today_gives_programs_no_name_that_a_later_version_takes(project):
    code = """
from meticulous import Experiment, ReservedFileError
with Experiment({"lr": 1}) as experiment:
    for name in ("recorded-series.jsonl", "Recorded-Files.json", "git.1.diff", "./git.x", "a/../recorded-x"):
        try:
            experiment.open(name, "w")
        except ReservedFileError:
            continue
        print(name)
    experiment.open("metrics.csv", "w").close()
    experiment.open("plots-recorded-twice.txt", "w").close()
"""
    (project / "train.py").write_text(code)
    subprocess.run(["git", "add", "."], cwd=project, check=True, timeout=60)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *user, "commit", "-q", "-m", "Names"], cwd=project, check=True, timeout=60)
    done = record(project)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("version", [*MINORS, *MAJORS])
def test_the_validator_of_today_names_a_later_version_once_and_says_no_more(project, version, folder_check):
    folder = project / "experiments" / "1"
    {**MINORS, **MAJORS}[version](folder)
    judgement = folder_check.judge(folder)
    assert judgement.findings == []
    stated = json.loads((folder / "metadata.json").read_text("utf-8"))["format-version"]
    assert f"version {stated}" in judgement.other_version


def test_a_minor_version_would_copy_no_fixture():
    """The pool is for all versions: a later one lists those of 1.0 that hold, and its own."""
    listed = json.loads((ROOT / "spec/1.0/fixtures.json").read_text("utf-8"))
    of_later_ones = {name for name in listed if name.startswith("other-versions/newer-minor")}
    assert of_later_ones
    assert len(set(listed) - of_later_ones) > 150
