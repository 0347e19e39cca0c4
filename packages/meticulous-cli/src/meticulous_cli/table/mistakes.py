"""What is wrong with a filter that cannot be read: what people are known to write, and where."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from meticulous_cli.table.columns import Field

__all__ = ["may_be_text", "mistake_in", "no_such_text"]

_WORDS = ("and", "or", "not", "in")
_MISTAKES = [
    (re.compile(pattern), sentence)
    for pattern, sentence in (
        ("[\u2018-\u201f\u00ab\u00bb]", "a curly quote: write ' or \""),
        ("['\"]", "a quote that is never closed"),
        ("`", "a back-tick that is never closed"),
        ("=<", "write <= instead of =<"),
        ("=>", "write >= instead of =>"),
        ("&&", "write and instead of &&"),
        (r"\|\|", "write or instead of ||"),
        ("<>", "write != instead of <>"),
        ("!(?!=)", "write not instead of !"),
        ("===", "write == instead of ==="),
        ("(?<![<>=!])=(?!=)", "to compare, write =="),
        *((rf"\b(?!{word})(?i:{word})\b", f"write {word} in small letters") for word in _WORDS),
    )
]


def mistake_in(text: str) -> str:
    """Return a sentence on a filter whose names and quoted texts are blank, "" if there is nothing to say."""
    for pattern, sentence in _MISTAKES:
        found = pattern.search(text)
        if found:
            return f"{sentence} (character {found.start() + 1})"
    return ""


def may_be_text(name: str, tree: ast.Expression, columns: Collection[str]) -> bool:
    """Tell whether a name that is none may be a text without quotes: what a column is said to be or not."""
    for test, operands in _comparisons(tree):
        if all(isinstance(op, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for op in test.ops):
            names = {each.id for each in operands if isinstance(each, ast.Name)}
            if name in names and not names.isdisjoint(columns):
                return True
    return False


def no_such_text(tree: ast.Expression, columns: Mapping[str, Field], rows: Sequence[object]) -> str:
    """Return a sentence on a text that a column is compared with and cannot be, "" if there is none.

    It is one in a column of numbers, or one that no row has as it stands, and some row in other capitals.
    """
    for _, operands in _comparisons(tree):
        fields = [columns[each.id] for each in operands if isinstance(each, ast.Name) and each.id in columns]
        texts = [each.value for each in operands if isinstance(each, ast.Constant)]
        for field in fields:
            values = [value for value in map(field.get, rows) if isinstance(value, (int, float, str))]
            for text in (text for text in texts if isinstance(text, str) and text not in values):
                if values and not any(isinstance(value, (str, bool)) for value in values):
                    return f"{field.name} holds numbers, and '{text}' in quotes is text"
                for value in values:
                    if isinstance(value, str) and value.lower() == text.lower():
                        return f"did you mean '{value}' instead of '{text}'?"
    return ""


def _comparisons(tree: ast.Expression) -> Iterator[tuple[ast.Compare, list[ast.expr]]]:
    """Yield all comparisons with what they compare, the items of lists among it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            lists = [each for each in operands if isinstance(each, (ast.Tuple, ast.List, ast.Set))]
            yield node, operands + [item for each in lists for item in each.elts]
