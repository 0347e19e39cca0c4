"""A converter that was written from spec/ alone: what another tracker kept becomes folders that conform."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from meticulous_read import Experiments

CONVERTER = Path(__file__).parent.parent / "examples" / "third-party" / "mlflow_runs.py"
COMMIT = "d1e8c34be06121883436af470c3229dab57f3aa2"
RUN = """artifact_uri: file:///home/ada/mlruns/666394790702189859/{run_id}/artifacts
end_time: {end}
entry_point_name: ''
experiment_id: '666394790702189859'
lifecycle_stage: {stage}
run_id: {run_id}
run_name: {name}
run_uuid: {run_id}
source_name: ''
source_type: 4
source_version: ''
start_time: {start}
status: {status}
tags: []
user_id: ada
"""
EXPERIMENT = """artifact_location: file:///home/ada/mlruns/666394790702189859
creation_time: 1795681404483
experiment_id: '666394790702189859'
last_update_time: 1795681404483
lifecycle_stage: active
name: digits
"""


def run_id(number):
    return f"bb7d3450a613451b95f2210c5416{number:04x}"


@pytest.fixture
def store(tmp_path):
    """A store as MLflow 2.22 wrote one, runs with each of its states in it."""
    experiment = tmp_path / "mlruns" / "666394790702189859"
    experiment.mkdir(parents=True)
    (experiment / "meta.yaml").write_text(EXPERIMENT)

    def add(number, status, *, stage="active", **files):
        folder = experiment / run_id(number)
        end = "null" if status == 1 else 1795681404684 + number
        start = 1795681404629 + number
        found = {"start": start, "end": end, "status": status, "stage": stage, "name": f"run {number}"}
        files = {
            "meta.yaml": RUN.format(run_id=run_id(number), **found),
            "tags/mlflow.source.git.commit": COMMIT,
            "tags/mlflow.source.name": "train.py",
            "tags/mlflow.user": "ada",
            "artifacts/model.pt": "large",
            **files,
        }
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)

    params = {"lr": "0.5", "seed": "12345678901234567891", "layers": "[1, 2]", "flag": "True", "zip": "00123"}
    metrics = {
        "loss": "1795681404646 1.0 0\n1795681404647 0.25 2\n1795681404648 0.5 1\n",
        "val/acc": "1795681404646 0.5 0\n",
        "bad": "1795681404647 nan 0\n",
    }
    add(
        1,
        3,
        **{f"params/{name}": text for name, text in params.items()},
        **{f"metrics/{name}": text for name, text in metrics.items()},
        **{"tags/mlflow.note.content": "größer"},
    )
    for number, status in ((2, 4), (3, 5), (4, 1)):
        add(number, status, **{"params/lr": f"0.{number}"})
    add(5, 3, stage="deleted")
    return experiment.parent


def convert(store):
    directory = store.parent / "experiments"
    subprocess.run([sys.executable, "-I", CONVERTER, store, directory], check=True, timeout=60)
    return directory


def test_what_it_writes_conforms_and_says_what_is_known(store, problems):
    directory = convert(store)
    folders = sorted(path for path in directory.iterdir() if path.is_dir())
    assert [problems(folder) for folder in folders] == [[]] * 4
    experiments = Experiments(directory)
    assert [found.status for found in experiments.values()] == ["SUCCESS", "ERROR", "ERROR", "RUNNING"]
    assert all(found.problems == () for found in experiments.values())
    first = experiments["1"]
    expected = {"lr": 0.5, "seed": 12345678901234567891, "layers": "[1, 2]", "flag": "True", "zip": "00123"}
    assert first.args == expected
    assert first.summary == {"loss": 0.25, "val/acc": 0.5, "bad": "NaN"}
    assert first.start_time.isoformat() == "2026-11-26T08:23:24.630000+00:00"
    assert (first.sha, first.metadata["description"]) == (COMMIT, "größer")
    assert first.metadata["mlflow:experiment"] == "digits"
    assert (directory / "1/mlflow/metrics/val/acc").exists()  # the whole series


def test_what_it_cannot_know_is_absent(store):
    directory = convert(store)
    metadata = json.loads((directory / "1/metadata.json").read_bytes())
    unknown = {"command", "git-dirty", "hostname", "pid", "runtime", "heartbeat-seconds", "githead-message"}
    assert not unknown & set(metadata)
    for name in ("stdout", "stderr", "default_args.json", "requirements.txt", "git.diff"):
        assert not (directory / "1" / name).exists()
    assert not (directory / "4/summary.json").exists()
    assert "end-time" not in json.loads((directory / "4/metadata.json").read_bytes())
    assert not any("user" in path.name for path in directory.rglob("*"))  # nor who it was (PRIV-2)


def test_it_can_be_repeated(store):
    directory = convert(store)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    (directory / "3" / "STATUS").unlink()  # killed before its end
    del before[directory / "3" / "STATUS"]
    convert(store)
    assert (directory / "5" / "STATUS").read_text().startswith("ERROR\nkilled")
    assert set(directory.iterdir()) - set(before) == {directory / "5"}
    uuids = [json.loads((directory / name / "metadata.json").read_bytes())["uuid"] for name in ("3", "5")]
    assert uuids[0] == uuids[1]


def test_the_table_and_the_page_read_well(store):
    directory = convert(store)
    command = [sys.executable, "-m", "meticulous_cli"]
    table = subprocess.run([*command, directory], capture_output=True, text=True, check=True, timeout=60)
    for word in ("SUCCESS", "ERROR", "RUNNING", "lr", "loss", "val/acc", COMMIT[:7]):
        assert word in table.stdout
    page = subprocess.run([*command, directory / "1"], capture_output=True, text=True, check=True, timeout=60)
    assert "größer" in page.stdout
    assert "problems" not in page.stdout


def test_it_is_short_and_needs_nothing():
    text = CONVERTER.read_text("utf-8")
    tree = ast.parse(text)
    docstring = range(1, tree.body[0].end_lineno + 1)
    lines = [
        line
        for number, line in enumerate(text.splitlines(), 1)
        if number not in docstring and line.strip() and not line.strip().startswith("#")
    ]
    assert len(lines) <= 80
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
