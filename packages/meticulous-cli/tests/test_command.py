"""Options together, as people give them: what is exported, validated, counted."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from meticulous_cli.export.export import EXPORT_KINDS


@pytest.fixture
def sweep(make):
    for number, (lr, loss) in enumerate([(0.1, 0.5), (0.2, "NaN"), (0.1, 0.3), (0.2, 0.2)], 1):
        defaults = {"lr": 0.1, "seed": 0, "optimizer": "sgd"}
        summary = {"loss": loss, "best": {"epoch": number}} if number < 4 else None
        make(str(number), {**defaults, "lr": lr, "seed": number}, summary, defaults=defaults)


def test_what_is_exported_is_what_the_table_shows_unrounded(sweep, run, tmp_path):
    options = (
        "--filter",
        "lr < 0.15",
        "--sort",
        "seed",
        "--sort_reverse",
        "--columns",
        "seed,summary.*,status",
    )
    assert run(*options, "--export", "out.csv", "--flat_cols").stdout == "2 rows and 4 columns in out.csv\n"
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text("utf-8"))))
    assert [list(row) for row in rows[:1]] == [
        ["expid", "args.seed", "summary.loss", "summary.best.epoch", "header.status"]
    ]
    assert [row["expid"] for row in rows] == ["3", "1"]
    assert rows[0]["summary.loss"] == "0.3"
    assert rows[0]["summary.best.epoch"] == "3"


def test_an_export_has_the_tables_own_columns_unless_others_are_named(sweep, run):
    exported = json.loads(run("--export", "-", "--export-format", "json").stdout)
    assert [list(row["args"]) for row in exported] == [["lr", "seed"]] * 4
    assert [row["summary"]["loss"] for row in exported] == [0.5, "NaN", 0.3, None]
    everything = json.loads(run("--args", "all", "--export=-", "--export-format=json").stdout)
    assert list(everything[0]["args"]) == ["lr", "seed", "optimizer"]


def test_groups_are_exported_with_their_means(sweep, run, tmp_path):
    assert run("--groupby", "lr", "--export", "groups.pd").returncode == 0
    frame = pd.read_pickle(tmp_path / "groups.pd")
    assert frame["args", "lr"].tolist() == [0.1, 0.2]
    assert frame["header", "n"].tolist() == [2, 2]
    assert frame["summary", "loss"].tolist()[0] == 0.4
    assert math.isnan(frame["summary", "loss"].tolist()[1])
    assert frame["std", "loss"].tolist()[0] == pytest.approx(0.02**0.5)
    assert frame["n", "loss"].tolist() == [2, 0]


def test_nested_values_are_exported_as_columns(sweep, run):
    done = run(
        "--export",
        "-",
        "--export-format",
        "csv",
        "--flat-cols",
        "--columns",
        "best.epoch",
    )
    assert done.stdout.splitlines() == ["expid,summary.best.epoch", "1,1", "2,2", "3,3", "4,"]


def test_a_lost_run_is_exported_as_such(make, run):
    make("1", status="RUNNING\n", hostname="elsewhere", heartbeat_seconds=1e-9)
    exported = json.loads(run("--export", "-", "--export-format", "json", "--columns", "status").stdout)
    assert exported == [{"expid": "1", "header": {"status": "silent"}}]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--export", "taken.csv"], 2, "taken.csv exists and is never replaced"),
        (
            ["--export", "nowhere/x.csv"],
            1,
            "cannot write nowhere/x.csv: no such file or directory; nothing was written",
        ),
        (
            ["--export", "x.xls"],
            2,
            "the suffix of x.xls is none that is known: end it in one of .csv",
        ),
        (["--export", "-"], 2, "--export - needs --export-format, which is one of csv"),
        (["--export", ""], 2, "--export needs the name of a file, or - for standard output"),
        (["--flat-cols"], 2, "--flat-cols needs --export"),
        (
            ["--list-columns", "--export", "x.csv"],
            2,
            "--list-columns lists all columns, so --export changes nothing",
        ),
        (["--filter", "x" * 5000], 2, "no column xxx"),
        (["--export-format", "csv"], 2, "--export-format needs --export"),
        (["--export-format", "xls", "--export", "-"], 2, "argument --export-format: invalid choice: 'xls'"),
        (
            ["--export", "x.csv", "experiments/1"],
            2,
            "--export is for tables; experiments/1 is one experiment",
        ),
        (["--validate", "--tail", "1"], 2, "--tail is for tables, and --validate makes none"),
        (["--validate", "nowhere"], 2, "no experiment or directory 'nowhere'"),
        (
            ["--filter", "loss > 100", "--export", "x.csv"],
            1,
            "none of 4 experiments: loss goes from 0.3 to 0.5",
        ),
    ],
)
def test_a_mistake_in_what_to_do_is_one_line_and_leaves_no_file(sweep, run, tmp_path, options, code, message):
    (tmp_path / "taken.csv").write_text("mine")
    done = run(*options)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"meticulous: {message}")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1100
    assert (tmp_path / "taken.csv").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"experiments", "taken.csv"}


def test_validation_names_each_breach_and_says_so_by_its_exit_code(make, run):
    make("1")
    make("2", status="ERROR\n")
    done = run("--validate")
    assert done.returncode == 1
    assert f"{Path('experiments/2')}: STATUS-4: STATUS: " in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 of 2 experiments breaks format 1.0")
    assert run("--validate", "experiments/1").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs names of POSIX")
def test_a_name_that_is_no_text_is_exported_too(make, run, tmp_path):
    make("1", {"lr": 1}).rename(tmp_path / "experiments" / os.fsdecode(b"bad\xff"))
    make("2", {"lr": 2})
    for kind in EXPORT_KINDS:
        done = run("--export", f"out.{kind}", "--export-format", kind)
        assert (done.returncode, done.stderr) == (0, "")
    assert "bad\\udcff" in (tmp_path / "out.csv").read_text("utf-8")


def test_a_nan_spoils_no_mean_of_a_group(sweep, run):
    exported = json.loads(run("--groupby", "lr", "--export", "-", "--export-format", "json").stdout)
    assert [row["summary"]["loss"] for row in exported] == [0.4, None]


def test_what_it_is_sorted_by_is_never_what_has_no_room(make, screen):
    for number in range(30):
        make(str(number), {f"argument_{n}": number * n for n in range(9)}, {"loss": 1, "dull": number % 2})
    assert "dull" in screen("--sort", "dull", NO_COLOR="1").partition("no room for")[0]


def test_a_console_without_colour_codes_gets_none(sweep, tmp_path, environment):
    """On Windows the console has to be switched to them; a pipe that says that it is a terminal can't be."""
    program = (
        "import sys; from meticulous_cli.__main__ import main; sys.stdout.isatty = lambda: True; main([])"
    )
    environment.pop("FORCE_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert (b"\x1b[" in done.stdout) == (sys.platform != "win32")
    assert b"SUCCESS" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="uses a POSIX shell")
def test_a_closed_standard_output_is_one_line(sweep, tmp_path, environment):
    command = f"'{sys.executable}' -m meticulous_cli >&-"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "meticulous: standard output is closed\n")


