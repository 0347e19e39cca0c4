"""Paths that stand for something else than what was meant, or may not be looked into."""

import os
import subprocess
import sys

import pytest

needs_bars = pytest.mark.skipif(
    os.name != "posix" or (os.geteuid() == 0 and sys.platform != "linux"), reason="root may read everything"
)


def test_folders_that_are_no_experiments_make_no_table_but_a_hint(make, run, tmp_path):
    make("1")
    (tmp_path / "src").mkdir()
    (tmp_path / "data" / "raw").mkdir(parents=True)
    done = run(".")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "meticulous: no experiments in .: no folder there has a recorded file\n"
        "  try: meticulous experiments\n"
    )
    done = run("data")
    assert done.stderr == "meticulous: no experiments in data: no folder there has a recorded file\n"


def test_a_folder_without_a_record_is_no_row_and_one_with_any_of_it_is(make, run, tmp_path):
    folder = make("2")
    for file in folder.iterdir():
        if file.name != "stderr":
            file.unlink()
    (tmp_path / "experiments" / "1").mkdir()
    assert [line.split()[0] for line in run().stdout.splitlines()[1:]] == ["2"]


@needs_bars
def test_what_may_not_be_read_is_said_to_be_so(make, run, tmp_path):
    make("1", {"lr": 1})
    closed = make("2")
    closed.chmod(0)
    try:
        for arguments in (
            ["experiments/2"],
            ["experiments/1", "experiments/2"],
            ["--validate", "experiments/2"],
        ):
            done = run(*arguments, barred=True)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == "meticulous: experiments/2: permission denied\n"
        done = run(barred=True)
        assert done.returncode == 0
        assert done.stdout.splitlines()[1].endswith("permission denied")
        lines = run("--validate", barred=True).stdout.splitlines()
        assert lines[-2] == "experiments/2: permission denied: not judged"
        assert lines[-1].startswith("ok: 1 experiment keeps to format 1.0; 1 that may not be read")
        closed.parent.chmod(0)
        for path in ("experiments", "experiments/1", "experiments/nowhere"):
            for options in ([], ["--validate"]):
                done = run(*options, path, barred=True)
                assert (done.returncode, done.stdout) == (1, "")
                assert done.stderr == f"meticulous: {path}: permission denied\n"
        for word in ("1", "last"):
            done = run(word, barred=True)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"meticulous: experiments/{word}: permission denied\n"
        closed.parent.chmod(0o300)
        assert run("last", barred=True).stderr == "meticulous: experiments: permission denied\n"
    finally:
        closed.parent.chmod(0o700)
        closed.chmod(0o700)


@needs_bars
def test_an_experiments_directory_of_which_nothing_may_be_read_is_shown(make, run):
    folder = make("1")
    folder.chmod(0)
    try:
        assert run(barred=True).stdout.splitlines()[1].startswith(" 1  unknown")
        assert run("--validate", barred=True).stdout.splitlines()[-1] == (
            "no experiment was judged; 1 that may not be read"
        )
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize(
    "option", ["--sort=lr", "--groupby=lr", "--tail=1", "--sort-reverse", "--columns=lr", "--args=all"]
)
def test_a_list_of_columns_takes_no_options_for_rows(make, run, option):
    make("1", {"lr": 1})
    done = run("--list-columns", option)
    name = option.partition("=")[0]
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--list-columns lists all columns, so {name} changes nothing" in done.stderr


def test_a_negative_number_of_levels_is_refused(make, run):
    make("1")
    done = run("--normalize-json-values", "-1")
    assert done.returncode == 2
    assert "--normalize-json-values: '-1' is not a whole number from 0 on" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_could_not_be_written_is_told(environment, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "meticulous_cli", "--help"],
            env={**environment, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "meticulous: cannot write: No space left on device\n")
