"""What the table shows as a DataFrame, with its values as they were recorded: what is exported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from meticulous_read import ExperimentReader, Experiments

from meticulous_cli.table.columns import Field
from meticulous_cli.table.groups import Group
from meticulous_cli.table.was_facts import HEADER, state_of
from meticulous_cli.table.was_text import MISSING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of_experiments", "frame_of_groups"]

# The columns of the reader's frame behind those of the table; `id` is its index.
_HEADER = {"start": "start_time", "commit": "sha"}
_DTYPES: dict[type, Any] = {int: "Int64", bool: "boolean", float: "float64"}


def frame_of_experiments(
    experiments: Experiments[ExperimentReader],
    rows: Sequence[ExperimentReader],
    fields: Sequence[Field],
    *,
    as_text: bool,
) -> pd.DataFrame:
    """Return those rows and columns of the reader's frame; its status says `lost` where the table does.

    With `as_text`, columns of numbers in which NaN was recorded hold Python's, as in pandas' own it is a gap,
    and what is known of none, such as a commit, is None.
    """
    frame = experiments.as_dataframe()
    # By place: pandas looks up no label that is not UTF-8 where pyarrow is installed, and in its version 2 it
    # takes two for one that differ only after a null character.
    lines = {expid: place for place, expid in enumerate(frame.index)}
    frame = frame.take([lines[reader.experiment_id] for reader in rows])
    frame["header", "status"] = [state_of(reader) for reader in rows]
    places: dict[Any, int] = {column: place for place, column in enumerate(frame.columns)}
    places.pop(("header", "id"), None)
    kept = [field for field in fields if _column(field) in places]
    frame = frame.take([places[_column(field)] for field in kept], axis=1)
    for place, field in enumerate(kept if as_text else ()):
        column = frame.iloc[:, place]
        values = [_value(field.get(reader)) for reader in rows]
        if field.group == HEADER and column.dtype == object:  # where "" says that there is none
            frame.isetitem(place, _objects((value or None for value in column), frame.index))
        elif any(map(_is_nan, values)):
            frame.isetitem(place, _objects(values, frame.index))
    return frame


def frame_of_groups(groups: Sequence[Group], fields: Sequence[Field], *, as_text: bool) -> pd.DataFrame:
    """Return a row for each group, with an index that means nothing; `as_text` is as above."""
    import pandas as pd

    columns = {_column(field): [_value(field.get(group)) for group in groups] for field in fields}
    frame = pd.DataFrame({place: _series(values, as_text) for place, values in enumerate(columns.values())})
    # As in the reader's frame, by codes of Python's own strings: pandas' own do not take every name.
    seen: list[dict[str, int]] = [{}, {}]
    codes = [
        [names.setdefault(column[level], len(names)) for column in columns]
        for level, names in enumerate(seen)
    ]
    levels: list[Any] = [pd.Index(list(names), dtype=object) for names in seen]
    frame.columns = pd.MultiIndex(levels, codes)
    return frame


def _column(field: Field) -> tuple[str, str]:
    if field.group == HEADER:
        return "header", _HEADER.get(field.name, field.name)
    return field.group, field.name


def _value(value: Any) -> Any:
    return None if value is MISSING else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _objects(values: Iterable[Any], index: pd.Index[Any]) -> Any:
    """Return a column of Python's own values, as they are: pandas 3 would infer its own type."""
    import pandas as pd

    return pd.Series(list(values), index=index, dtype=object)


def _series(values: list[Any], as_text: bool) -> pd.Series[Any]:
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    dtype = _DTYPES.get(next(iter(kinds)), object) if len(kinds) == 1 else object
    if as_text and any(map(_is_nan, values)):
        dtype = object
    try:
        return pd.Series(values, dtype=dtype)
    except OverflowError:  # integers beyond 64 bits
        return pd.Series(values, dtype=object)
