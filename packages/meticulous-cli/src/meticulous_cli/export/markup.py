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

from meticulous_cli.show.cells import MISSING, arguments, numeric, results, shown
from meticulous_cli.show.text import plain, shown_duration

# What Markdown would obey within a cell. An underscore inside a word means nothing to it.
_MARKDOWN = re.compile(r"[\\`*<&$~|]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(")
# Beyond what tabulate escapes: a bar is a dash in TeX's oldest font encoding, and two hyphens are one.
_TEX = (("|", r"\textbar{}"), ("--", "-{}-{}"), ("±", r"$\pm$"))
# What stands first in a row, and what `\\` and the rules above it would take for their argument.
_TAKEN = re.compile(r"(?m)^( *)(?=[\[*])")
_NUMBER = re.compile(r"-?(inf|nan|[\d.]+(e[-+]\d+)?)( ± \S+)?( \(\d+\))?|")
_COMMIT = 7


def paper_table(
    names: Sequence[tuple[str, str]], columns: Sequence[Sequence[Any]], titles: Sequence[str], kind: str
) -> str:
    """Return columns of plain values, None for gaps, as a table in "md" (GitHub's) or "tex" (booktabs)."""
    cells = [_cells(group, name, values) for (group, name), values in zip(names, columns, strict=True)]
    right = [all(map(_NUMBER.fullmatch, column)) and any(column) for column in cells]
    heads = list(map(shown, titles))
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


def _cells(group: str, name: str, values: Sequence[Any]) -> list[str]:
    known = [MISSING if value is None else value for value in values]
    if name == "sha" and group == "header":
        return [plain(str(value))[:_COMMIT] for value in known]
    if any(isinstance(value, (datetime, timedelta)) for value in known):
        return list(map(_moment, known))
    if group == "args":
        return arguments(known)
    if all(isinstance(value, str) and _NUMBER.fullmatch(value) for value in known):
        return known  # means, each with its deviation
    return results(known) if numeric(known) else list(map(shown, known))


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
