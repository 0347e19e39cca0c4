"""Going on with an experiment: which one, whether it may be, and that only one process does."""

from __future__ import annotations

import datetime
import itertools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from meticulous import _format, errors
from meticulous._disk.claim import Claim
from meticulous._disk.encode import JSON, canonical, lost
from meticulous._disk.folder import ExperimentFolder
from meticulous._log import warn
from meticulous._process import observe, scheduler_job, verdict
from meticulous._session.hooks import process
from meticulous._session.session import Session
from meticulous._start.code.commits import Code
from meticulous._start.code.repository import is_inside

__all__ = ["Earlier", "claim_named", "claim_newest", "open_experiments"]

_ANOTHER_ID = "choose another --experiment-id"
# Half as many as the slots of NFS 4.1.
_THREADS = 32


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


class _Misfit(NamedTuple):
    """One thing for which an experiment can't be resumed."""

    what: str
    """What it has, in words."""
    detail: str = ""
    error: type[errors.MeticulousError] = errors.MeticulousError
    then: Any = None
    now: Any = None


def claim_named(folder: ExperimentFolder, args: dict[str, JSON], code: Code) -> Earlier:
    """Claim the experiment in `folder` for another session.

    Raises:
        MismatchedCommitException: it ran from another commit, or with other uncommitted changes.
        MismatchedArgsException: it ran with other arguments, or may have.
        ExperimentRunningError: it is running, may be, or is just being resumed.
        MeticulousError: it is not an experiment of this format, or has links in it.
    """
    where = f"the experiment {errors.quoted(folder.path)}"
    misfit = next(_misfits(folder, folder.read_json(_format.METADATA), args, code), None)
    if misfit is not None:
        remedy = "" if misfit.error is errors.MeticulousError else "bring back what it was started with, or "
        raise misfit.error(
            f"{where} can't be resumed, since it has {misfit.what}{misfit.detail}: {remedy}{_ANOTHER_ID}",
            path=folder.path,
            expected=misfit.then,
            found=misfit.now,
        )
    claimed = _claim_in_time(folder)
    if isinstance(claimed, _Busy):
        raise errors.ExperimentRunningError(
            f"{where} {claimed.reason}: wait for its end, or {_ANOTHER_ID}", path=folder.path
        )
    return claimed


def claim_newest(
    experiments_directory: Path, args: dict[str, JSON], code: Code
) -> tuple[Earlier | None, list[str]]:
    """Claim the newest experiment of these arguments and this code that is not running, if there is one.

    Returns:
        That and nothing, or None and what came near it: the newest of each kind.
    """
    near: dict[str, str] = {}
    folders = _with_arguments(experiments_directory, args)
    found = [(folder, folder.read_json(_format.METADATA)) for folder in folders]
    ours = [(folder, metadata) for folder, metadata in found if metadata and _is_ours(metadata)]
    for folder, metadata in sorted(ours, key=lambda each: _start(each[1]), reverse=True):
        misfits = [misfit.what for misfit in _misfits(folder, metadata, args, code)]
        if _has_unrecorded_changes(folder, metadata):
            misfits.append("uncommitted changes that are not recorded")
        claimed = None if misfits else _claim_in_time(folder)
        if isinstance(claimed, Earlier):
            return claimed, []
        why = claimed.reason if claimed else f"has these arguments and {misfits[0]}"
        near.setdefault(why, f"experiment {folder.experiment_id} {why}")
    return None, [*near.values()]


def _with_arguments(experiments_directory: Path, args: dict[str, JSON]) -> list[ExperimentFolder]:
    """Return the experiments with these arguments.

    In a sweep the commit is the same, so most folders cost one file; on a network each takes its time.
    """
    from concurrent.futures import ThreadPoolExecutor  # late: it costs a millisecond

    folders, wanted = ExperimentFolder.existing(experiments_directory), canonical(args)
    shares = [folders[start::_THREADS] for start in range(min(_THREADS, len(folders)))]

    def fitting(share: list[ExperimentFolder]) -> list[ExperimentFolder]:
        return [folder for folder in share if canonical(folder.read_json(_format.ARGS)) == wanted]

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(itertools.chain.from_iterable(pool.map(fitting, shares)))


def open_experiments() -> list[ExperimentFolder]:
    """Return the experiments of this process that have not ended."""
    return [each.folder for each in process.sessions if isinstance(each, Session)]


def _is_ours(metadata: Mapping[str, Any]) -> bool:
    """Return whether this recorder may rewrite it: other formats and versions it may not."""
    is_format = metadata.get("format", _format.FORMAT_NAME) == _format.FORMAT_NAME
    return is_format and metadata.get("format-version") == _format.FORMAT_VERSION


def _start(metadata: Mapping[str, Any]) -> float:
    try:
        return datetime.datetime.fromisoformat(str(metadata["start-time"]).replace("Z", "+00:00")).timestamp()
    except (KeyError, ValueError):
        return float("-inf")


