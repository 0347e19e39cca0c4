import json
import math
import os
import shlex
import shutil
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous_cli.options import parse_options
from meticulous_cli.show.cells import MISSING
from meticulous_cli.show.facts import ARGS, Column, Row
from meticulous_cli.show.text import width
from meticulous_cli.table.values import sorted_rows
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
    return [line.split() for line in lines]


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
        (["description == None"], ["1", "2", "3", "4", "5"]),
        (["commit == '0123456'"], ["1", "2", "3", "4", "5"]),
    ],
)
def test_a_filter_keeps_the_experiments_of_which_it_holds(runs, run, filters, kept):
    assert ids(run(*(f"--filter={text}" for text in filters), "--columns=")) == kept


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("loss > 9", "loss goes from 0.25 to 0.75"),
        ("lr == '7'", "lr goes from 0.01 to 0.1"),
        ("status == 'success'", "status is SUCCESS (4) or ERROR (1)"),
        ("seed == 9 and opt.name in ('SGD', 'adam')", "seed goes from 1 to 3 · opt.name has sgd"),
        ("note == 'FINE'", "note has fine, bad"),
        ("start > '2030'", "start goes from 2024-11-01T10:00:00 to 2024-11-09T10:00:00"),
        ("description == 'x'", "description has no values"),
        ("commit == 'F00'", "commit has 0123456"),
    ],
)
def test_a_filter_that_leaves_nothing_says_what_there_is(runs, run, text, there):
    result = run("--filter", text)
    message = f"none of 5 experiments: {there}"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"meticulous: {message}\n")


def test_text_that_is_a_number_compares_and_sorts_as_one(make, run):
    for number, lr in enumerate(["1e-4", 0.01, 0.5, "word", "Infinity"], 1):
        make(str(number), {"lr": lr}, {"loss": number})
    assert ids(run("--sort", "lr", "--columns", "lr")) == ["4", "1", "2", "3", "5"]
    assert ids(run("--filter", "lr < 0.001")) == ["1"]
    assert ids(run("--filter", "lr == 1e-4")) == ["1"]
    assert ids(run("--filter", "lr == '0.5'")) == ["3"]
    assert ids(run("--filter", "lr == '1e-4'")) == ["1"]
    assert ids(run("--filter", "lr > 1")) == ["5"]
    assert ids(run("--filter", "lr == 'word'")) == ["4"]


def test_times_may_be_told_from_today(make, run):
    now = datetime.now().astimezone()
    for name, days in (("old", 9), ("week", 3), ("yesterday", 1), ("today", 0)):
        make(name, {"lr": days}, start_time=(now - timedelta(days)).isoformat())
    assert ids(run("--filter", "start >= 'yesterday'")) == ["yesterday", "today"]
    assert ids(run("--filter", "start == 'yesterday'")) == ["yesterday"]
    assert ids(run("--filter", "start >= 'today'")) == ["today"]
    assert ids(run("--filter", "start >= '7d'")) == ["week", "yesterday", "today"]
    assert ids(run("--filter", "start < '1w'")) == ["old"]
    assert ids(run("--filter", "'30h' <= start")) == ["yesterday", "today"]


def test_the_last_are_taken_before_they_are_sorted(runs, run):
    assert ids(run("--last", "3", "--sort", "loss")) == ["5", "4", "3"]
    assert ids(run("--last", "3", "--sort", "loss", "--tail", "1")) == ["3"]
    assert ids(run("--filter", "lr == 0.1", "--last", "1")) == ["3"]


def test_columns_stand_in_one_order_whatever_the_rows_are_sorted_by(make, run):
    make("1", {"lr": 0.1, "bs": 32}, {"loss": 0.5, "acc": 0.7})
    make("2", {"bs": 64, "lr": 0.3}, {"acc": 0.6, "loss": 0.1}, start_time="2024-11-23T10:00:30Z")
    for options in ((), ("--sort", "loss"), ("--sort-reverse",), ("--tail", "1")):
        assert table(run(*options))[0][-4:] == ["lr", "bs", "loss", "acc"]


