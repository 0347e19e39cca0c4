"""Times, spans, ids and commits in forms that compare with what people write."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from meticulous_cli.table.was_text import number_of

__all__ = ["CONVERSIONS", "local_time", "met", "seconds"]

_TIME = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:[ T][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?)?)?)?"
)
_OFFSET = re.compile(r"(?:Z|[+-][0-9]{2}:[0-9]{2})\Z")
# What stands for the parts of a time that nobody gave.
_REST = "0001-01-01 00:00:00.000000"
_SPAN = re.compile(r"(?:([0-9.]+)d)?(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?")


class _Beginning(str):
    """A text that is compared with as much of it as the other text has: the name of a commit."""


class _Moment(_Beginning):
    """A time on this machine's clock, compared likewise."""


class _Id(str):
    """A text that is compared with a number as one."""


class _Span(float):
    """Seconds that are compared with a text such as 1h 30m."""


def _moment(moment: datetime) -> _Moment:
    try:
        moment = moment.astimezone()
    except (OverflowError, ValueError, OSError):  # years at the ends of the calendar have no local time
        pass
    return _Moment(moment.isoformat(" ", "microseconds")[: len(_REST)])


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "id": _Id,
    "start": _moment,
    "duration": lambda duration: _Span(duration.total_seconds()),
    "commit": _Beginning,
}


def met(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two values, the first in the form in which it compares with the other."""
    if isinstance(other, str):
        if isinstance(one, _Moment):
            other = other if isinstance(other, _Moment) else local_time(other)
        if isinstance(one, _Beginning) and other:
            return one[: len(other)], other
        if isinstance(one, _Span):
            return float(one), seconds(other)
    elif isinstance(one, _Id) and isinstance(other, (int, float)) and one.isdecimal():
        return int(one), other
    elif type(one) is str and isinstance(other, (int, float)) and (number := number_of(one)) is not None:
        return number, other  # an argument that was infinite or nan is text, as the format has it
    return one, other


def local_time(text: str) -> str | None:
    """Return as much of a time as a text gives, on this machine's clock; None for what is on no calendar."""
    offset = _OFFSET.search(text) if ":" in text else None
    given = text[: offset.start()].replace("T", " ") if offset else text.replace("T", " ")
    if not _TIME.fullmatch(given):
        return None
    try:
        moment = datetime.fromisoformat(
            given + _REST[len(given) :] + ("" if offset is None else _colon(offset[0]))
        )
    except ValueError:
        return None
    if offset is None:
        return given
    return _moment(moment)[: len(given)] if len(given) >= len("0001-01-01 00:00") else None


def _colon(offset: str) -> str:
    return "+00:00" if offset == "Z" else offset  # Python 3.10 does not know the letter


def seconds(text: str) -> float | None:
    """Return what a text such as `1h 30m` comes to; None for what is none."""
    found = _SPAN.fullmatch("".join(text.split()))
    try:
        parts = [float(part or 0) for part in found.groups()] if found and found[0] else None
    except ValueError:  # such as 1.2.3s
        return None
    return sum(map(operator.mul, parts, (86400, 3600, 60, 1))) if parts else None
