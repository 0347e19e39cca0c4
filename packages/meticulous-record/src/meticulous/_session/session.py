"""One session of an experiment, from its first STATUS to its last; I/O that fails is told, not raised."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Callable, Protocol

from meticulous import _format, _log
from meticulous._disk import atomic
from meticulous._disk.encode import JSON
from meticulous._disk.folder import ExperimentFolder
from meticulous._session import ending
from meticulous._session.descriptors import DescriptorCapture, leads_to_descriptor
from meticulous._session.heartbeat import Heartbeat
from meticulous._session.process import process
from meticulous._session.streams import StreamCapture

__all__ = ["Session", "now"]

_TICK_SECONDS = 1
_LAST_SECONDS = 10
"""For how long the end tries to replace a file that somebody has open."""


def now() -> str:
    """The time as RFC 3339 has it, local with its offset from UTC."""
    return datetime.datetime.now().astimezone().isoformat(timespec="microseconds")


class Capture(Protocol):
    """One way to copy one of the program's outputs into a file."""

    def begin(self) -> None:
        """Copy what is printed from now on. If it raises, `end` undoes it."""

    def check(self) -> None:
        """Look now and then whether the program has changed what is copied."""

    def end(self, *, hurried: bool = False) -> None:
        """Copy no more, and leave streams and descriptors as they were; `hurried`: wait for nobody."""


