"""Recorder and reader derive the same verdict from the same facts; `liveness_cases.py` is their table.

It has facts of systems and machines that are not here, so the parts themselves are asked.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from meticulous import _process
from meticulous_read import _liveness

PATH = Path(__file__).with_name("liveness_cases.py")
SPEC = importlib.util.spec_from_file_location("liveness_cases", PATH)
cases = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = cases
SPEC.loader.exec_module(cases)


@pytest.mark.parametrize("name", cases.CASES)
def test_the_recorder(name):
    recorded, observed, expected = cases.CASES[name]
    assert _process.verdict(recorded, _process.Observed(**observed)) == expected


@pytest.mark.parametrize("name", cases.CASES)
def test_the_reader(name):
    recorded, observed, expected = cases.CASES[name]
    lost = _liveness.is_lost(recorded, _liveness.Observed(**observed))
    assert lost is {"gone": True, "alive": False, "unknown": None}[expected]


@pytest.mark.parametrize("name", [name for name in cases.CASES if name.startswith("the pid ")])
def test_the_machine_is_asked_for_any_pid(name):
    recorded = cases.CASES[name].recorded
    seen = _process.observe(recorded["pid"])
    assert _process.verdict({**_process.identity(), "pid": recorded["pid"]}, seen) == "unknown"
    assert _liveness.is_lost({**_process.identity(), "pid": recorded["pid"]}) is None


WAITS = (
    "import json, sys; from meticulous import _process; print(json.dumps(_process.identity()), flush=True)\n"
)
WAITS += "sys.stdin.read()"


def test_a_process_runs_waits_for_its_parent_and_is_gone():
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        facts = json.loads(process.stdout.readline())
        pid = facts["pid"]
        if "process-start" in facts:
            assert _process.verdict(facts, _process.observe(pid)) == "alive"
            assert _liveness.is_lost(facts) is False
            start = facts["process-start"] + "1"
            assert _process.verdict({**facts, "process-start": start}, _process.observe(pid)) == "gone"
            assert _liveness.is_lost({**facts, "process-start": start}) is True
        process.stdin.close()
        process.stdout.read()
        # It has ended, and nobody has asked how: on Linux it is a zombie.
        if sys.platform == "linux":
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            assert _process.verdict(facts, _process.observe(pid)) == "gone"
            assert _liveness.is_lost(facts) is True
    assert _process.verdict(facts, _process.observe(pid)) == "gone"
    assert _liveness.is_lost(facts) is True