def test_a_column_may_be_added_to_the_others(runs, run):
    default, added = (table(run(*options))[0] for options in ((), ("--columns", "+host,reason")))
    assert set(added) - set(default) == {"host", "reason"}
    assert added[-1] == "reason"


@pytest.mark.parametrize(
    ("most", "command", "shows"),
    [
        (45, "meticulous --last 20 --sort loss", "best.loss"),
        (25, "meticulous 3 4", "change"),
        (25, "meticulous --over seed", "±"),
        (40, "meticulous --filter \"start=='yesterday'\"", " 6 "),
        (35, 'meticulous --filter "not duration"', "RUNNING"),
        (
            60,
            "meticulous --filter \"status=='ERROR'\" --paths | xargs rm -r",
            os.path.join("experiments", "5"),
        ),
        (50, "meticulous --over seed --export table.tex", "table.tex"),
    ],
)
def test_the_questions_of_every_day_are_short(runs, make, run, most, command, shows):
    yesterday = (datetime.now().astimezone() - timedelta(1)).isoformat()
    make("6", {"lr": 1}, {"loss": 1}, "RUNNING\n", start_time=yesterday, end_time=None)
    assert len(command) <= most
    result = run(*shlex.split(command.partition(" | ")[0])[1:])
    assert (result.returncode, result.stderr) == (0, "")
    assert shows in result.stdout


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
        *("id", "opt.name", "opt.momentum", "loss", "best.loss", "best.epoch", "note")
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
    assert table(run("--groupby", "a,b"))[0] == ["a,b", "n"]


def test_named_columns_make_room_for_each_other_before_one_has_none(runs, screen):
    options = ("--columns=lr,note,hostname,start", "--tail=1")
    assert "no room for" not in screen(*options, columns=50, NO_COLOR="1")
    assert "no room for: start" in screen(*options, columns=24, NO_COLOR="1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--columns", "lr,los"], "no column los: did you mean loss?"),
        (["--columns", "args.x*"], "no column args.x*: did you mean args.lr or args.seed?"),
        (["--columns", "best"], "best has parts: best.epoch, best.loss\n"),
        (["--sort", "summary.best"], "summary.best has parts: summary.best.epoch, summary.best.loss\n"),
        (["--columns", "lr,summary"], "summary is a group of columns: write 'summary.*'\n"),
        (["--groupby", "sed"], "no column sed: did you mean seed?"),
        (
            ["--groupby", "lr", "--sort", "seed"],
            "groups have no seed: they have lr, n and the summary",
        ),
        (["--groupby", "seed", "--columns", "n,args.lr"], "groups have no args.lr: they have seed, n and"),
        (
            ["--groupby", "lr", "--sort", "sed"],
            "no column sed: there are lr, loss, best.loss, best.epoch, note, n\n",
        ),
        (["--sort", "loss,sed"], "no column sed: did you mean seed?"),
        (
            ["--sort", "xyz"],
            "no column xyz: there are lr, seed, opt.name, opt.momentum, loss, best.loss, best.epoch, note, ",
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


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_the_list_of_columns_keeps_to_the_terminal_and_its_names_whole(make, screen, columns):
    name = "gradient_accumulation"
    make("1", {name: "a long text " * 9}, defaults={name: "x"})
    lines = screen("--list-columns", columns=columns, NO_COLOR="1").splitlines()
    assert max(map(width, lines)) <= columns
    assert {line.split()[0] for line in lines} >= {f"args.{name}", f"default_args.{name}"}


def test_all_that_is_listed_can_be_named(runs, run):
    listed = [line.split()[0] for line in run("--list_columns").stdout.splitlines()[1:]]
    names = [name for name in listed if name != "header.id"]
    header = table(run("--columns", ",".join(listed)))[0]
    assert len(header) == len(names) + 1


def test_a_name_in_two_groups_has_no_short_form(make, run):
    make("1", {"same": 1}, {"same": 2})
    lines = [line.split() for line in run("--list-columns").stdout.splitlines()]
    assert ["args.same", "1", "1"] in lines
    assert ["summary.same", "1", "2"] in lines


def test_objects_are_columns_down_to_the_level_that_is_asked_for(runs, run):
    expected = [["id", "best.loss", "best.epoch"], ["3", "0.375", "2"]]
    options = ["--filter=best.epoch > 1 and not best.epoch > 2", "--columns=best.*"]
    for levels in (
        [],
        ["--normalize-json-values"],
        ["--normalize_json_values", "2"],
        ["--normalize-json-values=1"],
    ):
        assert table(run(*levels, "experiments", *options)) == expected
        assert table(run("experiments", *options, *levels)) == expected
    whole = run("--normalize-json-values", "0", "--columns", "best", "--tail=2").stdout
    assert '{"loss": 0.25, "epoch": 3}' in whole


def test_nested_names_are_typed_as_they_are_shown(make, run):
    for number, name in ((1, "adam"), (2, "sgd")):
        args = {"optim": {"name": name, "sched": {"kind": "cos", "warmup": 4 * number}}, "empty": {}}
        make(str(number), args, {"val": {"acc": number / 2}})
    assert table(run())[0][-3:] == ["optim.name", "optim.sched.warmup", "val.acc"]
    assert ids(run("--sort", "val.acc", "--sort-reverse")) == ["2", "1"]
    assert ids(run("--filter", "optim.sched.warmup > 5")) == ["2"]
    assert ids(run("--filter", "optim.name == 'adam' and val.acc < 1")) == ["1"]
    assert table(run("--columns", "empty"))[1] == ["1", "{}"]
    result = run("--sort", "optim.sched")
    message = "optim.sched has parts: optim.sched.kind, optim.sched.warmup"
    assert (result.returncode, result.stderr) == (2, f"meticulous: {message}\n")


json_values = st.recursive(
    st.integers() | st.just({}),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "a.b", "b.a", "a.b.a"]), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["a", "b", "a.b", "a.b.b"]), json_values, max_size=3)


