"""The hooks in a process, however many sessions run in it: at `sys.exit`, at its end, at forks.

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
    from meticulous._session.streams import Tee

__all__ = ["Ends", "ipython", "process", "wrap"]


class Ends:
    """What ends with the process: a session, or what is in its place in a process that records nothing."""

    survived = ""
    """The name of the last signal that did not end the program."""

    def end(self, status: str) -> None:
        """Take `status` as the last one: the program has ended, or ends now."""

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

    redirections: list[DescriptorCapture]
    """The descriptors that lead to a file, at most two."""

    def __init__(self) -> None:
        self.tees = {}
        self._start()

    def _start(self) -> None:
        self.changing = _thread.RLock()
        self.sessions, self.redirections = [], []
        self.exit = self.error_before = self.script = None
        self.main_file = ""

    def after_fork_in_child(self) -> None:
        """Leave the sessions to the parent, and be as a process without any."""
        if self.sessions:
            from meticulous._session.signals import put_back

            put_back()
        for redirection in self.redirections:
            redirection.terminal.close()  # or who waits for the end of what is shown waits for the child, too
        for tee in self.tees.values():
            tee.leave_to_parent()
        self._start()

    def at_exit(self) -> None:
        """End the sessions as the program ended."""
        if self.sessions:
            from meticulous._session.ending import at_exit

            at_exit()


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Put what `make` makes of it in the place of the attribute `name` of `owner` itself.

    Not by `setattr`: objects that stand for another one may hand it on to that one, which would then call
    itself.

    Returns:
        What puts the original back. Whoever has wrapped ours in the meantime keeps it below theirs.

    Raises:
        AttributeError, TypeError: nothing can be set on `owner`.
    """
    replaced = owner.__dict__.get(name)  # None: its class's shows
    wrapper = make(getattr(owner, name))
    object.__setattr__(owner, name, wrapper)

    def undo() -> None:
        if owner.__dict__.get(name) is wrapper:
            object.__delattr__(owner, name)
            if replaced is not None:
                object.__setattr__(owner, name, replaced)

    return undo


def ipython() -> Any:
    """The shell of IPython or of a notebook that this process is; None elsewhere."""
    return getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()


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
