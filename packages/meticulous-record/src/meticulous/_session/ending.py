"""How the program ends, and what STATUS says of it: seen from inside, without changing it.

An uncaught exception is in `sys.last_value` by the time that `atexit` runs, whatever became of
`sys.excepthook`. Signals are noted before they end the program (`signals`). What passes all of these by
leaves STATUS at RUNNING, and readers find the process gone.

How the exit code is known. `sys.exit`, `exit` and `quit` are wrapped once and for good, and note the code
of each SystemExit that they raise. Whether that exception ended the program is another question: it may
have been caught.

- An excepthook is not called for it, and `sys.last_value` is not set.
- Whether it still exists says little: asyncio keeps those that end a program, and programs keep others.
- CPython's `python script.py` deletes `__file__` from the script's globals, unless a SystemExit ends it
  (seen in 3.9 to 3.13; neither 3.14 nor `-m` and `-c` have such a sign). So a script knows for sure.
- Elsewhere an object rides on the exception and is dropped with it. If Python code runs at that moment,
  somebody has caught the exception. If none runs, the exception has left the last frame, and the program is
  over.

What is left: `raise SystemExit(3)` calls no function. A script knows that it ended so, but not the code:
CPython frees the exception before functions at exit run (seen in 3.9 to 3.13), so the heap has none to find.
Elsewhere, a main module whose last line is `raise SystemExit(main())` may have ended so.
"""

from __future__ import annotations

import linecache
import sys
import threading
import traceback
from typing import Any

from meticulous import _format
from meticulous._session import signals
from meticulous._session.hooks import Ends, ipython, process

__all__ = ["at_exit", "note_exit", "of_exception", "of_finish", "of_output", "of_with", "unwatch", "watch"]

_LONGEST = 1 << 16
"""Characters of a STATUS: readers take no files without bound."""


def watch(who: Ends) -> None:
    """Call `who.end` when this process ends."""
    if not process.sessions:
        process.exit = None
        process.error_before = getattr(sys, "last_value", None)
        process.script = _script()
        # 3.14 deletes it before functions at exit run.
        process.main_file = getattr(sys.modules["__main__"], "__file__", None) or ""
        signals.wait_for_forks()
    process.sessions.append(who)
    signals.handle()


def unwatch(who: Ends) -> None:
    """Call it no more; with the last one the signal handlers are as they were."""
    if who in process.sessions:
        process.sessions.remove(who)
        if not process.sessions:
            process.error_before = process.script = None  # or its globals would outlive the streams
            signals.put_back()


def at_exit() -> None:
    """End all sessions as the program ended."""
    error = getattr(sys, "last_value", None)
    if error is not None and error is not process.error_before and not _is_at_prompt():
        status = of_exception(error)
    elif process.script is not None and "__file__" not in process.script:
        status = _format.SUCCESS  # no SystemExit has ended it, whatever was noted
    elif process.exit is not None:
        status = process.exit[0]
    elif process.script is not None or _ends_with_system_exit():
        status = _format.RUNNING  # it has raised SystemExit itself, or may have
    elif _is_worker():
        return  # multiprocessing prints an exception of its worker and drops it: this may be no success
    else:
        status = _format.SUCCESS
    for who in reversed(process.sessions.copy()):
        who.end(status)


def note_exit(error: SystemExit) -> None:
    """Note what may end the program. In a function at exit it ends nothing.

    The main thread has ended by then. So it has in a worker of multiprocessing before that one exits.
    """
    if threading.main_thread().is_alive() or _is_worker():
        process.exit = [of_exception(error)]
        error.__dict__["_meticulous"] = _Rider(process.exit)


class _Rider:
    """Rides on a SystemExit, and forgets it if somebody catches and drops it."""

    def __init__(self, noted: list[str]) -> None:
        self.noted = noted

    def __del__(self) -> None:
        try:
            sys._getframe(1)
        except ValueError:
            return  # no frame is left to go on
        if process.exit is self.noted:
            process.exit = None


def of_with(error: BaseException | None) -> str:
    """The text of STATUS for a `with` block that `error` left, or that came to its end (None)."""
    # The exits of click and typer, which make exit codes of them around the block.
    code = getattr(error, "exit_code", None) if type(error).__name__ == "Exit" else None
    return of_exit(code) if isinstance(code, int) else of_exception(error)


