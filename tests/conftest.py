"""What tests of several packages share."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def problems():
    """`problems` of the kit's folder.py; by path, as the kit is no package."""
    path = Path(__file__).parents[1] / "spec" / "kit" / "folder.py"
    spec = importlib.util.spec_from_file_location("folder", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems
