"""The overview of an experiments directory: its table, and below it what the table leaves out."""

from __future__ import annotations

import argparse
import functools
import os
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.paths import has_record, likely_command
from meticulous_cli.show.facts import ALL_LEVELS, ARGS, HEADER_COLUMNS, SUMMARY, Column, Row, names_in
from meticulous_cli.show.layout import Block, draw, fit
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import counted, plain
from meticulous_cli.table import footnotes, groups
from meticulous_cli.table.columns import (
    block,
    chosen_arguments,
    default_columns,
    experiment_columns,
    in_order,
    listing,
    same,
    scores,
    titles,
    weigh,
)
from meticulous_cli.table.names import Names
from meticulous_cli.table.values import sorted_rows

_MOST_FOOTNOTES = 11
# In front of a name, it adds a column to those that are shown anyway.
_ADD = "+"
# What was read lives as long as the program, which then ends at once. Freeing it took 5 % of the time.
_KEPT: list[Any] = []


class _Found(NamedTuple):
    """What was read, and what of it the options leave.

    Attributes:
        options: what was asked for.
        experiments: all that was read.
        strays: the names of folders without any recorded file.
        total: how many experiments there are.
        rows: those that the options leave, in the order of their starts.
        columns: those of header, arguments and summary.
        names: all that can be named.
    """

    options: argparse.Namespace
    experiments: Experiments[ExperimentReader]
    strays: list[str]
    total: int
    rows: list[Row]
    columns: list[Column]
    names: Names


class _Table(NamedTuple):
    """What of it is shown.

    Attributes:
        found: what it is of.
        grouped: whether its rows are groups.
        rows: in the order in which they stand.
        members: the experiments that its results are of.
        columns: all that there is to show.
        sort: the columns by which rows are sorted.
        labels: the columns that groups are made by.
        kept: the columns that are shown however little room there is.
        chosen: the arguments that tell something, and in how many rows each was chosen.
        only: whether columns were named that stand instead of all others.
    """

    found: _Found
    grouped: bool
    rows: list[Any]
    members: list[Row]
    columns: list[Column]
    sort: list[Column]
    labels: list[Column]
    kept: list[Column]
    chosen: dict[str, int]
    only: bool


def overview(options: argparse.Namespace, style: Style) -> str:
    """Return what the options ask for: table and footnotes, the list of columns, or a word on an export.

    Raises:
        CommandError: there is no such directory, nothing in it or nothing left of it, no such column, or the
            table cannot be exported.
    """
    kind = ""
    if options.export is not None:
        # Before what may take long: whether there is anything to be done with it.
        from meticulous_cli.export.export import export_kind

        kind = export_kind(options.export, options.export_format)
    found = _read(options)
    _KEPT.append(found)
    if options.list_columns:
        return listing(found.rows, style)
    if options.paths_only:
        rows = _sorted(options, found.rows, found.names.find_all(options.sort))
        paths = [str(row.reader.directory) for row in rows]
        return "\n".join(map(plain, paths) if style.terminal else paths)
    table = _table(found, screen=style.terminal and not kind)
    return _exported(table, kind) if kind else _printed(table, style)


def _read(options: argparse.Namespace) -> _Found:
    """Return the experiments of some directories, as far as the options leave them."""
    paths = options.paths
    try:
        experiments = Experiments(paths[0] if len(paths) == 1 else paths)
    except ExperimentsDirectoryError as error:
        code = DATA if error.reason == "permission denied" else USAGE
        raise CommandError(f"{error.path}: {error.reason}", code) from None
    levels = ALL_LEVELS if options.normalize_json_values is None else options.normalize_json_values
    strays, rows = [], []
    for key, reader in experiments.items():
        if _is_stray(reader):
            strays.append(key)
        else:
            rows.append(Row(reader, key, levels))
    total = len(rows)
    if options.chosen:
        chosen = set(map(os.path.realpath, options.chosen))
        rows = [row for row in rows if os.path.realpath(row.reader.directory) in chosen]
    if not rows:
        raise _nothing(paths, folders=bool(strays))
    names, kept = Names(experiment_columns(rows)), rows
    if options.filter:
        from meticulous_cli.table.filter import matching

        kept = matching(rows, options.filter, names)
    kept = kept[-options.last :] if options.last else kept
    columns = list(experiment_columns(rows, (ARGS, SUMMARY)))
    return _Found(options, experiments, [] if options.chosen else strays, total, kept, columns, names)


