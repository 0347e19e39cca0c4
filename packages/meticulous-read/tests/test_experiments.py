import importlib.metadata
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import meticulous_read
import pytest
from meticulous_read import (
    ExperimentNotFoundError,
    ExperimentReader,
    Experiments,
    ExperimentsDirectoryError,
)


def start(day):
    return {"start-time": f"2026-11-{day:02}T10:00:00Z", "end-time": f"2026-11-{day:02}T11:00:00Z"}


def test_public_names():
    assert sorted(meticulous_read.__all__) == [
        "ExperimentNotFoundError",
        "ExperimentReader",
        "Experiments",
        "ExperimentsDirectoryError",
        "Problem",
        "ReaderError",
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


@pytest.mark.parametrize(
    "name", ["metadata.json", "args.json", "default_args.json", "summary.json", "STATUS"]
)
@pytest.mark.parametrize("change", ["replaced", "edited in place", "removed", "touched"])
def test_a_refresh_sees_each_change_of_a_finished_experiment(make, directory, name, change):
    file = make("1", summary={"loss": 1}) / name
    make("2")
    experiments = Experiments(directory)
    before = dict(experiments)
    if change == "replaced":
        shutil.copy(file, file.with_name(".new"))
        os.replace(file.with_name(".new"), file)
    elif change == "edited in place":
        file.write_bytes(file.read_bytes() + b" ")
    elif change == "removed":
        file.unlink()
    else:
        file.touch()
    experiments.refresh_experiments()
    assert experiments["1"] is not before["1"]
    assert experiments["2"] is before["2"]


def test_a_change_within_a_tick_of_the_clock_is_seen(make, directory):
    # As on FAT and on servers that number inodes by path: same size, same time, same inode. The time lies in
    # the future, so that the test does not depend on how busy the machine is.
    file = make("1", status="RUNNING\n", summary={"a": 0}) / "summary.json"
    tick = time.time() + 60
    os.utime(file, (tick, tick))
    experiments = Experiments(directory)
    for value in range(1, 5):
        file.write_bytes(json.dumps({"a": value}, indent=4).encode())
        os.utime(file, (tick, tick))
        experiments.refresh_experiments()
        assert experiments["1"].summary == {"a": value}


def test_a_finished_experiment_that_was_half_copied_is_read_again(make, directory):
    folder = make("1", args=b'{"lr": ')
    experiments = Experiments(directory)
    (folder / "args.json").write_text('{"lr": 0.1}')
    experiments.refresh_experiments()
    assert experiments["1"].args == {"lr": 0.1}
    assert experiments["1"].problems == ()


def test_one_new_experiment_among_many_takes_its_place(make, directory):
    for number in range(1, 251):
        make(str(number), metadata=start(1 + number // 10))
    experiments = Experiments(directory)
    shutil.rmtree(directory / "7")
    make("late", metadata=start(9))
    make("first", metadata=start(1))
    resumed = directory / "30"
    metadata = json.loads((resumed / "metadata.json").read_text())
    (resumed / "metadata.json").write_text(json.dumps({**metadata, **start(30)}))
    (resumed / "STATUS").write_text("RUNNING\n")
    experiments.refresh_experiments()
    assert list(experiments) == list(Experiments(directory))
    assert next(iter(experiments)) == "1"
    assert list(experiments).index("late") == 88
    assert list(experiments)[-1] == "30"
    assert experiments.as_dataframe().index[-2:].tolist() == ["first", "late"]


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


def test_several_directories_are_read_as_one(make, directory, tmp_path):
    make("1", metadata=start(3), args={"lr": 1})
    make("10", metadata=start(1))
    directory.rename(tmp_path / "adam")
    make("1", metadata=start(2), args={"momentum": 0.9})
    experiments = Experiments(["adam/", Path("experiments"), "adam"], project_directory=tmp_path)
    assert list(experiments) == ["adam/10", "experiments/1", "adam/1"]
    assert experiments["experiments/1"].experiment_id == "1"
    frame = experiments.as_dataframe()
    assert frame.index.tolist() == ["adam/1", "adam/10", "experiments/1"]
    assert frame["args"].notna().to_numpy().tolist() == [[False, True], [False, False], [True, False]]

    make("2", metadata=start(4))
    experiments.refresh_experiments()
    assert list(experiments)[-1] == "experiments/2"
    shutil.rmtree(tmp_path / "adam")
    with pytest.raises(ExperimentsDirectoryError, match="adam"):
        experiments.refresh_experiments()
    assert len(experiments) == 4
    assert len(Experiments([])) == len(Experiments(iter([])).as_dataframe()) == 0


def test_an_unknown_id_is_a_key_error_that_says_what_to_ask_for(make, tmp_path):
    make("3")
    experiments = Experiments(project_directory=tmp_path)
    where = str(tmp_path / "experiments")
    with pytest.raises(ExperimentNotFoundError) as caught:
        experiments["4"]
    assert str(caught.value) == f"no experiment '4' in '{where}'"
    assert (caught.value.experiment_id, caught.value.near) == ("4", [])
    with pytest.raises(KeyError) as caught:
        Experiments(["experiments"], project_directory=tmp_path)["3"]
    assert str(caught.value) == f"no experiment '3' in '{where}'; did you mean 'experiments/3'?"
    assert experiments.get("4") is None


def test_a_number_is_the_id_that_it_reads_as(make, directory):
    make("3")
    experiments = Experiments(directory)
    assert experiments[3] is experiments["3"] is experiments.get(3)
    assert 3 in experiments
    assert 4 not in experiments
    with pytest.raises(ExperimentNotFoundError):
        experiments[4]
    with pytest.raises(ExperimentNotFoundError):
        experiments[3.0]


def test_the_version_is_that_of_the_distribution():
    assert meticulous_read.__version__ == importlib.metadata.version("meticulous-read")


@pytest.mark.parametrize("seconds", [0, 0.01])
def test_folders_are_read_by_threads_only_where_reading_waits(make, directory, monkeypatch, seconds):
    threads, before = set(), threading.active_count()
    monkeypatch.setattr("meticulous_read._patience._AHEAD", 30)  # handed out in several parts
    if not seconds:  # on a busy machine any disk is slow: here nothing counts as waiting
        monkeypatch.setattr("time.thread_time", time.perf_counter)

    class Slow(ExperimentReader):
        def __init__(self, directory):
            time.sleep(seconds)
            super().__init__(directory)
            threads.add(threading.current_thread().name)

    for number in range(1, 101):
        make(str(number), args={"number": number})
    experiments = Experiments(directory, reader=Slow)
    assert list(experiments) == [str(number) for number in range(1, 101)]
    assert [reader.args["number"] for reader in experiments.values()] == list(range(1, 101))
    assert threading.main_thread().name in threads
    assert (len(threads) > 1) == bool(seconds)
    assert threading.active_count() == before


def test_what_a_readers_class_raises_in_a_thread_comes_out(make, directory):
    tried, before = [], threading.active_count()

    class Broken(ExperimentReader):
        def __init__(self, directory):
            super().__init__(directory)
            time.sleep(0.01)
            tried.append(directory)
            if len(tried) > 50:
                raise ZeroDivisionError

    for number in range(500):
        make(str(number))
    with pytest.raises(ZeroDivisionError):
        Experiments(directory, reader=Broken)
    assert 50 < len(tried) < 500
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            ExperimentsDirectoryError("runs", "not a directory"),
            "cannot list the experiments directory 'runs': not a directory",
        ),
        (
            ExperimentNotFoundError("3", ["a", "b"], ["a/3", "b/3"]),
            "no experiment '3' in 'a' or 'b'; did you mean 'a/3' or 'b/3'?",
        ),
    ],
)
def test_errors_survive_pickling(error, message):
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)
    assert str(again) == str(error) == message


def test_json_in_the_making_is_a_problem_until_it_is_whole(make, directory):
    folder = make("1", status="RUNNING\n", summary=b'{"loss": ')
    experiments = Experiments(directory)
    assert [problem.file for problem in experiments["1"].problems] == ["summary.json"]
    (folder / "summary.json").write_text(json.dumps({"loss": 1}))
    experiments.refresh_experiments()
    assert experiments["1"].problems == ()
