"""A terminal that is shown what a file gains."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from pathlib import Path

from ._capture import out_of_the_way
from ._heartbeat import Heartbeat

__all__ = ["Echo"]

_PAUSE_SECONDS = 0.02
_CHUNK = 1 << 16
# A pipe that has room at all has room for so much.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
_STUCK_SECONDS = 1


class Echo:
    """Shows on `terminal`, a descriptor that is its own from now on, what the file at `path` gains.

    A thread does it a few times a second, and `show` at once. The process that made it does; to those that
    it forks all of this is nothing.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, terminal: int) -> None:
        self._terminal = terminal
        self._process = os.getpid()
        self._is_hurried = False
        self._showing = threading.RLock()  # for a terminal that takes nothing holds up the thread for long
        self._thread = Heartbeat(self.show, _PAUSE_SECONDS)
        self._file = out_of_the_way(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        os.lseek(self._file, 0, os.SEEK_END)

    @property
    def is_mine(self) -> bool:
        """Whether it is this process that shows."""
        return os.getpid() == self._process

    def start(self) -> None:
        """Begin to show by itself."""
        self._thread.start()

    def stop(self) -> None:
        """Show nothing more, and close file and terminal."""
        self._thread.stop()
        os.close(self._file)
        os.close(self._terminal)

    def hurry(self) -> None:
        """From now on leave alone a terminal that takes nothing, since the process is to end."""
        self._is_hurried = True

    def is_fed_by(self, descriptor: int) -> bool:
        """Whether what is written to `descriptor` goes into the file."""
        try:
            return os.path.sameopenfile(self._file, descriptor)
        except OSError:
            return False  # somebody has closed it

    def show(self) -> None:
        """Show what the file has gained until now."""
        if not self.is_mine:
            return
        with self._showing:
            try:
                if os.fstat(self._file).st_size < os.lseek(self._file, 0, os.SEEK_CUR):
                    os.lseek(self._file, 0, os.SEEK_SET)  # a child's `> /dev/stdout` has emptied it
                while data := memoryview(os.read(self._file, _CHUNK)):
                    while data:
                        data = data[self._hand_over(data) :]
            except OSError:
                pass  # the terminal is gone, or stuck in the end; the file goes on

    def show_on(self, descriptor: int) -> None:
        """Show all there is, and point `descriptor` at the terminal if it feeds the file still."""
        if self.is_fed_by(descriptor):
            os.dup2(self._terminal, descriptor)
        self.show()

    def hand_terminal_to(self, other: Echo) -> None:
        """Let `other`, whose terminal is our file, show what it gains where we do; first all there is."""
        # In a forked child the lock may be held for ever, by a thread that is not there.
        with other._showing if self.is_mine else contextlib.nullcontext():
            other.show()
            self.show()
            os.dup2(self._terminal, other._terminal, inheritable=False)

    def _hand_over(self, data: memoryview) -> int:
        """Give the terminal what it takes; return how much that was."""
        if not _can_take_more(self._terminal):
            if self._is_hurried:
                raise TimeoutError
            return 0
        try:
            return os.write(self._terminal, data[:_AT_ONCE])
        except BlockingIOError:  # another program has made it so: a terminal is shared
            return 0


def _can_take_more(terminal: int) -> bool:
    """Wait until a terminal takes something, but not for long; whether it does."""
    if sys.platform == "win32":
        return True  # only sockets can be waited for there
    try:
        return bool(select.select([], [terminal], [], _STUCK_SECONDS)[1])
    except ValueError:
        return True  # more than a thousand files are open
