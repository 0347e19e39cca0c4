"""Descriptors 1 and 2 pointed at the files themselves: what C libraries and child processes print, too.

The opposite way round from a pipe: the file comes first, and a thread shows the terminal what the file
gains. So nothing waits for a reader when a child outlives the program, and the last words before a kill
are in the file. What a file refuses that Python's own streams print, on a full disk say, goes to the
terminal instead, and so does all that comes after it.
"""

from __future__ import annotations

import functools
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any, Callable, NoReturn

from . import _trouble
from ._capture import out_of_the_way
from ._heartbeat import Heartbeat
from ._wrapped import Wrapped

__all__ = ["Redirection"]

_PAUSE_SECONDS = 0.02
_CHUNK = 1 << 16


class Redirection:
    """One descriptor of the process, pointed at a file that a thread echoes to where it led before.

    Redirections of the same descriptor nest, and end in any order. Python's own `stream` on it hands down
    every line at once, as it does at a terminal.

    Raises:
        OSError: the file cannot be opened, or the process has no such descriptor.
    """

    def __init__(self, path: Path, descriptor: int, stream: Any, told: set[int | None]) -> None:
        self._path = path
        self._told = told  # as in `OutputFile`
        self._failure: OSError | None = None
        self.descriptor = descriptor
        self._process = os.getpid()
        self._reading = threading.RLock()  # for a terminal that takes nothing holds up the echo for long
        self._echoing = Heartbeat(self.show_all, _PAUSE_SECONDS)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(path, flags, 0o666)
        try:
            _flush()
            self._terminal = out_of_the_way(os.dup(descriptor))
            self._reader = out_of_the_way(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
            os.lseek(self._reader, 0, os.SEEK_END)
            os.dup2(file, descriptor)
        finally:
            os.close(file)
        if not _stack:
            _exits.append(Wrapped(os, "_exit", _showing(os._exit)))
        _stack.append(self)
        self._raw_write = self._watch_writes(stream)
        self._stream = _buffer_lines(stream, descriptor)
        self._echoing.start()

    def end(self) -> None:
        """Point the descriptor back, after all that the file has gained is shown."""
        if os.getpid() != self._process or self not in _stack:
            return  # a forked child prints on into the file; its parent echoes and ends
        _flush()
        try:
            self._hand_on_buffering()
            self._lead_back()
        finally:
            self._echoing.stop()
            _stack.remove(self)
            if self._raw_write is not None:
                self._raw_write.undo()
            if not _stack:
                _exits.pop().undo()
            os.close(self._reader)
            os.close(self._terminal)
            self._tell()

    def give_up(self, error: OSError) -> None:
        """Lead back before the end, since the file takes no more."""
        self._failure = self._failure or error
        self._lead_back()

    def is_in_place(self) -> bool:
        """Whether its descriptor leads to its file still, and nobody has pointed it elsewhere."""
        return os.path.sameopenfile(self._reader, self.descriptor)

    def show_all(self) -> None:
        """Show what the file has gained until now, if this process is the one that does."""
        if os.getpid() != self._process:
            return
        with self._reading:
            try:
                while True:
                    data = os.read(self._reader, _CHUNK)
                    if not data:
                        return
                    while data:
                        data = data[self._show(data) :]
            except OSError:
                pass  # the terminal is gone; the file goes on

    def _show(self, data: bytes) -> int:
        try:
            return os.write(self._terminal, data)
        except BlockingIOError:  # another program has made it so: a terminal is shared
            select.select([], [self._terminal], [])
            return 0

    def _above(self) -> Redirection | None:
        later = _stack[_stack.index(self) + 1 :]
        return next((other for other in later if other.descriptor == self.descriptor), None)

    def _hand_on_buffering(self) -> None:
        above = self._above()
        if above is not None and above._stream is None:
            above._stream = self._stream
        elif self._stream is not None and not self._stream.closed:
            self._stream.reconfigure(line_buffering=False)

    def _lead_back(self) -> None:
        above = self._above()
        if above is None:
            os.dup2(self._terminal, self.descriptor)
            self.show_all()
            return
        # The one above leads into our file. It lets us show what it has, then leads where we led.
        with above._reading:
            above.show_all()
            self.show_all()
            os.dup2(self._terminal, above._terminal, inheritable=False)

    def _watch_writes(self, stream: Any) -> Wrapped | None:
        """See to it that the program is not told when our file refuses what it prints to `stream`."""
        try:
            if stream.fileno() != self.descriptor:
                return None
            # What writes to the descriptor itself; the layers above have locks and buffers of their own.
            raw = getattr(stream.buffer, "raw", stream.buffer)
            original = raw.write

            def write(data: Any) -> Any:
                try:
                    written = original(data)
                except OSError as error:
                    if not _give_up(self.descriptor, error):
                        raise
                    self._tell_at_next_write(stream)
                    return original(data)
                if written is not None and written < len(data):  # the disk has filled up on the way
                    written += write(memoryview(data).cast("B")[written:]) or 0
                return written

            return Wrapped(raw, "write", write)
        except (AttributeError, OSError, ValueError):
            return None  # none, or not one of Python's own

    def _tell_at_next_write(self, stream: Any) -> None:
        """Say so when `stream` is free again: where we say it may be printed to this very stream."""

        def write(text: str) -> Any:
            wrapped.undo()
            self._tell()
            return stream.write(text)

        wrapped = Wrapped(stream, "write", write)

    def _tell(self) -> None:
        if self._failure is not None:
            _trouble.warn_once(self._told, self._path, self._failure)


_stack: list[Redirection] = []
_exits: list[Wrapped] = []


def _give_up(descriptor: int, error: OSError) -> bool:
    """Point `descriptor`, where our file has refused something, to the terminal; whether to try again."""
    redirections = [one for one in _stack if one.descriptor == descriptor]
    if redirections and redirections[-1].is_in_place():
        for one in redirections:
            one.give_up(error)
    return bool(redirections)  # another thread may have done it in the meantime


def _showing(original: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    @functools.wraps(original)
    def show_and_exit(status: int) -> NoReturn:
        for redirection in _stack.copy():  # no thread is left to do it after this
            redirection.show_all()
        original(status)

    return show_and_exit


def _buffer_lines(stream: Any, descriptor: int) -> Any:
    """`stream`, if it writes to `descriptor` and did not hand down each line before; else None."""
    try:
        if stream.line_buffering or stream.fileno() != descriptor:
            return None
        stream.reconfigure(line_buffering=True)
    except (AttributeError, OSError, ValueError):
        return None  # none, or not one of Python's own
    return stream


def _flush() -> None:
    """Let what Python and C hold back go where it was printed to."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except (ImportError, AttributeError, OSError, TypeError):
        pass  # no ctypes, or Windows, where each library may have a C library of its own
