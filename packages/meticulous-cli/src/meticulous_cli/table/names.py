"""What a name stands for: the columns that a table could have, by their full and short names."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.show.facts import ARGS, DEFAULT_ARGS, GROUPS, HEADER, METADATA, SUMMARY, Column

# Where a short name is looked for: what stands in a later tier only if it is in none before.
_TIERS = {HEADER: 0, ARGS: 1, SUMMARY: 1, METADATA: 2, DEFAULT_ARGS: 3}
_KINDS = {HEADER: "a fact", ARGS: "an argument", SUMMARY: "a result", METADATA: "metadata"}


class Names:
    """The columns that a table could have; they are looked for when the first one is asked for.

    Of groups, `ungrouped` are those that their experiments have.
    """

    def __init__(self, columns: Iterable[Column], ungrouped: Names | None = None) -> None:
        self._source = columns
        self._ungrouped = ungrouped

    def __iter__(self) -> Iterator[Column]:
        return iter(self._by_full_name.values())

    def get(self, name: str) -> Column | None:
        """Return the column of a full or short name, None if there is none.

        Raises:
            CommandError: columns of several groups have this short name.
        """
        column = self._by_full_name.get(name)
        if column is not None:
            return column
        found = self._by_name.get(name, [])
        if len(found) > 1:
            kinds = " and ".join(_KINDS[column.group] for column in found)
            choices = " or ".join(column.full_name for column in found)
            raise CommandError(f"{name} is {kinds}: write {choices}", USAGE)
        return found[0] if found else None

    def find(self, name: str) -> Column:
        """Return the column of a full or short name.

        Raises:
            CommandError: there is none, or more than one.
        """
        column = self.get(name)
        if column is None:
            raise self.unknown(name)
        return column

    def find_all(self, values: Sequence[str]) -> list[Column]:
        """Return the columns that lists of names and shell-style patterns, separated by commas, stand for.

        A column that is named more than once stands at its first place. A pattern that starts with a group
        (`summary.*`) is one of full names, another one of the names of header, arguments and summary.

        Raises:
            CommandError: a name or pattern stands for no column, or a name for more than one.
        """
        found: dict[str, Column] = {}
        for value in values:
            # A whole value may be a name that has commas.
            names = [value] if self.get(value) else [name.strip() for name in value.split(",")]
            for name in filter(None, names):
                columns = self._matching(name) if self.get(name) is None else [self.find(name)]
                if not columns:
                    raise self.unknown(name)
                found.update((column.full_name, column) for column in columns)
        return list(found.values())

    def all_names(self) -> set[str]:
        """Return all names, short and full, the ambiguous among them."""
        return {*self._by_full_name, *self._by_name}

    def short_name(self, column: Column) -> str:
        """Return the short name that stands for a column, "" if it stands for another, too."""
        alone = self._by_name[column.name] == [column] and column.name not in self._by_full_name
        return column.name if alone else ""

    def unknown(self, name: str) -> CommandError:
        """Return the error for a name that no column has."""
        import difflib

        if self._ungrouped is not None and name in self._ungrouped.all_names():
            labels = ", ".join(column.name for column in self if column.group != SUMMARY)
            return CommandError(f"groups have no {name}: they have {labels} and the summary", USAGE)
        parts = [known for known in self.all_names() if known.startswith(f"{name}.")]
        if name in _TIERS and parts:
            return CommandError(f"{name} is a group of columns: write '{name}.*'", USAGE)
        if parts:
            short = sorted(known for known in parts if not _is_full(known)) or sorted(parts)
            return CommandError(f"{name} has parts: {_listed(short)}", USAGE)
        # The header, which every experiment has, last.
        known = list(dict.fromkeys(column.name for column in sorted(self, key=lambda c: c.group == HEADER)))
        pool = [full for full in self._by_full_name if full.startswith(name.partition(".")[0] + ".")]
        other_case = [found for found in (*known, *self._by_full_name) if found.lower() == name.lower()]
        close = other_case or difflib.get_close_matches(name, pool if _is_full(name) else known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {_listed(known)}"
        return CommandError(f"no column {name}: {hint}", USAGE)

    @functools.cached_property
    def _by_full_name(self) -> dict[str, Column]:
        return {column.full_name: column for column in self._source}

    @functools.cached_property
    def _by_name(self) -> dict[str, list[Column]]:
        found: dict[str, list[Column]] = {}
        for column in sorted(self, key=lambda column: _TIERS[column.group]):
            rivals = found.setdefault(column.name, [])
            if not rivals or _TIERS[rivals[0].group] == _TIERS[column.group]:
                rivals.append(column)
        return found

    def _matching(self, pattern: str) -> list[Column]:
        if _is_full(pattern):
            return [column for column in self if fnmatchcase(column.full_name, pattern)]
        return [column for column in self if _TIERS[column.group] <= 1 and fnmatchcase(column.name, pattern)]


def _is_full(name: str) -> bool:
    return name.partition(".")[0] in (HEADER, *GROUPS) and "." in name


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
