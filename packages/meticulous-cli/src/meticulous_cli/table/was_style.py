"""What output may look like where it goes: colours, lines and dots that the other end can show."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from meticulous_cli.table.was_facts import HEADER, Column
from meticulous_cli.table.was_text import wrapped

__all__ = ["Style"]

_BOLD, _DIM, _RED, _GREEN, _YELLOW, _MAGENTA, _CYAN = "1", "2", "31", "32", "33", "35", "36"
_STATES = {
    "SUCCESS": _GREEN,
    "ERROR": _RED,
    "RUNNING": _CYAN,
    "lost": f"{_BOLD};{_MAGENTA}",
    "silent": _MAGENTA,
}


class Style:
    """The looks of one output stream.

    Attributes:
        terminal: whether a person reads it at a terminal.
        room: how many cells its lines have; None where they may be as long as they like.
        ellipsis: what stands for text that was cut.
    """

    def __init__(self, stream: TextIO) -> None:
        self.terminal = stream.isatty()
        # See no-color.org: any value but an empty one means no colour.
        self._colour = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.room = _columns_of(stream) if self.terminal else None
        try:
            "…─".encode(stream.encoding or "ascii")
            self._unicode = True
        except (UnicodeEncodeError, LookupError):
            self._unicode = False
        self.ellipsis = "…" if self._unicode else "..."

    def bold(self, text: str) -> str:
        """Return text that stands out."""
        return self._paint(text, _BOLD)

    def dim(self, text: str) -> str:
        """Return text that stands back."""
        return self._paint(text, _DIM)

    def rule(self, size: int) -> str:
        """Return a line across `size` cells."""
        return self.dim(("─" if self._unicode and self.terminal else "-") * size)

    def footnotes(self, notes: Iterable[str]) -> list[str]:
        """Return the lines of notes below a table, wrapped at a terminal, but not at a no-break space."""
        lines = [line for note in notes for line in (wrapped(note, self.room) if self.room else [note])]
        return [self.dim(line.replace("\u00a0", " ")) for line in lines]

    def cell(self, column: Column, cell: str) -> str:
        """Return a cell of the table, a status in its colour."""
        return self.state(cell) if column.group == HEADER and column.name == "status" else cell

    def state(self, text: str) -> str:
        """Return a status in its colour."""
        return self._paint(text, _STATES.get(text.partition(" ")[0], _YELLOW))

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text


def _columns_of(stream: TextIO) -> int:
    """Return the width of a terminal: COLUMNS, where somebody set it, else what the terminal says."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < sys.maxunicode:
        return int(wanted)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
