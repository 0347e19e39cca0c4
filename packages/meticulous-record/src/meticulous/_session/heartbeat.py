"""Something that is done again and again beside the program, such as the sign of life of an experiment."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Callable

__all__ = ["Heartbeat"]


class Heartbeat:
    """Calls `beat` every `seconds` from `start` to `stop`, in a thread that the program does not notice.

    The thread is a bare one, not a `threading.Thread`: scripts that wait for `threading.active_count()` to
    fall to 1 would wait for ever. It takes no signals, and does not exist in a forked child. From Python
    3.12 on, which warns when a process with threads forks, it stands still for that time.
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
                self._thread = _Thread()  # known before it starts: a signal may come right after that
                try:
                    self._thread.start(self._beat, self._seconds)
                except RuntimeError:
                    self._thread = None  # the limit of threads is reached, or the interpreter is going down

    def pause(self) -> None:
        """Beat no more for now, nor have a thread."""
        with self._changing:
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.stop.release()  # right here: no handler of a signal can raise before it is told
                thread.wait()


class _Thread:
    """The thread of one heartbeat, between two pauses."""

    def __init__(self) -> None:
        self.stop, self._stopped = _thread.allocate_lock(), _thread.allocate_lock()
        self.stop.acquire()
        self._stopped.acquire()
        self._native_id = 0

    def start(self, beat: Callable[[], None], seconds: float) -> None:
        with _no_signals():
            _thread.start_new_thread(self._run, (beat, seconds))

    def wait(self) -> None:
        """Until it has ended, after `stop` was released."""
        if self._stopped.acquire(timeout=1):
            # It has run its last line. Until the kernel has let it go a fork still counts it, and warns.
            deadline = time.monotonic() + 0.1
            while os.path.exists(f"/proc/self/task/{self._native_id}") and time.monotonic() < deadline:
                time.sleep(0)

    def _run(self, beat: Callable[[], None], seconds: float) -> None:
        if sys.platform == "linux":
            self._native_id = _thread.get_native_id()
        while not self.stop.acquire(timeout=seconds):
            beat()
        self._stopped.release()


@contextmanager
def _no_signals() -> Iterator[None]:
    """What is started in here takes no signals: those that the program's threads block are for later.

    But for SIGTTOU, which stops who prints from the background.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())  # the next one may raise what a handler raises
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals() - {signal.SIGTTOU})
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_running: set[Heartbeat] = set()


def _pause_all() -> None:
    for heartbeat in _running.copy():
        heartbeat.pause()


def _go_on_all() -> None:
    for heartbeat in _running.copy():
        heartbeat.go_on()


def _pause_for_fork() -> None:
    """Pause before a fork, and go on as soon as `os.fork` has returned.

    Threads are counted even after the last hook of the fork. What runs next in this thread is seen by a
    profile function; where the program has set one it is not replaced, nothing pauses, and the program may
    see a warning. There is no hook after the fork: a handler of a signal that came meanwhile would run in
    it, and what the handler raises would be lost. What is raised in here is raised again behind the fork.
    """
    global _waiting  # noqa: PLW0603
    caller = sys._getframe().f_back
    if not _running or caller is None or sys.getprofile() not in (None, _waiting):
        return
    position = caller.f_lasti
    raised: list[BaseException] = []

    def go_on(frame: FrameType | None, event: str, argument: Any) -> None:
        while frame is not None and frame is not caller:
            frame = frame.f_back
        if frame is None or frame.f_lasti != position:  # else it is another one that is told of the fork
            sys.setprofile(None)
            _go_on_all()
            if raised:
                raise raised.pop()

    try:
        _waiting = go_on
        sys.setprofile(go_on)
        _pause_all()
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt, and whatever else handlers raise
        raised.append(error)


def _after_fork_in_child() -> None:
    _running.clear()
    if _waiting is not None and sys.getprofile() is _waiting:
        sys.setprofile(None)


_waiting: Any = None

if hasattr(os, "register_at_fork"):
    if sys.version_info >= (3, 12):
        os.register_at_fork(before=_pause_for_fork)
    os.register_at_fork(after_in_child=_after_fork_in_child)
