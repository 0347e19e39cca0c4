"""Scenarios of one run, from its start to its end. Standard library only."""

from __future__ import annotations

import os
import signal
import sys
import time

from stage import REMOTE, Play, Stage
from watch import Event, Watch, writers_not_at_the_end

from scenarios.common import ORDER, WAIT, arguments, replaced, say, scenario


@scenario()
def success(stage: Stage) -> None:
    """A program that prints, waits and ends well."""
    play = stage.start(
        say("one\n"), say("two ☕\n", "stderr"), WAIT, say("three\n"), description="a first word"
    )
    there, watch = stage.watch_a_start(play)
    if not play.ready():
        play.end()
        stage.check(
            "DIR-1",
            "success",
            "a program that runs and waits",
            (play.code, play.errors.decode()[-300:]),
            False,
        )
        return
    stage.check("DIR-1", "success: the experiments directory", ["1"], stage.names())
    _running(stage, play)
    events = [] if watch is None else watch.events()
    if watch is not None and watch.able:
        _order_of_start(stage, there, events)
    play.go()
    play.end()
    stage.check("STATUS-3", "success: STATUS", "SUCCESS\n", stage.status())
    stage.check(
        "END-1", "success: metadata.json", "an end-time", stage.metadata(), "end-time" in stage.metadata()
    )
    _metadata(stage)
    if watch is not None and watch.able:
        ending = watch.events()
        watch.close()
        renamed = [e.name for e in ending if e.kind == "moved to" and e.name in ("metadata.json", "STATUS")]
        stage.check("END-1", "success: files replaced at the end", ["metadata.json", "STATUS"], renamed)
        replaced(stage, "success", events + ending)
    if "output" not in stage.left_out:
        stage.check(
            "OUT-3", "success: stdout", "one\nready\nthree\n", (stage.bytes("stdout") or b"").decode()
        )
        stage.check("OUT-3", "success: stderr", "two ☕\n", (stage.bytes("stderr") or b"").decode())


def _running(stage: Stage, play: Play) -> None:
    metadata = stage.metadata()
    stage.check("STATUS-2", "while it runs: STATUS", "RUNNING\n", stage.status())
    stage.check("END-2", "while it runs: end-time", None, metadata.get("end-time"))
    stage.check("SUMMARY-1", "before the first summary: summary.json", None, stage.bytes("summary.json"))
    for file in ("stdout", "stderr"):
        stage.check("OUT-1", f"while it runs: {file}", "a file", "none", stage.bytes(file) is not None)
        elsewhere = writers_not_at_the_end(stage.experiments / "1" / file)
        stage.check("OUT-2", f"while it runs: {file}: open to write without O_APPEND", [], elsewhere)
    host, pid = metadata.get("hostname"), metadata.get("pid")
    stage.check("LIVE-3", "while it runs: hostname", os.uname().nodename, host)
    try:
        os.kill(pid or 0, 0)
        alive = bool(pid)
    except (OSError, TypeError):
        alive = False
    stage.check("LIVE-3", "while it runs: pid", "a process that is there", pid, alive)
    form = str(metadata.get("process-start", ""))
    if os.path.exists(f"/proc/{pid}/stat") and alive:
        with open(f"/proc/{pid}/stat", "rb") as file, open("/proc/sys/kernel/random/boot_id") as boot:
            start = file.read().rpartition(b")")[2].split()[19].decode()
            expected = (
                f"linux:{boot.read().strip()}:{os.readlink('/proc/self/ns/pid').strip('pid:[]')}:{start}"
            )
        stage.check("LIVE-4", "while it runs: process-start", expected, form)
    elif sys.platform != "linux":
        stage.check(
            "LIVE-5", "while it runs: process-start", "no Linux form", form, not form.startswith("linux:")
        )


