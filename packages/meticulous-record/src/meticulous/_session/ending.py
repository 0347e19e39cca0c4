"""How a program ends: seen from inside, without changing it.

An uncaught exception is in `sys.last_value` by the time `atexit` runs, whatever became of
`sys.excepthook`. An exit code is seen when it goes through `sys.exit`, `exit` or `quit`; a bare
`raise SystemExit(3)` leaves no trace, so only `with` knows of it. Signals whose course is to end the
process are written down first (`_signals`).
"""

from __future__ import annotations

import atexit
import functools
import gc
import os
import sys
import threading
from opcode import opname
from types import FrameType, TracebackType
from typing import Any, Callable, Protocol

from meticulous import _format
from meticulous._session import signals
from meticulous._session import status as _status
from meticulous._session.patch import Wrapped

__all__ = ["unwatch", "watch"]

_UNFLUSHED = 120
"""What Python exits with when the last of its output reaches nobody, as in `train.py | head -1`."""


class Watched(Protocol):
    """What wants to know the outcome."""

    def end(self, status: str) -> None:
        """The program has ended, or ends now, with this STATUS."""

    def note(self, status: str) -> None:
        """This is the STATUS for now: the program may end in the next instant, or go on."""


def watch(who: Watched) -> None:
    """Tell `who` how this process ends."""
    if not _watching:
        _install()
    _watching.append(who)
    signals.handle(_watching)


def unwatch(who: Watched) -> None:
    """Tell `who` no more; with the last one the process is as it was."""
    if who in _watching:
        _watching.remove(who)
        if not _watching:
            _uninstall()


_watching: list[Watched] = []
_process = 0
_exception_before: BaseException | None = None
_exit: list[Any] | None = None
"""The code of a SystemExit on its way, in a list of its own."""
_exits: list[Wrapped] = []


def _install() -> None:
    global _process, _exception_before, _exit  # noqa: PLW0603 - one process, one end
    if _process == 0:
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            signals.wait_for_forks()
    _process = os.getpid()
    _exception_before = _last_exception()
    _exit = None
    _exits.append(Wrapped(sys, "exit", _telling(sys.exit)))
    # `exit` and `quit`; under `python -S` there are none.
    quitter: Any = getattr(sys.modules.get("_sitebuiltins"), "Quitter", None)
    if quitter is not None:
        _exits.append(Wrapped(quitter, "__call__", _telling(quitter.__call__)))


def _uninstall() -> None:
    global _exit, _exception_before  # noqa: PLW0603
    while _exits:
        _exits.pop().undo()
    _exit = _exception_before = None
    signals.let_go()


def _telling(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def exit_and_tell(*arguments: Any, **how: Any) -> Any:
        global _exit  # noqa: PLW0603
        try:
            return original(*arguments, **how)
        except SystemExit as error:
            # In another thread it ends only that, and in a function at exit nothing.
            if threading.current_thread() is threading.main_thread() and not _is_at_exit():
                _exit = [error.code]
                error.__dict__["_meticulous"] = _Rider(_exit)
            raise

    return exit_and_tell


def _is_at_exit() -> bool:
    """Whether a function at exit calls this: the main thread is over, and no module's code below us."""
    if threading.main_thread().is_alive():
        return False
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return False  # a worker of multiprocessing, which ends its threads before it exits
        frame = frame.f_back
    return True


class _Rider:
    """Rides on a SystemExit; if that is dropped while the program goes on, it was caught."""

    def __init__(self, exit_code: list[Any]) -> None:
        self.exit_code = exit_code

    def __del__(self) -> None:
        global _exit  # noqa: PLW0603
        try:
            sys._getframe(1)
        except ValueError:
            return  # no frame is left to go on: it ended the program
        if _exit is self.exit_code:
            _exit = None


def _was_kept(exit_code: list[Any]) -> bool:
    """Whether the SystemExit with this code was caught, and is still there because somebody keeps it.

    Others are, too: those of asyncio and its like are in a circle with their own traceback.
    """
    for found in gc.get_objects():
        if issubclass(type(found), SystemExit):
            rider = found.__dict__.get("_meticulous")
            if isinstance(rider, _Rider) and rider.exit_code is exit_code:
                return not _went_through(found.__traceback__)
    return False


def _went_through(trace: TracebackType | None) -> bool:
    """Whether what has this traceback ended the program: none of the frames it met went on, and returned.

    Before Python 3.12 the traceback lacks those above the last one that had a look at it.
    """
    frame = trace and trace.tb_frame
    while frame is not None:
        if opname[frame.f_code.co_code[frame.f_lasti]].startswith(("RETURN", "YIELD")):
            return False
        frame = frame.f_back
    return trace is not None


def _at_exit() -> None:
    if os.getpid() != _process:
        return  # a forked child, which ends for itself alone
    error = _last_exception()
    if error is not None and error is not _exception_before and not _is_at_prompt():
        status = _status.of_exception(error)
    elif _exit is None and _is_worker():
        return  # multiprocessing prints an exception of its worker and drops it: this may be no success
    else:
        status = _status.of_exit(_exit[0] if _exit and not _was_kept(_exit) else None)
    if _watching and status == _format.SUCCESS and not _is_flushed():
        status = _status.of_exit(_UNFLUSHED)
    for who in reversed(_watching.copy()):
        who.end(status)


def _is_at_prompt() -> bool:
    """Whether the last exception was shown at a prompt, or in a notebook, where it ends no program.

    A program that has shown one itself, as with `code.interact`, may end of another one later.
    """
    if not hasattr(sys, "ps1"):
        return False
    trace: TracebackType | None = getattr(sys, "last_traceback", None)
    if sys.flags.inspect or trace is None or trace.tb_frame.f_code.co_filename == "<stdin>":
        return True
    return not _went_through(trace)


def _is_worker() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None


def _is_flushed() -> bool:
    """Whether what was printed could be handed over. If not, Python finds that out after us, and exits so."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except Exception:  # noqa: BLE001 - whatever it is, Python comes to the same end
            return False
    return True


def _last_exception() -> BaseException | None:
    return getattr(sys, "last_value", None)


def _after_fork_in_child() -> None:
    if _watching:
        _watching.clear()
        _uninstall()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
