"""Going on with an experiment: which one, whether it may be, and that only one process does."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from meticulous import _format
from meticulous._disk.encode import JSON, canonical
from meticulous._disk.folder import ExperimentFolder
from meticulous._process import SCHEDULER_KEYS, observe, scheduler_job, verdict
from meticulous._start.code import Code
from meticulous.errors import (
    ExperimentRunningError,
    MeticulousError,
    MismatchedArgsException,
    MismatchedCommitException,
)

__all__ = ["Earlier", "claim_named", "claim_newest"]

# A claim lasts for the milliseconds until metadata.json and STATUS are rewritten; an older one was killed.
_STALE_CLAIM_SECONDS = 60


class Earlier(NamedTuple):
    """An experiment as its last session left it, claimed by this process."""

    folder: ExperimentFolder
    metadata: dict[str, Any]
    """As it was, with the last session put among the earlier ones."""
    claim: Path
    """The claim's file, to be removed once metadata.json and STATUS tell of the new session."""


def claim_named(folder: ExperimentFolder, args: Mapping[str, JSON], code: Code) -> Earlier:
    """Claim the experiment in `folder` for another session.

    Raises:
        MismatchedCommitException: it ran from another commit, or with other uncommitted changes.
        MismatchedArgsException: it ran with other arguments.
        ExperimentRunningError: it is running, may be, or is just being resumed.
        MeticulousError: it is not an experiment of this format.
    """
    metadata = folder.read_json(_format.METADATA)
    recorded = folder.read_json(_format.ARGS)
    if recorded is None and folder.was_cut_short:
        recorded = dict(args)  # which it would have been
    if metadata is None or recorded is None or not _is_ours(metadata):
        raise MeticulousError(
            f"{str(folder.path)!r} is there already and is no experiment of format {_format.FORMAT_VERSION} "
            "that could be resumed: choose another --experiment-id",
            path=folder.path,
        )
    if metadata.get("githead-sha") != code.sha:
        raise MismatchedCommitException(
            f"the experiment {str(folder.path)!r} ran from the commit {metadata.get('githead-sha')}, and "
            f"this is {code.sha}: check that one out to resume it, or choose another --experiment-id",
            path=folder.path,
            expected=metadata.get("githead-sha"),
            found=code.sha,
        )
    if _commits(metadata.get("git-repositories")) != _commits(code.repositories):
        raise MismatchedCommitException(
            f"the experiment {str(folder.path)!r} ran with other commits of further repositories (see "
            "git-repositories in its metadata.json): check those out to resume it, or choose another "
            "--experiment-id",
            path=folder.path,
            expected=metadata.get("git-repositories"),
            found=code.repositories,
        )
    if folder.read_patch() != code.patch and (folder.has(_format.GIT_DIFF) or not folder.was_cut_short):
        raise MismatchedCommitException(
            f"the experiment {str(folder.path)!r} ran with other uncommitted changes than there are now "
            f"(see its {_format.GIT_DIFF}): restore those to resume it, or choose another --experiment-id",
            path=folder.path,
            expected=folder.read_patch(),
            found=code.patch,
        )
    if canonical(recorded) != canonical(dict(args)):
        raise MismatchedArgsException(
            f"the experiment {str(folder.path)!r} ran with other arguments ({_difference(recorded, args)}): "
            "pass the same to resume it, or choose another --experiment-id",
            path=folder.path,
            expected=recorded,
            found=dict(args),
        )
    earlier = _claim(folder)
    if earlier is None:
        raise ExperimentRunningError(
            f"the experiment {str(folder.path)!r} is running, as process {metadata.get('pid')} on "
            f"{metadata.get('hostname')}, or was until a moment ago: wait for its end, or choose another "
            "--experiment-id",
            path=folder.path,
        )
    return earlier


def claim_newest(experiments_directory: Path, args: Mapping[str, JSON], code: Code) -> Earlier | None:
    """Claim the newest experiment of these arguments and this code that is not running, if there is one."""
    wanted = canonical(dict(args))
    fitting = []
    for folder in ExperimentFolder.existing(experiments_directory):
        metadata = folder.read_json(_format.METADATA)
        if metadata is None or metadata.get("githead-sha") != code.sha or not _is_ours(metadata):
            continue
        if _commits(metadata.get("git-repositories")) != _commits(code.repositories):
            continue
        recorded = folder.read_json(_format.ARGS)
        if recorded is not None and canonical(recorded) == wanted and folder.read_patch() == code.patch:
            fitting.append((_start(metadata), folder))
    for _, folder in sorted(fitting, key=lambda found: found[0], reverse=True):
        earlier = _claim(folder)
        if earlier is not None:
            return earlier
    return None


