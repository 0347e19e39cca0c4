import json
import math
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meticulous_read import ExperimentReader, Experiments

HEADER = [
    "state",
    "status",
    "reason",
    "status_message",
    "sha",
    "timestamp",
    "start_time",
    "end_time",
    "duration",
    "lost",
    "silent_for",
    "format_version",
    "problems",
]


@pytest.fixture
def frame_of(make, directory):
    """Return a function that makes one experiment of each summary and returns the frame's summary columns."""

    def frame_of(*summaries, levels=0):
        for number, summary in enumerate(summaries, 1):
            make(str(number), summary=summary)
        return Experiments(directory).as_dataframe(normalize_json_values=levels)["summary"]

    return frame_of


def test_an_empty_directory_gives_an_empty_frame_with_the_header(make, directory):
    directory.mkdir()
    empty = Experiments(directory).as_dataframe()
    assert empty.index.name == "expid"
    assert list(empty.columns) == [("header", name) for name in HEADER]
    make("1")
    assert Experiments(directory).as_dataframe()["header"].dtypes.equals(empty["header"].dtypes)


def test_rows_are_in_natural_order_and_columns_in_first_seen_order(make, directory):
    for day, name in enumerate(["10", "2", "1"], 1):
        metadata = {"start-time": f"2026-11-0{day}T00:00:00Z"}
        make(name, args={"z": 1, "a": 2, f"only{name}": 3}, default_args={"z": 0}, metadata=metadata)
    frame = Experiments(directory).as_dataframe()
    assert frame.index.tolist() == ["1", "2", "10"]
    assert list(frame["args"]) == ["z", "a", "only10", "only2", "only1"]
    assert list(dict.fromkeys(frame.columns.get_level_values(0))) == [
        "header",
        "args",
        "default_args",
        "metadata",
    ]


def test_times_are_utc_timestamps_and_duration_a_timedelta(make, directory):
    make("1")
    make("2", metadata={"start-time": "0001-01-01T00:00:00Z", "end-time": "9999-12-31T23:59:59Z"})
    (directory / "3").mkdir()
    header = Experiments(directory).as_dataframe()["header"]
    assert str(header["start_time"].dtype) == "datetime64[us, UTC]"
    assert header.loc["1", "start_time"] == pd.Timestamp("2026-11-23T10:00:00Z")
    assert header.loc["1", "duration"] == timedelta(seconds=90.5)
    assert header["duration"].dtype == "timedelta64[us]"
    assert pd.isna(header.loc["3", "start_time"])
    assert header["lost"].dtype == "boolean"
    assert header.loc["3", "problems"] == "has none of an experiment's files"


def test_gaps_change_no_types(frame_of):
    frame = frame_of(
        {"int": 1, "bool": True, "float": 0.5, "text": "a", "both": 1, "full": 2},
        {"full": 2**40},
        {"int": None, "bool": False, "float": 1.0, "text": "b", "both": 1.5, "full": 4},
    )
    assert frame.dtypes.map(str).to_dict() == (
        {
            "int": "Int64",
            "bool": "boolean",
            "float": "float64",
            "text": "object",
            "both": "float64",
            "full": "int64",
        }
    )
    assert frame["text"].tolist() == ["a", None, "b"]


@pytest.mark.requirement("READ-15")
def test_non_finite_words_are_floats_in_a_summary_only(make, directory):
    make("1", args={"clip": "NaN"}, summary={"loss": "NaN", "best": {"loss": ["-Infinity"]}})
    make("2", summary={"loss": 3, "name": "NaN"})
    frame = Experiments(directory).as_dataframe()
    assert frame["summary", "loss"].dtype == "float64"
    assert math.isnan(frame.loc["1", ("summary", "loss")])
    assert frame.loc["1", ("summary", "best")] == {"loss": [-math.inf]}
    assert frame.loc["1", ("args", "clip")] == "NaN"


def test_an_argument_that_is_no_finite_number_is_one_with_astype(make, directory):
    for number, clip in enumerate([1, "Infinity", "-Infinity", 0.5, None]):
        make(str(number), args={"clip": clip})
    column = Experiments(directory).as_dataframe()["args", "clip"]
    assert column.tolist() == [1, "Infinity", "-Infinity", 0.5, None]
    assert column.astype(float).tolist()[:-1] == [1.0, math.inf, -math.inf, 0.5]


