"""A whole experiment in one process: what lies in its folder, and what its methods promise."""

import argparse
import collections
import copy
import dataclasses
import json
import logging
import os
import pathlib
import pickle
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import meticulous
import pytest
from meticulous import Experiment


@pytest.fixture(autouse=True)
def _in_repository(project, monkeypatch):
    monkeypatch.chdir(project)


def load(experiment, name):
    return json.loads((experiment.directory / name).read_text("utf-8"))


def status(experiment):
    return (experiment.directory / "STATUS").read_text("utf-8")


def test_a_new_experiment_has_all_files_of_the_format_and_no_others(project):
    with Experiment({"lr": 0.1}, {"lr": 0.2}) as experiment:
        assert status(experiment) == "RUNNING\n"
        assert sorted(os.listdir(experiment.directory)) == sorted(
            [
                "metadata.json",
                "args.json",
                "default_args.json",
                "STATUS",
                "stdout",
                "stderr",
                "requirements.txt",
            ]
        )
    assert experiment.directory == project / "experiments" / "1"
    assert experiment.curexpdir == str(experiment.directory)
    assert experiment.experiment_id == "1"
    assert load(experiment, "args.json") == {"lr": 0.1}
    assert load(experiment, "default_args.json") == {"lr": 0.2}
    assert status(experiment) == "SUCCESS\n"


def test_metadata_tells_the_commit_and_where_it_ran(project, git):
    git("remote", "add", "origin", "https://ada:secret@example.com/digits.git?token=1")
    with Experiment({}, description="a word") as experiment:
        pass
    metadata = load(experiment, "metadata.json")
    assert metadata["githead-sha"] == git("rev-parse", "HEAD")
    assert metadata["githead-message"] == git("log", "-1", "--format=%B")
    assert metadata["githead-branch"] == git("branch", "--show-current")
    assert metadata["git-remote"] == "https://example.com/digits.git"
    assert metadata["git-dirty"] is False
    assert metadata["description"] == "a word"
    assert metadata["pid"] == os.getpid()
    assert metadata["working-directory"] == str(project)
    assert metadata["recorder"] == f"meticulous-record {meticulous.__version__}"
    assert metadata["timestamp"] == metadata["start-time"] < metadata["end-time"]


def test_a_detached_head_has_no_branch(git):
    git("checkout", "--quiet", "--detach")
    with Experiment({}) as experiment:
        pass
    assert "githead-branch" not in load(experiment, "metadata.json")


def test_the_experiments_directory_hides_itself_from_git(project, git):
    Experiment({}).finish()
    assert (project / "experiments" / ".gitignore").read_bytes() == b"*\n"
    assert git("status", "--porcelain") == ""


def test_the_gitignore_of_an_existing_directory_is_the_users(project):
    (project / "experiments").mkdir()
    Experiment({}).finish()
    assert not (project / "experiments" / ".gitignore").exists()


@pytest.mark.requirement("ID-9")
def test_ids_count_on_from_the_highest_number(project):
    for name in ("7", "007", "9x", "baseline", "1.5"):
        (project / "experiments" / name).mkdir(parents=True)
    (project / "experiments" / "11").write_text("a file")
    experiment = Experiment({})
    experiment.finish()
    assert experiment.experiment_id == "12"


@pytest.mark.skipif(sys.platform == "win32", reason="needs permissions of POSIX")
def test_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with Experiment({}) as experiment:
            experiment.summary({})
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in experiment.directory.iterdir()}
    assert modes == {0o640}


@dataclasses.dataclass
class Config:
    lr: float = 0.1
    layers: tuple = (1, 2)


@pytest.mark.parametrize(
    "args", [{"lr": 0.1, "layers": [1, 2]}, argparse.Namespace(lr=0.1, layers=[1, 2]), Config()]
)
def test_a_configuration_of_any_kind_is_recorded_and_handed_back(args):
    with Experiment(args) as experiment:
        assert experiment.args is args
    assert load(experiment, "args.json") == {"lr": 0.1, "layers": [1, 2]}
    assert not (experiment.directory / "default_args.json").exists()  # nobody said what they would be


def test_options_in_a_parsed_namespace_are_obeyed_and_taken_out():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    Experiment.add_argument_group(parser)
    args = parser.parse_args(["--experiment-id", "mine"])
    with Experiment(args, experiments_directory="runs") as experiment:
        pass
    assert vars(experiment.args) == {"lr": 0.1}
    assert experiment.directory.parts[-2:] == ("runs", "mine")


