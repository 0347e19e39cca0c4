"""Signals that end the process: written down, then left to take the course they would have taken."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from meticulous import _format
from meticulous._session.hooks import process

__all__ = ["Handler", "c_library", "handle", "put_back", "wait_for_forks"]

# SIGINT is for programs that set it to its default action; Python's own handler raises KeyboardInterrupt.
_ENDING = ("SIGTERM", "SIGHUP", "SIGINT", "SIGBREAK")
# Schedulers send these, and programs that handle them mostly go on: only their default action is written
# down.
_DEADLY = ("SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGALRM", "SIGQUIT")
_NUMBERS = {name: getattr(signal, name) for name in _ENDING + _DEADLY if hasattr(signal, name)}

try:
    import ctypes

    c_library: Any = ctypes.PyDLL(None)  # which keeps the lock of the interpreter
    c_library.pthread_sigmask, c_library.sigfillset, c_library.sigaction, c_library.fflush  # noqa: B018 - all there
except (ImportError, AttributeError, OSError, TypeError):
    c_library = None  # no ctypes, or Windows


def handle() -> None:
    """Write down in the sessions of this process when one comes; for every handler that is not yet ours."""
    if threading.current_thread() is not threading.main_thread():
        return  # Python lets only that thread set handlers
    for name, number in _NUMBERS.items():
        previous: Any = signal.getsignal(number)
        if previous is signal.SIG_DFL:
            # The kernel keeps default actions from the first process of a container. And C may have a handler
            # of which Python does not know: `faulthandler.register(SIGUSR1)`.
            is_free = os.getpid() != 1 and not any(_action(number))
        else:
            # Who ignores a signal (nohup) or has a handler that is not Python's (None) is left alone.
            is_free = name in _ENDING and callable(previous) and not isinstance(previous, Handler)
        if is_free and previous is not signal.default_int_handler:
            Handler(number, previous)


def put_back() -> None:
    """Put the handlers back that were there before."""
    for number in _NUMBERS.values():
        handler: Any = signal.getsignal(number)
        if isinstance(handler, Handler):
            handler.undo()


def _action(number: int) -> bytes:
    """The address of the function of C that handles a signal: zeros for its default action."""
    if c_library is None:
        return b""
    action = ctypes.create_string_buffer(1024)  # larger than any struct sigaction, which begins with it
    c_library.sigaction(number, None, action)
    return action.raw[: ctypes.sizeof(ctypes.c_void_p)]


@functools.cache
def wait_for_forks() -> None:
    """From now on signals that come while the program forks wait until the hooks of all have run.

    In a hook an exception of a handler, such as KeyboardInterrupt, would be lost. And in a new child Python
    forgets which signals have come; without our handlers they would have ended it.

    It is done once, after all who register hooks: what is registered last is called first before a fork,
    and last after it. These hooks are functions of C, since every line of Python in a hook runs handlers
    that are due, and so does `signal.pthread_sigmask`. The mask they keep is that of the last thread to
    fork: only threads that fork at the same time and have different masks could get each other's.
    """
    if sys.platform == "win32" or c_library is None:
        return
    change, every, before = c_library.pthread_sigmask, *(ctypes.create_string_buffer(1024) for _ in range(2))
    c_library.sigfillset(every)
    restore = functools.partial(change, int(signal.SIG_SETMASK), before, None)
    os.register_at_fork(
        before=functools.partial(change, int(signal.SIG_BLOCK), every, before),
        after_in_parent=restore,
        after_in_child=restore,
    )


class Handler:
    """The handler of one signal, in front of the `previous` one.

    One object for each handler that was found, which knows that one alone: programs chain to what they
    found in their turn, and two of ours must not end up calling each other in a circle.
    """

    def __init__(self, number: int, previous: Any) -> None:
        self.number = number
        self.previous = previous
        self._name = signal.Signals(number).name
        signal.signal(number, self)
        self._action = _action(number)

    def __eq__(self, other: object) -> bool:
        """Pass for the default action where a program asks for a handler before it sets its own.

        Lightning's `_has_already_handler` does, and would not requeue its job on SIGUSR1. Not so for
        SIGTERM, where it calls what it found: so we know that the signal came.
        """
        is_hidden = self._name in _DEADLY and self._is_set()
        return other is self or (is_hidden and other is signal.SIG_DFL)

    __hash__ = object.__hash__

    def __call__(self, number: int, frame: FrameType | None) -> None:
        status = _format.SIGNALLED + self._name
        if callable(self.previous):
            # The program's own may end it in ways that nothing after it sees (os._exit, another signal).
            self._note(status)
            try:
                self.previous(number, frame)
            finally:
                self._note(_format.RUNNING)
        elif self._is_set():
            for who in process.sessions.copy():
                who.end(status)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        # Else a later handler has called what it found. Without us that was the default action, which nobody
        # can call: so it meant to go on.
        for who in process.sessions:
            who.survived = self._name

    def undo(self) -> None:
        """Put the previous one back."""
        # What C has set since, as faulthandler.register does, is not Python's to take away.
        if _action(self.number) == self._action:
            with contextlib.suppress(ValueError):  # in another thread: it stays, and does nothing of its own
                signal.signal(self.number, self.previous)

    def _is_set(self) -> bool:
        return signal.getsignal(self.number) is self

    def _note(self, status: str) -> None:
        for who in process.sessions.copy():
            who.note(status)
