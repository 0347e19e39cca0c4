"""One experiment's folder: its claim, and every name in it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

from meticulous import _format
from meticulous._disk import atomic
from meticulous._disk.encode import JSON, dump
from meticulous.errors import ExperimentsDirectoryError, quoted

__all__ = ["ExperimentFolder", "directory_error"]

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


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
    def claim(cls, experiments_directory: Path, experiment_id: str | None = None) -> ExperimentFolder | None:
        """Make a folder that is nobody else's, named by the next number or `experiment_id`.

        Returns:
            None if `experiment_id` is taken.

        Raises:
            ExperimentsDirectoryError: the directory or the folder cannot be made.
        """
        try:
            # `mkdir` decides: listing again would trust a network file system's cache (spec 1.0, ids).
            for number in itertools.count(_highest_number(experiments_directory) + 1):
                path = experiments_directory / (experiment_id or str(number))
                with contextlib.suppress(FileExistsError):
                    path.mkdir()
                    return cls(path)
                if experiment_id is not None:
                    break
        except OSError as error:
            raise directory_error(experiments_directory, error) from None
        return None

    @classmethod
    def existing(cls, experiments_directory: Path) -> list[ExperimentFolder]:
        """All folders that may be experiments, in no order; none where there is no directory."""
        with contextlib.suppress(OSError), os.scandir(experiments_directory) as entries:
            names = [each.name for each in entries if each.name[0] != "." and each.is_dir()]
            return [cls(experiments_directory / name) for name in names]
        return []

    def remove(self) -> None:
        """Take back a claim that could not be filled: delete what the recorder made, and nothing else."""
        for name in _format.RECORDED_FILES:
            with contextlib.suppress(OSError):
                os.unlink(self.path / name)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def write(self, name: str, data: bytes, *, in_place: bool = False, **how: Any) -> None:
        """Replace a recorded file (see `atomic.replace`), or as a last resort write it `in_place`.

        Raises:
            OSError: as `atomic.replace`.
        """
        # STATUS follows all others at a start and at an end, and takes their names to the disk with its own.
        # A call less for each of the others counts on a network (WRITE-3 asks for no more).
        is_synced = name in (_format.METADATA, _format.STATUS)
        path = self.path / name
        try:
            atomic.replace(path, data, is_synced=is_synced, sync_folder=name == _format.STATUS, **how)
        except OSError:
            if in_place:
                with contextlib.suppress(OSError):
                    return atomic.overwrite(path, data)
            raise

    def write_json(self, name: str, value: JSON, **how: Any) -> None:
        """Replace a recorded JSON file.

        Raises:
            OSError: as `atomic.replace`.
        """
        self.write(name, dump(value), **how)

    def write_status(self, status: str, **how: Any) -> None:
        """Replace STATUS; `status` is its text without the last newline.

        Raises:
            OSError: as `atomic.replace`.
        """
        self.write(_format.STATUS, (status + "\n").encode("utf-8", "backslashreplace"), in_place=True, **how)

    def sync(self, name: str) -> None:
        """Bring a recorded file to the disk that was written without."""
        atomic.sync(self.path / name)

    def version(self, name: str) -> tuple[int, int] | None:
        """What changes when a recorded file is replaced; None where there is none."""
        with contextlib.suppress(OSError):
            status = os.stat(self.path / name)
            return status.st_ino, status.st_mtime_ns
        return None

    def read(self, name: str) -> bytes:
        """Return what a recorded file holds; empty where there is none that can be read.

        It follows no link, and waits for no pipe, in its place.
        """
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path / name, flags | getattr(os, "O_BINARY", 0))
            try:
                status = os.fstat(descriptor)
                # At once: only where that is no regular file, `read` may return less.
                return os.read(descriptor, status.st_size) if stat.S_ISREG(status.st_mode) else b""
            finally:
                os.close(descriptor)
        return b""

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return a recorded JSON object, or None where there is none that can be read."""
        try:
            value = json.loads(self.read(name))
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def read_status(self) -> str:
        """Return STATUS's text without white space at its ends; RUNNING where there is none."""
        return self.read(_format.STATUS).decode("utf-8", "replace").strip() or _format.RUNNING

    @property
    def irregular(self) -> list[str]:
        """The recorded files in whose place there is a link, a pipe or another thing."""
        recorded = {*_format.RECORDED_FILES, _format.RESUME_CLAIM}
        with contextlib.suppress(OSError), os.scandir(self.path) as entries:
            return sorted(
                recorded & {each.name for each in entries if not each.is_file(follow_symlinks=False)}
            )
        return []

    @property
    def was_cut_short(self) -> bool:
        """Whether its start did not come to its end, with which STATUS is written (spec 1.0, the start)."""
        return not self.has(_format.STATUS)

    def has(self, name: str) -> bool:
        """Return whether a recorded file is there."""
        return (self.path / name).exists()

    def is_started_within(self, seconds: float) -> bool:
        """Wait until STATUS is there, with which all is (spec 1.0, the start); False if it does not come."""
        deadline = time.monotonic() + seconds
        while self.was_cut_short and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.was_cut_short

    def last_sign_of_life(self) -> float:
        """Return when STATUS (in a start, metadata.json) was touched, by the clock of its file system."""
        for name in (_format.STATUS, _format.METADATA):
            with contextlib.suppress(OSError):
                return os.lstat(self.path / name).st_mtime
        return float("-inf")


def _highest_number(path: Path) -> int:
    """Return the highest number of an experiment in a directory, which is made if it is not there."""
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        _make_experiments_directory(path)
        names = []
    return max((int(name) for name in names if _NUMBER.fullmatch(name)), default=0)


def _make_experiments_directory(path: Path) -> None:
    try:
        os.makedirs(path)
    except FileExistsError:
        return  # whoever made it has written, or is about to write, the .gitignore
    try:
        atomic.replace(path / _format.GITIGNORE, b"*\n")
    except OSError:
        path.rmdir()  # or the next one would take it for somebody else's, and git would see all that's in it
        raise


def directory_error(path: Path, error: OSError) -> ExperimentsDirectoryError:
    """Return the error for an experiments directory in which nothing can be made or written."""
    return ExperimentsDirectoryError(
        f"cannot record in the experiments directory {quoted(path)} ({error.strerror or error}): make it a "
        "directory that can be written and has some space, or choose another with --experiments-directory",
        path=path,
        found=error.strerror,
    )