@given(rows=st.lists(objects, min_size=1, max_size=3), levels=st.integers(0, 3))
def test_objects_become_the_columns_of_the_readers_frame(tmp_path_factory, rows, levels):
    directory = tmp_path_factory.mktemp("nested")
    for number, row in enumerate(rows):
        (directory / str(number)).mkdir()
        (directory / str(number) / "summary.json").write_text(json.dumps(row))
    experiments = Experiments(directory)
    frame = experiments.as_dataframe(normalize_json_values=levels)
    found = {key: Row(reader, levels=levels).summary for key, reader in experiments.items()}
    names = dict.fromkeys(name for summary in found.values() for name in summary)
    assert list(names) == ([] if "summary" not in frame.columns.levels[0] else list(frame["summary"].columns))
    for key, summary in found.items():
        for name, value in summary.items():
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
    chosen = sorted_rows(rows, [Column(ARGS, "x", lambda row: row[1])], reverse=reverse)
    assert sorted(number for number, _ in chosen) == list(range(len(rows)))
    numbers = [v for _, v in chosen if isinstance(v, float) and not math.isnan(v)]
    assert numbers == sorted(numbers, reverse=reverse)


def test_numbers_in_text_sort_by_their_size_however_long():
    texts = ["a2", "a10", "a010b", "a" + "9" * 5000]
    column = Column(ARGS, "x", lambda row: row)
    assert sorted_rows(texts[::-1], [column], reverse=False) == texts


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
    now = datetime.now().astimezone().isoformat()
    make("8", {"lr": 0.002}, {"loss": 0.2, "accuracy": 0.8}, "ERROR\n", start_time=now)
    make("9", status="ERROR\nsignal SIGTERM\n")
    for name in ("runs", "old-runs"):
        shutil.copytree(tmp_path / "experiments", tmp_path / name)
    lines = [line.strip() for line in run("--help").stdout.splitlines() if line.startswith("  meticulous")]
    assert len(lines) > 6
    for line in lines:
        command = line.partition("   ")[0].partition("|")[0]
        result = run(*shlex.split(command)[1:])
        assert (result.returncode, result.stderr) == (0, ""), line