def _is_stray(reader: ExperimentReader) -> bool:
    """Tell whether a folder has no recorded file; most have what was read already."""
    return not (reader.status or reader.metadata or reader.args or has_record(str(reader.directory)))


def _nothing(paths: Sequence[str], *, folders: bool) -> CommandError:
    """Return the error for directories without a single experiment, with what may have been meant."""
    message = f"no experiments in {' or '.join(paths)}"
    if not folders:
        return CommandError(f"{message} yet", DATA)
    return CommandError(f"{message}: no folder there has a recorded file", DATA, likely_command(paths))


def _sorted(options: argparse.Namespace, rows: Sequence[Any], sort: Sequence[Column]) -> list[Any]:
    found = sorted_rows(rows, sort, reverse=options.sort_reverse)
    return found[-options.tail :] if options.tail else found


def _table(found: _Found, *, screen: bool) -> _Table:
    """Return the table with one row for each experiment, or for each combination of values."""
    options, names, every = found.options, found.names, found.columns
    rows: list[Any] = found.rows
    chosen: dict[str, int] = {}
    by, over = names.find_all(options.groupby), names.find_all(options.over)
    if over:
        rows = list(filter(groups.has_arguments, rows))
        if not rows:
            raise CommandError("--over needs arguments, and none of these experiments' can be read", DATA)
        differing = groups.differing([rows], (column for column in every if column.group == ARGS))
        by = list(dict.fromkeys([*by, *(column for column in differing if column not in over)]))
    grouped = bool(options.groupby or options.over)
    if grouped:
        rows, every = groups.group(rows, by, every), list(groups.group_columns(by, every))
        names = Names(every, names)
    labels = every[: len(by)]
    sort = names.find_all(options.sort)
    rows = _sorted(options, rows, sort or labels)
    named = names.find_all([value.removeprefix(_ADD) for value in options.columns])
    members = [row for group in rows for row in group.members if row.ended_well] if grouped else rows
    only = any(not value.startswith(_ADD) for value in options.columns)
    if only:
        columns = [*(labels if grouped else [HEADER_COLUMNS["id"]]), *named]
    elif grouped:
        # Other scripts' results are results of none of these.
        having = set(names_in(row.summary for row in members))
        chosen = chosen_arguments(members) if screen else {}
        columns = [column for column in every if column.group != SUMMARY or column.name in having]
        columns = [*labels, *columns, *named]
    else:
        chosen = chosen_arguments(rows)
        shown: Collection[str] = () if options.args == "none" else chosen
        if options.args != "none" and (options.args == "all" or len(rows) == 1):
            shown = names_in(row.args for row in rows)
        columns = in_order([*default_columns(every, rows, shown, terminal=screen), *sort, *named])
    columns, kept = list(dict.fromkeys(columns)), [*labels[:1], *sort, *named]
    return _Table(found, grouped, rows, members, columns, sort, labels, kept, chosen, only)