def test_from_parser_records_arguments_and_defaults():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--name", required=True)
    with Experiment.from_parser(parser, ["--name", "x", "--lr", "1", "--description", "d"]) as experiment:
        pass
    assert vars(experiment.args) == {"lr": 1.0, "name": "x"}
    assert load(experiment, "args.json") == {"lr": 1.0, "name": "x"}
    assert load(experiment, "default_args.json") == {"lr": 0.1}
    assert load(experiment, "metadata.json")["description"] == "d"


def test_args_without_names_are_refused_before_anything_is_made(project):
    with pytest.raises(TypeError, match="args must be a mapping"):
        Experiment([1, 2])
    assert not (project / "experiments").exists()


def test_what_is_parsed_already_is_no_parser():
    with pytest.raises(TypeError, match=r"Experiment\(args\)"):
        Experiment.from_parser(argparse.Namespace(lr=0.1))


def test_an_experiment_shows_where_it_is():
    with Experiment({}) as experiment:
        assert repr(experiment) == f"<Experiment 1 in {str(experiment.directory)!r}>"


class TestSummary:
    def test_is_replaced_whole(self):
        with Experiment({}) as experiment:
            experiment.summary({"loss": 1, "epoch": 1})
            experiment.summary({"loss": float("nan")})
        assert load(experiment, "summary.json") == {"loss": "NaN"}

    def test_is_merged_when_asked(self):
        with Experiment({}) as experiment:
            experiment.summary({"loss": 1, "epoch": 1})
            experiment.summary({"loss": 2}, update=True)
        assert load(experiment, "summary.json") == {"loss": 2, "epoch": 1}

    @pytest.mark.parametrize("values", [[1], "text", 3, None, [("a", 1)]])
    def test_that_is_no_mapping_is_refused_with_a_sentence(self, values):
        with Experiment({}) as experiment:
            with pytest.raises(meticulous.SummaryError, match="must be a mapping"):
                experiment.summary(values)
            assert not (experiment.directory / "summary.json").exists()

    @pytest.mark.parametrize("kind", [dict, collections.UserDict, collections.OrderedDict])
    def test_is_recorded_while_another_thread_adds_to_it(self, kind, switching_often):
        values, experiment = kind(), Experiment({}, capture="none")

        def add():
            for number in range(100_000):
                values[number % 500] = number
                if number % 700 == 0:
                    values.clear()

        thread = threading.Thread(target=add)
        thread.start()
        while thread.is_alive():
            experiment.summary(values)
        experiment.finish()

    def test_that_cannot_be_read_ends_no_run(self, caplog):
        class Odd(dict):
            def items(self):
                raise RuntimeError("dictionary changed size during iteration")

        with Experiment({}) as experiment:
            experiment.summary({"loss": 1})
            experiment.summary(Odd())
        assert "the summary cannot be read" in caplog.text
        assert json.loads((experiment.directory / "summary.json").read_text()) == {"loss": 1}

    def test_after_the_end_is_told_and_not_written(self, caplog):
        experiment = Experiment({})
        experiment.finish()
        experiment.summary({"late": 1})
        assert not (experiment.directory / "summary.json").exists()
        assert "called after its end" in caplog.text


