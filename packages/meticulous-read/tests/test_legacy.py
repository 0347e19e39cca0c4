"""Real folders of the original tool, in `legacy`."""

import math
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from meticulous_read import ExperimentReader, Experiments

LEGACY = Path(__file__).parent / "legacy"


@pytest.fixture
def in_utc(monkeypatch):
    """Legacy times are in the local time of whoever reads them: make that UTC."""
    monkeypatch.setenv("TZ", "UTC")
    if hasattr(time, "tzset"):
        time.tzset()
    elif time.timezone or time.daylight:
        pytest.skip("needs a zone of its own for a process, as POSIX has, or a machine in UTC")
    yield
    monkeypatch.undo()
    if hasattr(time, "tzset"):
        time.tzset()


def test_the_folders_of_2024_read(in_utc):
    experiments = Experiments(LEGACY / "experiments_2024")
    assert list(experiments) == ["1", "2", "3", "4", "5", "6", "7", "baseline-a"]
    assert {reader.format_version for reader in experiments.values()} == {"0"}
    assert [reader.status for reader in experiments.values()] == (
        ["SUCCESS", "SUCCESS", "ERROR", "ERROR", "ERROR", "RUNNING", "ERROR", "SUCCESS"]
    )
    assert experiments["1"].start_time == datetime(2026, 11, 23, 11, 6, 43, 941890, timezone.utc)
    assert experiments["1"].duration.microseconds == 1250
    assert experiments["1"].args["optimizer.name"] == "sgd"
    assert math.isnan(experiments["2"].summary["loss"])
    assert experiments["2"].summary["best"] == {"epoch": 1, "loss": math.inf}
    assert experiments["3"].status_message.endswith("ValueError: loss is not finite")
    assert experiments["4"].status_message == "sys.exit(3)"
    assert (experiments["6"].lost, experiments["6"].silent) == (None, False)
    problems = {name: reader.problems for name, reader in experiments.items() if reader.problems}
    assert list(problems) == ["7"]
    assert [problem[:2] for problem in problems["7"]] == [("summary.json", "cut-off")]


def test_the_folders_of_2020_read(in_utc):
    experiments = Experiments(LEGACY / "experiments_2020")
    assert {name: reader.status for name, reader in experiments.items()} == (
        {"normal": "SUCCESS", "raise": "ERROR", "exit3": "ERROR", "kill": "RUNNING"}
    )
    reader = experiments["raise"]
    assert reader.status_message.startswith("Traceback (most recent call last):\n")
    assert reader.start_time == datetime(2026, 11, 23, 11, 6, 47, 633435, timezone.utc)
    assert (reader.end_time, reader.duration) == (None, None)
    assert not any(reader.problems for reader in experiments.values())


def test_the_frame_of_legacy_folders_has_numbers(in_utc):
    frame = Experiments(LEGACY / "experiments_2024").as_dataframe(normalize_json_values=1)
    assert frame["args", "optimizer.name"].tolist() == ["sgd"] * 7 + ["adam"]
    assert frame.loc["2", ("summary", "best.loss")] == math.inf
    assert frame["summary", "epoch"].sum() == 7
    assert frame["summary", "epoch"].dtype == "Int64"


@pytest.mark.parametrize(
    ("status", "word", "message"),
    [("SUCESS", "SUCCESS", ""), ("SUCESS\n", "SUCCESS", ""), ("FINISHED", "FINISHED", "")],
)
def test_its_other_words_are_read_as_they_were_meant(make, status, word, message):
    folder = make(metadata=b'{"timestamp": 1600000000.5, "command": "train.py --lr 1"}', status=status)
    (folder / "default_args.json").write_text("null")
    reader = ExperimentReader(folder)
    assert (reader.status, reader.status_message) == (word, message)
    assert reader.start_time == datetime(2020, 9, 13, 12, 26, 40, 500000, timezone.utc)
    assert reader.metadata["command"] == "train.py --lr 1"
    assert reader.default_args == {}
    assert reader.problems == ()
