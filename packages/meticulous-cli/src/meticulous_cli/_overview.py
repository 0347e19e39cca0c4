"""The overview of an experiments directory: its table, and below it what the table had no room to say."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError

from meticulous_cli._columns import ARGS, Column, table_columns
from meticulous_cli._errors import DATA, USAGE, CommandError
from meticulous_cli._fit import fit, narrow
from meticulous_cli._select import select
from meticulous_cli._style import Style
from meticulous_cli._table import draw
from meticulous_cli._text import cut, plain

__all__ = ["overview"]

# Of a long text, where it stands in a table that may be as wide as it likes.
_WIDE_TEXT = 60
_PROBLEMS = 3
# A space at which no line is broken, in what is there to be copied.
_UNBROKEN = "\u00a0"


def overview(options: argparse.Namespace, style: Style) -> str:
    """Return the table that the options ask for, with its footnotes.

    Raises:
        CommandError: there is no such directory, nothing in it, or no such column.
    """
    try:
        experiments = Experiments(options.paths[0])
    except ExperimentsDirectoryError as error:
        raise CommandError(_no_directory(options.paths[0], error.reason), USAGE) from None
    if not experiments:
        raise CommandError(f"no experiments in {options.paths[0]}", DATA)
    readers = select(
        list(experiments.values()), options.sort, reverse=options.sort_reverse, tail=options.tail
    )
    columns = table_columns(readers, options.args, terminal=style.terminal)
    if not style.terminal:
        return draw(columns, style, groups=False)
    notes: list[str] = []
    # Whoever asks for all arguments gets them; lines may then be longer than the terminal is wide.
    if style.room is not None and options.args in ("none", "truncated"):
        fitted = fit(columns, style.room, style.ellipsis)
        columns = fitted.columns
        if fitted.constant:
            notes.append("the same in each: " + ", ".join(map(_constant, fitted.constant)))
        if fitted.dropped:
            names = ", ".join(column.title for column in fitted.dropped)
            notes.append(f"no room for: {names} ({_remedy(fitted.dropped)} shows all)")
    else:
        columns = [narrow(column, _WIDE_TEXT, _WIDE_TEXT, style.ellipsis) for column in columns]
    notes.extend(_remarks(readers))
    lines = style.footnotes(notes)
    return "\n".join([draw(columns, style, groups=True), *([""] if lines else []), *lines])


def _no_directory(path: str, reason: str) -> str:
    if not os.path.lexists(path):
        inside = os.path.join("experiments", path)
        hint = f"; did you mean {inside}?" if os.path.isdir(inside) else ""
        if path == "experiments":
            hint = " here; name the experiments directory, as in: meticulous path/to/experiments"
        return f"no directory {path}{hint}"
    return f"{path}: {reason}"


def _remedy(dropped: Sequence[Column]) -> str:
    """Return what brings dropped columns back."""
    remedy = "--args non-default" if any(column.group == ARGS for column in dropped) else "| less -S"
    return remedy.replace(" ", _UNBROKEN)


def _constant(column: Column) -> str:
    return f"{column.title}={cut(column.cells[0].strip(), 24)}"


def _remarks(readers: Sequence[ExperimentReader]) -> list[str]:
    notes = []
    if any(reader.metadata.get("git-dirty") is True for reader in readers):
        notes.append("+ recorded with uncommitted changes, kept in git.diff")
    problems = [f"! {reader.experiment_id}: {problem}" for reader in readers for problem in reader.problems]
    notes.extend(map(plain, problems[:_PROBLEMS]))
    if len(problems) > _PROBLEMS:
        notes.append(f"! and {len(problems) - _PROBLEMS} problems more: see the page of an experiment")
    return notes
