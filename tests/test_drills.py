"""The drills, made small."""

import importlib.util
from pathlib import Path

DRILLS = Path(__file__).parent / "drills"


def drill(name):
    spec = importlib.util.spec_from_file_location(name, DRILLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_many_starts_at_a_time_each_get_a_folder_and_lose_nothing(capsys):
    drill("starts").main(40, 16)
    assert capsys.readouterr().out.startswith(
        "40 starts, 16 at a time: 40 folders without a gap, 40 sessions"
    )
