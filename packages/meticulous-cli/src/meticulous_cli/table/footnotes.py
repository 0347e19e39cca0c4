"""What stands below a table: how many rows of what kind, why some failed, and what the table leaves out.

Only a terminal has it: one line each, in a fixed order, at most eleven of them, whatever the folder holds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from meticulous_cli.show.cells import shown
from meticulous_cli.show.facts import HEADER_COLUMNS, SUMMARY, Column, Row, ended_well, reason_of, state_of
from meticulous_cli.show.layout import Block
from meticulous_cli.show.style import RED, YELLOW, Style
from meticulous_cli.show.text import cut, plain, width
from meticulous_cli.table.groups import Group, is_nan

_REASONS, _PROBLEMS, _STATES = 3, 3, 5
_VALUE, _NAME = 24, 60


def counts(rows: Sequence[Row], total: int, where: str, style: Style) -> list[str]:
    """Return the line that counts the rows, by their states."""
    states = _states(rows)
    number = f"{len(rows)} of {total} experiments" if len(rows) < total else f"{total} experiments"
    number += f" in {plain(where)}" * bool(where)
    if total == 1:
        text = f"1 experiment; its page: meticulous {plain(rows[0].id)}"
    elif len(states) == 1:
        text = f"{number}, {'all ' if len(rows) > 1 else ''}{states[0][0]}"
    else:
        more = f" {style.ellipsis}" if len(states) > _STATES else ""
        text = f"{number}: {', '.join(f'{count} {state}' for state, count in states[:_STATES])}{more}"
    return style.footnotes([text])


def group_counts(groups: Sequence[Group], total: int, columns: Sequence[Column], style: Style) -> list[str]:
    """Return the lines on what the means are of, and what was left out of them."""
    members = [row for group in groups for row in group.members]
    well = [row for row in members if ended_well(row.reader)]
    results = [column.name for column in columns if column.group == SUMMARY]
    nan = Counter(name for name in results for row in well if is_nan(row.summary.get(name)))
    number = f"{len(well)} of {total}" if len(well) < total else f"{total}"
    noun = "group" if len(groups) == 1 else "groups"
    text = f"{number} experiments in {len(groups)} {noun}; mean {style.plus_minus} standard deviation"
    left_out = [f"{count} {state}" for state, count in _states(members) if state != "SUCCESS"]
    left_out += [f"{count} nan in {name}" for name, count in nan.items()]
    return [style.dim(_fitted(text, style)), *listed("left out", left_out, style)]


def failures(rows: Sequence[Row], style: Style) -> list[str]:
    """Return a line for each kind of reason, the newest last: the newest of its kind, and how many more."""
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        reason = reason_of(row.reader) if row.reader.status == "ERROR" else ""
        if reason:
            kind = reason.partition(":")[0]
            kinds[kind] = [*kinds.pop(kind, []), row]
    newest = list(kinds.values())[-_REASONS:]
    lines = []
    for failed in newest:
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        text = f"  {plain(failed[-1].id)}{more}  {reason_of(failed[-1].reader)}"
        lines.append(style.paint("ERROR", RED) + style.dim(_fitted(text, style, len("ERROR"))))
    others = len(kinds) - len(newest)
    if others:
        noun = "other reason" if others == 1 else "other reasons"
        lines.append(style.dim(_fitted(f"{others} {noun}: --columns +reason", style)))
    return lines


def problems(rows: Sequence[Row], style: Style) -> list[str]:
    """Return a line for each of the first things that cannot be read, and how many more there are."""
    found = [
        (row, f"{plain(row.id)}: {plain(str(problem))}") for row in rows for problem in row.reader.problems
    ]
    lines = []
    for place, (_, text) in enumerate(found[:_PROBLEMS]):
        more = len(found) - _PROBLEMS if place == _PROBLEMS - 1 else 0
        end = f" {style.ellipsis} {more} more: meticulous {plain(found[-1][0].id)}" if more else ""
        line = _fitted(text, style, len("! ") + width(end)) + end
        lines.append(style.paint("!", YELLOW) + style.dim(_fitted(f" {line}", style, len("!"))))
    return lines


def uncommitted(blocks: Sequence[Block], rows: Sequence[Row], style: Style) -> list[str]:
    """Return what + means behind a commit, if there is one."""
    shown_commits = any(block.column is HEADER_COLUMNS["commit"] for block in blocks)
    dirty = [row.reader for row in rows if row.reader.metadata.get("git-dirty") is True]
    if not shown_commits or not dirty:
        return []
    # Another recorder may know that the code differed, and not how (spec 1.0, READ-20).
    kept = all(os.path.lexists(os.path.join(reader.directory, "git.diff")) for reader in dirty)
    return [style.dim(_fitted(f"+ uncommitted changes{', kept in git.diff' if kept else ''}", style))]


def listed(title: str, items: Sequence[str], style: Style, end: str = "") -> list[str]:
    """Return a line with as many items as there is room for, and how many more there are."""
    if not items:
        return []
    room = style.room or 0
    names = [cut(plain(item), _NAME, style.ellipsis) for item in items[:room]]
    for count in range(len(names), 0, -1):
        more = f" {style.ellipsis} {len(items) - count} more" if count < len(items) else ""
        text = f"{title}: {', '.join(names[:count])}{more}"
        if width(text + end) <= room:
            return [style.dim(text + end)]
    return [style.dim(_fitted(text, style))]


def constant(column: Column, rows: Sequence[Row], style: Style) -> str:
    """Return the name and the value of a column with the same value in all rows."""
    if column.text is not None:
        cell = column.text(rows[0], style.now)
    else:
        cell = next(cell for row in rows if (cell := shown(column.get(row))))
    return f"{plain(column.name)}={cut(cell, _VALUE, style.ellipsis)}"


def _states(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """Return how many rows are in which state, the most frequent first."""
    found = Counter(state_of(row.reader) for row in rows)
    return sorted(found.items(), key=lambda item: (-item[1], item[0].lower()))


def _fitted(text: str, style: Style, taken: int = 0) -> str:
    return cut(text, (style.room or 0) - taken, style.ellipsis)
