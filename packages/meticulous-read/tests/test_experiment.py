import json
import os
import socket
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from meticulous_read import ExperimentReader
from meticulous_read._liveness import observe

UTC = timezone.utc


def kinds(reader):
    return [problem[:2] for problem in reader.problems]


def test_a_complete_experiment_reads_without_problems(make):
    folder = make("3", args={"lr": 0.1}, default_args={"lr": 1.0}, summary={"loss": 0.5}, stdout="epoch 1\n")
    reader = ExperimentReader(folder)
    assert reader.experiment_id == "3"
    assert reader.directory == folder
    assert (reader.status, reader.status_message) == ("SUCCESS", "")
    assert reader.format_version == "1.0"
    assert reader.args == {"lr": 0.1}
    assert reader.default_args == {"lr": 1.0}
    assert reader.summary == {"loss": 0.5}
    assert reader.sha == "0123456789abcdef0123456789abcdef01234567"
    assert reader.start_time == reader.timestamp == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert reader.duration == timedelta(minutes=1, seconds=30.5)
    assert reader.stdout == "epoch 1\n"
    assert reader.stderr == ""
    assert reader.lost is False
    assert reader.silent_for is None
    assert reader.problems == ()


def test_times_come_out_in_utc(make):
    reader = ExperimentReader(make(metadata={"start-time": "2026-11-23T11:30:00.5+05:30"}))
    assert reader.start_time == datetime(2026, 11, 23, 6, 0, 0, 500000, UTC)
    assert reader.start_time.tzinfo is UTC


def test_an_end_before_the_start_is_a_problem(make):
    reader = ExperimentReader(make(metadata={"end-time": "2026-11-23T10:59:59+01:00"}))
    assert reader.duration == timedelta(seconds=-1)
    assert kinds(reader) == [("metadata.json", "end-before-start")]


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [
        ("RUNNING\n", "RUNNING", ""),
        ("ERROR\nexit code 3\n", "ERROR", "exit code 3"),
        ("ERROR\r\nsignal SIGTERM\r\n", "ERROR", "signal SIGTERM"),
        (
            "ERROR\nTraceback (most recent call last):\n  x\nE: y\n",
            "ERROR",
            "Traceback (most recent call last):\n  x\nE: y",
        ),
    ],
)
def test_status_is_a_word_and_a_message(make, status, word, message):
    reader = ExperimentReader(make(status=status))
    assert (reader.status, reader.status_message, reader.problems) == (word, message, ())


def _traceback_of(code):
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, timeout=60)
    return done.stderr


