"""Scenarios of one run: its start, its metadata, signs of life. Standard library only."""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from reading.compare import moment
from watch import Event, Watch, writers_not_at_the_end

from scenarios.common import WAIT, arguments, replaced, say, scenario
from scenarios.stage import RECORDED, Play, Stage

ZONE = "KIT-5:45"  # 5:45 hours ahead of UTC, and no file of zones is needed
SECONDS_OFF = 5
UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@scenario()
def success(stage: Stage) -> None:
    """A program that prints, waits and ends well."""
    secret = f"canary-{os.urandom(8).hex()}"
    began = time.time()
    play = stage.start(
        say("one\n"),
        say("two ☕\n", "stderr"),
        WAIT,
        say("three\n"),
        description="a first word",
        environment={"KIT_CANARY": secret, "TZ": ZONE},
    )
    there, watch = stage.watch_a_start(play)
    if not play.ready():
        play.end()
        said = f"exit code {play.code}: {play.errors.decode()[-300:]}"
        stage.check("DIR-1", "success", "a program that runs and waits", said, False)
        return
    found = [
        str(path.parent.relative_to(stage.experiments)) for path in stage.experiments.rglob("metadata.json")
    ]
    stage.check("DIR-1", "success: folders with metadata.json", ["1"], found)
    if found != ["1"]:
        return
    events = [] if watch is None else watch.events()
    if watch is not None:
        _order_of_start(stage, there, events)
    _running(stage, play)
    _time(stage, "start-time", began, time.time())
    began = time.time()
    play.go()
    play.end()
    _time(stage, "end-time", began, time.time())
    stage.check("STATUS-3", "success: STATUS", "SUCCESS\n", stage.status())
    stage.check("END-1", "success: end-time", "there", "absent", "end-time" in stage.metadata())
    if watch is not None and watch.able:
        ending = watch.events()
        watch.close()
        renamed = [e.name for e in ending if e.kind == "moved to" and e.name in ("metadata.json", "STATUS")]
        stage.check("END-1", "success: STATUS and metadata.json", ["metadata.json", "STATUS"], renamed)
        replaced(stage, "success", events + ending)
    _metadata(stage)
    arguments(stage, {"lr": 0.5}, {"lr": 0.1})
    lines = (stage.bytes("requirements.txt") or b"").decode(errors="replace").splitlines()
    names = [re.split("==| @ ", line)[0] for line in lines if not line.startswith("#")]
    stage.check("REQ-3", "success: requirements.txt: the order of names", sorted(names), names)
    if "output" not in stage.left_out:
        found = (stage.bytes("stdout") or b"").decode(errors="replace")
        stage.check("OUT-3", "success: stdout", "one\nready\nthree\n", found)
        found = (stage.bytes("stderr") or b"").decode(errors="replace")
        stage.check("OUT-3", "success: stderr", "two ☕\n", found)
    for file in sorted(RECORDED):
        held = secret.encode() in (stage.bytes(file) or b"")
        stage.check("PRIV-1", f"success: {file}: a variable that nobody named", "absent", "there", not held)
        held = b"ada@example.org" in (stage.bytes(file) or b"")
        stage.check("PRIV-2", f"success: {file}: the user's address", "absent", "there", not held)


def _time(stage: Stage, key: str, after: float, before: float) -> None:
    """Hold a time against our clock, within some seconds."""
    text = stage.metadata().get(key)
    found = moment(text)
    if found is not None:  # else another check tells
        right = after - SECONDS_OFF <= found.timestamp() <= before + SECONDS_OFF
        shown = datetime.fromtimestamp(before, timezone.utc).isoformat()
        stage.check("META-2", f"success, in the zone {ZONE}: {key}", f"about {shown}", text, right)


def _running(stage: Stage, play: Play) -> None:
    metadata = stage.metadata()
    stage.check("STATUS-2", "while it runs: STATUS", "RUNNING\n", stage.status())
    stage.check("END-2", "while it runs: end-time", None, metadata.get("end-time"))
    stage.check("SUMMARY-1", "before the first summary: summary.json", None, stage.bytes("summary.json"))
    for file in ("stdout", "stderr"):
        captured = "output" not in stage.left_out
        found = stage.bytes(file) is not None
        stage.check("OUT-1", f"while it runs: {file}", captured, found)
        elsewhere = writers_not_at_the_end(stage.experiments / "1" / file)
        stage.check("OUT-2", f"while it runs: {file}: open to write without O_APPEND", [], elsewhere)
    _process(stage, play)


