"""Scenarios of kills and of disks without room. Standard library only."""

from __future__ import annotations

import os
import random
import resource
import signal
import time

from stage import Stage

from scenarios.common import ORDER, RECORDED, WAIT, scenario, summary


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
    """SIGKILL just after the folder is there: nothing is half there."""
    chance = random.Random(stage.git("rev-parse", "HEAD"))
    for _ in range(8):
        before = len(stage.names())
        play = stage.start(WAIT)
        while len(stage.names()) == before and play.process.poll() is None:
            pass
        time.sleep(chance.uniform(0, 0.02))
        play.end(signal.SIGKILL)
    for name in stage.names():
        _whole(stage, "killed in its start", name)
        there = [file for file in ORDER if stage.bytes(file, name) is not None]
        needed = ["metadata.json", "args.json", "default_args.json", "stdout", "stderr", "STATUS"]
        missing = [file for file in needed if file not in there]
        stage.check(
            "START-1",
            f"killed in its start: {name} has STATUS; is missing",
            [],
            missing if "STATUS" in there else [],
        )


def _whole(stage: Stage, where: str, name: str) -> None:
    for file in ("metadata.json", "args.json", "default_args.json", "summary.json"):
        data = stage.bytes(file, name)
        if data is not None:
            whole = data.endswith(b"}\n") and bool(stage.json(file, name) or data == b"{}\n")
            stage.check("WRITE-1", f"{where}: {name}: {file}", "whole JSON", data[-60:], whole)
    visible = {file for file in os.listdir(stage.experiments / name) if file[0] != "."}
    stage.check("DIR-7", f"{where}: {name}: other names", [], sorted(visible - RECORDED))


@scenario(leaves=False)
def no_room_at_all(stage: Stage) -> None:
    """A start that finds no room: files may have no bytes."""
    stage.experiments.mkdir()

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    stage.run(before=limit)
    stage.check("START-2", "a start without room: experiments", [], stage.names())


@scenario("summary")
def no_room(stage: Stage) -> None:
    """A summary that finds no room: files may have 64 KiB."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))

    play = stage.start(summary(loss=0.5), summary(text="x" * 200_000), WAIT, before=limit)
    if play.ready():
        play.go()
    play.end()
    found = stage.bytes("summary.json")
    stage.check("WRITE-4", "a summary without room", {"loss": 0.5}, stage.json("summary.json") or found)
    litter = [name for name in os.listdir(stage.experiments / "1") if name not in RECORDED]
    stage.check("WRITE-7", "a summary without room: temporary files", [], litter)