class TestFiles:
    def test_are_opened_in_the_folder_and_folders_on_the_way_made(self):
        with Experiment({}) as experiment:
            with experiment.open("checkpoints/1.pt", "wb") as file:
                file.write(b"x")
            with experiment.open("checkpoints/1.pt", "rb") as file:
                assert file.read() == b"x"
            assert experiment.path("a/b/model.pt") == experiment.directory / "a" / "b" / "model.pt"
            assert (experiment.directory / "a" / "b").is_dir()

    @pytest.mark.parametrize(
        "name", ["STATUS", "metadata.json", "stdout", "summary.json", "./status", "x/../ARGS.json"]
    )
    def test_of_the_recorder_are_only_for_reading(self, name):
        with Experiment({}) as experiment:
            for mode in ("w", "a", "x", "r+", "wb"):
                with pytest.raises(meticulous.ReservedFileError, match="recorder writes itself"):
                    experiment.open(name, mode)
            with pytest.raises(meticulous.ReservedFileError):
                experiment.path(name)
            with experiment.open("STATUS") as file:
                assert file.read() == "RUNNING\n"

    @pytest.mark.parametrize(
        "name", ["../x", "/etc/hostname", "a/../../x", "..", ".", "", "./", "a/..", None]
    )
    def test_outside_of_the_folder_are_refused(self, name):
        with Experiment({}) as experiment:
            for call in (experiment.open, experiment.path):
                with pytest.raises(
                    meticulous.ReservedFileError, match="no file inside of the experiment's folder"
                ):
                    call(experiment.directory if name is None else name)

    @pytest.mark.parametrize(
        "name",
        [
            "STATUS.",
            "status ",
            "summary.json...",
            "STATUS::$DATA",
            ".resume",
            "git.1.diff",
            "Recorded-series.csv",
        ],
    )
    def test_of_another_spelling_or_a_later_version_are_only_for_reading(self, name):
        with Experiment({}) as experiment, pytest.raises(meticulous.ReservedFileError):
            experiment.open(name, "w")

    @pytest.mark.parametrize(
        "name", ["git", "gitdiff", "status.txt", "my.STATUS", "recorded", "..x", "a/./b"]
    )
    def test_of_other_names_are_the_users(self, name):
        with Experiment({}) as experiment:
            experiment.open(name, "w").close()
            assert os.path.exists(os.path.join(experiment.directory, name))

    @pytest.mark.parametrize("directory", ["../runs", "runs/../../runs", "./a//b/", "../link/runs"])
    def test_of_a_directory_by_whatever_path(self, project, directory):
        (project.parent / "elsewhere").mkdir()
        (project.parent / "link").symlink_to("elsewhere", target_is_directory=True)
        with Experiment({}, experiments_directory=directory) as experiment:
            experiment.path("model.pt").write_text("weights")
            with experiment.open("model.pt") as file:
                assert file.read() == "weights"
            experiment.open(experiment.directory / "by its whole path", "w").close()
            assert {"model.pt", "by its whole path"} <= set(os.listdir(experiment.directory))
            with pytest.raises(meticulous.ReservedFileError):
                experiment.open("../2/model.pt", "w")

    def test_with_a_recorded_name_in_a_folder_of_its_own_are_the_users(self):
        with Experiment({}) as experiment:
            experiment.open("fold1/stdout", "w").close()


class TestNorecord:
    def test_leaves_nothing_behind(self, project, capsys):
        with Experiment({"a": 1}, norecord=True) as experiment:
            print("heard")
            experiment.summary({"loss": 1})
            with experiment.open("model.pt", "w") as file:
                file.write("x")
            with experiment.open("model.pt") as file:
                assert file.read() == "x"
            scratch = experiment.directory
        assert experiment.experiment_id is None
        assert not scratch.exists()
        assert not (project / "experiments").exists()
        assert capsys.readouterr().out == "heard\n"

    def test_needs_no_repository(self, tmp_path, monkeypatch):
        (tmp_path / "plain").mkdir()
        monkeypatch.chdir(tmp_path / "plain")
        with Experiment({}, norecord=True) as experiment:
            experiment.summary({})


class TestIds:
    @pytest.mark.parametrize(
        "experiment_id",
        [
            "../x",
            "a/b",
            "a\\b",
            "",
            ".hidden",
            "-x",
            "x" * 129,
            "CON",
            "nul.txt",
            "com1",
            "a b",
            "é",
            "x.",
            "a\n",
        ],
    )
    def test_that_cannot_be_a_folder_everywhere_are_refused(self, project, experiment_id):
        with pytest.raises(meticulous.ExperimentIdError, match="use letters, digits"):
            Experiment({}, experiment_id=experiment_id)
        assert not (project / "experiments").exists()

    @pytest.mark.parametrize("experiment_id", ["a", "0", "baseline-2.1_b", "x" * 128, "console"])
    def test_of_any_other_kind_name_the_folder(self, experiment_id):
        with Experiment({}, experiment_id=experiment_id) as experiment:
            assert experiment.directory.name == experiment_id


class TestOptions:
    @pytest.mark.parametrize(
        "options",
        [
            {"norecord": True, "resume": True},
            {"norecord": True, "experiment_id": "x"},
            {"resume": True, "experiment_id": "x"},
        ],
    )
    def test_that_contradict_each_other_are_refused(self, project, options):
        with pytest.raises(meticulous.OptionsError, match="contradict each other"):
            Experiment({}, **options)
        assert not (project / "experiments").exists()

    def test_capture_has_three_words(self):
        with pytest.raises(meticulous.OptionsError, match="'sys', 'fd', 'none'"):
            Experiment({}, capture="all")


@pytest.fixture
def switching_often():
    """Threads take turns as often as they can."""
    seconds = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(seconds)


def test_finish_is_final():
    experiment = Experiment({})
    experiment.finish()
    with pytest.raises(ValueError), experiment:
        raise ValueError
    assert status(experiment) == "SUCCESS\n"


def test_errors_survive_pickling_with_their_data():
    for name in meticulous.__all__:
        kind = getattr(meticulous, name)
        if isinstance(kind, type) and issubclass(kind, Exception):
            error = kind("a sentence", path="p", expected=1, found=[2])
            copy = pickle.loads(pickle.dumps(error))
            assert (type(copy), str(copy)) == (kind, "a sentence")
            assert (copy.path, copy.expected, copy.found) == ("p", 1, [2])


