"""What systems do differently: processes, files that somebody has open, names, line ends."""

import json
import os
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from meticulous import Experiment, _process
from meticulous._session.descriptors import leads_to_descriptor

HEAD = (
    "import sys\nfrom meticulous import Experiment\nexperiment = Experiment(resume='--resume' in sys.argv)\n"
)
WAITS = (
    HEAD + "print(experiment.experiment_id, flush=True)\nif '--resume' not in sys.argv: sys.stdin.read()\n"
)
knows_starts = pytest.mark.skipif(
    "process-start" not in _process.identity(), reason="needs a system that says when a process started"
)


@knows_starts
def test_a_program_that_was_killed_is_gone_at_once(start, run, repository):
    process = start(WAITS)
    assert process.stdout.readline().strip() == b"1"
    process.kill()  # on Windows, TerminateProcess: what the task manager does
    process.wait(60)
    assert repository.status() == "RUNNING"
    done = run(WAITS, "--resume")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1\n", b"")


@knows_starts
def test_a_program_that_slept_with_its_machine_is_not_taken_over(start, run, repository):
    process = start(WAITS)
    assert process.stdout.readline().strip() == b"1"
    ten_minutes_ago = time.time() - 600
    os.utime(repository.experiments / "1" / "STATUS", (ten_minutes_ago, ten_minutes_ago))
    assert run(WAITS, "--resume").stdout == b"2\n"
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err, repository.status()) == (0, b"", "SUCCESS")


@pytest.mark.parametrize("name", ["STATUS", "metadata.json", "summary.json"])
def test_a_file_that_somebody_reads_at_the_end_is_written(name, repository, monkeypatch, caplog):
    """Windows does not replace a file that is open. STATUS, the last word, may stay open all the time."""
    monkeypatch.chdir(repository.path)
    experiment = Experiment(capture="none")
    experiment.summary({"step": 0})
    with open(experiment.directory / name, "rb") as file:
        experiment.summary({"step": 1})
        if name == "STATUS":
            monkeypatch.setattr("meticulous._session.session._LAST_SECONDS", 0.2)
            experiment.finish()
        else:
            threading.Timer(1, file.close).start()
            experiment.finish()
    assert repository.status() == "SUCCESS"
    assert "end-time" in json.loads((experiment.directory / "metadata.json").read_bytes())
    assert json.loads((experiment.directory / "summary.json").read_bytes()) == {"step": 1}
    assert [path.name for path in experiment.directory.iterdir() if path.name[0] == "."] == []
    assert caplog.text == ""


@pytest.mark.requirement("OUT-3")
@pytest.mark.parametrize("capture", ["sys", "fd"])
def test_lines_end_as_whoever_printed_them_ends_them(capture, start, repository):
    """Text that Python prints has line feeds; what goes through a descriptor has the system's ends."""
    code = f"experiment = Experiment(capture={capture!r})\nprint('text')\nsys.stdout.flush()\n"
    code += "sys.stdout.buffer.write(b'bytes\\n')\n"
    assert start("import sys\nfrom meticulous import Experiment\n" + code).wait(60) == 0
    end = os.linesep if capture == "fd" else "\n"
    assert (repository.experiments / "1" / "stdout").read_bytes() == f"text{end}bytes\n".encode()


def test_a_script_by_another_spelling_of_its_name_is_the_same_script(run, repository):
    repository.commit("train.py", HEAD)
    if not (repository.path / "TRAIN.py").exists():
        pytest.skip("needs a file system where upper and lower case are one")
    (repository.path / "Other.py").write_text(HEAD)
    launch = "import subprocess, sys\nsys.exit(subprocess.call([sys.executable, *sys.argv[1:]]))\n"
    assert run(launch, "TRAIN.py").returncode == 0
    for name in ("Other.py", "other.py"):
        done = run(launch, name)
        assert (done.returncode, b"other.py" in done.stderr.lower()) == (1, True)


def test_the_name_of_the_host_needs_no_management_service(run, repository):
    """`platform` asks WMI for it, which may take for ever (cpython#112278, cpython#125315)."""
    code = (
        "import platform, uuid\ndef ask(*_): raise RuntimeError\nplatform.uname = platform.node = ask\n"
        + HEAD
    )
    assert run(code).returncode == 0
    assert json.loads(repository.output(stream="metadata.json"))["hostname"]


class _WindowsConsoleIO:
    """By its name, the raw layer of a console; `python -u` has it without a buffer above."""


@pytest.mark.parametrize("is_buffered", [True, False])
def test_a_console_of_windows_passes_the_descriptor_by(is_buffered):
    raw = _WindowsConsoleIO()
    buffer = SimpleNamespace(raw=raw) if is_buffered else raw
    assert not leads_to_descriptor(SimpleNamespace(buffer=buffer, fileno=lambda: 1))
    assert leads_to_descriptor(SimpleNamespace(buffer=SimpleNamespace(raw=object()), fileno=lambda: 1))


@pytest.mark.requirement("WRITE-6")
@pytest.mark.skipif(sys.platform != "darwin", reason="needs a system where fsync leaves the drive's cache")
def test_on_macos_the_end_reaches_the_drive(repository, monkeypatch):
    import fcntl

    monkeypatch.chdir(repository.path)
    asked, original = [], fcntl.fcntl
    monkeypatch.setattr(fcntl, "fcntl", lambda *request: asked.append(request[1]) or original(*request))
    for _ in range(2):
        asked.clear()
        Experiment(capture="none").finish()
        assert asked.count(fcntl.F_FULLFSYNC) >= 2  # at the start, and at the end
