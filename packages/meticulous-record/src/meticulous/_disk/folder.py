"""One experiment's folder: its claim, and every name in it."""

from __future__ import annotations

import errno
import json
import os
import re
import time
from pathlib import Path
from typing import Any

from meticulous import _format
from meticulous._disk import atomic
from meticulous._disk.encode import JSON, dump
from meticulous.errors import ExperimentIdError, ExperimentsDirectoryError, ReservedFileError

__all__ = ["ExperimentFolder", "check_experiment_id", "own_file"]

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_ID = re.compile(_format.EXPERIMENT_ID_PATTERN)
_RESERVED = frozenset(name.lower() for name in _format.RECORDED_FILES)


class ExperimentFolder:
    """The folder of one experiment, and the only place that knows what is called what in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.status_path = path / _format.STATUS
        self.stdout_path = path / _format.STDOUT
        self.stderr_path = path / _format.STDERR

    @property
    def experiment_id(self) -> str:
        """The name of the folder is the experiment's id."""
        return self.path.name

    @classmethod
    def claim(cls, experiments_directory: Path, experiment_id: str | None = None) -> ExperimentFolder:
        """Make a folder that is nobody else's, named `experiment_id` or by the next number.

        Raises:
            ExperimentsDirectoryError: the directory or the folder cannot be made.
            FileExistsError: `experiment_id` is taken.
        """
        try:
            _make_experiments_directory(experiments_directory)
            if experiment_id is not None:
                path = experiments_directory / experiment_id
                path.mkdir()
                return cls(path)
            number = _highest_number(experiments_directory)
            while True:
                # `mkdir` decides: listing again would trust a network file system's cache (spec 1.0, ids).
                number += 1
                path = experiments_directory / str(number)
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                return cls(path)
        except FileExistsError:
            raise
        except OSError as error:
            raise _directory_error(experiments_directory, error) from None

    @classmethod
    def existing(cls, experiments_directory: Path) -> list[ExperimentFolder]:
        """All folders that may be experiments, in no order; none where there is no directory."""
        try:
            with os.scandir(experiments_directory) as entries:
                names = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
        except OSError:
            return []
        return [cls(experiments_directory / name) for name in names]

    def remove(self) -> None:
        """Take back a claim that could not be filled: delete what the recorder made, and nothing else."""
        for name in _format.RECORDED_FILES:
            try:
                os.unlink(self.path / name)
            except OSError:
                pass
        try:
            self.path.rmdir()
        except OSError:
            pass

    def write(self, name: str, data: bytes) -> None:
        """Replace a recorded file (see `atomic.replace`).

        Raises:
            OSError: as `atomic.replace`.
        """
        # STATUS follows all others at a start and at an end, and takes their names to the disk with its own.
        atomic.replace(self.path / name, data, sync_folder=name in (_format.STATUS, _format.SUMMARY))

    def write_json(self, name: str, value: JSON) -> None:
        """Replace a recorded JSON file.

        Raises:
            OSError: as `atomic.replace`.
        """
        self.write(name, dump(value))

    def write_status(self, status: str) -> None:
        """Replace STATUS; `status` is its text without the last newline.

        Raises:
            OSError: as `atomic.replace`.
        """
        self.write(_format.STATUS, (status + "\n").encode("utf-8", "backslashreplace"))

    def read_json(self, name: str) -> dict[str, Any] | None:
        """A recorded JSON object, or None where there is none that can be read."""
        try:
            value = json.loads((self.path / name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def read_patch(self) -> bytes:
        """The uncommitted changes it was recorded with; empty where there were none."""
        try:
            return (self.path / _format.GIT_DIFF).read_bytes()
        except OSError:
            return b""

    def read_status(self) -> str:
        """STATUS's text without the white space at its ends; empty where it cannot be read."""
        try:
            return self.status_path.read_text("utf-8", "replace").strip()
        except OSError:
            return ""

    @property
    def was_cut_short(self) -> bool:
        """Whether its start did not come to its end, with which STATUS is written (spec 1.0, the start)."""
        return not self.status_path.exists()

    def has(self, name: str) -> bool:
        """Whether a recorded file is there."""
        return (self.path / name).exists()

    def is_started_within(self, seconds: float) -> bool:
        """Wait until STATUS is there, with which all is (spec 1.0, the start); False if it does not come."""
        deadline = time.monotonic() + seconds
        while self.was_cut_short:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def silent_seconds(self) -> float:
        """For how long STATUS (in a start, metadata.json) has not been touched, by this machine's clock."""
        for path in (self.status_path, self.path / _format.METADATA):
            try:
                return time.time() - path.stat().st_mtime
            except OSError:
                continue
        return float("inf")

    @property
    def claim_path(self) -> Path:
        """The file whose exclusive creation claims the experiment for another session (spec 1.0, resume)."""
        return self.path / _format.RESUME_CLAIM


def check_experiment_id(experiment_id: str) -> str:
    """`experiment_id` itself, if it can be the name of a folder on every system (spec 1.0, ids).

    Raises:
        ExperimentIdError: it can't.
    """

    def refuse(reason: str) -> ExperimentIdError:
        return ExperimentIdError(
            f"the experiment id {experiment_id!r} {reason}: use letters, digits, '.', '_' and '-', "
            f"starting with a letter or digit, at most {_format.EXPERIMENT_ID_LENGTH} characters",
            expected=_format.EXPERIMENT_ID_PATTERN,
            found=experiment_id,
        )

    if not isinstance(experiment_id, str):
        raise refuse("is not a text")
    if len(experiment_id) > _format.EXPERIMENT_ID_LENGTH:
        raise refuse(f"is {len(experiment_id)} characters long")
    if not _ID.fullmatch(experiment_id):
        raise refuse("cannot be the name of a folder everywhere")
    if experiment_id.partition(".")[0].upper() in _format.WINDOWS_RESERVED or experiment_id.endswith("."):
        raise refuse("is reserved on Windows")
    return experiment_id


def own_file(folder: Path, name: str | os.PathLike[str], *, for_reading: bool) -> Path:
    """The path of a file in `folder` that the program may open (spec 1.0, DIR-6).

    Raises:
        ReservedFileError: the recorder writes it itself and it is not for reading, or it lies outside.
    """
    path = Path(os.path.normpath(folder / name))
    if folder not in path.parents:
        raise ReservedFileError(
            f"{os.fspath(name)!r} lies outside of the experiment's folder {str(folder)!r}: "
            "use the built-in open() for files elsewhere",
            path=path,
        )
    # On some systems `status` is STATUS.
    if not for_reading and path.parent == folder and path.name.lower() in _RESERVED:
        raise ReservedFileError(
            f"{path.name!r} is a file that the recorder writes itself: choose another name, "
            "or open it for reading with open()",
            path=path,
        )
    return path


def _make_experiments_directory(path: Path) -> None:
    try:
        os.makedirs(path)
    except FileExistsError:
        if path.is_dir():  # whoever made it has written, or is about to write, the .gitignore
            return
        raise NotADirectoryError(errno.ENOTDIR, "a file is in the way") from None
    try:
        atomic.replace(path / _format.GITIGNORE, b"*\n")
    except OSError:
        path.rmdir()  # or the next one would take it for somebody else's, and git would see all that's in it
        raise


def _highest_number(path: Path) -> int:
    return max((int(name) for name in os.listdir(path) if _NUMBER.fullmatch(name)), default=0)


def _directory_error(path: Path, error: OSError) -> ExperimentsDirectoryError:
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        remedy = "free some space, or choose another with --experiments-directory"
    elif error.errno == errno.ENOTDIR:
        file = next(
            (str(each) for each in (path, *path.parents) if os.path.lexists(each) and not each.is_dir()), ""
        )
        remedy = f"move the file {file!r} away, or choose another directory with --experiments-directory"
    else:
        remedy = "make it writable, or choose another with --experiments-directory"
    return ExperimentsDirectoryError(
        f"cannot record in the experiments directory {str(path)!r} ({error.strerror or error}): {remedy}",
        path=path,
        found=error.strerror,
    )