@scenario()
def the_order_of_a_start(stage: Stage) -> None:
    """Starts until one is seen from its first file on: on a busy system it may be seen too late."""
    for _ in range(10):
        known = stage.names()
        play = stage.start(WAIT)
        there, watch = stage.watch_a_start(play, known)
        play.ready()
        if watch is not None:
            _order_of_start(stage, there, watch.events())
            watch.close()
        play.go()
        play.end()
        if not there:
            return


def _order_of_start(stage: Stage, there: list[str], events: list[Event]) -> None:
    """START-1: what was there at first sight came first, in whatever order, and then the others."""
    after = [event.name for event in events if event.kind in ("created", "moved to")]
    first = [name for name in ORDER if name in there]
    seen = first + [
        name for place, name in enumerate(after) if name in ORDER and name not in first + after[:place]
    ]
    if "STATUS" in seen:
        before = [name for name in ("stdout", "stderr") if name in seen[: seen.index("STATUS")]]
        stage.check("OUT-1", "a start: before STATUS", ["stdout", "stderr"], before)
    rank = {name: place for place, name in enumerate(ORDER)}
    rank["git.diff"] = rank["requirements.txt"]  # of these two, either may come first
    stage.check("START-1", "the order of a start", sorted(seen, key=rank.__getitem__), seen)


def _metadata(stage: Stage) -> None:
    metadata = stage.metadata()
    stage.check("META-1", "format-version", "1.0", metadata.get("format-version"))
    stage.check("META-5", "githead-sha", stage.git("rev-parse", "HEAD"), metadata.get("githead-sha"))
    stage.check(
        "META-2", "githead-message", "Train\n\nThe body, ünïcode ☕.", metadata.get("githead-message")
    )
    if "description" not in stage.left_out:
        stage.check("META-2", "description", "a first word", metadata.get("description"))
    for key, value in (("githead-branch", "main"), ("git-dirty", False)):
        if key in metadata:
            stage.check("META-2", key, value, metadata[key])
    if "git-remote" in metadata:
        stage.check("META-7", "git-remote", REMOTE, metadata["git-remote"])
    if "working-directory" in metadata:
        found = os.path.realpath(metadata["working-directory"])
        stage.check("META-2", "working-directory", os.path.realpath(stage.repository), found)
    arguments(stage, {"lr": 0.5}, {"lr": 0.1})


@scenario("exit-codes")
def exit_codes(stage: Stage) -> None:
    """Exit codes: 0 is a success, others are errors."""
    stage.run({"do": "exit", "code": 0})
    stage.check("STATUS-3", "exit code 0: STATUS", "SUCCESS\n", stage.status())
    for name, code in (("2", 3), ("3", 255)):
        play = stage.run({"do": "exit", "code": code})
        found = (stage.status(name) or "").split("\n")[:2]
        stage.check("STATUS-5", f"exit code {code}: STATUS", ["ERROR", f"exit code {code}"], found)
        stage.check("STATUS-5", f"exit code {code}: of the adapter, as its parent sees it", code, play.code)


@scenario("exceptions")
def exceptions(stage: Stage) -> None:
    """Uncaught exceptions; some say what would be taken for another end."""
    for name, text in (("1", "the reason of it"), ("2", "exit code 3"), ("3", "signal lost")):
        stage.run({"do": "raise", "text": text})
        status = stage.status(name) or ""
        stage.check(
            "STATUS-4", "an exception: STATUS", "ERROR and a reason", status, status.startswith("ERROR\n")
        )
        stage.check("STATUS-7", "an exception: STATUS", f"… {text}", status, text in status)
        first = status.partition("\n")[2]
        stage.check(
            "STATUS-8",
            "an exception: STATUS",
            "another first line",
            status,
            not first.startswith(("exit code ", "signal ")),
        )


