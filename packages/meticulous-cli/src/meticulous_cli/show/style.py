"""What output may look like where it goes: its weights and colours, its width, the characters it can show."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TextIO

from meticulous_cli.show.text import cut, wrapped

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
# Colour is for what needs somebody: a success needs nobody.
_STATES = {"SUCCESS": DIM, "ERROR": RED, "RUNNING": CYAN}


class Style:
    """The looks of one output stream.

    Attributes:
        terminal: whether a person reads it at a terminal.
        room: how many cells its lines have; None where they may be as long as they like.
        height: how many lines it has.
        ellipsis: what stands for text that was cut.
        line: of what a line is drawn.
        arrows: what follows the name of the column that is sorted by: smallest first, greatest first.
        plus_minus: what stands between a mean and its deviation.
        now: when it is looked at.
    """

    def __init__(self, stream: TextIO) -> None:
        # `FORCE_COLOR=1 watch -c meticulous`: watch reads through a pipe, and sets COLUMNS.
        width = os.environ.get("COLUMNS", "")
        forced = os.environ.get("FORCE_COLOR", "") not in ("", "0") and width.strip("0").isdecimal()
        self.terminal = forced or stream.isatty()
        # See no-color.org: any value but an empty one means no colour.
        wanted = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.colour = wanted and (forced or _takes_codes(stream))
        self.room: int | None = None
        self.height: int | None = None
        if self.terminal:
            self.room, self.height = shutil.get_terminal_size()
        try:
            "…─↑↓±".encode(stream.encoding or "ascii")
            self.ellipsis, self.line, self.arrows, self.plus_minus = "…", "─", "↑↓", "±"
        except (UnicodeEncodeError, LookupError):
            self.ellipsis, self.line, self.arrows, self.plus_minus = "...", "-", "^v", "+-"
        self.now = datetime.now(timezone.utc)

    def paint(self, text: str, code: str) -> str:
        """Return text in a weight or a colour; "" for none."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text and code else text

    def bold(self, text: str) -> str:
        """Return text that stands out."""
        return self.paint(text, BOLD)

    def dim(self, text: str) -> str:
        """Return text that stands back."""
        return self.paint(text, DIM)

    def cut(self, text: str, taken: int = 0) -> str:
        """Return as much of a text as there is room for on a line of which some is taken."""
        return text if self.room is None else cut(text, self.room - taken, self.ellipsis)

    def wrapped(self, text: str, taken: int = 0) -> list[str]:
        """Return text as lines, of which each has some cells taken."""
        return [text] if self.room is None else wrapped(text, self.room - taken)

    def note(self, text: str, taken: int = 0) -> str:
        """Return a line of little weight, as much of it as there is room for."""
        return self.dim(self.cut(text, taken))

    def listed(
        self, title: str, items: Sequence[str], end: str = "", *, lines: int = 1, taken: int = 0
    ) -> str:
        """Return a title with as many items as some lines have room for, and how many more there are."""
        text = ""
        # No item takes fewer cells than three, with its comma.
        most = len(items) if self.room is None else lines * self.room // 3
        for count in range(min(most, len(items)), 0, -1):
            more = f" {self.ellipsis} {len(items) - count} more" if count < len(items) else ""
            text = f"{title}: {', '.join(items[:count])}{more}"
            if len(self.wrapped(text + end, taken)) <= lines:
                return text + end
        return text

    def footnotes(self, notes: Iterable[str]) -> list[str]:
        """Return the lines of notes below a table, wrapped at a terminal."""
        return [self.dim(line) for note in notes for line in self.wrapped(note)]


def state_code(text: str) -> str:
    """Return the colour of a state, whatever follows it."""
    return _STATES.get(text, YELLOW)


def _takes_codes(stream: TextIO) -> bool:
    """Switch a console to colour codes, which cmd leaves off (cpython#74261); False where it can't."""
    if sys.platform != "win32":
        return True
    import ctypes
    import msvcrt

    kernel32, mode = ctypes.windll.kernel32, ctypes.c_ulong()
    console = ctypes.c_void_p(msvcrt.get_osfhandle(stream.fileno()))
    known = kernel32.GetConsoleMode(console, ctypes.byref(mode))
    return bool(known and kernel32.SetConsoleMode(console, mode.value | 4))  # ENABLE_VIRTUAL_TERMINAL_…
