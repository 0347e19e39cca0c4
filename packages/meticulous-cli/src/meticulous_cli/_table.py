"""Columns → lines. The only module that imports tabulate."""

from __future__ import annotations

import re
from collections.abc import Sequence

import tabulate

from meticulous_cli._columns import HEADER, Column
from meticulous_cli._fit import GAP
from meticulous_cli._style import Style
from meticulous_cli._text import width

__all__ = ["draw"]

# A cell that is wider or narrower than its characters, or is coloured, stands as one private character and
# fillers while tabulate, which counts characters, sets the columns.
_FIRST_TOKEN = 0xF0000
_LAST_TOKEN = 0x10FFFD
_FILLER = "\ue000"


def draw(columns: Sequence[Column], style: Style, *, groups: bool) -> str:
    """Return the table as text; with `groups`, a line above tells arguments and summary apart."""
    tokens: dict[str, str] = {}
    widths = [max([width(column.title), *map(width, column.cells)]) for column in columns]
    grid = [[_token(column.title, style.bold(column.title), tokens) for column in columns]]
    grid.append([_token("-" * size, style.rule(size), tokens) for size in widths])
    painted = [
        [_token(cell, style.cell(column, cell), tokens) for cell in column.cells] for column in columns
    ]
    grid.extend(map(list, zip(*painted, strict=True)))
    text = tabulate.tabulate(
        grid,
        tablefmt="plain",
        disable_numparse=True,
        preserve_whitespace=True,
        colalign=["right" if column.numeric or column.name == "duration" else "left" for column in columns],
    )
    meanings = {token: meaning for meaning, token in tokens.items()}
    text = re.sub(f"[{chr(_FIRST_TOKEN)}-{chr(_LAST_TOKEN)}]", lambda found: meanings[found[0]], text)
    lines = [line.rstrip() for line in text.replace(_FILLER, "").split("\n")]
    if groups:
        labels = _labels(columns, widths, style)
        lines[:0] = [labels] if labels else []
    return "\n".join(lines)


def _token(cell: str, meaning: str, tokens: dict[str, str]) -> str:
    """Return text of as many characters as the cell is wide, that stands for `meaning` until all is set."""
    if cell == meaning and cell.isascii():
        return cell
    if meaning not in tokens:
        if _FIRST_TOKEN + len(tokens) > _LAST_TOKEN:  # they are spent: rather out of line than not shown
            return meaning
        tokens[meaning] = chr(_FIRST_TOKEN + len(tokens))
    return tokens[meaning] + _FILLER * (width(cell) - 1)


def _labels(columns: Sequence[Column], widths: list[int], style: Style) -> str:
    """Return the line that names each group above its columns."""
    line, place = "", 0
    previous = HEADER
    offsets = []
    for column, size in zip(columns, widths, strict=True):
        if column.group != previous:
            offsets.append((column.group, place))
            previous = column.group
        place += size + GAP
    for group, offset in offsets:
        line = line.ljust(offset) + group
    return style.dim(line)
