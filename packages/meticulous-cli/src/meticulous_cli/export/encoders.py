"""A frame → the bytes of each kind of file. The README says what becomes of a value in which kind."""

from __future__ import annotations

import io
import json
import math
import pickle
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.export.markup import paper_table
from meticulous_cli.show.facts import HEADER_COLUMNS

_NON_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}
# What a spreadsheet takes for the start of a formula: ASCII as OWASP lists it, and the same in full width.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-](Infinity|[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)")
# What a column of the frame is called on the screen, where that is another name.
_ON_SCREEN = {column.frame: column.name for column in HEADER_COLUMNS.values() if column.frame} | {
    "expid": "id"
}
_QUOTED = re.compile(r'[",\r\n]|^ | $|^$')


class _Column(NamedTuple):
    """A column of the frame, or its index: two names, of which an index has one, and plain values.

    Gaps are None. So is NaN in a column of numbers, where pandas knows no difference.
    """

    group: str
    name: str
    values: list[Any]

    @property
    def flat_name(self) -> str:
        return f"{self.group}.{self.name}" if self.group else self.name


def encoded(frame: pd.DataFrame, kind: str, *, flat_cols: bool) -> bytes:
    """Return a frame as the bytes of one of EXPORT_KINDS.

    Raises:
        CommandError: parquet is asked for, and pyarrow is not there.
    """
    if kind == "pickle":
        return pickle.dumps(_flattened(frame) if flat_cols else frame, protocol=5)
    if kind == "parquet":
        return _parquet(frame)
    columns = _columns(frame)
    if kind == "csv":
        text = _csv(columns, flat_cols)
    elif kind == "json":
        text = _json(columns, flat_cols)
    else:
        names = [(column.group, column.name) for column in columns]
        text = paper_table(names, [column.values for column in columns], _titles(columns, flat_cols), kind)
    # Only unpaired surrogates have no form in UTF-8. In JSON, this is the escape that it has for them.
    return text.encode(errors="backslashreplace")


def _columns(frame: pd.DataFrame) -> list[_Column]:
    columns = [] if frame.index.name is None else [_Column("", str(frame.index.name), frame.index.tolist())]
    for place, (group, name) in enumerate(_names(frame)):
        values = frame.iloc[:, place]
        if not _holds_objects(values):
            values = values.astype(object).where(values.notna(), None)
        columns.append(_Column(group, name, values.tolist()))
    return columns


def _holds_objects(column: pd.Series[Any]) -> bool:
    return column.dtype.kind == "O" and isinstance(column.dtype, np.dtype)


def _flattened(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(_index(f"{group}.{name}" for group, name in _names(frame)), axis=1)


def _names(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(*(map(str, frame.columns.get_level_values(level)) for level in (0, 1)), strict=True)


def _index(labels: Iterable[Any], name: Any = None) -> pd.Index[Any]:
    """Return an index of Python's own strings, as those of pandas 3 do not take every string."""
    index: pd.Index[Any] = pd.Index(list(labels), dtype=object, name=name)
    return index


def _csv(columns: Sequence[_Column], flat_cols: bool) -> str:
    if flat_cols:
        heads: list[list[str | None]] = [[column.flat_name for column in columns]]
    else:
        heads = [[column.group or None for column in columns], [column.name for column in columns]]
    rows = zip(*(map(_csv_cell, column.values) for column in columns), strict=True)
    return "".join(",".join(row) + "\n" for row in (*(map(_csv_cell, head) for head in heads), *rows))


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        text = _json_text(value)
    elif isinstance(value, (datetime, timedelta)):
        text = str(_strict(value))
    else:
        text = str(value)
    if isinstance(value, str) and text.lstrip("'").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    # Not by the csv module: before Python 3.13 it leaves a lone carriage return bare.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _json(columns: Sequence[_Column], flat_cols: bool) -> str:
    cells = [[_strict(value) for value in column.values] for column in columns]
    lines = []
    for row in zip(*cells, strict=True):
        found: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=True):
            if flat_cols or not column.group:
                found[column.flat_name] = value
            else:
                found.setdefault(column.group, {})[column.name] = value
        lines.append(_json_text(found))
    return "[" + ",".join(f"\n{line}" for line in lines) + "\n]\n"


def _json_text(value: Any) -> str:
    return json.dumps(_strict(value), ensure_ascii=False, allow_nan=False)


def _strict(value: Any) -> Any:
    """Return a value that strict JSON has: times and non-finite numbers as text, durations in seconds."""
    if isinstance(value, float) and not math.isfinite(value):
        return _NON_FINITE.get(value, "NaN")
    if isinstance(value, datetime):
        # All with the same number of digits, so that they sort as text and pandas reads them as one kind.
        text = value.astimezone(timezone.utc).isoformat(timespec="microseconds")
        return text.removesuffix("+00:00") + "Z"
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return value


def _parquet(frame: pd.DataFrame) -> bytes:
    storable = _flattened(frame)
    for place in range(storable.shape[1]):
        column = storable.iloc[:, place]
        if _holds_objects(column):
            storable.isetitem(place, _stored(column.tolist()))
    storable.columns = _index(map(_utf8, storable.columns))
    storable.index = _index(map(_utf8, map(str, frame.index)), frame.index.name)
    file = io.BytesIO()
    try:
        storable.to_parquet(file, engine="pyarrow", index=frame.index.name is not None)
    except ImportError:
        message = 'pyarrow, which is not installed or too old: pip install "meticulous-cli[parquet]"'
        raise CommandError(f"parquet needs {message}", USAGE) from None
    return file.getvalue()


def _stored(values: list[Any]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return a column of Python values as one of text: itself where all is text, else each value as JSON."""
    text = all(value is None or isinstance(value, str) for value in values)
    stored = np.empty(len(values), dtype=object)
    stored[:] = [None if value is None else _utf8(value if text else _json_text(value)) for value in values]
    return stored


def _utf8(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def _titles(columns: Sequence[_Column], flat_cols: bool) -> list[str]:
    """Return the names that the screen has; with their group where that tells two apart."""
    names = [_ON_SCREEN.get(column.flat_name, column.name) for column in columns]
    return [
        f"{column.group}.{name}" if column.group and (flat_cols or names.count(name) > 1) else name
        for column, name in zip(columns, names, strict=True)
    ]
