"""Scenarios of ends: exit codes, exceptions, signals, kills, disks without room. Standard library only."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections.abc import Callable

from scenarios.common import WAIT, exits, say, scenario, summary
from scenarios.stage import RECORDED, Play, Stage


@scenario("exit-codes")
def exit_codes(stage: Stage) -> None:
    """Exit codes: 0 is a success, others are errors, by the number that the parent sees."""
    stage.run(exits(0))
    stage.check("STATUS-3", "exit code 0: STATUS", "SUCCESS\n", stage.status())
    for name, code in (("2", 3), ("3", 255), ("4", 259), ("5", -1)):
        play = stage.run(exits(code))
        found = (stage.status(name) or "").split("\n")[:2]
        stage.check("STATUS-5", f"exit code {code}: STATUS", ["ERROR", f"exit code {play.code}"], found)
        if 0 <= code < 256:
            stage.check("STATUS-5", f"exit code {code}, as the parent sees it", code, play.code)


@scenario("exceptions")
def exceptions(stage: Stage) -> None:
    """Uncaught exceptions; some say what would be taken for another end, and one says nothing."""
    for name, text in (("1", "the reason of it"), ("2", "exit code 3"), ("3", "signal lost"), ("4", "")):
        stage.run({"do": "raise", "text": text})
        status = stage.status(name) or ""
        where = f"an exception that says {text!r}: STATUS"
        whole = status.startswith("ERROR\n") and status.removeprefix("ERROR\n").strip() != ""
        stage.check("STATUS-4", where, "ERROR and a reason", status, whole)
        first = status.partition("\n")[2]
        other = not first.startswith(("exit code ", "signal "))
        stage.check("STATUS-8", where, "another first line", status, other)
        stage.check("STATUS-7", where, f"… {text}", status, text in status)


@scenario("exceptions", "surrogates")
def odd_exception(stage: Stage) -> None:
    """An exception whose text has no form in UTF-8."""
    stage.run({"do": "raise", "text": "caf\udce9 ☕"})
    data = stage.bytes("STATUS") or b""
    status = data.decode(errors="replace")
    stage.check("STATUS-1", "an odd exception: STATUS", "UTF-8", status, status.encode() == data)
    whole = status.startswith("ERROR\n")
    stage.check("STATUS-4", "an odd exception: STATUS", "ERROR and a reason", status, whole)


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
    status = stage.status(name) or ""
    whole = status == "SUCCESS\n" or status.startswith("SUCCESS\n")
    stage.check("STATUS-3", f"after a handled signal: {name}: STATUS at last", "SUCCESS", status, whole)


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


@scenario("summary")
def killed_at_any_moment(stage: Stage) -> None:
    """SIGKILL while summaries are written: nothing is half there."""
    chance = random.Random(stage.git("rev-parse", "HEAD"))
    many = [summary(step=number, text="x" * 20_000) for number in range(1, 2000)]
    for _ in range(8):
        play = stage.start(WAIT, *many)
        play.ready()
        play.go()
        time.sleep(chance.uniform(0, 0.2))
        play.end(signal.SIGKILL)
    for name in stage.names():
        _whole(stage, "killed while it writes summaries", name)
        stage.check("STATUS-2", f"killed: {name}: STATUS", "RUNNING\n", stage.status(name))


@scenario(judged=False)
def killed_in_its_start(stage: Stage) -> None:
    """SIGKILL just after the folder is there: nothing is half there, and all is there where STATUS is."""
    chance = random.Random(stage.git("rev-parse", "HEAD"))
    for _ in range(8):
        before = len(stage.names())
        play = stage.start(WAIT)
        while len(stage.names()) == before and play.process.poll() is None:
            pass
        time.sleep(chance.uniform(0, 0.02))
        play.end(signal.SIGKILL)
    stage.run()
    full = set(os.listdir(stage.experiments / stage.names()[-1]))
    for name in stage.names():
        _whole(stage, "killed in its start", name)
        missing = full.difference(os.listdir(stage.experiments / name))
        lacks = sorted(missing) if stage.bytes("STATUS", name) is not None else []
        stage.check("START-1", f"killed in its start: {name} has STATUS and lacks", [], lacks)


def _whole(stage: Stage, where: str, name: str) -> None:
    for file in ("metadata.json", "args.json", "default_args.json", "summary.json"):
        data = stage.bytes(file, name)
        if data is not None:
            whole = data.rstrip().endswith(b"}") and bool(stage.json(file, name) or data.strip() == b"{}")
            stage.check("WRITE-1", f"{where}: {name}: {file}", "whole JSON", data[-60:], whole, root=True)
    visible = {file for file in os.listdir(stage.experiments / name) if file[0] != "."}
    stage.check("DIR-7", f"{where}: {name}: other names", [], sorted(visible - RECORDED))


def _limit(size: int) -> Callable[[], None]:
    """Let files have no more than so many bytes, as on a disk that is full."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@scenario(leaves=False, judged=False)
def no_room_at_all(stage: Stage) -> None:
    """A start that finds no room: none at all, and not for all of the arguments."""
    stage.experiments.mkdir()
    stage.run(before=_limit(0))
    stage.run(before=_limit(65536), args={"text": "x" * 200_000})
    left = [name for name in stage.names() if stage.bytes("STATUS", name) is None]
    stage.check("START-2", "a start without room: folders without STATUS", [], left)


@scenario("summary")
def no_room(stage: Stage) -> None:
    """A summary that finds no room: files may have 64 KiB."""
    play = stage.start(summary(loss=0.5), summary(text="x" * 200_000), WAIT, before=_limit(65536))
    if play.ready():
        found = stage.bytes("summary.json")
        kept = stage.json("summary.json") == {"loss": 0.5}
        stage.check("WRITE-4", "without room: summary.json", {"loss": 0.5}, found, kept, root=True)
        play.go()
    play.end()
    litter = [name for name in os.listdir(stage.experiments / "1") if name not in RECORDED]
    stage.check("WRITE-7", "a summary without room: temporary files", [], litter)
