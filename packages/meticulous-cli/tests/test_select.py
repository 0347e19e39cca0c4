import json
import math
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meticulous_cli.options import parse_options
from meticulous_cli.show.text import MISSING
from meticulous_cli.table.columns import Field
from meticulous_cli.table.select import select
from meticulous_cli.table.was_facts import ARGS
from meticulous_read import Experiments


@pytest.fixture
def runs(make):
    """Five experiments, of two seeds with each of two learning rates, and one that diverged and lacks one."""
    for number, (lr, seed, loss) in enumerate(
        [(0.1, 1, 0.5), (0.01, 1, 0.25), (0.1, 2, 0.75), (0.01, 2, 0.5)]
    ):
        make(
            str(number + 1),
            {"lr": lr, "seed": seed, "opt.name": "sgd", "opt.momentum": 0.9},
            {"loss": loss, "best": {"loss": loss / 2, "epoch": number}, "note": "fine"},
            defaults={"lr": 1.0, "seed": 1},
            hostname="here",
            start_time=f"2024-11-{number + 1:02}T10:00:00Z",
            end_time=f"2024-11-{number + 1:02}T12:00:00Z",
        )
    make("5", {"seed": 3}, {"loss": "NaN", "note": "bad"}, "ERROR\n", start_time="2024-11-09T10:00:00Z")


def table(result):
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    return [line.split() for line in (lines[0], *lines[2:])]


def ids(result):
    return [row[0] for row in table(result)[1:]]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        (["lr < 0.1 and status == 'SUCCESS'"], ["2", "4"]),
        (["loss != loss"], ["5"]),
        (["status == 'ERROR' or loss >= 0.75"], ["3", "5"]),
        (["lr == 0.1", "seed == 2"], ["3"]),
        (["lr == None"], ["5"]),
        (["duration > '1h 59m' and start < '2024-11-03'"], ["1", "2"]),
        (["hostname == 'here' and id >= 3"], ["3", "4"]),
        (["summary.loss < 1 and opt.name == 'sgd'"], ["1", "2", "3", "4"]),
        (["description == ''"], ["1", "2", "3", "4", "5"]),
        (["commit == '0123456'"], ["1", "2", "3", "4", "5"]),
    ],
)
def test_a_filter_keeps_the_experiments_of_which_it_holds(runs, run, filters, kept):
    assert ids(run(*(f"--filter={text}" for text in filters), "--columns=")) == kept


def test_a_filter_that_leaves_nothing_says_so(runs, run):
    result = run("--filter", "loss > 9")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "meticulous: the filter matches none of 5 experiments\n"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("lr == '0.1'", "lr holds numbers, and '0.1' in quotes is text"),
        ("seed in ('1', '2')", "seed holds numbers, and '1' in quotes is text"),
        ("status == 'success'", "did you mean 'SUCCESS' instead of 'success'?"),
        ("seed == 9 and opt.name in ('SGD', 'adam')", "did you mean 'sgd' instead of 'SGD'?"),
        ("note == 'fine' and seed > 7", ""),
        ("status == 'nothing'", ""),
        ("start > '2030' and duration > '9d' and commit == 'F00'", ""),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_was_meant(runs, run, text, hint):
    result = run("--filter", text)
    message = f"the filter matches none of 5 experiments{f': {hint}' if hint else ''}"
    assert (result.returncode, result.stderr) == (1, f"meticulous: {message}\n")


def test_ties_are_sorted_by_the_next_column(runs, run):
    assert ids(run("--sort", "lr,loss", "--columns=")) == ["5", "2", "4", "1", "3"]
    assert ids(run("--sort", "seed", "--sort", "lr", "--columns=")) == ["2", "1", "4", "3", "5"]


def test_columns_are_those_that_were_named_in_their_order(runs, run):
    assert table(run("--columns", "loss, lr", "--columns=header.status,default_args.lr", "--tail=2")) == [
        ["id", "loss", "args.lr", "status", "default_args.lr"],
        ["4", "0.5", "0.01", "SUCCESS", "1.0"],
        ["5", "nan", "ERROR"],
    ]
    assert table(run("--columns=args.opt*,lo*,summary.*", "--tail=1"))[0] == [
        *("id", "opt.name", "opt.momentum", "loss", "best", "note")
    ]
    assert table(run("--columns=hostname,id,problems", "--tail=2"))[1] == ["4", "here"]


