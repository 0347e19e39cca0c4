"""One session of an experiment, from its first STATUS to its last; I/O that fails is a warning."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Protocol

from meticulous import _format, _log
from meticulous._disk import atomic
from meticulous._disk.encode import JSON, encode_object
from meticulous._disk.folder import ExperimentFolder
from meticulous._session import ending
from meticulous._session.descriptors import DescriptorCapture, leads_to_descriptor
from meticulous._session.heartbeat import Heartbeat
from meticulous._session.process import Ends, process
from meticulous._session.streams import StreamCapture
from meticulous._session.unrecorded import Copy
from meticulous.errors import quoted

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
        """Look now and then whether something has changed that must be followed, or said."""

    def end(self, *, hurried: bool = False) -> None:
        """Copy no more, and leave streams and descriptors as they were; `hurried`: wait for nobody."""


class Session(Ends):
    """A session that runs: listens to output and outcome, shows signs of life, writes summaries and the end.

    A thread looks after it once a second: it writes what could not be written, syncs what was, and touches
    STATUS now and then.

    Raises:
        OSError: the files that belong to every experiment cannot be written.
    """

    def __init__(self, folder: ExperimentFolder, metadata: dict[str, JSON], capture: str) -> None:
        self.folder = folder
        self.path = self.directory = folder.path
        self.experiment_id = folder.experiment_id
        self._metadata = metadata
        self._ending = False
        self._summary: dict[str, JSON] | None = None
        self._summarizing = threading.RLock()
        self._is_summary_due = False
        self._captures: list[Capture] = []
        self._version = folder.version(_format.METADATA)
        self._is_taken = False
        self._looked = self._beaten = time.monotonic()
        # Before STATUS: what is captured exists from the start, and an absent file says that nobody did
        # (spec 1.0, output).
        captures = [
            _capture(capture, 1, "stdout", folder.stdout_path),
            _capture(capture, 2, "stderr", folder.stderr_path),
        ]
        folder.write_status(_format.RUNNING)
        self._heartbeat = Heartbeat(self._tick, _TICK_SECONDS)
        with process.changing:
            ending.watch(self)  # first, so that a signal in what follows is written down
            try:
                for each in filter(None, captures):
                    self._captures.append(each)
                    each.begin()
                self._heartbeat.start()
            except Exception:
                self._stop()
                ending.unwatch(self)
                raise

    def __reduce__(self) -> tuple[type[Copy], tuple[Path, Path]]:
        """Return what a pickled session is in another process."""
        return Copy, (self.path, self.path)

    @property
    def is_mine(self) -> bool:
        """Whether it has not ended. In a forked child it has: that never touches its parent's record."""
        return self in process.sessions

    def summary(self, values: dict[str, JSON], *, update: bool) -> None:
        """Replace summary.json by `values`, or by what it holds with `values` on top.

        It is synced within a second, or at the end: that costs more than all else, and helps only where the
        power fails.
        """
        if not self.is_mine:
            _log.warn(
                f"summary() of {quoted(self.path)} was called after its end or in a forked "
                "process, and is not recorded: call it before finish(), in the process that started it",
                kind="late summary",
                about=self.path,
            )
            return
        with self._summarizing:
            if update:
                held = self.folder.read_json(_format.SUMMARY) if self._summary is None else self._summary
                values = {**(held or {}), **values}
            self._summary = values
            self._write_summary()
            self._is_summary_due = True

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
        self._looked = float("-inf")
        self._stop(hurried=status.startswith(f"{_format.ERROR}\nsignal "))
        self._bring_summary_to_disk(_LAST_SECONDS)
        if status == _format.SUCCESS:
            status = ending.of_output()
        if status == _format.SUCCESS and self.survived:
            status = f"{_format.SUCCESS}\nafter signal {self.survived}"
        if status == _format.RUNNING:
            _log.warn(
                "the program raised SystemExit itself, or may have, which hides the exit code: "
                "STATUS stays RUNNING. Use sys.exit(...), or `with`",
                kind="unknown exit code",
            )
        else:
            self._try(_format.METADATA, self._write_end_time)
            self._try(_format.STATUS, lambda: self.folder.write_status(status, patience=_LAST_SECONDS))
        # Only now: a signal that comes during the end finds it unfinished, and ends it in its own way.
        with process.changing:
            ending.unwatch(self)

    def _write_end_time(self) -> None:
        self._metadata["end-time"] = now()
        self.folder.write_json(_format.METADATA, self._metadata, in_place=True, patience=_LAST_SECONDS)

    def _stop(self, *, hurried: bool = False) -> None:
        self._heartbeat.stop()
        with process.changing:
            while self._captures:
                try:
                    self._captures[-1].end(hurried=hurried)
                except (OSError, ValueError) as error:  # the program has closed what we need
                    _log.warn(f"cannot put standard output and error back as they were ({error})")
                self._captures.pop()

    def _tick(self) -> None:
        self.check()
        self._bring_summary_to_disk()
        if time.monotonic() >= self._beaten + _format.HEARTBEAT_SECONDS:
            self._beaten = time.monotonic()
            # The next one may reach the disk; if none does, the silence says so.
            with contextlib.suppress(OSError):
                if not self._is_taken_by_others():
                    os.utime(self.folder.status_path)

    def _bring_summary_to_disk(self, patience: float = 0) -> None:
        if self._is_summary_due:
            self._is_summary_due = False
            with self._summarizing:
                self._write_summary(patience)  # again: it may have been open elsewhere
            self.folder.sync(_format.SUMMARY)

    def _write_summary(self, patience: float = 0) -> None:
        def write() -> None:
            self.folder.write_json(_format.SUMMARY, self._summary, patience=patience)

        if not self._try(_format.SUMMARY, write, is_last=patience > 0):
            self._is_summary_due = True

    def _is_taken_by_others(self) -> bool:
        """Whether another session records here by now; looks once a second at most.

        The folder may have been deleted, and its number taken again; or this process stood still for so
        long that somebody resumed the experiment elsewhere. Sessions replace metadata.json. So do tools that
        add keys of their own, which stay (spec 1.0, META-10).
        """
        if self._is_taken or time.monotonic() < self._looked + _TICK_SECONDS:
            return self._is_taken
        self._looked = time.monotonic()
        version = self.folder.version(_format.METADATA)
        found = None if version == self._version else self.folder.read_json(_format.METADATA)
        if found is not None:  # else nobody has replaced it, or somebody is just writing it
            self._is_taken = any(
                found.get(key) != self._metadata.get(key) for key in ("start-time", "hostname", "pid")
            )
            self._metadata = {**encode_object(found, _format.METADATA), **self._metadata}
            self._version = version
        return self._is_taken

    def _try(self, name: str, write: Callable[[], None], *, is_last: bool = True) -> bool:
        """Whether it was written; the last time that this is tried, trouble is a warning."""
        try:
            if self._is_taken_by_others():
                raise OSError(errno.EBUSY, "another session records there by now")
            write()
        except OSError as error:
            if is_last or not atomic.is_open_elsewhere(error):
                _log.warn_unwritten(self.path / name, error)
            return False
        return True


def _capture(how: str, number: int, name: str, path: Path) -> Capture | None:
    """What copies the stream of `sys` of this name, whose descriptor has this number; None for nothing."""
    stream = getattr(sys, name)
    if how == "fd":
        if stream is None or leads_to_descriptor(stream):
            path.touch()
            try:
                return DescriptorCapture(number, stream, path)
            except OSError:
                return None  # started with `>&-`: there is none, and what prints to it fails as it did before
        _log.warn(
            f'capture="fd": a {type(stream).__name__} does not lead to descriptor {number}, so '
            "what Python prints is recorded, and what other programs print is not"
        )
    # There is no stream under `pythonw` and with `>&-`; and both may be one.
    if how == "none" or stream is None or (number == 2 and stream is sys.stdout):
        return None
    return StreamCapture(name, path)
