"""Which rows of the table, in which order, and the columns that somebody named."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from meticulous_cli.table.columns import Field
from meticulous_cli.table.groups import Group
from meticulous_cli.table.was_facts import HEADER, Column, header_column
from meticulous_cli.table.was_text import MISSING, number_of

__all__ = ["field_column", "select"]

Row = TypeVar("Row")


def select(rows: Sequence[Row], sort: Sequence[Field], *, reverse: bool, tail: int | None) -> list[Row]:
    """Return the rows sorted by some columns, else as they come, and of these the last `tail`.

    Those without a value (or with NaN) come first, whichever way it is sorted, as the tail is what is read.
    """
    chosen = list(rows)
    if reverse and not sort:
        chosen.reverse()
    for field in reversed(sort):
        known: list[tuple[Any, Row]] = []
        unknown: list[Row] = []
        for row in chosen:
            key = _order(field.get(row))
            if key is None:
                unknown.append(row)
            else:
                known.append((key, row))
        known.sort(key=lambda item: item[0], reverse=reverse)
        chosen = [*unknown, *(row for _, row in known)]
    return chosen[-tail:] if tail else chosen


def field_column(field: Field, rows: Sequence[Any], *, terminal: bool) -> Column:
    """Return the column of a field for experiments, or for groups of them."""
    grouped = bool(rows) and isinstance(rows[0], Group)
    if field.group == HEADER and field.name != "count":
        readers = [row.first for row in rows] if grouped else rows
        return header_column(field.name, readers, terminal=terminal and not grouped)
    return Column(field.group, field.name, [field.get(row) for row in rows])


def _order(value: Any) -> tuple[int, Any] | None:
    """Return a sorting key that any two values have: numbers and times, then text, then the rest."""
    if value is MISSING or value is None:
        return None
    if isinstance(value, (datetime, timedelta)):
        return (0, value.timestamp() if isinstance(value, datetime) else value.total_seconds())
    number = float(value) if isinstance(value, bool) else number_of(value)
    if number is not None:
        return None if isinstance(number, float) and math.isnan(number) else (0, number)
    if isinstance(value, str):
        # Text at even places and numbers, the longer the greater, at odd ones, so that 2 comes before 10.
        parts = enumerate(re.split(r"0*([0-9]+)", value))
        return (1, [(len(part) if place % 2 else 0, part) for place, part in parts])
    return (2, repr(value))
