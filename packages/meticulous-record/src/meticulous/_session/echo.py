"""A terminal that is shown what a file gains."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from meticulous._session.heartbeat import Heartbeat
from meticulous._session.streams import out_of_the_way

__all__ = ["Echo"]

_PAUSE_SECONDS = 0.02
# A pipe that has room at all has room for so much; of a terminal nobody can say.
_AT_ONCE = getattr(select, "PIPE_BUF", 512)
_STUCK_SECONDS = 1


class Echo:
    """Shows where `descriptor` leads now, a terminal or whatever else, what the file at `path` gains.

    A thread does it many times a second, and `show` at once. The process that made it does; to those that it
    forks all of this is nothing.

    Raises:
        OSError: the file cannot be opened, or there is no such descriptor.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._process = os.getpid()
        self._is_hurried = False
        self._showing = threading.RLock()  # for a terminal that takes nothing holds up the thread for long
        self._thread = Heartbeat(self._beat, _PAUSE_SECONDS)
        self._terminal = out_of_the_way(os.dup(descriptor))
        try:
            self._file = out_of_the_way(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))
        except OSError:
            os.close(self._terminal)
            raise
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
        """From now on leave alone a terminal that takes nothing, since a signal ends the process."""
        self._is_hurried = True

    def leave_terminal(self) -> None:
        """In a forked child, once: whoever waits for the end of what is shown does not wait for the child."""
        terminal, self._terminal = self._terminal, -1  # its own children find it closed
        try:
            os.close(terminal)
        except OSError:
            pass  # closed by its parent, or by the program

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
        if self._is_hurried:
            self._wait_for_thread()
            return
        with self._alone():
            self._show()

    def lead_back(self, descriptor: int) -> None:
        """Point `descriptor` at the terminal, if it feeds the file still."""
        if self.is_fed_by(descriptor):
            os.dup2(self._terminal, descriptor)

    def hand_terminal_to(self, other: Echo) -> None:
        """Let `other`, whose terminal is our file, show what it gains where we do; first all there is."""
        with other._alone():
            other.show()
            self.show()
            os.dup2(self._terminal, other._terminal, inheritable=False)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from showing; in a hurry not for longer than one of them may be stuck."""
        held = self._showing.acquire(timeout=_STUCK_SECONDS if self._is_hurried else -1)
        try:
            yield
        finally:
            if held:
                self._showing.release()

    def _beat(self) -> None:
        if self._showing.acquire(blocking=False):  # else another thread of ours is stuck there
            try:
                self._show()
            finally:
                self._showing.release()

    def _show(self) -> None:
        try:
            if os.fstat(self._file).st_size < os.lseek(self._file, 0, os.SEEK_CUR):
                os.lseek(self._file, 0, os.SEEK_SET)  # a child's `> /dev/stdout` has emptied it
            while data := os.read(self._file, _AT_ONCE):
                while data:
                    data = data[self._hand_over(data) :]
        except OSError:
            pass  # the terminal is gone, or stuck in the end; the file goes on

    def _hand_over(self, data: bytes) -> int:
        """Give the terminal what it takes; return how much that was."""
        if not _can_take_more(self._terminal):
            if self._is_hurried:
                raise TimeoutError
            return 0
        try:
            return os.write(self._terminal, data)
        except BlockingIOError:  # another program has made it so: a terminal is shared
            return 0

    def _wait_for_thread(self) -> None:
        """Until the thread has shown all, or is stuck: a write that has begun can be given up by nobody."""
        shown, changed = -1, time.monotonic()
        while time.monotonic() < changed + _STUCK_SECONDS:
            if shown != (shown := os.lseek(self._file, 0, os.SEEK_CUR)):
                changed = time.monotonic()
            if shown >= os.fstat(self._file).st_size:
                break
            time.sleep(_PAUSE_SECONDS)
        with self._alone():
            pass  # the last of it is on its way


def _can_take_more(terminal: int) -> bool:
    """Wait until a terminal takes something, but not for long; whether it does."""
    if sys.platform == "win32":
        return True  # only sockets can be waited for there
    try:
        return bool(select.select([], [terminal], [], _STUCK_SECONDS)[1])
    except ValueError:
        return True  # more than a thousand files are open
