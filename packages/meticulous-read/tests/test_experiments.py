import json
import os
import shutil
import subprocess
import sys

import meticulous_read
import pytest
from meticulous_read import ExperimentReader, Experiments, ExperimentsDirectoryError


def start(day):
    return {"start-time": f"2026-11-{day:02}T10:00:00Z", "end-time": f"2026-11-{day:02}T11:00:00Z"}


def test_public_names():
    assert sorted(meticulous_read.__all__) == [
        "ExperimentReader",
        "Experiments",
        "ExperimentsDirectoryError",
        "MeticulousError",
        "Problem",
    ]


def test_importing_and_reading_does_not_import_pandas(make, directory):
    make()
    code = (
        "import sys, meticulous_read\n"
        f"assert len(meticulous_read.Experiments({os.fspath(directory)!r})) == 1\n"
        "assert not {'pandas', 'numpy', 'git'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_experiments_are_ordered_by_their_start_and_ids_count_as_numbers(make, directory):
    make("b", metadata=start(2))
    make("10", metadata=start(3))
    make("9", metadata=start(3))
    make("a", metadata=start(1))
    (directory / "broken").mkdir()
    assert list(Experiments(directory)) == ["broken", "a", "b", "9", "10"]


def test_a_relative_directory_starts_at_the_project(make, tmp_path):
    make("1")
    experiments = Experiments(project_directory=tmp_path)
    assert list(experiments) == ["1"]
    assert experiments["1"].directory == tmp_path / "experiments" / "1"
    with pytest.raises(KeyError):
        experiments["2"]


def test_refresh_reads_only_what_changed(make, directory):
    done = make("1")
    running = make("2", status="RUNNING\n")
    make("gone")
    experiments = Experiments(directory)
    before = dict(experiments)
    experiments.refresh_experiments()
    assert all(experiments[name] is before[name] for name in before)

    shutil.rmtree(directory / "gone")
    make("3", metadata=start(24))
    (running / "summary.json").write_text('{"loss": 1}')
    experiments.refresh_experiments()
    assert list(experiments) == ["1", "2", "3"]
    assert experiments["1"] is before["1"]
    assert experiments["2"].summary == {"loss": 1}
    assert before["2"].summary == {}

    (done / "STATUS").write_text("RUNNING\n")
    experiments.refresh_experiments()
    assert experiments["1"].status == "RUNNING"


def test_a_directory_that_disappears_leaves_what_was_read(make, directory):
    make("1")
    experiments = Experiments(directory)
    shutil.rmtree(directory)
    with pytest.raises(ExperimentsDirectoryError):
        experiments.refresh_experiments()
    assert list(experiments) == ["1"]


def test_another_reader_class_reads_each_folder(make, directory):
    class Louder(ExperimentReader):
        @property
        def shout(self):
            return self.status + "!"

    make("1")
    assert Experiments(directory, reader=Louder)["1"].shout == "SUCCESS!"


def test_errors_survive_pickling():
    import pickle

    error = pickle.loads(pickle.dumps(ExperimentsDirectoryError("runs", "not a directory")))
    assert (error.path, error.reason) == ("runs", "not a directory")
    assert str(error) == "cannot list the experiments directory 'runs': not a directory"


def test_json_in_the_making_is_a_problem_until_it_is_whole(make, directory):
    folder = make("1", status="RUNNING\n", summary=b'{"loss": ')
    experiments = Experiments(directory)
    assert [problem.file for problem in experiments["1"].problems] == ["summary.json"]
    (folder / "summary.json").write_text(json.dumps({"loss": 1}))
    experiments.refresh_experiments()
    assert experiments["1"].problems == ()
