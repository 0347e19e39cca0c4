"""The columns that can be named, and which of them a name means."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.table.was_facts import ARGS, HEADER, METADATA, SUMMARY, names_in, state_of
from meticulous_cli.table.was_text import MISSING, number_of

__all__ = ["Field", "Fields", "experiment_fields"]

DEFAULT_ARGS = "default_args"
# Where a short name is looked for: what stands in a later tier only if it is in none before.
_TIERS = {HEADER: 0, ARGS: 1, SUMMARY: 1, METADATA: 2, DEFAULT_ARGS: 3}
_GROUPS = (ARGS, SUMMARY, METADATA, DEFAULT_ARGS)
# How they stand in a message, those that are asked for most often first.
_TOLD = (SUMMARY, ARGS, HEADER, METADATA)

_HEADER: dict[str, Callable[[ExperimentReader], Any]] = {
    "id": lambda reader: reader.experiment_id,
    "status": state_of,
    "start": lambda reader: reader.start_time or MISSING,
    "duration": lambda reader: MISSING if reader.duration is None else reader.duration,
    # With uncommitted changes it is other code.
    "commit": lambda reader: (
        reader.sha + "+" * (reader.metadata.get("git-dirty") is True) if reader.sha else MISSING
    ),
    "problems": lambda reader: "; ".join(map(str, reader.problems)) or MISSING,
}


class Field(NamedTuple):
    """One column that can be named.

    Attributes:
        group: HEADER, or what of an experiment it comes from.
        name: as it was recorded.
        get: takes its value from a row, be that an experiment or a group of them; MISSING where it has none.
    """

    group: str
    name: str
    get: Callable[[Any], Any]

    @property
    def full_name(self) -> str:
        """The name that no other column has."""
        return f"{self.group or 'header'}.{self.name}"


class Fields:
    """The columns that a table could have; they are looked for when the first one is asked for.

    Of groups, `ungrouped` are those that their experiments have.
    """

    def __init__(self, fields: Iterable[Field], ungrouped: Fields | None = None) -> None:
        self._source = fields
        self._ungrouped = ungrouped

    def __iter__(self) -> Iterator[Field]:
        return iter(self._by_full_name.values())

    def get(self, name: str) -> Field | None:
        """Return the column of a full or short name, None if there is none.

        Raises:
            CommandError: columns of several groups have this short name.
        """
        field = self._by_full_name.get(name)
        if field is not None:
            return field
        found = self._by_name.get(name, [])
        if len(found) > 1:
            choices = " or ".join(field.full_name for field in found)
            raise CommandError(f"the column {name} is ambiguous: say {choices}", USAGE)
        return found[0] if found else None

    def find(self, name: str) -> Field:
        """Return the column of a full or short name.

        Raises:
            CommandError: there is none, or more than one.
        """
        field = self.get(name)
        if field is None:
            raise self.unknown(name)
        return field

    def find_all(self, values: Sequence[str]) -> list[Field]:
        """Return the columns that lists of names and shell-style patterns, separated by commas, stand for.

        A column that is named more than once stands at its first place. A pattern that starts with a group
        (`summary.*`) is one of full names, another one of the names of header, arguments and summary.

        Raises:
            CommandError: a name or pattern stands for no column, or a name for more than one.
        """
        found: dict[str, Field] = {}
        for value in values:
            # A whole value may be a name that has commas.
            names = [value] if self.get(value) else [name.strip() for name in value.split(",")]
            for name in filter(None, names):
                fields = self._matching(name) if self.get(name) is None else [self.find(name)]
                if not fields:
                    raise self.unknown(name)
                found.update((field.full_name, field) for field in fields)
        return list(found.values())

    def names(self) -> set[str]:
        """Return all names, short and full, the ambiguous among them."""
        return {*self._by_full_name, *self._by_name}

    def short_name(self, field: Field) -> str:
        """Return the short name that stands for a column, "" if it stands for another, too."""
        alone = self._by_name[field.name] == [field] and field.name not in self._by_full_name
        return field.name if alone else ""

    def unknown(self, name: str, *, or_text: bool = False) -> CommandError:
        """Return the error for a name that no column has; `or_text`, if a text may have been meant."""
        import difflib

        if self._ungrouped is not None and name in self._ungrouped.names():
            hint = "a group has what --groupby names, count and the means of the summary"
            return CommandError(f"no column {name} for groups: {hint}", USAGE)
        known = list(dict.fromkeys(field.name for group in _TOLD for field in self if field.group == group))
        start = name.partition(".")[0] + "."
        other_case = [found for found in (*known, *self._by_full_name) if found.lower() == name.lower()]
        full = [known for known in self._by_full_name if known.startswith(start)] if _is_full(name) else []
        close = other_case or difflib.get_close_matches(name, full or known, n=3)
        close += [f"the text '{name}'"] if or_text else []
        if "." in name and name.rpartition(".")[0] in self.names():
            hint = f"--normalize-json-values makes columns of what is in {name.rpartition('.')[0]}"
        elif close:
            hint = f"did you mean {' or '.join(close)}?"
        else:
            hint = f"there are {', '.join(known[:12])}{' …' if len(known) > 12 else ''}"
        return CommandError(f"no column {name}: {hint}", USAGE)

    @functools.cached_property
    def _by_full_name(self) -> dict[str, Field]:
        return {field.full_name: field for field in self._source}

    @functools.cached_property
    def _by_name(self) -> dict[str, list[Field]]:
        found: dict[str, list[Field]] = {}
        for field in sorted(self, key=lambda field: _TIERS[field.group]):
            rivals = found.setdefault(field.name, [])
            if not rivals or _TIERS[rivals[0].group] == _TIERS[field.group]:
                rivals.append(field)
        return found

    def _matching(self, pattern: str) -> list[Field]:
        if not any(char in pattern for char in "*?["):
            return []
        if _is_full(pattern):
            return [field for field in self if fnmatchcase(field.full_name, pattern)]
        return [field for field in self if _TIERS[field.group] <= 1 and fnmatchcase(field.name, pattern)]


def _is_full(name: str) -> bool:
    return name.partition(".")[0] in ("header", *_GROUPS) and "." in name


def experiment_fields(readers: Sequence[ExperimentReader]) -> Iterator[Field]:
    """Yield all columns that some experiments have, in the order of the table."""
    for name, get in _HEADER.items():
        yield Field(HEADER, name, get)
    for group in _GROUPS:
        for name in names_in(getattr(reader, group) for reader in readers):
            yield Field(group, name, _getter(group, name))


def _getter(group: str, name: str) -> Callable[[ExperimentReader], Any]:
    if group != SUMMARY:
        return lambda reader: getattr(reader, group).get(name, MISSING)

    def get(reader: ExperimentReader) -> Any:
        value = reader.summary.get(name, MISSING)
        number = number_of(value)  # there, "NaN" stands for the number
        return value if number is None else number

    return get
