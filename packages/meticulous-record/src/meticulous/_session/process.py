"""What there is once in a process, however many sessions run in it.

Imported with the package, since `sys.exit(main())` looks `sys.exit` up before `main` runs. So it costs
little.

What is noted of a SystemExit, and what becomes of that, is in `ending`.
"""

from __future__ import annotations

import _thread
import atexit
import functools
import os
import sys
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from meticulous._session.descriptors import DescriptorCapture
    from meticulous._session.signals import Handler
    from meticulous._session.streams import Tee

__all__ = ["Ends", "Wrapped", "process"]


class Ends:
    """What ends with the process: a session, or what is in its place in a process that records nothing."""

    survived = ""
    """The name of the last signal that did not end the program."""

    def end(self, status: str) -> None:
        """Take `status` as the last one: the program has ended, or ends now."""

    def check(self) -> None:
        """Look whether the program has changed what is watched: it is about to end."""

    def note(self, status: str) -> None:
        """Take `status` for now: the program may end in the next instant, or go on."""


class Process:
    """This process; a forked child starts with nothing of it but its tees."""

    tees: dict[int, Tee]
    """The copies of streams, by the id of the stream; a forked child goes on with them."""

    changing: Any
    """The lock of who begins or ends a session: streams and signal handlers belong to the whole process."""

    sessions: list[Ends]
    """What ends with the process, in the order of the starts."""

    exit: list[str] | None
    """The STATUS of the last SystemExit that may end the program, in a list of its own."""

    error_before: BaseException | None
    """The last uncaught exception from before the first session."""

    script: dict[str, Any] | None
    """The globals of the script, where this is `python script.py`."""

    main_file: str
    """The main module's file, if it has one."""

    handlers: list[Handler]
    """The signal handlers that are ours."""

    waits_for_forks = False
    """Whether signals that come during a fork wait for its end."""

    redirections: list[DescriptorCapture]
    """The descriptors that lead to a file, at most two."""

    def __init__(self) -> None:
        self.tees = {}
        self._start()

    def _start(self) -> None:
        self.changing = _thread.RLock()
        self.sessions, self.handlers, self.redirections = [], [], []
        self.exit = self.error_before = self.script = None
        self.main_file = ""

    def after_fork_in_child(self) -> None:
        """Leave the sessions to the parent, and be as a process without any."""
        for handler in self.handlers:
            handler.undo()
        for redirection in self.redirections:
            redirection.leave_terminal()
        for tee in self.tees.values():
            tee.after_fork_in_child()
        self._start()

    def at_exit(self) -> None:
        """End the sessions as the program ended."""
        if self.sessions:
            from meticulous._session.ending import at_exit

            at_exit()


class Wrapped:
    """`wrapper` in the place of the attribute `name` of `owner` itself, until `undo`.

    Not by `setattr`: objects that stand for another one may hand it on to that one, which would then call
    itself.

    Raises:
        AttributeError: nothing can be set on `owner`.
    """

    def __init__(self, owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
        self._owner, self._name, self._wrapper = owner, name, wrapper
        self._original = getattr(owner, name)
        try:
            self._was_its_own = name in owner.__dict__
            object.__setattr__(owner, name, wrapper)
        except TypeError as error:
            raise AttributeError(str(error)) from error

    @property
    def is_in_place(self) -> bool:
        """Whether nobody has set it to something else since."""
        return self._owner.__dict__.get(self._name) is self._wrapper

    def undo(self) -> None:
        """Put the original back. Whoever wrapped `wrapper` in the meantime keeps it below theirs."""
        if not self.is_in_place:
            return
        if self._was_its_own:
            object.__setattr__(self._owner, self._name, self._original)
        else:
            object.__delattr__(self._owner, self._name)  # its class's shows again


def _noting(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def exit(*arguments: Any, **how: Any) -> Any:
        try:
            return original(*arguments, **how)
        except SystemExit as error:
            if process.sessions:
                from meticulous._session.ending import note_exit

                note_exit(error)
            raise

    return exit


process = Process()
sys.exit = _noting(sys.exit)
_Quitter: Any = getattr(sys.modules.get("_sitebuiltins"), "Quitter", None)
if _Quitter is not None:  # there is none with `python -S`
    _Quitter.__call__ = _noting(_Quitter.__call__)
atexit.register(process.at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=process.after_fork_in_child)
