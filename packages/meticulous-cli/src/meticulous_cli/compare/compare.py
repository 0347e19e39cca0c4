"""A few experiments side by side: only what differs, and the commits that lie between them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.compare.history import digest, history, started, uncommitted
from meticulous_cli.compare.packages import packages_of, runtimes_of
from meticulous_cli.show.cells import MISSING, alike, all_alike, arguments, fixed, number_of, results, shown
from meticulous_cli.show.facts import HEADER_COLUMNS, Row, names_in, repositories_of, result, short
from meticulous_cli.show.style import BOLD, DIM, Style, state_code
from meticulous_cli.show.text import cut, cut_apart, plain, width

_INDENT = _GAP = "  "
_NAMES = 11
_LONGEST_NAME = 32
# The widest that a cell is, so that the change never drifts away; of a few that have little room, the least.
_CELL, _NARROWEST = 28, 4
_PACKAGES = 8
_HEADER = ("status", "start", "duration", "commit", "description", "reason", "host")


class _Line(NamedTuple):
    """What is compared, how each experiment has it, and how it changed."""

    name: str
    cells: Sequence[str]
    """As they are shown where there is room."""
    codes: Sequence[str] = ()
    """The weight or colour of each cell."""
    change: str = ""
    """Of a number, for two experiments."""


class _Section(NamedTuple):
    """Lines of cells under a title, lines of text below them, and what is the same in all experiments."""

    title: str
    lines: list[_Line]
    same: list[str]
    notes: Sequence[str] = ()


def compare(readers: Sequence[ExperimentReader], style: Style) -> str:
    """Return the comparison of two to four experiments, in the order in which they are given."""
    rows, titles = list(map(Row, readers)), _titles(readers)
    sections = [_header(rows, style), _arguments(rows, titles), _results(rows), _packages(readers, style)]
    lines = list(_drawn(titles, sections, style))
    lines += itertools.chain.from_iterable(["", *step] for step in history(readers, titles, style))
    same = [each for section in sections for each in section.same]
    notes = [f"same in {'both' if len(rows) == 2 else 'all'}: {', '.join(same)}"] if same else []
    notes += uncommitted(readers, titles)
    unread = [title for reader, title in zip(readers, titles, strict=True) if reader.problems]
    if unread:
        notes.append(f"! not all of it can be read, as its page says: {', '.join(unread)}")
    return "\n".join([*lines, *([""] if notes else []), *style.footnotes(notes)])


def compare_ends(readers: Sequence[ExperimentReader], style: Style) -> str:
    """Return how packages and code of the last to start differ from those of the first, "" if they do not."""
    known = sorted((reader for reader in readers if reader.start_time), key=started)
    ends = [known[0], known[-1]] if len(known) > 1 else []
    titles = _titles(ends)
    section = _packages(ends, style)
    lines = list(_drawn(titles, [section], style)) if section.lines else []
    lines += itertools.chain.from_iterable(["", *step] for step in history(ends, titles, style))
    return "\n".join([*lines, *style.footnotes(uncommitted(ends, titles))]).strip("\n")


def _titles(readers: Sequence[ExperimentReader]) -> list[str]:
    """Return the ids, or the paths where ids do not tell the experiments apart."""
    ids = [reader.experiment_id for reader in readers]
    paths = [str(reader.directory) for reader in readers]
    return list(map(plain, ids if len(set(ids)) == len(ids) else paths))


def _header(rows: Sequence[Row], style: Style) -> _Section:
    section = _Section("", [], [])
    now, readers = style.now if style.terminal else None, [row.reader for row in rows]
    for name in _HEADER:
        column = HEADER_COLUMNS[name]
        cells = [column.shown(row, now) for row in rows]
        values = [repr(column.get(row)) for row in rows]
        if len(set(cells)) < len(set(values)):
            cells = [row.reader.sha if name == "commit" else column.shown(row) for row in rows]
        # Durations that differ by less than is shown are neither a line nor the same.
        if len(set(cells if name == "duration" else values)) > 1:
            codes = [state_code(row.state) for row in rows] if name == "status" else ()
            section.lines.append(_Line(name, cells, codes))
        # The same commit with other changes is other code, of which a note says more.
        elif values[0] and len(set(values)) == 1 and (name != "commit" or len({*map(digest, readers)}) == 1):
            section.same.append(name)
    others = list(map(repositories_of, readers))
    for name in names_in(others):
        shas = [found.get(name, ("",))[0] for found in others]
        if len(set(shas)) > 1:
            section.lines.append(_Line(plain(f"{name} at"), list(map(short, shas))))
    name, versions = runtimes_of(readers)
    if len(set(versions)) > 1:
        section.lines.append(_Line(name, versions))
    elif versions[0]:
        section.same.append(name)
    return section


def _arguments(rows: Sequence[Row], titles: Sequence[str]) -> _Section:
    lines, same, new = [], 0, dict[str, list[str]]()
    for name in names_in(row.args for row in rows):
        values = [row.args.get(name, MISSING) for row in rows]
        default = [alike(v, row.default_args.get(name, MISSING)) for v, row in zip(values, rows, strict=True)]
        having = [place for place, value in enumerate(values) if value is not MISSING]
        if all_alike(values):
            same += 1
        elif len(having) < len(rows) and all(default[place] for place in having):
            who = " and ".join(titles[place] for place in having)
            new.setdefault(f"only in {who}, at the default: ", []).append(plain(name))
        else:
            codes = [DIM if at_default else "" for at_default in default]
            lines.append(_Line(_INDENT + shown(name), arguments(values), codes))
    notes = [f"{who}{', '.join(names)}" for who, names in new.items()]
    return _Section("args", lines, [f"{same} args"] if same else [], notes)


def _results(rows: Sequence[Row]) -> _Section:
    lines, same = [], 0
    for name in names_in(row.summary for row in rows):
        values = [result(row.summary.get(name, MISSING)) for row in rows]
        if all_alike(values):
            same += 1
            continue
        cells = results(values, apart=True)
        change = _change(values[0], values[1], cells) if len(values) == 2 else ""
        lines.append(_Line(_INDENT + shown(name), cells, change=change))
    return _Section("summary", lines, [f"{same} summary"] if same else [])


def _change(before: Any, after: Any, cells: Sequence[str]) -> str:
    """Return by how much a number has changed, and by what part of itself; "" for what has no difference."""
    one, other = number_of(before), number_of(after)
    if one is None or other is None:
        return ""
    try:
        difference = other - one
        part = difference / abs(one) if one else math.inf
        if not math.isfinite(difference):
            return ""
    except OverflowError:  # integers of a size that no float has
        return ""
    places = max((len(cell.partition(".")[2]) for cell in cells if "e" not in cell), default=0)
    text = fixed(difference, places)
    text = text if text.startswith("-") else f"+{text}"
    return f"{text} ({part:+.1%})" if 0.0005 <= abs(part) < 10 else text


def _packages(readers: Sequence[ExperimentReader], style: Style) -> _Section:
    """Return the packages of which experiments had different versions, if all have recorded them."""
    found = list(map(packages_of, readers))
    if not found or not all(found):
        return _Section("packages", [], [])
    versions = {name: [each.get(name, "") for each in found] for name in sorted(names_in(found))}
    different = {name: cells for name, cells in versions.items() if len(set(cells)) > 1}
    most = _PACKAGES if len(different) <= _PACKAGES else _PACKAGES - 1
    lines = [_Line(_INDENT + shown(name), different[name]) for name in list(different)[:most]]
    more = len(different) - len(lines)
    notes = [f"{style.ellipsis} {more} more in requirements.txt"] if more else []
    return _Section("packages", lines, [] if different else ["packages"], notes)


def _drawn(titles: Sequence[str], sections: Sequence[_Section], style: Style) -> Iterator[str]:
    """Yield the lines of the comparison, each cell as wide as there is room for it."""
    lines = [line for section in sections for line in section.lines]
    names = max([_NAMES, *(width(line.name) for line in lines)])
    changes = max((width(line.change) for line in lines), default=0)
    head, limit = "change" if changes else "", None
    if style.room is not None:
        names = min(names, max(_NAMES, min(_LONGEST_NAME, style.room // 3)))
        room = style.room - names - (max(changes, len(head)) + len(_GAP) if head else 0)
        limit = max(min(room // len(titles) - len(_GAP), _CELL), _NARROWEST)
    columns = zip(titles, *(line.cells for line in lines), strict=True)
    # What is longer, through a pipe, stands out of its column: to fill others up to it could take all memory.
    sizes = [min(max(map(width, column)), limit or 1000) for column in columns]

    def drawn(line: _Line) -> str:
        cells = line.cells if limit is None else cut_apart(line.cells, limit, style.ellipsis, around=True)
        painted = list(map(style.paint, cells, line.codes or [""] * len(cells)))
        if cells != line.cells and not any(line.codes):
            painted = _marked(cells, style)
        name = cut(line.name, names, style.ellipsis)
        gaps = [
            " " * (size - width(cell)) for size, cell in zip([names, *sizes], [name, *cells], strict=True)
        ]
        texts = [map(str.__add__, [name, *each], gaps) for each in (cells, painted)]
        bare, text = (_GAP.join([*each, line.change]).rstrip() for each in texts)
        return text if style.cut(bare) == bare else style.cut(bare)

    yield drawn(_Line("", titles, [BOLD] * len(titles), head))
    for section in sections:
        if section.title and (section.lines or section.notes):
            yield from ["", style.bold(section.title)]
        yield from map(drawn, section.lines)
        yield from (style.note(_INDENT + note) for note in section.notes)


def _marked(cells: Sequence[str], style: Style) -> list[str]:
    """Return texts with that part in bold in which they differ."""
    texts = list(filter(None, cells))
    begin = len(os.path.commonprefix(texts))  # noqa: RUF071  # characters are meant
    end = len(os.path.commonprefix([text[begin:][::-1] for text in texts]))  # noqa: RUF071
    if not begin and not end:
        return list(cells)
    return [
        cell[:begin] + style.bold(cell[begin : len(cell) - end]) + cell[len(cell) - end :] if cell else ""
        for cell in cells
    ]
