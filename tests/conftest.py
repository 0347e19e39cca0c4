"""What tests of several packages share."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def problems():
    """`conformance.problems`; by path, as pytest's importlib mode has no folder of tests to import from."""
    path = Path(__file__).parent / "conformance.py"
    spec = importlib.util.spec_from_file_location("conformance", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.problems
