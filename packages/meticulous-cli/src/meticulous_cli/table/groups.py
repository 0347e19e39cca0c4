"""Experiments → groups of those that have some values in common, and what came out of them on average."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from meticulous_read import ExperimentReader

from meticulous_cli.table.columns import Field, Fields
from meticulous_cli.table.was_facts import HEADER, SUMMARY, alike
from meticulous_cli.table.was_text import MISSING, number_of

__all__ = ["Group", "group", "group_fields"]


class Group(NamedTuple):
    """One row of a grouped table.

    Attributes:
        first: the first of its experiments, which has the values that they have in common.
        values: the row, by the full names of its columns.
    """

    first: ExperimentReader
    values: dict[str, Any]


def group(readers: Sequence[ExperimentReader], by: Sequence[Field], fields: Fields) -> list[Group]:
    """Return a group for each combination of values, of experiments without a value as for one more value.

    Of a summary's column of numbers a group has the mean: NaN counts, as to leave it out would hide a run
    that diverged, and what is missing does not. Of another column it has the value that all agree on.
    """
    members: dict[tuple[Any, ...], list[ExperimentReader]] = {}
    for reader in readers:
        members.setdefault(tuple(_key(field.get(reader)) for field in by), []).append(reader)
    merges = {field: _merge_of(field, readers) for field in _summary(by, fields)}
    groups = []
    for found in members.values():
        values = {field.full_name: field.get(found[0]) for field in by}
        values["header.count"] = len(found)
        for field, merge in merges.items():
            values[field.full_name] = merge([field.get(reader) for reader in found])
        groups.append(Group(found[0], values))
    return groups


def group_fields(by: Sequence[Field], fields: Fields) -> Iterator[Field]:
    """Yield the columns that groups have: what they have in common, `count`, and the summary."""
    for field in (*by, Field(HEADER, "count", lambda group: None), *_summary(by, fields)):
        yield field._replace(get=_getter(field.full_name))


def _summary(by: Sequence[Field], fields: Fields) -> list[Field]:
    return [field for field in fields if field.group == SUMMARY and field not in by]


def _getter(name: str) -> Callable[[Group], Any]:
    return lambda group: group.values[name]


def _key(value: Any) -> tuple[str, Any]:
    """Return what two values have in common if they are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, (list, dict)):
        return "json", json.dumps(value, sort_keys=True)
    if isinstance(value, float) and math.isnan(value):
        return "nan", None
    return "bool" if isinstance(value, bool) else "", value


def _merge_of(field: Field, readers: Sequence[ExperimentReader]) -> Callable[[list[Any]], Any]:
    values = (field.get(reader) for reader in readers)
    numeric = all(value in (MISSING, None) or number_of(value) is not None for value in values)
    return _mean if numeric else _agreed


def _mean(values: list[Any]) -> Any:
    known = [value for value in values if value is not MISSING and value is not None]
    if not known:
        return MISSING
    try:
        return math.fsum(known) / len(known)
    except ValueError:  # infinities of both signs
        return math.nan
    except OverflowError:  # an integer may be larger than any float, and so may be a sum
        special = [value for value in known if isinstance(value, float) and not math.isfinite(value)]
        if special:
            return sum(special)
        mean = sum(map(Fraction, known)) / len(known)
        try:
            return float(mean)
        except OverflowError:
            return round(mean)


def _agreed(values: list[Any]) -> Any:
    known = [value for value in values if value is not MISSING]
    return known[0] if known and all(alike(value, known[0]) for value in known) else MISSING
