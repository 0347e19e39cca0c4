"""Copies of what the program prints, taken where it prints: on the stream objects themselves.

`sys.stdout` stays the object it is (its `isatty`, `fileno`, `encoding`, and handlers that hold it go on
working); only `write` and `flush` on it are wrapped, and `write` on its `buffer`.

`print(a, b)` calls `write` four times, and several processes may print at once. So pieces wait for the end of
their line, a flush, or the end of the session; then they are one system call on an append-only descriptor. A
forked child drops those that its parent holds. The file comes first: what a killed program has shown is in
it, but for a line that has not ended.

The pieces are in a list without a lock, which would cost a tenth of a `print`: `append` and `pop` give each
piece to one thread, or to one handler of a signal, whoever prints at that moment.

A text layer hands down later, by its buffer's `write`, what it was given. The program may write there, too.
So while this thread is in a call to the text layer, the buffer's `write` copies nothing.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import os
import sys
from pathlib import Path
from types import BuiltinMethodType
from typing import Any, Callable

from meticulous import _log
from meticulous._disk.output import OutputFile
from meticulous._session.process import Wrapped, process

__all__ = ["StreamCapture", "Tee"]

_LONGEST = 1 << 16
"""A piece of so many bytes does not wait for the end of its line."""

_MOST = 1024
"""As many pieces wait."""


class Tee:
    """Copies what is written to one stream object into any number of files."""

    def __init__(self, stream: Any, files: tuple[OutputFile, ...] = ()) -> None:
        self.stream = stream
        self.files = files
        self._held: list[bytes] = []
        self._inside: set[int] = set()  # the threads that are in a call to the text layer
        self.buffer: Any = None
        is_plain = isinstance(stream, io.TextIOWrapper) and isinstance(stream.write, BuiltinMethodType)
        self._wrapped = [Wrapped(stream, "write", self._text_write(stream.write))]
        try:
            self._wrapped.append(Wrapped(stream, "flush", self._text_flush(stream.flush)))
            # Of another make, nobody knows whether its text comes by its `buffer`, and by which way.
            if is_plain:
                self._wrapped.append(Wrapped(stream.buffer, "write", self._bytes_write(stream.buffer)))
                self.buffer = stream.buffer
        except (AttributeError, ValueError):
            pass  # detached, no `flush`, or a buffer that takes no attribute: text alone is copied

    @property
    def is_in_place(self) -> bool:
        """Whether it still stands between the program and the stream."""
        return self._wrapped[0].is_in_place

    def leave(self) -> None:
        """Copy nothing more; the stream is as it was before."""
        self.flush()
        self.files = ()
        while self._wrapped:  # what holds the stream no longer, lets Python flush it at the very end
            self._wrapped.pop().undo()

    def flush(self) -> None:
        """Copy what waits for the end of its line."""
        if self._held:
            self._append(b"")

    def after_fork_in_child(self) -> None:
        """Forget what the parent is about to write."""
        self._held.clear()
        self._inside.clear()

    def _copy(self, data: bytes) -> None:
        end = len(data) if data.endswith(b"\n") else max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end and (len(data) >= _LONGEST or len(self._held) >= _MOST):
            end = len(data)
        if end:
            self._append(data[:end])
        if end < len(data):
            self._held.append(data[end:])

    def _append(self, data: bytes) -> None:
        held = self._held
        try:
            while held:
                data = held.pop() + data
        except IndexError:
            pass  # another thread has the last one
        for file in self.files:
            file.append(data)

    def _through(self, original: Callable[..., Any], *arguments: Any) -> Any:
        """Call the text layer. What it hands down meanwhile is copied where it came from."""
        thread = _thread.get_ident()
        if thread in self._inside:  # a handler of a signal prints in the midst of it
            return original(*arguments)
        self._inside.add(thread)
        try:
            return original(*arguments)
        finally:
            self._inside.discard(thread)

    def _text_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        takes_all = str(getattr(self.stream, "encoding", "")).lower() in ("utf-8", "utf8")
        through, copy = self._through, self._copy
        encode = str.encode  # not a method of the text's own, which may be another one's

        def write(text: str) -> Any:
            if not (text and self.files):
                return original(text)
            try:
                data = encode(text)
            except (UnicodeEncodeError, TypeError):
                data = b""
            if takes_all and data:
                copy(data)
                return through(original, text)
            result = through(original, text)  # it may refuse this, which then is not copied
            copy(data or _odd_bytes(text, getattr(self.stream, "errors", None)))
            return result

        return write

    def _text_flush(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            self.flush()
            return self._through(original)

        return flush

    def _bytes_write(self, buffer: Any) -> Callable[[Any], Any]:
        original, takes_all, inside = buffer.write, isinstance(buffer, io.BufferedWriter), self._inside

        def write(data: Any) -> Any:
            if not self.files or _thread.get_ident() in inside:
                return original(data)
            if takes_all and isinstance(data, bytes):
                self._copy(data)
                return original(data)
            written = original(data)
            self._copy(bytes(data)[:written])  # an unbuffered stream may take less than it was given
            return written

        return write


class StreamCapture:
    """A stream of `sys`, by its name there, copied into the file at `path`."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._streams = [getattr(sys, name)]  # those that are copied
        self._file = OutputFile(path)
        self._path = path

    def begin(self) -> None:
        """Copy what is written from now on."""
        self._listen(self._streams[0])

    def check(self) -> None:
        """Follow the program where it has put another stream in the place of ours, or warn.

        A stream without a file of its own hands on to ours, or keeps what it is given: that is left alone.
        """
        found: Any = getattr(sys, self._name, None)
        is_known = id(found) in process.tees or not _is_file(found)
        if is_known or any(tee.buffer is found.buffer for tee in process.tees.values()):
            return
        try:
            leads_here = os.path.sameopenfile(found.fileno(), 1 if self._name == "stdout" else 2)
        except (OSError, ValueError):
            return  # closed
        if leads_here:
            for stream in [stream for stream in self._streams if not _is_file(stream)]:
                self._unlisten(stream)  # it may hand on to the one that is copied now
            self._listen(found)
            self._streams.append(found)
            io.TextIOWrapper.flush(found)  # what it holds comes by its buffer, and is copied there
        fate = "may be missing" if leads_here else "is not recorded"
        _log.warn(
            f"sys.{self._name} was replaced by another file object: what was printed there {fate}",
            kind=f"sys.{self._name} replaced",
            about=self._path,
        )

    def end(self, *, hurried: bool = False) -> None:
        """Copy no more; a stream is as it was before when nobody copies it."""
        self.check()
        if not hurried:
            with contextlib.suppress(AttributeError, OSError, RuntimeError, ValueError):
                getattr(sys, self._name).flush()  # a text layer on our buffer hands down what it holds
        for stream in self._streams:
            self._unlisten(stream)

    def _listen(self, stream: Any) -> None:
        try:
            tee = process.tees.get(id(stream)) or Tee(stream)
        except AttributeError:
            _log.warn(f"{type(stream).__name__} objects cannot be listened to: output is not recorded")
            return
        process.tees[id(stream)] = tee
        tee.flush()
        tee.files = (*tee.files, self._file)
        _follow_cells("register")

    def _unlisten(self, stream: Any) -> None:
        tee = process.tees.get(id(stream))
        if tee is None:
            return
        tee.flush()
        tee.files = tuple(file for file in tee.files if file is not self._file)
        if not tee.files:
            del process.tees[id(stream)]
            tee.leave()
            if not process.tees:
                _follow_cells("unregister")


