"""Each package's API.md is what its docstrings make, and names all that is public."""

import importlib
import importlib.util
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / ".ci" / "api_pages.py"
NAMES = {"meticulous-record": "meticulous", "meticulous-read": "meticulous_read"}


def test_the_pages_are_current():
    specification = importlib.util.spec_from_file_location("api_pages", SCRIPT)
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    pages = script.pages()
    assert {path.parent for path in pages} == {path.parent for path in ROOT.glob("packages/*/pyproject.toml")}
    outdated = [path.parent.name for path, text in pages.items() if path.read_text("utf-8") != text]
    assert outdated == [], "run `uv run .ci/api_pages.py`"


@pytest.mark.parametrize("package", NAMES)
def test_all_that_is_public_is_on_the_page(package):
    page = (ROOT / "packages" / package / "API.md").read_text("utf-8")
    module = importlib.import_module(NAMES[package])
    for name in module.__all__:
        assert f"`{name}`" in page or f"## {name}\n" in page
        for member, value in vars(getattr(module, name)).items():
            if member.startswith("_") or not (inspect.isroutine(value) or isinstance(value, property)):
                continue
            assert f"\n### {member}\n" in page or f"- `{member}`" in page
