"""What STATUS says of how a program ended."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from meticulous import _format

__all__ = ["of_exception", "of_exit", "of_with"]


def of_with(error: BaseException | None) -> str:
    """The text of STATUS for a `with` block that `error` left, or that came to its end (None)."""
    # The exits of click and typer, which make exit codes of them around the block.
    code = getattr(error, "exit_code", None) if type(error).__name__ == "Exit" else None
    return of_exit(code) if isinstance(code, int) else of_exception(error)


def of_exception(error: BaseException | None) -> str:
    """The same for a program that `error` ended."""
    if error is None:
        return _format.SUCCESS
    # Not by `isinstance`, which reads attributes of `error`, and raises what they raise.
    if issubclass(type(error), SystemExit):
        return of_exit(error.code)  # type: ignore[attr-defined]
    lines = _text_of(error)
    if issubclass(type(error), KeyboardInterrupt):
        lines = f"signal SIGINT\n{lines}"
    return f"{_format.ERROR}\n{lines}"


def of_exit(code: Any) -> str:
    """The same for `sys.exit(code)`, with the number that the shell gets to see."""
    if code is None:
        return _format.SUCCESS
    if not isinstance(code, int):  # Python prints it and exits with 1
        try:
            text = str(code)
        except Exception:  # noqa: BLE001 - not our code, and no reason to lose the record
            text = ""
        return f"{_format.ERROR}\nexit code 1\n{text}".rstrip()
    limit = 1 << 31 if sys.platform == "win32" else sys.maxsize + 1
    number = int(code) if -limit <= code < limit else -1  # what is no long of C
    number &= 0xFFFFFFFF if sys.platform == "win32" else 0xFF
    return f"{_format.ERROR}\nexit code {number}" if number else _format.SUCCESS


def _text_of(error: BaseException) -> str:
    """What Python would print of `error`, or as much of it as there is where its own code fails."""
    trace = BaseException.__getattribute__(error, "__traceback__")
    try:
        lines = traceback.format_exception(type(error), error, trace)
    except Exception:  # noqa: BLE001 - what an odd exception's attributes raise must not take its place
        lines = [*traceback.format_tb(trace), type(error).__qualname__]
    return "".join(lines).rstrip("\n")