def test_a_description_that_was_not_given_is_an_empty_cell(make, run):
    make("1", {"name": ""}, description="")
    make("2", {"name": "a"}, description="longer")
    assert table(run("--columns", "name,description"))[1:] == [["1", "''"], ["2", "a", "longer"]]


def test_a_name_with_a_comma_is_a_whole_value(make, run):
    make("1", {"a,b": 1, "a": 2, "b": 3})
    assert table(run("--columns", "a,b"))[0] == ["id", "a,b"]
    assert table(run("--columns", "b,a"))[0] == ["id", "b", "a"]
    assert table(run("--groupby", "a,b"))[0] == ["a,b", "count"]


def test_named_columns_make_room_for_each_other_before_one_has_none(runs, screen):
    options = ("--columns=lr,best,note,hostname,start", "--tail=1")
    printed = screen(*options, columns=50, NO_COLOR="1")
    assert [title[:1] for title in printed.split("\n")[0].split()] == ["i", "l", "b", "n", "h", "s"]
    assert "no room for" not in printed
    assert "no room for: start" in screen(*options, columns=40, NO_COLOR="1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "lr,los"], "no column los: did you mean loss?"),
        (["--columns", "args.x*"], "no column args.x*: did you mean args.lr or args.seed?"),
        (["--columns", "best.loss"], "no column best.loss: --normalize-json-values makes columns of what"),
        (["--groupby", "sed"], "no column sed: did you mean seed?"),
        (
            ["--groupby", "lr", "--sort", "seed"],
            "no column seed for groups: a group has what --groupby names, count and the means of the",
        ),
        (["--groupby", "seed", "--columns", "count,args.lr"], "no column args.lr for groups: a group has"),
        (["--groupby", "lr", "--sort", "sed"], "no column sed: there are loss, best, note, lr, count\n"),
        (["--sort", "loss,sed"], "no column sed: did you mean seed?"),
        (
            ["--sort", "xyz"],
            "no column xyz: there are loss, best, note, lr, seed, opt.name, opt.momentum, id",
        ),
        (["--filter", "args.lrr < 1"], "no column args.lrr: did you mean args.lr?"),
        (
            ["--normalize-json-values=x"],
            "argument --normalize-json-values: 'x' is not a whole number from 0 on",
        ),
    ],
)
def test_an_unknown_column_is_a_usage_error(runs, run, arguments, message):
    result = run(*arguments)
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"meticulous: {message}")


def test_the_columns_can_be_listed(runs, run):
    lines = run("--list-columns", "--filter=lr == None or lr == 0.1").stdout.splitlines()
    listed = {line.split()[0]: line.split()[1:] for line in lines}
    assert listed["column"] == ["short", "experiments", "example"]
    assert listed["header.id"] == ["id", "3", "1"]
    assert listed["args.lr"] == ["lr", "2", "0.1"]
    assert listed["default_args.lr"] == ["2", "1.0"]
    assert listed["summary.loss"] == ["loss", "3", "0.5"]
    assert listed["metadata.hostname"] == ["hostname", "2", "here"]
    assert listed["header.problems"] == ["problems", "0"]


def test_all_that_is_listed_can_be_named(runs, run):
    listed = [line.split()[0] for line in run("--list_columns").stdout.splitlines()[2:]]
    names = [name for name in listed if name != "header.id"]
    header = table(run("--columns", ",".join(listed)))[0]
    assert len(header) == len(names) + 1


def test_a_name_in_two_groups_has_no_short_form(make, run):
    make("1", {"same": 1}, {"same": 2})
    lines = [line.split() for line in run("--list-columns").stdout.splitlines()]
    assert ["args.same", "1", "1"] in lines
    assert ["summary.same", "1", "2"] in lines


def test_objects_become_columns(runs, run):
    names = ["id", "best.loss", "best.epoch"]
    expected = [names, ["3", "0.375", "2"]]
    filters = [
        "--filter=best.epoch > 1",
        "--filter=not best.epoch > 2",
        "--filter=lr > 0",
        "--columns=best.*",
    ]
    for option in (
        ["--normalize-json-values"],
        ["--normalize_json_values", "2"],
        ["--normalize-json-values=1"],
    ):
        assert table(run(*option, "experiments", *filters)) == expected
        assert table(run(*filters, "experiments", *option)) == expected
        assert table(run("experiments", *option, *filters)) == expected


