"""How values compare and compute: where rows are sorted, and with what people write in filters."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from meticulous_cli.show.cells import MISSING, number_of
from meticulous_cli.show.facts import Column
from meticulous_cli.show.text import local

Row = TypeVar("Row")

# PyYAML reads 1e-4, inf and nan as text. Nobody's number has 400 characters.
_NUMBER = re.compile(r"(?!.{400})-?(?:[Ii]nf|(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_POWER_BITS = 4096
_TIME = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:[ T][0-9]{2}"
    r"(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?)?"
)
# What stands for the parts of a time that nobody gave.
_REST = "0001-01-01 00:00:00.000000"
_DAYS = {"today": 0, "yesterday": 1}
_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}
_SPAN = re.compile("".join(rf"(?:([0-9.]+){unit})?" for unit in _UNITS))


class _Beginning(str):
    """A text that is compared with as much of it as the other text has: the name of a commit."""


class _Moment(_Beginning):
    """A time on this machine's clock, compared likewise."""


class _Span(float):
    """Seconds that are compared with a text such as 1h 30m."""


def sorted_rows(rows: Sequence[Row], columns: Sequence[Column], *, reverse: bool) -> list[Row]:
    """Return the rows sorted by some columns, else as they come.

    Those without a value (or with NaN, or with a word among numbers) come first, whichever way it is sorted,
    as the end is what is read.
    """
    chosen = list(rows)
    if reverse and not columns:
        chosen.reverse()
    for column in reversed(columns):
        values = list(map(column.get, chosen))
        keys = [(_order(value), row) for value, row in zip(values, chosen, strict=True)]
        if 2 * sum(number_of(value) is not None for value in values) > sum(
            key is not None for key, _ in keys
        ):
            keys = [(key if key and key[0] == 0 else None, row) for key, row in keys]
        known = [(key, row) for key, row in keys if key is not None]
        known.sort(key=lambda item: item[0], reverse=reverse)
        chosen = [*(row for key, row in keys if key is None), *(row for _, row in known)]
    return chosen


def _order(value: Any) -> tuple[int, Any] | None:
    """Return a sorting key that any two values have: numbers and times, then text, then the rest."""
    if value is MISSING or value is None:
        return None
    if isinstance(value, (datetime, timedelta)):
        return (0, value.timestamp() if isinstance(value, datetime) else value.total_seconds())
    number = float(value) if isinstance(value, bool) else _written_number(value)
    if number is not None:
        return None if isinstance(number, float) and math.isnan(number) else (0, number)
    if isinstance(value, str):
        # Text at even places and numbers, the longer the greater, at odd ones, so that 2 comes before 10.
        parts = enumerate(re.split(r"0*([0-9]+)", value))
        return (1, [(len(part) if place % 2 else 0, part) for place, part in parts])
    return (2, repr(value))


def _written_number(value: Any) -> int | float | None:
    """Return the number that a value is or, as text, stands for."""
    number = number_of(value)
    if number is None and isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdecimal() else float(value)
    return number


def _moment(moment: datetime) -> _Moment:
    return _Moment(local(moment).isoformat(" ", "microseconds")[: len(_REST)])


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "header.start": _moment,
    "header.duration": lambda duration: _Span(duration.total_seconds()),
    "header.commit": _Beginning,
}


def comparable(column: Column) -> Callable[[Any], Any]:
    """Return what takes a column's value from a row, in the form in which it is compared."""
    convert = _CONVERSIONS.get(column.full_name)
    if convert is None:
        return column.get
    return lambda row: MISSING if (value := column.get(row)) is MISSING else convert(value)


def _met(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two values, the first in the form in which it compares with the other."""
    if isinstance(other, str):
        if isinstance(one, _Moment):
            other = other if isinstance(other, _Moment) else local_time(other)
        if isinstance(one, _Beginning) and other:
            mark = "+" if one.endswith("+") and other.endswith("+") else ""  # of uncommitted changes
            return one[: len(other) - len(mark)] + mark, other
        if isinstance(one, _Span):
            return float(one), seconds(other)
        if isinstance(one, (float, str)) and str(one).lower() == "nan" == other.lower():
            return other, other
    elif isinstance(one, str) and isinstance(other, (int, float)) and not isinstance(other, bool):
        number = None if isinstance(one, _Beginning) or one == "NaN" else _written_number(one)
        return (one if number is None else number), other
    return one, other


def local_time(text: str) -> str | None:
    """Return as much of a time as a text gives, on this machine's clock; None for what is on no calendar.

    One without a day is today's.
    """
    text = f"{datetime.now():%Y-%m-%d} {text}" if text[2:3] == ":" else text
    found = _TIME.fullmatch(text)
    try:
        if found:
            zone = found["zone"] or ""
            given = text.removesuffix(zone).replace("T", " ")
            # Python 3.10 does not know the letter Z.
            whole = given + _REST[len(given) :] + zone.replace("Z", "+00:00")
            moment = datetime.fromisoformat(whole)
            return _moment(moment)[: len(given)] if zone else given
        now, span = datetime.now(), seconds(text)
        if text in _DAYS:
            return f"{now - timedelta(_DAYS[text]):%Y-%m-%d}"
        return None if span is None else _moment(now - timedelta(seconds=span))
    except (ValueError, OverflowError):
        return None


def seconds(text: str) -> float | None:
    """Return what a text such as `1h 30m` comes to; None for what is none."""
    found = _SPAN.fullmatch("".join(text.split()))
    try:
        parts = [float(part or 0) for part in found.groups()] if found and found[0] else None
    except ValueError:  # such as 1.2.3s
        return None
    return sum(map(operator.mul, parts, _UNITS.values())) if parts else None


def _test(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def test(left: Any, right: Any) -> bool:
        if left is MISSING or right is MISSING:
            return compare is operator.eq and (left is None or right is None)
        left, right = _met(left, right)
        right, left = _met(right, left)
        try:
            return bool(compare(left, right))
        except TypeError:
            return False

    return test


def _contains(container: Any, item: Any) -> bool | None:
    """Tell whether an item is in a container, None if that is no question to ask."""
    if isinstance(container, str):
        return item in container if isinstance(item, str) else None
    if container is MISSING:
        return None
    others = container if isinstance(container, (list, dict)) else [container]  # (1) is no list in Python
    return any(_EQUAL(item, other) for other in others) or (None if item is MISSING else False)


_EQUAL = _test(operator.eq)
# By the names of nodes in Python's grammar: importing that takes time, and most tables have no filter.
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": _EQUAL,
    "Is": _EQUAL,
    "NotEq": _test(operator.ne),
    "IsNot": _test(operator.ne),
    "Lt": _test(operator.lt),
    "LtE": _test(operator.le),
    "Gt": _test(operator.gt),
    "GtE": _test(operator.ge),
    "In": lambda item, container: _contains(container, item) is True,
    "NotIn": lambda item, container: _contains(container, item) is False,
}


def _power(base: float, exponent: float) -> Any:
    # 9**9**9 would take until the end of time, and more memory than there is.
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > _POWER_BITS:
        return MISSING
    return base**exponent


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": _power,
}


def computed(compute: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    """Return the result for two numbers, else MISSING."""
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return MISSING
    try:
        result = compute(left, right)
    except ArithmeticError:
        return MISSING
    return MISSING if isinstance(result, complex) else result
