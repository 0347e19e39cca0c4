"""A frame → the bytes of each kind of file. The README says what becomes of a value in which kind."""

from __future__ import annotations

import io
import json
import math
import pickle
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.export.columns import Column, columns_of, holds_objects, names_of

_NON_FINITE = {math.inf: "Infinity", -math.inf: "-Infinity"}
# What a spreadsheet takes for the start of a formula: ASCII as OWASP lists it, and the same in full width.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_NUMBER = re.compile(r"[+-](Infinity|[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?)")
_QUOTED = re.compile(r'[",\r\n]|^ | $|^$')


def encoded(frame: pd.DataFrame, kind: str, *, flat_cols: bool) -> bytes:
    """Return a frame as the bytes of one of EXPORT_KINDS.

    Raises:
        CommandError: parquet is asked for, and pyarrow is not there.
    """
    if kind == "pickle":
        return pickle.dumps(_flattened(frame) if flat_cols else frame, protocol=5)
    if kind == "parquet":
        return _parquet(frame)
    columns = columns_of(frame)
    if kind in ("csv", "json"):
        flat = [Column("", column.flat_name, column.values) for column in columns] if flat_cols else columns
        text = _csv(flat) if kind == "csv" else _json(flat)
    else:
        from meticulous_cli.export.markup import paper_table

        text = paper_table(columns, kind, flat_cols=flat_cols)
    # Only unpaired surrogates have no form in UTF-8. In JSON, this is the escape that it has for them.
    return text.encode(errors="backslashreplace")


def _csv(columns: Sequence[Column]) -> str:
    rows: list[Sequence[Any]] = [[column.name for column in columns]]
    if any(column.group for column in columns):
        rows.insert(0, [column.group or None for column in columns])
    rows += zip(*(column.values for column in columns), strict=True)
    return "".join(",".join(map(_csv_cell, row)) + "\n" for row in rows)


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        text = _json_text(value)
    else:
        text = str(_strict(value) if isinstance(value, (datetime, timedelta)) else value)
    if isinstance(value, str) and text.lstrip("'").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        text = f"'{text}"
    # Not by the csv module: before Python 3.13 it leaves a lone carriage return bare.
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _json(columns: Sequence[Column]) -> str:
    lines = []
    for row in zip(*(column.values for column in columns), strict=True):
        found: dict[str, Any] = {}
        for column, value in zip(columns, row, strict=True):
            place = found.setdefault(column.group, {}) if column.group else found
            place[column.name] = value
        lines.append(f"\n{_json_text(found)}")
    return f"[{','.join(lines)}\n]\n"


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
        return list(map(_strict, value))
    return value


def _flattened(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(_index(map(".".join, names_of(frame))), axis=1)


def _index(labels: Iterable[Any], name: Any = None) -> pd.Index[Any]:
    """Return an index of Python's own strings, as those of pandas 3 do not take every string."""
    index: pd.Index[Any] = pd.Index(list(labels), dtype=object, name=name)
    return index


def _parquet(frame: pd.DataFrame) -> bytes:
    storable = _flattened(frame)
    for place in range(storable.shape[1]):
        column = storable.iloc[:, place]
        if holds_objects(column):
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
