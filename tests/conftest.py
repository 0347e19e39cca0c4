"""What tests of several packages share."""

import importlib.util
import signal
from pathlib import Path

import pytest

# Where SIGINT is ignored (`pytest … &` in a script, nohup), the programs of the tests would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

KIT = Path(__file__).parents[1] / "spec" / "kit"


@pytest.fixture(scope="session")
def folder_check():
    """The kit's folder.py; by path, as the kit is no package."""
    spec = importlib.util.spec_from_file_location("folder", KIT / "folder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def problems(folder_check):
    """The breaches of MUST in a folder, as the kit's folder.py finds them."""
    return folder_check.problems


@pytest.fixture(scope="session")
def warnings(folder_check):
    """The breaches of SHOULD."""
    return folder_check.warnings
