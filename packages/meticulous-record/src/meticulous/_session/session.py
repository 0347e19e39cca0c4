"""One session of an experiment, from its first STATUS to its last; I/O that fails is told, not raised."""

from __future__ import annotations

import datetime
import errno
import functools
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from meticulous import _format, _log
from meticulous._disk.encode import JSON
from meticulous._disk.folder import ExperimentFolder
from meticulous._session import ending, streams
from meticulous._session.heartbeat import Heartbeat

if TYPE_CHECKING:
    from meticulous._session.descriptors import Redirection

__all__ = ["Recording", "now"]


def now() -> str:
    """The time as RFC 3339 has it, local with its offset from UTC."""
    return datetime.datetime.now().astimezone().isoformat(timespec="microseconds")


# One at a time begins or ends: streams, signal handlers and `sys.exit` belong to the whole process.
_changing = threading.RLock()


class Recording:
    """A session that runs: listens to output and outcome, shows signs of life, writes summaries and the end.

    Raises:
        OSError: the files that belong to every experiment cannot be written.
    """

    def __init__(self, folder: ExperimentFolder, metadata: dict[str, JSON], capture: str) -> None:
        self.folder = folder
        self._metadata = metadata
        self._process = os.getpid()
        self._ending = self._ended = False
        self._told: set[int | None] = set()
        self._summary: dict[str, JSON] | None = None
        self._summarizing = threading.RLock()
        self._outputs: list[Callable[[], None]] = []
        self._redirections: list[Redirection] = []
        self._has_refused_summary = False
        # What is captured exists from the start, and an absent file says that nobody did (spec 1.0, output).
        if capture != "none":
            folder.stdout_path.touch()
            if capture == "fd" or sys.stderr is not sys.stdout:
                folder.stderr_path.touch()
        folder.write_status(_format.RUNNING)
        self._heartbeat = Heartbeat(self._beat, _format.HEARTBEAT_SECONDS)
        with _changing:
            try:
                if capture == "sys":
                    self._listen()
                elif capture == "fd":
                    self._redirect()
                self._heartbeat.start()
                ending.watch(self)
            except BaseException:
                self._heartbeat.stop()
                self._let_go()
                raise

    @property
    def is_mine(self) -> bool:
        """Whether this process may write: a forked child never touches its parent's record."""
        return not self._ended and os.getpid() == self._process

    def summary(self, values: Mapping[str, JSON], *, update: bool) -> None:
        """Replace summary.json by `values`, or by what it holds with `values` on top."""
        if not self.is_mine:
            if not self._has_refused_summary:
                self._has_refused_summary = True
                _log.warn(
                    f"summary() of {str(self.folder.path)!r} was called after its end or in a forked "
                    "process, and is not recorded: call it before finish(), in the process that started it"
                )
            return
        with self._summarizing:
            if update and self._summary is None:
                self._summary = self.folder.read_json(_format.SUMMARY)
            self._summary = {**(self._summary or {}), **values} if update else dict(values)
            self._try(_format.SUMMARY, lambda: self.folder.write_json(_format.SUMMARY, self._summary))

    def note(self, status: str) -> None:
        """Write `status` for now; see `ending.Watched`."""
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
        if status.startswith(f"{_format.ERROR}\nsignal "):
            for redirection in self._redirections:
                redirection.echo.hurry()
        with _changing:
            self._let_go()
        self._metadata["end-time"] = now()
        self._try(_format.METADATA, lambda: self.folder.write_json(_format.METADATA, self._metadata))
        self._try(_format.STATUS, lambda: self.folder.write_status(status))
        # Only now: a signal that comes during the end finds it unfinished, and ends it in its own way.
        with _changing:
            self._ended = True
            ending.unwatch(self)

    def _listen(self) -> None:
        self._listen_to(sys.stdout, self.folder.stdout_path)
        if sys.stderr is not sys.stdout:
            self._listen_to(sys.stderr, self.folder.stderr_path)

    def _listen_to(self, stream: Any, path: Path) -> None:
        if stream is not None:  # as under `pythonw`, and with `>&-`
            file = streams.OutputFile(path, self._told)
            streams.listen(stream, file)
            self._outputs.append(functools.partial(streams.unlisten, stream, file))

    def _redirect(self) -> None:
        from meticulous._session.descriptors import Redirection

        for path, descriptor, stream in (
            (self.folder.stdout_path, 1, sys.stdout),
            (self.folder.stderr_path, 2, sys.stderr),
        ):
            if stream is not None and not _leads_to_descriptor(stream):  # a notebook's, or a test runner's
                _log.warn(
                    f'capture="fd": a {type(stream).__name__} does not lead to descriptor {descriptor}, so '
                    "what Python prints is recorded, and what other programs print is not"
                )
                self._listen_to(stream, path)
                continue
            try:
                os.fstat(descriptor)
            except OSError:
                continue  # started with `>&-`: there is none, and what prints to it fails as it did before
            redirection = Redirection(path, descriptor, stream, self._told)
            self._redirections.append(redirection)
            self._outputs.append(redirection.end)
            redirection.begin()

    def _let_go(self) -> None:
        while self._outputs:
            try:
                self._outputs[-1]()
            except (OSError, ValueError) as error:  # the program has closed what we need
                _log.warn(f"cannot put standard output and error back as they were ({error})")
            self._outputs.pop()

    def _beat(self) -> None:
        try:
            if not self._is_taken():
                os.utime(self.folder.status_path)
        except OSError:
            pass  # the next one may reach the disk; if none does, the silence says so

    def _is_taken(self) -> bool:
        """Whether another session records here by now.

        The folder may have been deleted, and its number taken again; or this process stood still for so
        long that somebody resumed the experiment elsewhere.
        """
        found = self.folder.read_json(_format.METADATA)
        return found is not None and any(
            found.get(key) != self._metadata.get(key) for key in ("start-time", "hostname", "pid")
        )

    def _try(self, name: str, write: Callable[[], None]) -> None:
        try:
            if self._is_taken():
                raise OSError(errno.EBUSY, "another session records there by now")
            write()
        except OSError as error:
            _log.warn_once(self._told, self.folder.path / name, error)


def _leads_to_descriptor(stream: Any) -> bool:
    """Whether what is written to `stream` goes where descriptor 1 or 2 is pointed."""
    try:
        # Windows' own way to a console passes the descriptor by.
        is_console = type(getattr(stream.buffer, "raw", None)).__name__ == "_WindowsConsoleIO"
        return stream.fileno() in (1, 2) and not is_console
    except (AttributeError, OSError, ValueError):
        return False


def _after_fork_in_child() -> None:
    global _changing  # noqa: PLW0603 - another thread may have held it, and is not here to let it go
    _changing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