def _misfits(
    folder: ExperimentFolder, metadata: Mapping[str, Any] | None, args: dict[str, JSON], code: Code
) -> Iterator[_Misfit]:
    """Yield what differs (spec 1.0, RESUME-4, RESUME-5, RESUME-17 and RESUME-18)."""
    is_whole, recorded = not folder.was_cut_short, folder.read_json(_format.ARGS)
    if metadata is None or not _is_ours(metadata) or (is_whole and recorded is None):
        yield _Misfit(f"no experiment of format {_format.FORMAT_VERSION} in it")
        return
    if folder.irregular:
        yield _Misfit(f"a link or a pipe in the place of {', '.join(folder.irregular)}")
    then, now = _commits(metadata), _commits(code.facts)
    if then != now:
        is_project = metadata.get("githead-sha") != code.facts["githead-sha"]
        what = "another commit" if is_project else "other commits of further repositories"
        yield _Misfit(what, f" ({then}, and now {now})", errors.MismatchedCommitException, then, now)
    patch = folder.read(_format.GIT_DIFF)
    if (patch or is_whole) and patch != code.patch:
        yield _Misfit("other uncommitted changes", "", errors.MismatchedCommitException, patch, code.patch)
    unknown = ", ".join(lost(args, "args"))
    if unknown:
        what = f"perhaps another value of {unknown}, of which a text does not say all"
        yield _Misfit(what, error=errors.MismatchedArgsException)
    if recorded is not None and canonical(recorded) != canonical(args):
        detail = f" ({_changed(recorded, args)})"
        yield _Misfit("other arguments", detail, errors.MismatchedArgsException, recorded, args)


def _has_unrecorded_changes(folder: ExperimentFolder, metadata: Mapping[str, Any]) -> bool:
    """Return whether code ran that nothing holds (RESUME-16): a user who names the experiment may go on."""
    others = _objects(metadata.get("git-repositories"))
    unrecorded = [each for each in others if not is_inside(str(each.get("directory")))]
    if not folder.was_cut_short and not folder.has(_format.GIT_DIFF):
        unrecorded.append(dict(metadata))
    return any(each.get("git-dirty") is True for each in unrecorded)


def _commits(metadata: Mapping[str, Any]) -> str:
    """Return the commits in words; a repository beside the project's may lie elsewhere by now."""
    others = []
    for each in _objects(metadata.get("git-repositories")):
        directory = str(each.get("directory"))
        others.append(f"{directory if is_inside(directory) else 'one beside'} at {each.get('githead-sha')}")
    return ", ".join([str(metadata.get("githead-sha")), *sorted(others)])


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _changed(then: dict[str, JSON], now: dict[str, JSON]) -> str:
    """Return in words which arguments differ."""
    values = {
        key: [repr(args[key]) if key in args else "absent" for args in (then, now)] for key in {**then, **now}
    }
    return errors.listed(f"{key}: {old} then, {new} now" for key, (old, new) in values.items() if old != new)


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
    busy = _may_be_running(folder, metadata or {}, claim.time)
    status = folder.read_status()
    is_steady = folder.read_json(_format.METADATA) == metadata
    if metadata is not None and is_steady and (busy is None or status.splitlines()[0] != _format.RUNNING):
        session = {key: value for key, value in metadata.items() if key in _format.SESSION_KEYS}
        sessions = [*_objects(metadata.get(_format.EARLIER_SESSIONS)), {**session, "status": status}]
        return Earlier(folder, {**metadata, _format.EARLIER_SESSIONS: sessions}, claim)
    claim.release()
    if not is_steady:
        return _claim(folder)
    return busy or _Busy("has just been deleted")


def _may_be_running(folder: ExperimentFolder, metadata: Mapping[str, Any], now: float) -> _Busy | None:
    """Return what speaks for a live process behind the last session, whatever STATUS says."""
    pid, hostname = metadata.get("pid"), metadata.get("hostname")
    who = f"process {pid} on {hostname}"
    here = observe(pid)
    found = verdict(metadata, here)
    if found == "alive" and pid == os.getpid():
        # A program that restarts itself by `os.execv` stays the same process: then it is our former self.
        is_open = folder.path.resolve() in [each.path.resolve() for each in open_experiments()]
        found = "alive" if is_open else "gone"
    if found != "unknown":
        return _Busy(f"is running, as {who}") if found == "alive" else None
    job, count = scheduler_job(), "slurm-restart-count"
    ids = {key: metadata.get(key) for key in _format.SCHEDULER_KEYS if key != count}
    is_of_job = any(ids.values()) and all(job.get(key) == value for key, value in ids.items())
    if is_of_job and _number(job.get(count)) > _number(metadata.get(count)):
        return None  # the scheduler has started our job anew: what it started before has ended
    # Both times are the file system's: this machine's clock may go ahead of it.
    silent = now - folder.last_sign_of_life()
    reason = f"gave a sign of life {max(silent, 0):.0f} s ago, as {who}"
    beat = metadata.get("heartbeat-seconds")
    if not isinstance(beat, (int, float)):
        return _Busy(reason)
    # Two beats without a count: another task of the job, alive on another node, has the same keys.
    left = beat * (2 if is_of_job else _format.SILENT_HEARTBEATS) - silent
    is_namesake = str(hostname).lower() == here.hostname.lower()
    return None if left < 0 else _Busy(reason, left + 1 if is_namesake else 0)


def _number(count: object) -> int:
    return int(str(count)) if str(count).isdecimal() else 0
