"""Copies of what the program prints, taken where it prints: on the stream objects themselves.

`sys.stdout` stays the object it is (its `isatty`, `fileno`, `encoding`, and handlers that hold it go on
working); only `write` on it is wrapped. The terminal comes first. A copy is one system call on an
append-only descriptor: no lock and no buffer that a fork could duplicate, and on disk, as far as the
kernel goes, when `print` returns.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import CodeType
from typing import Any, Callable

from . import _trouble
from ._wrapped import Wrapped
from ._write import write_all

__all__ = ["OutputFile", "Tee", "out_of_the_way", "tee"]

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

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = False
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
            if not self._told:
                self._told = True  # first, for the warning is printed, and so comes here again
                _trouble.warn(
                    f"cannot write {str(self._path)!r} ({error.strerror}): "
                    "the run goes on, the copy of its output has a hole"
                )


class Tee:
    """Copies what is written to one stream object into any number of files, each for its own time."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.files: tuple[OutputFile, ...] = ()
        self._buffer: Any = None
        write = self._text_write(stream.write)
        self._wrapped = [Wrapped(stream, "write", write)]
        # Of other makes nobody knows whether their text comes by their `buffer`, and by which way.
        if getattr(type(stream), "write", None) is io.TextIOWrapper.write:
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

    def add(self, file: OutputFile) -> None:
        """Copy to `file`, too, from now on."""
        self.files = (*self.files, file)

    def discard(self, file: OutputFile) -> None:
        """Copy to `file` no more; the stream is as it was before when nobody listens."""
        self._flush_newcomers()
        self.files = tuple(other for other in self.files if other is not file)
        if not self.files:
            _tees.pop(id(self.stream), None)
            for wrapped in self._wrapped:
                wrapped.undo()

    def _flush_newcomers(self) -> None:
        """Let a text layer that the program has put on our buffer in the meantime hand down what it holds."""
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not self.stream and self._buffer is not None and stream.buffer is self._buffer:
                    stream.flush()
            except (AttributeError, OSError, ValueError):
                pass  # if it fails, it will fail again where the program can see it

    def _text_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        def write(text: str) -> Any:
            result = original(text)
            if text and self.files:
                try:
                    data = text.encode()
                except (UnicodeEncodeError, AttributeError):
                    data = _odd_bytes(text)
                for file in self.files:
                    file.append(data)
            return result

        return write

    def _text_flush(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            return original()  # only here to be seen as the caller, below

        return flush

    def _bytes_write(
        self, original: Callable[[Any], Any], text_layer: tuple[CodeType, ...]
    ) -> Callable[[Any], Any]:
        def write(data: Any) -> Any:
            written = original(data)
            if self.files:
                # What the text layer, which is no Python code, hands down has been copied above it. There is no
                # caller at all when the interpreter flushes what the program has put in sys.stdout's place.
                caller = sys._getframe().f_back
                if caller is None or caller.f_code not in text_layer:
                    copy = bytes(data)[:written]  # an unbuffered stream may take less than it was given
                    for file in self.files if copy else ():
                        file.append(copy)
            return written

        return write


# One tee a stream object, however many experiments listen. The tee holds the stream, so its id stays its own.
_tees: dict[int, Tee] = {}


def tee(stream: Any) -> Tee | None:
    """The tee of `stream`; None where it has nothing to wrap, as `sys.stdout` under `pythonw`."""
    if stream is None:
        return None
    known = _tees.get(id(stream))
    if known is None:
        try:
            known = _tees[id(stream)] = Tee(stream)
        except AttributeError:
            _trouble.warn(f"{type(stream).__name__} objects cannot be listened to: output is not recorded")
            return None
    return known


def _odd_bytes(text: Any) -> bytes:
    """Text with lone surrogates; those that stand for bytes become themselves again. Or no text at all."""
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    try:
        return str(text).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return str(text).encode("utf-8", "backslashreplace")
