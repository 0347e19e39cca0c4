"""Descriptors 1 and 2 pointed at the files themselves: what C libraries and child processes print, too.

The opposite way round from a pipe: the file comes first, and a thread shows the terminal what the file
gains. So nothing waits for a reader when a child outlives the program, and the last words before a kill are
in the file. When the file refuses what Python's own streams print, on a full disk say, the descriptor leads
to the terminal again.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from pathlib import Path
from typing import Any, Callable, NoReturn

from meticulous import _log
from meticulous._disk.output import OwnDescriptor
from meticulous._session.heartbeat import Heartbeat
from meticulous._session.hooks import process, wrap
from meticulous._session.signals import c_library
from meticulous._session.streams import raw_layer

__all__ = ["DescriptorCapture", "leads_to_descriptor"]

_PAUSE_SECONDS = 0.02
# A pipe that has room at all has room for so much; of a terminal nobody can say.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
_STUCK_SECONDS = 0.5


def leads_to_descriptor(stream: Any) -> bool:
    """Whether what is written to `stream` goes where descriptor 1 or 2 is pointed."""
    try:
        # Windows' own way to a console passes the descriptor by.
        return stream.fileno() in (1, 2) and type(raw_layer(stream)).__name__ != "_WindowsConsoleIO"
    except (AttributeError, OSError, ValueError):
        return False


class DescriptorCapture:
    """One descriptor of the process, pointed at a file that is shown where the descriptor led before.

    Python's own `stream` on it hands down every line at once, as it does at a terminal. A forked child prints
    on into the file; its parent shows it, and ends.

    Raises:
        OSError: the file cannot be opened, or the process has no such descriptor.
    """

    def __init__(self, descriptor: int, stream: Any, path: Path) -> None:
        self.descriptor = descriptor
        self._stream = stream
        self._path = path
        self._failure: OSError | None = None
        self._piece = b""  # what the terminal is yet to take
        self._thread = Heartbeat(self._show_what_is_there, _PAUSE_SECONDS)
        self.terminal = OwnDescriptor(os.dup(descriptor))
        self._file = OwnDescriptor(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        os.lseek(self._file.number, 0, os.SEEK_END)
        self._undo = contextlib.ExitStack()

    def begin(self) -> None:
        """Point the descriptor at the file; whatever is raised in the midst of it, `end` undoes it."""
        _flush()
        process.redirections.append(self)
        self._undo.callback(self.terminal.close)
        self._undo.callback(self._file.close)
        self._undo.callback(process.redirections.remove, self)
        with open(self._path, "ab", buffering=0) as file:
            os.dup2(file.fileno(), self.descriptor)
        self._undo.callback(wrap(os, "_exit", self._show_and_exit))
        # There may be no stream, or one of another make.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            if self._stream.fileno() == self.descriptor:
                # What writes to the descriptor itself; the layers above have locks and buffers of their own.
                self._undo.callback(wrap(raw_layer(self._stream), "write", self._raw_write))
                self._undo.callback(_buffer_lines, self._stream, self._stream.line_buffering)
                _buffer_lines(self._stream, True)
        self._thread.start()

    def check(self) -> None:
        """Say what the file has refused: not at once, for a warning may go to this very stream."""
        if self._failure is not None:
            _log.warn_unwritten(self._path, self._failure)

    def end(self, *, hurried: bool = False) -> None:
        """Point the descriptor back after all that the file has gained is shown.

        If `hurried`, since a signal ends the process, leave alone a terminal that takes nothing.
        """
        if self not in process.redirections:
            return
        _flush()
        with self._undo:
            self._lead_back(hurried=hurried)
        self.check()
        if self._piece and not hurried:  # nobody has taken it: Python is to find that out as it ends
            with contextlib.suppress(AttributeError, OSError, ValueError):
                self._stream.buffer.write(self._piece)

    def _lead_back(self, *, hurried: bool = False) -> None:
        self._thread.stop()
        self._show(hurried=hurried)
        self._lead_to_terminal()
        self._show(hurried=hurried)  # what others have printed in between

    def _lead_to_terminal(self) -> None:
        if self._is_fed():
            os.dup2(self.terminal.number, self.descriptor)

    def _is_fed(self) -> bool:
        """Whether what is written to the descriptor goes into the file."""
        try:
            return os.path.sameopenfile(self._file.number, self.descriptor)
        except OSError:
            return False  # somebody has closed it

    def _show_and_exit(self, original: Callable[[int], NoReturn]) -> Callable[[int], NoReturn]:
        def exit(status: int) -> NoReturn:
            if self in process.redirections:
                self._lead_back()  # no thread is left to show it after this
            original(status)

        return exit

    def _show_what_is_there(self) -> None:
        while self._thread.is_running and self._show_piece(hurried=False):
            pass

    def _show(self, *, hurried: bool) -> None:
        """Show what the file has gained until now."""
        while self._show_piece(hurried=hurried):
            pass

    def _show_piece(self, *, hurried: bool) -> bool:
        """Whether there may be more to show, and somebody to show it to."""
        try:
            file = self._file.number
            if os.fstat(file).st_size < os.lseek(file, 0, os.SEEK_CUR):
                os.lseek(file, 0, os.SEEK_SET)  # a child's `> /dev/stdout` has emptied it
            self._piece = self._piece or os.read(file, _AT_ONCE)
            if not (self._piece and self.terminal.is_open()):
                return False
        except OSError:
            return False  # the program has closed it
        terminal = self.terminal.number
        try:
            # Windows can wait only for sockets, and select for none of the descriptors from 1,024 on.
            can_wait = sys.platform != "win32" and terminal < 1024
            if can_wait and not select.select([], [terminal], [], _STUCK_SECONDS)[1]:
                return not hurried
            self._piece = self._piece[os.write(terminal, self._piece) :]
        except BlockingIOError:  # another program has made it so: a terminal is shared
            return not hurried
        except OSError:
            self._lead_to_terminal()  # it is gone: the program is to see that as it does without us
            return False
        return True

    def _raw_write(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Keep from the program that our file refuses what it prints."""

        def write(data: Any) -> Any:
            try:
                written = original(data)
            except OSError as error:
                if self._is_fed():  # else it is the program's own trouble, or another thread was here before
                    self._failure = error
                    if self not in process.redirections:  # a forked child has left the terminal to its parent
                        self.check()
                        return len(data)
                    self._lead_back()
                return original(data)
            if written is not None and written < len(data):  # the disk has filled up on the way
                written += write(memoryview(data).cast("B")[written:]) or 0
            return written

        return write


def _buffer_lines(stream: Any, is_by_line: bool) -> None:
    with contextlib.suppress(OSError, ValueError):  # the program has closed or detached it
        stream.reconfigure(line_buffering=is_by_line)


def _flush() -> None:
    """Let what Python and C hold back go where it was printed to."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    if c_library is not None:
        c_library.fflush(None)