def test_clashing_types_and_huge_numbers_stay_as_they_are(frame_of):
    frame = frame_of(
        {"mixed": 1, "flag": True, "huge": 2**70, "exact": 2**53 + 1, "list": [1]},
        {"mixed": "a", "flag": 1, "huge": 1, "exact": 0.5, "list": {"x": [None]}},
    )
    assert set(frame.dtypes.map(str)) == {"object"}
    assert frame["mixed"].tolist() == [1, "a"]
    assert frame["flag"].tolist()[0] is True
    assert frame["huge"].tolist() == [2**70, 1]
    assert frame["exact"].tolist() == [2**53 + 1, 0.5]
    assert frame["list"].tolist() == [[1], {"x": [None]}]


def test_objects_become_columns_on_request_level_by_level(make, frame_of, directory):
    summary = {"a": {"b": {"c": 1}, "empty": {}}, "list": [{"d": 1}]}
    assert list(frame_of(summary)) == ["a", "list"]
    experiments = Experiments(directory)
    assert list(experiments.as_dataframe(1)["summary"]) == ["a.b", "a.empty", "list"]
    assert list(experiments.as_dataframe(9)["summary"]) == ["a.b.c", "a.empty", "list"]


def test_a_dotted_name_and_a_nested_one_do_not_overwrite_each_other(frame_of):
    clash = {"a.b": 1, "a": {"b": 2}}
    twice = {"c": {"d.e": 1, "d": {"e": 2}}}
    frame = frame_of(clash, {"a": {"b": 3}, "x": {"y": 4}}, twice, levels=3)
    assert list(frame) == ["a.b", "a", "x.y", "c"]
    assert frame.loc["1"].tolist()[:2] == [1, {"b": 2}]
    assert frame.loc["2", "a.b"] == 3
    assert frame.loc["3", "c"] == twice["c"]


def test_names_of_any_kind_survive(frame_of):
    names = ["", " ", "a.b", "naïve 🚀", "\ud800", "line\nbreak", "0", "\0", "0\0"]
    assert list(frame_of(dict.fromkeys(names, 1))) == names


def test_columns_of_a_subclass_stand_behind_the_others(make, directory):
    class Own(ExperimentReader):
        def row(self):
            row = super().row()
            row["header"]["again"] = 1
            return {"own": {"number": np.float64(1.5), "flag": np.bool_(True)}, **row}

    make("1", args={"lr": 1})
    frame = Experiments(directory, reader=Own).as_dataframe()
    assert list(frame.columns[-2:]) == [("own", "number"), ("own", "flag")]
    assert frame["own"].dtypes.map(str).tolist() == ["float64", "bool"]
    assert frame["header", "again"].tolist() == [1]


def test_a_flat_frame_has_one_level_of_names(make, directory):
    make("1", args={"lr": 0.1, "a.b": 1})
    experiments = Experiments(directory)
    frame = experiments.as_dataframe(flat=True)
    assert frame.columns.nlevels == 1
    assert list(frame) == [f"{group}.{name}" for group, name in experiments.as_dataframe().columns]
    assert frame.loc["1", "args.lr"] == 0.1


def test_a_notebook_shows_arguments_and_results(make, directory):
    for number in range(100):
        make(str(number), args={"lr": 0.25}, summary={"loss": 0.5, "name": "<script>"}, metadata={"mine": 1})
    shown = Experiments(directory)._repr_html_()
    assert all(word in shown for word in ("<table", "SUCCESS", "lr", "0.25", "loss", "&lt;script&gt;"))
    assert not any(word in shown for word in ("<script>", "githead-sha", "mine"))
    assert shown.count("<tr>") < 70


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=4))
def test_any_arguments_come_back_equal_through_disk_and_frame(rows):
    with tempfile.TemporaryDirectory() as directory:
        for number, args in enumerate(rows, 1):
            folder = Path(directory, str(number))
            folder.mkdir()
            (folder / "args.json").write_text(json.dumps(args))
        frame = Experiments(directory).as_dataframe()
    for number, args in enumerate(rows, 1):
        for name, value in args.items():
            found = frame.at[str(number), ("args", name)]
            if value is None:
                assert found is None or pd.isna(found)
            else:
                assert found == value
