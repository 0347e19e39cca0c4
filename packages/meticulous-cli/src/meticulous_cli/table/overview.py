"""The overview of an experiments directory: its table, and below it what the table had no room to say."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.export.export import STANDARD_OUTPUT, export, export_kind
from meticulous_cli.paths import has_record, likely_directories
from meticulous_cli.table.columns import Field, Fields, experiment_fields
from meticulous_cli.table.filter import matching, why_none
from meticulous_cli.table.groups import group, group_fields
from meticulous_cli.table.listing import listing
from meticulous_cli.table.names import spread_objects
from meticulous_cli.table.progress import read_experiments
from meticulous_cli.table.select import field_column, select
from meticulous_cli.table.was_facts import HEADER, Column, table_columns, tell_apart
from meticulous_cli.table.was_fit import fit, narrow
from meticulous_cli.table.was_layout import draw
from meticulous_cli.table.was_style import Style
from meticulous_cli.table.was_text import cut, plain, width

__all__ = ["overview"]

# Of a long text, where it stands in a table that may be as wide as it likes.
_WIDE_TEXT = 60
# How much a footnote has of a value that is the same in each row.
_CONSTANT = 24
_PROBLEMS = 3
# A space at which no line is broken, in what is there to be copied.
_UNBROKEN = "\u00a0"


class _Shown(NamedTuple):
    """What a table shows.

    Attributes:
        rows: experiments, or groups of them.
        sort: the columns that they are sorted by.
        fields: its columns, by name.
        columns: the same, with their cells.
        always: how many of the first it shows however narrow the terminal is; None for all of them, uncut.
        readers: the experiments that its footnotes are about.
    """

    rows: Sequence[Any]
    sort: Sequence[Field]
    fields: Sequence[Field]
    columns: list[Column]
    always: int | None
    readers: Sequence[ExperimentReader]


def overview(options: argparse.Namespace, style: object) -> str:
    """Return what the options ask for: table and footnotes, the list of columns, or a word on an export.

    Raises:
        CommandError: there is no such directory, nothing in it or nothing left of it, no such column, or the
            table cannot be exported.
    """
    style = Style(sys.stdout)
    # Before what may take long: whether there is anything to be done with it.
    kind = "" if options.export is None else export_kind(options.export, options.export_format)
    experiments = _read(options.paths)
    readers = list(experiments.values())
    if options.chosen:
        chosen = set(map(os.path.realpath, options.chosen))
        readers = [reader for reader in readers if os.path.realpath(reader.directory) in chosen]
    if options.normalize_json_values:
        spread_objects(readers, options.normalize_json_values)
    fields = Fields(experiment_fields(readers))
    kept = matching(readers, options.filter, fields)
    if not kept:
        hint = why_none(readers, options.filter, fields)
        message = f"the filter matches none of {len(readers)} experiments"
        raise CommandError(f"{message}: {hint}" if hint else message, DATA)
    if options.last:
        kept = kept[-options.last :]
    if options.list_columns:
        return listing(Fields(experiment_fields(kept)), kept, style)
    if options.paths_only:
        rows = select(kept, fields.find_all(options.sort), reverse=options.sort_reverse, tail=options.tail)
        return "\n".join(_folder(str(reader.directory), style) for reader in rows)
    shown = (_grouped if options.groupby else _single)(options, kept, fields, style)
    if kind:
        return _exported(options, kind, shown, experiments)
    return _drawn(options, shown, style)


def _folder(path: str, style: Style) -> str:
    """Return a folder's path on a line of its own, for a program that reads lines."""
    if style.terminal:
        return plain(path)
    if "\n" in path:
        raise CommandError(f"{path} has a line end in its name, so no line can name it", DATA)
    return os.path.join(os.curdir, path) if path.startswith("-") else path


def _drawn(options: argparse.Namespace, shown: _Shown, style: Style) -> str:
    """Return the table as text, with its footnotes."""
    columns = shown.columns
    if options.columns or not style.terminal:
        tell_apart(columns)
    if not style.terminal:
        return draw(columns, style, groups=False)
    notes: list[str] = []
    if style.room is not None and shown.always is not None:
        # What it is sorted by is what is looked for.
        sort = {(field.group, field.name) for field in shown.sort}
        fitted = fit(columns, style.room, style.ellipsis, always=shown.always, wanted=sort)
        columns = fitted.columns
        if fitted.constant:
            notes.append(f"the same in each: {_constants(fitted.constant)}")
        if fitted.dropped:
            names = ", ".join(cut(column.title, _WIDE_TEXT, style.ellipsis) for column in fitted.dropped)
            # Through a pipe the table is whole; as wide as it is, it would be broken up by the terminal.
            notes.append(f"no room for: {names} (|{_UNBROKEN}less{_UNBROKEN}-S shows all)")
    else:
        columns = [narrow(column, _WIDE_TEXT, _WIDE_TEXT, style.ellipsis) for column in columns]
    notes.extend(_remarks(shown.readers, columns))
    lines = style.footnotes(notes)
    table = draw(columns, style, groups=not options.columns)
    return "\n".join([table, *([""] if lines else []), *lines])


