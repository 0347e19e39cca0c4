"""What stands below a table: how many rows of what kind, why some failed, and what the table leaves out.

Only a terminal has it: one line each, in a fixed order, at most eleven of them, whatever the folder holds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from meticulous_cli.show.cells import MISSING
from meticulous_cli.show.facts import HEADER_COLUMNS, Column, Row, is_dirty, reason_of, text_of
from meticulous_cli.show.layout import Block
from meticulous_cli.show.style import RED, YELLOW, Style
from meticulous_cli.show.text import counted, cut, plain, width
from meticulous_cli.table.groups import Group, Mean, left_out

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


def group_counts(
    groups: Sequence[Group], total: int, columns: Sequence[Column], unread: Sequence[Row], style: Style
) -> list[str]:
    """Return the lines on what the means are of, and what was left out of them."""
    members = [row for group in groups for row in group.members]
    well = [row for row in members if row.ended_well]
    averaged = [column for column in columns if isinstance(groups[0].values.get(column), Mean)]
    odd = Counter(
        f"{why} in {column.name}" for column in averaged for row in well if (why := left_out(column.get(row)))
    )
    number = f"{len(well)} of {total}" if len(well) < total else f"{total}"
    text = (
        f"{number} experiments in {counted(len(groups), 'group')}; mean {style.plus_minus} standard deviation"
    )
    without = [f"{len(unread)} with unreadable arguments"] if unread else []
    without += [f"{count} {state}" for state, count in _states(members) if state != "SUCCESS"]
    without += [f"{count} {what}" for what, count in odd.items()]
    return [style.note(text), *listed("left out", without, style=style)]


def failures(rows: Sequence[Row], style: Style, *, shown: bool) -> list[str]:
    """Return a line for each kind of reason, the newest last: the newest of its kind, and how many more.

    Where all are `shown` in the table, nothing says how to see the others.
    """
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
        lines.append(style.paint("ERROR", RED) + style.note(text, len("ERROR")))
    others = len(kinds) - len(newest)
    if others and not shown:
        lines.append(style.note(f"{counted(others, 'other reason')}: --columns +reason"))
    return lines


def problems(rows: Sequence[Row], style: Style, *, shown: bool) -> list[str]:
    """Return a line for each of the first things that cannot be read, and how many more there are.

    Where all are `shown` in the table, nothing says how to see the others.
    """
    found = [(plain(row.id), plain(str(problem))) for row in rows for problem in row.reader.problems]
    lines = []
    for place, (name, text) in enumerate(found[:_PROBLEMS]):
        more = len(found) - _PROBLEMS if place == _PROBLEMS - 1 else 0
        end = f" {style.ellipsis} {more} more" + ": --columns problems" * (not shown) if more else ""
        line = style.cut(f"{name}: {text}", len("! ") + width(end)) + end
        lines.append(style.paint("!", YELLOW) + style.note(f" {line}", len("!")))
    return lines


def copies(rows: Sequence[Row], style: Style) -> list[str]:
    """Return which experiments are copies of others (spec 1.0, ID-8): a mean has them twice."""
    first: dict[str, Row] = {}
    found = []
    for row in rows:
        known = first.setdefault(text_of(row.reader, "uuid"), row)
        if known is not row and text_of(row.reader, "uuid"):
            found.append(f"{row.id} of {known.id}")
    return listed("copies, counted as well", found, style=style)


def uncommitted(blocks: Sequence[Block], rows: Sequence[Row], style: Style) -> list[str]:
    """Return what + means behind a commit, if there is one."""
    shown_commits = any(block.column is HEADER_COLUMNS["commit"] for block in blocks)
    dirty = [row.reader for row in rows if is_dirty(row.reader.metadata)]
    if not shown_commits or not dirty:
        return []
    # Another recorder may know that the code differed, and not how (spec 1.0, READ-20).
    kept = all(os.path.lexists(os.path.join(reader.directory, "git.diff")) for reader in dirty)
    return [style.note(f"+ uncommitted changes{', kept in git.diff' if kept else ''}")]


def listed(title: str, items: Sequence[str], *, style: Style, end: str = "") -> list[str]:
    """Return a line with as many items as there is room for, and how many more there are."""
    names = [cut(plain(item), _NAME, style.ellipsis) for item in items]
    return [style.note(style.listed(title, names, end))] if names else []


def constant(column: Column, rows: Sequence[Row], style: Style) -> str:
    """Return the name and the value of a column with the same value in all rows."""
    row = next(row for row in rows if column.get(row) is not MISSING)
    cell = column.shown(row, style.now)
    return f"{plain(column.name)}={cut(cell, _VALUE, style.ellipsis)}"


def _states(rows: Sequence[Row]) -> list[tuple[str, int]]:
    """Return how many rows are in which state, the most frequent first."""
    found = Counter(row.state for row in rows)
    return sorted(found.items(), key=lambda item: (-item[1], item[0].lower()))
