"""The list of all columns that can be named."""

from __future__ import annotations

from collections.abc import Sequence

from meticulous_read import ExperimentReader

from meticulous_cli.table.columns import Field, Fields
from meticulous_cli.table.select import field_column
from meticulous_cli.table.was_facts import HEADER, Column
from meticulous_cli.table.was_fit import GAP
from meticulous_cli.table.was_layout import draw
from meticulous_cli.table.was_style import Style
from meticulous_cli.table.was_text import MISSING, cut, plain, width

__all__ = ["listing"]

_EXAMPLE_WIDTH = 60
_LEAST_WIDTH = 12


def listing(fields: Fields, readers: Sequence[ExperimentReader], style: Style) -> str:
    """Return a line for each column: its names, how many experiments have it, and the first one's value."""
    having = {field: [reader for reader in readers if field.get(reader) is not MISSING] for field in fields}
    columns = [
        _text("column", [field.full_name for field in having]),
        _text("short", [fields.short_name(field) for field in having]),
        Column(HEADER, "experiments", [len(found) for found in having.values()]),
    ]
    room = _EXAMPLE_WIDTH
    if style.room is not None:
        taken = sum(max([width(column.title), *map(width, column.cells)]) + GAP for column in columns)
        room = max(_LEAST_WIDTH, min(room, style.room - taken))
    examples = [cut(_example(field, found), room, style.ellipsis) for field, found in having.items()]
    columns.append(_text("example", examples))
    return draw(columns, style, groups=False)


def _text(name: str, texts: list[str]) -> Column:
    return Column(HEADER, name, texts, list(map(plain, texts)))


def _example(field: Field, readers: Sequence[ExperimentReader]) -> str:
    return field_column(field, readers[:1], terminal=False).cells[0] if readers else ""