class Session:
    """A session that runs: listens to output and outcome, shows signs of life, writes summaries and the end.

    A thread looks after it once a second: it writes what could not be written, syncs what was, and touches
    STATUS now and then.

    Raises:
        OSError: the files that belong to every experiment cannot be written.
    """

    survived = ""

    def __init__(self, folder: ExperimentFolder, metadata: dict[str, JSON], capture: str) -> None:
        self.folder = folder
        self._metadata = metadata
        self._process = os.getpid()
        self._ending = self._ended = False
        self._told: set[str] = set()
        self._summary: dict[str, JSON] | None = None
        self._summarizing = threading.RLock()
        self._is_summary_late = self._is_summary_unsynced = False
        self._captures: list[Capture] = []
        self._version = folder.version(_format.METADATA)
        self._beaten = time.monotonic()
        # Before STATUS: what is captured exists from the start, and an absent file says that nobody did
        # (spec 1.0, output).
        captures = [
            _capture(capture, 1, "stdout", folder.stdout_path, self._told),
            _capture(capture, 2, "stderr", folder.stderr_path, self._told),
        ]
        folder.write_status(_format.RUNNING)
        self._heartbeat = Heartbeat(self._tick, _TICK_SECONDS)
        with process.changing:
            try:
                for each in filter(None, captures):
                    self._captures.append(each)
                    each.begin()
                self._heartbeat.start()
                ending.watch(self)
            except BaseException:
                self._heartbeat.stop()
                self._end_captures()
                raise

    @property
    def is_mine(self) -> bool:
        """Whether this process may write: a forked child never touches its parent's record."""
        return not self._ended and os.getpid() == self._process

    def summary(self, values: Mapping[str, JSON], *, update: bool) -> None:
        """Replace summary.json by `values`, or by what it holds with `values` on top.

        It is synced within a second, or at the end: that costs more than all else, and helps only where the
        power fails.
        """
        if not self.is_mine:
            _log.warn(
                f"summary() of {str(self.folder.path)!r} was called after its end or in a forked "
                "process, and is not recorded: call it before finish(), in the process that started it",
                kind="late summary",
                told=self._told,
            )
            return
        with self._summarizing:
            if update and self._summary is None:
                self._summary = self.folder.read_json(_format.SUMMARY)
            self._summary = {**(self._summary or {}), **values} if update else dict(values)
            self._write_summary()

    def check(self) -> None:
        """Look whether the program has changed what is captured."""
        for capture in self._captures.copy():
            capture.check()

    def note(self, status: str) -> None:
        """Write `status` for now; see `process.Ends`."""
        if self.is_mine and not self._ending:
            self._try(_format.STATUS, lambda: self.folder.write_status(status))

    def end(self, status: str) -> None:
        """Write the last word, once; the streams are as they were before."""
        if not self.is_mine:
            return
        self._ending = True
        try:
            self._end(status)
        except BaseException:  # a second Ctrl-C, or a handler of the program's that raises
            self._end(status)
            raise

    def _end(self, status: str) -> None:
        """All steps of the end; each may be taken twice."""
        self._heartbeat.stop()
        with process.changing:
            self._end_captures(hurried=status.startswith(f"{_format.ERROR}\nsignal "))
        if self._is_summary_late:
            self._write_summary(_LAST_SECONDS)
        if self._is_summary_unsynced:
            self.folder.sync(_format.SUMMARY)
        if status == _format.SUCCESS and self.survived:
            status = f"{_format.SUCCESS}\nafter signal {self.survived}"
        if status != _format.RUNNING:  # which is: nobody knows how it ended
            self._metadata["end-time"] = now()
            is_mine = self._try(
                _format.METADATA,
                lambda: self.folder.write_json(_format.METADATA, self._metadata, patience=_LAST_SECONDS),
            )
            self._try(
                _format.STATUS,
                lambda: self.folder.write_status(status, patience=_LAST_SECONDS),
                is_checked=is_mine,
            )
        # Only now: a signal that comes during the end finds it unfinished, and ends it in its own way.
        with process.changing:
            self._ended = True
            ending.unwatch(self)

    def _end_captures(self, *, hurried: bool = False) -> None:
        while self._captures:
            try:
                self._captures[-1].end(hurried=hurried)
            except (OSError, ValueError) as error:  # the program has closed what we need
                _log.warn(f"cannot put standard output and error back as they were ({error})")
            self._captures.pop()

    def _tick(self) -> None:
        self.check()
        if self._is_summary_late:
            with self._summarizing:
                self._write_summary()
        if self._is_summary_unsynced:
            self._is_summary_unsynced = False
            self.folder.sync(_format.SUMMARY)
        if time.monotonic() >= self._beaten + _format.HEARTBEAT_SECONDS:
            self._beaten = time.monotonic()
            # The next one may reach the disk; if none does, the silence says so.
            with contextlib.suppress(OSError):
                if not self._is_taken():
                    os.utime(self.folder.status_path)

    def _write_summary(self, patience: float = 0) -> None:
        self._is_summary_unsynced = True
        self._is_summary_late = not self._try(
            _format.SUMMARY,
            lambda: self.folder.write_json(_format.SUMMARY, self._summary, patience=patience),
            is_last=patience > 0,
        )

    def _is_taken(self) -> bool:
        """Whether another session records here by now.

        The folder may have been deleted, and its number taken again; or this process stood still for so
        long that somebody resumed the experiment elsewhere. Sessions replace metadata.json. So do tools that
        add keys of their own, which stay (spec 1.0, META-10).
        """
        version = self.folder.version(_format.METADATA)
        if version is None or version == self._version:
            return False
        found = self.folder.read_json(_format.METADATA)
        if found is None:  # somebody is just writing it
            return False
        if any(found.get(key) != self._metadata.get(key) for key in ("start-time", "hostname", "pid")):
            return True
        self._version = version
        self._metadata = {**found, **self._metadata}
        return False

    def _try(
        self, name: str, write: Callable[[], None], *, is_last: bool = True, is_checked: bool = False
    ) -> bool:
        """Whether it was written; if it is the last time that this is tried, trouble is told."""
        try:
            if not is_checked and self._is_taken():
                raise OSError(errno.EBUSY, "another session records there by now")
            write()
        except OSError as error:
            if is_last or not atomic.is_open_elsewhere(error):
                _log.warn_unwritten(self._told, self.folder.path / name, error)
            return False
        return True


def _capture(how: str, number: int, name: str, path: Path, told: set[str]) -> Capture | None:
    """What copies the stream of `sys` of this name, whose descriptor has this number; None for nothing."""
    stream = getattr(sys, name)
    if how == "fd":
        if stream is None or leads_to_descriptor(stream):
            path.touch()
            try:
                return DescriptorCapture(number, stream, path, told)
            except OSError:
                return None  # started with `>&-`: there is none, and what prints to it fails as it did before
        _log.warn(
            f'capture="fd": a {type(stream).__name__} does not lead to descriptor {number}, so '
            "what Python prints is recorded, and what other programs print is not"
        )
    # There is no stream under `pythonw` and with `>&-`; and both may be one.
    if how == "none" or stream is None or (number == 2 and stream is sys.stdout):
        return None
    return StreamCapture(name, path, told)
