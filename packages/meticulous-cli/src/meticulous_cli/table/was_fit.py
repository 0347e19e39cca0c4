"""Which columns a narrow terminal shows, and how narrow: the least informative make room first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container
from typing import NamedTuple

from meticulous_cli.table.was_facts import ARGS, HEADER, SUMMARY, Column
from meticulous_cli.table.was_text import cut, width

__all__ = ["GAP", "Fitted", "fit", "narrow"]

# Spaces between two columns.
GAP = 2

# Text is cut at the first width anyway, and at the others before a column has to go.
_TEXT_WIDTHS = (60, 32, 20, 14)
_TITLE_WIDTHS = (60, 32, 16, 12)
# In the narrowest terminals, what is always shown makes room, too.
_SQUEEZED_WIDTHS = (10, 7, 4)
# What of the header may be cut: a cut time is none.
_HEADER_TEXTS = ("id", "status", "problems")
# Ranks of the header's columns among the others, whose ranks count from 0 in each group; 0 stays to the last.
_HEADER_RANKS = {"id": -2.0, "status": -1.0, "start": 2.5, "duration": 3.5, "commit": 1.5}


class Fitted(NamedTuple):
    """What is shown, and what had to go.

    Attributes:
        columns: shown, narrowed where needed.
        constant: left out, and the same in each row, so that one word on each says it all.
        dropped: left out.
    """

    columns: list[Column]
    constant: list[Column]
    dropped: list[Column]


def fit(
    columns: list[Column],
    room: int,
    ellipsis: str = "…",
    *,
    always: int = 2,
    wanted: Container[tuple[str, str]] = (),
) -> Fitted:
    """Return the columns that fit in `room` cells: the first ones, as many as `always`, before any other.

    Then come those whose group and name are `wanted`, and then the others. Nothing is wider than the room.
    """
    constant: list[Column] = []
    for step, limit in enumerate(_TEXT_WIDTHS):
        shown = [narrow(column, limit, _TITLE_WIDTHS[step], ellipsis) for column in columns]
        if _total(shown) <= room:
            return Fitted(shown, constant, [])
        if step == 1:
            constant = [
                column
                for column in columns[always:]
                if column.group and _is_constant(column) and _name(column) not in wanted
            ]
            columns = [column for column in columns if column not in constant]
            shown = [narrow(column, limit, _TITLE_WIDTHS[step], ellipsis) for column in columns]
            if _total(shown) <= room:
                return Fitted(shown, constant, [])
    ranks = _ranks(shown)
    by_importance = sorted(
        range(always, len(shown)), key=lambda place: (_name(shown[place]) not in wanted, ranks[place])
    )
    kept = list(range(min(always, len(shown))))
    for limit in _SQUEEZED_WIDTHS:
        if _total([shown[place] for place in kept]) > room:
            shown = [narrow(column, limit, limit, ellipsis) for column in shown]
    while len(kept) > 1 and _total([shown[place] for place in kept]) > room:
        kept.pop()
    for place in by_importance:
        if _total([shown[other] for other in (*kept, place)]) <= room:
            kept.append(place)
    dropped = [column for place, column in enumerate(columns) if place not in kept]
    found = [shown[place] for place in sorted(kept)]
    if _total(found) > room:
        found = [_cut(column, room, ellipsis) for column in found]
    return Fitted(found, constant, dropped)


def _cut(column: Column, limit: int, ellipsis: str) -> Column:
    """Return a column with all of its cells cut, numbers as well."""
    cells = [cut(cell, limit, ellipsis) for cell in column.cells]
    narrowed = Column(column.group, column.name, column.values, cells)
    narrowed.title = cut(column.title, limit, ellipsis)
    return narrowed


def _name(column: Column) -> tuple[str, str]:
    return column.group, column.name


def narrow(column: Column, text_width: int, title_width: int, ellipsis: str = "…") -> Column:
    """Return a column with long text, and a title that is wider than its cells, cut."""
    cells = column.cells
    if not column.numeric and (column.group != HEADER or column.name in _HEADER_TEXTS):
        # Of a path, the end tells more than the beginning.
        paths = ["/" in cell and " " not in cell for cell in cells]
        cells = [
            cut(cell, text_width, ellipsis, keep_end=path) for cell, path in zip(cells, paths, strict=True)
        ]
    narrowed = Column(column.group, column.name, column.values, cells)
    narrowed.numeric = column.numeric
    narrowed.title = cut(column.title, max(title_width, _widest(cells)), ellipsis)
    return narrowed


def _total(columns: list[Column]) -> int:
    return sum(max(width(column.title), _widest(column.cells)) for column in columns) + GAP * (
        len(columns) - 1
    )


def _widest(cells: list[str]) -> int:
    return max(map(width, cells), default=0)


def _is_constant(column: Column) -> bool:
    return len(column.cells) > 1 and len(set(column.cells)) == 1


def _ranks(columns: list[Column]) -> list[float]:
    """Return a rank for each column, the lowest for the one to keep longest.

    Arguments and summary compete within their group, by the information that they give for their width, and
    then alternate, so that causes and effects stay together on the screen.
    """
    ranks = [_HEADER_RANKS.get(column.name, 9.0) if column.group == HEADER else 0.0 for column in columns]
    for group, head_start in ((SUMMARY, 0.0), (ARGS, 0.25)):
        places = [place for place, column in enumerate(columns) if column.group == group]
        places.sort(key=lambda place: -_information(columns[place]))
        for rank, place in enumerate(places):
            ranks[place] = rank + head_start
    return ranks


def _information(column: Column) -> float:
    """Return the entropy of a column's cells for each cell of the screen that it takes, coarsely.

    Coarsely, so that of columns that are about as good, those that were recorded first win.
    """
    counts = Counter(column.cells)
    rows = len(column.cells)
    entropy = -sum(count / rows * math.log2(count / rows) for count in counts.values())
    return round(
        entropy / math.log2(rows + 1) * 4 / math.sqrt(4 + max(width(column.title), _widest(column.cells))), 1
    )
