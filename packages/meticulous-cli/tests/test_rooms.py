"""Which rooms of the package may import which others: imports go in one direction."""

import ast
from pathlib import Path

import meticulous_cli
import pytest

ROOT = Path(meticulous_cli.__file__).parent
COMMON = {"errors", "show"}
MAY = {
    "__init__": set(),
    "errors": set(),
    "git": set(),
    "show": {"show"},
    "paths": COMMON,
    "export": {"export", *COMMON},
    "options": {"errors", "export", "show"},
    "page": {"page", "git", "paths", *COMMON},
    "compare": {"compare", "git", *COMMON},
    "validate": {"validate", "paths", *COMMON},
    "table": {"table", "export", "paths", *COMMON},
    "__main__": {"compare", "options", "page", "paths", "table", "validate", *COMMON},
}


def rooms_imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else names
        for name in names:
            package, *inside = (name or "").split(".")
            if package == "meticulous_cli" and inside:
                yield inside[0]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert set(rooms_imported(path)) <= MAY[room]


def test_nothing_imports_in_a_circle():
    assert all(room == other or room not in MAY[other] for room, others in MAY.items() for other in others)