def _exported(
    options: argparse.Namespace, kind: str, shown: _Shown, experiments: Experiments[ExperimentReader]
) -> str:
    """Write the table to a file or to standard output, and return a word on it for the former."""
    from meticulous_cli.table.frame import frame_of_experiments, frame_of_groups

    if options.groupby:
        frame = frame_of_groups(shown.rows, shown.fields, as_text=kind not in ("parquet", "pickle"))
    else:
        frame = frame_of_experiments(
            experiments, shown.rows, shown.fields, as_text=kind not in ("parquet", "pickle")
        )
    export(frame, options.export, kind=kind, flat_cols=options.flat_cols)
    if options.export == STANDARD_OUTPUT:
        return ""
    return f"{len(frame)} rows and {len(frame.columns)} columns in {plain(options.export)}"


def _single(
    options: argparse.Namespace, readers: list[ExperimentReader], fields: Fields, style: Style
) -> _Shown:
    """Return the table with one row for each experiment."""
    sort = fields.find_all(options.sort)
    rows = select(readers, sort, reverse=options.sort_reverse, tail=options.tail)
    if options.columns:
        named = _unique([fields.find("header.id"), *fields.find_all(options.columns)])
        columns = [field_column(field, rows, terminal=style.terminal) for field in named]
        return _Shown(rows, sort, named, columns, len(columns), rows)
    columns = table_columns(rows, options.args, terminal=style.terminal)
    named = [fields.find(f"{column.group or 'header'}.{column.name}") for column in columns]
    # Whoever asks for all arguments gets them; lines may then be longer than the terminal is wide.
    return _Shown(rows, sort, named, columns, 2 if options.args in ("none", "truncated") else None, rows)


def _grouped(
    options: argparse.Namespace, readers: list[ExperimentReader], fields: Fields, style: Style
) -> _Shown:
    """Return the table with one row for each combination of values."""
    by = fields.find_all(options.groupby)
    found = group(readers, by, fields)
    fields = Fields(group_fields(by, fields), ungrouped=fields)
    by = list(fields)[: len(by)]
    sort = fields.find_all(options.sort) or by
    groups = select(found, sort, reverse=options.sort_reverse, tail=options.tail)
    named = _unique([*by, *fields.find_all(options.columns)]) if options.columns else list(fields)
    columns = [field_column(field, groups, terminal=style.terminal) for field in named]
    return _Shown(groups, sort, named, columns, len(named) if options.columns else len(by) + 1, readers)


def _unique(fields: Sequence[Field]) -> list[Field]:
    return list(dict.fromkeys(fields))


def _read(paths: Sequence[str]) -> Experiments[ExperimentReader]:
    """Return the experiments of some directories, each under the id that the table shows."""
    try:
        experiments = read_experiments(paths)
    except ExperimentsDirectoryError as error:
        code = DATA if error.reason == "permission denied" else USAGE
        raise CommandError(_no_directory(str(error.path), error.reason), code) from None
    if not any(has_record(str(reader.directory)) for reader in experiments.values()):
        raise CommandError(_no_experiments(paths, len(experiments)), DATA)
    for key, reader in experiments.items():
        reader.experiment_id = key
    return experiments


def _no_experiments(paths: Sequence[str], folders: int) -> str:
    """Return a sentence on directories without a single experiment, with what may have been meant."""
    message = f"no experiments in {' or '.join(paths)}"
    if folders:
        has = "its one folder has no" if folders == 1 else f"none of the {folders} folders there has a"
        message += f": {has} recorded file"
    likely = [folder for path in paths for folder in likely_directories(path)]
    return f"{message}; did you mean {' or '.join(likely)}?" if likely else message


def _no_directory(path: str, reason: str) -> str:
    if not os.path.lexists(path):
        inside = os.path.join("experiments", path)
        hint = f"; did you mean {inside}?" if os.path.isdir(inside) else ""
        if path == "experiments":
            hint = " here; name the experiments directory, as in: meticulous path/to/experiments"
        return f"no directory {path}{hint}"
    return f"{path}: {reason}"


def _constants(columns: Sequence[Column]) -> str:
    """Return the one value that each column has, arguments and summary told apart where there are both."""
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups.setdefault(column.group, []).append(_constant(column))
    parts = {group: ", ".join(said) for group, said in groups.items()}
    return "; ".join(f"{group} {said}" if len(parts) > 1 else said for group, said in parts.items())


def _constant(column: Column) -> str:
    cell = column.cells[0].strip()
    if isinstance(column.values[0], (list, dict)) and width(cell) > _CONSTANT:
        cell = f"{cell[0]}...{cell[-1]}"  # the beginning of such a text tells nothing
    return f"{cut(column.title, _WIDE_TEXT)}={cut(cell, _CONSTANT)}"


def _remarks(readers: Sequence[ExperimentReader], columns: Sequence[Column]) -> list[str]:
    notes = []
    commits = any(column.group == HEADER and column.name == "commit" for column in columns)
    if commits and any(reader.metadata.get("git-dirty") is True for reader in readers):
        notes.append("+ recorded with uncommitted changes, kept in git.diff")
    problems = [f"! {reader.experiment_id}: {problem}" for reader in readers for problem in reader.problems]
    notes.extend(map(plain, problems[:_PROBLEMS]))
    if len(problems) > _PROBLEMS:
        notes.append(f"! and {len(problems) - _PROBLEMS} problems more: see the page of an experiment")
    return notes
