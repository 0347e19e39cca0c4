"""Columns → lines: which of them a terminal has room for, how narrow, and how they stand side by side.

A column comes as a Block. Those with the highest scores get the room, each at its narrowest; then names that
were broken are joined again, from the left, and the last column of text gets what is left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from meticulous_cli.show.facts import HEADER, Column
from meticulous_cli.show.style import BOLD, Style
from meticulous_cli.show.text import cut, cut_apart, width

GAP = "  "
_NAME_LINES = 3
_SQUEEZED = (10, 7, 4)
# What is longer, as only a pipe is given it, stands out of its column: a recorded text may have megabytes,
# and to fill as many rows up to it would take all memory.
_WIDEST = 1000


class Block:
    """A column as it stands in a table.

    No dataclass: to import the module of those takes a tenth of a short table's time.

    Attributes:
        column: whose name and values it shows.
        name: its name there, in lines.
        texts: the values as text, uncut.
        right: whether cells end below each other.
        cells: the texts as they are shown.
        codes: the weight or colour of each cell, "" for none; no list for none at all.
    """

    def __init__(
        self, column: Column, name: list[str], texts: list[str], right: bool, cells: list[str] | None = None
    ) -> None:
        self.column, self.name, self.texts, self.right = column, name, texts, right
        self.codes: Sequence[str] = ()
        self.cells = cells or texts
        self.size = widest(self.cells)

    def but(self, name: list[str] | None = None, cells: list[str] | None = None) -> Block:
        """Return it with another name or other cells."""
        return Block(self.column, name or self.name, self.texts, self.right, cells or self.cells)

    @property
    def width(self) -> int:
        """How many cells of the terminal it takes."""
        return max(self.size, *map(width, self.name))

    def narrowed(self, limit: int, ellipsis: str) -> Block:
        """Return it with its cells cut, and its name broken into lines as narrow as these allow."""
        return self._cut(lambda texts: cut_apart(texts, limit, ellipsis))

    def squeezed(self, limit: int, ellipsis: str, *, numbers: bool = False) -> Block:
        """Return it with its cells cut, whatever that makes alike; of numbers and times, only if need be."""
        return self._cut(lambda texts: [cut(text, limit, ellipsis) for text in texts], numbers=numbers)

    def _cut(self, cut: Callable[[list[str]], list[str]], *, numbers: bool = False) -> Block:
        cells = cut(self.texts) if numbers or not self.right else self.texts
        return self.but(name=_broken("".join(self.name), widest(cells)), cells=cells)


class Table(NamedTuple):
    """The lines of a table: the groups above, the names, and the rows."""

    labels: list[str]
    names: list[str]
    rows: list[str]


def widest(texts: Sequence[str]) -> int:
    """Return the width of the widest text."""
    measure = len if all(map(str.isascii, texts)) else width
    return max(map(measure, texts), default=0)


def fit(
    columns: Sequence[Column],
    scores: Sequence[float],
    make: Callable[[Column], Block],
    style: Style,
    *,
    labelled: bool,
) -> list[Block]:
    """Return what fits a terminal, in the order of the columns; what has no limit to its score always does.

    `make` makes a column's block, and is not asked for those that cannot fit.
    """
    room = style.room or 0
    kept: dict[int, Block] = {}

    def total(kept: dict[int, Block]) -> int:
        sizes = _widths([kept[place] for place in sorted(kept)], labelled=labelled)
        return sum(sizes) + len(GAP) * (len(sizes) - 1)

    def keep_if_it_fits(place: int, block: Block) -> None:
        if total({**kept, place: block}) <= room:
            kept[place] = block

    for place in sorted(range(len(columns)), key=lambda place: -scores[place]):
        column, needed = columns[place], scores[place] == math.inf
        if needed:
            kept[place] = make(column).narrowed(column.least, style.ellipsis)
        elif total(kept) + len(GAP) + widest(_broken(column.name, 0)) <= room:
            keep_if_it_fits(place, make(column).narrowed(column.least, style.ellipsis))
    # In the narrowest terminals what is always shown makes room, too; then the last of it goes.
    for limit in _SQUEEZED if total(kept) > room else ():
        kept = {place: block.squeezed(limit, style.ellipsis) for place, block in kept.items()}
        if total(kept) <= room:
            break
    while len(kept) > 1 and total(kept) > room:
        del kept[max(kept)]
    if total(kept) > room:
        # Only a name that is alone, and wider than the terminal, is cut.
        ((place, block),) = kept.items()
        block = block.squeezed(room, style.ellipsis, numbers=True)
        kept = {place: block.but(name=[cut(line, room, style.ellipsis) for line in block.name])}
    for place, block in sorted(kept.items()):
        if len(block.name) > 1:
            keep_if_it_fits(place, block.but(name=["".join(block.name)]))
    for place, block in sorted(kept.items(), reverse=True):
        if block.cells is not block.texts:
            most = min(block.column.most, block.size + room - total(kept))
            cells = cut_apart(block.texts, max(most, block.size), style.ellipsis)
            keep_if_it_fits(place, block.but(cells=cells))
    return [kept[place] for place in sorted(kept)]


def draw(blocks: Sequence[Block], style: Style, *, labelled: bool) -> Table:
    """Return the lines of a table; with `labelled`, a line above the names spans the columns of each."""
    sizes = [min(size, _WIDEST) for size in _widths(blocks, labelled=labelled)]
    height = max(len(block.name) for block in blocks)
    names, rows = [], []
    for block, size in zip(blocks, sizes, strict=True):
        head = [""] * (height - len(block.name)) + block.name
        names.append(_padded(head, [BOLD] * height, block, size, style))
        rows.append(_padded(block.cells, block.codes, block, size, style))
    line = _group_line(blocks, sizes, style) if labelled else ""
    return Table([line] if line else [], _joined(names), _joined(rows))


def _broken(name: str, size: int) -> list[str]:
    """Return a name in at most three lines, broken after `.` `_` `-` `/` where it is wider than its cells."""
    pieces = re.findall(r".+?(?:[._/-]+(?=.)|$)", name)
    if width(name) <= size or len(pieces) < 2:
        return [name]
    size = max(size, widest(pieces))
    while True:
        lines = [""]
        for piece in pieces:
            if lines[-1] and width(lines[-1] + piece) > size:
                lines.append("")
            lines[-1] += piece
        if len(lines) <= _NAME_LINES:
            return lines
        size += 1


def _runs(blocks: Sequence[Block]) -> list[tuple[str, list[int]]]:
    """Return the groups of neighbours, "" for the header, with the places of their columns."""
    found = groupby(range(len(blocks)), key=lambda place: blocks[place].column.group)
    return [("" if group == HEADER else group, list(places)) for group, places in found]


def _widths(blocks: Sequence[Block], *, labelled: bool) -> list[int]:
    """Return the widths of columns; a group narrower than its own name widens its last column."""
    sizes = [block.width for block in blocks]
    for group, places in _runs(blocks) if labelled else ():
        taken = sum(sizes[place] for place in places) + len(GAP) * (len(places) - 1)
        sizes[places[-1]] += max(0, len(group) - taken)
    return sizes


def _group_line(blocks: Sequence[Block], sizes: Sequence[int], style: Style) -> str:
    parts = []
    for group, places in _runs(blocks):
        size = sum(sizes[place] for place in places) + len(GAP) * (len(places) - 1)
        rule = style.line * (size - len(group) - 1) if group else ""
        parts.append(f"{group} {rule}".rstrip().ljust(size))
    return style.dim(GAP.join(parts).rstrip())


def _padded(texts: list[str], codes: Sequence[str], block: Block, size: int, style: Style) -> list[str]:
    if not any(codes) and all(map(str.isascii, texts)):
        return [text.rjust(size) for text in texts] if block.right else [text.ljust(size) for text in texts]
    lines = []
    for text, code in zip(texts, codes or [""] * len(texts), strict=True):
        bare = text.rstrip()
        space, end = " " * (size - width(text)), " " * (len(text) - len(bare))
        painted = style.paint(bare, code) + end
        lines.append(space + painted if block.right else painted + space)
    return lines


def _joined(columns: Sequence[Sequence[str]]) -> list[str]:
    return [GAP.join(line).rstrip() for line in zip(*columns, strict=True)]