# As Python 3.11 and later print it.
GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "train.py", line 3, in <module>
  |     raise ExceptionGroup("g", [error, TypeError(2)])
  | ExceptionGroup: g (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "train.py", line 1, in <module>
    |     raise ValueError(1)
    | ValueError: 1
    +---------------- 2 ----------------
    | TypeError: 2
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("RUNNING\n", ""),
        ("SUCCESS\n", ""),
        ("SUCCESS\nafter signal SIGTERM\n", "after signal SIGTERM"),
        ("ERROR\nexit code 3\nusage: train.py\n", "exit code 3: usage: train.py"),
        ("ERROR\nexit code 1\nafter signal SIGINT\n", "exit code 1: after signal SIGINT"),
        ("ERROR\n" + GROUP, "ExceptionGroup: g (2 sub-exceptions)"),
        ("ERROR\nsignal SIGTERM\nTraceback (most recent call last):\n  x\n", "signal SIGTERM"),
        ("ERROR\nERROR: LoadError: boom\nStacktrace:\n [1] error(s::String)\n", "[1] error(s::String)"),
        ("ERROR\n \n", ""),
        ("ERROR\n" + _traceback_of("raise ValueError('loss is nan')"), "ValueError: loss is nan"),
        ("ERROR\n" + _traceback_of("raise KeyError"), "KeyError"),
        (
            "ERROR\n" + _traceback_of("raise ValueError('CUDA error\\nCompile with X')"),
            "ValueError: CUDA error",
        ),
        ("ERROR\n" + _traceback_of("try: 1/0\nexcept ZeroDivisionError: raise OSError('b')"), "OSError: b"),
        ("ERROR\n" + _traceback_of("def f(): f()\nf()"), "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_the_reason_is_the_line_that_says_most(make, status, reason):
    assert ExperimentReader(make(status=status)).reason == reason


def test_an_unknown_status_is_shown_as_it_is(make):
    reader = ExperimentReader(make(status="PAUSED\nfor lunch\n"))
    assert (reader.status, reader.status_message) == ("PAUSED", "for lunch")
    assert reader.state == "PAUSED"
    assert kinds(reader) == [("STATUS", "unknown-status")]


def test_a_newer_minor_version_is_read(make):
    reader = ExperimentReader(make(metadata={"format-version": "1.7", "unheard-of": 1}, args={"lr": 1}))
    assert (reader.format_version, reader.args, reader.problems) == ("1.7", {"lr": 1}, ())


@pytest.mark.parametrize("version", ["2.0", "10.1", "99999999999999.0"])
def test_a_newer_major_version_is_listed_as_unreadable(make, version):
    reader = ExperimentReader(make(metadata={"format-version": version}, args={"lr": 1}, summary={"loss": 1}))
    assert reader.format_version == version
    assert (reader.status, reader.args, reader.summary, reader.metadata) == ("", {}, {}, {})
    assert reader.state == "unknown"
    assert kinds(reader) == [("metadata.json", "newer-version")]
    assert f"{version} is newer" in str(*reader.problems)


def test_a_folder_that_is_no_experiment_says_so_once(tmp_path):
    (tmp_path / "notes.txt").touch()
    assert kinds(ExperimentReader(tmp_path)) == [("", "no-record")]
    assert kinds(ExperimentReader(tmp_path / "nowhere")) == [("", "no-folder")]


def test_missing_files_are_named(make):
    folder = make(metadata={"runtime": "Python 3.12.1"})
    (folder / "args.json").unlink()
    reader = ExperimentReader(folder)
    assert reader.metadata["runtime"] == "Python 3.12.1"
    assert kinds(reader) == [("args.json", "missing")]


def test_what_need_not_be_there_is_no_problem(make):
    folder = make(args={"lr": 1})
    for name in ("default_args.json", "stdout", "stderr"):
        (folder / name).unlink(missing_ok=True)
    reader = ExperimentReader(folder)
    assert (reader.args, reader.default_args, reader.stdout, reader.stderr) == ({"lr": 1}, {}, "", "")
    assert reader.problems == ()


def test_open_reads_the_users_files_and_nothing_else(make, tmp_path):
    folder = make(**{"curve.csv": "epoch,loss\n"})
    reader = ExperimentReader(folder)
    with reader.open("curve.csv") as file:
        assert file.read() == "epoch,loss\n"
    with reader.open("curve.csv", "rb") as file:
        assert file.read() == b"epoch,loss\n"
    for name in ("../../secret", str(tmp_path / "secret"), "..", ""):
        with pytest.raises(ValueError, match="leads out"):
            reader.open(name)
    for mode in ("w", "a", "r+", "x"):
        with pytest.raises(ValueError, match="only reads"):
            reader.open("curve.csv", mode)
    with pytest.raises(FileNotFoundError):
        reader.open("nothing")


@pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes of POSIX")
def test_open_follows_links_within_and_waits_for_no_pipe(make, tmp_path):
    folder = make(**{"curve.csv": "epoch,loss\n"})
    reader = ExperimentReader(folder)
    (tmp_path / "secret").touch()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "sub").symlink_to(tmp_path)
    for name in ("link", "sub/secret"):
        with pytest.raises(ValueError, match="leads out"):
            reader.open(name)
    (folder / "last").symlink_to("curve.csv")
    with reader.open("last") as file:
        assert file.read() == "epoch,loss\n"
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="a named pipe"):
        reader.open("pipe")


def test_refresh_shows_what_was_written_since(make):
    folder = make(status="RUNNING\n", metadata={"end-time": "x"})
    reader = ExperimentReader(folder)
    assert len(reader.problems) == 1
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata["end-time"] = "2026-11-23T10:00:01Z"
    (folder / "metadata.json").write_text(json.dumps(metadata))
    (folder / "STATUS").write_text("SUCCESS\n")
    (folder / "summary.json").write_text('{"loss": 2}')
    assert reader.has_changed()
    assert reader.refresh_status() == "SUCCESS"
    assert reader.duration == timedelta(seconds=1)
    assert reader.refresh_summary() == {"loss": 2}
    assert reader.problems == ()


