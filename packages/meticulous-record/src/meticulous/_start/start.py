"""The start: who records, then the code is looked at, a folder claimed, the first files written."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import uuid
from pathlib import Path

from meticulous import _format, _log, _process
from meticulous._disk.encode import JSON, dump
from meticulous._disk.folder import ExperimentFolder, directory_error
from meticulous._ranks import is_importing_main, other_rank
from meticulous._session.hooks import process
from meticulous._session.session import CAPTURES, Session, now
from meticulous._session.unrecorded import Unrecorded
from meticulous._start import resume
from meticulous._start.code.commits import Code, inspect
from meticulous._start.environment import requirements
from meticulous._start.options import Configuration
from meticulous.errors import OptionsError, RepositoryError

__all__ = ["start"]


def start(given: Configuration, capture: str) -> Session | Unrecorded:
    """Record in this process, or not, as the options, the launcher and `multiprocessing` have it.

    Raises:
        MeticulousError: as `Experiment`; then nothing is left behind.
    """
    options = given.options.check()
    if capture not in CAPTURES:
        raise OptionsError(f"capture={capture!r} is not one of {', '.join(map(repr, CAPTURES))}")
    if capture == "fd" and process.redirections:
        raise OptionsError('capture="fd" is for one experiment at a time: finish() the other one first')
    beside = Unrecorded()
    if options.norecord:
        beside.make_scratch()
        return beside
    try:
        project = Path(os.path.abspath(os.path.expanduser(options.project_directory)))
    except FileNotFoundError:
        raise RepositoryError(
            "the current directory has been deleted, so there is no code to look at: start in another, name "
            "the project's with --project-directory, or use --norecord"
        ) from None
    directory = project / os.path.expanduser(options.experiments_directory)
    rank = other_rank()
    if rank is None and not is_importing_main():
        return _record(project, directory, given, capture)
    files = ""
    if options.experiment_id is not None:
        beside.awaited = directory / options.experiment_id
    elif rank is not None:
        beside.make_scratch()
        files = ", and its files are deleted at the end"
    if rank is None:
        _log.logger.info("this is a worker that imports the main module: the main process records")
    else:
        where = "(if this is a program of its own, unset the variable)"
        _log.warn(f"{rank} records nothing, since rank 0 does{files} {where}")
    return beside


def _record(project: Path, directory: Path, given: Configuration, capture: str) -> Session:
    """Record in a folder of its own below `directory`, or in that of an earlier experiment if options say so.

    Raises:
        MeticulousError: as `Experiment`; then nothing is left behind.
    """
    args, options = given.encoded, given.options
    code = inspect(project, directory, allow_dirty=options.allow_dirty)
    files = {_format.ARGS: dump(args)}
    if given.defaults is not None:
        files[_format.DEFAULT_ARGS] = dump(given.defaults)
    if code.patch:
        files[_format.GIT_DIFF] = code.patch
    earlier, misses = resume.claim_newest(directory, args, code) if options.resume else (None, [])
    folder = earlier.folder if earlier else ExperimentFolder.claim(directory, options.experiment_id)
    if folder is None:
        folder = ExperimentFolder(directory / str(options.experiment_id))
        earlier = resume.claim_named(folder, args, code)
    _warn_of_others()
    if misses:
        _log.warn(f"starting experiment {folder.experiment_id}: {'; '.join(misses)}")
    try:
        metadata = _metadata(options.description, code)
        if earlier is not None:
            metadata = _of_next_session(earlier.metadata, metadata)
            # Arguments and code are what they were: a start that was cut short may not have written them.
            is_cut_short = folder.was_cut_short
            files = {name: files[name] for name in files if is_cut_short and not folder.has(name)}
        folder.write_json(_format.METADATA, metadata)
        for name, data in files.items():
            folder.write(name, data)
        folder.write(_format.REQUIREMENTS, requirements())
        return Session(folder, metadata, capture)
    except Exception as error:
        if earlier is None:
            folder.remove()
        if not isinstance(error, OSError):
            raise
        raise directory_error(directory, error) from None
    finally:
        if earlier is not None:
            earlier.claim.release()


def _of_next_session(earlier: dict[str, JSON], new: dict[str, JSON]) -> dict[str, JSON]:
    """Return the metadata of an experiment that goes on: when, where and by whom it runs is new."""
    kept = {key: value for key, value in earlier.items() if key not in _format.SESSION_KEYS}
    kept.update((key, new[key]) for key in (*_format.SESSION_KEYS, "description") if key in new)
    if "githead-claimed" in new:
        kept.pop("git-dirty", None)  # nobody looked (spec 1.0, META-11)
    return kept


def _warn_of_others() -> None:
    """Say that an experiment of this process has not ended: it would record what belongs to the next one."""
    for each in resume.open_experiments():
        _log.warn(
            f"experiment {each.experiment_id} has not ended, and also records what the next one prints: "
            "end each by `with` or finish() before the next one starts"
        )


def _metadata(description: str, code: Code) -> dict[str, JSON]:
    """Return metadata.json of a first session: each key where there is something to say."""
    from meticulous import __version__

    start = now()
    facts: dict[str, JSON] = {
        "format": _format.FORMAT_NAME,
        "format-version": _format.FORMAT_VERSION,
        "uuid": str(uuid.uuid4()),
        **code.facts,
        "description": str(description or "") or None,
        "timestamp": start,
        "start-time": start,
        "command": _command() or None,
        "working-directory": _working_directory(),
        "runtime": f"Python {platform.python_version()}",
        "recorder": f"meticulous-record {__version__}",
        **_process.identity(),
        **_process.scheduler_job(),
        "heartbeat-seconds": _format.HEARTBEAT_SECONDS,
    }
    return {key: value for key, value in facts.items() if value is not None}


def _command() -> list[JSON]:
    """What to type after `python` to run this again; in `-m package.module` argv has only a path."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    # Where a worker of joblib's got its parent's argv, and in `python app.zip`, it is not the module's.
    if spec is None or sys.argv[0] != getattr(main, "__file__", None):
        return [str(word) for word in sys.argv]  # a program may have put anything there
    return ["-m", spec.name.removesuffix(".__main__"), *map(str, sys.argv[1:])]


def _working_directory() -> str | None:
    with contextlib.suppress(OSError):
        return os.getcwd()
    return None  # it has been deleted
