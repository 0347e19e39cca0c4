"""A frame → columns of plain values, as files of text have them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Column(NamedTuple):
    """A column of a frame, or its index."""

    group: str
    """The upper one of its two names; "" for an index, and for a column that has one name."""
    name: str
    values: list[Any]
    """With None for gaps. NaN is one in a column of numbers, where pandas knows no difference."""

    @property
    def flat_name(self) -> str:
        """Both names as one."""
        return f"{self.group}.{self.name}" if self.group else self.name


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Return the columns of a frame, behind its index if that has a name."""
    columns = [] if frame.index.name is None else [Column("", str(frame.index.name), frame.index.tolist())]
    for place, (group, name) in enumerate(names_of(frame)):
        values = frame.iloc[:, place]
        if not holds_objects(values):
            values = values.astype(object).where(values.notna(), None)
        columns.append(Column(group, name, values.tolist()))
    return columns


def names_of(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield group and name of each column; pandas hands out some as no strings of Python's own."""
    return zip(*(map(str, frame.columns.get_level_values(level)) for level in (0, 1)), strict=True)


def holds_objects(column: pd.Series[Any]) -> bool:
    """Return whether a column holds Python's own values."""
    return column.dtype.kind == "O" and isinstance(column.dtype, np.dtype)
