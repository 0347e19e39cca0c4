"""Rows → one DataFrame to compute with. The only module that imports pandas, when a frame is made."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUPS", "HEADER", "make_frame", "no_garbage_collection", "normalized"]

Row = Mapping[str, Mapping[str, Any]]

# The columns that every frame has, whatever the experiments hold, with their kinds.
HEADER = {
    "state": "text",
    "status": "text",
    "reason": "text",
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


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep the collector from walking through all that was read, again and again: nothing here is garbage.

    Afterwards it all counts as old, as it would after a walk that found no garbage; else the first collection
    would walk through it.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():  # objects that a program froze itself would thaw
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def make_frame(
    ids: Sequence[str], rows: Iterable[Row], order: Sequence[int], levels: int, *, flat: bool
) -> pd.DataFrame:
    """Return a frame with one row for each id, columns in two levels, in first-seen order within their group.

    `order` has the places of the ids and rows as they are to stand in the frame. Objects below a column's own
    value become columns of their own (`best` → `best.loss`) down to `levels` below it. Dtypes follow what a
    column holds: ints with gaps are Int64, bools with gaps boolean, ints and floats together float64 where no
    int loses digits by it; times datetime64[us, UTC]; anything else keeps its Python objects, with None in
    the gaps. With `flat`, one level names the columns, as in `args.lr`.
    """
    import pandas as pd

    # Object dtype throughout: any string of JSON or of a file system must pass, lone surrogates among them.
    index = pd.Index([ids[place] for place in order], dtype=object, name="expid")
    keys: list[tuple[str, str]] = []
    arrays = []
    groups: dict[str, list[Mapping[str, Any]]] = {group: [{}] * len(ids) for group in ("header", *GROUPS)}
    for place, row in enumerate(rows):
        for group, part in row.items():
            if group not in groups:
                groups[group] = [{}] * len(ids)
            groups[group][place] = part
    for group in list(groups):
        parts = groups.pop(group)
        if levels > 0:
            parts = [normalized(part, levels) for part in parts]
        kinds = HEADER if group == "header" else {}
        # Most rows have the same names in the same order, which are looked at once.
        shapes = dict.fromkeys(map(tuple, parts))
        names = list(dict.fromkeys((*kinds, *itertools.chain.from_iterable(shapes))))
        # Row by row into one list: a row's values lie together in memory, and one list is nothing for the
        # garbage collector to walk through.
        cells: list[Any] = []
        for place in order:
            part = parts[place]
            cells += part.values() if list(part) == names else map(part.get, names)
        for place, name in enumerate(names):
            values = cells[place :: len(names)]
            if group not in GROUPS and name not in kinds:  # a subclass's own, which may come from NumPy
                values = [value.item() if hasattr(value, "dtype") else value for value in values]
            if group == "summary":
                values = _with_non_finite(values)
            keys.append((group, name))
            arrays.append(_array(values, kinds.get(name) or _kind(values), index))
    frame = pd.DataFrame(dict(enumerate(arrays)), index=index)
    if flat:
        frame.columns = pd.Index([f"{group}.{name}" for group, name in keys], dtype=object)
        return frame
    # By codes, as pandas 2 would find names equal that differ only after a null character.
    places: list[dict[str, int]] = [{}, {}]
    codes = [[seen.setdefault(key[level], len(seen)) for key in keys] for level, seen in enumerate(places)]
    labels: list[Any] = [pd.Index(list(seen), dtype=object) for seen in places]
    frame.columns = pd.MultiIndex(labels, codes)
    return frame


def _kind(values: list[Any]) -> str:
    """Tell from the values alone what kind of column holds them."""
    types = set(map(type, values)) - {type(None)}
    if types == {bool}:
        return "flag" if None in values else "bool"
    if types == {int}:
        numbers = [value for value in values if value is not None]
        in_range = min(numbers) >= -(2**63) and max(numbers) < 2**63
        return ("count" if None in values else "int64") if in_range else "text"
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
        passed = [value and value - _EPOCH for value in values]
        return pd.DatetimeIndex(_microseconds(passed).view("M8[us]")).tz_localize("UTC")
    if kind == "duration":
        return pd.TimedeltaIndex(_microseconds(values).view("m8[us]"))
    if kind == "text":
        array = np.empty(len(values), dtype=object)
        array[:] = values
        return pd.Series(
            array, index=index, dtype=object
        )  # as a bare array, pandas 3 would infer its own type
    if kind in _NULLABLE:
        return pd.array(values, dtype=_NULLABLE[kind])
    return np.array(values, kind)


_NULLABLE: Any = {"flag": "boolean", "count": "Int64"}


def _microseconds(durations: list[timedelta | None]) -> Any:
    import numpy as np

    counts = [_NOT_A_TIME if value is None else value // _MICROSECOND for value in durations]
    return np.array(counts, "int64")


def _with_non_finite(values: list[Any]) -> list[Any]:
    """Return a summary's values with the strings that stand for non-finite numbers as those, at any depth."""
    if set(map(type, values)).isdisjoint((str, list, dict)):
        return values
    return list(map(_replaced, values))


def _replaced(value: Any) -> Any:
    if isinstance(value, str):
        return _NON_FINITE.get(value, value)
    if isinstance(value, list):
        return [_replaced(item) for item in value]
    if isinstance(value, dict):
        return {key: _replaced(item) for key, item in value.items()}
    return value


def normalized(values: Mapping[str, Any], levels: int) -> dict[str, Any]:
    """Return one group's values with objects spread over names of their own, except where one is taken."""
    row: dict[str, Any] = {}
    for name, value in values.items():
        if value and type(value) is dict:
            items: dict[str, Any] = {}
            count = _spread(f"{name}.", value, levels - 1, items)
            if count == len(items) and items.keys().isdisjoint(row) and items.keys().isdisjoint(values):
                row.update(items)
                continue
        row[name] = value
    return row


def _spread(prefix: str, values: Mapping[str, Any], levels: int, found: dict[str, Any]) -> int:
    """Add values by their longer names, and return how many there are: two may have one name."""
    count = len(values)
    for name, value in values.items():
        if levels > 0 and value and type(value) is dict:
            count += _spread(f"{prefix}{name}.", value, levels - 1, found) - 1
        else:
            found[prefix + name] = value
    return count
