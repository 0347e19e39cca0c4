"""Scenarios of experiments that are resumed, or must not be. Standard library only."""

from __future__ import annotations

import os
import shutil
import signal
from typing import Any

from stage import Play, Stage, contents_of
from watch import Watch

from scenarios.common import ORDER, REPLACED, WAIT, replaced, say, scenario, summary


def first_session(stage: Stage, *steps: dict[str, Any], **how: Any) -> None:
    """An experiment 1 that was ended by an exit code."""
    stage.run(say("first\n"), *steps, {"do": "exit", "code": 3}, **{"description": "first", **how})


def go_on(stage: Stage, *steps: dict[str, Any], **how: Any) -> Play:
    """Start its next session."""
    return stage.start(say("second\n"), *steps, **{"id": "1", "resume": "ids" in stage.left_out, **how})


def refused(stage: Stage, requirement: str, where: str, **how: Any) -> None:
    """Try to resume experiment 1: it has to stay as it is."""
    before = contents_of(stage.experiments / "1")
    go_on(stage, **how).end()
    after = contents_of(stage.experiments / "1")
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    # What the first session printed last may only now have come into its file.
    changed = [name for name in changed if name != "stdout" or b"second" in after.get(name, b"")]
    stage.check(requirement, f"{where}: files that have changed", [], changed)


@scenario("resume")
def resumed(stage: Stage) -> None:
    """An experiment with two sessions."""
    first_session(stage, environment={"SLURM_JOB_ID": "1"})
    before, kept = stage.metadata(), {file: stage.bytes(file) for file in ("args.json", "default_args.json")}
    stage.set(lab_note=None, drop=())  # a key that nobody knows, from a later version
    stage.set(drop=("lab-note",), **{"lab:note": [1, {"a": None}], "later": {"b": 2}})
    with Watch(stage.experiments / "1", opened=True) as watch:
        play = go_on(stage, WAIT, description="second")
        if not play.ready():
            play.end()
            stage.check("RESUME-13", "resumed", "a second session", play.errors.decode()[-300:], False)
            return
        after, events = stage.metadata(), watch.events()
        stage.check("STATUS-2", "resumed: STATUS", "RUNNING\n", stage.status())
        stage.check(
            "RESUME-10",
            "resumed: the claim",
            "deleted",
            "there",
            not (stage.experiments / "1" / ".resume").exists(),
        )
        play.go()
        play.end()
        _order_of_resume(stage, events)
        replaced(stage, "resumed", [event for event in events + watch.events() if event.name != ".resume"])
    stage.check("RESUME-12", "resumed: end-time while it runs", None, after.get("end-time"))
    stage.check("RESUME-12", "resumed: the earlier job's id", None, after.get("slurm-job-id"))
    stage.check(
        "RESUME-12",
        "resumed: start-time",
        "a later one",
        after.get("start-time"),
        after.get("start-time") != before.get("start-time"),
    )
    stage.check("RESUME-13", "resumed: timestamp", before.get("timestamp"), after.get("timestamp"))
    if "description" not in stage.left_out:
        stage.check("RESUME-13", "resumed: description", "second", after.get("description"))
    session = (after.get("resumes") or [{}])[-1]
    told = {key: before[key] for key in ("start-time", "end-time") if key in before}
    found = {key: session.get(key) for key in told} if isinstance(session, dict) else session
    stage.check("RESUME-11", "resumed: the session before", told, found)
    status = str(session.get("status")) if isinstance(session, dict) else ""
    stage.check(
        "RESUME-11",
        "resumed: its status",
        "ERROR\nexit code 3",
        status,
        status.startswith("ERROR\nexit code 3"),
    )
    for file, data in kept.items():
        stage.check("RESUME-14", f"resumed: {file}", data, stage.bytes(file))
    last = stage.metadata()
    stage.check("META-10", "resumed: a vendor's key", [1, {"a": None}], last.get("lab:note"))
    stage.check("META-10", "resumed: a key that nobody knows", {"b": 2}, last.get("later"))
    stage.set(drop=("later",))
    if "output" not in stage.left_out:
        stage.check(
            "OUT-2", "resumed: stdout", "first\nsecond\nready\n", (stage.bytes("stdout") or b"").decode()
        )
    stage.check("STATUS-3", "resumed, after its end: STATUS", "SUCCESS\n", stage.status())


def _order_of_resume(stage: Stage, events: list[Any]) -> None:
    if not Watch.able:
        return
    renamed = [event.name for event in events if event.kind == "moved to" and event.name in REPLACED]
    expected = [name for name in ("metadata.json", "requirements.txt", "STATUS") if name in renamed]
    stage.check("RESUME-9", "resumed: files in the order of their replacing", expected, renamed)
    kinds = [(event.kind, event.name) for event in events]
    claimed = kinds.index(("created", ".resume")) if ("created", ".resume") in kinds else None
    stage.check("RESUME-7", "resumed: .resume", "created", "not created", claimed is not None)
    if claimed is None or ("moved to", "metadata.json") not in kinds:
        return
    written = kinds.index(("moved to", "metadata.json"))
    stage.check("RESUME-7", "resumed: the claim", "before the first file", "after it", claimed < written)
    under = [
        name
        for kind, name in kinds[claimed:written]
        if kind == "opened" and name in ("STATUS", "metadata.json")
    ]
    # Before them, the process has to be found: metadata.json may be read for its pid.
    stage.check(
        "RESUME-8", "resumed: the last files read under the claim", ["STATUS", "metadata.json"], under[-2:]
    )
    if ("deleted", ".resume") in kinds and ("moved to", "STATUS") in kinds:
        order = kinds.index(("moved to", "STATUS")) < kinds.index(("deleted", ".resume"))
        stage.check("RESUME-10", "resumed: the claim is deleted", "after STATUS", "before it", order)