def test_a_subclass_adds_attributes_and_columns(make):
    class WithCurve(ExperimentReader):
        def __init__(self, directory):
            super().__init__(directory)
            with self.open("curve.csv") as file:
                self.epochs = len(file.readlines())

        def row(self):
            return {**super().row(), "curve": {"epochs": self.epochs}}

    reader = WithCurve(make(**{"curve.csv": "1\n2\n"}))
    assert reader.epochs == 2
    assert reader.row()["curve"] == {"epochs": 2}


def test_a_row_spreads_objects_as_deep_as_it_is_asked_to(make):
    reader = ExperimentReader(make(args={"optim": {"lr": 1, "sched": {"kind": "cos"}}, "seed": 0}))
    assert reader.row()["args"] == reader.args
    assert reader.row(normalize=1)["args"] == {"optim.lr": 1, "optim.sched": {"kind": "cos"}, "seed": 0}
    assert reader.row(normalize=9)["args"] == {"optim.lr": 1, "optim.sched.kind": "cos", "seed": 0}


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="there, a pid that is not there is proof")
NOBODY = 4194305  # the highest pid that Linux allows on any machine, plus one


def _identity(pid):
    """What a recorder on this system says of a process."""
    if sys.platform == "linux":
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        namespace = os.stat("/proc/self/ns/pid").st_ino
        with open(f"/proc/{pid}/stat") as file:
            start = file.read().rpartition(")")[2].split()[19]
        scope = f"linux:{boot}:{namespace}"
    else:
        seen = observe(pid)
        scope, start = seen.scope, seen.start
    return {"pid": pid, "hostname": socket.gethostname(), "process-start": f"{scope}:{start}"}


@pytest.mark.skipif(
    observe(os.getpid()).start is None, reason="needs a system that says when a process started"
)
class TestLiveness:
    def lost(self, make, **changes):
        metadata = {**_identity(os.getpid()), "heartbeat-seconds": 60, **changes}
        self.reader = ExperimentReader(make(status="RUNNING\n", metadata=metadata))
        return self.reader.lost

    def test_a_live_process_is_not_lost(self, make):
        assert self.lost(make) is False

    def test_another_process_under_the_pid_is_a_loss(self, make):
        start = _identity(os.getpid())["process-start"]
        assert self.lost(make, **{"process-start": start.rpartition(":")[0] + ":1"}) is True

    def test_a_missing_process_is_a_loss(self, make):
        assert self.lost(make, pid=NOBODY) is True
        assert (self.reader.state, self.reader.status) == ("lost", "RUNNING")

    @pytest.mark.parametrize(
        "changes",
        [
            {"hostname": "elsewhere"},
            {"process-start": "linux:another-boot:1:1"},
            {"process-start": "another system's own words"},
            pytest.param({"process-start": None}, marks=on_linux),  # elsewhere, no namespaces are at hand
            {"pid": "12"},
            {"pid": -1},
            {"pid": True},
            {"pid": 2**70},
        ],
    )
    def test_what_cannot_be_proven_is_not_claimed(self, make, changes):
        assert (
            self.lost(
                make, **{"process-start": _identity(os.getpid())["process-start"], "pid": NOBODY, **changes}
            )
            is None
        )

    def test_silence_is_told_after_five_missed_heartbeats(self, make):
        assert self.lost(make, hostname="elsewhere") is None
        status = self.reader.directory / "STATUS"
        now = status.stat().st_mtime
        for silence, silent in ((0, False), (290, False), (310, True)):
            os.utime(status, (now - silence, now - silence))
            self.reader.refresh_status()
            assert self.reader.silent is silent
            assert self.reader.state == ("silent" if silent else "RUNNING")
            assert timedelta(seconds=silence - 1) < self.reader.silent_for < timedelta(seconds=silence + 60)

    def test_a_live_process_is_never_silent(self, make):
        assert self.lost(make) is False
        os.utime(self.reader.directory / "STATUS", (0, 0))
        self.reader.refresh_status()
        assert not self.reader.silent
        assert self.reader.state == "RUNNING"
