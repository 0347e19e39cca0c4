"""The drill with hostile folders, made small."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DRILL = Path(__file__).parent / "drills" / "fuzz.py"


@pytest.mark.skipif(os.name != "posix", reason="makes pipes and names that only POSIX has")
def test_hostile_folders_are_read_and_shown_without_an_exception_a_hang_or_a_loss():
    done = subprocess.run(
        [sys.executable, DRILL, "80", "1"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.match(r"80 folders of seed 1: each listed, [0-9,]+ calls, [1-9]", done.stdout)
