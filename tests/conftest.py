"""What tests of several packages share."""

import importlib.util
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Where SIGINT is ignored (`pytest … &` in a script, nohup), the programs of the tests would ignore it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# The same examples everywhere, and a busy machine is no failure. The fuzzing drill looks for new ones.
settings.register_profile(
    "anywhere", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("anywhere")
# These would change what the programs of the tests print; without byte code, each takes four times as long.
for name in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):
    os.environ.pop(name, None)

KIT = Path(__file__).parents[1] / "spec" / "kit"


@pytest.hookimpl(optionalhook=True)  # there may be no pytest-xdist
def pytest_xdist_auto_num_workers():
    """With `-n auto`, one more than there are cores: tests wait for disks and clocks, too."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (cores or 1) + 1


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
