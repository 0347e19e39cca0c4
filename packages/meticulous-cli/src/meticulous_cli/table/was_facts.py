"""Experiments → the columns of their table: which there are, what they hold, how it reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli.table.was_text import MISSING, cut, number_of, plain, shown, shown_duration, shown_time

__all__ = [
    "ARGS",
    "HEADER",
    "METADATA",
    "SUMMARY",
    "Column",
    "alike",
    "argument_names",
    "header_column",
    "names_in",
    "state_of",
    "table_columns",
    "tell_apart",
]

HEADER = ""
ARGS = "args"
SUMMARY = "summary"
METADATA = "metadata"

_STATE_WIDTH = 40


class Column:
    """One column: where it comes from, and its cells from top to bottom.

    Attributes:
        group: HEADER, ARGS, SUMMARY, or another part of an experiment.
        name: as it was recorded.
        title: the name as it is printed.
        values: what was recorded, MISSING where nothing was.
        cells: the same as plain text.
        numeric: whether all of it is numbers, which are aligned at their points.
    """

    def __init__(self, group: str, name: str, values: Sequence[Any], cells: list[str] | None = None) -> None:
        self.group = group
        self.name = name
        self.title = plain(name) or "''"
        self.values = list(values)
        if group == SUMMARY:  # there, "NaN" stands for the number
            numbers = map(number_of, self.values)
            self.values = [v if n is None else n for v, n in zip(self.values, numbers, strict=True)]
        self.numeric = cells is None and all(
            value is MISSING or value is None or type(value) in (int, float) for value in self.values
        )
        if cells is None:
            # In metadata an empty text says that nothing was given, such as a description.
            cells = ["" if group == METADATA and value == "" else shown(value) for value in self.values]
            cells = _aligned(cells) if self.numeric else cells
        self.cells = cells


def table_columns(readers: Sequence[ExperimentReader], which_args: str, *, terminal: bool) -> list[Column]:
    """Return all columns of the table; `which_args` is the value of --args."""
    names = ("id", "status", "start", "duration", "commit")
    columns = [header_column(name, readers, terminal=terminal) for name in names]
    for name in argument_names(readers, which_args):
        columns.append(Column(ARGS, name, [reader.args.get(name, MISSING) for reader in readers]))
    for name in names_in(reader.summary for reader in readers):
        columns.append(Column(SUMMARY, name, [reader.summary.get(name, MISSING) for reader in readers]))
    if not terminal:
        if any(reader.problems for reader in readers):
            columns.append(header_column("problems", readers, terminal=terminal))
        tell_apart(columns)
    return columns


def header_column(name: str, readers: Sequence[ExperimentReader], *, terminal: bool) -> Column:
    """Return a column of what all experiments have, as it is shown there."""
    now = datetime.now(timezone.utc) if terminal else None
    cells = [_HEADER_CELLS[name](reader, now) for reader in readers]
    return Column(HEADER, name, cells, cells)


def tell_apart(columns: Sequence[Column]) -> None:
    """Put the group before each title that stands more than once."""
    counts = Counter(column.title for column in columns)
    for column in columns:
        if column.group and counts[column.title] > 1:
            column.title = f"{column.group}.{column.title}"


def argument_names(readers: Sequence[ExperimentReader], which: str) -> list[str]:
    """Return the names of the arguments to show, in first-seen order."""
    names = names_in(reader.args for reader in readers)
    if which == "none":
        return []
    if which == "all":
        return names
    return [name for name in names if _varies(name, readers) or _differs(name, readers)]


def names_in(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return all keys of some objects, in first-seen order."""
    return list(dict.fromkeys(name for found in objects for name in found))


def alike(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; NaN is, for once, NaN."""
    return (one == other and isinstance(one, bool) == isinstance(other, bool)) or repr(one) == repr(other)


def state_of(reader: ExperimentReader, *, marked: bool = False) -> str:
    """Return how an experiment stands in a word or two; `marked` tells of problems by a trailing "!"."""
    # What says something else than a status may say megabytes of it.
    state = cut(plain(reader.status[: _STATE_WIDTH + 1]), _STATE_WIDTH, "...") or "unknown"
    if reader.status == "RUNNING":
        if reader.lost:
            state = "lost"
        elif reader.silent and reader.silent_for is not None:
            state = f"silent {shown_duration(reader.silent_for).partition(' ')[0]}" if marked else "silent"
    return f"{state} !" if marked and reader.problems else state


def _duration(reader: ExperimentReader, now: datetime | None) -> str:
    """Return how long it took or, for a person who looks at it `now`, how long it has been running."""
    duration = reader.duration
    if duration is None and now and reader.start_time and state_of(reader) == "RUNNING":
        duration = now - reader.start_time
    return "" if duration is None else shown_duration(duration)


def _commit(reader: ExperimentReader) -> str:
    return plain(reader.sha[:7]) + ("+" if reader.metadata.get("git-dirty") is True else "")


_HEADER_CELLS: dict[str, Callable[[ExperimentReader, datetime | None], str]] = {
    "id": lambda reader, now: plain(reader.experiment_id),
    "status": lambda reader, now: state_of(reader, marked=now is not None),
    "start": lambda reader, now: shown_time(reader.start_time, now) if reader.start_time else "",
    "duration": _duration,
    "commit": lambda reader, now: _commit(reader),
    "problems": lambda reader, now: plain("; ".join(map(str, reader.problems))),
}


def _varies(name: str, readers: Sequence[ExperimentReader]) -> bool:
    values = [reader.args[name] for reader in readers if name in reader.args]
    return any(not alike(value, values[0]) for value in values[1:])


def _differs(name: str, readers: Sequence[ExperimentReader]) -> bool:
    """Tell whether an argument has another value than its default; {} says that defaults are not known."""
    if len(readers) == 1 and not readers[0].default_args:
        return True
    return any(
        name in reader.args and not alike(reader.args[name], reader.default_args.get(name, MISSING))
        for reader in readers
        if reader.default_args
    )


def _aligned(cells: list[str]) -> list[str]:
    """Pad numbers on their right so that, set flush right, their points stand below each other."""
    tails = [_tail(cell) for cell in cells]
    longest = max((tail for tail in tails if tail is not None), default=0)
    return [
        cell if tail is None else cell + " " * (longest - tail)
        for cell, tail in zip(cells, tails, strict=True)
    ]


def _tail(cell: str) -> int | None:
    """Return how many characters of a number stand from its point, or its exponent, on; None for words."""
    tail = cell.lstrip("+-0123456789")
    return None if not cell or tail == cell or tail in ("inf", "nan") else len(tail)
