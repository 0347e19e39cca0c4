"""What is known of an experiment: the columns of the header, each in one line of one table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.show.cells import MISSING, number_of, shown
from meticulous_cli.show.text import cut, plain, shown_duration, shown_time

HEADER, ARGS, SUMMARY, METADATA, DEFAULT_ARGS = "header", "args", "summary", "metadata", "default_args"
GROUPS = (ARGS, SUMMARY, METADATA, DEFAULT_ARGS)
# JSON that a recorder writes is nested less deeply: objects become columns all the way down.
ALL_LEVELS = 200

_STATE_WIDTH = 40
_LARGEST = 2**20  # a record may be anybody's


class Row:
    """One experiment, with objects in what was recorded spread over names such as `optim.lr`.

    Attributes:
        reader: what was read of it.
        id: under which it is shown: of several directories, with the directory.
        levels: down to which objects are spread.
        args, summary, default_args, metadata: what was recorded.
        state: how the experiment stands, in a word or two.
    """

    __slots__ = ("args", "default_args", "id", "levels", "metadata", "reader", "state", "summary")

    args: dict[str, Any]
    summary: dict[str, Any]
    default_args: dict[str, Any]
    metadata: dict[str, Any]
    state: str

    def __init__(self, reader: ExperimentReader, name: str = "", levels: int = ALL_LEVELS) -> None:
        self.reader = reader
        self.id = name or reader.experiment_id
        self.levels = levels
        self.args = reader.spread(ARGS, levels)
        self.summary = reader.spread(SUMMARY, levels)

    def __getattr__(self, name: str) -> Any:
        """Work out what is asked for the first time: most tables need no metadata, for instance."""
        if name == "state":
            # What says something else than a status may say megabytes of it.
            self.state = cut(plain(self.reader.state[: _STATE_WIDTH + 1]), _STATE_WIDTH, "...")
        elif name in GROUPS:
            setattr(self, name, self.reader.spread(name, self.levels))
        else:
            raise AttributeError(name)
        return getattr(self, name)

    @property
    def ended_well(self) -> bool:
        """Whether results are final, and can be trusted as far as a program can tell."""
        return self.reader.status == "SUCCESS"


class Column(NamedTuple):
    """One column: where its values come from, and how it looks. Its group and name are what it is equal by.

    Attributes:
        group: HEADER, or the part of an experiment that it comes from.
        name: as it was recorded.
        get: takes its value from a row, be that an experiment or a group of them; MISSING where it has none.
        text: how the header shows it at a terminal now, or (None) elsewhere; other columns show their values.
        frame: its full name in the reader's frame, where that is another.
        score: how soon it gets room in a terminal; 0 if only when it is asked for.
        right: whether its cells end below each other; such are not cut, as numbers and times are none then.
        last: whether it stands behind the results.
        least, most: how wide its text is if cut, where there is little room and where there is much.
    """

    group: str
    name: str
    get: Callable[[Any], Any]
    text: Callable[[Row, datetime | None], str] | None = None
    frame: str = ""
    score: float = 0.0
    right: bool = False
    last: bool = False
    least: int = 16
    most: int = 40

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Column) and self[:2] == other[:2]

    def __hash__(self) -> int:
        return hash(self[:2])

    @property
    def full_name(self) -> str:
        """The name that no other column has."""
        return f"{self.group}.{self.name}"

    def values(self, rows: Iterable[Any]) -> list[Any]:
        """Return its values, without those that are missing."""
        return [value for row in rows if (value := self.get(row)) is not MISSING]

    def shown(self, row: Any, now: datetime | None = None) -> str:
        """Return its cell of one row, whatever the others have."""
        return self.text(row, now) if self.text else shown(self.get(row))


def column_of(group: str, name: str) -> Column:
    """Return the column of a name that was recorded in one of GROUPS."""
    if group == SUMMARY:
        return Column(group, name, lambda row: result(row.summary.get(name, MISSING)))
    if group == ARGS:
        return Column(group, name, lambda row: row.args.get(name, MISSING))
    return Column(group, name, lambda row: getattr(row, group).get(name, MISSING))


def names_in(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all keys of some objects, in first-seen order."""
    # Most have the keys of one before.
    return list(dict.fromkeys(itertools.chain.from_iterable(dict.fromkeys(map(tuple, objects)))))