REFUSED = {
    "dirty": ("open('README', 'w').write('changed')", "Experiment({})"),
    "no repository": ("os.chdir('/')", "Experiment({}, experiments_directory='/tmp/none')"),
    "no names": ("", "Experiment(3)"),
    "no defaults' names": ("", "Experiment({}, [1])"),
    "no options": ("", "Experiment({}, norecord=True, resume=True)"),
    "no such option": ("", "Experiment.from_parser(argparse.ArgumentParser(), [], colour=1)"),
    "no parser": ("", "Experiment.from_parser({})"),
    "no id": ("", "Experiment({}, experiment_id='a/b')"),
    "no capture": ("", "Experiment({}, capture='all')"),
    "other arguments": (
        "Experiment({}, experiment_id='x').finish()",
        "Experiment({'a': 1}, experiment_id='x')",
    ),
    "a file in the way": ("open('file', 'w').close()", "Experiment({}, experiments_directory='file')"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_a_sentence_below_two_frames(name, run):
    before, call = REFUSED[name]
    done = run(f"import argparse, os\nfrom meticulous import Experiment\n{before}\n{call}\n")
    lines = done.stderr.decode(errors="replace").splitlines()
    assert done.returncode == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert sum(line.startswith("  File ") for line in lines) <= 2
    assert lines[-1].startswith("meticulous.errors.")
    marks = [line for line in lines if not line.strip(" ^~")]
    assert len(lines) - len(marks) <= 6


class TestTheOriginalTool:
    """Its imports and its calls work."""

    def test_imports(self):
        from meticulous import experiment

        names = ("DirtyRepoException", "MismatchedArgsException", "MismatchedCommitException")
        assert [getattr(experiment, name) for name in names] == [getattr(meticulous, name) for name in names]
        pytest.importorskip("meticulous_read")
        from meticulous.experiments import ExperimentReader, Experiments

        assert (ExperimentReader, Experiments) == (meticulous.ExperimentReader, meticulous.Experiments)

    def test_arguments_by_their_place(self, project):
        with Experiment({"a": 1}, {"a": 0}, "", "exps", None, "a word", False, False) as experiment:
            assert experiment.directory == project / "exps" / "1"


def test_an_experiment_that_starts_beside_another_says_so(caplog):
    with Experiment({}) as outer:
        assert caplog.messages == []
        Experiment({}).finish()
        assert f"experiment {outer.experiment_id} has not ended" in caplog.text
    caplog.clear()
    for _ in range(2):
        Experiment({}).finish()
    assert caplog.messages == []


def test_the_public_names_are_these():
    assert sorted(meticulous.__all__) == [
        "ArgumentsError",
        "DirtyRepoException",
        "Experiment",
        "ExperimentIdError",
        "ExperimentRunningError",
        "ExperimentsDirectoryError",
        "MeticulousError",
        "MismatchedArgsException",
        "MismatchedCommitException",
        "OptionsError",
        "RepositoryError",
        "ReservedFileError",
        "SummaryError",
    ]


@pytest.mark.parametrize("directory", ["file", "file/deeper"])
def test_an_experiments_directory_that_is_a_file_is_refused(project, git, directory):
    (project / "file").write_text("x")
    git("add", "file")
    git("commit", "-q", "-m", "file")
    with pytest.raises(meticulous.ExperimentsDirectoryError, match="make it a directory"):
        Experiment({}, experiments_directory=directory)
    assert (project / "file").read_text() == "x"


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links")
def test_a_link_to_nowhere_in_place_of_the_directory_is_named(project):
    (project / "experiments").symlink_to("nowhere")
    with pytest.raises(meticulous.ExperimentsDirectoryError, match="make it a directory"):
        Experiment({}, allow_dirty=True)


@pytest.mark.skipif(
    sys.platform != "linux", reason="needs a file system that nobody can write to, as /proc is"
)
def test_an_experiments_directory_that_cannot_be_written_is_refused():
    with pytest.raises(meticulous.ExperimentsDirectoryError, match="experiments_directory"):
        Experiment({}, experiments_directory="/proc/self/experiments")


FULL = """
import resource
from meticulous import Experiment, ExperimentsDirectoryError
FIRST
# No file may grow beyond this, as on a disk that is full.
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
try:
    Experiment({"second": 1})
except ExperimentsDirectoryError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
@pytest.mark.parametrize(
    ("first", "limit", "left"), [("", 0, None), ("Experiment({}).finish()", 100, [".gitignore", "1"])]
)
def test_a_start_that_fails_half_way_leaves_nothing_behind(project, git, first, limit, left):
    (project / "full.py").write_text(FULL.replace("FIRST", first).replace("BYTES", str(limit)))
    git("add", ".")
    git("commit", "-q", "-m", "full")
    done = subprocess.run(
        [sys.executable, "full.py"], cwd=project, capture_output=True, text=True, check=True
    )
    assert "cannot record in" in done.stdout
    assert "choose another with experiments_directory" in done.stdout
    experiments = project / "experiments"
    assert (sorted(os.listdir(experiments)) if experiments.exists() else None) == left


def test_a_start_that_fails_for_any_other_reason_leaves_nothing_behind_either(project):
    class Odd:
        def __str__(self):
            raise LookupError

    with pytest.raises(LookupError):
        Experiment({}, description=Odd())
    assert os.listdir(project / "experiments") == [".gitignore"]


def test_paths_where_texts_belong_are_recorded_as_texts(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", pathlib.Path("data") / "x"])
    for given, recorded in ((pathlib.Path("x"), "x"), (None, None)):
        with Experiment({}, description=given) as experiment:
            metadata = load(experiment, "metadata.json")
        assert (metadata.get("description"), metadata["command"][-1]) == (recorded, os.path.join("data", "x"))


def test_what_is_lost_is_told_where_the_set_up_of_logging_has_disabled_our_logger(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("meticulous"), "disabled", True)
    experiment = Experiment({})
    experiment.finish()
    experiment.summary({"loss": 1})
    assert "meticulous: summary() of" in capsys.readouterr().err


def test_importing_brings_no_git_and_nothing_heavy():
    code = (
        "import argparse, json, sys; before = set(sys.modules); from meticulous import Experiment;"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"git", "gitdb", "pandas", "numpy", "logging", "subprocess", "pathlib", "inspect", "dataclasses"}
    assert not heavy & set(done.stdout.split())


def test_the_readers_names_say_what_to_install_where_it_is_missing():
    code = "import sys; sys.modules['meticulous_read'] = None\nfrom meticulous import Experiments"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("pip install meticulous-read")
    assert done.stderr.splitlines()[-1].startswith("ImportError: Experiments")


def test_another_projects_distribution_of_the_same_import_name_is_named(tmp_path):
    package = shutil.copytree(Path(meticulous.__file__).parent, tmp_path / "meticulous")
    import_it = [sys.executable, "-c", "import meticulous; print(meticulous.Experiment)"]
    alone = subprocess.run(import_it, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    (package / "_sources.py").write_text("# theirs")
    both = subprocess.run(import_it, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (alone.stderr, both.stdout) == ("", alone.stdout)
    assert "pip uninstall meticulous" in both.stderr


def test_a_copy_in_this_process_is_the_experiment_itself():
    with Experiment({"lr": 1}) as experiment:
        holder = {"trainer": [experiment]}
        assert copy.copy(experiment) is experiment
        assert copy.deepcopy(holder)["trainer"][0] is experiment


@pytest.mark.parametrize("norecord", [False, True])
def test_a_pickled_experiment_uses_the_folder_and_records_nothing(norecord):
    with Experiment({"lr": 1}, norecord=norecord) as experiment:
        worker = pickle.loads(pickle.dumps(experiment))
        with worker.open("a/b.txt", "w") as file:
            file.write("x")
        worker.summary({"loss": 1})
        worker.finish("ERROR")
        assert (worker.args, worker.experiment_id) == (experiment.args, experiment.experiment_id)
        assert experiment.path("a/b.txt").read_text() == "x"
        assert not (experiment.directory / "summary.json").exists()
    if not norecord:
        assert status(experiment) == "SUCCESS\n"


def test_a_refusal_names_what_this_script_can_use(project, monkeypatch):
    (project / "README").write_text("changed")
    parser = argparse.ArgumentParser()
    Experiment.add_argument_group(parser)
    with pytest.raises(meticulous.DirtyRepoException, match=r"--allow-dirty .* --norecord"):
        Experiment.from_parser(parser, [])
    with pytest.raises(meticulous.DirtyRepoException, match=r"--allow-dirty .* --norecord"):
        Experiment(parser.parse_args([]))
    with pytest.raises(meticulous.DirtyRepoException, match=r"use allow_dirty=True .* norecord=True"):
        Experiment({"lr": 0.1})
    monkeypatch.chdir(project.parent)
    with pytest.raises(
        meticulous.RepositoryError, match=r"name yours with project_directory, .* norecord=True"
    ):
        Experiment({"lr": 0.1})