def _is_file(stream: Any) -> bool:
    """Whether it is one of Python's own, with layers down to a file of its own."""
    try:
        return type(stream) is io.TextIOWrapper and isinstance(
            getattr(stream.buffer, "raw", stream.buffer), io.FileIO
        )
    except ValueError:
        return False  # detached


def _follow_cells(how: str) -> None:
    """Copy again, or no more, in the beginning of each cell of IPython, and when it is over.

    From 9 on IPython sets `write` on the streams for each cell, and afterwards puts back what it found before
    the cell: so ours, if it came in the midst of one, is gone after it.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is not None:  # who registers twice is called once
        with contextlib.suppress(ValueError):  # the shell is younger than the experiment
            getattr(shell.events, how)("pre_run_cell", _renew)
            getattr(shell.events, how)("post_run_cell", _renew_soon)


def _renew(*_: Any) -> None:
    """Copy again streams on which somebody has put back what was there before us."""
    for key, tee in list(process.tees.items()):
        if not tee.is_in_place:
            files = tee.files
            tee.leave()  # if it is below what was put there, it keeps silent
            process.tees[key] = Tee(tee.stream, files)


def _renew_soon(*_: Any) -> None:
    """The same after IPython has put things back, as the next thing that the kernel's loop does."""
    import asyncio

    with contextlib.suppress(RuntimeError):  # at the prompt there is no loop, and nothing between cells
        asyncio.get_running_loop().call_soon(_renew)


def _odd_bytes(text: Any, errors: Any) -> bytes:
    """Text with lone surrogates, as the stream's own rule for such has it. Or no text at all."""
    if isinstance(text, (bytes, bytearray, memoryview)):
        return bytes(text)
    try:
        return str(text).encode("utf-8", errors)
    except (UnicodeEncodeError, TypeError, LookupError):
        return str(text).encode("utf-8", "backslashreplace")
