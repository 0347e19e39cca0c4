"""Several experiments side by side: only what differs, and the commits that lie between them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.compare.history import history
from meticulous_cli.show.facts import names_in, state_of
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import (
    MISSING,
    alike,
    cut,
    number_of,
    plain,
    shown,
    shown_duration,
    shown_time,
    width,
)

__all__ = ["compare"]

_GAP = "  "
# The widest that names and cells are at a terminal, and the narrowest before an experiment has to go.
_NAME, _CELL, _CHANGE, _NARROWEST = 32, 40, 24, 12
# What is longer, through a pipe, stands out of its column: to fill others up to it could take all memory.
_WIDEST = 1000


class _Row(NamedTuple):
    """One line: what is compared, how each experiment has it, and how it changed."""

    name: str
    cells: list[str]
    change: str = ""


class _Section(NamedTuple):
    """Lines under a title, and how many more are the same in all experiments."""

    title: str
    rows: list[_Row]
    same: int = 0


def compare(readers: Sequence[ExperimentReader], style: Style) -> str:
    """Return the comparison of two or more experiments, in the order in which they are given.

    Nested objects are compared value by value. Of two experiments, the change from the first is shown.
    """
    titles = _titles(readers)
    sections = [_header(readers, style)]
    sections.append(_differences("arguments", [_flat(reader.args) for reader in readers]))
    sections.append(_differences("summary", [_flat(reader.summary) for reader in readers]))
    lines, left_out = _drawn(titles, sections, style)
    notes = []
    same = [f"{section.same} in {section.title}" for section in sections if section.same]
    if not any(section.rows for section in sections[1:]):
        lines += ["", *style.footnotes(["no argument differs, and nothing in the summary"])]
    elif same:
        notes.append(f"the same, and not shown: {', '.join(same)}")
    unread = [title for reader, title in zip(readers, titles, strict=True) if reader.problems]
    if unread:
        notes.append(f"not all of it can be read, as its own page tells: {', '.join(unread)}")
    if left_out:
        notes.append(f"no room for: {', '.join(left_out)} (|\u00a0less\u00a0-S shows all)")
    below = style.footnotes(notes)
    return "\n".join([*lines, *([""] if below else []), *below, "", *history(readers, titles, style)])


def _titles(readers: Sequence[ExperimentReader]) -> list[str]:
    """Return the shortest of id, directory and id, and path that tells the experiments apart."""
    spellings: list[Callable[[ExperimentReader], str]] = [
        lambda reader: reader.experiment_id,
        lambda reader: os.path.join(os.path.basename(os.path.dirname(_path(reader))), reader.experiment_id),
        lambda reader: str(reader.directory),
    ]
    different = len({_path(reader) for reader in readers})
    for spelling in spellings:
        titles = list(map(spelling, readers))
        if len(set(titles)) >= different:
            break
    return list(map(plain, titles))


def _path(reader: ExperimentReader) -> str:
    return os.path.abspath(reader.directory)


def _header(readers: Sequence[ExperimentReader], style: Style) -> _Section:
    now = datetime.now(timezone.utc) if style.terminal else None
    rows = [
        _Row("status", [state_of(reader) for reader in readers]),
        _Row(
            "start", [shown_time(reader.start_time, now) if reader.start_time else "" for reader in readers]
        ),
        _Row(
            "duration",
            ["" if reader.duration is None else shown_duration(reader.duration) for reader in readers],
        ),
        _Row("commit", list(map(_commit, readers))),
    ]
    descriptions = [reader.metadata.get("description") for reader in readers]
    if any(isinstance(text, str) and text for text in descriptions):
        rows.append(
            _Row("description", [plain(text) if isinstance(text, str) else "" for text in descriptions])
        )
    return _Section("", rows)


def _commit(reader: ExperimentReader) -> str:
    return plain(reader.sha[:7]) + ("+" if reader.metadata.get("git-dirty") is True else "")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return values with those of nested objects under their path, unless that is a name itself."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            for path, nested in _flat(value, f"{prefix}{name}.").items():
                found.setdefault(path, nested)
        else:
            found[prefix + name] = value
    return found


def _differences(title: str, values: Sequence[dict[str, Any]]) -> _Section:
    names = names_in(values)
    rows = []
    for name in names:
        found = [each.get(name, MISSING) for each in values]
        if title == "summary":  # there, "NaN" stands for the number
            found = [value if number_of(value) is None else number_of(value) for value in found]
        if all(alike(value, found[0]) for value in found):
            continue
        change = _change(*found) if title == "summary" and len(found) == 2 else ""
        rows.append(_Row(plain(name) or "''", list(map(shown, found)), change))
    return _Section(title, rows, len(names) - len(rows))


def _change(before: Any, after: Any) -> str:
    """Return by how much a number has changed, and by what part of itself; "" for what has no difference."""
    one, other = number_of(before), number_of(after)
    if one is None or other is None:
        return ""
    try:
        difference = other - one
        if not math.isfinite(difference):
            return ""
        text = shown(difference) if difference < 0 else f"+{shown(difference)}"
        part = difference / abs(one) if one else math.inf
    except OverflowError:  # integers of a size that no float has
        return ""
    return f"{text} ({part:+.1%})" if abs(part) < 10 else text


def _drawn(titles: Sequence[str], sections: Sequence[_Section], style: Style) -> tuple[list[str], list[str]]:
    """Return the lines of the table, and the titles of the experiments that had no room in it."""
    rows = [row for section in sections for row in section.rows]
    # A title stands above its section, whose names are set in.
    names = [len("description"), *(width(row.name) + len(_GAP) for row in rows[len(sections[0].rows) :])]
    sizes = [
        max(width(title), *(width(row.cells[place]) for row in rows)) for place, title in enumerate(titles)
    ]
    changes = max((width(row.change) for row in rows), default=0)
    size = min(max(names), _WIDEST)
    if style.room is None:
        sizes = [min(each, _WIDEST) for each in sizes]
    if style.room is not None:
        least = 2 * (_NARROWEST + len(_GAP))
        size, changes = min(size, _NAME, max(style.room - least, style.room // 3)), min(changes, _CHANGE)
        if style.room - size - len(_GAP) - changes < least:
            changes = 0
        room = style.room - size - (changes + len(_GAP) if changes else 0)
        limit = _limit(sizes, room)
        while limit < _NARROWEST and len(sizes) > 2:
            sizes.pop()
            limit = _limit(sizes, room)
        sizes = [min(each, max(limit, 4)) for each in sizes]
    lines = [_line("", size, list(map(style.bold, _cells(titles, sizes, style))), "", style)]
    for section in sections:
        if section.title and section.rows:
            lines += ["", style.bold(section.title)]
        for row in section.rows:
            cells = _cells(row.cells, sizes, style)
            if row.name == "status" and not section.title:
                cells = list(map(style.state, cells))
            change = cut(row.change, changes, style.ellipsis)
            lines.append(_line(_GAP * bool(section.title) + row.name, size, cells, change, style))
    return lines, list(titles[len(sizes) :])


def _limit(sizes: Sequence[int], room: int) -> int:
    """Return the width to which cells must be cut so that all experiments fit."""
    room -= len(_GAP) * len(sizes)
    return next(
        (limit for limit in range(_CELL, 0, -1) if sum(min(size, limit) for size in sizes) <= room), 0
    )


def _cells(cells: Sequence[str], sizes: Sequence[int], style: Style) -> list[str]:
    if style.room is not None:
        cells = [
            # Of a path, the end tells more than the beginning.
            cut(cell, size, style.ellipsis)
            for cell, size in zip(cells, sizes, strict=False)
        ]
    return [cell + " " * (size - width(cell)) for cell, size in zip(cells, sizes, strict=True)]


def _line(name: str, size: int, cells: Sequence[str], change: str, style: Style) -> str:
    if style.room is not None:
        name = cut(name, size, style.ellipsis)
    return _GAP.join([name + " " * (size - width(name)), *cells, change]).rstrip()