def _printed(table: _Table, style: Style) -> str:
    """Return a table as text, with its footnotes; where it is longer than the screen, its names twice."""
    options, labelled = table.found.options, style.terminal and not table.only
    folded: list[Column] = []
    if labelled:
        candidates = set(table.columns).difference(table.kept, table.labels)
        folded = same((column for column in table.found.columns if column in candidates), table.members)
    gone = set(folded)
    columns = [column for column in table.columns if column not in gone]
    heads = titles(columns, table.sort, style, reverse=options.sort_reverse, labelled=labelled)
    # Whoever chooses experiments compares them.
    apart = set(columns if options.chosen else table.sort)

    def make(column: Column) -> Block:
        made = groups.block_of if table.grouped else block
        return made(column, heads[column], table.rows, style, apart=column in apart)

    notes: list[str] = []
    if style.terminal:
        args_first = options.args in ("all", "non-default")
        claims = scores(columns, set(table.kept), table.chosen, args_first=args_first)
        blocks = fit(columns, claims, make, style, labelled=labelled)
        if style.colour and not table.grouped:
            weigh(blocks, table.rows)
        notes = ["", *_notes(table, folded, blocks, style)]
    else:
        blocks = list(map(make, columns))
    drawn = draw(blocks, style, labelled=labelled)
    lines = [*drawn.labels, *drawn.names, *drawn.rows]
    if style.height is not None and len(lines) + len(notes) >= style.height:
        lines += drawn.names
    return "\n".join([*lines, *notes])


def _notes(table: _Table, folded: list[Column], blocks: list[Block], style: Style) -> list[str]:
    """Return the lines below a table."""
    found, listed = table.found, functools.partial(footnotes.listed, style=style)
    # The count says what the status is.
    constants = [
        footnotes.constant(column, table.members, style)
        for column in folded
        if column is not HEADER_COLUMNS["status"]
    ]
    gone = {*folded, *(each.column for each in blocks)}
    dropped = [column.name for column in table.columns if column not in gone]
    last = [
        *listed(f"{counted(len(found.strays), 'folder')} without a record", found.strays),
        *listed("same in all", constants),
        *listed("no room for", dropped, end="  (for all: | less -S)"),
    ]
    if table.grouped:
        members = [[row for row in group.members if row.ended_well] for group in table.rows]
        unread = [row for row in found.rows if found.options.over and not groups.has_arguments(row)]
        over, shown = found.names.find_all(found.options.over), set(table.columns)
        # With --over, the arguments that differ make the groups.
        asked = [column for column in found.columns if column.group == ARGS and not over]
        differ = groups.differing(members, [*asked, HEADER_COLUMNS["commit"]])
        again = groups.repeated(members, over) if over else []
        averaged = [column for column in found.columns if column in shown]
        return [
            *footnotes.group_counts(table.rows, found.total, averaged, unread, style),
            *footnotes.copies(found.rows, style),
            *listed("also differ within groups", [column.name for column in differ]),
            *listed(f"same {', '.join(found.options.over)} again", again),
            *last,
        ]
    chosen = set(map(id, table.rows))
    shown = {each.column for each in blocks}
    reasons, problems = (HEADER_COLUMNS[name] in shown for name in ("reason", "problems"))
    first = found.options.paths[0]
    above = first if first.startswith(os.pardir) else ""
    notes = [
        *footnotes.counts(table.rows, found.total, above, style),
        *footnotes.failures([row for row in found.rows if id(row) in chosen], style, shown=reasons),
        *footnotes.problems(table.rows, style, shown=problems),
    ]
    more = [*footnotes.copies(table.rows, style), *footnotes.uncommitted(blocks, table.rows, style)]
    return [*notes, *more[: _MOST_FOOTNOTES - len(notes) - len(last)], *last]


def _exported(table: _Table, kind: str) -> str:
    """Write a table to a file or to standard output, and return a word on it for the former."""
    from meticulous_cli.export.export import EXPORT_KINDS, STANDARD_OUTPUT, export
    from meticulous_cli.table.frame import frame_of_experiments, frame_of_groups

    if table.grouped:
        frame = frame_of_groups(table.rows, table.columns, "±" if EXPORT_KINDS[kind].paper else "")
    else:
        as_text = not EXPORT_KINDS[kind].binary
        frame = frame_of_experiments(table.found.experiments, table.rows, table.columns, as_text=as_text)
    options = table.found.options
    export(frame, options.export, kind=kind, flat_cols=options.flat_cols)
    if options.export == STANDARD_OUTPUT:
        return ""
    return f"{len(frame)} rows and {len(frame.columns)} columns in {plain(options.export)}"
