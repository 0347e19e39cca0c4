"""Recorded values → the cells that show them, with as many digits as it takes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from meticulous_cli.show.text import plain


class _Missing:
    """What stands where an experiment has no value: JSON's null is a value."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return ""


MISSING: Any = _Missing()

_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# All digits that a float may need, and how many of them an argument has at most unless that makes two alike.
_ALL_DIGITS, _DIGITS = 17, 6
# From here on, a number without its exponent is a row of zeros.
HUGE = 1e15


def alike(one: Any, other: Any) -> bool:
    """Tell whether two JSON values are the same; NaN is, for once, NaN."""
    return (one == other and isinstance(one, bool) == isinstance(other, bool)) or repr(one) == repr(other)


def all_alike(values: list[Any], others: list[Any] | None = None) -> bool:
    """Tell whether values are the same as others, pair by pair, or (without any) all the same."""
    others = values[:1] * len(values) if others is None else others
    # Tens of thousands of them are compared at once where they are equal, and else one by one.
    if values == others and list(map(type, values)) == list(map(type, others)):
        return True
    return all(map(alike, values, others))


def number_of(value: Any) -> int | float | None:
    """Return the number that a JSON value is, or stands for as "NaN" and the like do; else None."""
    if isinstance(value, str):
        return _NON_FINITE.get(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def numeric(values: Sequence[Any]) -> bool:
    """Tell whether values are numbers as far as there are any."""
    return set(map(type, values)) <= {int, float, type(None), type(MISSING)}


def shown(value: Any, digits: int = _DIGITS) -> str:
    """Return any JSON value as it stands in a table or on a page: floats to as many significant digits."""
    if value is MISSING:
        return ""
    if isinstance(value, str):
        # Whoever asks for all digits wants to tell the text from the number. "a" and "a " look alike, too.
        return repr(value) if digits >= _ALL_DIGITS or value != value.strip() else plain(value) or "''"
    if isinstance(value, float):
        return _shown_float(value, digits)
    if isinstance(value, (list, dict)):
        return plain(json.dumps(_rounded(value, digits), ensure_ascii=False))
    return str(value)


def arguments(values: Sequence[Any], digits: int = _DIGITS) -> list[str]:
    """Return arguments as they were given, with more digits than six only where two would look alike."""
    if set(map(type, values)) == {int}:
        return list(map(str, values))
    cells = [shown(value, digits) for value in values]
    simple = len(set(map(type, values))) == 1 and isinstance(values[0], (bool, str))
    if digits >= _ALL_DIGITS or (simple and len(set(cells)) == len(set(values))):
        return cells
    seen: dict[str, Any] = {}
    unclear = {
        cell
        for cell, value in zip(cells, values, strict=True)
        if (first := seen.setdefault(cell, value)) is not value and not alike(first, value)
    }
    if unclear:
        alike_ones = [value for cell, value in zip(cells, values, strict=True) if cell in unclear]
        longer = iter(arguments(alike_ones, digits + 1))
        cells = [next(longer) if cell in unclear else cell for cell in cells]
    return cells


def results(values: Sequence[Any], *, apart: bool = False, places: int | None = None) -> list[str]:
    """Return results with the same number of decimals; `apart`, with as many as tell different ones apart."""
    if not numeric(values):
        return arguments(values)
    places = decimals(values) if places is None else places
    while True:
        # Most are neither so small nor so large that they need a closer look.
        least, template = _least(places), f"%.{places}f"
        cells = [
            template % value if type(value) is float and least <= abs(value) < HUGE else fixed(value, places)
            for value in values
        ]
        if not apart or len(set(cells)) == len(set(map(repr, values))):
            return cells
        if places >= _ALL_DIGITS:  # such as of 1 and 1.0
            return arguments(values)
        places += 1


def decimals(values: Sequence[Any]) -> int:
    """Return how many decimals a column of results has: fewer the larger they are, and none unrecorded."""
    found = [value for value in values if type(value) is float and math.isfinite(value)]
    if not found:
        return 0
    largest = max(map(abs, found))
    if largest >= 0.1:
        places = 4 - sum(largest >= bound for bound in (10, 100, 1000))
    else:
        places = 3 - math.floor(math.log10(largest)) if largest else 1
    recorded = 0
    for value in set(found):
        recorded = max(recorded, _recorded_decimals(value))
        if recorded >= places:
            return places
    return recorded


def fixed(value: Any, places: int) -> str:
    """Return a number with so many decimals; what they are too few for has three significant digits."""
    if type(value) is not float and (type(value) is not int or not places or abs(value) >= HUGE):
        return shown(value)
    size = abs(value)
    if not math.isfinite(size):
        return str(value)
    if size >= HUGE or 0 < size < _least(places):
        return f"{value:.{max(places, 4) if size >= HUGE else 3}g}"
    return f"{value:.{places}f}"


def _least(places: int) -> float:
    """Return the smallest number that so many decimals are enough for."""
    # Where large numbers leave few decimals, small ones must not lose what they say.
    return 10.0 ** (1 - places) if places < 4 else 0.5 * 10.0**-places


def aligned(cells: Sequence[str]) -> list[str]:
    """Pad numbers on their right so that, set flush right, their points stand below each other."""
    decimals = {len(cell.partition(".")[2]) for cell in cells}
    if (len(decimals) == 1 and 0 not in decimals) or "".join(cells).isdecimal():
        return list(cells)
    tails = [_tail(cell) for cell in cells]
    longest = max((tail for tail in tails if tail is not None), default=0)
    return [
        cell if tail is None else cell + " " * (longest - tail)
        for cell, tail in zip(cells, tails, strict=True)
    ]


def _shown_float(value: float, digits: int) -> str:
    if not math.isfinite(value) or digits >= _ALL_DIGITS:
        return str(value)
    text = f"{value:.{digits}g}"
    if not text.lstrip("-").isdigit():
        return text
    # A whole number is none of the integers, and what is none does not look like one: 1.0000001.
    return f"{text}.0" if value == int(value) else str(value)


def _rounded(value: Any, digits: int) -> Any:
    if isinstance(value, float) and math.isfinite(value) and digits < _ALL_DIGITS:
        return float(f"{value:.{digits}g}")
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    return {key: _rounded(item, digits) for key, item in value.items()} if isinstance(value, dict) else value


def _recorded_decimals(value: float) -> int:
    mantissa, _, exponent = repr(value).partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _tail(cell: str) -> int | None:
    """Return how many characters of a number stand from its point, or its exponent, on; None for words."""
    tail = cell.lstrip("+-0123456789")
    return None if not cell or tail == cell or tail in ("inf", "nan") else len(tail)
