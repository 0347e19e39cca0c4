"""Something that is done again and again beside the program, such as the sign of life of an experiment."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from meticulous._session.process import process

__all__ = ["Heartbeat"]


class Heartbeat:
    """Calls `beat` every `seconds` from `start` to `stop`, in a thread that the program does not notice.

    The thread is a bare one, not a `threading.Thread`: scripts that wait for `threading.active_count()` to
    fall to 1 would wait for ever. It takes no signals, and does not exist in a forked child.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()
        self._native_id = 0

    def start(self) -> None:
        """Begin; does nothing where no thread can be started."""
        if self in process.heartbeats:
            return
        self._stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()
        self._stop.acquire()
        self._stopped.acquire()
        process.heartbeats.add(self)  # before it starts: a signal may come right after that
        try:
            with _no_signals():
                _thread.start_new_thread(self._run, ())
        except RuntimeError:  # the limit of threads is reached, or the interpreter is going down
            process.heartbeats.discard(self)

    def stop(self) -> None:
        """End; a beat that hangs on a dead file system is left behind after a second."""
        if self not in process.heartbeats:
            return
        process.heartbeats.discard(self)
        self._stop.release()
        if self._stopped.acquire(timeout=1):
            # It has run its last line. Until the kernel is done with it a fork still counts it.
            deadline = time.monotonic() + 0.1
            while self._is_listed() and time.monotonic() < deadline:
                time.sleep(0)
        if not process.heartbeats:
            _forget_filter()

    def _is_listed(self) -> bool:
        return sys.platform == "linux" and os.path.exists(f"/proc/self/task/{self._native_id}")

    def _run(self) -> None:
        if sys.platform == "linux":
            self._native_id = _thread.get_native_id()
        while not self._stop.acquire(timeout=self._seconds):
            self._beat()
        self._stopped.release()


@contextmanager
def _no_signals() -> Iterator[None]:
    """What is started in here takes no signals: those that the program's threads block are for later.

    But for SIGTTOU, which stops who prints from the background.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # the next one may raise what a handler raises
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGTTOU})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# From Python 3.12 on a fork in a process with threads warns, after the last hook, and counts ours as well:
# in pytest, with its warnings as errors, a DataLoader's workers would fail a test. Where the process has no
# threads but ours the warning is filtered. The filter stays until a fork finds others, or our last thread
# ends.
def _hide_threads() -> None:
    try:
        is_alone = len(os.listdir("/proc/self/task")) == 1 + len(process.heartbeats)
    except OSError:
        is_alone = False  # nobody can say
    _forget_filter()
    if process.heartbeats and is_alone:
        warnings.filterwarnings("ignore", ".* is multi-threaded, use of ", DeprecationWarning)
        process.filters.append(warnings.filters[0])


def _forget_filter() -> None:
    while process.filters:
        found = process.filters.pop()
        if found in warnings.filters:
            warnings.filters.remove(found)  # type: ignore[attr-defined]


if sys.version_info >= (3, 12) and hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hide_threads, after_in_child=_forget_filter)
