"""Which rooms of the package may import which others: before the start, after it, on disk."""

import ast
from pathlib import Path

import meticulous
import pytest

ROOT = Path(meticulous.__file__).parent
MODULES = {path.stem for path in ROOT.glob("*.py")}
COMMON = {"errors", "_format", "_log"}
LONG = ("encode.py",)  # a table of kinds of values
MAY = {
    "__init__": {"errors", "experiment", "_session", ""},
    "errors": set(),
    "_format": set(),
    "_log": {"errors"},
    "_process": COMMON,
    "_ranks": COMMON,
    "_disk": {"_disk", *COMMON},
    "_session": {"_session", "_disk", "_process", *COMMON},
    "_start": {"_start", "_session", "_disk", "_process", "_ranks", "", *COMMON},
    "experiment": {"_start", "_session", "_disk", *COMMON},
    "experiments": {""},
}


def rooms_imported(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "meticulous":
            _, *inside = node.module.split(".")
            yield from inside[:1] or [alias.name if alias.name in MODULES else "" for alias in node.names]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_lies_below_it(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert set(rooms_imported(path)) <= MAY[room]


def test_nothing_imports_in_a_circle():
    assert all(
        room == other or room not in MAY[other] for room, others in MAY.items() for other in others - {""}
    )


def test_no_room_has_more_than_nine_entries_and_no_module_more_than_300_lines():
    for folder in [ROOT, *filter(Path.is_dir, ROOT.iterdir())]:
        if folder.name == "__pycache__":
            continue
        entries = [entry for entry in folder.iterdir() if entry.name not in ("__pycache__", "py.typed")]
        assert len(entries) <= (11 if folder == ROOT else 9), folder
    for path in ROOT.rglob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 300 or path.name in LONG, path
