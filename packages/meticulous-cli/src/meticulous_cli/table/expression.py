"""The expressions of a filter: what Python would make of them, within bounds and without an exception.

Only the nodes that are named here are understood; there are no calls and no attributes.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from meticulous_cli.table.columns import Field
from meticulous_cli.table.comparable import CONVERSIONS, local_time, met, seconds
from meticulous_cli.table.was_facts import HEADER
from meticulous_cli.table.was_text import MISSING

__all__ = ["UnknownName", "Unreadable", "compiled", "truth"]

Value = Callable[[Any], Any]

_DEPTH = 50
_POWER_BITS = 4096
_CONSTANTS = {"true": True, "false": False, "null": None}


class Unreadable(Exception):
    """Says what is wrong with an expression."""


class UnknownName(Exception):
    """The name in an expression that no column has."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def compiled(node: ast.expr, fields: Mapping[str, Field]) -> Value:
    """Return what computes a condition for a row; `fields` are the columns by the names in it.

    What cannot be computed is MISSING, and a comparison with it false, as is one of kinds that do not
    compare. `== None` is true of what is MISSING.

    Raises:
        Unreadable: it is none of what is understood.
        UnknownName: it holds a name that is no field's.
    """
    return _condition(node, fields, 0)


def _condition(node: ast.expr, fields: Mapping[str, Field], depth: int) -> Value:
    """Return what computes an expression that is to be true or false: a list and a constant always are."""
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        raise Unreadable(
            "a list is no condition: write and between conditions, or a list as in seed in (1, 2)"
        )
    if depth and _is_constant(node):
        raise Unreadable(
            f"{ast.unparse(node)} alone is no condition: write each comparison in full,"
            " as in seed == 0 or seed == 1"
        )
    return _compiled(node, fields, depth)


def _is_constant(node: ast.expr, *, text: bool = True) -> bool:
    """Tell whether a node is one constant, perhaps with a sign; a text is none unless `text`."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.Name):
        return node.id in _CONSTANTS
    return isinstance(node, ast.Constant) and (text or not isinstance(node.value, str))


def _compiled(node: ast.expr, fields: Mapping[str, Field], depth: int) -> Value:
    if depth > _DEPTH:
        raise Unreadable("it is nested too deeply")

    def inner(node: ast.expr) -> Value:
        return _compiled(node, fields, depth + 1)

    def condition(node: ast.expr) -> Value:
        return _condition(node, fields, depth + 1)

    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, type(None))):
        constant = node.value
        return lambda row: constant
    if isinstance(node, ast.Name):
        return _named(node.id, fields)
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        items = [inner(item) for item in node.elts]
        return lambda row: [item(row) for item in items]
    if isinstance(node, ast.BoolOp):
        parts = list(map(condition, node.values))
        joined = all if isinstance(node.op, ast.And) else any
        return lambda row: joined(truth(part(row)) for part in parts)
    if isinstance(node, ast.UnaryOp):
        negated = isinstance(node.op, (ast.Not, ast.Invert))
        operand = (condition if negated else inner)(node.operand)
        if negated:
            return lambda row: not truth(operand(row))
        sign = -1 if isinstance(node.op, ast.USub) else 1
        return lambda row: _computed(operator.mul, sign, operand(row))
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        compute, left, right = _ARITHMETIC[type(node.op)], inner(node.left), inner(node.right)
        return lambda row: _computed(compute, left(row), right(row))
    if isinstance(node, ast.Compare):
        _check_texts([node.left, *node.comparators], fields)
        for op, container in zip(node.ops, node.comparators, strict=True):
            # (1) is no list in Python, either.
            if isinstance(op, (ast.In, ast.NotIn)) and _is_constant(container, text=False):
                raise Unreadable("in takes a list, as in seed in (1, 2): for one value write seed == 1")
        return _chain(
            inner(node.left), [_TESTS[type(op)] for op in node.ops], list(map(inner, node.comparators))
        )
    if isinstance(node, ast.Attribute) and (name := _dotted(node, fields)):
        raise UnknownName(name)
    raise Unreadable("it may only compare, compute and use and, or, not, in and parentheses")


def truth(value: Any) -> bool:
    """Return whether a computed value counts as true."""
    return value is not MISSING and bool(value)


def _dotted(node: ast.expr, fields: Mapping[str, Field]) -> str:
    """Return names with dots between them as they were written; "" for an attribute of something else."""
    if isinstance(node, ast.Name):
        return fields[node.id].name if node.id in fields else node.id
    inner = _dotted(node.value, fields) if isinstance(node, ast.Attribute) else ""
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else ""


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
    convert = CONVERSIONS.get(field.name) if field.group == HEADER else None
    if convert is None:
        return get

    def converted(row: Any) -> Any:
        value = get(row)
        return value if value is MISSING else convert(value)

    return converted


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
        left, right = met(left, right)
        right, left = met(right, left)
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


def _check_texts(operands: Iterable[ast.expr], fields: Mapping[str, Field]) -> None:
    """Refuse to compare a time with a text that is none: it would only be false, without a word."""
    nodes = list(operands)
    headers = [fields[node.id] for node in nodes if isinstance(node, ast.Name) and node.id in fields]
    names = {field.name for field in headers if field.group == HEADER}
    nodes += [
        item for node in nodes if isinstance(node, (ast.Tuple, ast.List, ast.Set)) for item in node.elts
    ]
    for text in (node.value for node in nodes if isinstance(node, ast.Constant)):
        if isinstance(text, str) and "start" in names and local_time(text) is None:
            raise Unreadable(f"{text!r} is not a time such as '2026-11-23' or '2026-11-23 10:00'")
        if isinstance(text, str) and "duration" in names and seconds(text) is None:
            raise Unreadable(f"{text!r} is not a duration such as '1h 30m' or 5400, in seconds")
