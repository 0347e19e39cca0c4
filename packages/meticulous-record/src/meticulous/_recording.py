"""One session of an experiment, from its first STATUS to its last; I/O that fails is told, not raised."""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Mapping
from typing import Callable

from . import _capture, _format, _outcome, _trouble
from ._encode import JSON
from ._folder import ExperimentFolder
from ._heartbeat import Heartbeat

__all__ = ["Recording", "now"]


def now() -> str:
    """The time as RFC 3339 has it, local with its offset from UTC."""
    return datetime.datetime.now().astimezone().isoformat(timespec="microseconds")


class Recording:
    """A session that runs: listens to output and outcome, shows signs of life, writes summaries and the end.

    Raises:
        OSError: the files that belong to every experiment cannot be written.
    """

    def __init__(self, folder: ExperimentFolder, metadata: dict[str, JSON], capture: str) -> None:
        self.folder = folder
        self._metadata = metadata
        self._process = os.getpid()
        self._ended = False
        self._failed: set[str] = set()
        self._summary: dict[str, JSON] | None = None
        self._outputs: list[Callable[[], None]] = []
        # Both exist from the start, whoever writes to them (spec 1.0, output).
        for path in (folder.stdout_path, folder.stderr_path):
            _capture.OutputFile(path).close()
        folder.write_status(_format.RUNNING)
        try:
            if capture == "sys":
                self._listen()
            elif capture == "fd":
                self._redirect()
        except BaseException:
            self._let_go()
            raise
        self._heartbeat = Heartbeat(self._beat, _format.HEARTBEAT_SECONDS)
        self._heartbeat.start()
        _outcome.watch(self)

    @property
    def is_mine(self) -> bool:
        """Whether this process may write: a forked child never touches its parent's record."""
        return not self._ended and os.getpid() == self._process

    def summary(self, values: Mapping[str, JSON], *, update: bool) -> None:
        """Replace summary.json by `values`, or by what it holds with `values` on top."""
        if not self.is_mine:
            _trouble.warn(
                f"summary() of {str(self.folder.path)!r} was called after its end or in a forked process, "
                "and is not recorded: call it before finish(), in the process that started it"
            )
            return
        if update and self._summary is None:
            self._summary = self.folder.read_json(_format.SUMMARY)
        self._summary = {**(self._summary or {}), **values} if update else dict(values)
        self._try(_format.SUMMARY, lambda: self.folder.write_json(_format.SUMMARY, self._summary))

    def note(self, status: str) -> None:
        """Write `status` for now; see `_outcome.Watched`."""
        if self.is_mine:
            self._try(_format.STATUS, lambda: self.folder.write_status(status))

    def end(self, status: str) -> None:
        """Write the last word, once; the streams are as they were before."""
        if not self.is_mine:
            return
        self._heartbeat.stop()
        self._let_go()
        self._metadata["end-time"] = now()
        self._try(_format.METADATA, lambda: self.folder.write_json(_format.METADATA, self._metadata))
        self._try(_format.STATUS, lambda: self.folder.write_status(status))
        # Only now: a signal that comes during the end finds it unfinished, and ends it in its own way.
        self._ended = True
        _outcome.unwatch(self)

    def _listen(self) -> None:
        streams = [(sys.stdout, self.folder.stdout_path)]
        if sys.stderr is not sys.stdout:
            streams.append((sys.stderr, self.folder.stderr_path))
        for stream, path in streams:
            tee = _capture.tee(stream)
            if tee is not None:
                file = _capture.OutputFile(path)
                tee.add(file)
                self._outputs += [file.close, lambda tee=tee, file=file: tee.discard(file)]  # type: ignore[misc]

    def _redirect(self) -> None:
        from ._capture_fd import Redirection

        for path, descriptor in ((self.folder.stdout_path, 1), (self.folder.stderr_path, 2)):
            self._outputs.append(Redirection(path, descriptor).end)

    def _let_go(self) -> None:
        while self._outputs:
            self._outputs.pop()()

    def _beat(self) -> None:
        try:
            os.utime(self.folder.status_path)
        except OSError:
            pass  # the next one may reach the disk; if none does, the silence says so

    def _try(self, name: str, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if name not in self._failed:
                self._failed.add(name)
                path = str(self.folder.path / name)
                _trouble.warn(
                    f"cannot write {path!r} ({error.strerror}): the run goes on, what it held before stays"
                )
