"""Groups: what they are of, their means, and what is left out of them."""

import json
import math
import re
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.table.groups import mean_of

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def table(result):
    assert (result.returncode, result.stderr) == (0, "")
    return [re.split("  +", line.strip()) for line in result.stdout.splitlines()]


def exported(run, *options):
    """Return the groups as they are exported, by their lr."""
    result = run(*options, "--export", "-", "--export-format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    return {row["args"]["lr"]: row for row in json.loads(result.stdout)}


@pytest.fixture
def seeds(make):
    """Three learning rates of two seeds each, one nan; one ERROR, one RUNNING, one without a rate."""
    losses = [(0.1, 1, 0.5), (0.01, 1, 0.25), (0.1, 2, 0.75), (0.01, 2, 0.5), (1.0, 1, "NaN"), (1.0, 2, 0.5)]
    for number, (lr, seed, loss) in enumerate(losses):
        make(
            str(number), {"lr": lr, "seed": seed}, {"loss": loss, "best": {"epoch": number}}, hostname="here"
        )
    make("none", {"seed": 1}, {"loss": 3})
    make("failed", {"lr": 0.1, "seed": 3}, {"loss": 9}, "ERROR\n")
    make("running", {"lr": 0.01, "seed": 3}, {"loss": 9}, "RUNNING\n", end_time=None)


def test_a_group_has_mean_and_deviation_of_those_that_ended_well(seeds, run):
    assert table(run("--groupby", "lr", "--columns", "n,loss")) == [
        ["lr", "n", "loss"],
        ["1", "3.0000"],
        ["0.01", "2", "0.3750 ± 0.1768"],
        ["0.1", "2", "0.6250 ± 0.1768"],
        ["1.0", "2", "0.5000 (1)"],
    ]


def test_the_foot_says_what_was_left_out_and_what_else_differs(seeds, screen):
    lines = COLOUR.sub("", screen("--groupby", "lr")).splitlines()
    assert lines[-3:] == [
        "7 of 9 experiments in 4 groups; mean ± standard deviation",
        "left out: 1 ERROR, 1 RUNNING, 1 nan in loss",
        "also differ within groups: seed",
    ]


def test_over_groups_by_all_else_that_varies(make, run, screen):
    for number in range(8):
        args = {"lr": (number % 2 + 1) / 10, "data": "ab"[number // 4], "seed": number, "epochs": 3}
        make(str(number), args, {"acc": number / 8})
    head, *rows = table(run("--over", "seed"))
    assert head == ["lr", "data", "n", "acc"]
    labels = [["0.1", "a"], ["0.1", "b"], ["0.2", "a"], ["0.2", "b"]]
    assert [row[:3] for row in rows] == [[*label, "2"] for label in labels]
    assert "differ within" not in COLOUR.sub("", screen("--over", "seed"))
    assert "also differ within groups: data, seed" in COLOUR.sub("", screen("--groupby", "lr"))


def test_a_group_in_which_none_ended_well_is_a_row_with_n_0(make, run):
    make("1", {"lr": 1}, {"loss": 1}, "ERROR\n")
    make("2", {"lr": 2}, {"loss": 1})
    assert table(run("--groupby", "lr")) == [["lr", "n", "loss"], ["1", "0"], ["2", "1", "1"]]


def test_what_is_the_same_in_all_of_all_groups_is_below(make, screen):
    for number in range(4):
        make(str(number), {"lr": number % 2, "seed": number}, {"epoch": 10, "loss": number})
    lines = COLOUR.sub("", screen("--groupby", "lr")).splitlines()
    assert lines[-1] == "same in all: epoch=10"
    assert "epoch" not in lines[1]


def test_two_groups_never_have_the_same_label(make, run):
    for number, lr in enumerate([0.3, 0.30000000000000004, 0.3, 0.30000000000000004]):
        make(str(number), {"lr": lr}, {"acc": 0.9})
    labels = [row[:2] for row in table(run("--groupby", "lr"))[1:]]
    assert labels == [["0.3", "2"], ["0.30000000000000004", "2"]]


def test_what_is_no_number_is_shown_where_all_agree(make, run):
    notes = [(1, "x"), (1, "x"), (2, "x"), (2, 3), (3, True), (4, "only one has it"), (4, None)]
    for number, (lr, note) in enumerate(notes):
        make(str(number), {"lr": lr}, {} if note is None else {"note": note})
    assert table(run("--groupby", "lr"))[1:] == [["1", "2", "x"], ["2", "2"], ["3", "1", "True"], ["4", "2"]]


def test_the_same_values_are_one_group_and_what_lacks_them_another(make, run):
    values = [1, 1.0, True, None, [1], [1], {}, {}, "NaN", "NaN", "1"]
    for number, value in enumerate(values):
        make(str(number), {"lr": value})
    make("a", {})
    make("b", {})
    counts = sorted(int(row[-1]) for row in table(run("--groupby", "lr"))[1:])
    assert counts == [1, 1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        (["Infinity", 1.0], "Infinity"),
        (["Infinity", "-Infinity"], None),
        ([10**400, 0], None),
        ([1e308, 1.5e308], None),
    ],
)
def test_numbers_that_no_float_holds_have_no_mean_or_an_infinite_one(make, run, values, mean):
    for number, value in enumerate(values):
        make(str(number), {"lr": 1}, {"s": value})
    row = exported(run, "--groupby", "lr")[1]
    assert (row["summary"]["s"], row["std"]["s"]) == (mean, None)


@pytest.mark.parametrize(
    ("values", "mean", "deviation"),
    [
        ([1, 2, 3, 4], 2.5, 1.2909944487358056),
        ([0.5], 0.5, None),
        ([2, 2], 2, 0),
        ([1e200, -1e200], 0, 2**0.5 * 1e200),
        ([0.1] * 7, 0.1, 0),
        ([1e15 + 0.5, 1e15, 1e15], 1e15 + 0.125, 0.28867513459481287),
        ([2**53 + 3, 2**53 + 1, 2**53 + 1], 2**53 + 2, 1.1547005383792515),
        ([10**18 + seed for seed in (0, 1, 2, 0, 0, 9)], 1e18, 3.5213633723318023),
        ([10**30 + 1, 10**30], 1e30, 0.5**0.5),
    ],
)
def test_the_deviation_is_of_the_sample(make, run, values, mean, deviation):
    for number, value in enumerate(values):
        make(str(number), {"lr": 1}, {"s": value})
    row = exported(run, "--groupby", "lr")[1]
    assert row["summary"]["s"] == mean
    assert row["std"]["s"] == (deviation and pytest.approx(deviation))


def test_deviations_are_exported_in_columns_of_their_own_and_for_papers_in_the_cells(seeds, run):
    rows = exported(run, "--groupby", "lr", "--columns", "n,loss")
    assert (rows[1.0]["summary"]["loss"], rows[1.0]["std"]["loss"]) == (0.5, None)
    assert (rows[1.0]["header"]["n"], rows[1.0]["n"]["loss"]) == (2, 1)
    assert rows[0.1]["std"]["loss"] == pytest.approx(0.1767767)
    paper = run("--groupby", "lr", "--columns", "n,loss", "--export", "-", "--export-format", "md").stdout
    assert "0.3750 ± 0.1768" in paper


def test_groups_stand_in_the_order_of_their_values(seeds, run):
    assert [row[0] for row in table(run("--groupby", "lr"))[2:]] == ["0.01", "0.1", "1.0"]
    assert [row[0] for row in table(run("--groupby", "lr", "--sort-reverse"))[2:]] == ["1.0", "0.1", "0.01"]


def test_groups_can_be_filtered_sorted_and_cut(seeds, run):
    options = ["--groupby", "lr", "--filter", "seed == 1", "--filter=lr > 0"]
    found = table(run(*options, "--sort", "loss", "--sort_reverse", "--tail", "2", "--columns=best.*"))
    assert found == [["lr", "best.epoch"], ["0.1", "0"], ["0.01", "1"]]
    assert [row[0] for row in table(run("--groupby=seed", "--sort=n", "--columns=n"))[1:]] == ["3", "2", "1"]


def test_groups_may_be_of_several_columns_of_any_kind(seeds, run):
    assert table(run("--groupby=hostname,seed", "--groupby=status", "--columns=n", "--filter=seed < 3")) == [
        ["hostname", "seed", "status", "n"],
        ["1", "SUCCESS", "1"],
        ["here", "1", "SUCCESS", "3"],
        ["here", "2", "SUCCESS", "3"],
    ]
    assert table(run("--groupby=commit"))[1][:2] == ["0123456", "7"]


def test_a_narrow_terminal_shows_the_groups_and_says_what_it_left_out(seeds, screen):
    lines = screen("--groupby=lr,seed", columns=24, NO_COLOR="1").splitlines()
    assert any(line.split()[:3] == ["lr", "seed", "n"] for line in lines[:4])
    assert any(line.startswith("no room for: ") for line in lines)
    assert max(map(len, lines)) <= 24


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize(
    "options", [["--over", "seed"], ["--groupby", ",".join(f"argument_{place}" for place in range(9))]]
)
def test_many_labels_leave_room_for_results_and_what_has_none_is_named(make, screen, options, columns):
    for number in range(8):
        args = {f"argument_{place}": f"text {number * place % 8}" for place in range(9)}
        make(str(number), {**args, "seed": number}, {"loss": number / 7, "acc": number / 9})
    lines = screen(*options, columns=columns, NO_COLOR="1").splitlines()
    names = " ".join(lines[1:4])
    assert re.search(r"\bn +loss", names)
    assert lines[-1].startswith("no room for: argument_")
    assert columns < 60 or any(re.search("0.1429 +0.1111", line) for line in lines)
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("content", [None, "", "not json", '{"lr": '])
def test_what_arguments_nobody_can_read_is_in_no_group_of_equal_ones(make, run, screen, content):
    for name in "abc":
        make(name, {"lr": len(name), "seed": name}, {"loss": 1.0})
    for name in "de":
        file = make(name, {}, {"loss": 2.0}, defaults={"seed": 0}) / "args.json"
        file.unlink() if content is None else file.write_text(content)
    make("none to read", {}, {"loss": 3.0})
    lines = screen("--over", "seed", NO_COLOR="1").splitlines()
    assert "4 of 6 experiments in 1 group; mean ± standard deviation" in lines
    assert "left out: 2 with unreadable arguments" in lines
    assert "unreadable" not in screen("--groupby", "seed")
    alone = run("d", "e", "--over", "default_args.seed")
    assert (alone.returncode, alone.stdout, alone.stderr.count("\n")) == (1, "", 1)


values = st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=2, max_size=5)


@given(values)
def test_mean_and_deviation_are_those_of_the_statistics_module(values):
    found = mean_of(values)
    assert found.n == len(values)
    assert math.isclose(found.mean, statistics.fmean(values), abs_tol=1e-30)
    assert math.isclose(found.deviation, statistics.stdev(values), rel_tol=1e-6, abs_tol=1e-30)


def test_results_of_other_scripts_are_no_columns_of_groups(seeds, make, run):
    make("other", {"temperature": 1}, {"bleu": 20})
    shown = table(run("--groupby", "lr", "--filter", "lr != None"))[0]
    assert "loss" in shown
    assert "bleu" not in shown
    assert "bleu" in table(run("--groupby", "lr"))[0]
    assert "bleu" in table(run("--groupby", "lr", "--filter", "lr != None", "--columns", "+bleu"))[0]


@pytest.mark.parametrize("options", [[], ["--groupby", "lr"]])
def test_copies_are_named(make, screen, options):
    make("1", {"lr": 0.1}, {"loss": 1}, uuid="6f1c2b0e-8d53-4a7e-9a51-3f0a1c9be7d2")
    make("1 (copy)", {"lr": 0.1}, {"loss": 1}, uuid="6f1c2b0e-8d53-4a7e-9a51-3f0a1c9be7d2")
    make("2", {"lr": 0.2}, {"loss": 2}, uuid="0b8f7f0e-3f43-4a39-a4c7-6f0a1c9be7d2")
    make("3", {"lr": 0.3}, {"loss": 2})
    make("4", {"lr": 0.4}, {"loss": 2})
    lines = screen(*options, NO_COLOR="1").splitlines()
    assert [line for line in lines if line.startswith("copies")] == ["copies, counted as well: 1 (copy) of 1"]


def test_a_word_among_numbers_takes_no_mean_away(make, run, screen):
    for number, (acc, status) in enumerate(
        [
            (0.5, "SUCCESS"),
            (0.75, "SUCCESS"),
            ("diverged", "SUCCESS"),
            ("diverged", "ERROR\nValueError: no\n"),
        ]
    ):
        make(str(number), {"lr": 1, "seed": number}, {"acc": acc}, status)
    make("other", {"lr": 2, "seed": 0}, {"acc": 0.5})
    assert exported(run, "--over", "seed")[1]["summary"]["acc"] == 0.625
    printed = screen("--over", "seed")
    assert "left out: 1 ERROR, 1 no number in acc" in printed
    assert "diverged" not in printed


def test_what_a_mean_over_seeds_mixes_is_said(make, screen):
    for number, (seed, commit) in enumerate([(0, "a" * 40), (1, "a" * 40), (0, "b" * 40)], 1):
        make(str(number), {"lr": 1, "seed": seed}, {"acc": 0.5}, githead_sha=commit)
    make("other", {"lr": 2, "seed": 0}, {"acc": 0.5}, githead_sha="b" * 40)
    printed = screen("--over", "seed")
    assert "also differ within groups: commit" in printed
    assert "same seed again: 3 of 1" in printed


def test_a_label_whose_name_is_wider_than_the_terminal_keeps_to_it(make, screen):
    name = "n" * 400
    for number in range(2):
        make(str(number), {name: number}, {"loss": 0.5})
    lines = COLOUR.sub("", screen("--groupby", name)).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("nnn")
