"""Copies of what the program prints, taken where it prints: on the stream objects themselves.

`sys.stdout` stays the object it is (its `isatty`, `fileno`, `encoding`, and handlers that hold it go on
working); only `write` on it is wrapped. The file comes first: a program that is killed has shown nothing
that is not in it. A copy is one system call on an append-only descriptor: no lock and no buffer that a
fork could duplicate, and on disk, as far as the kernel goes, when `print` returns.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import BuiltinMethodType, CodeType
from typing import Any, Callable

from meticulous import _log
from meticulous._disk.atomic import write_all
from meticulous._session import notebook
from meticulous._session.patch import Wrapped

__all__ = ["OutputFile", "listen", "out_of_the_way", "unlisten"]

_HIGH = 200
"""Descriptors from here on are ours: above those of most programs, below the limit of all systems (256)."""


def out_of_the_way(descriptor: int) -> int:
    """`descriptor` under a high number, for one that stays open for as long as the program runs.

    A program that becomes a daemon closes every descriptor, and the files it opens then take the low numbers:
    what was meant for ours would land in one of those.
    """
    try:
        import fcntl

        high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except (ImportError, AttributeError, OSError):
        return descriptor  # Windows, or a lower limit
    os.close(descriptor)
    return high


class OutputFile:
    """A file that only grows: `stdout` or `stderr` of one experiment (spec 1.0, output).

    It is closed with its last reference, not before: a thread that is just writing to it could find its
    descriptor closed, or worse, given to another file.

    Raises:
        OSError: it cannot be opened. Later trouble is told once, and never raised.
    """

    _descriptor = -1

    def __init__(self, path: Path, told: set[int | None]) -> None:
        self._path = path
        self._told = told  # which troubles the program has been told of, with all files of its record
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = out_of_the_way(os.open(path, flags, 0o666))

    def __del__(self) -> None:
        try:
            os.close(self._descriptor)
        except OSError:
            pass  # a network file system's late report of writes that failed, or closed by the program

    def append(self, data: bytes) -> None:
        """Add `data` at the end of the file."""
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):  # the disk has filled up on the way: the rest will say so
                write_all(self._descriptor, data[written:])
        except OSError as error:
            _log.warn_once(self._told, self._path, error)


class _Tee:
    """Copies what is written to one stream object into any number of files."""

    def __init__(self, stream: Any, files: tuple[OutputFile, ...] = ()) -> None:
        self.stream = stream
        self.files = files
        self._buffer: Any = None
        write = self._text_write(stream.write)
        is_plain = isinstance(stream, io.TextIOWrapper) and isinstance(stream.write, BuiltinMethodType)
        self._wrapped = [Wrapped(stream, "write", write)]
        # Of another make, nobody knows whether its text comes by its `buffer`, and by which way.
        if is_plain:
            try:
                flush = self._text_flush(stream.flush)
                self._wrapped.append(Wrapped(stream, "flush", flush))
                text_layer = (write.__code__, flush.__code__)
                self._wrapped.append(
                    Wrapped(stream.buffer, "write", self._bytes_write(stream.buffer.write, text_layer))
                )
                self._buffer = stream.buffer
            except (AttributeError, ValueError):
                pass  # detached, or a buffer on which nothing can be set: text alone is copied

    @property
    def is_in_place(self) -> bool:
        """Whether it still stands between the program and the stream."""
        return self._wrapped[0].is_in_place

    def leave(self) -> None:
        """Copy nothing more; the stream is as it was before."""
        self.files = ()
        for wrapped in self._wrapped:
            wrapped.undo()

    def flush_newcomers(self) -> None:
        """Let a text layer that the program has put on our buffer in the meantime hand down what it holds."""
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not self.stream and self._buffer is not None and stream.buffer is self._buffer:
                    stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # if it fails, it will fail again where the program can see it

    def _text_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        takes_all = str(getattr(self.stream, "encoding", "")).lower() in ("utf-8", "utf8")

        def write(text: str) -> Any:
            files = self.files
            if not (text and files):
                return original(text)
            try:
                data = str.encode(text)  # not by a method of its own, which may be another one's
            except (UnicodeEncodeError, TypeError):
                data = None
            if data is not None and takes_all:
                for file in files:
                    file.append(data)
                return original(text)
            result = original(text)  # it may refuse this, which then is not copied
            copy = _odd_bytes(text) if data is None else data
            for file in files:
                file.append(copy)
            return result

        return write

    def _text_flush(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            return original()  # only here to be seen as the caller, below

        return flush

    def _bytes_write(
        self, original: Callable[[Any], Any], text_layer: tuple[CodeType, ...]
    ) -> Callable[[Any], Any]:
        takes_all = isinstance(self.stream.buffer, io.BufferedWriter)

        def write(data: Any) -> Any:
            # What the text layer, which is no Python code, hands down has been copied above it. There is
            # no caller at all when the interpreter flushes what the program put in sys.stdout's place.
            caller = sys._getframe().f_back
            if not self.files or (caller is not None and caller.f_code in text_layer):
                return original(data)
            if takes_all and isinstance(data, bytes):
                for file in self.files if data else ():
                    file.append(data)
                return original(data)
            written = original(data)
            copy = bytes(data)[:written]  # an unbuffered stream may take less than it was given
            for file in self.files if copy else ():
                file.append(copy)
            return written

        return write


# One a stream object, however many experiments listen. Each holds its stream, so that the id stays its own.
_tees: dict[int, _Tee] = {}


def listen(stream: Any, file: OutputFile) -> None:
    """Copy to `file`, too, what is written to `stream` from now on."""
    if id(stream) not in _tees:
        try:
            _tees[id(stream)] = _Tee(stream)
        except AttributeError:
            _log.warn(f"{type(stream).__name__} objects cannot be listened to: output is not recorded")
            return
        notebook.watch(_renew)
    tee = _tees[id(stream)]
    tee.files = (*tee.files, file)


def unlisten(stream: Any, file: OutputFile) -> None:
    """Copy to `file` no more; the stream is as it was before when nobody listens."""
    tee = _tees.get(id(stream))
    if tee is None:
        return
    tee.flush_newcomers()
    tee.files = tuple(other for other in tee.files if other is not file)
    if not tee.files:
        del _tees[id(stream)]
        tee.leave()
        if not _tees:
            notebook.unwatch()


def _renew() -> None:
    """Listen again to streams on which somebody has put back what was there before us."""
    for key, tee in list(_tees.items()):
        if not tee.is_in_place:
            files = tee.files
            tee.leave()  # if it is below what was put there, it keeps silent
            _tees[key] = _Tee(tee.stream, files)


def _odd_bytes(text: Any) -> bytes:
    """Text with lone surrogates; those that stand for bytes become themselves again. Or no text at all."""
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    try:
        return str(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return str(text).encode("utf-8", "backslashreplace")
