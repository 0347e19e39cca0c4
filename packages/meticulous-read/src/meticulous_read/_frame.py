"""Rows → one DataFrame to compute with. The only module that imports pandas, when a frame is made."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUPS", "HEADER", "make_frame"]

Row = Mapping[tuple[str, str], Any]

# The columns that every frame has, whatever the experiments hold, with their kinds.
HEADER = {
    "status": "text",
    "status_message": "text",
    "sha": "text",
    "timestamp": "time",
    "start_time": "time",
    "end_time": "time",
    "duration": "duration",
    "lost": "flag",
    "silent_for": "duration",
    "format_version": "text",
    "problems": "text",
}
# Where the other columns come from, in the order in which they stand.
GROUPS = ("args", "default_args", "metadata", "summary")

_NON_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
# Integers up to here are floats without loss, so that a column of both may become one of floats.
_EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_NOT_A_TIME = -(2**63)


def make_frame(ids: Sequence[str], rows: Sequence[Row], normalize_json_values: int = 0) -> pd.DataFrame:
    """Return a frame with one row for each id, columns in two levels, in first-seen order within their group.

    Objects below a column's own value become columns of their own (`best` → `best.loss`) down to
    `normalize_json_values` levels. Dtypes follow what a column holds: ints with gaps are Int64, bools with
    gaps boolean, ints and floats together float64 where no int loses digits by it; times datetime64[us, UTC];
    anything else keeps its Python objects, with None in the gaps.
    """
    import pandas as pd

    if normalize_json_values > 0:
        rows = list(_normalized(rows, normalize_json_values))
    kinds = {("header", name): kind for name, kind in HEADER.items()}
    columns: dict[tuple[str, str], list[Any]] = {key: [None] * len(rows) for key in kinds}
    for position, row in enumerate(rows):
        for key, value in row.items():
            column = columns.get(key)
            if column is None:
                column = columns[key] = [None] * len(rows)
            column[position] = value
    # Object dtype throughout: any string of JSON or of a file system must pass, lone surrogates among them.
    index = pd.Index(list(ids), dtype=object, name="expid")
    order = {group: place for place, group in enumerate(("header", *GROUPS))}
    keys = sorted(columns, key=lambda key: order.get(key[0], len(order)))
    arrays = []
    for key in keys:
        values = columns[key]
        if key[0] == "summary":
            values = [
                _finite_or_not(value) if isinstance(value, (str, list, dict)) else value for value in values
            ]
        arrays.append(_array(values, kinds.get(key) or _kind(values), index))
    frame = pd.DataFrame(dict(enumerate(arrays)), index=index)
    # By codes, as pandas 2 would find names equal that differ only after a null character.
    places: list[dict[str, int]] = [{}, {}]
    codes = [[seen.setdefault(key[level], len(seen)) for key in keys] for level, seen in enumerate(places)]
    levels: list[Any] = [pd.Index(list(seen), dtype=object) for seen in places]
    frame.columns = pd.MultiIndex(levels, codes)
    return frame


def _kind(values: list[Any]) -> str:
    """Tell from the values alone what kind of column holds them."""
    types = set(map(type, values)) - {type(None)}
    if types == {bool}:
        return "flag" if None in values else "bool"
    if types == {int}:
        in_range = all(value is None or -(2**63) <= value < 2**63 for value in values)
        return ("count" if None in values else "int") if in_range else "text"
    if types == {float}:
        return "float"
    if types == {int, float}:
        exact = all(type(value) is not int or -_EXACT <= value <= _EXACT for value in values)
        return "float" if exact else "text"
    if types == {datetime}:
        return "time" if all(value is None or value.tzinfo for value in values) else "text"
    return "duration" if types == {timedelta} else "text"


def _array(values: list[Any], kind: str, index: pd.Index[Any]) -> Any:
    import numpy as np
    import pandas as pd

    if kind == "time":
        # By way of integers: pandas' own conversion fails for years beyond those that nanoseconds can count.
        moments = _counts(values, lambda value: (value - _EPOCH) // _MICROSECOND)
        return pd.DatetimeIndex(np.array(moments, "int64").view("M8[us]")).tz_localize("UTC")
    if kind == "duration":
        return pd.TimedeltaIndex(np.array(_counts(values, _in_microseconds), "int64").view("m8[us]"))
    if kind == "text":
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return pd.Series(
            array, index=index, dtype=object
        )  # as a bare array, pandas 3 would infer its own type
    return pd.array(values, dtype=_DTYPES[kind])


_DTYPES: dict[str, Any] = {
    "flag": "boolean",
    "bool": "bool",
    "count": "Int64",
    "int": "int64",
    "float": "float64",
}


def _counts(values: list[Any], count: Callable[[Any], int]) -> list[int]:
    return [_NOT_A_TIME if value is None else count(value) for value in values]


_in_microseconds = operator.methodcaller("__floordiv__", _MICROSECOND)


def _finite_or_not(value: Any) -> Any:
    """Return a summary's value with the strings that stand for non-finite numbers as those, at any depth."""
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, list):
        return [_finite_or_not(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite_or_not(item) for key, item in value.items()}
    return value


def _normalized(rows: Sequence[Row], levels: int) -> Iterator[dict[tuple[str, str], Any]]:
    """Yield the rows with objects spread over columns, except where their name is somebody else's already."""
    taken = {key for row in rows for key in row}
    for row in rows:
        spread: dict[tuple[str, str], Any] = {}
        for (group, name), value in row.items():
            items = list(_spread(name, value, levels))
            keys = [(group, longer) for longer, _ in items]
            unclear = any(key in taken or key in spread for key in keys) or len(set(keys)) < len(keys)
            if unclear and keys != [(group, name)]:
                items = [(name, value)]
            spread.update(((group, longer), item) for longer, item in items)
        yield spread


def _spread(name: str, value: Any, levels: int) -> Iterable[tuple[str, Any]]:
    if levels <= 0 or not isinstance(value, dict) or not value:
        yield name, value
        return
    for key, item in value.items():
        yield from _spread(f"{name}.{key}", item, levels - 1)
