"""How a recorded file is replaced, where only the calls to the system can show it."""

import errno
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from meticulous import Experiment, _process
from meticulous._disk import atomic as _write
from meticulous._disk.folder import ExperimentFolder


@pytest.fixture
def calls(monkeypatch):
    """The calls that count, as they are made, each with the inode it is about."""
    made = []

    def watched(name, call, inode):
        def calling(*arguments):
            made.append((name, inode(*arguments)))
            return call(*arguments)

        return calling

    monkeypatch.setattr(os, "fsync", watched("fsync", os.fsync, lambda file: os.fstat(file).st_ino))
    monkeypatch.setattr(os, "replace", watched("rename", os.replace, lambda old, new: os.stat(old).st_ino))
    return made


@pytest.mark.requirement("WRITE-3", "WRITE-6", "WRITE-8")
@pytest.mark.skipif(sys.platform == "win32", reason="a folder can't be opened there")
def test_content_is_on_disk_before_its_name_is_and_then_the_name(tmp_path, calls):
    _write.replace(tmp_path / "STATUS", b"RUNNING\n")
    file, folder = os.stat(tmp_path / "STATUS").st_ino, os.stat(tmp_path).st_ino
    assert calls == [("fsync", file), ("rename", file), ("fsync", folder)]


@pytest.mark.requirement("WRITE-6")
@pytest.mark.skipif(sys.platform == "win32", reason="a folder can't be opened there")
def test_names_written_at_a_start_are_on_disk_with_that_of_status(tmp_path, calls):
    folder = ExperimentFolder(tmp_path)
    for name in ("metadata.json", "args.json"):
        folder.write_json(name, {})
    inode = os.stat(tmp_path).st_ino
    assert ("fsync", inode) not in calls
    folder.write_status("RUNNING")
    folder.write_json("summary.json", {})
    assert [call for call in calls if call[0] == "rename" or call[1] == inode] == [
        *(("rename", os.stat(tmp_path / name).st_ino) for name in ("metadata.json", "args.json", "STATUS")),
        ("fsync", inode),
        ("rename", os.stat(tmp_path / "summary.json").st_ino),
    ]


@pytest.mark.requirement("WRITE-2")
def test_what_cannot_be_encoded_touches_nothing(tmp_path):
    folder = ExperimentFolder(tmp_path)
    folder.write_json("summary.json", {"loss": 0.5})
    before = os.stat(tmp_path / "summary.json")
    changed = os.stat(tmp_path).st_mtime_ns
    with pytest.raises(TypeError):
        folder.write_json("summary.json", {"loss": object()})
    assert os.stat(tmp_path / "summary.json") == before
    assert os.stat(tmp_path).st_mtime_ns == changed  # nor was there a temporary file in between


@pytest.mark.requirement("LIVE-5")
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")
def test_without_proc_there_is_no_process_start(monkeypatch):
    def no_proc(path, *how, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(_process, "open", no_proc, raising=False)
    assert set(_process.identity()) == {"hostname", "pid"}


@pytest.mark.usefixtures("calls")
def test_summaries_cost_one_sync_a_second_at_most_and_one_at_the_end(repository, monkeypatch, calls):
    monkeypatch.chdir(repository.path)
    experiment = Experiment(capture="none")
    before, start = sum(name == "fsync" for name, _ in calls), time.monotonic()
    for step in range(200):
        experiment.summary({"step": step})
    syncs, seconds = sum(name == "fsync" for name, _ in calls) - before, time.monotonic() - start
    assert syncs <= 2 * (seconds + 1)  # file and folder
    experiment.finish()
    deadline = time.monotonic() + 30  # on a slow disk, one that is on its way is not waited for at the end
    while ("fsync", os.stat(experiment.directory / "summary.json").st_ino) not in calls:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("is_free_again", [True, False])
def test_a_file_that_is_open_elsewhere_is_tried_again_and_no_step_waits(
    is_free_again, repository, monkeypatch, caplog
):
    """As Windows refuses to replace a file that a viewer or a virus scanner has open."""
    monkeypatch.chdir(repository.path)
    experiment = Experiment(capture="none")
    original, busy = os.replace, {"summary.json", "STATUS"}

    def replace(source, target):
        if os.path.basename(target) in busy:
            error = PermissionError(13, "Access denied")
            error.winerror = 32
            raise error
        original(source, target)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr("meticulous._session.session._LAST_SECONDS", 0.2)
    start = time.monotonic()
    for step in range(100):
        experiment.summary({"step": step})
    assert time.monotonic() - start < 5
    assert caplog.text == ""
    if is_free_again:
        busy.clear()
    experiment.finish()
    assert repository.status() == "SUCCESS"  # in place, if it must be
    assert (experiment.directory / "summary.json").exists() is is_free_again
    assert ("cannot write" in caplog.text) is not is_free_again


RECORDED = """
import shutil
import subprocess
import sys
from meticulous import Experiment
with Experiment({"lr": sys.argv[1]}, {"lr": 1}, resume="--resume" in sys.argv):
    pass
"""


class TestCalls:
    """On a network each call on the experiments' file system takes its time."""

    @pytest.fixture
    def calls(self, repository, tmp_path):
        if sys.platform != "linux" or shutil.which("strace") is None:
            pytest.skip("there is no strace here")
        repository.commit("train.py", RECORDED)
        log = tmp_path / "calls"
        traced = ["strace", "-f", "-yy", "-e", "trace=%file,%desc", "-o", log]

        def calls(*arguments):
            run = [*traced, sys.executable, "train.py", *arguments]
            if subprocess.run(run, cwd=repository.path, check=False, timeout=120).returncode != 0:
                pytest.skip("nothing can be traced here")
            # "resumed": a call of one thread that is written in two lines, with another's in between.
            lines = [line for line in log.read_text("utf-8").splitlines() if "resumed>" not in line]
            return sum(str(repository.experiments) in line for line in lines)

        subprocess.run([sys.executable, "train.py", "0"], cwd=repository.path, check=True, timeout=60)
        return calls

    def test_of_a_start_and_an_end(self, calls):
        assert calls("1") <= 60

    def test_of_a_resume_for_each_experiment_that_does_not_fit(self, calls):
        counts = [calls(str(number), "--resume") for number in range(1, 6)]
        assert counts[-1] - counts[0] <= 4 * 4


def test_on_a_full_disk_the_end_is_written_in_place(repository, monkeypatch, caplog):
    monkeypatch.chdir(repository.path)
    original = os.open

    def full(path, flags, *how, **options):
        if flags & os.O_CREAT:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(path, flags, *how, **options)

    experiment = Experiment(capture="none")
    monkeypatch.setattr(os, "open", full)
    experiment.finish("ERROR: no room")
    assert repository.status() == "ERROR\nno room"
    assert "end-time" in json.loads(repository.output(stream="metadata.json"))
    assert caplog.messages == []


@pytest.mark.requirement("META-10")
def test_keys_that_another_tool_adds_while_the_program_runs_stay(repository, monkeypatch):
    monkeypatch.chdir(repository.path)
    experiment = Experiment(description="first")
    path = experiment.directory / "metadata.json"
    before = json.loads(path.read_bytes())
    path.write_text(json.dumps({**before, "lab:score": float("nan"), "lab:tags": [1, {"a": 2.5}]}))
    experiment.finish()
    after = json.loads(path.read_bytes())
    assert after.pop("end-time") > before["start-time"]
    assert after == {**before, "lab:score": "NaN", "lab:tags": [1, {"a": 2.5}]}
