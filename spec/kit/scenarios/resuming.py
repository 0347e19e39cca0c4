"""Scenarios of experiments that are resumed, or must not be. Standard library only."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from report import keys
from watch import Event, Watch

from scenarios.common import EARLIER, WAIT, exits, replaced, say, scenario
from scenarios.stage import RECORDED, Hang, Play, Stage, changed, contents_of

SESSION = {key for key, of_session in keys().items() if of_session}


def first_session(stage: Stage, *steps: dict[str, Any], **how: Any) -> None:
    """An experiment 1 that was ended by an exit code."""
    stage.run(say("first\n"), *steps, exits(3), **{"description": "first", **how})


def go_on(stage: Stage, *steps: dict[str, Any], **how: Any) -> Play:
    """Start the next session of an experiment, 1 unless another id is given."""
    name = None if "ids" in stage.left_out else how.pop("id", "1")
    return stage.start(say("next\n"), *steps, **{"resume": True, **how, "id": name})


def earlier(stage: Stage, name: str = "1") -> list[dict[str, Any]]:
    """The earlier sessions of an experiment; what is no object counts as an empty one."""
    found = stage.metadata(name).get(EARLIER, [])
    return [item if isinstance(item, dict) else {} for item in found] if isinstance(found, list) else []


@scenario("resume")
def resumed(stage: Stage) -> None:
    """An experiment with two sessions, and the keys and files of both."""
    first_session(stage, environment={"SLURM_JOB_ID": "1"})
    before, kept = stage.metadata(), {file: stage.bytes(file) for file in ("args.json", "default_args.json")}
    stage.set(**{"lab:note": [1, {"a": None}]})  # from a program that the recorder does not know
    with Watch(stage.experiments / "1", opened=True) as watch:
        play = go_on(stage, WAIT, description="second")
        if not play.ready():
            play.end()
            stage.check("RESUME-9", "resumed", "a second session", play.errors.decode()[-300:], False)
            return
        after, events = stage.metadata(), watch.events()
        stage.check("STATUS-2", "resumed: STATUS", "RUNNING\n", stage.status())
        claimed = (stage.experiments / "1" / ".resume").exists()
        stage.check("RESUME-10", "resumed: the claim", "deleted", "there", not claimed)
        play.go()
        play.end()
        _order_of_resume(stage, events)
        replaced(stage, "resumed", events + watch.events())
    left = sorted(SESSION & before.keys() & after.keys() & {"end-time", "slurm-job-id"})
    stage.check("RESUME-12", f"resumed: keys of {EARLIER} in the new session", [], left)
    later = after.get("start-time") != before.get("start-time")
    stage.check("RESUME-12", "resumed: start-time", "a later one", after.get("start-time"), later)
    stage.check("RESUME-13", "resumed: timestamp", before.get("timestamp"), after.get("timestamp"))
    stage.check("RESUME-13", "resumed: uuid", before.get("uuid"), after.get("uuid"))
    if "description" not in stage.left_out:
        stage.check("RESUME-13", "resumed: description", "second", after.get("description"))
    for file, data in kept.items():
        stage.check("RESUME-14", f"resumed: {file}", data, stage.bytes(file))
    stage.check("META-10", "resumed: lab:note", [1, {"a": None}], stage.metadata().get("lab:note"))
    if "output" not in stage.left_out:
        found = (stage.bytes("stdout") or b"").decode(errors="replace")
        stage.check("OUT-2", "resumed: stdout", "first\nnext\nready\n", found)
    stage.check("STATUS-3", "resumed, after its end: STATUS", "SUCCESS\n", stage.status())


def _order_of_resume(stage: Stage, events: list[Event]) -> None:
    if not Watch.able:
        return
    kinds = [(event.kind, event.name) for event in events]
    stage.check("RESUME-7", "resumed: .resume", "created", "not created", ("created", ".resume") in kinds)
    renamed = [event.name for event in events if event.kind == "moved to" and event.name in RECORDED]
    if ("created", ".resume") not in kinds or "metadata.json" not in renamed:
        return
    ends = renamed[0], renamed[-1]
    stage.check("RESUME-9", "resumed: the first and last file", ("metadata.json", "STATUS"), ends)
    claim, write = kinds.index(("created", ".resume")), kinds.index(("moved to", "metadata.json"))
    stage.check("RESUME-7", "resumed: the claim", "before the first file", "after it", claim < write)
    read = [name for kind, name in kinds[claim:write] if kind == "opened"]
    whole = "STATUS" in read and "metadata.json" in read[read.index("STATUS") :]
    expected = "metadata.json after STATUS"
    stage.check("RESUME-8", "resumed: what is read under the claim", expected, ", ".join(read), whole)
    if ("deleted", ".resume") in kinds and "STATUS" in renamed:
        order = kinds.index(("moved to", "STATUS")) < kinds.index(("deleted", ".resume"))
        stage.check("RESUME-10", "resumed: the claim is deleted", "after STATUS", "before it", order)


@scenario("resume")
def resumed_again_and_again(stage: Stage) -> None:
    """Four sessions in a row: each keeps what the one before it was, and what all before that were."""
    first_session(stage, environment={"SLURM_JOB_ID": "1"})
    for number in range(2, 5):
        before, sessions = stage.metadata(), earlier(stage)
        if sessions:
            sessions[0]["lab:gpu"] = {"memory": 80}
            stage.set(**{EARLIER: sessions})
        status = (stage.status() or "").strip()
        go_on(stage, exits(number), environment={"SLURM_JOB_ID": str(number)}).end()
        found = earlier(stage)
        where = f"session {number}: {EARLIER}"
        stage.check("RESUME-11", where, number - 1, len(found))
        stage.check("RESUME-11", f"{where}: those before the last", sessions, found[:-1])
        last = found[-1] if found else {}
        told = {key: value for key, value in before.items() if key in SESSION}
        stage.check("RESUME-11", where, told, {key: last.get(key) for key in told})
        stage.check("RESUME-11", f"{where}: status", status, last.get("status"))
    if "output" not in stage.left_out:
        found = (stage.bytes("stdout") or b"").decode(errors="replace")
        stage.check("OUT-2", "resumed thrice: stdout", "first\nnext\nnext\nnext\n", found)


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
        play = go_on(stage).end()
        taken = sorted({e.name for e in watch.events() if e.kind in ("moved from", "modified")} & used)
    stage.check("WRITE-1", "names of temporary files that are another process's", [], taken)
    said = play.errors.decode(errors="replace")[-200:]
    stage.check("WRITE-1", "a session beside another's temporary files", "1", said, bool(earlier(stage)))
    for name in used:
        (stage.experiments / "1" / name).unlink(missing_ok=True)


@scenario("resume")
def resumed_after_sigkill(stage: Stage) -> None:
    """A session whose end nobody wrote, if the recorder resumes such."""
    play = stage.start(WAIT)
    play.ready()
    play.end(signal.SIGKILL)
    go_on(stage).end()
    for session in earlier(stage)[-1:]:
        where = f"resumed after SIGKILL: {EARLIER}"
        stage.check("RESUME-11", f"{where}: status", "RUNNING", session.get("status"))
        stage.check("RESUME-11", f"{where}: end-time", None, session.get("end-time"))


@scenario("resume", judged=False)
def resumed_after_half_a_start(stage: Stage) -> None:
    """A start that was cut short, if the recorder resumes such: what was missing comes to be there."""
    first_session(stage)
    others = sorted(set(os.listdir(stage.experiments / "1")) & RECORDED - {"metadata.json", "STATUS"})
    for number, there in enumerate(([], others[:1], others[:2], others), 2):
        name = str(number)
        (stage.experiments / name).mkdir()
        for file in ("metadata.json", *there):
            shutil.copy(stage.experiments / "1" / file, stage.experiments / name / file)
        stage.set(name, drop=("end-time",), hostname="elsewhere", heartbeat_seconds=1)
        os.utime(stage.experiments / name / "metadata.json", (0, 0))
        go_on(stage, id=name).end()
        missing = [file for file in others if stage.bytes(file, name) is None]
        lacks = missing if stage.bytes("STATUS", name) is not None else []
        stage.check("RESUME-9", "a start that was cut short, resumed: it lacks", [], lacks)


@scenario("resume")
def resumed_at_once(stage: Stage) -> None:
    """Six that resume the same experiment: each does after the other, or not at all."""
    first_session(stage)
    plays = [go_on(stage) for _ in range(6)]
    for play in plays:
        play.end()
    lines = (stage.bytes("stdout") or b"").decode(errors="replace").count("next\n")
    ended = all(str(session.get("status")) != "RUNNING" for session in earlier(stage))
    stage.check("RESUME-7", "six that resume: each after the other", "an end", "RUNNING", ended)
    if "output" not in stage.left_out:
        stage.check("RESUME-7", f"six that resume: {EARLIER}", lines, len(earlier(stage)))


# What stands against a resume. Each is put up, tried, and taken down; then the experiment can be resumed.

Hindrance = Callable[[Stage], Iterator[dict[str, Any]]]
HINDRANCES: dict[str, tuple[str, Callable[[Stage], Any]]] = {}


def hindrance(requirement: str, what: str) -> Callable[[Hindrance], Hindrance]:
    """Enter a generator: it puts something up, yields changes to the scenario, and takes it down."""

    def enter(put_up: Hindrance) -> Hindrance:
        HINDRANCES[what] = requirement, contextmanager(put_up)
        return put_up

    return enter


@hindrance("RESUME-6", "other arguments")
def _arguments(_: Stage) -> Iterator[dict[str, Any]]:
    yield {"args": {"lr": 0.25}}


@hindrance("RESUME-6", "one more argument")
def _more(_: Stage) -> Iterator[dict[str, Any]]:
    yield {"args": {"lr": 0.5, "epochs": 1}}


@hindrance("RESUME-4", "another commit")
def _commit(stage: Stage) -> Iterator[dict[str, Any]]:
    stage.commit("Another commit")
    yield {}
    stage.git("reset", "-q", "--hard", "HEAD~1")


@hindrance("RESUME-5", "uncommitted changes that it had not")
def _changes(stage: Stage) -> Iterator[dict[str, Any]]:
    (stage.repository / "data.txt").write_text("changed\n")
    yield {"allow_dirty": "patch" not in stage.left_out}
    stage.git("checkout", "-q", "data.txt")


@hindrance("RESUME-7", "somebody is just resuming it")
def _claim(stage: Stage) -> Iterator[dict[str, Any]]:
    (stage.experiments / "1" / ".resume").touch()
    yield {}
    (stage.experiments / "1" / ".resume").unlink(missing_ok=True)


def _version(version: str | None) -> Hindrance:
    def put_up(stage: Stage) -> Iterator[dict[str, Any]]:
        before = stage.metadata()["format-version"]
        stage.set(drop=("format-version",), **({} if version is None else {"format_version": version}))
        yield {}
        stage.set(format_version=before)

    return put_up


for _number in ("1.1", "1.10", "2.0", "10.0", None):
    hindrance("RESUME-3", f"version {_number}")(_version(_number))


@hindrance("RESUME-3", "another format")
def _format(stage: Stage) -> Iterator[dict[str, Any]]:
    before = stage.metadata().get("format")
    stage.set(format="somebody's experiment folder")
    yield {}
    stage.set(drop=("format",), **({} if before is None else {"format": before}))


@hindrance("RESUME-16", "changes that nobody knows, and no name")
def _unknown_changes(stage: Stage) -> Iterator[dict[str, Any]]:
    before = stage.metadata().get("git-dirty")
    stage.set(git_dirty=True)
    yield {"id": None}
    stage.set(drop=("git-dirty",), **({} if before is None else {"git_dirty": before}))


def _running(keep: Callable[[dict[str, Any]], dict[str, Any]], **job: str) -> Hindrance:
    """STATUS says RUNNING, and the process is not known to have ended."""

    def put_up(stage: Stage) -> Iterator[dict[str, Any]]:
        whole, status = stage.metadata(), stage.bytes("STATUS") or b""
        stage.set(drop=("end-time", "process-start", "heartbeat-seconds"), **keep(whole))
        (stage.experiments / "1" / "STATUS").write_bytes(b"RUNNING\n")
        yield {"environment": job}
        stage.set(drop=tuple(stage.metadata()), **whole)
        (stage.experiments / "1" / "STATUS").write_bytes(status)

    return put_up


ELSEWHERE = {"hostname": "elsewhere", "pid": 4711, "heartbeat-seconds": 3600}
STARTED_AGAIN = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": "1"}
SAME_START = {**ELSEWHERE, "slurm-job-id": "7", "slurm-restart-count": "1"}
for _what, _keys, _job in (
    ("it may be running on another machine", ELSEWHERE, {}),
    (
        "its process-start has another form",
        {"process-start": "another-system:1"},
        {},
    ),  # and no heartbeat to wait for
    ("it is of another job", {**ELSEWHERE, "slurm-job-id": "8"}, STARTED_AGAIN),
    ("it is of no job", ELSEWHERE, STARTED_AGAIN),
    ("it may be a task of the same job", {**ELSEWHERE, "slurm-job-id": "7"}, {"SLURM_JOB_ID": "7"}),
    ("it is of the same start of the job", SAME_START, STARTED_AGAIN),
):
    hindrance("RESUME-1", _what)(_running(lambda _, found=_keys: found, **_job))


@hindrance("RESUME-1", "STATUS is missing: it is being started")
def _starting(stage: Stage) -> Iterator[dict[str, Any]]:
    path, status, whole = stage.experiments / "1" / "STATUS", stage.bytes("STATUS") or b"", stage.metadata()
    stage.set(drop=("end-time", "process-start"), **ELSEWHERE)
    path.unlink()
    yield {}
    stage.set(drop=tuple(stage.metadata()), **whole)
    path.write_bytes(status)


@scenario("resume", judged=False)
def not_resumed(stage: Stage) -> None:
    """What must not be resumed stays as it is; what stood against it gone, it is resumed."""
    first_session(stage)
    for what, (requirement, put_up) in HINDRANCES.items():
        with put_up(stage) as how:
            before = contents_of(stage.experiments / "1")
            shutil.copytree(stage.experiments / "1", stage.folder / "before", symlinks=True)
            go_on(stage, **how).end()
            if refused(stage, requirement, what, before):  # or the next would find something else
                shutil.rmtree(stage.experiments / "1")
                shutil.copytree(stage.folder / "before", stage.experiments / "1")
            shutil.rmtree(stage.folder / "before")
        left = (stage.experiments / "1" / ".resume").exists()
        stage.check("RESUME-10", "refused: the claim", "deleted", "there", not left)
        (stage.experiments / "1" / ".resume").unlink(missing_ok=True)
    sessions = len(earlier(stage))
    go_on(stage).end()
    came = len(earlier(stage)) > sessions
    stage.check("RESUME-9", "nothing stands against it", "a next session", "none", came)


def refused(stage: Stage, requirement: str, where: str, before: dict[str, bytes]) -> list[str]:
    """Hold experiment 1 against what it was, its claim aside; return which files have changed."""
    after = contents_of(stage.experiments / "1")
    # What the session before printed last may only now have come into its file.
    names = [name for name in changed(before, after) if name not in ("stdout", ".resume")]
    names += (
        ["stdout"]
        if after.get("stdout", b"").count(b"next") > before.get("stdout", b"").count(b"next")
        else []
    )
    stage.check(requirement, f"{where}: what has changed", [], names)
    return names


@scenario("resume", judged=False)
def not_resumed_while_it_runs(stage: Stage) -> None:
    """What runs is not resumed; when it has ended, it is."""
    play = stage.start(WAIT, exits(3))
    play.ready()
    before = contents_of(stage.experiments / "1")
    go_on(stage).end()
    refused(stage, "RESUME-1", "it runs", before)
    play.go()
    play.end()
    go_on(stage).end()
    stage.check("RESUME-9", "it has ended", "a next session", "none", bool(earlier(stage)))


@scenario("resume", judged=False)
def not_resumed_through_links(stage: Stage) -> None:
    """A link or a pipe in the place of each recorded file, and of the claim: it is not gone through."""
    first_session(stage)
    folder, aside = stage.experiments / "1", stage.folder / "aside"
    for file in (*sorted(RECORDED), ".resume"):
        for what in ("link", "pipe"):
            there = (folder / file).exists()
            if there:
                (folder / file).rename(aside)
            else:
                aside.write_bytes(b"")
            if what == "link":
                (folder / file).symlink_to(aside)
            else:
                os.mkfifo(folder / file)
            before, data = contents_of(folder), aside.read_bytes()
            try:
                go_on(stage).end()
            except Hang as error:
                stage.check("RESUME-18", f"a pipe for {file}", "an end", str(error), ok=False)
                return
            refused(stage, "RESUME-18", f"a {what} for {file}", before)
            stage.check("RESUME-18", f"a link for {file}: what it leads to", data, aside.read_bytes())
            (folder / file).unlink(missing_ok=True)
            if there:
                aside.rename(folder / file)
    go_on(stage).end()
    stage.check("RESUME-9", "no link and no pipe", "a next session", "none", bool(earlier(stage)))
