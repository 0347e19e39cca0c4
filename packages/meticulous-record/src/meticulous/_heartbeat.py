"""The sign of life of a running experiment: a touch of STATUS's modification time, once a minute."""

from __future__ import annotations

import _thread
import os
from typing import Callable

__all__ = ["Heartbeat"]


class Heartbeat:
    """Calls `beat` every `seconds` from `start` to `stop`, in a thread that the program does not notice.

    The thread is a bare one, not a `threading.Thread`: scripts that wait for `threading.active_count()` to
    fall to 1 would wait for ever. It stands still while the program forks, so that no fork happens in a
    process made multi-threaded by us, and it does not exist in a forked child.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._stop: _thread.LockType | None = None
        self._stopped: _thread.LockType | None = None

    def start(self) -> None:
        """Begin; does nothing where no thread can be started."""
        stop, stopped = _thread.allocate_lock(), _thread.allocate_lock()
        stop.acquire()
        stopped.acquire()
        try:
            _thread.start_new_thread(self._run, (stop, stopped))
        except RuntimeError:  # the limit of threads is reached, or the interpreter is going down
            return
        self._stop, self._stopped = stop, stopped
        _running.add(self)

    def stop(self) -> None:
        """End; a beat that hangs on a dead file system is left behind after a second."""
        _running.discard(self)
        stop, stopped, self._stop, self._stopped = self._stop, self._stopped, None, None
        if stop is not None and stopped is not None:
            stop.release()
            stopped.acquire(timeout=1)

    def _run(self, stop: _thread.LockType, stopped: _thread.LockType) -> None:
        while not stop.acquire(timeout=self._seconds):
            self._beat()
        stopped.release()


_running: set[Heartbeat] = set()
_paused: list[Heartbeat] = []


def _before_fork() -> None:
    _paused[:] = list(_running)
    for heartbeat in _paused:
        heartbeat.stop()


def _after_fork_in_parent() -> None:
    for heartbeat in _paused:
        heartbeat.start()
    _paused.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_paused.clear
    )
