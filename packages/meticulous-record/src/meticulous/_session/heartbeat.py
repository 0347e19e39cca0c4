"""Something that is done again and again beside the program, such as the sign of life of an experiment."""

from __future__ import annotations

import _thread
import contextlib
import re
import signal
import sys
import warnings
from typing import Callable

__all__ = ["Heartbeat"]

_NOT_ALONE = ("ignore", re.compile(".* is multi-threaded, use of "), DeprecationWarning, None, 0)
"""The filter of a warning: from Python 3.12 on a fork in a process with threads warns, and counts ours, too.

In pytest, with its warnings as errors, a DataLoader's workers would fail a test. The filter is set by hand:
`warnings.filterwarnings` also has each warning shown again that was shown once.
"""


class Heartbeat:
    """Calls `beat` every `seconds` from `start` to `stop`, in a thread that the program does not notice.

    The thread is a bare one, not a `threading.Thread`: scripts that wait for `threading.active_count()` to
    fall to 1 would wait for ever. It takes no signals, and does not exist in a forked child.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self.is_running = False
        self._stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()

    def start(self) -> None:
        """Begin, once; does nothing where no thread can be started."""
        self._stop.acquire()
        self._stopped.acquire()
        self.is_running = True  # before it starts: a signal may come right after that
        warnings.filters.insert(0, _NOT_ALONE)  # type: ignore[attr-defined]
        try:
            self._start_thread()
        except RuntimeError:  # the limit of threads is reached, or the interpreter is going down
            self._stopped.release()

    def stop(self) -> None:
        """End; a beat that hangs on a dead file system is left behind after a second."""
        if not self.is_running:
            return
        self.is_running = False
        self._stop.release()
        self._stopped.acquire(timeout=1)
        with contextlib.suppress(ValueError):  # the program has set filters of its own
            warnings.filters.remove(_NOT_ALONE)  # type: ignore[attr-defined]

    def _start_thread(self) -> None:
        if sys.platform == "win32":
            _thread.start_new_thread(self._run, ())
            return
        # Signals that the program's threads block are for later, and none is for this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # the next one may raise what a handler raises
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            _thread.start_new_thread(self._run, ())
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(self) -> None:
        while not self._stop.acquire(timeout=self._seconds):
            self._beat()
        self._stopped.release()