json_values = st.recursive(
    st.integers() | st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a.b", "b.a", "a.b.a"]), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "a.b", "a.b.b"]), json_values, max_size=3)


@settings(deadline=None)  # the first frame imports pandas
@given(rows=st.lists(objects, min_size=1, max_size=3), levels=st.integers(1, 3))
def test_objects_become_the_columns_of_the_readers_frame(tmp_path_factory, rows, levels):
    from meticulous_cli.table.names import spread_objects

    directory = tmp_path_factory.mktemp("nested")
    for number, row in enumerate(rows):
        (directory / str(number)).mkdir()
        (directory / str(number) / "summary.json").write_text(json.dumps(row))
    experiments = Experiments(directory)
    frame = experiments.as_dataframe(normalize_json_values=levels)
    spread_objects(list(experiments.values()), levels)
    names = dict.fromkeys(name for reader in experiments.values() for name in reader.summary)
    assert list(names) == ([] if "summary" not in frame.columns.levels[0] else list(frame["summary"].columns))
    for key, reader in experiments.items():
        for name, value in reader.summary.items():
            assert frame.loc[key, ("summary", name)] == value


def test_several_directories_are_one_table(runs, run, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "experiments" / "4").rename(tmp_path / "more" / "4")
    (tmp_path / "experiments" / "2").rename(tmp_path / "more" / "2")
    result = run("more/", "--columns=lr", "experiments", "--filter=lr > 0")
    assert ids(result) == ["experiments/1", "more/2", "experiments/3", "more/4"]
    result = run("experiments", "nowhere")
    assert (result.returncode, result.stderr) == (2, "meticulous: no experiment or directory 'nowhere'\n")


values = st.none() | st.booleans() | st.floats() | st.just(10**400) | st.text() | st.lists(st.integers())


@given(st.lists(values | st.just(MISSING)), st.booleans())
def test_any_values_can_be_sorted(values, reverse):
    rows = list(enumerate(values))
    field = Field(ARGS, "x", lambda row: row[1])
    chosen = select(rows, [field], reverse=reverse, tail=None)
    assert sorted(number for number, _ in chosen) == list(range(len(rows)))
    numbers = [v for _, v in chosen if isinstance(v, float) and not math.isnan(v)]
    assert numbers == sorted(numbers, reverse=reverse)


def test_numbers_in_text_sort_by_their_size_however_long():
    texts = ["a2", "a10", "a010b", "a" + "9" * 5000]
    field = Field(ARGS, "x", lambda row: row)
    assert select(texts[::-1], [field], reverse=False, tail=None) == texts


@given(st.permutations(["a", "--sort=x", "b", "--normalize-json-values", "--tail=3", "--sort_reverse"]))
def test_options_and_paths_come_in_any_order(arguments):
    options = parse_options(arguments)
    assert options.paths == [argument for argument in arguments if argument in ("a", "b")]
    assert (options.sort, options.normalize_json_values, options.tail) == (["x"], 1, 3)
    assert options.sort_reverse


def test_the_help_fits_a_terminal_of_80_columns(run):
    assert all(len(line) <= 80 for line in run("--help", COLUMNS="80").stdout.splitlines())


def test_each_example_in_the_help_works(runs, make, run, tmp_path):
    make("7", {"lr": 0.001}, {"loss": 0.1, "accuracy": 0.9}, start_time="2024-12-01T00:00:00Z")
    make("8", {"lr": 0.002}, {"loss": 0.2, "accuracy": 0.8}, start_time="2024-12-02T00:00:00Z")
    (tmp_path / "runs").symlink_to("experiments")
    (tmp_path / "old-runs").symlink_to("experiments")
    make("9", status="ERROR\nsignal SIGTERM\n")
    lines = [line.strip() for line in run("--help").stdout.splitlines() if line.startswith("  meticulous")]
    assert len(lines) > 6
    for line in lines:
        command = line.partition("   ")[0].partition("|")[0]
        result = run(*shlex.split(command)[1:])
        assert (result.returncode, result.stderr) == (0, ""), line
