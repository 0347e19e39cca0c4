"""Descriptors 1 and 2 pointed at the files themselves: what C libraries and child processes print, too.

The opposite way round from a pipe: the file comes first, and a thread shows the terminal what the file
gains. So nothing waits for a reader when a child outlives the program, and the last words before a kill are
in the file. What a file refuses that Python's own streams print, on a full disk say, goes to the terminal
instead, and so does all that comes after it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import sys
import threading
from pathlib import Path
from typing import Any, Callable, NoReturn

from meticulous import _log
from meticulous._disk.output import OwnDescriptor
from meticulous._session.heartbeat import Heartbeat
from meticulous._session.process import Wrapped, process

__all__ = ["DescriptorCapture", "leads_to_descriptor"]

_PAUSE_SECONDS = 0.02
# A pipe that has room at all has room for so much; of a terminal nobody can say.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
_STUCK_SECONDS = 1


def leads_to_descriptor(stream: Any) -> bool:
    """Whether what is written to `stream` goes where descriptor 1 or 2 is pointed."""
    try:
        # Windows' own way to a console passes the descriptor by.
        raw = getattr(stream.buffer, "raw", stream.buffer)
        return stream.fileno() in (1, 2) and type(raw).__name__ != "_WindowsConsoleIO"
    except (AttributeError, OSError, ValueError):
        return False


class DescriptorCapture:
    """One descriptor of the process, pointed at a file that is shown where the descriptor led before.

    Python's own `stream` on it hands down every line at once, as it does at a terminal. A forked child prints
    on into the file; its parent shows it, and ends.

    Raises:
        OSError: the file cannot be opened, or the process has no such descriptor.
    """

    def __init__(self, descriptor: int, stream: Any, path: Path, told: set[str]) -> None:
        self.descriptor = descriptor
        self._stream = stream
        self._path = path
        self._told = told  # as in `OutputFile`
        self._failure: OSError | None = None
        self._wrapped: list[Wrapped] = []
        self._is_buffered = False
        self._is_hurried = False
        self._showing = (
            threading.RLock()
        )  # a terminal that takes nothing holds up the thread, but not for long
        self._thread = Heartbeat(self._beat, _PAUSE_SECONDS)
        self._file = OwnDescriptor(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        os.lseek(self._file.number, 0, os.SEEK_END)
        self._terminal = OwnDescriptor(os.dup(descriptor))

    def begin(self) -> None:
        """Point the descriptor at the file; whatever is raised in the midst of it, `end` undoes it."""
        _flush()
        process.redirections.append(self)
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            os.dup2(file, self.descriptor)
        finally:
            os.close(file)
        self._wrapped.append(Wrapped(os, "_exit", self._show_and_exit(os._exit)))
        try:
            if self._stream.fileno() == self.descriptor:
                # What writes to the descriptor itself; the layers above have locks and buffers of their own.
                raw = getattr(self._stream.buffer, "raw", self._stream.buffer)
                self._wrapped.append(Wrapped(raw, "write", self._raw_write(raw.write)))
                self._is_buffered = not self._stream.line_buffering
                self._stream.reconfigure(line_buffering=True)
        except (AttributeError, OSError, ValueError):
            pass  # none, or not one of Python's own
        self._thread.start()

    def check(self) -> None:
        """Do nothing: a stream in the place of another leads to the same descriptor."""

    def end(self, *, hurried: bool = False) -> None:
        """Point the descriptor back after all that the file has gained is shown.

        If `hurried`, since a signal ends the process, leave alone a terminal that takes nothing.
        """
        if self not in process.redirections:
            return
        self._is_hurried = hurried
        _flush()
        try:
            if self._is_buffered:
                self._stream.reconfigure(line_buffering=False)
        except (OSError, ValueError):
            pass  # the program has closed or detached it
        try:
            self._lead_back()
        finally:
            process.redirections.remove(self)
            for wrapped in self._wrapped:
                wrapped.undo()
            self._thread.stop()
            self._file.close()
            self._terminal.close()
            self._tell()

    def leave_terminal(self) -> None:
        """In a forked child: whoever waits for the end of what is shown does not wait for the child."""
        self._terminal.close()

    def _is_fed(self) -> bool:
        """Whether what is written to the descriptor goes into the file."""
        try:
            return os.path.sameopenfile(self._file.number, self.descriptor)
        except OSError:
            return False  # somebody has closed it

    def _lead_back(self) -> None:
        self._show()
        if self._is_fed():
            os.dup2(self._terminal.number, self.descriptor)
        self._show()  # what others have printed in between

    def _show_and_exit(self, original: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
        @functools.wraps(original)
        def exit(status: int) -> NoReturn:
            if self in process.redirections:
                self._show()  # no thread is left to do it after this
            original(status)

        return exit

    def _beat(self) -> None:
        while not self._is_hurried and self._showing.acquire(blocking=False):
            try:
                if not self._show_piece():
                    return
            finally:
                self._showing.release()

    def _show(self) -> None:
        """Show what the file has gained until now."""
        if self._showing.acquire(timeout=_STUCK_SECONDS if self._is_hurried else -1):
            try:
                while self._show_piece():
                    pass
            finally:
                self._showing.release()

    def _show_piece(self) -> bool:
        try:
            file = self._file.number
            if os.fstat(file).st_size < os.lseek(file, 0, os.SEEK_CUR):
                os.lseek(file, 0, os.SEEK_SET)  # a child's `> /dev/stdout` has emptied it
            data = piece = os.read(file, _AT_ONCE)
            while data:
                data = data[self._hand_over(data) :]
            return bool(piece)
        except OSError:
            return False  # the terminal is gone, or stuck in the end; the file goes on

    def _hand_over(self, data: bytes) -> int:
        """Give the terminal what it takes; return how much that was."""
        if not self._terminal.is_open():
            raise OSError
        if not _can_take_more(self._terminal.number):
            if self._is_hurried:
                raise TimeoutError
            return 0
        try:
            return os.write(self._terminal.number, data)
        except BlockingIOError:  # another program has made it so: a terminal is shared
            return 0

    def _raw_write(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """See to it that the program is not told when our file refuses what it prints."""

        def write(data: Any) -> Any:
            try:
                written = original(data)
            except OSError as error:
                if self._is_fed():  # else it is the program's own trouble, or another thread was here before
                    self._give_up(error)
                return original(data)
            if written is not None and written < len(data):  # the disk has filled up on the way
                written += write(memoryview(data).cast("B")[written:]) or 0
            return written

        return write

    def _give_up(self, error: OSError) -> None:
        self._failure = self._failure or error
        if self in process.redirections:
            self._lead_back()
        else:  # a forked child, which has left the terminal to its parent
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.descriptor)
            os.close(nowhere)

        def write(text: str) -> Any:
            wrapped.undo()
            self._tell()
            return self._stream.write(text)

        # When the stream is free again: a warning may be printed to this very stream.
        wrapped = Wrapped(self._stream, "write", write)

    def _tell(self) -> None:
        if self._failure is not None:
            _log.warn_unwritten(self._told, self._path, self._failure)


def _can_take_more(terminal: int) -> bool:
    """Wait until a terminal takes something, but not for long; whether it does."""
    if sys.platform == "win32":
        return True  # only sockets can be waited for there
    try:
        return bool(select.select([], [terminal], [], _STUCK_SECONDS)[1])
    except ValueError:
        return True  # more than a thousand files are open


def _flush() -> None:
    """Let what Python and C hold back go where it was printed to."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    try:
        import ctypes

        ctypes.CDLL(None).fflush(None)
    except (ImportError, AttributeError, OSError, TypeError):
        pass  # no ctypes, or Windows, where each library may have a C library of its own
