"""One experiment as an object: read whole when made, whatever state its folder is in."""

from __future__ import annotations

import itertools
import operator
import os
import time
from datetime import datetime, timedelta
from typing import IO, TYPE_CHECKING, Any

from meticulous_read import _liveness, _parse
from meticulous_read._folder import Folder
from meticulous_read._format import (
    ARGS,
    DEFAULT_ARGS,
    METADATA,
    RUNNING,
    SILENT_HEARTBEATS,
    STATUS,
    STDERR,
    STDOUT,
    SUMMARY,
)
from meticulous_read._frame import GROUPS, HEADER, normalized
from meticulous_read._parse import COLUMNS_LIMIT
from meticulous_read.errors import Problem, Remark

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ExperimentReader"]

_header_of = operator.attrgetter(*HEADER)


class ExperimentReader:
    """What is recorded in one experiment's folder, as of when it was read.

    Making one never raises for what lies in the folder: attributes that cannot be read are empty ({}, "" or
    None), and `problems` says why. A subclass may read more in `__init__` and add columns in `row`.
    """

    experiment_id: str
    """The folder's name."""

    format_version: str
    """Such as "1.0"; "0" for folders of the original tool, "" if it is not known."""

    metadata: dict[str, Any]
    """The object in metadata.json: commit, command line, host and more."""

    args: dict[str, Any]
    """The arguments, as they were recorded."""

    default_args: dict[str, Any]
    """What the arguments would have been by default; empty if that was not recorded."""

    summary: dict[str, Any]
    """The latest summary, as it was recorded."""

    status: str
    """"RUNNING", "SUCCESS", "ERROR", or the other word that STATUS begins with."""

    status_message: str
    """The rest of STATUS: a traceback, "exit code 3", "signal SIGTERM"."""

    sha: str
    """The commit."""

    timestamp: datetime | None
    """When the experiment was created, in UTC."""

    start_time: datetime | None
    """When its latest session started, in UTC."""

    end_time: datetime | None
    """When its latest session ended, in UTC."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self._folder = Folder(directory)
        self.experiment_id = self._folder.name
        self._read_status_and_metadata()
        self.args = self._read_object(ARGS)
        self.default_args = self._read_object(DEFAULT_ARGS)
        self.summary = self._read_object(SUMMARY)

    @property
    def directory(self) -> Path:
        """The folder, as it was passed."""
        from pathlib import Path  # it takes longer to import than a folder to read

        return Path(self._folder.given)

    @property
    def state(self) -> str:
        """`status`; but `lost` or `silent` where a RUNNING experiment is that, and `unknown` without STATUS.

        It is found out at each access, as `lost` and `silent` are.
        """
        lost = self.lost
        if lost or (lost is None and self._is_overdue()):
            return "lost" if lost else "silent"
        return self.status or "unknown"

    @property
    def reason(self) -> str:
        """The one line of `status_message` that says most, such as "ValueError: loss is nan"."""
        return _parse.one_line(self.status_message)

    @property
    def duration(self) -> timedelta | None:
        """How long the latest session took; None while it runs, or when either time is unknown."""
        if self.start_time is None or self.end_time is None:
            return None
        return self.end_time - self.start_time

    @property
    def lost(self) -> bool | None:
        """Whether a RUNNING experiment's process is gone: proven (True), disproven (False), unknown (None).

        Derived at each access. Only the machine that runs the experiment can know; elsewhere see `silent`.
        """
        if self.status != RUNNING:
            return False
        lost = _liveness.is_lost(self.metadata)
        # A process that has just ended may have said so since STATUS was read.
        return False if lost and self.refresh_status() != RUNNING else lost

    @property
    def silent_for(self) -> timedelta | None:
        """How long ago a RUNNING experiment last gave a sign of life (STATUS was touched); else None."""
        if self.status != RUNNING:
            return None
        try:
            touched = os.lstat(self._folder.path_of(STATUS)).st_mtime
        except OSError:
            return None
        return timedelta(seconds=max(0.0, time.time() - touched))

    @property
    def silent(self) -> bool:
        """Whether a RUNNING experiment that may be lost has missed more than five heartbeats in a row."""
        return self._is_overdue() and self.lost is None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read, or not as it stands, file by file."""
        return self._folder.problems()

    @property
    def stdout(self) -> str:
        """What was written to standard output, read anew at each access; at most its last 64 MiB."""
        return self._folder.read_output(STDOUT, optional=STDOUT in self._optional)

    @property
    def stderr(self) -> str:
        """What was written to standard error, read anew at each access; at most its last 64 MiB."""
        return self._folder.read_output(STDERR, optional=STDERR in self._optional)

    def open(self, name: str, mode: str = "r", **options: Any) -> IO[Any]:
        """Open a file in the experiment's folder for reading, like the built-in `open`, in UTF-8 by default.

        Raises:
            ValueError: a mode that writes, or a name that leads out of the folder, also by way of a link.
            OSError: there is no such file, or it is a pipe, a device or the like, which could wait for ever.
        """
        return self._folder.open(name, mode, **options)

    def refresh_status(self) -> str:
        """Read STATUS and metadata.json again, which tell together how it goes, and return the status."""
        self._read_status_and_metadata()
        return self.status

    def refresh_summary(self) -> dict[str, Any]:
        """Read summary.json again and return it."""
        self.summary = self._read_object(SUMMARY)
        return self.summary

    def has_changed(self) -> bool:
        """Tell whether a recorded file looks different from when it was read, or may do so unseen."""
        return self._folder.has_changed()

    def row(self, normalize: int = 0) -> dict[str, dict[str, Any]]:
        """Return this experiment's row of the frame: its values by the two levels of their column's name.

        Objects become values of their own (`best.loss`) down to `normalize` levels. A subclass may add to
        `header`, and add groups of its own; the other groups are not copies.
        """
        header = dict(zip(HEADER, _header_of(self)))
        header["problems"] = "\n".join(map(str, header["problems"]))
        return {"header": header, **{group: self.spread(group, normalize) for group in GROUPS}}

    def spread(self, group: str, levels: int) -> dict[str, Any]:
        """Return `args`, `default_args`, `metadata` or `summary` alone, as in `row`. It may be no copy."""
        values: dict[str, Any] = getattr(self, group)
        if levels > 0 and dict in set(map(type, values.values())):
            values = normalized(values, levels)
        if len(values) > COLUMNS_LIMIT:
            values = dict(itertools.islice(values.items(), COLUMNS_LIMIT))
        return values

    def _is_overdue(self) -> bool:
        beat = self.metadata.get("heartbeat-seconds")
        silence = self.silent_for
        if silence is None or not isinstance(beat, (int, float)) or isinstance(beat, bool):
            return False
        return silence.total_seconds() > SILENT_HEARTBEATS * beat > 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self.directory)!r}: {self.status or 'no status'}>"

    def _read_status_and_metadata(self) -> None:
        # STATUS first: it is written last, so when it tells of an end, all that belongs to that end is there.
        status = self._folder.read(STATUS)
        data = self._folder.read(METADATA)
        self.metadata = {}
        found: list[Remark] = []
        self.format_version, problem, self._understood = "", None, True
        if data is not None:
            # What only legacy files may hold is not held against one before its version is known.
            self.metadata, found = _parse.parse_object(data, legacy=b'"format-version"' not in data)
            if self.metadata or not found:
                self.format_version, problem, self._understood = _parse.parse_version(self.metadata)
        legacy = self._legacy = self.format_version == _parse.LEGACY or not self.metadata
        self._optional = (SUMMARY,) if legacy else (SUMMARY, DEFAULT_ARGS, STDOUT, STDERR)
        if not self._understood:
            self.metadata, status = {}, None
            self._folder.note(STATUS)
        elif not legacy:
            found += _parse.wrong_types(self.metadata)
        if found or problem:
            self._folder.note(METADATA, *found, problem)
        self.status, self.status_message = "", ""
        if status is not None:
            self.status, self.status_message, problem = _parse.parse_status(status, legacy=legacy)
            if problem:
                self._folder.note(STATUS, problem)
        sha = self.metadata.get("githead-sha")
        self.sha = sha if isinstance(sha, str) else ""
        self.start_time = self._time("start-time")
        self.end_time = self._time("end-time")
        self.timestamp = self._time("timestamp") or self.start_time
        self.start_time = self.start_time or self.timestamp  # the tool of 2020 wrote `timestamp` only
        if self.start_time and self.end_time and self.end_time < self.start_time:
            self._folder.note_also(METADATA, ("end-before-start", "end-time is before start-time"))

    def _read_object(self, name: str) -> dict[str, Any]:
        data = self._folder.read(name, optional=name in self._optional)
        if not self._understood:
            self._folder.note(name)
        if data is None or not self._understood:
            return {}
        optional = self._legacy and name == DEFAULT_ARGS  # there `null` means the same
        value, found = _parse.parse_object(data, legacy=self._legacy, optional=optional)
        if found:
            self._folder.note(name, *found)
        return value

    def _time(self, key: str) -> datetime | None:
        if key not in self.metadata:
            return None
        moment, problem = _parse.parse_time(self.metadata[key], legacy=self._legacy)
        if problem:
            self._folder.note_also(METADATA, (problem[0], f"{key} {problem[1]}"))
        return moment