@scenario("exceptions", "surrogates")
def odd_exception(stage: Stage) -> None:
    """An exception whose text has no form in UTF-8."""
    stage.run({"do": "raise", "text": "caf\udce9 ☕"})
    data = stage.bytes("STATUS") or b""
    try:
        status, whole = data.decode(), True
    except UnicodeDecodeError:
        status, whole = data.decode(errors="replace"), False
    stage.check("STATUS-1", "an odd exception: STATUS", "UTF-8", status, whole)
    stage.check(
        "STATUS-4", "an odd exception: STATUS", "ERROR and a reason", status, status.startswith("ERROR\n")
    )


@scenario("signals")
def signals(stage: Stage) -> None:
    """Signals that end the program."""
    for number, name in enumerate(("SIGTERM", "SIGINT", "SIGHUP"), 1):
        play = stage.start(WAIT)
        play.ready()
        play.end(getattr(signal, name))
        found = (stage.status(str(number)) or "").split("\n")[:2]
        stage.check("STATUS-6", f"{name}: STATUS", ["ERROR", f"signal {name}"], found)


@scenario("handlers")
def handled_signal(stage: Stage) -> None:
    """A signal that the program handles, and goes on; its handler came before the recorder, or after."""
    before = stage.start(WAIT, WAIT, handlers=["SIGTERM"])
    _survive(stage, before, "1")
    after = stage.start({"do": "handle", "signal": "SIGTERM"}, WAIT, WAIT)
    _survive(stage, after, "2")


def _survive(stage: Stage, play: Play, name: str) -> None:
    play.ready()
    play.process.send_signal(signal.SIGTERM)
    play.ready(b"handled\n")
    play.go()
    if play.ready():
        stage.check("END-4", f"after a handled signal: {name}: STATUS", "RUNNING\n", stage.status(name))
        play.go()
    play.end()
    stage.check("STATUS-3", f"after a handled signal: {name}: last STATUS", "SUCCESS\n", stage.status(name))


@scenario()
def sigkill(stage: Stage) -> None:
    """SIGKILL, which nobody can record."""
    play = stage.start(say("before\n"), WAIT)
    play.ready()
    play.end(signal.SIGKILL)
    stage.check("STATUS-2", "after SIGKILL: STATUS", "RUNNING\n", stage.status())
    stage.check("END-2", "after SIGKILL: end-time", None, stage.metadata().get("end-time"))


@scenario("fork")
def forked_child(stage: Stage) -> None:
    """A child of the program that ends, while the program goes on."""
    play = stage.start({"do": "fork"}, WAIT)
    play.ready()
    stage.check("WRITE-5", "after a child's end: STATUS", "RUNNING\n", stage.status())
    stage.check("WRITE-5", "after a child's end: end-time", None, stage.metadata().get("end-time"))
    play.go()
    play.end()


@scenario("jobs")
def jobs(stage: Stage) -> None:
    """A scheduler's job."""
    stage.run(environment={"SLURM_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": ""})
    stage.check("META-2", "slurm-job-id", "4711", stage.metadata().get("slurm-job-id"))
    stage.check(
        "META-4", "slurm-array-task-id, which is empty", None, stage.metadata().get("slurm-array-task-id")
    )


@scenario("heartbeat")
def heartbeat(stage: Stage) -> None:
    """Signs of life, as often as they were promised."""
    play = stage.start(WAIT, heartbeat_seconds=1)
    play.ready()
    beat = stage.metadata().get("heartbeat-seconds")
    if beat is not None:
        path = stage.experiments / "1" / "STATUS"
        watch = Watch(path.parent)
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 1.5 * beat + 1
        while os.stat(path).st_mtime < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        touched = os.stat(path).st_mtime > 1
        stage.check("LIVE-1", f"STATUS within {beat} seconds", "touched", "not touched", touched)
        stage.check("LIVE-2", "heartbeat-seconds without a heartbeat", "absent", beat, touched)
        stage.check("LIVE-1", "STATUS after a sign of life", "RUNNING\n", stage.status())
        replaced(stage, "a sign of life", watch.events())
        watch.close()
    play.go()
    play.end()
