"""Values → text that is safe at a terminal, and how wide that text is there."""

from __future__ import annotations

import json
import math
import unicodedata
from datetime import datetime, timedelta
from typing import Any

from meticulous_cli.show.text import MISSING

__all__ = [
    "MISSING",
    "cut",
    "number_of",
    "plain",
    "shown",
    "shown_duration",
    "shown_time",
    "width",
    "wrapped",
]


# Joiners and variation selectors, left out: terminals disagree on how wide they make their neighbours.
_DROPPED = dict.fromkeys([0x200C, 0x200D, 0xFE0E, 0xFE0F])
_INDENT = "  "
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def plain(text: str) -> str:
    r"""Return text on one line that a terminal only prints: what it would obey becomes an escape (`\x1b`)."""
    if text.isprintable() and text.isascii():
        return text
    text = text.translate(_DROPPED)
    if text.isprintable():
        return text
    return "".join(map(_plain_char, text))


def width(text: str) -> int:
    """Return how many cells of a terminal `plain` text takes."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def cut(text: str, limit: int, ellipsis: str = "…", *, keep_end: bool = False) -> str:
    """Return text within `limit` cells, an ellipsis for its end or, with `keep_end`, its beginning."""
    if width(text) <= limit:
        return text
    room = limit - len(ellipsis)
    if room <= 0:
        return ellipsis[: max(limit, 0)]
    if keep_end:
        return ellipsis + _fitting(text[::-1], room)[::-1]
    return _fitting(text, room).rstrip() + ellipsis


def wrapped(text: str, room: int) -> list[str]:
    """Return text as lines of at most `room` cells, broken at spaces; all but the first are set in."""
    room = max(room, 2 * len(_INDENT))
    line, *words = text.split(" ")
    lines = []
    while words or width(line) > room:
        if width(line) > room:
            fitting = _fitting(line, room)
            lines.append(fitting)
            line = _INDENT + line[len(fitting) :]
        elif width(line) + 1 + width(words[0]) <= room:
            line += f" {words.pop(0)}"
        else:
            lines.append(line)
            line = _INDENT + words.pop(0)
    return [*lines, line]


def number_of(value: Any) -> int | float | None:
    """Return the number that a JSON value is, or stands for as "NaN" and the like do; else None."""
    if isinstance(value, str):
        return _NON_FINITE.get(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def shown(value: Any) -> str:
    """Return any JSON value as it stands in a table or on a page: floats to 4 significant digits."""
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return plain(value) or "''"
    if isinstance(value, float):
        return _shown_float(value)
    if isinstance(value, (list, dict)):
        return plain(json.dumps(value, ensure_ascii=False))
    return str(value)


def shown_duration(duration: timedelta) -> str:
    """Return a duration in its two largest units."""
    seconds = duration.total_seconds()
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if seconds < 10:
        return f"{sign}{seconds:.1f}s" if seconds >= 0.05 else f"{sign}{seconds * 1000:.0f}ms"
    whole = round(seconds)
    for size, unit, smaller, sub in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            return f"{sign}{whole // size}{unit} {whole % size // smaller:02}{sub}"
    return f"{sign}{whole}s"


def shown_time(moment: datetime, now: datetime | None = None) -> str:
    """Return a time on this machine's clock: short for a person who reads it `now`, else with its seconds."""
    try:
        moment = moment.astimezone()
        if now is None:
            return f"{moment:%Y-%m-%d %H:%M:%S}"
        now = now.astimezone()
    except (OverflowError, ValueError, OSError):  # years at the ends of the calendar have no local time
        return f"{moment.isoformat(' ', 'minutes')}"
    if moment.date() == now.date():
        return f"today {moment:%H:%M}"
    if moment.year == now.year:
        return f"{moment:%b} {moment.day:2} {moment:%H:%M}"
    return f"{moment:%Y-%m-%d %H:%M}"


def _shown_float(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    # Digits before the point are not rounded away below a million: 123456.7 is 123457, not 1.235e+05.
    text = f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"
    return f"{text}.0" if text.lstrip("-").isdigit() and value == int(value) else text


def _plain_char(char: str) -> str:
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else ascii(char)[1:-1]


def _char_width(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me") else 1


def _fitting(text: str, room: int) -> str:
    """Return the longest beginning of a text that takes at most `room` cells."""
    for place, char in enumerate(text):
        room -= _char_width(char)
        if room < 0:
            return text[:place]
    return text