@scenario("resume")
def names_of_temporary_files(stage: Stage) -> None:
    """Another process is writing under the names that the first session used: they are not free."""
    play = stage.start(WAIT)
    _, watch = stage.watch_a_start(play)
    play.ready()
    play.go()
    play.end()
    if watch is None or not watch.able:
        return
    used = {event.name for event in watch.events() if event.kind == "moved from"}
    watch.close()
    for name in used:
        (stage.experiments / "1" / name).write_bytes(b"another's\n")
    with Watch(stage.experiments / "1") as watch:
        go_on(stage).end()
        taken = sorted({e.name for e in watch.events() if e.kind in ("moved from", "modified")} & used)
    stage.check("WRITE-1", "names of temporary files that are another process's", [], taken)
    for name in used:
        (stage.experiments / "1" / name).unlink(missing_ok=True)


@scenario("resume")
def resumed_after_sigkill(stage: Stage) -> None:
    """A session whose end nobody wrote, if the recorder resumes such."""
    play = stage.start(WAIT)
    play.ready()
    play.end(signal.SIGKILL)
    go_on(stage).end()
    if sessions := stage.metadata().get("resumes"):
        stage.check(
            "RESUME-11",
            "resumed after SIGKILL: status of the session before",
            "RUNNING",
            sessions[-1].get("status"),
        )
        stage.check("RESUME-11", "resumed after SIGKILL: its end-time", None, sessions[-1].get("end-time"))


@scenario("resume", judged=False)
def resumed_after_half_a_start(stage: Stage) -> None:
    """A start that was cut short, if the recorder resumes such: what was missing comes to be there."""
    first_session(stage)
    started = ("args.json", "default_args.json", "requirements.txt", "stdout", "stderr")
    for number, there in enumerate((started[:1], started[:2], started[:4]), 2):
        name = str(number)
        (stage.experiments / name).mkdir()
        for file in ("metadata.json", *there):
            if stage.bytes(file) is not None:
                shutil.copy(stage.experiments / "1" / file, stage.experiments / name / file)
        stage.set(name, drop=("end-time",))
        go_on(stage, id=name).end()
        missing = [file for file in (*ORDER[:3], "stdout", "stderr") if stage.bytes(file, name) is None]
        told = missing if stage.bytes("STATUS", name) is not None else []
        stage.check("RESUME-9", "a start that was cut short, resumed: files that are missing", [], told)


@scenario("resume")
def resumed_thrice_at_once(stage: Stage) -> None:
    """Six that resume the same experiment: each does after the other, or not at all."""
    first_session(stage)
    plays = [
        go_on(stage, summary(n=1)) if "summary" not in stage.left_out else go_on(stage) for _ in range(6)
    ]
    for play in plays:
        play.end()
    sessions = len(stage.metadata().get("resumes", []))
    lines = (stage.bytes("stdout") or b"").decode().count("second\n")
    if "output" not in stage.left_out:
        stage.check("RESUME-7", "six that resume: sessions, of which stdout tells", lines, sessions)
    for session in stage.metadata().get("resumes", []):
        stage.check(
            "RESUME-1",
            "six that resume: a session that was resumed while it ran",
            "an end",
            session.get("status"),
            session.get("status") != "RUNNING",
        )


@scenario("resume", judged=False)
def not_resumed(stage: Stage) -> None:
    """What must not be resumed stays as it is."""
    first_session(stage)
    refused(stage, "RESUME-6", "other arguments", args={"lr": 0.25})
    stage.commit("Another commit")
    refused(stage, "RESUME-4", "another commit")
    stage.git("reset", "-q", "--hard", "HEAD~1")
    if "patch" not in stage.left_out:
        (stage.repository / "data.txt").write_text("changed\n")
        refused(stage, "RESUME-5", "uncommitted changes that it had not", allow_dirty=True)
        stage.git("checkout", "-q", "data.txt")
    (stage.experiments / "1" / ".resume").touch()
    refused(stage, "RESUME-7", "somebody is just resuming it")
    (stage.experiments / "1" / ".resume").unlink()
    for version in ("1.1", "2.0"):
        stage.set(format_version=version)
        refused(stage, "RESUME-3", f"version {version}")
    stage.set(drop=("format-version",))
    refused(stage, "RESUME-3", "no version")
    stage.check(
        "RESUME-10",
        "refused: the claim",
        "deleted",
        "there",
        not (stage.experiments / "1" / ".resume").exists(),
    )


@scenario("resume", judged=False)
def not_resumed_while_it_runs(stage: Stage) -> None:
    """What may be running is not resumed."""
    play = stage.start(WAIT)
    play.ready()
    refused(stage, "RESUME-1", "it runs")
    play.end(signal.SIGKILL)
    whole = stage.metadata()
    stage.set(hostname="elsewhere")
    os.utime(stage.experiments / "1" / "STATUS")
    refused(stage, "RESUME-1", "it runs, for all one knows, on another machine")
    stage.set(hostname=whole.get("hostname"), process_start="another-system:1")
    refused(stage, "RESUME-1", "a process-start of another form")
    (stage.experiments / "1" / "STATUS").unlink()
    refused(stage, "RESUME-1", "STATUS is missing: it is being started")