def _commits(repositories: Any) -> list[tuple[str, str]]:
    """What has to be the same of `git-repositories`; one beside the project may lie elsewhere (RESUME-4)."""
    found = []
    for item in repositories if isinstance(repositories, list) else []:
        directory, sha = str(item.get("directory")), str(item.get("githead-sha"))
        found.append((".." if directory.startswith("..") or os.path.isabs(directory) else directory, sha))
    return sorted(found)


def _is_ours(metadata: Mapping[str, Any]) -> bool:
    """Whether this recorder may rewrite it: legacy folders and those of later versions it may not."""
    return metadata.get("format-version") == _format.FORMAT_VERSION


def _start(metadata: Mapping[str, Any]) -> float:
    import datetime

    try:
        return datetime.datetime.fromisoformat(str(metadata["start-time"]).replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError):
        return float("-inf")


def _may_have_ended(folder: ExperimentFolder, metadata: Mapping[str, Any]) -> bool:
    """Whether nothing speaks for a live process behind the last session, whatever STATUS says."""
    found = verdict(metadata, observe(metadata.get("pid")))
    if found != "unknown":
        return found == "gone"
    requeued = _is_of_this_job(metadata)
    if requeued and _restarts(scheduler_job()) > _restarts(metadata):
        return True  # the scheduler has started our job anew: what it started before has ended
    beat = metadata.get("heartbeat-seconds")
    if not isinstance(beat, (int, float)):
        return False
    # Without a count, two beats: another task of the job, alive on another node, has the same keys.
    return time.time() - folder.last_sign_of_life() > beat * (2 if requeued else _format.SILENT_HEARTBEATS)


def _is_of_this_job(metadata: Mapping[str, Any]) -> bool:
    """Whether a scheduler gave the last session and this process the same ids (spec 1.0, RESUME-2)."""
    jobs = [dict(scheduler_job()), {key: metadata[key] for key in SCHEDULER_KEYS if key in metadata}]
    for job in jobs:
        job.pop("slurm-restart-count", None)
    return bool(jobs[0]) and jobs[0] == jobs[1]


def _restarts(job: Mapping[str, Any]) -> int:
    """How often a scheduler has started a job anew."""
    try:
        return int(job.get("slurm-restart-count", 0))
    except (TypeError, ValueError):
        return 0


def _claim(folder: ExperimentFolder) -> Earlier | None:
    """Claim the experiment if it does not run: only under the claim is what its files say sure to stay."""
    if not _create(folder.claim_path):
        return None
    # In this order: a process that is found gone has written its last STATUS, and before that its metadata.
    ended = _may_have_ended(folder, folder.read_json(_format.METADATA) or {})
    status = folder.read_status() or _format.RUNNING
    metadata = folder.read_json(_format.METADATA)
    if metadata is None or (status.splitlines()[0] == _format.RUNNING and not ended):
        release(folder.claim_path)
        return None
    sessions = metadata.get(_format.EARLIER_SESSIONS)
    sessions = list(sessions) if isinstance(sessions, list) else []
    session = {key: value for key, value in metadata.items() if key in _format.SESSION_KEYS}
    sessions.append({**session, "status": status})
    return Earlier(folder, {**metadata, _format.EARLIER_SESSIONS: sessions}, folder.claim_path)


def _create(claim: Path) -> bool:
    for _ in range(2):
        try:
            os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            try:
                if time.time() - claim.stat().st_mtime < _STALE_CLAIM_SECONDS:
                    return False
            except OSError:
                return False  # its owner has just let go: the experiment runs
            release(claim)
        except OSError:
            return False
        else:
            return True
    return False


def release(claim: Path) -> None:
    """Let go of a claim."""
    try:
        os.unlink(claim)
    except OSError:
        pass


def _difference(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    def shown(values: Mapping[str, Any], key: str) -> str:
        return repr(values[key]) if key in values else "absent"

    keys = [key for key in {**recorded, **now} if shown(recorded, key) != shown(now, key)]
    rest = f" and {len(keys) - 10} more" if len(keys) > 10 else ""
    return ", ".join(f"{key}: {shown(recorded, key)} then, {shown(now, key)} now" for key in keys[:10]) + rest
