"""Files that grow while the program runs, on descriptors that it may close under us."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from meticulous import _log
from meticulous._disk.atomic import write_all

__all__ = ["OutputFile", "OwnDescriptor"]

_HIGH = 200
"""Descriptors from here on are ours: above those of most programs, below the limit of all systems (256)."""


class OwnDescriptor:
    """A descriptor that stays open for as long as the program runs, under a high number.

    A program that becomes a daemon closes every descriptor, and the files it opens then take the low numbers.
    Should it open very many, one of them has ours: no byte may land there.
    """

    def __init__(self, descriptor: int) -> None:
        self.number = descriptor
        if sys.platform != "win32":
            import fcntl

            with contextlib.suppress(OSError):  # the limit is lower
                self.number = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
                os.close(descriptor)
        self._place = os.fstat(self.number)

    def is_open(self) -> bool:
        """Whether the program has left it alone."""
        try:
            return os.path.samestat(self._place, os.fstat(self.number))
        except OSError:
            return False

    def close(self) -> None:
        """Close it, whatever a network file system says of earlier writes."""
        if self.is_open():
            with contextlib.suppress(OSError):
                os.close(self.number)


class OutputFile:
    """A file that only grows: `stdout` or `stderr` of one experiment (spec 1.0, output).

    It is closed with its last reference, not before: a thread that is just writing to it could find its
    descriptor closed, or worse, given to another file.

    Raises:
        OSError: it cannot be opened. Later trouble is told once, and never raised.
    """

    _descriptor: OwnDescriptor | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = self._open(os.O_CREAT)
        self._offset = -1

    def __del__(self) -> None:
        if self._descriptor is not None:
            self._descriptor.close()

    def append(self, data: bytes) -> None:
        """Add `data` at the end of the file."""
        try:
            written = os.write(self._checked(), data)
            self._offset += written
            if written != len(data):  # the disk has filled up on the way: the rest will say so
                write_all(self._checked(), data[written:])
        except OSError as error:
            _log.warn_unwritten(self._path, error)

    def _checked(self) -> int:
        """The descriptor, opened anew if the program has closed it.

        Where the offset is what we left it at it is our file, which costs a quarter of a look at the file.
        """
        assert self._descriptor is not None
        number = self._descriptor.number
        try:
            if os.lseek(number, 0, os.SEEK_CUR) == self._offset:
                return number
        except OSError:
            pass  # closed; `suppress` would cost as much as the look
        if not self._descriptor.is_open():
            self._descriptor = self._open(0)
            number = self._descriptor.number
        self._offset = os.lseek(number, 0, os.SEEK_END)
        return number

    def _open(self, create: int) -> OwnDescriptor:
        flags = os.O_WRONLY | os.O_APPEND | create | getattr(os, "O_BINARY", 0)
        return OwnDescriptor(os.open(self._path, flags, 0o666))
