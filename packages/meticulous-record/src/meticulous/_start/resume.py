"""Going on with an experiment: which one, whether it may be, and that only one process does."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from meticulous import _format
from meticulous._disk.claim import Claim
from meticulous._disk.encode import JSON, canonical, lost
from meticulous._disk.folder import ExperimentFolder
from meticulous._log import warn
from meticulous._process import SCHEDULER_KEYS, identity, observe, scheduler_job, verdict
from meticulous._session.process import process
from meticulous._start.code.commits import Code
from meticulous.errors import (
    ExperimentRunningError,
    MeticulousError,
    MismatchedArgsException,
    MismatchedCommitException,
)

__all__ = ["Earlier", "claim_named", "claim_newest"]

_ANOTHER_ID = "choose another --experiment-id"


class Earlier(NamedTuple):
    """An experiment as its last session left it, claimed by this process."""

    folder: ExperimentFolder
    metadata: dict[str, Any]
    """As it was, with the last session put among the earlier ones."""
    claim: Claim
    """To be released once metadata.json and STATUS describe the new session."""


class _Busy(NamedTuple):
    """Why an experiment cannot be claimed at the moment."""

    reason: str
    wait: float = 0
    """After how many seconds without a sign of life it can, where waiting is likely to help."""


def claim_named(folder: ExperimentFolder, args: Mapping[str, JSON], code: Code) -> Earlier:
    """Claim the experiment in `folder` for another session.

    Raises:
        MismatchedCommitException: it ran from another commit, or with other uncommitted changes.
        MismatchedArgsException: it ran with other arguments, or may have.
        ExperimentRunningError: it is running, may be, or is just being resumed.
        MeticulousError: it is not an experiment of this format, or has links in it.
    """
    where = f"the experiment {str(folder.path)!r}"
    if folder.irregular:
        raise MeticulousError(
            f"{where} has a link, a pipe or the like in the place of {', '.join(folder.irregular)}: "
            f"{_ANOTHER_ID}",
            path=folder.path,
        )
    metadata = folder.read_json(_format.METADATA)
    recorded = folder.read_json(_format.ARGS)
    if recorded is None and folder.was_cut_short:
        recorded = dict(args)  # which it would have been
    if metadata is None or recorded is None or not _is_ours(metadata):
        raise MeticulousError(
            f"{str(folder.path)!r} is there already and is no experiment of format {_format.FORMAT_VERSION} "
            f"that could be resumed: {_ANOTHER_ID}",
            path=folder.path,
        )
    for difference, then, now in _differences(folder, metadata, code):
        which = f"see its {_format.GIT_DIFF}" if isinstance(then, bytes) else f"{then}, and now it is {now}"
        raise MismatchedCommitException(
            f"{where} ran with {difference} ({which}): bring that back to resume it, or {_ANOTHER_ID}",
            path=folder.path,
            expected=then,
            found=now,
        )
    unknown = ", ".join(lost(dict(args), "args"))
    if unknown or canonical(recorded) != canonical(dict(args)):
        why = f"with other arguments ({_changed(recorded, args)}): pass the same to resume it"
        if unknown:
            why = f"perhaps with other arguments: a text does not say all of {unknown}"
        raise MismatchedArgsException(
            f"{where} ran {why}, or {_ANOTHER_ID}", path=folder.path, expected=recorded, found=dict(args)
        )
    claimed = _claim_in_time(folder)
    if isinstance(claimed, _Busy):
        raise ExperimentRunningError(
            f"{where} {claimed.reason}: wait for its end, or {_ANOTHER_ID}", path=folder.path
        )
    return claimed


def claim_newest(
    experiments_directory: Path, args: Mapping[str, JSON], code: Code
) -> tuple[Earlier | None, list[str]]:
    """Claim the newest experiment of these arguments and this code that is not running, if there is one.

    Returns:
        That and nothing, or None and what came near it: the newest of each kind.
    """
    wanted, unknown = canonical(dict(args)), ", ".join(lost(dict(args), "args"))
    fitting: list[tuple[float, ExperimentFolder]] = []
    near: dict[str, tuple[float, str]] = {}
    for folder in ExperimentFolder.existing(experiments_directory):
        # The arguments first: in a sweep the commit is the same, and most folders cost one file.
        recorded = folder.read_json(_format.ARGS)
        if recorded is None or canonical(recorded) != wanted:
            continue
        metadata = folder.read_json(_format.METADATA)
        if metadata is None or not _is_ours(metadata):
            continue
        why = [difference for difference, _, _ in _differences(folder, metadata, code)]
        if _is_half_recorded(folder, metadata):
            why.append("uncommitted changes that are not recorded")
        if folder.irregular:
            why.append(f"a link or a pipe in the place of {', '.join(folder.irregular)}")
        if unknown:
            why.append(f"perhaps another value of {unknown}, of which a text does not say all")
        found = (_start(metadata), folder.experiment_id)
        if why:
            near[why[0]] = max(near.get(why[0], found), found)
        else:
            fitting.append((found[0], folder))
    misses = [f"experiment {name} has these arguments and {why}" for why, (_, name) in near.items()]
    for _, folder in sorted(fitting, key=lambda each: each[0], reverse=True):
        claimed = _claim_in_time(folder)
        if isinstance(claimed, Earlier):
            return claimed, []
        misses.append(f"experiment {folder.experiment_id} {claimed.reason}")
    return None, misses


def _is_ours(metadata: Mapping[str, Any]) -> bool:
    """Return whether this recorder may rewrite it: other formats and versions it may not."""
    is_format = metadata.get("format", _format.FORMAT_NAME) == _format.FORMAT_NAME
    return is_format and metadata.get("format-version") == _format.FORMAT_VERSION


def _start(metadata: Mapping[str, Any]) -> float:
    try:
        return datetime.datetime.fromisoformat(str(metadata["start-time"]).replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError):
        return float("-inf")


def _differences(
    folder: ExperimentFolder, metadata: Mapping[str, Any], code: Code
) -> list[tuple[str, Any, Any]]:
    """Return what differs in the code, then and now (spec 1.0, RESUME-4, RESUME-5 and RESUME-17)."""
    commits = _commits(metadata.get("git-repositories")), _commits(code.repositories)
    facts: list[tuple[str, Any, Any]] = [
        ("another commit", metadata.get("githead-sha"), code.sha),
        ("other commits of further repositories", *commits),
    ]
    if folder.has(_format.GIT_DIFF) or not folder.was_cut_short:
        facts.append(("other uncommitted changes", folder.read_patch(), code.patch))
    return [fact for fact in facts if fact[1] != fact[2]]


def _commits(repositories: Any) -> list[tuple[str, str]]:
    """Return what has to be the same of `git-repositories`; one beside the project may lie elsewhere."""
    found = []
    for item in repositories if isinstance(repositories, list) else []:
        directory, sha = str(item.get("directory")), str(item.get("githead-sha"))
        found.append((".." if _is_beside(directory) else directory, sha))
    return sorted(found)


def _is_beside(directory: str) -> bool:
    return directory.startswith("..") or os.path.isabs(directory)


def _is_half_recorded(folder: ExperimentFolder, metadata: Mapping[str, Any]) -> bool:
    """Return whether code ran that the record does not have: only by its name is it resumed (RESUME-16)."""
    if metadata.get("git-dirty") is True and not folder.has(_format.GIT_DIFF) and not folder.was_cut_short:
        return True
    repositories = metadata.get("git-repositories")
    return any(
        item.get("git-dirty") is True and _is_beside(str(item.get("directory")))
        for item in (repositories if isinstance(repositories, list) else [])
    )


def _claim_in_time(folder: ExperimentFolder) -> Earlier | _Busy:
    """Claim the experiment; where it ran under this machine's name, wait to see whether it still does.

    A container that was killed is followed within seconds by another one, whose processes have numbers of
    their own (ParlAI#4175, wandb#2692). A dead process there differs from a live one only by its silence.
    """
    claimed = _claim(folder)
    if isinstance(claimed, Earlier) or not claimed.wait:
        return claimed
    warn(
        f"experiment {folder.experiment_id} {claimed.reason}; waiting for at most {claimed.wait:.0f} s to see"
    )
    last, end = folder.last_sign_of_life(), time.monotonic() + claimed.wait
    while time.monotonic() < end:
        time.sleep(0.2)
        if folder.last_sign_of_life() != last:
            return _Busy("has given a sign of life meanwhile")
    return _claim(folder)


def _claim(folder: ExperimentFolder) -> Earlier | _Busy:
    """Claim the experiment if it does not run: only under the claim is what its files say sure to stay."""
    claim = Claim(folder.path)
    if not claim.take():
        return _Busy("is just being resumed by another process")
    # In this order: a process that is found gone has written its last STATUS, and before that its metadata.
    metadata = folder.read_json(_format.METADATA)
    if metadata is None:
        claim.release()
        return _Busy("has just been deleted")
    busy = _may_be_running(folder, metadata, claim.time)
    status = folder.read_status()
    if folder.read_json(_format.METADATA) != metadata:
        claim.release()
        return _claim(folder)
    if busy is not None and status.splitlines()[0] == _format.RUNNING:
        claim.release()
        return busy
    sessions = metadata.get(_format.EARLIER_SESSIONS)
    sessions = list(sessions) if isinstance(sessions, list) else []
    session = {key: value for key, value in metadata.items() if key in _format.SESSION_KEYS}
    sessions.append({**session, "status": status})
    return Earlier(folder, {**metadata, _format.EARLIER_SESSIONS: sessions}, claim)


def _may_be_running(folder: ExperimentFolder, metadata: Mapping[str, Any], now: float) -> _Busy | None:
    """Return what speaks for a live process behind the last session, whatever STATUS says."""
    who = f"process {metadata.get('pid')} on {metadata.get('hostname')}"
    here = identity()
    if all(metadata.get(key) == here.get(key) for key in ("hostname", "pid", "process-start")):
        # A program that restarts itself by `os.execv` keeps all three: then it is our former self.
        is_open = any(_is_same(folder, each) for each in process.sessions)
        return _Busy(f"is running, as this very {who}") if is_open else None
    found = verdict(metadata, observe(metadata.get("pid")))
    if found != "unknown":
        return _Busy(f"is running, as {who}") if found == "alive" else None
    is_of_job = _is_of_this_job(metadata)
    if is_of_job and _restarts(scheduler_job()) > _restarts(metadata):
        return None  # the scheduler has started our job anew: what it started before has ended
    # Both times are the file system's: this machine's clock may go ahead of it.
    silent = now - folder.last_sign_of_life()
    reason = f"gave a sign of life {max(silent, 0):.0f} s ago, as {who}"
    beat = metadata.get("heartbeat-seconds")
    if not isinstance(beat, (int, float)):
        return _Busy(reason)
    # Two beats without a count: another task of the job, alive on another node, has the same keys.
    left = beat * (2 if is_of_job else _format.SILENT_HEARTBEATS) - silent
    is_namesake = str(metadata.get("hostname")).lower() == str(here.get("hostname")).lower()
    return None if left < 0 else _Busy(reason, left + 1 if is_namesake else 0)


def _is_same(folder: ExperimentFolder, session: Any) -> bool:
    try:
        return os.path.samefile(folder.path, session.folder.path)
    except (AttributeError, OSError):
        return False


def _is_of_this_job(metadata: Mapping[str, Any]) -> bool:
    """Return whether a scheduler gave the last session and this process the same ids (RESUME-2)."""
    jobs = [dict(scheduler_job()), {key: metadata[key] for key in SCHEDULER_KEYS if key in metadata}]
    for job in jobs:
        job.pop("slurm-restart-count", None)
    return bool(jobs[0]) and jobs[0] == jobs[1]


def _restarts(job: Mapping[str, Any]) -> int:
    """Return how often a scheduler has started a job anew."""
    count = str(job.get("slurm-restart-count", 0))
    return int(count) if count.isdecimal() else 0


def _changed(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    def shown(values: Mapping[str, Any], key: str) -> str:
        return repr(values[key]) if key in values else "absent"

    keys = [key for key in {**recorded, **now} if shown(recorded, key) != shown(now, key)]
    rest = f" and {len(keys) - 10} more" if len(keys) > 10 else ""
    return ", ".join(f"{key}: {shown(recorded, key)} then, {shown(now, key)} now" for key in keys[:10]) + rest
