"""Columns → a table for a page or a paper: rounded as the table is, and its text safe from what sets it.

tabulate draws it, as it knows what Markdown and LaTeX want escaped, aligned and ruled. Plain tables it does
not draw: it neither fits columns to a terminal nor wraps names, and its import costs more than they do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import tabulate

from meticulous_cli.export.columns import Column
from meticulous_cli.show.cells import MISSING, arguments, results, shown
from meticulous_cli.show.facts import HEADER_COLUMNS, short
from meticulous_cli.show.text import shown_duration

# What Markdown would obey within a cell. An underscore inside a word means nothing to it.
_MARKDOWN = re.compile(r"[\\`*<&$~|]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(")
# Beyond what tabulate escapes: a bar is a dash in TeX's oldest font encoding, and two hyphens are one.
_TEX = (("|", r"\textbar{}"), ("--", "-{}-{}"), ("±", r"$\pm$"))
# What stands first in a row, and what `\\` and the rules above it would take for their argument.
_TAKEN = re.compile(r"(?m)^( *)(?=[\[*])")
_NUMBER = re.compile(r"-?(inf|nan|[\d.]+(e[-+]\d+)?)( ± \S+)?( \(\d+\))?|")
# What a column of the frame is called on the screen, where that is another name.
_ON_SCREEN = {column.frame: column.name for column in HEADER_COLUMNS.values()} | {"expid": "id"}


def paper_table(columns: Sequence[Column], kind: str, *, flat_cols: bool) -> str:
    """Return columns as a table in "md" (GitHub's) or "tex" (booktabs)."""
    cells = list(map(_cells, columns))
    right = [all(map(_NUMBER.fullmatch, column)) and any(column) for column in cells]
    heads = list(map(shown, _titles(columns, flat_cols)))
    if kind == "md":
        cells, heads = [list(map(_markdown, column)) for column in cells], list(map(_markdown, heads))
    text = tabulate.tabulate(
        list(zip(*cells, strict=True)),
        headers=heads,
        tablefmt="pipe" if kind == "md" else "latex_booktabs",
        disable_numparse=True,
        colalign=["right" if each else "left" for each in right],
    )
    return f"{text if kind == 'md' else _tex(text)}\n"


def _titles(columns: Sequence[Column], flat_cols: bool) -> list[str]:
    """Return the names that the screen has; with their group where that tells two apart."""
    names = [_ON_SCREEN.get(column.flat_name, column.name) for column in columns]
    return [
        f"{column.group}.{name}" if column.group and (flat_cols or names.count(name) > 1) else name
        for column, name in zip(columns, names, strict=True)
    ]


def _cells(column: Column) -> list[str]:
    known = [MISSING if value is None else value for value in column.values]
    if column.flat_name == "header.sha":
        return [short(str(value)) for value in known]
    if any(isinstance(value, (datetime, timedelta)) for value in known):
        return list(map(_moment, known))
    if column.group == "args":
        return arguments(known)
    if all(isinstance(value, str) and _NUMBER.fullmatch(value) for value in known):
        return known  # means, each with its deviation
    return results(known)


def _moment(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone(timezone.utc).replace(tzinfo=None).isoformat(' ', 'seconds')}Z"
    return shown_duration(value) if isinstance(value, timedelta) else shown(value)


def _markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\g<0>", text)


def _tex(text: str) -> str:
    for characters, replacement in _TEX:
        text = text.replace(characters, replacement)
    return _TAKEN.sub(r"\1{}", text)
