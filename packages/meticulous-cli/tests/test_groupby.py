import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.show.text import MISSING
from meticulous_cli.table.columns import Field, Fields
from meticulous_cli.table.groups import group, group_fields
from meticulous_cli.table.was_facts import ARGS, SUMMARY


def fields_of(*names):
    return Fields(
        Field(SUMMARY if name[0] == "s" else ARGS, name, lambda row, name=name: row.get(name, MISSING))
        for name in names
    )


def grouped(rows, *by, names=("a", "b", "s1", "s2")):
    fields = fields_of(*names)
    chosen = [fields.find(name) for name in by]
    columns = list(group_fields(chosen, fields))
    return [[column.get(row) for column in columns] for row in group(rows, chosen, fields)]


def test_a_group_has_its_values_how_many_it_is_and_its_means():
    rows = [{"a": 1, "s1": 1, "s2": 0.5}, {"a": 2, "s1": 5}, {"a": 1, "s1": 2, "s2": None}]
    assert grouped(rows, "a") == [[1, 2, 1.5, 0.5], [2, 1, 5.0, MISSING]]
    assert grouped(rows) == [[3, 8 / 3, 0.5]]


def test_nan_is_not_hidden_by_a_mean():
    ((count, mean, _),) = grouped([{"s1": 1.0}, {"s1": math.nan}, {}])
    assert count == 3
    assert math.isnan(mean)


def test_what_is_no_number_is_shown_where_all_agree():
    rows = [{"a": 1, "s1": "x"}, {"a": 1}, {"a": 2, "s1": "x"}, {"a": 2, "s1": 3}, {"a": 3, "s1": True}]
    assert [row[2] for row in grouped(rows, "a")] == ["x", MISSING, True]


def test_the_same_values_are_one_group_and_what_lacks_them_another():
    rows = [{"a": value} for value in (1, 1.0, True, None, [1], [1], {"x": 1, "y": 2}, {"y": 2, "x": 1})]
    rows += [{}, {}, {"a": math.nan}, {"a": math.nan}, {"a": "1"}]
    assert [row[1] for row in grouped(rows, "a")] == [2, 1, 1, 2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([math.inf, 1.0], math.inf),
        ([1e308, 1.5e308], 1.25e308),
        ([-1e308, -1.5e308, -1.25e308], -1.25e308),
        ([1e308, 1e308, 1e308], 1e308),
        ([10**400, 0], 5 * 10**399),
        ([10**400, -(10**400), 3.0], 1.0),
        ([10**400, 0.5], 5 * 10**399),
        ([10**400, -math.inf], -math.inf),
    ],
)
def test_extreme_numbers_have_a_mean(values, mean):
    ((_, found, _),) = grouped([{"s1": value} for value in values])
    assert found == mean or (isinstance(mean, float) and math.isclose(found, mean))


def test_infinities_of_both_signs_have_none():
    assert math.isnan(grouped([{"s1": math.inf}, {"s1": -math.inf}])[0][1])


numbers = st.integers() | st.floats() | st.none()
rows = st.lists(
    st.fixed_dictionaries({}, optional={"a": st.integers(0, 3), "b": st.booleans(), "s1": numbers})
)


@given(rows)
def test_each_experiment_is_in_one_group(rows):
    found = grouped(rows, "a", "b")
    assert sum(row[2] for row in found) == len(rows)
    assert len({(repr(row[0]), repr(row[1])) for row in found}) == len(found)


def table(result):
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    return [line.split() for line in (lines[0], *lines[2:])]


@pytest.fixture
def seeds(make):
    losses = [(0.1, 1, 0.5), (0.01, 1, 0.25), (0.1, 2, 0.75), (0.01, 2, 0.5), (1.0, 1, "NaN"), (1.0, 2, 0.5)]
    for number, (lr, seed, loss) in enumerate(losses):
        make(
            str(number), {"lr": lr, "seed": seed}, {"loss": loss, "best": {"epoch": number}}, hostname="here"
        )
    make("none", {"seed": 1}, {"loss": 3})


def test_groups_stand_in_the_order_of_their_values(seeds, run):
    assert table(run("--groupby", "lr")) == [
        ["lr", "count", "loss", "best"],
        ["1", "3.0"],
        ["0.01", "2", "0.375"],
        ["0.1", "2", "0.625"],
        ["1.0", "2", "nan"],
    ]


def test_groups_can_be_filtered_sorted_and_cut(seeds, run):
    options = ["--groupby", "lr", "--filter", "seed == 1", "--filter=lr > 0", "--normalize-json-values"]
    assert table(run(*options, "--sort", "loss", "--sort_reverse", "--tail", "2", "--columns=best.*")) == [
        ["lr", "best.epoch"],
        ["0.1", "0.0"],
        ["0.01", "1.0"],
    ]
    assert [row[0] for row in table(run("--groupby=seed", "--sort=count", "--columns=count"))[1:]] == [
        "2",
        "1",
    ]


def test_groups_may_be_of_several_columns_of_any_kind(seeds, run):
    assert table(run("--groupby=hostname,seed", "--groupby=status", "--columns=count")) == [
        ["hostname", "seed", "status", "count"],
        ["1", "SUCCESS", "1"],
        ["here", "1", "SUCCESS", "3"],
        ["here", "2", "SUCCESS", "3"],
    ]
    assert table(run("--groupby=commit"))[1][:2] == ["0123456", "7"]


def test_a_narrow_terminal_shows_the_groups_and_says_what_it_left_out(seeds, screen):
    printed = screen("--groupby=lr,seed", "--normalize-json-values", columns=20, NO_COLOR="1")
    lines = printed.splitlines()
    assert lines[1].split() == ["lr", "seed", "count"]
    assert "no room for: loss, best.epoch" in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= 20


def test_lists_that_differ_are_groups(make, run):
    for number, value in enumerate([[1, 2], [1, 2], [2, 1]]):
        make(str(number), {"layers": value})
    assert table(run("--groupby=layers", "--columns=count"))[1:] == [
        [*json.dumps([1, 2]).split(), "2"],
        [*json.dumps([2, 1]).split(), "1"],
    ]
