"""Something that is done again and again beside the program, such as the sign of life of an experiment."""

from __future__ import annotations

import _thread
import os
import sys
import time
from types import FrameType
from typing import Any, Callable

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
        self._thread: _Thread | None = None
        self._changing = _thread.RLock()  # two threads may fork at once; a signal may come in between

    def start(self) -> None:
        """Begin; does nothing where no thread can be started."""
        _running.add(self)
        self.go_on()

    def stop(self) -> None:
        """End; a beat that hangs on a dead file system is left behind after a second."""
        _running.discard(self)
        self.pause()

    def go_on(self) -> None:
        """Beat again after a pause."""
        with self._changing:
            if self in _running and self._thread is None:
                try:
                    self._thread = _Thread(self._beat, self._seconds)
                except RuntimeError:
                    pass  # the limit of threads is reached, or the interpreter is going down

    def pause(self) -> None:
        """Beat no more for now, nor have a thread."""
        with self._changing:
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.end()


class _Thread:
    """The thread of one heartbeat, between two pauses."""

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()
        self._stop.acquire()
        self._stopped.acquire()
        self._native_id = 0
        _thread.start_new_thread(self._run, (beat, seconds))

    def end(self) -> None:
        self._stop.release()
        if self._stopped.acquire(timeout=1):
            # It has run its last line. Until the kernel has let it go a fork still counts it, and warns.
            deadline = time.monotonic() + 0.1
            while os.path.exists(f"/proc/self/task/{self._native_id}") and time.monotonic() < deadline:
                time.sleep(0)

    def _run(self, beat: Callable[[], None], seconds: float) -> None:
        if sys.platform == "linux":
            self._native_id = _thread.get_native_id()
        while not self._stop.acquire(timeout=seconds):
            beat()
        self._stopped.release()


_running: set[Heartbeat] = set()


def _pause_all() -> None:
    for heartbeat in _running.copy():
        heartbeat.pause()


def _go_on_all() -> None:
    for heartbeat in _running.copy():
        heartbeat.go_on()


def _go_on_after_fork() -> None:
    """Go on as soon as `os.fork` has returned.

    From 3.12 on it counts threads even after this, to warn of them. What runs next in this thread is seen
    by a profile function; one that the program has set is not replaced, and it may see a warning.
    """
    global _waiting  # noqa: PLW0603
    caller = sys._getframe().f_back
    if not _running:
        return
    if sys.version_info < (3, 12) or caller is None or sys.getprofile() not in (None, _waiting):
        _go_on_all()
        return
    position = caller.f_lasti

    def go_on(frame: FrameType | None, event: str, argument: Any) -> None:
        while frame is not None and frame is not caller:
            frame = frame.f_back
        if frame is None or frame.f_lasti != position:  # else it is another one that is told of the fork
            sys.setprofile(None)
            _go_on_all()

    _waiting = go_on
    sys.setprofile(go_on)


_waiting: Any = None

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause_all, after_in_parent=_go_on_after_fork, after_in_child=_running.clear)
