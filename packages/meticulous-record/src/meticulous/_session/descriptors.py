"""Descriptors 1 and 2 pointed at the files themselves: what C libraries and child processes print, too.

The opposite way round from a pipe: the file comes first, and a thread shows the terminal what the file
gains. So nothing waits for a reader when a child outlives the program, and the last words before a kill
are in the file. What a file refuses that Python's own streams print, on a full disk say, goes to the
terminal instead, and so does all that comes after it.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any, Callable, NoReturn

from meticulous import _log
from meticulous._session.echo import Echo
from meticulous._session.patch import Wrapped

__all__ = ["Redirection"]


class Redirection:
    """One descriptor of the process, pointed at a file that is echoed to where it led before.

    Redirections of the same descriptor nest, and end in any order. Python's own `stream` on it hands down
    every line at once, as it does at a terminal. The file is there already.

    Raises:
        OSError: the file cannot be opened, or the process has no such descriptor.
    """

    def __init__(self, path: Path, descriptor: int, stream: Any, told: set[int | None]) -> None:
        self.descriptor = descriptor
        self._path = path
        self._told = told  # as in `OutputFile`
        self._failure: OSError | None = None
        self._given = stream
        self._raw_write: Wrapped | None = None
        self._stream: Any = None
        self.echo = Echo(path, descriptor)

    def begin(self) -> None:
        """Point the descriptor at the file; whatever is raised in the midst of it, `end` undoes it."""
        _flush()
        if not _stack:
            _exits.append(Wrapped(os, "_exit", _showing(os._exit)))
            _exits.extend(Wrapped(os, name, _leading_back(getattr(os, name))) for name in ("execv", "execve"))
        _stack.append(self)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            os.dup2(file, self.descriptor)
        finally:
            os.close(file)
        self._raw_write = self._watch_writes(self._given)
        self._stream = _buffer_lines(self._given, self.descriptor)
        self.echo.start()

    def end(self) -> None:
        """Point the descriptor back, after all that the file has gained is shown."""
        if not self.echo.is_mine or self not in _stack:
            return  # a forked child prints on into the file; its parent echoes and ends
        _flush()
        try:
            self._hand_on_buffering()
            self._lead_back()
        finally:
            _stack.remove(self)
            if self._raw_write is not None:
                self._raw_write.undo()
            while _exits and not _stack:
                _exits.pop().undo()
            self.echo.stop()
            self._tell()

    def note(self, error: OSError) -> None:
        """Tell the program of `error` when there is an occasion."""
        self._failure = self._failure or error

    def give_up(self, error: OSError) -> None:
        """Lead back before the end, since the file takes no more."""
        self.note(error)
        self._lead_back()

    def _lead_back(self) -> None:
        above = self._above()
        if above is None:
            self.echo.show()
            self.echo.lead_back(self.descriptor)
            self.echo.show()  # what others have printed in between
        else:  # that leads into our file
            self.echo.hand_terminal_to(above.echo)

    def _above(self) -> Redirection | None:
        later = _stack[_stack.index(self) + 1 :]
        return next((other for other in later if other.descriptor == self.descriptor), None)

    def _hand_on_buffering(self) -> None:
        above = self._above()
        if above is not None and above._stream is None:
            above._stream = self._stream
        elif self._stream is not None:
            try:
                self._stream.reconfigure(line_buffering=False)
            except (OSError, ValueError):
                pass  # the program has closed or detached it

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
            _log.warn_once(self._told, self._path, self._failure)


_stack: list[Redirection] = []
_exits: list[Wrapped] = []


def _give_up(descriptor: int, error: OSError) -> bool:
    """Point `descriptor`, where our file has refused something, elsewhere; whether to try again."""
    redirections = [one for one in _stack if one.descriptor == descriptor]
    if redirections and redirections[-1].echo.is_fed_by(descriptor):
        if redirections[-1].echo.is_mine:
            for one in redirections:
                one.give_up(error)
        else:  # a forked child, which has left the terminal to its parent
            redirections[-1].note(error)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
    return bool(redirections)  # another thread may have done it in the meantime


def _showing(original: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
    @functools.wraps(original)
    def show_and_exit(status: int) -> NoReturn:
        _show_all()  # no thread is left to do it after this
        original(status)

    return show_and_exit


def _show_all() -> list[Redirection]:
    """Show all there is, and return who does: the inner ones first, since they lead into the outer."""
    mine = [redirection for redirection in reversed(_stack) if redirection.echo.is_mine]
    for redirection in mine:
        redirection.echo.show()
    return mine


def _leading_back(original: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """`os.execv` for a program whose output nobody is left to show; a child's is shown by this process."""

    @functools.wraps(original)
    def lead_back_and_execute(*arguments: Any, **how: Any) -> NoReturn:
        redirections = _show_all()
        files = {one.descriptor: os.dup(one.descriptor) for one in redirections}
        for redirection in redirections:
            redirection.echo.lead_back(redirection.descriptor)
        try:
            original(*arguments, **how)
        finally:  # there is no such program
            for descriptor, file in files.items():
                os.dup2(file, descriptor)
                os.close(file)

    return lead_back_and_execute


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


def _after_fork_in_child() -> None:
    for redirection in _stack:
        redirection.echo.leave_terminal()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
