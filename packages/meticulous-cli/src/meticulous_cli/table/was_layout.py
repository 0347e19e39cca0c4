"""Columns → lines."""

from __future__ import annotations

from collections.abc import Sequence

from meticulous_cli.table.was_facts import HEADER, Column
from meticulous_cli.table.was_fit import GAP
from meticulous_cli.table.was_style import Style
from meticulous_cli.table.was_text import cut, width

__all__ = ["draw"]

# What is longer, as only a pipe is given it, stands out of its column: a recorded text may have megabytes,
# and to fill as many rows up to it would take all memory.
_WIDEST = 1000


def draw(columns: Sequence[Column], style: Style, *, groups: bool) -> str:
    """Return the table as text; with `groups`, a line above tells arguments and summary apart."""
    widths = [min(max([width(column.title), *map(width, column.cells)]), _WIDEST) for column in columns]
    blocks = [_lines(column, size, style) for column, size in zip(columns, widths, strict=True)]
    gap = " " * GAP
    lines = [gap.join(line).rstrip() for line in zip(*blocks, strict=True)]
    labels = _labels(columns, widths, style) if groups else ""
    return "\n".join([labels, *lines] if labels else lines)


def _lines(column: Column, size: int, style: Style) -> list[str]:
    """Return a column from its title to its last cell, each as wide as the widest of them."""
    right = column.numeric or (column.group == HEADER and column.name == "duration")
    texts = [column.title, *column.cells]
    spaces = [" " * (size - width(text)) for text in texts]
    painted = [style.bold(column.title), *(style.cell(column, cell) for cell in column.cells)]
    pairs = zip(painted, spaces, strict=True)
    lines = [space + text if right else text + space for text, space in pairs]
    lines.insert(1, style.rule(size))
    return lines


def _labels(columns: Sequence[Column], widths: list[int], style: Style) -> str:
    """Return the line that names each group above its columns."""
    line, place = "", 0
    previous = HEADER
    for column, size in zip(columns, widths, strict=True):
        if column.group != previous:
            line = (f"{line:<{place - 1}} " if place else "") + column.group
            previous = column.group
        place += size + GAP
    return style.dim(line if style.room is None else cut(line, style.room, style.ellipsis))
