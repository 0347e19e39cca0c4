"""Which experiments, in which order, and which column a name means."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from meticulous_read import ExperimentReader

from meticulous_cli._columns import names_in, state_of
from meticulous_cli._errors import USAGE, CommandError
from meticulous_cli._text import MISSING, number_of

__all__ = ["column_getter", "select"]

Getter = Callable[[ExperimentReader], Any]

_HEADER: dict[str, Getter] = {
    "id": lambda reader: reader.experiment_id,
    "status": state_of,
    "start": lambda reader: reader.start_time.timestamp() if reader.start_time else MISSING,
    "duration": lambda reader: reader.duration.total_seconds() if reader.duration is not None else MISSING,
    "commit": lambda reader: reader.sha or MISSING,
}
# Where a short name is looked for; what stands in metadata.json only if it is nowhere else.
_GROUPS = ("args", "summary", "metadata")


def select(
    readers: Sequence[ExperimentReader], sort: Sequence[str], *, reverse: bool, tail: int | None
) -> list[ExperimentReader]:
    """Return the experiments sorted by some columns, else as they come, and of these the last `tail`.

    Those without a value (or with NaN) come first, whichever way it is sorted, as the tail is what is read.
    """
    chosen = list(readers)
    if reverse and not sort:
        chosen.reverse()
    for name in reversed(sort):
        get = column_getter(name, readers)
        known: list[tuple[Any, ExperimentReader]] = []
        unknown: list[tuple[Any, ExperimentReader]] = []
        for reader in chosen:
            key = _order(get(reader))
            (unknown if key is None else known).append((key, reader))
        known.sort(key=lambda item: item[0], reverse=reverse)
        chosen = [reader for _, reader in unknown + known]
    return chosen[-tail:] if tail else chosen


def column_getter(name: str, readers: Sequence[ExperimentReader]) -> Getter:
    """Return what takes a column's value from an experiment; MISSING where it has none.

    Raises:
        CommandError: no column has this name, or columns of several groups do.
    """
    group, _, rest = name.partition(".")
    if name in _HEADER or (group == "header" and rest in _HEADER):
        return _HEADER[name if name in _HEADER else rest]
    names = {group: names_in(getattr(reader, group) for reader in readers) for group in _GROUPS}
    if group in _GROUPS and rest in names[group]:
        return _getter(group, rest)
    found = [group for group in _GROUPS if name in names[group]]
    if found and found[0] != "metadata":
        found = [group for group in found if group != "metadata"]
    if len(found) == 1:
        return _getter(found[0], name)
    if found:
        choices = " or ".join(f"{group}.{name}" for group in found)
        raise CommandError(f"the column {name} is ambiguous: say {choices}", USAGE)
    import difflib

    known = [*_HEADER, *(key for keys in names.values() for key in keys)]
    close = difflib.get_close_matches(name, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known[:12])} …"
    raise CommandError(f"no column {name}: {hint}", USAGE)


def _getter(group: str, name: str) -> Getter:
    return lambda reader: getattr(reader, group).get(name, MISSING)


def _order(value: Any) -> tuple[int, Any] | None:
    """Return a sorting key that any two JSON values have in common: numbers, then text, then the rest."""
    if value is MISSING or value is None:
        return None
    number = float(value) if isinstance(value, bool) else number_of(value)
    if number is not None:
        return None if math.isnan(number) else (0, number)
    if isinstance(value, str):
        # As text at even places and numbers at odd ones, so that 2 comes before 10.
        parts = enumerate(re.split(r"([0-9]+)", value))
        return (1, [int(part) if place % 2 else part for place, part in parts])
    return (2, repr(value))
