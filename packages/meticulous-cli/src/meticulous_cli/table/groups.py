"""Rows → groups of those that have some values in common, and what came out of them on average."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from meticulous_cli.show.cells import HUGE, MISSING, aligned, all_alike, decimals, fixed, number_of, results
from meticulous_cli.show.facts import HEADER, SUMMARY, Column, Row
from meticulous_cli.show.layout import Block
from meticulous_cli.show.style import Style
from meticulous_cli.table.columns import block

# Of a later format than is known, the metadata says so, and nothing else is read.
_OF_ARGUMENTS = {"args.json", "metadata.json"}


class Mean(NamedTuple):
    """What a group has of a result that is a number.

    Attributes:
        mean: of those experiments that have one; MISSING without any.
        deviation: of the sample; None for fewer than two.
        n: how many the mean is of.
    """

    mean: Any
    deviation: float | None
    n: int


class Group(NamedTuple):
    """One row of a grouped table.

    Attributes:
        members: its experiments.
        n: how many of them ended well.
        values: by columns, what they have in common, and the mean of a result or what all agree on.
    """

    members: list[Row]
    n: int
    values: dict[Column, Any]


def group(rows: Sequence[Row], by: Sequence[Column], columns: Iterable[Column]) -> list[Group]:
    """Return a group for each combination of values, of experiments without a value as for one more value.

    Results are those of experiments that ended well. Where half of them or more are numbers, a group has
    their mean, without what is missing, nan or no number; else the value that all agree on.
    """
    members: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        members.setdefault(tuple(_key(column.get(row)) for column in by), []).append(row)
    results = [column for column in columns if column.group == SUMMARY and column not in by]
    ended = [row for row in rows if row.ended_well]
    take = {column: mean_of if _is_averaged(column.values(ended)) else _agreed for column in results}
    groups = []
    for found in members.values():
        well = [row for row in found if row.ended_well]
        values = {column: column.get(found[0]) for column in by}
        values.update((column, take[column](list(map(column.get, well)))) for column in results)
        groups.append(Group(found, len(well), values))
    return groups


def group_columns(by: Sequence[Column], columns: Iterable[Column]) -> Iterator[Column]:
    """Yield the columns that groups have: what they have in common, `n`, and the summary."""
    for column in by:
        yield column._replace(get=_getter(column), text=_text_of(column), score=1.0, least=10)
    yield Column(HEADER, "n", lambda group: group.n, score=math.inf)
    for column in columns:
        if column.group == SUMMARY and column not in by:
            yield column._replace(get=_getter(column))


def has_arguments(row: Row) -> bool:
    """Tell whether arguments are known: where there seem to be none, they may be what cannot be read."""
    return bool(row.args) or not {problem.file for problem in row.reader.problems} & _OF_ARGUMENTS


def differing(groups: Sequence[Sequence[Row]], columns: Iterable[Column]) -> list[Column]:
    """Return the columns that have different values within a group; a missing one is no value."""
    return [column for column in columns if not all(all_alike(column.values(rows)) for rows in groups)]


def repeated(groups: Sequence[Sequence[Row]], over: Sequence[Column]) -> list[str]:
    """Return the experiments that have the same values of some columns as another of their group."""
    found = []
    for rows in groups:
        first: dict[tuple[Any, ...], Row] = {}
        for row in rows:
            known = first.setdefault(tuple(_key(column.get(row)) for column in over), row)
            if known is not row:
                found.append(f"{row.id} of {known.id}")
    return found


def block_of(
    column: Column, title: str, groups: Sequence[Group], style: Style, *, apart: bool = False
) -> Block:
    """Return a column with its cells."""
    if not isinstance(groups[0].values.get(column), Mean):
        return block(column, title, groups, style, apart=apart)
    texts = mean_texts(groups, column, style.plus_minus, apart=apart)
    return Block(column, [title], aligned(texts), right=True)


def mean_texts(groups: Sequence[Group], column: Column, plus_minus: str, *, apart: bool = False) -> list[str]:
    """Return the means of a result, each with its deviation, and its own n where that is another."""
    found = [group.values[column] for group in groups]
    numbers = [each.mean for each in found] + [each.deviation for each in found]
    if all(number in (None, MISSING) or (number == number // 1 and abs(number) < HUGE) for number in numbers):
        # such as of epochs
        numbers = [number if number in (None, MISSING) else int(number) for number in numbers]
    places = decimals(numbers)
    means = results(numbers[: len(found)], apart=apart, places=places)
    texts = []
    for mean, deviation, each, group in zip(means, numbers[len(found) :], found, groups, strict=True):
        text = mean if deviation is None else f"{mean} {plus_minus} {fixed(deviation, places)}"
        texts.append(f"{text} ({each.n})" if 0 < each.n < group.n else text)
    return texts


def _text_of(column: Column) -> Any:
    text: Any = column.text
    return text and (lambda group, now: text(group.members[0], None))


def _getter(column: Column) -> Any:
    return lambda group: value.mean if isinstance(value := group.values[column], Mean) else value


def _key(value: Any) -> tuple[str, Any]:
    """Return what two values have in common if they are the same: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, (list, dict)):
        return "json", json.dumps(value, sort_keys=True)
    if is_nan(value):
        return "nan", None
    return "bool" if isinstance(value, bool) else "", value


def is_nan(value: Any) -> bool:
    """Tell whether a result is nan, or the text that stands for it."""
    return value == "NaN" or (isinstance(value, float) and math.isnan(value))


def left_out(value: Any) -> str:
    """Return why a mean is without a value, or nothing: it is a number, or there is none."""
    if is_nan(value):
        return "nan"
    return "" if value in (MISSING, None) or number_of(value) is not None else "no number"


def _is_averaged(values: Sequence[Any]) -> bool:
    return 2 * list(map(left_out, values)).count("no number") <= len(values)


def mean_of(values: Sequence[Any]) -> Mean:
    """Return the mean of the numbers among some values, without nan."""
    numbers = map(number_of, values)
    known = [number for number in numbers if number is not None and not is_nan(number)]
    if not known:
        return Mean(MISSING, None, 0)
    try:
        mean = math.fsum(known) / len(known)
        # From one of them, as no float holds how far a large integer is from a mean of its size.
        offsets = [value - known[0] for value in known]
        middle = math.fsum(offsets) / len(known)
        squares = math.hypot(*(offset - middle for offset in offsets))
    except (OverflowError, ValueError):  # beyond what a float holds, or infinities of both signs
        return Mean(math.nan, None, len(known))
    deviation = squares / math.sqrt(len(known) - 1) if len(known) > 1 else math.nan
    return Mean(mean, deviation if math.isfinite(deviation) else None, len(known))


def _agreed(values: list[Any]) -> Any:
    return values[0] if values and all_alike(values) else MISSING
