"""What the recorder was given comes back equal: through the disk, the reader and the frame."""

import math
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meticulous_read import Experiments

RECORD = """
import pickle, sys
from meticulous import Experiment
with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
for args, default_args, summary in cases:
    with Experiment(args, default_args, experiments_directory=sys.argv[2], capture="none") as experiment:
        experiment.summary(summary)
"""
WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()))
)
json_values = st.recursive(
    scalars | st.sampled_from(list(WORDS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
# Few names, so that the values of several experiments meet in one column.
objects = st.dictionaries(
    st.sampled_from(["lr", "seed", "a.b", "a b", "", "naïve 🚀"]) | st.text(), json_values, max_size=5
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "record.py").write_text(RECORD)
    user = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for command in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@settings(max_examples=25)
@given(cases=st.lists(st.tuples(objects, objects, objects), min_size=1, max_size=5))
def test_whatever_was_recorded_comes_back_equal(project, cases):
    with tempfile.TemporaryDirectory() as folder:
        pickled, directory = Path(folder, "cases"), Path(folder, "experiments")
        pickled.write_bytes(pickle.dumps(cases))
        subprocess.run([sys.executable, "record.py", pickled, directory], cwd=project, check=True)
        experiments = Experiments(directory)
        frame = experiments.as_dataframe()
    assert list(experiments) == [str(number) for number in range(1, len(cases) + 1)]
    for reader, case in zip(experiments.values(), cases, strict=True):
        assert reader.problems == ()
        for group, values in zip(("args", "default_args", "summary"), case, strict=True):
            recorded = getattr(reader, group)
            assert list(recorded) == list(values)
            for name, value in values.items():
                assert same(recorded[name], as_written(value))
                cell = frame.at[reader.experiment_id, (group, name)]
                if value is None:
                    assert cell is None or pd.isna(cell)
                else:
                    written = as_written(value)
                    assert same(cell, as_computed(written) if group == "summary" else written)


def as_written(value):
    """Return a value as its file has it: non-finite numbers and half characters as texts (JSON-5, JSON-6)."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", value)
    if isinstance(value, float) and not math.isfinite(value):
        return next(word for word, number in WORDS.items() if same(number, value))
    return mapped(as_written, value)


def as_computed(value):
    """Return a summary's value as the frame has it: words for non-finite numbers are those numbers."""
    return WORDS.get(value, value) if isinstance(value, str) else mapped(as_computed, value)


def mapped(function, value):
    if isinstance(value, list):
        return list(map(function, value))
    return {key: function(item) for key, item in value.items()} if isinstance(value, dict) else value


def same(one, other):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float | np.floating) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return isinstance(one, bool | np.bool_) == isinstance(other, bool) and bool(one == other)
