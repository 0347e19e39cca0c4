"""The columns of a table: which there are, which are the same in all rows, which come first, their cells."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from meticulous_cli.show.cells import MISSING, aligned, alike, all_alike, arguments, numeric, results
from meticulous_cli.show.facts import (
    ARGS,
    GROUPS,
    HEADER,
    HEADER_COLUMNS,
    SUMMARY,
    Column,
    Row,
    column_of,
    names_in,
)
from meticulous_cli.show.layout import GAP, Block, draw
from meticulous_cli.show.style import DIM, YELLOW, Style, state_code
from meticulous_cli.show.text import plain
from meticulous_cli.table.names import Names
from meticulous_cli.table.values import sorted_rows

_SHOWN_VALUES = 2
_FOLDED_HEADER = ("status", "commit", "description")
# From one column to the next of a group, by how much its claim to room falls.
_FALL = 0.9


def experiment_columns(rows: Sequence[Row], groups: Iterable[str] = GROUPS) -> Iterator[Column]:
    """Yield the columns that some experiments have: those of the header, then those of some groups."""
    yield from HEADER_COLUMNS.values()
    for group in groups:
        for name in names_in(getattr(row, group) for row in rows):
            yield column_of(group, name)


def chosen_arguments(rows: Iterable[Row]) -> dict[str, int]:
    """Return the arguments that tell something, and in how many rows each was chosen.

    One does where some row has another value than its default, or where two have different values: one that
    came later and is always at its default tells nothing.
    """
    found: dict[str, int] = {}
    first: dict[str, Any] = {}
    # Row by row, whose values lie together in memory.
    for row in rows:
        # Where no default is known, nobody can tell what was chosen.
        defaults = row.default_args or row.args
        for name, value in row.args.items():
            default = defaults.get(name, MISSING)
            # Most are equal, which is soon seen.
            if (value != default or type(value) is not type(default)) and not alike(value, default):
                found[name] = found.get(name, 0) + 1
            elif name not in found and not alike(value, first.setdefault(name, value)):
                found[name] = 0
    return found


def default_columns(
    columns: Iterable[Column], rows: Sequence[Row], arguments: Collection[str], *, terminal: bool
) -> Iterator[Column]:
    """Yield those columns of header, some arguments, and summary that a table of some rows has."""
    having = {ARGS: arguments, SUMMARY: set(names_in(row.summary for row in rows))}
    for column in columns:
        if column.group != HEADER:
            wanted = column.name in having[column.group]
        elif column.name == "problems" and not terminal:
            wanted = any(row.reader.problems for row in rows)
        else:
            wanted = column.score > 0 and bool(not column.last or column.values(rows))
        if wanted:
            yield column


def in_order(columns: Iterable[Column]) -> list[Column]:
    """Return columns, each once, in the order of the table: header, args, summary, and what stands last."""
    places = {HEADER: 0, ARGS: 1, SUMMARY: 2}
    found = list(dict.fromkeys(columns))
    return sorted(found, key=lambda column: 4 if column.last else places.get(column.group, 3))


def same(columns: Iterable[Column], rows: Sequence[Row]) -> list[Column]:
    """Return the columns with one value in all rows; of results, in all that have a summary at all."""
    found = []
    for column in columns if len(rows) > 1 else ():
        if column.group == HEADER and column.name not in _FOLDED_HEADER:
            continue
        chosen = [row for row in rows if row.summary] if column.group == SUMMARY else rows
        # Most differ between the ends already.
        if not chosen or not alike(column.get(chosen[0]), column.get(chosen[-1])):
            continue
        values = column.values(chosen)
        if len(values) == len(chosen) and all_alike(values):
            found.append(column)
    return found


def scores(
    columns: Sequence[Column], always: Collection[Column], chosen: Mapping[str, int], *, args_first: bool
) -> list[float]:
    """Return for each column how soon it gets room.

    Arguments by in how many rows they were chosen, and results as they were recorded, come by turns; or else
    arguments before all others.
    """
    ranks: dict[Column, float] = {}
    for group in (ARGS, SUMMARY):
        found = [column for column in columns if column.group == group]
        if group == ARGS:
            found.sort(key=lambda column: -chosen.get(column.name, 0))
        for rank, column in enumerate(found):
            ranks[column] = _FALL**rank + (args_first and group == ARGS)
    return [math.inf if column in always else ranks.get(column, column.score) for column in columns]


def titles(
    columns: Sequence[Column], sort: Sequence[Column], style: Style, *, reverse: bool, labelled: bool
) -> dict[Column, str]:
    """Return the names as they are printed.

    An arrow follows what is sorted by. Where nothing above tells groups apart, two of one name have them.
    """
    counts = Counter(column.name for column in columns)
    arrow = style.arrows[reverse] if style.terminal else ""
    found = {}
    for column in columns:
        unclear = counts[column.name] > 1 and column.group != HEADER and not labelled
        name = plain(column.full_name if unclear else column.name) or "''"
        found[column] = name + arrow * (column in sort)
    return found


def block(column: Column, title: str, rows: Sequence[Any], style: Style, *, apart: bool = False) -> Block:
    """Return a column with its cells; `apart`, different results never look alike."""
    if column.text is not None:
        now = style.now if style.terminal else None
        texts = [column.text(row, now) for row in rows]
        right = column.right or (column.name == "id" and all(map(str.isdecimal, texts)))
        return Block(column, [title], texts, right)
    values = list(map(column.get, rows))
    texts = results(values, apart=apart) if column.group == SUMMARY else arguments(values)
    right = numeric(values)
    return Block(column, [title], aligned(texts) if right else texts, right)


def weigh(blocks: Iterable[Block], rows: Sequence[Row]) -> None:
    """Give cells their weight or colour: bright is what was chosen and what came out of it."""
    final = ["" if row.ended_well else DIM for row in rows]
    for each in blocks:
        column = each.column
        each.codes = ["" if column.name == "id" else DIM] * len(rows)
        if column.group == SUMMARY:
            each.codes = final
        elif column.group == ARGS:
            defaults = [row.default_args.get(column.name, row) for row in rows]  # no value is like a row
            dim = list(map(alike, map(column.get, rows), defaults))
            each.codes = [""] * len(dim) if all(dim) else [DIM if at_default else "" for at_default in dim]
        elif column.name == "status":
            codes = [state_code(row.state) for row in rows]
            odd = [code == DIM and bool(row.reader.problems) for code, row in zip(codes, rows, strict=True)]
            each.codes = [YELLOW if strange else code for code, strange in zip(codes, odd, strict=True)]


def described(column: Column, rows: Sequence[Any]) -> str:
    """Return in a few words what a column holds."""
    known = [row for row in rows if (value := column.get(row)) == value and value not in (MISSING, None)]
    texts = [column.shown(row)[:40] for row in sorted_rows(known, [column], reverse=False)]
    counts = Counter(texts).most_common()
    if column.name == "status":
        return "status is " + " or ".join(f"{text} ({count})" for text, count in counts[:5])
    scales = (int, float, datetime, timedelta)
    if len(counts) > 1 and all(type(column.get(row)) in scales for row in known):
        return f"{column.name} goes from {texts[0]} to {texts[-1]}"
    more = len(counts) - _SHOWN_VALUES
    listed = ", ".join(text for text, _ in counts[: _SHOWN_VALUES + (more == 1)]) or "no values"
    return f"{column.name} has {listed}{f' and {more} more' if more > 1 else ''}"


def listing(rows: Sequence[Row], style: Style) -> str:
    """Return a line for each column: its names, how many experiments have it, and the first one's value."""
    names = Names(experiment_columns(rows))
    having = {column: [row for row in rows if column.get(row) is not MISSING] for column in names}
    texts = {
        "column": [plain(column.full_name) for column in names],
        "short": [plain(names.short_name(column)) for column in names],
        "experiments": [str(len(found)) for found in having.values()],
        "example": ["".join(block(column, "", found[:1], style).texts) for column, found in having.items()],
    }
    blocks = [
        Block(Column(HEADER, title, len), [title], cells, right=title == "experiments")
        for title, cells in texts.items()
    ]
    sizes = [*(each.width + len(GAP) for each in blocks[:-1]), len("example")]
    blocks[-1].cells = [style.cut(cell, sum(sizes[:-1])) for cell in blocks[-1].texts]
    while style.room and len(blocks) > 1 and sum(sizes) > style.room:
        del blocks[-1], sizes[-1]
    table = draw(blocks, style, labelled=False)
    return "\n".join([*table.names, *table.rows])
