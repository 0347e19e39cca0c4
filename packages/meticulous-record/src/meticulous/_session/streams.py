"""Copies of what the program prints, taken where it prints: on the stream objects themselves.

`sys.stdout` stays the object it is (its `isatty`, `fileno`, `encoding`, and handlers that hold it go on
working); only `write` and `flush` on it are wrapped, and `write` on its `buffer`.

`print(a, b)` calls `write` four times, and several processes may print at once. So pieces wait for the end of
their line, a flush, or the end of the session; then they are one system call on an append-only descriptor. A
forked child drops those that its parent holds. The file comes first: what a killed program has shown is in
it, but for a line that has not ended.

Writing to the file lets other threads run. So a text layer that shows no piece before its line ends, as
Python's own does without `-u`, is given the line whole, too: else theirs would come in the midst of it (seen
in 3 to 12 of 40 lines that four threads of a pool printed).

The pieces are in lists without a lock, which would cost a tenth of a `print`: `append` and `pop` give each
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
from meticulous._session.hooks import ipython, process, wrap

__all__ = ["StreamCapture", "Tee", "raw_layer"]

_MOST = 1024
"""As many pieces wait for the end of their line."""


class Tee:
    """Copies what is written to one stream object into any number of files."""

    def __init__(self, stream: Any, files: tuple[OutputFile, ...] = ()) -> None:
        self.stream = stream
        self.files = files
        self.held: list[bytes] = []  # pieces that wait for the end of their line
        self._waiting: list[str] = []  # those of them that the text layer has not been given, either
        self._inside: list[int] = []  # the threads that are in a call to the text layer
        self._undo = contextlib.ExitStack()
        is_plain = isinstance(stream, io.TextIOWrapper) and isinstance(stream.write, BuiltinMethodType)
        self._is_plain, self._original = is_plain, stream.write
        self._undo.callback(wrap(stream, "write", self._text_write))
        self._write: Any = stream.write
        # It may be detached, have no `flush`, or a buffer that takes no attribute: then text alone is copied.
        with contextlib.suppress(AttributeError, ValueError):
            self._undo.callback(wrap(stream, "flush", self._text_flush))
            # Of another make, nobody knows whether its text comes by its `buffer`, and by which way.
            if is_plain:
                self._undo.callback(wrap(stream.buffer, "write", self._bytes_write))

    @property
    def is_in_place(self) -> bool:
        """Whether it still stands between the program and the stream."""
        return self.stream.write is self._write

    def leave(self) -> None:
        """Copy nothing more; the stream is as it was before."""
        self.flush()
        self.files = ()
        self._undo.close()
        self._write = None  # what holds the stream no longer, lets Python flush it at the very end

    def flush(self) -> None:
        """Copy what waits for the end of its line, and hand it down."""
        text = self._taken()
        if self.held or text:
            self._append(text.encode())
        self._hand_down(text)

    def leave_to_parent(self) -> None:
        """In a forked child: what waits is the parent's to copy. Shown it is by both, as without us."""
        self.held.clear()
        self._hand_down(self._taken())

    def _taken(self, last: str = "") -> str:
        """Take what the text layer has not been given, with the last piece."""
        try:
            while self._waiting:
                last = self._waiting.pop() + last
        except IndexError:
            pass  # another thread has the last one
        return last

    def _hand_down(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it is closed: who flushes or prints next is told
            if text:
                self._through(self._original, text)

    def _copy(self, data: bytes) -> None:
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if len(self.held) >= _MOST:
            end = len(data)
        if end:
            self._append(data[:end])
        if end < len(data):
            self.held.append(data[end:])

    def _append(self, data: bytes) -> None:
        try:
            while self.held:
                data = self.held.pop() + data
        except IndexError:
            pass  # another thread has the last one
        for file in self.files:
            file.append(data)

    def _through(self, original: Callable[..., Any], *arguments: Any) -> Any:
        """Call the text layer. What it hands down meanwhile is copied where it came from."""
        thread = _thread.get_ident()
        self._inside.append(thread)
        try:
            return original(*arguments)
        finally:
            self._inside.remove(thread)

    def _text_write(self, original: Callable[[str], Any]) -> Callable[[str], Any]:
        stream, is_plain = self.stream, self._is_plain
        waiting, inside, this_thread = self._waiting, self._inside, _thread.get_ident
        encode = str.encode  # not a method of the text's own, which may be another one's

        def write_first(text: str) -> Any:
            """Copy what has not been refused."""
            result = self._through(original, text)
            self._copy(self._odd_bytes(text))
            return result

        def write(text: str) -> Any:
            """Copy first. As `_through`, without a call more: each costs a tenth of a `print`."""
            if not self.files:
                return original(text)
            try:
                data = encode(text)
            except (UnicodeEncodeError, TypeError):
                self.flush()
                return write_first(text)
            line = text
            if "\n" in text or "\r" in text:
                if waiting:
                    line = self._taken(text)
                    data = encode(line)
                self._copy(data)
            elif is_plain and not (stream.write_through or stream.closed):
                waiting.append(text)
                if len(waiting) >= _MOST or not self.files:  # it was left in this moment
                    self.flush()
                return len(text)
            else:
                self._copy(data)
            thread = this_thread()
            inside.append(thread)
            try:
                result = original(line)
            finally:
                inside.remove(thread)
            return result if line is text else len(text)

        takes_all = str(getattr(self.stream, "encoding", "")).lower() in ("utf-8", "utf8")
        return write if takes_all else write_first

    def _text_flush(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def flush() -> Any:
            self.flush()
            return self._through(original)

        return flush

    def _bytes_write(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write(data: Any) -> Any:
            if self.files and _thread.get_ident() not in self._inside:
                with contextlib.suppress(TypeError):  # these are no bytes, as the stream is about to say
                    self._copy(bytes(memoryview(data)))
            return original(data)

        return write

    def _odd_bytes(self, text: Any) -> bytes:
        """Text with lone surrogates, as the stream's own rule for such has it. Or no text at all."""
        with contextlib.suppress(UnicodeEncodeError, LookupError):
            return str(text).encode("utf-8", getattr(self.stream, "errors", None) or "strict")
        return str(text).encode("utf-8", "backslashreplace")


class StreamCapture:
    """The stream of `sys` with this name, copied into the file at `path`; so is one that takes its place."""

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path
        self._file = OutputFile(path)
        self._streams: list[Any] = []  # those that are copied

    def begin(self) -> None:
        """Copy what is written from now on."""
        self._listen(getattr(sys, self._name))

    def check(self) -> None:
        """Follow the program where it has put another stream in the place of ours, or warn.

        A stream without a file of its own hands on to ours, or keeps what it is given: that is left alone.
        """
        found: Any = getattr(sys, self._name, None)
        try:
            is_file = type(found) is io.TextIOWrapper and isinstance(raw_layer(found), io.FileIO)
            # A new layer on a buffer that is copied is copied, too.
            if not is_file or id(found) in process.tees or "write" in vars(found.buffer):
                return
            leads_here = os.path.sameopenfile(found.fileno(), 1 if self._name == "stdout" else 2)
        except (OSError, ValueError):
            return  # closed, or detached
        if leads_here:
            for stream in self._streams:
                if type(stream) is not io.TextIOWrapper:
                    self._unlisten(stream)  # it may hand on to the one that is copied now
            self._listen(found)
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
        except (AttributeError, TypeError):
            _log.warn(f"{type(stream).__name__} objects cannot be listened to: output is not recorded")
            return
        process.tees[id(stream)] = tee
        self._streams.append(stream)
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
            process.tees.pop(id(stream)).leave()
        if not process.tees:
            _follow_cells("unregister")


def raw_layer(stream: Any) -> Any:
    """The layer of a stream that writes to the descriptor."""
    return getattr(stream.buffer, "raw", stream.buffer)


def _follow_cells(how: str) -> None:
    """Copy again, or no more, in the beginning of each cell of IPython, and when it is over.

    From 9 on IPython sets `write` on the streams for each cell, and afterwards puts back what it found before
    the cell: so ours, if it came in the midst of one, is gone after it.
    """
    shell = ipython()
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
