"""The expressions of a filter: what Python would make of them, within bounds and without an exception.

Only the nodes that are named here are understood; there are no calls and no attributes.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from meticulous_cli._columns import HEADER
from meticulous_cli._fields import Field
from meticulous_cli._text import MISSING, shown_time

__all__ = ["UnknownName", "Unreadable", "compiled", "truth"]

Value = Callable[[Any], Any]

_DEPTH = 50
_POWER_BITS = 4096
_CONSTANTS = {"true": True, "false": False, "null": None}
_TIME = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}([ T][0-9]{2}(:[0-9]{2}(:[0-9]{2})?)?)?)?)?")
_SPAN = re.compile(r"(?:([0-9.]+)d)?(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?")


class Unreadable(Exception):
    """Says what is wrong with an expression."""


class UnknownName(Exception):
    """The name in an expression that no column has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Beginning(str):
    """A text that is compared with as much of it as the other text has: a time, the name of a commit."""


class _Id(str):
    """A text that is compared with a number as one."""


class _Span(float):
    """Seconds that are compared with a text such as 1h 30m."""


def compiled(node: ast.expr, fields: Mapping[str, Field], depth: int = 0) -> Value:
    """Return what computes an expression for a row; `fields` are the columns by the names in it.

    What cannot be computed is MISSING, and a comparison with it false, as is one of kinds that do not
    compare. `== None` is true of what is MISSING.

    Raises:
        Unreadable: it is none of what is understood.
        UnknownName: it holds a name that is no field's.
    """
    if depth > _DEPTH:
        raise Unreadable("it is nested too deeply")

    def inner(node: ast.expr) -> Value:
        return compiled(node, fields, depth + 1)

    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, type(None))):
        constant = node.value
        return lambda row: constant
    if isinstance(node, ast.Name):
        return _named(node.id, fields)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        items = [inner(item) for item in node.elts]
        return lambda row: [item(row) for item in items]
    if isinstance(node, ast.BoolOp):
        parts = [inner(part) for part in node.values]
        joined = all if isinstance(node.op, ast.And) else any
        return lambda row: joined(truth(part(row)) for part in parts)
    if isinstance(node, ast.UnaryOp):
        operand = inner(node.operand)
        if isinstance(node.op, (ast.Not, ast.Invert)):
            return lambda row: not truth(operand(row))
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return lambda row: _computed(operator.mul, sign, operand(row))
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        compute, left, right = _ARITHMETIC[type(node.op)], inner(node.left), inner(node.right)
        return lambda row: _computed(compute, left(row), right(row))
    if isinstance(node, ast.Compare):
        _check_texts([node.left, *node.comparators], fields)
        return _chain(
            inner(node.left), [_TESTS[type(op)] for op in node.ops], list(map(inner, node.comparators))
        )
    if isinstance(node, ast.Attribute):
        raise UnknownName(ast.unparse(node))
    raise Unreadable("it may only compare, compute and use and, or, not, in and parentheses")


def truth(value: Any) -> bool:
    """Return whether a computed value counts as true."""
    return value is not MISSING and bool(value)


def _named(name: str, fields: Mapping[str, Field]) -> Value:
    field = fields.get(name)
    if field is None:
        if name.lower() == "nan":
            raise Unreadable("nan equals nothing, itself neither: write loss != loss to find it")
        if name not in _CONSTANTS:
            raise UnknownName(name)
        constant = _CONSTANTS[name]
        return lambda row: constant
    get = field.get
    convert = _CONVERSIONS.get(field.name) if field.group == HEADER else None
    if convert is None:
        return get

    def converted(row: Any) -> Any:
        value = get(row)
        return value if value is MISSING else convert(value)

    return converted


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "id": _Id,
    "start": lambda moment: _Beginning(shown_time(moment)),
    "duration": lambda duration: _Span(duration.total_seconds()),
    "commit": _Beginning,
}


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


def _test(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def test(left: Any, right: Any) -> bool:
        if left is MISSING or right is MISSING:
            return compare is operator.eq and (left is None or right is None)
        left, right = _met(left, right)
        right, left = _met(right, left)
        try:
            return bool(compare(left, right))
        except TypeError:
            return False

    return test


def _contains(container: Any, item: Any) -> bool | None:
    """Tell whether an item is in a container, None if that is no question to ask."""
    if isinstance(container, str):
        return item in container if isinstance(item, str) else None
    if not isinstance(container, (list, dict)):
        return None
    return any(_EQUAL(item, other) for other in container) or (None if item is MISSING else False)


_EQUAL = _test(operator.eq)
_TESTS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: _EQUAL,
    ast.Is: _EQUAL,
    ast.NotEq: _test(operator.ne),
    ast.IsNot: _test(operator.ne),
    ast.Lt: _test(operator.lt),
    ast.LtE: _test(operator.le),
    ast.Gt: _test(operator.gt),
    ast.GtE: _test(operator.ge),
    ast.In: lambda item, container: _contains(container, item) is True,
    ast.NotIn: lambda item, container: _contains(container, item) is False,
}


def _power(base: float, exponent: float) -> Any:
    # 9**9**9 would take until the end of time, and more memory than there is.
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > _POWER_BITS:
        return MISSING
    return base**exponent


_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
}


def _computed(compute: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
        return MISSING
    try:
        result = compute(left, right)
    except ArithmeticError:
        return MISSING
    return MISSING if isinstance(result, complex) else result


def _met(one: Any, other: Any) -> tuple[Any, Any]:
    """Return two values, the first in the form in which it compares with the other."""
    if isinstance(other, str):
        if isinstance(one, _Beginning) and other:
            return one[: len(other)], other.replace("T", " ")
        if isinstance(one, _Span):
            return float(one), _seconds(other)
    elif isinstance(one, _Id) and isinstance(other, (int, float)) and one.isdecimal():
        return int(one), other
    return one, other


def _seconds(text: str) -> float | None:
    found = _SPAN.fullmatch("".join(text.split()))
    try:
        parts = [float(part or 0) for part in found.groups()] if found and found[0] else None
    except ValueError:  # such as 1.2.3s
        return None
    return sum(map(operator.mul, parts, (86400, 3600, 60, 1))) if parts else None


def _check_texts(operands: Iterable[ast.expr], fields: Mapping[str, Field]) -> None:
    """Refuse to compare a time with a text that is none: it would only be false, without a word."""
    nodes = list(operands)
    headers = [fields[node.id] for node in nodes if isinstance(node, ast.Name) and node.id in fields]
    names = {field.name for field in headers if field.group == HEADER}
    nodes += [
        item for node in nodes if isinstance(node, (ast.Tuple, ast.List, ast.Set)) for item in node.elts
    ]
    for text in (node.value for node in nodes if isinstance(node, ast.Constant)):
        if isinstance(text, str) and "start" in names and not _TIME.fullmatch(text):
            raise Unreadable(f"{text!r} is not a time such as '2026-11-23' or '2026-11-23 10:00'")
        if isinstance(text, str) and "duration" in names and _seconds(text) is None:
            raise Unreadable(f"{text!r} is not a duration such as '1h 30m' or 5400, in seconds")
