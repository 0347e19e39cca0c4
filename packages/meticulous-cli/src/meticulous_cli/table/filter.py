"""Filters as people write them → the rows of which they hold.

A filter is an expression in Python's grammar, in which names of columns may be any text: a placeholder
replaces each before it is parsed. Only the nodes that are named here are understood, within bounds and
without an exception; there are no calls and no attributes.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.show.cells import MISSING
from meticulous_cli.show.facts import HEADER, Column
from meticulous_cli.table.columns import described
from meticulous_cli.table.names import Names
from meticulous_cli.table.values import ARITHMETIC, CONVERSIONS, TESTS, computed, local_time, seconds

__all__ = ["matching"]

Row = TypeVar("Row")
Value = Callable[[Any], Any]

_DEPTH = 50
_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_OPERATORS = {"&": " and ", "|": " or ", "\n": " "}
_WORDS = ("and", "or", "not", "in", "is", "True", "False", "None", "true", "false", "null")
_CONSTANTS = {"true": True, "false": False, "null": None}
# Times, spans and commits that lack quotes.
_UNQUOTED = re.compile(r"(?<![\w.'\"-])[0-9][\w:.-]*(?: [0-9]{2}:[0-9:.]+)?")
_LISTS = (ast.Tuple, ast.List, ast.Set)
_SHOWN_COLUMNS = 3


class _Unreadable(Exception):
    """Says what is wrong with an expression."""


def matching(rows: Sequence[Row], filters: Sequence[str], names: Names) -> list[Row]:
    """Return the rows of which all filters hold.

    Raises:
        CommandError: a filter cannot be understood, or names no column, or more than one by one name; or
            they hold of no row, and the error says what there is instead.
    """
    kept = list(rows)
    compiled = [_Filter(text, names) for text in filters]
    for each in compiled:
        kept = [row for row in kept if each.holds(row)]
    if rows and not kept:
        columns = dict.fromkeys(column for each in compiled for column in each.columns.values())
        there = " · ".join(
            filter(None, (described(column, rows) for column in list(columns)[:_SHOWN_COLUMNS]))
        )
        raise CommandError(f"none of {len(rows)} experiments{': ' * bool(there)}{there}", DATA)
    return kept


class _Filter:
    """One filter.

    Attributes:
        columns: those that it names, by what stands for them in Python's grammar.
    """

    def __init__(self, text: str, names: Names) -> None:
        self._text = text
        self._names = names
        self.columns: dict[str, Column] = {}
        source = self._with_placeholders()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an escape that is none, say
                tree = ast.parse(source, mode="eval")
            self._value = self._condition(tree.body, 0)
        # Python's parser has errors of several kinds for what is too long, too deep, or no text at all.
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._unreadable("write it like lr < 0.1 and status == 'SUCCESS'") from None
        except _Unreadable as error:
            raise self._unreadable(str(error)) from None
        if not self.columns:
            raise CommandError(f"the filter {text} names no column: it is the same for all", USAGE)

    def holds(self, row: Any) -> bool:
        """Tell whether it is true of a row."""
        return _truth(self._value(row))

    def _with_placeholders(self) -> str:
        """Return the filter in Python's grammar, and keep which columns its placeholders stand for."""
        mark = "_"
        while mark in self._text:
            mark += "_"

        def replaced(found: re.Match[str]) -> str:
            if found["operator"]:
                return _OPERATORS[found["operator"]]
            name = found["name"] if found["ticked"] is None else found["ticked"]
            if name is None:
                return found[0]
            placeholder = f"{mark}{len(self.columns)}"
            self.columns[placeholder] = self._names.find(name)
            return f" {placeholder} "

        # The longest first, so that learning-rate is neither rate nor a difference.
        names = sorted(filter(_stands_bare, self._names.all_names()), key=len, reverse=True)
        pattern = (
            rf"{_QUOTED}|`(?P<ticked>[^`]*)`|(?P<operator>[&|\n])"
            rf"|(?<![\w.])(?P<name>{'|'.join(map(re.escape, names))})(?!\w|\.\w)"
        )
        return re.sub(pattern, replaced, self._text, flags=re.DOTALL).strip()

    def _unreadable(self, reason: str) -> CommandError:
        """Return the error for what cannot be read; where quotes or back-ticks are missing, with them."""
        # By parts that are quoted, and those between them.
        parts = re.split(rf"({_QUOTED}|`[^`]*`)", self._text, flags=re.DOTALL)
        for name in sorted(self._names.all_names(), key=len, reverse=True):
            if not _stands_bare(name) and not name.isidentifier() and len(name) > 1:
                ticked = [
                    part if place % 2 else part.replace(name, f"`{name}`") for place, part in enumerate(parts)
                ]
                if ticked != parts:
                    return CommandError("this name needs back-ticks", USAGE, _command("".join(ticked)))
        texts = [part if place % 2 else _UNQUOTED.sub(_with_quotes, part) for place, part in enumerate(parts)]
        if texts != parts:
            return CommandError("a time needs quotes, as any text", USAGE, _command("".join(texts)))
        return CommandError(f"cannot read the filter {self._text}: {reason}", USAGE)

    def _condition(self, node: ast.expr, depth: int) -> Value:
        """Return what computes a condition: a list or a constant is none, as it is always true or false."""
        if isinstance(node, _LISTS) or (depth and _is_constant(node)):
            raise _Unreadable(
                "write each comparison in full, as in seed == 0 or seed == 1, or seed in (0, 1)"
            )
        return self._compiled(node, depth)

    def _compiled(self, node: ast.expr, depth: int) -> Value:
        """Return what computes a value for a row.

        What cannot be computed is MISSING, and a comparison with it false, as is one of kinds that do not
        compare. `== None` is true of what is MISSING.
        """
        if depth > _DEPTH:
            raise _Unreadable("it is nested too deeply")

        def inner(node: ast.expr) -> Value:
            return self._compiled(node, depth + 1)

        def condition(node: ast.expr) -> Value:
            return self._condition(node, depth + 1)

        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, type(None))):
            constant = node.value
            return lambda row: constant
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, _LISTS):
            items = list(map(inner, node.elts))
            return lambda row: [item(row) for item in items]
        if isinstance(node, ast.BoolOp):
            parts = list(map(condition, node.values))
            joined = all if isinstance(node.op, ast.And) else any
            return lambda row: joined(_truth(part(row)) for part in parts)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, (ast.Not, ast.Invert)):
                negated = condition(node.operand)
                return lambda row: not _truth(negated(row))
            operand, sign = inner(node.operand), -1 if isinstance(node.op, ast.USub) else 1
            return lambda row: computed(operator.mul, sign, operand(row))
        if isinstance(node, ast.BinOp) and type(node.op).__name__ in ARITHMETIC:
            compute, left, right = ARITHMETIC[type(node.op).__name__], inner(node.left), inner(node.right)
            return lambda row: computed(compute, left(row), right(row))
        if isinstance(node, ast.Compare):
            self._check([node.left, *node.comparators])
            for op, container in zip(node.ops, node.comparators, strict=True):
                # (1) is no list in Python, either.
                is_text = isinstance(container, ast.Constant) and isinstance(container.value, str)
                if isinstance(op, (ast.In, ast.NotIn)) and _is_constant(container) and not is_text:
                    raise _Unreadable("in takes a list, as in seed in (1, 2)")
            tests = [TESTS[type(op).__name__] for op in node.ops]
            return _chain(inner(node.left), tests, list(map(inner, node.comparators)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
            dotted = ast.unparse(node)
            for placeholder, column in self.columns.items():
                dotted = dotted.replace(placeholder, column.name)
            raise self._names.unknown(dotted)
        raise _Unreadable("it may only compare, compute and use and, or, not, in and parentheses")

    def _named(self, name: str) -> Value:
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda row: constant
        if name not in self.columns:
            raise self._names.unknown(name)
        column = self.columns[name]
        get, convert = column.get, CONVERSIONS.get(column.name) if column.group == HEADER else None
        if convert is None:
            return get

        def converted(row: Any) -> Any:
            value = get(row)
            return value if value is MISSING else convert(value)

        return converted

    def _check(self, operands: Sequence[ast.expr]) -> None:
        """Refuse to compare what cannot be meant: it would only be false, without a word."""
        nodes = [item for node in operands for item in (node.elts if isinstance(node, _LISTS) else [node])]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        headers = {
            self.columns[name].name
            for name in names & set(self.columns)
            if self.columns[name].group == HEADER
        }
        for name in names - set(self.columns) - set(_CONSTANTS) if names & set(self.columns) else ():
            if name.lower() == "nan":
                raise _Unreadable("nan equals nothing, itself neither: write loss != loss to find it")
            if "did you mean" not in self._names.unknown(name).message:
                text = re.sub(rf"(?<![\w'\"]){re.escape(name)}(?![\w'\"])", f"'{name}'", self._text)
                raise CommandError(f"text needs quotes: '{name}'", USAGE, _command(text))
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if "start" in headers and local_time(node.value) is None:
                    raise _Unreadable(
                        f"{node.value!r} is not a time such as '2026-11-23 10:00', 'yesterday' or '7d'"
                    )
                if "duration" in headers and seconds(node.value) is None:
                    raise _Unreadable(
                        f"{node.value!r} is not a duration such as '1h 30m' or 5400, in seconds"
                    )
            elif headers & {"start", "commit"} and _is_number(node):
                raise _Unreadable("a time or a commit is compared with text, as in start > '2026-11-23'")


def _command(text: str) -> str:
    from meticulous_cli.paths import quoted

    return f"meticulous --filter {quoted(text)}"


def _stands_bare(name: str) -> bool:
    """Tell whether a name is one wherever it stands: `0.1`, `not` and `f(x)` need back-ticks to be names."""
    if name in _WORDS or not re.search(r"\b[^\W\d]", name) or re.search(r"['\"`<>=!&|~,()\[\]{}\n]", name):
        return False
    # Where another character stands at an end, it cannot be told from an operator.
    return all(char == "_" or char.isalnum() or not char.isascii() for char in name[0] + name[-1])


def _with_quotes(found: re.Match[str]) -> str:
    try:
        float(found[0])
    except ValueError:
        return f"'{found[0]}'"
    return found[0]


def _is_constant(node: ast.expr) -> bool:
    """Tell whether a node is one constant, perhaps with a sign."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in _CONSTANTS)


def _is_number(node: ast.expr) -> bool:
    """Tell whether a node is a number or computes one."""
    return isinstance(node, (ast.BinOp, ast.UnaryOp)) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (int, float))
    )


def _truth(value: Any) -> bool:
    return value is not MISSING and bool(value)


def _chain(first: Value, tests: list[Callable[[Any, Any], bool]], others: list[Value]) -> Value:
    def compare(row: Any) -> bool:
        left = first(row)
        for test, other in zip(tests, others, strict=True):
            right = other(row)
            if not test(left, right):
                return False
            left = right
        return True

    return compare