def _process(stage: Stage, play: Play) -> None:
    """LIVE-3 and LIVE-4 advise to tell of the process; META-12 obliges to tell the truth."""
    metadata = stage.metadata()
    host, pid, start = (metadata.get(key) for key in ("hostname", "pid", "process-start"))
    stage.check("LIVE-3", "while it runs: hostname and pid", "there", "absent", None not in (host, pid))
    if host is not None:
        stage.check("META-12", "while it runs: hostname", os.uname().nodename, host)
    if pid is None:
        return
    try:
        ours = os.getsid(pid) == play.process.pid  # the adapter leads a session of its own
    except (OSError, OverflowError, TypeError):
        ours = False
    stage.check("META-12", "while it runs: pid", "a process of the adapter's", pid, ours)
    if sys.platform == "linux" and ours:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        ticks = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19].decode()
        stage.check("LIVE-4", "while it runs: process-start", "there", "absent", start is not None)
        if start is not None:
            stage.check("META-12", "while it runs: process-start", f"linux:{boot}:{namespace}:{ticks}", start)
    elif start is not None and ours:
        stage.check("LIVE-5", "process-start", "no Linux form", start, not str(start).startswith("linux:"))


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
    """START-1: metadata.json comes first and STATUS last; of what was there at first sight, any may be."""
    if not Watch.able:
        return
    seen: list[str] = []
    for event in events:
        if event.kind in ("created", "moved to") and event.name in RECORDED and event.name not in seen:
            seen.append(event.name)
    before = sorted(RECORDED.intersection(there))
    seen = [*before, *(name for name in seen if name not in before)]
    first = seen[: len(before) or 1]
    stage.check(
        "START-1", "a start: the first of its files", "metadata.json", first, "metadata.json" in first
    )
    if "STATUS" in seen and "STATUS" not in before:
        stage.check("START-1", "a start: files after STATUS", [], seen[seen.index("STATUS") + 1 :])


def _metadata(stage: Stage) -> None:
    metadata = stage.metadata()
    wanted = {
        "githead-message": "Train\n\nThe body, ünïcode ☕.",
        "githead-branch": "main",
        "git-remote": "https://git.example.org/ada/digits.git",
        "git-dirty": False,
    }
    if "description" not in stage.left_out:
        stage.check("META-2", "description", "a first word", metadata.get("description"))
    if "githead-sha" in metadata:
        stage.check("META-5", "githead-sha", stage.git("rev-parse", "HEAD"), metadata["githead-sha"])
    for key in ("githead-sha", "command", "recorder"):
        stage.check("META-13", f"success: what is known: {key}", "there", "absent", key in metadata)
    for key, value in wanted.items():
        if key in metadata:
            stage.check("META-2", key, value, metadata[key])
    if "working-directory" in metadata:
        found = os.path.realpath(metadata["working-directory"])
        stage.check("META-2", "working-directory", os.path.realpath(stage.repository), found)


@scenario()
def identity(stage: Stage) -> None:
    """The name of the format, and of the experiment: two experiments have two."""
    stage.run()
    stage.run()
    first, second = (str(stage.metadata(name).get("uuid")) for name in ("1", "2"))
    stage.check("ID-8", "uuid", "a random UUID in lower case", first, bool(UUID.fullmatch(first)))
    stage.check("ID-8", "two experiments: uuid", "another than the first's", second, first != second)


@scenario("jobs")
def jobs(stage: Stage) -> None:
    """A scheduler's job."""
    stage.run(environment={"SLURM_JOB_ID": "4711", "SLURM_ARRAY_TASK_ID": ""})
    stage.check("META-2", "slurm-job-id", "4711", stage.metadata().get("slurm-job-id"))
    found = stage.metadata().get("slurm-array-task-id")
    stage.check("META-4", "slurm-array-task-id, whose variable is empty", None, found)


@scenario("heartbeat")
def heartbeat(stage: Stage) -> None:
    """Signs of life, as often as they were promised."""
    play = stage.start(WAIT, heartbeat_seconds=1)
    play.ready()
    beat = stage.metadata().get("heartbeat-seconds")
    if isinstance(beat, (int, float)) and beat > 0:
        watch = Watch(stage.experiments / "1")
        times = 1 if beat > 10 else 4  # where the time can't be set, one has to do
        waits = [_wait_for_a_sign(stage, 1.5 * beat + 1) for _ in range(times)]
        signs = [wait for wait in waits if wait is not None]
        stage.check("LIVE-2", "heartbeat-seconds without a heartbeat", "absent", beat, bool(signs))
        if len(signs) > 1:  # the first wait began at any moment, and a busy system may delay some
            shown = f"{min(signs[1:]):.1f} seconds"
            stage.check("LIVE-1", "from sign to sign", f"{beat} seconds", shown, min(signs[1:]) < 1.4 * beat)
        stage.check("LIVE-1", "STATUS after a sign of life", "RUNNING\n", stage.status())
        replaced(stage, "a sign of life", watch.events())
        watch.close()
    play.go()
    play.end()


def _wait_for_a_sign(stage: Stage, most: float) -> float | None:
    """How long it takes until STATUS is touched; None if it is not."""
    path, began = stage.experiments / "1" / "STATUS", time.monotonic()
    os.utime(path, (0, 0))
    while time.monotonic() - began < most:
        time.sleep(0.02)
        if os.stat(path).st_mtime > 1:
            return time.monotonic() - began
    return None
