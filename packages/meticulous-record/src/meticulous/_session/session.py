"""One session of an experiment, from its first STATUS to its last; I/O that fails is a warning."""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from meticulous import _format, _log
from meticulous._disk import atomic
from meticulous._disk.encode import JSON, encode_object
from meticulous._disk.folder import ExperimentFolder
from meticulous._session import ending
from meticulous._session.descriptors import DescriptorCapture, leads_to_descriptor
from meticulous._session.heartbeat import Heartbeat
from meticulous._session.hooks import Ends, process
from meticulous._session.streams import StreamCapture
from meticulous._session.unrecorded import Copy
from meticulous.errors import quoted

__all__ = ["CAPTURES", "Session", "now"]

CAPTURES = ("sys", "fd", "none")

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
        self._version = folder.version(_format.METADATA)
        self._is_taken = self._is_ending = self._is_summary_due = False
        self._summary: dict[str, JSON] | None = None
        self._summarizing = threading.RLock()
        self._looked = self._beaten = time.monotonic()
        self._heartbeat = Heartbeat(self._tick, _TICK_SECONDS)
        self._captures: list[Capture] = []
        # Before STATUS: what is captured exists from the start, and an absent file says that nobody did
        # (spec 1.0, output).
        captures = [*_captures(capture, folder)]
        folder.write_status(_format.RUNNING)
        with process.changing:
            ending.watch(self)  # first, so that a signal in what follows is written down
            try:
                for each in captures:
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
            self._is_summary_due = True
            self._write(_format.SUMMARY, values)

    def note(self, status: str) -> None:
        """Write `status` for now; see `hooks.Ends`."""
        if self.is_mine and not self._is_ending:
            self._write(_format.STATUS, status)

    def end(self, status: str) -> None:
        """Write the last word, once; the streams are as they were before."""
        if not self.is_mine:
            return
        self._is_ending = True
        try:
            self._end(status)
        except BaseException:  # a second Ctrl-C, or a handler of the program's that raises
            self._end(status)
            raise

    def _end(self, status: str) -> None:
        """All steps of the end; each may be taken twice."""
        self._looked = float("-inf")
        self._stop(hurried=status.startswith(_format.SIGNALLED))
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
            self._is_taken_by_others()  # which takes over keys that others have added
            self._metadata["end-time"] = now()
            self._write(_format.METADATA, self._metadata, patience=_LAST_SECONDS)
            self._write(_format.STATUS, status, patience=_LAST_SECONDS)
        # Only now: a signal that comes during the end finds it unfinished, and ends it in its own way.
        with process.changing:
            ending.unwatch(self)

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
        for capture in self._captures.copy():
            capture.check()
        self._bring_summary_to_disk()
        if time.monotonic() >= self._beaten + _format.HEARTBEAT_SECONDS:
            self._beaten = time.monotonic()
            # The next one may reach the disk; if none does, the silence says so.
            with contextlib.suppress(OSError):
                if not self._is_taken_by_others():
                    os.utime(self.folder.status_path)

    def _bring_summary_to_disk(self, patience: float = 0) -> None:
        """Write it again, since it may have been open elsewhere, and sync it."""
        if self._is_summary_due:
            with self._summarizing:
                self._is_summary_due = not self._write(_format.SUMMARY, self._summary, patience=patience)
            self.folder.sync(_format.SUMMARY)

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

    def _write(self, name: str, content: JSON, *, patience: float = 0) -> bool:
        """Whether it was written. Trouble is a warning; without `patience` not where somebody has it open."""
        try:
            if self._is_taken_by_others():
                raise OSError(errno.EBUSY, "another session records there by now")
            if name == _format.STATUS:
                self.folder.write_status(str(content), patience=patience)
            else:
                self.folder.write_json(name, content, patience=patience, in_place=name == _format.METADATA)
        except OSError as error:
            if patience or not atomic.is_open_elsewhere(error):
                _log.warn_unwritten(self.path / name, error)
            return False
        return True


def _captures(how: str, folder: ExperimentFolder) -> Iterator[Capture]:
    """What copies standard output and standard error, in the way of this name in `CAPTURES`."""
    streams = {1: (sys.stdout, "stdout", folder.stdout_path), 2: (sys.stderr, "stderr", folder.stderr_path)}
    for descriptor, (stream, name, path) in streams.items():
        if how == "fd" and (stream is None or leads_to_descriptor(stream)):
            path.touch()
            with contextlib.suppress(OSError):  # none: started with `>&-`, what prints to it fails as before
                yield DescriptorCapture(descriptor, stream, path)
            continue
        # There is no stream under `pythonw` and with `>&-`; and both may be one.
        if how == "none" or stream is None or (stream is sys.stdout and descriptor == 2):
            continue
        if how == "fd":
            _log.warn(
                f'capture="fd": a {type(stream).__name__} does not lead to descriptor {descriptor}, so '
                "what Python prints is recorded, and what other programs print is not"
            )
        yield StreamCapture(name, path)
