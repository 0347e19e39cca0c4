"""How a recorded file is replaced, where only the calls to the system can show it."""

import os
import sys

import pytest
from meticulous import _process
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
def test_without_proc_there_is_no_process_start(monkeypatch):
    def no_proc(path, *how, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr(_process, "open", no_proc, raising=False)
    assert set(_process.identity()) == {"hostname", "pid"}
