"""Filters as people write them → the rows of which they hold.

A filter is an expression in Python's grammar, in which names of columns may be any text: a placeholder
replaces each before it is parsed. Only the nodes that are named here are understood, within bounds and
without an exception; there are no calls and no attributes.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.show.facts import HEADER, Column
from meticulous_cli.show.shell import command
from meticulous_cli.table.columns import described
from meticulous_cli.table.names import Names
from meticulous_cli.table.values import ARITHMETIC, TESTS, comparable, computed, local_time, seconds

Row = TypeVar("Row")
Value = Callable[[Any], Any]

_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_OPERATORS = {"&": " and ", "|": " or ", "\n": " "}
_WORDS = ("and", "or", "not", "in", "is", "True", "False", "None", "true", "false", "null")
_CONSTANTS = {"true": True, "false": False, "null": None, "nan": "NaN", "NaN": "NaN", "inf": math.inf}
# Times, spans and commits that lack quotes: what starts like a number, and is none.
_UNQUOTED = r"(?<![\w.'\"-])(?![0-9.]+(?:e[+-]?[0-9]+)?(?![\w:.-]))[0-9][\w:.-]*(?:\+(?!\S)| \d\d:[\d:.]+)?"
_LISTS = (ast.Tuple, ast.List, ast.Set)
_SHOWN_COLUMNS = 3
# What text compares with a column of the header, and what it is like.
_TEXTS = {
    "start": (local_time, "a time such as '2026-11-23 10:00', '14:50', 'yesterday' or '7d'"),
    "duration": (seconds, "a duration such as '1h 30m' or 5400, in seconds"),
}


class _Unreadable(Exception):
    """Says what is wrong with an expression."""


def matching(rows: Sequence[Row], filters: Sequence[str], names: Names) -> list[Row]:
    """Return the rows of which all filters hold.

    Raises:
        CommandError: a filter cannot be understood, or names no column, or more than one by one name; or
            they hold of no row, and the error says what there is instead.
    """
    kept = list(rows)
    compiled = [_Filter(text, names, kept) for text in filters]
    for each in compiled:
        kept = [row for row in kept if each.holds(row)]
    if rows and not kept:
        columns = dict.fromkeys(column for each in compiled for column in each.columns.values())
        there = " · ".join(described(column, rows) for column in list(columns)[:_SHOWN_COLUMNS])
        raise CommandError(f"none of {len(rows)} experiments: {there}", DATA)
    return kept


class _Filter:
    """One filter.

    Attributes:
        columns: those that it names, by what stands for them in Python's grammar.
    """

    def __init__(self, text: str, names: Names, rows: Sequence[Any]) -> None:
        self._text = text
        self._names = names
        self._rows = rows
        self.columns: dict[str, Column] = {}
        source = self._with_placeholders()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of an escape that is none, say
                tree = ast.parse(source, mode="eval")
            self._value = self._condition(tree.body)
        # Python's parser has errors of several kinds for what is too long, too deep, or no text at all.
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._unreadable("write it like lr < 0.1 and status == 'SUCCESS'") from None
        except _Unreadable as error:
            raise self._unreadable(str(error)) from None
        if not self.columns:
            raise CommandError(f"the filter {text} names no column: it is the same for all", USAGE)

    def holds(self, row: Any) -> bool:
        """Tell whether it is true of a row."""
        return bool(self._value(row))

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
        odd = [name for name in self._names.all_names() if not _stands_bare(name) and not name.isidentifier()]
        names = "|".join(re.escape(name) for name in sorted(odd, key=len, reverse=True) if len(name) > 1)
        for part, form, message in (
            (names, "`{}`", "this name needs back-ticks"),
            (_UNQUOTED, "'{}'", "a time needs quotes, as any text"),
            ("(?<![=<>!])=(?![=<>])", "==", "== compares"),
        ):
            if part and (text := self._replaced(part, form)) != self._text:
                return self._corrected(message, text)
        return CommandError(f"cannot read the filter {self._text}: {reason}", USAGE)

    def _corrected(self, message: str, text: str) -> CommandError:
        """Return an error with the filter that was meant, as a command or, where no shell takes it, as it is.

        On Windows, none takes a back-tick: PowerShell would read it as its own.

        Raises:
            CommandError: that filter cannot be understood either, and the error may correct it further.
        """
        _Filter(text, self._names, self._rows)
        line = command(["--filter", text])
        return CommandError(message if line else f"{message}: {text}", USAGE, line)

    def _replaced(self, part: str, form: str) -> str:
        """Return the filter with another form of what fits a pattern, but for what stands in quotes."""
        return re.sub(
            rf"{_QUOTED}|`[^`]*`|(?P<part>{part})",
            lambda found: form.format(found[0]) if found["part"] else found[0],
            self._text,
            flags=re.DOTALL,
        )

    def _condition(self, node: ast.expr) -> Value:
        """Return what computes a condition: a list or a constant is none, as it is always true or false."""
        operand = node.operand if isinstance(node, ast.UnaryOp) else node
        is_constant = isinstance(operand, ast.Name) and operand.id in _CONSTANTS
        if is_constant or isinstance(operand, (ast.Constant, *_LISTS)):
            raise _Unreadable(
                "write each comparison in full, as in seed == 0 or seed == 1, or seed in (0, 1)"
            )
        return self._compiled(node)

    def _compiled(self, node: ast.expr) -> Value:
        """Return what computes a value for a row.

        What cannot be computed is MISSING, and a comparison with it false, as is one of kinds that do not
        compare. `== None` is true of what is MISSING.
        """
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, type(None))):
            constant = node.value
            return lambda row: constant
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, _LISTS):
            items = list(map(self._compiled, node.elts))
            return lambda row: [item(row) for item in items]
        if isinstance(node, ast.BoolOp):
            parts = list(map(self._condition, node.values))
            joined = all if isinstance(node.op, ast.And) else any
            return lambda row: joined(part(row) for part in parts)
        if isinstance(node, ast.UnaryOp):
            if isinstance(node.op, (ast.Not, ast.Invert)):
                negated = self._condition(node.operand)
                return lambda row: not negated(row)
            operand, sign = self._compiled(node.operand), -1 if isinstance(node.op, ast.USub) else 1
            return lambda row: computed(operator.mul, sign, operand(row))
        if isinstance(node, ast.BinOp) and type(node.op).__name__ in ARITHMETIC:
            compute = ARITHMETIC[type(node.op).__name__]
            left, right = self._compiled(node.left), self._compiled(node.right)
            return lambda row: computed(compute, left(row), right(row))
        if isinstance(node, ast.Compare):
            self._check([node.left, *node.comparators])
            tests = [TESTS[type(op).__name__] for op in node.ops]
            operands = list(map(self._compiled, [node.left, *node.comparators]))
            steps = list(zip(tests, operands, operands[1:], strict=False))
            return lambda row: all(test(one(row), other(row)) for test, one, other in steps)
        if isinstance(node, ast.Attribute) and isinstance(node.value, (ast.Name, ast.Attribute)):
            raise self._names.unknown(ast.unparse(node))
        raise _Unreadable("it may only compare, compute and use and, or, not, in and parentheses")

    def _named(self, name: str) -> Value:
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda row: constant
        if name not in self.columns:
            raise self._names.unknown(name)
        return comparable(self.columns[name])

    def _check(self, operands: Sequence[ast.expr]) -> None:
        """Refuse to compare what cannot be meant: it would only be false, without a word."""
        nodes = [item for node in operands for item in (node.elts if isinstance(node, _LISTS) else [node])]
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        columns = [self.columns[name] for name in names & set(self.columns)]
        headers = {column.name for column in columns if column.group == HEADER}
        if columns and (text := self._with_quotes(nodes, columns)) != self._text:
            raise self._corrected("text needs quotes", text)
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for parse, example in (_TEXTS[name] for name in headers & set(_TEXTS)):
                    if parse(node.value) is None:
                        raise _Unreadable(f"{node.value!r} is not {example}")
            elif headers & {"start", "commit"} and _is_number(node):
                raise _Unreadable("a time or a commit is compared with text, as in start > '2026-11-23'")

    def _with_quotes(self, nodes: Sequence[ast.expr], columns: Sequence[Column]) -> str:
        """Return the filter with quotes around what is no name, and is like none or a value of a column."""
        found = {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}
        unknown = found - set(self.columns) - set(_CONSTANTS)
        texts = {node.id for node in nodes if isinstance(node, ast.Name)} & unknown
        texts = {name for name in texts if "did you mean" not in self._names.unknown(name).message}
        for column in columns if unknown else ():
            values = {value for value in column.values(self._rows) if isinstance(value, str)}
            texts |= {value for value in values if any(name in value for name in unknown)}
        part = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
        return self._replaced(rf"(?<!\w)(?:{part})(?!\w)", "'{}'") if part else self._text


def _stands_bare(name: str) -> bool:
    """Tell whether a name is one wherever it stands: `0.1`, `not` and `f(x)` need back-ticks to be names."""
    if name in _WORDS or not re.search(r"\b[^\W\d]", name) or re.search(r"['\"`<>=!&|~,()\[\]{}\n]", name):
        return False
    # Where another character stands at an end, it cannot be told from an operator.
    return all(char == "_" or char.isalnum() or not char.isascii() for char in name[0] + name[-1])


def _is_number(node: ast.expr) -> bool:
    """Tell whether a node is a number, or computes one as 2026-11-23 does."""
    return isinstance(node, ast.BinOp) or (isinstance(node, ast.Constant) and node.value is not None)
