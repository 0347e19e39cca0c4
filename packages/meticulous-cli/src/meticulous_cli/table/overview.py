"""The overview of an experiments directory: its table, and below it what the table leaves out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.paths import has_record, likely_command
from meticulous_cli.show.facts import ALL_LEVELS, HEADER_COLUMNS, SUMMARY, Column, Row, ended_well
from meticulous_cli.show.layout import Block, draw, fit
from meticulous_cli.show.style import Style
from meticulous_cli.show.text import plain
from meticulous_cli.table import footnotes
from meticulous_cli.table.columns import (
    block,
    codes,
    default_columns,
    experiment_columns,
    in_order,
    listing,
    same,
    scores,
    titles,
)
from meticulous_cli.table.names import Names
from meticulous_cli.table.values import sorted_rows

__all__ = ["overview"]

_MOST_FOOTNOTES = 11
# In front of a name, it adds a column to those that are shown anyway.
_ADD = "+"


class _Found(NamedTuple):
    """What was read, and what of it the options leave.

    Attributes:
        experiments: all that was read.
        strays: the names of folders without any recorded file.
        total: how many experiments there are.
        rows: those that the options leave, in the order of their starts.
        names: the columns that they have.
    """

    experiments: Experiments[ExperimentReader]
    strays: list[str]
    total: int
    rows: list[Row]
    names: Names


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
    if options.list_columns:
        return listing(found.rows, style)
    if options.paths_only:
        rows = _sorted(options, found.rows, found.names.find_all(options.sort))
        return "\n".join(_folder(str(row.reader.directory), style) for row in rows)
    if options.groupby or options.over:
        return _groups(options, found, kind, style)
    return _experiments(options, found, kind, style)


def _read(options: argparse.Namespace) -> _Found:
    """Return the experiments of some directories, as far as the options leave them."""
    paths = options.paths
    try:
        experiments = Experiments(paths[0] if len(paths) == 1 else paths)
    except ExperimentsDirectoryError as error:
        code = DATA if error.reason == "permission denied" else USAGE
        raise CommandError(f"{error.path}: {error.reason}", code) from None
    strays = {key: None for key, reader in experiments.items() if _is_stray(reader)}
    levels = ALL_LEVELS if options.normalize_json_values is None else options.normalize_json_values
    rows = [Row(reader, key, levels) for key, reader in experiments.items() if key not in strays]
    total = len(rows)
    if options.chosen:
        chosen = set(map(os.path.realpath, options.chosen))
        rows = [row for row in rows if os.path.realpath(row.reader.directory) in chosen]
    if not rows:
        raise _nothing(paths, len(strays))
    names = Names(experiment_columns(rows))
    kept = rows
    if options.filter:
        from meticulous_cli.table.filter import matching

        kept = matching(rows, options.filter, names)
    return _Found(
        experiments,
        [] if options.chosen else list(strays),
        total,
        kept[-options.last :] if options.last else kept,
        names,
    )


def _is_stray(reader: ExperimentReader) -> bool:
    """Tell whether a folder has no recorded file; most have what was read already."""
    read = reader.status or reader.metadata or reader.args
    return not read and not has_record(str(reader.directory))


def _nothing(paths: Sequence[str], folders: int) -> CommandError:
    """Return the error for directories without a single experiment, with what may have been meant."""
    message = f"no experiments in {' or '.join(paths)}"
    if not folders:
        return CommandError(f"{message} yet", DATA)
    has = "its one folder has no" if folders == 1 else f"none of the {folders} folders there has a"
    return CommandError(f"{message}: {has} recorded file", DATA, likely_command(paths))


def _sorted(options: argparse.Namespace, rows: Sequence[Any], sort: Sequence[Column]) -> list[Any]:
    found = sorted_rows(rows, sort, reverse=options.sort_reverse)
    return found[-options.tail :] if options.tail else found


def _named(options: argparse.Namespace, names: Names) -> tuple[list[Column], bool]:
    """Return the columns that were named, and whether they stand instead of the others."""
    named = names.find_all([value.removeprefix(_ADD) for value in options.columns])
    return named, any(not value.startswith(_ADD) for value in options.columns)


def _experiments(options: argparse.Namespace, found: _Found, kind: str, style: Style) -> str:
    """Return the table with one row for each experiment, or export it."""
    sort = found.names.find_all(options.sort)
    rows: list[Row] = _sorted(options, found.rows, sort)
    named, only = _named(options, found.names)
    always = [HEADER_COLUMNS["id"], *named]
    columns = list(dict.fromkeys(always))
    if not only:
        always += [HEADER_COLUMNS["status"], *sort]
        default = default_columns(found.names, rows, options.args, terminal=style.terminal and not kind)
        columns = in_order([*default, *sort, *named])
    if kind:
        from meticulous_cli.table.frame import frame_of_experiments

        as_text = kind not in ("parquet", "pickle")
        return _exported(
            options, kind, frame_of_experiments(found.experiments, rows, columns, as_text=as_text)
        )
    folded = same(columns, rows) if style.terminal and not only else []
    folded = [column for column in folded if column not in (*sort, *named)]
    columns = [column for column in columns if column not in folded]
    names = titles(columns, sort, style, reverse=options.sort_reverse, labelled=not only)

    def make(column: Column) -> Block:
        return block(column, names[column], rows, style, apart=column in sort)

    if not style.terminal:
        return _drawn(list(map(make, columns)), [], style, labelled=False)
    claims = scores(columns, rows, always, args_first=options.args in ("all", "non-default"))
    blocks = fit(columns, claims, make, style, labelled=not only)
    for each in blocks if style.colour else ():
        each.codes = codes(each, rows)
    shown = set(map(id, rows))
    above = options.paths[0] if options.paths[0].startswith(os.pardir) else ""
    notes = footnotes.counts(rows, found.total, above, style)
    notes += footnotes.failures([row for row in found.rows if id(row) in shown], style)
    notes += footnotes.problems(rows, style)
    constants = [footnotes.constant(column, rows, style) for column in folded if column.name != "status"]
    last = _left_out(found, constants, columns, blocks, style)
    if len(notes) + len(last) < _MOST_FOOTNOTES:
        notes += footnotes.uncommitted(blocks, rows, style)
    return _drawn(blocks, [*notes, *last], style, labelled=not only)


def _groups(options: argparse.Namespace, found: _Found, kind: str, style: Style) -> str:
    """Return the table with one row for each combination of values, or export it."""
    from meticulous_cli.table import groups

    by, over = found.names.find_all(options.groupby), found.names.find_all(options.over)
    if over:
        repeated = [column for column in groups.differing([found.rows], found.names) if column not in over]
        by = list(dict.fromkeys([*by, *repeated]))
    names = Names(groups.group_columns(by, found.names), ungrouped=found.names)
    labels = list(names)[: len(by)]
    sort = names.find_all(options.sort)
    rows: list[groups.Group] = _sorted(options, groups.group(found.rows, by, found.names), sort or labels)
    named, only = _named(options, names)
    columns = list(dict.fromkeys([*labels, *named] if only else [*names, *named]))
    if kind:
        from meticulous_cli.table.frame import frame_of_groups

        return _exported(options, kind, frame_of_groups(rows, columns, "±" if kind in ("md", "tex") else ""))
    well = [row for row in found.rows if ended_well(row.reader)]
    kept = {column.full_name for column in (*sort, *named)}
    folded = [] if only or not style.terminal else same(found.names, well)
    folded = [column for column in folded if column.group == SUMMARY and column.full_name not in kept]
    gone = {column.full_name for column in folded}
    columns = [column for column in columns if column.full_name not in gone]
    heads = titles(columns, sort, style, reverse=options.sort_reverse, labelled=not only)

    def make(column: Column) -> Block:
        return groups.block_of(column, heads[column], rows, style, apart=column in sort)

    if not style.terminal:
        return _drawn(list(map(make, columns)), [], style, labelled=False)
    always = columns if only else [*columns[: len(labels) + 1], *sort, *named]
    blocks = fit(columns, scores(columns, [], always), make, style, labelled=not only)
    members = groups.differing([group.members for group in rows], found.names)
    differ = [plain(column.name) for column in members if column not in (*by, *over)]
    notes = footnotes.group_counts(rows, found.total, columns, style)
    notes += footnotes.listed("also differ within groups", differ, style)
    constants = [footnotes.constant(column, well, style) for column in folded]
    last = _left_out(found, constants, columns, blocks, style)
    return _drawn(blocks, [*notes, *last], style, labelled=not only)


def _left_out(
    found: _Found, constants: Sequence[str], columns: Sequence[Column], blocks: Sequence[Block], style: Style
) -> list[str]:
    """Return the footnotes on what the table does not show."""
    count = len(found.strays)
    folders = f"{count} folder{'s' if count > 1 else ''} without a record"
    shown = [each.column for each in blocks]
    dropped = [plain(column.name) for column in columns if column not in shown]
    return [
        *footnotes.listed(folders, list(map(plain, found.strays)), style),
        *footnotes.listed("same in all", constants, style),
        *footnotes.listed("no room for", dropped, style, "  (for all: | less -S)"),
    ]


def _drawn(blocks: Sequence[Block], notes: Sequence[str], style: Style, *, labelled: bool) -> str:
    """Return the table as text, with its footnotes; where it is longer than the screen, its names twice."""
    table = draw(blocks, style, labelled=labelled)
    lines = [*table.labels, *table.names, *table.rows]
    if style.height is not None and len(lines) + len(notes) + 1 >= style.height:
        lines += table.names
    return "\n".join([*lines, *([""] if notes else []), *notes])


def _exported(options: argparse.Namespace, kind: str, frame: Any) -> str:
    """Write a frame to a file or to standard output, and return a word on it for the former."""
    from meticulous_cli.export.export import STANDARD_OUTPUT, export

    export(frame, options.export, kind=kind, flat_cols=options.flat_cols)
    if options.export == STANDARD_OUTPUT:
        return ""
    return f"{len(frame)} rows and {len(frame.columns)} columns in {plain(options.export)}"


def _folder(path: str, style: Style) -> str:
    """Return a folder's path on a line of its own, for a program that reads lines."""
    if style.terminal:
        return plain(path)
    if "\n" in path:
        raise CommandError(f"{path} has a line end in its name, so no line can name it", DATA)
    return os.path.join(os.curdir, path) if path.startswith("-") else path
