"""The screens of the table, drawn from real folders at a set time, and what holds for all of them.

`screens/` has what they are compared with; METICULOUS_SCREENS=write writes them anew, to be looked at.
"""

import importlib.util
import os
import re
from datetime import datetime
from pathlib import Path

import pytest
from meticulous_cli.__main__ import main
from meticulous_cli.show import style
from meticulous_cli.show.text import width

_SPEC = importlib.util.spec_from_file_location("datasets", Path(__file__).with_name("datasets.py"))
datasets = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(datasets)
SCREENS = Path(__file__).parent / "screens"
CODES = re.compile(r"\x1b\[[0-9;]*m")
DATASETS = ("sweep", "months", "nested", "thousand", "first", "broken")


class Clock(datetime):
    @classmethod
    def now(cls, tz=None):
        return datasets.NOW.astimezone(tz)


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    directory = tmp_path_factory.mktemp("projects")
    for name in DATASETS:
        getattr(datasets, name)(str(directory / name / "experiments"))
    return directory


@pytest.fixture
def look(projects, monkeypatch, capsys, in_utc):
    """Return a function that shows what the command prints on a terminal of some size, at a set time."""
    monkeypatch.setattr(style, "datetime", Clock)
    for name, value in {"FORCE_COLOR": "1", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def look(project, *arguments, columns=80, lines=50, **environment):
        monkeypatch.chdir(projects / project)
        for name, value in {"COLUMNS": columns, "LINES": lines, **environment}.items():
            monkeypatch.setenv(name, str(value))
        code = main(arguments)
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return out

    return look


def foot(printed):
    return printed.rpartition("\n\n")[2].splitlines()


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize(
    ("name", "project", "arguments"),
    [
        ("a-sweep", "sweep", ()),
        ("a-best", "sweep", ("--sort", "val_acc", "--tail", "5")),
        ("a-over-seed", "sweep", ("--over", "seed")),
        ("b-months", "months", ()),
        ("b-last", "months", ("--tail", "12")),
        ("c-nested", "nested", ()),
        ("d-thousand", "thousand", ()),
        ("e-side-by-side", "months", tuple(map(str, range(210, 222)))),
        ("f-first", "first", ()),
        ("h-broken", "broken", ()),
    ],
)
def test_the_screen_is_the_one_that_was_looked_at(look, name, project, arguments, columns):
    printed = CODES.sub("", look(project, *arguments, columns=columns))
    file = SCREENS / f"{name}-{columns}.txt"
    if os.environ.get("METICULOUS_SCREENS") == "write":
        file.write_text(printed, encoding="utf-8")
    assert printed == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("project", DATASETS)
def test_no_line_is_wider_than_the_terminal_and_the_foot_is_short(look, project):
    for columns in (*range(20, 60, 3), *range(60, 221, 20)):
        printed = look(project, columns=columns)
        plain = CODES.sub("", printed)
        assert plain == look(project, columns=columns, NO_COLOR=1)
        *table, _ = plain.partition("\n\n")[0].splitlines()
        assert max(map(width, plain.splitlines())) <= columns, columns
        assert len(foot(plain)) <= 11
        names = table[: next(place for place, line in enumerate(table) if line.lstrip().startswith("id"))]
        assert not any("…" in line for line in names)


def test_a_long_table_ends_with_its_names(look):
    printed = CODES.sub("", look("months", lines=24)).splitlines()
    screen = printed[-23:]  # the prompt takes a line
    assert sum(line.lstrip()[:3].isdigit() for line in screen) >= 15
    names = next(line for line in screen if line.lstrip().startswith("id "))
    assert names in printed[:4]
    assert any(line.startswith("240 experiments: ") for line in screen)
    short = CODES.sub("", look("first", lines=24)).splitlines()
    assert sum(line.lstrip().startswith("id ") for line in short) == 1


def rows_with_codes(printed):
    return {
        CODES.sub("", line).split()[0]: line
        for line in printed.partition("\n\n")[0].splitlines()
        if CODES.sub("", line).lstrip()[:1].isdigit()
    }


def test_bright_is_what_was_chosen_and_what_came_out(look):
    rows = rows_with_codes(look("sweep", columns=120))
    dim = "\x1b[2m{}\x1b[0m".format
    assert dim("SUCCESS") in rows["1"]
    assert dim("Wed 04:57") in rows["1"]
    assert dim("mlp") in rows["1"]
    assert dim("0.0003") not in rows["1"]
    assert dim("0.1") in rows["9"]
    assert "\x1b[31mERROR\x1b[0m" in rows["17"]
    assert dim("0.9634") in rows["17"]
    assert "\x1b[33mlost\x1b[0m" in rows["29"]
    assert "\x1b[36mRUNNING\x1b[0m" in rows["30"]
    assert dim("0.9128") in rows["30"]
    assert dim("0.9128") not in rows["11"]
    printed = look("sweep", columns=120)
    assert "\x1b[1mval_acc\x1b[0m" in look("sweep", columns=200)
    assert printed.count("\x1b[31mERROR\x1b[0m") == 6
    assert "\x1b[32m" not in printed


def test_what_nobody_chose_is_dim_only_where_somebody_did(look):
    row = rows_with_codes(look("first"))["1"]
    assert "\x1b[2m0.1\x1b[0m" not in row


def test_colour_can_be_declined_and_a_pipe_made_a_terminal(look):
    assert "\x1b" not in look("first", NO_COLOR=1)
    assert "\x1b" in look("first", NO_COLOR="")
    assert "\x1b" not in look("first", TERM="dumb")
    plain = look("first", FORCE_COLOR=0)
    assert plain.splitlines()[0].split() == [
        "id",
        "status",
        "start",
        "duration",
        "commit",
        "lr",
        "hidden",
        "loss",
        "accuracy",
    ]
    assert look("first", FORCE_COLOR="") == plain


def test_a_pipe_gets_all_of_it_in_lines_that_other_programs_can_cut(look):
    printed = look("sweep", FORCE_COLOR=0)
    head, *rows = printed.splitlines()
    assert len(rows) == 30
    assert len({re.split("  +", head.strip())[place] for place in range(11)}) == 11
    assert re.split("  +", rows[0].strip())[2] == "2026-11-25T04:57:30"
    assert "sweep of learning rates, first batch" in rows[2]
    assert "─" not in printed


@pytest.mark.parametrize(("arguments", "mark"), [((), "↑"), (("--sort-reverse",), "↓")])
def test_an_arrow_follows_what_it_is_sorted_by(look, arguments, mark):
    printed = CODES.sub("", look("sweep", "--sort", "lr", *arguments))
    assert f"lr{mark}" in printed
    assert printed.count(mark) == 1


def test_many_failures_and_problems_are_few_lines(look, projects):
    directory = projects / "failed" / "experiments"
    for number in range(1, 13):
        datasets.write(
            str(directory / str(number)),
            {"lr": number},
            {"lr": 0},
            {"loss": number},
            f"ERROR\n{datasets.traceback(f'Error{number % 6}: at {number}')}",
            start=datasets.NOW,
            minutes=1,
            git_dirty=True,
        )
        (directory / str(number) / "args.json").write_text("{")
        (directory / f"stray{number}").mkdir()
    lines = foot(CODES.sub("", look("failed")))
    assert lines[0] == "12 experiments, all ERROR"
    assert lines[1:4] == [
        f"ERROR  {number} and 1 more  Error{number % 6}: at {number}" for number in (10, 11, 12)
    ]
    assert lines[4] == "3 other reasons: --columns +reason"
    assert "--columns +reason" not in look("failed", "--columns", "+reason")
    assert [line[0] for line in lines[5:8]] == ["!", "!", "!"]
    assert lines[7].endswith("… 9 more: --columns problems")
    assert "more: --columns problems" not in look("failed", "--columns", "problems")
    assert len(lines) <= 11


def test_a_terminal_without_unicode_gets_ascii(make, screen):
    make("1", {"text": "é" * 50, "lr": 1})
    make("2", {"text": "é" * 51, "lr": 2})
    printed = screen("--sort", "lr", columns=60, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert printed.isascii()
    assert "args ---" in printed
    assert "lr^" in printed
    assert "..." in printed


def test_the_table_in_colour_is_the_readmes_picture(look, picture):
    picture("table", "meticulous --last 14", look("sweep", "--last", "14", columns=100), 100)
