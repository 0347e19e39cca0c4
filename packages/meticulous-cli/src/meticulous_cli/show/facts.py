"""What is known of an experiment: the columns of the header, each in one line of one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.show.text import MISSING, cut, number_of, plain, shown_duration, shown_time

__all__ = [
    "ARGS",
    "DEFAULT_ARGS",
    "GROUPS",
    "HEADER",
    "HEADER_COLUMNS",
    "METADATA",
    "SUMMARY",
    "Column",
    "Row",
    "column_of",
    "ended_well",
    "names_in",
    "reason_of",
    "spread",
    "state_of",
]

HEADER, ARGS, SUMMARY, METADATA, DEFAULT_ARGS = "header", "args", "summary", "metadata", "default_args"
GROUPS = (ARGS, SUMMARY, METADATA, DEFAULT_ARGS)
# JSON that a recorder writes is nested less deeply: objects become columns all the way down.
ALL_LEVELS = 1000

_STATE_WIDTH = 40


class Row:
    """One experiment, its objects spread over names such as `optim.lr`.

    Attributes:
        reader: what was read of it.
        id: under which it is shown: of several directories, with the directory.
        args, summary, default_args: as recorded, down to `levels` of objects.
    """

    __slots__ = ("_levels", "args", "default_args", "id", "reader", "summary")

    def __init__(self, reader: ExperimentReader, name: str = "", levels: int = ALL_LEVELS) -> None:
        self.reader = reader
        self.id = name or reader.experiment_id
        self._levels = levels
        self.args = spread(reader.args, levels)
        self.summary = spread(reader.summary, levels)
        self.default_args = spread(reader.default_args, levels)

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata, seldom asked for."""
        return spread(self.reader.metadata, self._levels)


class Column(NamedTuple):
    """One column: where its values come from, and how it looks.

    Attributes:
        group: HEADER, or the part of an experiment that it comes from.
        name: as it was recorded.
        get: takes its value from a row, be that an experiment or a group of them; MISSING where it has none.
        text: how the header shows it at a terminal now, or (None) elsewhere; other columns show their values.
        frame: its name in the header of the reader's frame, where that is another.
        score: how soon it gets room in a terminal; 0 if only when it is asked for.
        cut: whether its cells may be cut; not so times and numbers.
        right: whether its cells end below each other.
    """

    group: str
    name: str
    get: Callable[[Any], Any]
    text: Callable[[Row, datetime | None], str] | None = None
    frame: str = ""
    score: float = 0.0
    cut: bool = True
    right: bool = False

    @property
    def full_name(self) -> str:
        """The name that no other column has."""
        return f"{self.group}.{self.name}"


def column_of(group: str, name: str) -> Column:
    """Return the column of a name that was recorded in one of GROUPS."""
    if group == SUMMARY:
        return Column(group, name, lambda row: _result(row.summary.get(name, MISSING)))
    if group == ARGS:
        return Column(group, name, lambda row: row.args.get(name, MISSING))
    return Column(group, name, lambda row: getattr(row, group).get(name, MISSING))


def spread(values: dict[str, Any], levels: int = ALL_LEVELS, prefix: str = "") -> dict[str, Any]:
    """Return values with those of objects in them under their path, unless that is a name itself."""
    if levels <= 0 or dict not in set(map(type, values.values())):
        return {prefix + name: value for name, value in values.items()} if prefix else values
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            for path, inner in spread(value, levels - 1, f"{prefix}{name}.").items():
                found.setdefault(path, inner)
        else:
            found[prefix + name] = value
    return found


def names_in(objects: Iterable[dict[str, Any]]) -> list[str]:
    """Return all keys of some objects, in first-seen order."""
    return list(dict.fromkeys(name for found in objects for name in found))


def state_of(reader: ExperimentReader) -> str:
    """Return how an experiment stands in a word: its status, or `lost` or `silent` for RUNNING."""
    if reader.status == "RUNNING":
        return "lost" if reader.lost else "silent" if reader.silent else "RUNNING"
    # What says something else than a status may say megabytes of it.
    return cut(plain(reader.status[: _STATE_WIDTH + 1]), _STATE_WIDTH, "...") or "unknown"


def ended_well(reader: ExperimentReader) -> bool:
    """Tell whether results are final, and can be trusted as far as a program can tell."""
    return reader.status == "SUCCESS"


def reason_of(reader: ExperimentReader) -> str:
    """Return why it ended as it did, in one line: of a traceback the last one."""
    lines = reader.status_message.strip().splitlines()
    return plain(lines[-1].strip()) if lines else ""


def _result(value: Any) -> Any:
    number = number_of(value) if type(value) is str else None  # there, "NaN" stands for the number
    return value if number is None else number


def _status(row: Row, now: datetime | None) -> str:
    state, silence = state_of(row.reader), None
    if now and state == "silent" and (silence := row.reader.silent_for) is not None:
        state += f" {shown_duration(silence).partition(' ')[0]}"
    return f"{state} !" if now and row.reader.problems else state


def _start(row: Row, now: datetime | None) -> str:
    start = row.reader.start_time
    if start is None:
        return ""
    return shown_time(start, now) if now else shown_time(start).replace(" ", "T")


def _duration(row: Row, now: datetime | None) -> str:
    """Return how long it took or, for a person who looks at it `now`, how long it has been running."""
    duration = row.reader.duration
    if duration is None and now and row.reader.start_time and state_of(row.reader) == "RUNNING":
        duration = now - row.reader.start_time
    return "" if duration is None else shown_duration(duration)


def _commit(row: Row) -> str:
    """Return the commit; with uncommitted changes, it is other code."""
    return row.reader.sha + "+" * (row.reader.metadata.get("git-dirty") is True) if row.reader.sha else ""


def _short_commit(row: Row, now: datetime | None) -> str:
    commit = _commit(row)
    return plain(commit[:7]) + commit[40:]


def _text_in_metadata(key: str) -> Callable[[Row], str]:
    def get(row: Row) -> str:
        value = row.reader.metadata.get(key)
        return value if isinstance(value, str) else ""

    return get


def _or_missing(get: Callable[[Row], Any]) -> Callable[[Row], Any]:
    def value(row: Row) -> Any:
        found = get(row)
        return MISSING if found is None or found == "" else found

    return value


def _header(
    name: str,
    get: Callable[[Row], Any],
    text: Callable[[Row, datetime | None], str] | None = None,
    **more: Any,
) -> Column:
    return Column(HEADER, name, _or_missing(get), text or (lambda row, now: plain(get(row))), **more)


# In the order in which they stand; a column more is a line more.
HEADER_COLUMNS = {
    column.name: column
    for column in (
        _header("id", lambda row: row.id, score=math.inf),
        _header("status", lambda row: state_of(row.reader), _status, score=math.inf),
        _header(
            "start",
            lambda row: row.reader.start_time,
            _start,
            frame="start_time",
            score=0.6,
            cut=False,
            right=True,
        ),
        _header("duration", lambda row: row.reader.duration, _duration, score=0.4, cut=False, right=True),
        _header("commit", _commit, _short_commit, frame="sha", score=0.2, cut=False),
        _header("description", _text_in_metadata("description"), score=0.5),
        _header("reason", lambda row: reason_of(row.reader)),
        _header("host", _text_in_metadata("hostname")),
        _header("runtime", _text_in_metadata("runtime")),
        _header("problems", lambda row: "; ".join(map(str, row.reader.problems))),
    )
}