def test_what_is_not_known_is_null_and_the_suffix_pickle_is_one(make, run, tmp_path):
    folder = make("1")
    metadata = json.loads((folder / "metadata.json").read_bytes())
    (folder / "metadata.json").write_text(json.dumps({**metadata, "githead-sha": ""}))
    exported = json.loads(
        run("--columns", "commit,problems,status", "--export=-", "--export-format=json").stdout
    )
    assert exported == [{"expid": "1", "header": {"sha": None, "problems": None, "status": "SUCCESS"}}]
    make("2", githead_sha="half \ud800")
    for kind in EXPORT_KINDS:
        assert run("--columns", "commit", f"--export=out.{kind}", f"--export-format={kind}").returncode == 0
    assert run("--export", "all.pickle").returncode == 0
    assert pd.read_pickle(tmp_path / "all.pickle").index.tolist() == ["1", "2"]


@pytest.mark.requirement("PRIV-4")
def test_what_names_a_machine_or_a_person_is_not_exported_unasked(make, run):
    make("1", {"lr": 1}, hostname="adas-macbook", pid=4711471, working_directory="/home/ada")
    for kind in ("csv", "md", "tex", "json"):
        printed = run("--export=-", f"--export-format={kind}").stdout
        assert "lr" in printed
        for word in ("adas-macbook", "4711471", "/home/ada"):
            assert word not in printed, kind


def test_times_are_utc_in_tables_for_a_page_too(make, run):
    make("1")
    for kind in ("md", "tex"):
        printed = run("--columns", "start", "--export=-", f"--export-format={kind}", TZ="Asia/Tokyo").stdout
        assert "2024-11-23 10:00:00Z" in printed
