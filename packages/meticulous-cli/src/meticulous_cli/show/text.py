"""Text that is safe at a terminal, as long as it needs to be, and how wide it is there."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta

# Joiners and variation selectors, left out: terminals disagree on how wide they make their neighbours.
_DROPPED = dict.fromkeys([0x200C, 0x200D, 0xFE0E, 0xFE0F])
_INDENT = "  "
# English, whatever the locale: a column of times must not change with the machine.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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


def cut(text: str, limit: int, ellipsis: str = "…") -> str:
    """Return text within `limit` cells: prose loses its end, and what has no spaces its middle."""
    if len(text) <= limit and width(text) <= limit:
        return text
    room = limit - len(ellipsis)
    if room <= 0:
        return ellipsis[: max(limit, 0)]
    tail = 0 if " " in text else room // 2
    beginning = _fitting(text, room - tail)
    return beginning.rstrip() + ellipsis + _fitting(text[::-1], tail)[::-1]


def cut_around(texts: Sequence[str], limit: int, ellipsis: str = "…") -> list[str]:
    """Return texts within `limit` cells, all cut so that their first difference stays."""
    texts = list(texts)
    if max(map(width, texts), default=0) <= limit:
        return texts
    room = limit - 2 * len(ellipsis)
    begin = len(os.path.commonprefix(texts)) - 2 * room // 3  # noqa: RUF071  # characters are meant
    if begin <= len(ellipsis) or len(set(texts)) == 1:
        return [_cut_end(text, limit, ellipsis) for text in texts]
    return [_cut_end(ellipsis + text[begin:], limit, ellipsis) for text in texts]


def cut_apart(texts: Sequence[str], limit: int, ellipsis: str = "…", *, around: bool = False) -> list[str]:
    """Return texts within `limit` cells, or as many as it takes for different ones to look different.

    Those that would look alike, or all with `around`, are cut so that their first difference stays.
    """
    known = list(dict.fromkeys(filter(None, texts)))
    found = cut_around(known, limit, ellipsis) if around else [cut(text, limit, ellipsis) for text in known]
    cells = dict(zip(known, found, strict=True))
    if len(set(found)) < len(known):
        for cell in set(found):
            same = [text for text in known if cells[text] == cell]
            cells.update(zip(same, cut_around(same, limit, ellipsis), strict=True) if len(same) > 1 else ())
        if len(set(cells.values())) < len(known):
            return cut_apart(texts, 2 * limit, ellipsis, around=around)
    return [cells.get(text, "") for text in texts]


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


def counted(count: int, noun: str) -> str:
    """Return a number of things in words."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


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


def local(moment: datetime) -> datetime:
    """Return a time as this machine's clock shows it; years at the ends of the calendar have none there."""
    try:
        return datetime.fromtimestamp(moment.timestamp())  # in half the time of `astimezone`
    except (OverflowError, ValueError, OSError):
        return moment.replace(tzinfo=None)


def shown_time(moment: datetime, now: datetime | None = None) -> str:
    """Return a time on this machine's clock: short for a person who reads it `now`, else with its seconds."""
    moment = local(moment)
    if now is None:
        return moment.isoformat(" ", "seconds")
    now = local(now)
    days = (now.date() - moment.date()).days
    if 0 <= days < 7:
        return f"{_DAYS[moment.weekday()] + ' ' if days else ''}{moment:%H:%M}"
    if moment.year == now.year:
        return f"{_MONTHS[moment.month - 1]} {moment.day}"
    return f"{moment:%Y-%m-%d}"


def _plain_char(char: str) -> str:
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else ascii(char)[1:-1]


def _char_width(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me") else 1


def _cut_end(text: str, limit: int, ellipsis: str) -> str:
    return text if width(text) <= limit else _fitting(text, limit - len(ellipsis)).rstrip() + ellipsis


def _fitting(text: str, room: int) -> str:
    """Return the longest beginning of a text that takes at most `room` cells."""
    for place, char in enumerate(text):
        room -= _char_width(char)
        if room < 0:
            return text[:place]
    return text