def of_exception(error: BaseException | None) -> str:
    """The same for a program that `error` ended."""
    # Not by `isinstance`, which reads attributes of `error`, and raises what they raise.
    if error is None or issubclass(type(error), SystemExit):
        status = of_exit(getattr(error, "code", None))
        # As Lightning's answer to Ctrl-C: `except KeyboardInterrupt: sys.exit(1)`.
        is_answer = isinstance(getattr(error, "__context__", None), KeyboardInterrupt)
        return f"{status}\nafter signal SIGINT" if is_answer else status
    is_signal = issubclass(type(error), KeyboardInterrupt)
    words = f"{_format.SIGNALLED}SIGINT" if is_signal else _format.ERROR
    return _bounded(f"{words}\n{_text_of(error)}")


def of_exit(code: Any) -> str:
    """The same for `sys.exit(code)`, with the number that the shell gets to see."""
    if code is None:
        return _format.SUCCESS
    if not isinstance(code, int):  # Python prints it and exits with 1
        try:
            text = str(code)
        except Exception:  # noqa: BLE001 - not our code, and no reason to lose the record
            text = ""
        return _bounded(f"{_format.ERROR}\nexit code 1\n{text}".rstrip())
    number = int(code) & (0xFFFFFFFF if sys.platform == "win32" else 0xFF)
    return f"{_format.ERROR}\nexit code {number}" if number else _format.SUCCESS


def of_output() -> str:
    """The same for a program that has come so far; Python exits with 120 if what was printed reaches nobody.

    As in `train.py | head -1`. Python finds that out after us, and comes to the same end.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not getattr(stream, "closed", False):
                stream.flush()
        except Exception:  # noqa: BLE001 - a stream may be of any make
            return of_exit(120)
    return _format.SUCCESS


def of_finish(status: str) -> str:
    """The same for `finish(status)`."""
    word, _, reason = status.replace(":", " ", 1).partition(" ")
    if word not in (_format.SUCCESS, _format.ERROR):
        word, reason = _format.ERROR, status
    reason = reason.strip()
    if word == _format.ERROR and not reason:
        reason = f"finish({status!r})"  # an error has a reason (STATUS-4)
    return _bounded(f"{word}\n{reason}".rstrip())


def _bounded(status: str) -> str:
    if len(status) <= _LONGEST:
        return status
    half = _LONGEST // 2
    return f"{status[:half]}\n({len(status) - _LONGEST} characters are left out)\n{status[-half:]}"


def _text_of(error: BaseException) -> str:
    """What Python would print of `error`; its name where its own code fails."""
    try:
        trace = BaseException.__getattribute__(error, "__traceback__")
        return "".join(traceback.format_exception(type(error), error, trace)).rstrip("\n")
    except Exception:  # noqa: BLE001 - what an odd exception's attributes raise must not take its place
        return type(error).__qualname__


def _script() -> dict[str, Any] | None:
    """The globals of the script, where this is `python script.py` and not a program that runs another one."""
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 14):
        return None  # 3.14 deletes `__file__` at each end
    *_, (outermost, _) = traceback.walk_stack(sys._getframe())
    found = outermost.f_globals
    is_main = found is vars(sys.modules["__main__"])
    return found if is_main and "__file__" in found and found.get("__spec__") is None else None


def _ends_with_system_exit() -> bool:
    """Whether the last line of the main module is `raise SystemExit(…)`."""
    text = "".join(linecache.getlines(process.main_file)).rstrip()
    return text.rpartition("\n")[2].lstrip().startswith("raise SystemExit")


def _is_at_prompt() -> bool:
    """Whether the last exception was shown at a prompt, or in a notebook, where it ends no program."""
    frames = traceback.walk_tb(getattr(sys, "last_traceback", None))
    files = [frame.f_code.co_filename for frame, _ in frames]
    if any(file.startswith("<console>") for file in files):  # of `code.interact`, which deletes ps1 again
        return True
    is_typed = any(file.startswith(("<stdin", "<python-input")) for file in files)
    return hasattr(sys, "ps1") and (is_typed or ipython() is not None)


def _is_worker() -> bool:
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and multiprocessing.parent_process() is not None
