"""Signals that end the process: written down, then left to take the course they would have taken."""

from __future__ import annotations

import functools
import os
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Any

from meticulous import _format
from meticulous._disk.atomic import discard_unfinished

if TYPE_CHECKING:
    from meticulous._session.ending import Watched

__all__ = ["handle", "let_go", "wait_for_forks"]

# SIGINT is for programs that set it to its default action; Python's own handler raises KeyboardInterrupt.
_SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT", "SIGBREAK")

_handlers: list[_Handler] = []


def handle(watching: list[Watched]) -> None:
    """Tell all who are in `watching` when one comes; for every handler that is not yet ours."""
    if threading.current_thread() is not threading.main_thread():
        return  # Python lets only that thread set handlers
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        previous: Any = None if number is None else signal.getsignal(number)
        # None: a handler that is not Python's. Left alone, like a signal that is ignored (nohup).
        if number is None or previous in (None, signal.SIG_IGN, signal.default_int_handler):
            continue
        if isinstance(previous, _Handler):
            continue
        # The kernel keeps default actions from the first process of a container.
        if previous is signal.SIG_DFL and (os.getpid() == 1 or _is_caught(number)):
            continue
        handler = _Handler(watching, number, previous)
        signal.signal(number, handler)
        _handlers.append(handler)


def _is_caught(number: int) -> bool:
    """Whether C has a handler of its own, of which Python does not know, as from `faulthandler.register`."""
    try:
        with open("/proc/self/status", "rb") as file:
            caught = next(line for line in file if line.startswith(b"SigCgt:"))
        return bool(int(caught.split()[1], 16) >> number - 1 & 1)
    except (OSError, StopIteration, ValueError):
        return False  # where there is no /proc, nobody can say


def let_go() -> None:
    """Put the handlers back that were there before."""
    _handlers[:] = [handler for handler in _handlers if not handler.undo()]


def wait_for_forks() -> None:
    """From now on signals that come while the program forks wait until the hooks of all have run.

    In a hook an exception of a handler, such as KeyboardInterrupt, would be lost. And in a new child Python
    forgets which signals have come; without our handlers they would have ended it.

    To be called once, after all who register hooks: what is registered last is called first before a fork,
    and last after it. These hooks are functions of C, since every line of Python in a hook runs handlers
    that are due, and so does `signal.pthread_sigmask`. The mask they keep is that of the last thread to
    fork: only threads that fork at the same time and have different masks could get each other's.
    """
    try:
        import ctypes

        library = ctypes.PyDLL(None)  # which keeps the lock of the interpreter
        change, fill = library.pthread_sigmask, library.sigfillset
    except (ImportError, AttributeError, OSError, TypeError):
        return  # no ctypes, or Windows, which has no forks
    every, before = (ctypes.create_string_buffer(1024) for _ in range(2))  # larger than any sigset_t
    fill(every)
    restore = functools.partial(change, int(signal.SIG_SETMASK), before, None)
    os.register_at_fork(
        before=functools.partial(change, int(signal.SIG_BLOCK), every, before),
        after_in_parent=restore,
        after_in_child=restore,
    )


class _Handler:
    """The handler of one signal, in front of the `previous` one.

    One object for each handler that was found, which knows that one alone: programs chain to what they
    found in their turn, and two of ours must not end up calling each other in a circle.
    """

    def __init__(self, watching: list[Watched], number: int, previous: Any) -> None:
        self._watching = watching
        self.number = number
        self.previous = previous

    def __call__(self, number: int, frame: FrameType | None) -> None:
        status = f"{_format.ERROR}\nsignal {signal.Signals(number).name}"
        if callable(self.previous):
            # The program's own may end it in ways that nothing after it sees (os._exit, another signal).
            self._note(status)
            try:
                self.previous(number, frame)
            finally:
                self._note(_format.RUNNING)
        elif self._is_set():
            for who in self._watching.copy():
                who.end(status)
            discard_unfinished()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        # Else a later handler has called what it found. Without us that was the default action, which nobody
        # can call: so it meant to go on.

    def undo(self) -> bool:
        """Whether it is gone: another one stands there by now, or the previous one again."""
        if self._is_set():
            try:
                signal.signal(self.number, self.previous)
            except ValueError:
                return False  # finished in another thread: it stays, and has nobody to tell
        return True

    def _is_set(self) -> bool:
        current: Any = signal.getsignal(self.number)
        return current is self

    def _note(self, status: str) -> None:
        for who in self._watching.copy():
            who.note(status)
