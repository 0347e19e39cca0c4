"""What is wrong with a filter that cannot be read: what people are known to write, and where."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection

__all__ = ["may_be_text", "mistake_in"]

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
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare) or not all(
            isinstance(test, (ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for test in node.ops
        ):
            continue
        operands = [node.left, *node.comparators]
        nested = [
            item
            for each in operands
            if isinstance(each, (ast.Tuple, ast.List, ast.Set))
            for item in each.elts
        ]
        names = {each.id for each in (*operands, *nested) if isinstance(each, ast.Name)}
        if name in names and not names.isdisjoint(columns):
            return True
    return False
