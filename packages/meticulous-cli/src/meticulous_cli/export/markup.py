"""Columns → a table for a paper or a page: rounded, readable, and its text safe from what sets it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import tabulate

from meticulous_cli.show.text import cut, plain, shown, shown_duration

__all__ = ["paper_table"]

# What Markdown would obey within a cell. An underscore inside a word means nothing to it.
_MARKDOWN = re.compile(r"[\\`*<&$~|]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(")
# Beyond what tabulate escapes: a bar is a dash in TeX's oldest font encoding, and two hyphens are one.
_TEX = ((re.compile(r"\|"), r"\\textbar{}"), (re.compile("-(?=-)"), "-{}"))

# No page has more room, and as each row is filled up to the longest, megabytes would take all memory.
_WIDEST = 1000


def paper_table(titles: Sequence[str], columns: Sequence[Sequence[Any]], kind: str) -> str:
    """Return columns of plain values, None for gaps, as a table in "md" (GitHub's) or "tex" (booktabs)."""
    cells = [[cut(_cell(value), _WIDEST, "...") for value in column] for column in columns]
    heads = [cut(shown(title), _WIDEST, "...") for title in titles]
    if kind == "md":
        cells, heads = [list(map(_markdown, column)) for column in cells], list(map(_markdown, heads))
    text = tabulate.tabulate(
        list(zip(*cells, strict=True)),
        headers=heads,
        tablefmt="pipe" if kind == "md" else "latex_booktabs",
        disable_numparse=True,
        colalign=["right" if all(map(_is_number_or_gap, column)) else "left" for column in columns],
    )
    return f"{text if kind == 'md' else _tex(text, len(columns))}\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone(timezone.utc).replace(tzinfo=None).isoformat(' ', 'seconds')}Z"
    if isinstance(value, timedelta):
        return shown_duration(value)
    return plain(value) if isinstance(value, str) else shown(value, 4)


def _is_number_or_gap(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _tex(text: str, count: int) -> str:
    for pattern, replacement in _TEX:
        text = pattern.sub(replacement, text)
    # tabulate gives a table without rows no columns.
    return text.replace(r"\begin{tabular}{}", r"\begin{tabular}{" + "l" * count + "}")