def reason_of(reader: ExperimentReader) -> str:
    """Return why it ended as it did, in one line."""
    return plain(reader.reason)


def text_of(reader: ExperimentReader, key: str) -> str:
    """Return a text in the metadata, "" where there is none."""
    value = reader.metadata.get(key)
    return value if isinstance(value, str) else ""


def short(sha: str) -> str:
    """Return as much of a commit as tells it apart."""
    return plain(sha[:7])


def is_dirty(recorded: Mapping[str, Any]) -> bool:
    """Tell whether code differed from the commit that is recorded beside this."""
    return recorded.get("git-dirty") is True


def repositories_of(reader: ExperimentReader) -> dict[str, tuple[str, bool, str]]:
    """Return commit, dirtiness and URL of the further repositories that code came from, by their folder."""
    others = reader.metadata.get("git-repositories")
    return {
        str(other.get("directory")): (
            str(other.get("githead-sha")),
            is_dirty(other),
            str(other.get("git-remote") or ""),
        )
        for other in (others if isinstance(others, list) else ())
        if isinstance(other, dict)
    }


def requirements_of(reader: ExperimentReader) -> str:
    """Return the packages that an experiment ran with, a line each; "" where none can be read."""
    try:
        with reader.open("requirements.txt", errors="replace") as file:
            return str(file.read(_LARGEST))
    except (OSError, ValueError):
        return ""


def result(value: Any) -> Any:
    """Return a value of a summary, where "NaN" stands for the number."""
    number = number_of(value) if type(value) is str else None
    return value if number is None else number


def _status(row: Row, now: datetime | None) -> str:
    state, silence = row.state, None
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
    if duration is None and now and row.reader.start_time and row.state == "RUNNING":
        duration = now - row.reader.start_time
    return "" if duration is None else shown_duration(duration)


def _commit(row: Row) -> str:
    """Return the commit; with uncommitted changes, it is other code."""
    return row.reader.sha + "+" * is_dirty(row.reader.metadata) if row.reader.sha else ""


def _short_commit(row: Row, now: datetime | None) -> str:
    commit = _commit(row)
    return short(commit) + commit[40:]


def _header(
    name: str,
    get: Callable[[Row], Any],
    text: Callable[[Row, datetime | None], str] | None = None,
    frame: str = "",
    **looks: Any,
) -> Column:
    def value(row: Row) -> Any:
        return MISSING if (found := get(row)) is None or found == "" else found

    return Column(HEADER, name, value, text or (lambda row, now: plain(get(row))), frame, **looks)


def _text_in(key: str) -> Callable[[Row], str]:
    return lambda row: text_of(row.reader, key)


_PROSE: dict[str, Any] = {"last": True, "least": 24, "most": 60}
# In the order in which they stand; a column more is a line more.
_COLUMNS = (
    _header("id", lambda row: row.id, score=math.inf),
    _header("status", lambda row: row.state, _status, score=math.inf),
    _header("start", lambda row: row.reader.start_time, _start, "header.start_time", score=0.6, right=True),
    _header("duration", lambda row: row.reader.duration, _duration, score=0.4, right=True),
    _header("commit", _commit, _short_commit, "header.sha", score=0.2),
    _header("host", _text_in("hostname"), frame="metadata.hostname"),
    _header("runtime", _text_in("runtime"), frame="metadata.runtime"),
    _header("description", _text_in("description"), frame="metadata.description", score=0.5, **_PROSE),
    _header("reason", lambda row: row.reader.reason, **_PROSE),
    _header("problems", lambda row: "; ".join(map(str, row.reader.problems)), last=True),
)
HEADER_COLUMNS = {column.name: column for column in _COLUMNS}
