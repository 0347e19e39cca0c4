"""Filters as people write them → the experiments of which they hold."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Sequence
from typing import TypeVar

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.table.columns import Field, Fields
from meticulous_cli.table.expression import UnknownName, Unreadable, compiled, truth
from meticulous_cli.table.mistakes import may_be_text, mistake_in, no_such_text

__all__ = ["matching", "why_none"]

Row = TypeVar("Row")

_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_OPERATORS = {"&": " and ", "|": " or ", "\n": " "}
_WORDS = ("and", "or", "not", "in", "is", "True", "False", "None", "true", "false", "null")


def matching(rows: Sequence[Row], filters: Sequence[str], fields: Fields) -> list[Row]:
    """Return the rows of which all filters hold.

    Raises:
        CommandError: a filter cannot be understood, or names no column, or more than one by one name.
    """
    kept = list(rows)
    for test in [_test(text, fields, rows) for text in filters]:
        kept = [row for row in kept if test(row)]
    return kept


def why_none(rows: Sequence[object], filters: Sequence[str], fields: Fields) -> str:
    """Return what may be wrong with filters that can be read and hold of no row, "" if nothing is seen."""
    for text in filters:
        source, columns, _, _ = _with_placeholders(text, fields)
        found = no_such_text(_parsed(source), columns, rows)
        if found:
            return found
    return ""


def _parsed(source: str) -> ast.Expression:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an escape that is none, say
        return ast.parse(source, mode="eval")


def _test(text: str, fields: Fields, rows: Sequence[object]) -> Callable[[object], bool]:
    source, columns, blank, place_of = _with_placeholders(text, fields)
    try:
        tree = _parsed(source)
        value = compiled(tree.body, columns)
    except UnknownName as error:
        outer = fields.get(error.name.rpartition(".")[0])
        if outer is not None and not any(isinstance(outer.get(row), dict) for row in rows):
            message = (
                f"no column {error.name}: {outer.name} holds no objects, and a filter knows no attributes"
            )
            raise CommandError(message, USAGE) from None
        raise fields.unknown(error.name, or_text=may_be_text(error.name, tree, columns)) from None
    except Unreadable as error:
        # NOT (lr > 1) is no mistake in Python's grammar, but a call.
        raise CommandError(f"cannot read the filter {text}: {mistake_in(blank) or error}", USAGE) from None
    # Python's parser has errors of several kinds for what is too long, too deep, or no text at all.
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = mistake_in(blank)
        unknown = "" if reason else _unknown_name(source, columns)
        if unknown:
            raise fields.unknown(unknown) from None
        # Python gives the first character the number 1, and 0 to the end of what ends too early.
        offset = error.offset if isinstance(error, SyntaxError) else None
        where = f" (character {place_of(offset - 1) + 1})" if offset else ""
        reason = reason or f"write it like lr < 0.1 and status == 'SUCCESS'{where}"
        raise CommandError(f"cannot read the filter {text}: {reason}", USAGE) from None
    if not columns:
        raise CommandError(f"the filter {text} names no column, so it is the same for all experiments", USAGE)
    return lambda row: truth(value(row))


def _with_placeholders(text: str, fields: Fields) -> tuple[str, dict[str, Field], str, Callable[[int], int]]:
    """Return a filter in Python's grammar, the columns by the names that stand for them there, and the rest.

    The rest is the filter as it was written, with blanks in the place of names and of quoted texts; and then
    what finds the place in it that a place in Python's grammar came from.
    """
    columns: dict[str, Field] = {}
    places = [(0, 0)]  # where a replacement begins or ends: as Python sees it, and as it was written
    mark = "_"
    while mark in text:
        mark += "_"

    def replaced(found: re.Match[str]) -> str:
        new = replacement(found)
        begin = places[-1][0] + found.start() - places[-1][1]
        places.append((begin + len(new) - len(new.lstrip()), found.start()))
        places.append((begin + len(new), found.end()))
        return new

    def replacement(found: re.Match[str]) -> str:
        if found["operator"]:
            return _OPERATORS[found["operator"]]
        name = found["name"] if found["ticked"] is None else found["ticked"]
        if name is None:
            return found[0]
        placeholder = f"{mark}{len(columns)}"
        columns[placeholder] = fields.find(name)
        return f" {placeholder} "

    # The longest first, so that learning-rate is neither rate nor a difference.
    names = sorted(filter(_stands_bare, fields.names()), key=len, reverse=True)
    pattern = re.compile(
        rf"{_QUOTED}|`(?P<ticked>[^`]*)`|(?P<operator>[&|\n])"
        rf"|(?<![\w.])(?P<name>{'|'.join(map(re.escape, names))})(?!\w|\.\w)",
        re.DOTALL,
    )
    blank = pattern.sub(lambda found: found[0] if found["operator"] else " " * len(found[0]), text)
    source = pattern.sub(replaced, text)
    margin = len(source) - len(source.lstrip())

    def place_of(place: int) -> int:
        seen, written = max(known for known in places if known[0] <= place + margin)
        return written + place + margin - seen

    return source.strip(), columns, blank, place_of


def _stands_bare(name: str) -> bool:
    """Tell whether a name is one wherever it stands: `0.1`, `not` and `f(x)` need back-ticks to be names."""
    if name in _WORDS or not re.search(r"\b[^\W\d]", name) or re.search(r"['\"`<>=!&|~,()\[\]{}\n]", name):
        return False
    # Where another character stands at an end, it cannot be told from an operator.
    return all(char == "_" or char.isalnum() or not char.isascii() for char in name[0] + name[-1])


def _unknown_name(source: str, columns: dict[str, Field]) -> str:
    """Return the first words in an unreadable filter that are nothing that is known."""
    known = "|".join(map(re.escape, [*columns, *_WORDS]))
    for words in re.split(rf"{_QUOTED}|\b(?:{known})\b|[^\w .-]+", source, flags=re.DOTALL):
        if re.match(r"[^\W\d]", words.strip(" .-")):
            return words.strip(" .-")
    return ""
