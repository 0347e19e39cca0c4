"""Copies of what the program prints, taken where it prints: on the stream objects themselves.

`sys.stdout` stays the object it is (its `isatty`, `fileno`, `encoding`, and handlers that hold it go on
working); only `write` on it is wrapped. The terminal comes first. A copy is one system call on an
append-only descriptor: no lock and no buffer that a fork could duplicate, and on disk, as far as the
kernel goes, when `print` returns.
"""

from __future__ import annotations

import os
from _thread import get_ident
from pathlib import Path
from typing import Any, Callable

from . import _trouble
from ._write import write_all

__all__ = ["OutputFile", "Tee", "tee"]


class OutputFile:
    """A file that only grows: `stdout` or `stderr` of one experiment (spec 1.0, output).

    Raises:
        OSError: it cannot be opened. Later trouble is told once, and never raised.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told = False
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self.descriptor = os.open(path, flags, 0o666)

    def append(self, data: bytes) -> None:
        """Add `data` at the end of the file."""
        try:
            write_all(self.descriptor, data)
        except OSError as error:
            if not self._told:
                self._told = True  # first, for the warning is printed, and so comes here again
                _trouble.warn(
                    f"cannot write {str(self._path)!r} ({error.strerror}): "
                    "the run goes on, the copy of its output has a hole"
                )

    def append_text(self, text: str) -> None:
        """Add `text` as UTF-8; bytes that stand in it as surrogates become themselves again."""
        try:
            data = text.encode()
        except UnicodeEncodeError:
            try:
                data = text.encode("utf-8", "surrogateescape")
            except UnicodeEncodeError:
                data = text.encode("utf-8", "backslashreplace")
        self.append(data)

    def close(self) -> None:
        """Close the file; what comes later is not in it."""
        descriptor, self.descriptor = self.descriptor, -1
        try:
            os.close(descriptor)
        except OSError:
            pass  # a network file system's late report of writes that failed, or closed by the program


class Tee:
    """Copies what is written to one stream object into any number of files, each for its own time."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.files: tuple[OutputFile, ...] = ()
        # Threads inside the text layer: what it hands down to its buffer has been copied already.
        self._inside: set[int] = set()
        self._wrapped: list[tuple[Any, str, Callable[..., Any], Callable[..., Any]]] = []
        buffer = getattr(stream, "buffer", None)
        self._wrap(stream, "write", self._text_write(stream.write))
        if buffer is not None and hasattr(buffer, "write"):
            try:
                self._wrap(buffer, "write", self._bytes_write(buffer.write))
                self._wrap(stream, "flush", self._flush(stream.flush))
            except AttributeError:
                pass  # a buffer of another make, on which nothing can be set: text alone is copied

    def add(self, file: OutputFile) -> None:
        """Copy to `file`, too, from now on."""
        self.files = (*self.files, file)

    def discard(self, file: OutputFile) -> None:
        """Copy to `file` no more; the stream is as it was before when nobody listens."""
        self.files = tuple(other for other in self.files if other is not file)
        if not self.files:
            del _tees[id(self.stream)]
            for owner, name, wrapper, original in self._wrapped:
                # Whoever wrapped it after us keeps our wrapper below theirs; without files it copies nothing.
                if owner.__dict__.get(name) is wrapper:
                    delattr(owner, name)
                    if getattr(owner, name, None) != original:
                        setattr(owner, name, original)

    def _wrap(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        original = getattr(owner, name)
        setattr(owner, name, wrapper)
        self._wrapped.append((owner, name, wrapper, original))

    def _text_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        inside = self._inside

        def write(text: str) -> Any:
            thread = get_ident()
            inside.add(thread)
            try:
                result = original(text)
            finally:
                inside.discard(thread)
            if text:
                for file in self.files:
                    file.append_text(text)
            return result

        return write

    def _bytes_write(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write(data: Any) -> Any:
            result = original(data)
            if self.files and get_ident() not in self._inside and len(data):
                for file in self.files:
                    file.append(bytes(data))
            return result

        return write

    def _flush(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            thread = get_ident()
            self._inside.add(thread)
            try:
                return original()
            finally:
                self._inside.discard(thread)

        return flush


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
