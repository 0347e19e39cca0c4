"""What the table shows as a DataFrame, with its values as they were recorded: what is exported."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from meticulous_read import ExperimentReader, Experiments

from meticulous_cli.show.cells import MISSING
from meticulous_cli.show.facts import HEADER, HEADER_COLUMNS, Column, Row
from meticulous_cli.table.groups import Group, Mean, mean_texts

if TYPE_CHECKING:
    import pandas as pd

_DTYPES: dict[type, Any] = {int: "Int64", bool: "boolean", float: "float64"}


def frame_of_experiments(
    experiments: Experiments[ExperimentReader],
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    as_text: bool,
) -> pd.DataFrame:
    """Return those rows and columns of the reader's frame; its status says `lost` where the table does.

    With `as_text`, columns of numbers in which NaN was recorded hold Python's, as in pandas' own it is a gap,
    and what is known of none, such as a commit, is None.
    """
    frame = experiments.as_dataframe(rows[0].levels)
    # By place: pandas looks up no label that is not UTF-8 where pyarrow is installed, and in its version 2 it
    # takes two for one that differ only after a null character.
    lines = {expid: place for place, expid in enumerate(frame.index)}
    frame = frame.take([lines[row.id] for row in rows])
    frame["header", "status"] = [row.state for row in rows]
    places: dict[Any, int] = {key: place for place, key in enumerate(frame.columns)}
    chosen = [column for column in columns if column is not HEADER_COLUMNS["id"] and _key(column) in places]
    frame = frame.take([places[_key(column)] for column in chosen], axis=1)
    for place, column in enumerate(chosen if as_text else ()):
        recorded = frame.iloc[:, place]
        values = [_value(column.get(row)) for row in rows]
        if column.group == HEADER and recorded.dtype == object:  # where "" says that there is none
            frame.isetitem(place, _objects((value or None for value in recorded), frame.index))
        elif any(map(_is_nan, values)):
            frame.isetitem(place, _objects(values, frame.index))
    return frame


def frame_of_groups(groups: Sequence[Group], columns: Sequence[Column], plus_minus: str = "") -> pd.DataFrame:
    """Return a row for each group, with an index that means nothing.

    A mean is followed by its deviation, in the group of columns `std`, and by its own n where that is another
    than the group's. For people they are one text, with `plus_minus` in it.
    """
    import pandas as pd

    found: dict[tuple[str, str], list[Any]] = {}
    for column in columns:
        key = _key(column)
        if not isinstance(groups[0].values.get(column), Mean):
            found[key] = [_value(column.get(group)) for group in groups]
        elif plus_minus:
            found[key] = mean_texts(groups, column, plus_minus)
        else:
            means = [group.values[column] for group in groups]
            found[key] = [_value(mean.mean) for mean in means]
            found["std", key[1]] = [mean.deviation for mean in means]
            if any(mean.n != group.n for mean, group in zip(means, groups, strict=True)):
                found["n", key[1]] = [mean.n for mean in means]
    frame = pd.DataFrame({place: _series(values) for place, values in enumerate(found.values())})
    # Of Python's own strings: pandas' own do not take every name.
    names: list[Any] = [pd.Index(list(level), dtype=object) for level in zip(*found, strict=True)]
    frame.columns = pd.MultiIndex.from_arrays(names)
    return frame


def _key(column: Column) -> tuple[str, str]:
    group, _, name = column.frame.partition(".")
    return (group, name) if name else (column.group, column.name)


def _value(value: Any) -> Any:
    return None if value is MISSING else value


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _objects(values: Iterable[Any], index: pd.Index[Any]) -> Any:
    """Return a column of Python's own values, as they are: pandas 3 would infer its own type."""
    import pandas as pd

    return pd.Series(list(values), index=index, dtype=object)


def _series(values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    dtype = _DTYPES.get(next(iter(kinds)), object) if len(kinds) == 1 else object
    try:
        return pd.Series(values, dtype=dtype)
    except OverflowError:  # integers beyond 64 bits
        return pd.Series(values, dtype=object)
