"""Scripts keep their arguments, and their defaults are recorded as `parse_args` would give them.

They call the parts before the start: a recording of each command line would take minutes.
"""

import argparse
import enum
import json
import os
import pathlib
import sys
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from meticulous import Experiment, OptionsError
from meticulous._disk.encode import encode
from meticulous._start.command_line import parse
from meticulous._start.options import Options, add_options, take_options


def parser(*definitions, **settings):
    """A parser with arguments given as (flags…, {settings})."""
    made = argparse.ArgumentParser(prog="train.py", **settings)
    for *flags, keywords in definitions:
        made.add_argument(*flags, **keywords)
    return made


class Colour(enum.Enum):
    RED = "red"


class Remember(argparse.Action):
    """Changes its default in place, as a careless script's action does."""

    def __call__(self, parser, namespace, values, option_string=None):
        getattr(namespace, self.dest).append(values)


class KeyValue(argparse.Action):
    """`a=1 b=2` as a dict, as many training scripts have it."""

    def __call__(self, parser, namespace, values, option_string=None):
        setattr(namespace, self.dest, dict(value.split("=") for value in values))


def grouped():
    made = parser()
    group = made.add_argument_group("data").add_mutually_exclusive_group(required=True)
    group.add_argument("--train", type=int, default="1")
    group.add_argument("--test", action="store_true")
    return made


def commands(**how):
    """Two subcommands, one of them with an alias and both with a default of the parser's own argument."""
    made = parser(("--lr", {"type": float, "default": "0.1"}), ("--seed", {"default": 0}))
    subparsers = made.add_subparsers(**how)
    train = subparsers.add_parser("train", aliases=["t"])
    train.add_argument("--lr", type=float, default="0.5")
    train.add_argument("data")
    train.set_defaults(func=len)
    test = subparsers.add_parser("test")
    test.add_argument("--split", default="val")
    test.set_defaults(func=max)
    return made


def nested(dest):
    made = parser()
    outer = made.add_subparsers(dest="command")
    model = outer.add_parser("model")
    model.add_argument("--width", type=int, default="8")
    inner = model.add_subparsers(dest=dest, required=True)
    fit = inner.add_parser("fit")
    fit.add_argument("--epochs", type=int, default="3")
    fit.add_argument("rest", nargs=argparse.REMAINDER)
    return made


def with_parents():
    common = parser(("--lr", {"type": float, "default": "0.1"}), add_help=False)
    add_options(common, {})
    return parser(("--epochs", {"type": int, "default": 3}), parents=[common])


def defaults_before_and_after():
    made = parser()
    made.set_defaults(lr=0.5, unknown=(1, 2), func=os.path.join)
    made.add_argument("--lr", type=float)
    made.add_argument("--momentum", type=float, default=0.9)
    made.add_argument("--hidden", default=argparse.SUPPRESS)
    made.set_defaults(momentum="0.8", hidden=1)
    return made


def two_stages():
    """A configuration file's values become the defaults of the parser proper."""
    made = parser(("--model", {"default": "resnet"}), ("--lr", {"type": float, "default": 0.1}))
    made.set_defaults(**{"lr": "0.3", "extra": [1]})
    return made


# Makes the parser; what has to be passed; what is passed besides. The fourth are the defaults of what has to
# be passed, as nobody can see them: ABSENT for what has none.
ABSENT = object()
SHAPES = {
    "nothing": (parser, [], []),
    "required option": (
        lambda: parser(("--lr", {"type": float, "required": True})),
        ["--lr", "1"],
        [],
        {"lr": ABSENT},
    ),
    "positional": (
        lambda: parser(("data", {}), ("n", {"type": int})),
        ["d", "1"],
        [],
        {"data": ABSENT, "n": ABSENT},
    ),
    "positional ?": (lambda: parser(("data", {"nargs": "?"})), [], ["d"]),
    "positional ? with default": (
        lambda: parser(("n", {"nargs": "?", "type": int, "default": "3"})),
        [],
        ["1"],
    ),
    "positional ? with const": (lambda: parser(("n", {"nargs": "?", "const": 1, "default": 2})), [], ["1"]),
    "positional *": (lambda: parser(("n", {"nargs": "*", "type": int})), [], ["1", "2"]),
    "positional * with text": (lambda: parser(("n", {"nargs": "*", "type": int, "default": "3"})), [], ["1"]),
    "positional * with list": (lambda: parser(("n", {"nargs": "*", "type": int, "default": [3]})), [], ["1"]),
    "positional +": (
        lambda: parser(("n", {"nargs": "+", "type": int, "default": 3})),
        ["1"],
        ["2"],
        {"n": ABSENT},
    ),
    "positional remainder": (lambda: parser(("n", {"nargs": "...", "default": 3})), [], ["a", "--b"]),
    "suppressed positional": (lambda: parser(("n", {"nargs": "*", "default": argparse.SUPPRESS})), [], ["1"]),
    "positional over option": (
        lambda: parser(("--path", {"default": "."}), ("path", {"nargs": "?"})),
        [],
        ["a"],
    ),
    "text with a type": (lambda: parser(("--lr", {"type": float, "default": "1e-3"})), [], ["--lr", "1"]),
    "list option": (
        lambda: parser(
            ("--n", {"nargs": "+", "type": int, "default": [1]}), ("--m", {"nargs": "*", "default": ""})
        ),
        [],
        ["--n", "2", "3", "--m"],
    ),
    "option ? with const": (
        lambda: parser(("--resume-from", {"nargs": "?", "const": True, "default": False})),
        [],
        ["--resume-from"],
    ),
    "suppress": (lambda: parser(("--lr", {"default": argparse.SUPPRESS})), [], ["--lr", "1"]),
    "all suppressed": (
        lambda: parser(
            ("--lr", {"type": int}), ("--m", {"default": "2"}), argument_default=argparse.SUPPRESS
        ),
        [],
        ["--lr", "1"],
    ),
    "one default for all": (
        lambda: parser(("--a", {"type": int}), ("--b", {}), argument_default="5"),
        [],
        ["--a", "1"],
    ),
    "set_defaults": (defaults_before_and_after, [], ["--lr", "1", "--momentum", "1", "--hidden", "2"]),
    "two stages": (two_stages, [], ["--lr", "1"]),
    "exclusive group": (grouped, ["--test"], ["--test"], {"test": False}),
    "parents": (with_parents, [], ["--lr", "1"]),
    "subcommand with dest": (
        lambda: commands(dest="command"),
        ["train", "d"],
        ["--lr", "2"],
        {"command": None, "data": ABSENT},
    ),
    "subcommand without dest": (commands, ["train", "d"], ["--lr", "2"], {"data": ABSENT}),
    "required subcommand": (
        lambda: commands(dest="command", required=True),
        ["test"],
        ["--split", "train"],
        {"command": ABSENT},
    ),
    "the other subcommand": (commands, ["test"], ["--split", "train"]),
    "alias": (lambda: commands(dest="command"), ["t", "d"], ["--lr", "2"], {"command": None, "data": ABSENT}),
    "no subcommand": (lambda: commands(dest="command"), [], []),
    "nested subcommands": (
        lambda: nested("what"),
        ["model", "fit"],
        ["--epochs", "1", "a", "--b"],
        {"command": None, "what": ABSENT},
    ),
    "nested of one dest": (
        lambda: nested("command"),
        ["model", "fit"],
        ["--epochs", "1", "a"],
        {"command": None},
    ),
    "append": (
        lambda: parser(
            ("--a", {"action": "append"}),
            ("--b", {"action": "append", "type": int, "default": [1]}),
            ("--c", {"action": "append_const", "const": 1}),
            ("--d", {"action": "extend", "nargs": "+", "default": ["x"]}),
        ),
        [],
        ["--a", "1", "--b", "2", "--c", "--d", "y", "z"],
    ),
    "switches": (
        lambda: parser(
            ("-v", {"action": "count"}),
            ("-q", {"action": "count", "default": 2}),
            ("--fast", {"action": "store_const", "const": "f", "default": "slow"}),
            ("--amp", {"action": argparse.BooleanOptionalAction, "default": True}),
            ("--jit", {"action": argparse.BooleanOptionalAction}),
            ("--version", {"action": "version", "version": "1"}),
        ),
        [],
        ["-vv", "-q", "--fast", "--no-amp", "--jit"],
    ),
    "two flags of one dest": (
        lambda: parser(
            ("--cuda", {"action": "store_true", "default": None}),
            ("--no-cuda", {"action": "store_false", "dest": "cuda"}),
            ("--adam", {"dest": "optimizer", "action": "store_const", "const": "adam", "default": "sgd"}),
            ("--optimizer", {"default": "lamb"}),
        ),
        [],
        ["--no-cuda", "--adam"],
    ),
    "custom actions": (
        lambda: parser(
            ("--tags", {"action": Remember, "default": ["a"]}),
            ("--opt", {"action": KeyValue, "nargs": "*", "default": {}}),
        ),
        [],
        ["--tags", "b", "--opt", "a=1"],
    ),
    "types": (
        lambda: parser(
            ("--path", {"type": pathlib.Path, "default": "data"}),
            ("--colour", {"type": Colour, "default": "red", "choices": list(Colour)}),
            ("--other", {"type": Colour, "default": Colour.RED}),
            ("--json", {"type": json.loads, "default": '{"a": [1, NaN]}'}),
            ("--array", {"type": lambda text: np.array(text.split(","), float), "default": "1,2"}),
            ("--vector", {"default": np.zeros(2)}),
            ("--function", {"default": len}),
            ("--nan", {"type": float, "default": "nan"}),
        ),
        [],
        ["--path", "x", "--colour", "red", "--json", "1", "--array", "3", "--nan", "1"],
    ),
    "plus signs": (
        lambda: parser(("++lr", {"type": int, "default": "1"}), prefix_chars="+"),
        [],
        ["++lr", "2"],
    ),
    "resolve": (
        lambda: parser(
            ("--lr", {"default": 1}), ("--lr", {"type": int, "default": "2"}), conflict_handler="resolve"
        ),
        [],
        ["--lr", "3"],
    ),
    "dotted": (lambda: parser(("--opt.lr", {"default": 0.1}), ("--opt", {})), [], ["--opt.lr", "1"]),
}


@pytest.mark.parametrize("passed", ["required", "more"])
@pytest.mark.parametrize("name", SHAPES)
def test_recorded_defaults_are_what_a_bare_parse_gives(name, passed):
    build, required, more, *hidden = SHAPES[name]
    # The recorder's own options in a parent are not what is tested here.
    bare = {
        key: encode(value)
        for key, value in vars(build().parse_args(required)).items()
        if key[:11] != "meticulous_"
    }
    expected = {**bare, **(hidden[0] if hidden else {})}
    arguments = required + more if passed == "more" else required
    values = vars(build().parse_args(arguments))

    made = build()
    flag = made.prefix_chars[0] * 2 + "description"
    parsed = parse(made, [flag, "a word", *arguments], True, {})

    assert parsed.defaults == {key: value for key, value in expected.items() if value is not ABSENT}
    assert parsed.encoded == {
        key: encode(value) for key, value in values.items() if key[:11] != "meticulous_"
    }
    assert vars(parsed.args).keys() == parsed.encoded.keys()
    assert parsed.options == Options(description="a word")


kinds = st.sampled_from(
    [
        {"type": int, "default": "3"},
        {"type": float, "default": "nan"},
        {"type": int, "default": None},
        {"default": "text"},
        {"default": argparse.SUPPRESS},
        {"type": pathlib.Path, "default": "data"},
        {"nargs": "*", "type": int, "default": [1]},
        {"nargs": "?", "type": int, "const": "7", "default": "7"},
        {"action": "append", "default": ["1"]},
    ]
)
dests = st.sampled_from("abc")


@given(
    st.lists(st.tuples(dests, kinds), max_size=6),
    st.dictionaries(dests | st.just("d"), st.sampled_from(["5", 5, None, argparse.SUPPRESS]), max_size=2),
    st.dictionaries(dests, st.sampled_from(["6", 6, [6]]), max_size=2),
    st.sets(st.integers(0, 5)),
    st.sampled_from([None, argparse.SUPPRESS, "4"]),
)
def test_recorded_defaults_of_random_parsers(definitions, early, late, passed, argument_default):
    def build():
        made = argparse.ArgumentParser(argument_default=argument_default)
        made.set_defaults(**early)
        for number, (dest, kind) in enumerate(definitions):
            made.add_argument(f"--{dest}{number}", dest=dest, **kind)
        made.set_defaults(**late)
        return made

    arguments = [
        word for n in sorted(passed) if n < len(definitions) for word in (f"--{definitions[n][0]}{n}", "9")
    ]
    try:
        bare = vars(build().parse_args([]))
        values = vars(build().parse_args(arguments))
    except (SystemExit, AttributeError, TypeError):  # the script's own trouble: it appends to a number
        return
    parsed = parse(build(), arguments, True, {})
    assert parsed.defaults == {key: encode(value) for key, value in bare.items()}
    assert parsed.encoded == {key: encode(value) for key, value in values.items()}


class Counted(argparse.ArgumentParser):
    def parse_args(self, *args, **kwargs):
        self.parsed = getattr(self, "parsed", 0) + 1
        return super().parse_args(*args, **kwargs)


class Twice(argparse.ArgumentParser):
    """Takes a configuration's values for defaults, as some trainers' parsers do."""

    def parse_args(self, args=None, namespace=None):
        first, _ = self.parse_known_args(args)
        self.set_defaults(lr="0.3", seed=first.seed + 1)
        return super().parse_args(args, first)


class TestTheScriptsOwnCode:
    def test_a_parser_that_parses_twice(self):
        def build():
            made = Twice()
            made.add_argument("--lr", type=float, default="0.1")
            made.add_argument("--seed", type=int, default=0)
            return made

        arguments = ["--seed", "3"]
        parsed = parse(build(), arguments, True, {})
        assert parsed.encoded == vars(build().parse_args(arguments))
        assert parsed.defaults == {"lr": 0.1, "seed": 0}

    def test_the_parser_parses_once_and_is_left_as_it_was(self):
        made = Counted()
        made.add_argument("--lr", default="1")
        attributes = set(vars(made)) | {"parsed"}
        parse(made, [], True, {})
        assert made.parsed == 1
        assert set(vars(made)) == attributes

    def test_the_parser_is_left_as_it_was_when_the_command_line_is_wrong(self, capsys):
        made = parser()
        attributes = set(vars(made))
        with pytest.raises(SystemExit):
            parse(made, ["--unknown"], True, {})
        assert set(vars(made)) == attributes
        assert "unrecognized arguments: --unknown" in capsys.readouterr().err

    def test_a_type_converts_each_text_once(self):
        calls = []
        made = parser(
            ("--a", {"type": calls.append, "default": "a"}),
            ("b", {"type": calls.append, "nargs": "?", "default": "b"}),
        )
        parse(made, [], True, {})
        assert sorted(calls) == ["a", "b"]

    def test_a_type_that_gives_something_else_each_time_is_recorded_as_it_was(self):
        numbers = iter(range(9))
        parsed = parse(
            parser(("--run", {"type": lambda text: f"{text}{next(numbers)}", "default": "r"})), [], True, {}
        )
        assert parsed.defaults == parsed.encoded == {"run": "r0"}

    def test_a_type_is_not_asked_where_defaults_are_not_wanted(self):
        calls = []
        made = parser(("--a", {"type": calls.append, "default": "a"}))
        parsed = parse(made, ["--a", "b"], False, {})
        assert (calls, parsed.defaults) == (["b"], None)

    @pytest.mark.parametrize("error", [ValueError, argparse.ArgumentTypeError, RuntimeError, SystemExit])
    def test_a_default_that_its_type_refuses_is_recorded_as_it_stands(self, error):
        def existing(text):
            if text == "missing":
                raise error(text)
            return text

        parsed = parse(
            parser(("--data", {"type": existing, "default": "missing"})), ["--data", "x"], True, {}
        )
        assert parsed.defaults == {"data": "missing"}

    @pytest.mark.filterwarnings("ignore:FileType is deprecated")  # from Python 3.14 on
    def test_a_file_that_is_not_used_is_not_opened(self, tmp_path):
        made = parser(("--out", {"type": argparse.FileType("w"), "default": str(tmp_path / "out")}))
        parsed = parse(made, ["--out", str(tmp_path / "other")], True, {})
        parsed.args.out.close()
        assert parsed.defaults == {"out": str(tmp_path / "out")}
        assert os.listdir(tmp_path) == ["other"]

    @pytest.mark.filterwarnings("ignore:FileType is deprecated")  # from Python 3.14 on
    def test_standard_output_as_a_default_file(self, tmp_path):
        made = parser(("--out", {"type": argparse.FileType("w"), "default": "-"}))
        parsed = parse(made, ["--out", str(tmp_path / "other")], True, {})
        parsed.args.out.close()
        assert parsed.defaults == {"out": encode(sys.stdout)}

    def test_a_file_of_arguments(self, tmp_path):
        (tmp_path / "more").write_text("--lr\n2\n--description\na word\n")
        made = parser(("--lr", {"type": float, "default": "0.1"}), fromfile_prefix_chars="@")
        parsed = parse(made, [f"@{tmp_path / 'more'}"], True, {})
        assert (parsed.encoded, parsed.defaults) == ({"lr": 2.0}, {"lr": 0.1})
        assert parsed.options.description == "a word"

    def test_the_command_line_is_taken_where_no_list_is_given(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["train.py", "--lr", "2", "--resume"])
        parsed = parse(parser(("--lr", {})), None, True, {})
        assert (parsed.encoded, parsed.options.resume) == ({"lr": "2"}, True)

    def test_a_value_without_json_form_does_not_stop_it(self):
        made = parser(("--x", {"default": mock.MagicMock()}), ("--y", {"default": {1: object()}}))
        assert parse(made, [], True, {}).defaults["y"] == {"1": "<object object>"}


class TestOptionsThatTheScriptHasToo:
    @pytest.mark.parametrize("name", Options._fields)
    def test_keep_value_and_help_and_ours_has_a_longer_name(self, name):
        flag = name.replace("_", "-")
        made = parser((f"--{flag}", {"default": "theirs", "help": "of the script"}))
        switch = isinstance(Options._field_defaults[name], bool)
        ours = [f"--meticulous-{flag}", *([] if switch else ["ours"])]
        parsed = parse(made, [f"--{flag}", "x", *ours], True, {})
        assert parsed.encoded == {name: "x"}
        assert vars(parsed.args) == {name: "x"}
        assert parsed.defaults == {name: "theirs"}
        assert parsed.options == Options(**{name: True if switch else "ours"})
        assert "of the script" in made.format_help()

    def test_of_another_flag_and_the_same_dest(self):
        made = parser(("-r", {"dest": "resume", "default": "no"}), ("--about", {"dest": "description"}))
        parsed = parse(made, ["-r", "yes", "--resume", "--description", "ours"], True, {})
        assert parsed.encoded == {"resume": "yes", "description": None}
        assert parsed.options == Options(resume=True, description="ours")

    def test_of_the_same_flag_and_another_dest(self):
        made = parser(("--resume", {"dest": "checkpoint"}))
        assert parse(made, ["--resume", "a.pt"], True, {}).encoded == {"checkpoint": "a.pt"}

    def test_even_in_a_parser_that_resolves_conflicts(self):
        made = parser(("--resume", {"default": "no"}), conflict_handler="resolve")
        assert parse(made, ["--resume", "a.pt"], True, {}).encoded == {"resume": "a.pt"}

    def test_and_takes_from_the_recorder_later_where_conflicts_are_resolved(self):
        made = parser(conflict_handler="resolve")
        add_options(made, {"description": "ours"})
        made.add_argument("--resume", default="no")
        parsed = parse(made, ["--resume", "a.pt", "--meticulous-resume"], True, {})
        assert (parsed.encoded, parsed.defaults) == ({"resume": "a.pt"}, {"resume": "no"})
        assert parsed.options == Options(description="ours", resume=True)

    @pytest.mark.parametrize("short", ["--exp", "--res", "--d", "--project", "--allow"])
    def test_abbreviations_of_the_scripts_options_mean_what_they_did(self, short):
        options = ("--exp-name", "--resolution", "--dropout", "--projection", "--allow-tf32")
        made = parser(*((flag, {}) for flag in options))
        expected = vars(made.parse_args([short, "1"]))
        assert parse(made, [short, "1"], True, {}).encoded == expected
        assert parse(made, ["--description=x"], True, {}).options.description == "x"

    def test_that_are_short_for_options_of_the_script_mean_those(self):
        made = parser(("--resume_from_checkpoint", {}), ("--description-file", {}))
        arguments = ["--resume", "ck.pt", "--description", "f", "--meticulous-resume"]
        parsed = parse(made, arguments, True, {})
        assert parsed.encoded == {"resume_from_checkpoint": "ck.pt", "description_file": "f"}
        assert parsed.options == Options(resume=True)

    def test_that_begin_like_others_are_the_recorders_where_nothing_is_abbreviated(self):
        made = parser(("--resume_from_checkpoint", {}), allow_abbrev=False)
        parsed = parse(made, ["--resume"], True, {})
        assert (parsed.encoded, parsed.options.resume) == ({"resume_from_checkpoint": None}, True)

    def test_in_a_subcommand(self):
        made = parser()
        train = made.add_subparsers(dest="command").add_parser("train")
        train.add_argument("--resume", default="no")
        parsed = parse(made, ["--resume", "train", "--resume", "a.pt"], True, {})
        assert parsed.encoded == {"command": "train", "resume": "a.pt"}
        assert parsed.options.resume is True

    def test_the_recorders_own_in_a_subcommand_stay_there(self):
        made = parser()
        subparsers = made.add_subparsers(dest="command")
        for name in ("train", "test"):
            add_options(subparsers.add_parser(name), {"description": name})
        parsed = parse(made, ["train", "--resume"], True, {"allow_dirty": True})
        assert parsed.encoded == {"command": "train"}
        assert parsed.defaults == {"command": None}
        assert parsed.options == Options(description="train", resume=True, allow_dirty=True)
        assert parse(made, [], True, {"description": "x"}).options == Options(description="x")


class TestTheGroup:
    def test_twice_is_once_with_the_later_defaults(self):
        made = parser()
        add_options(made, {"description": "first", "experiments_directory": "runs"})
        count = len(made._actions), len(made._action_groups)
        add_options(made, {"description": "second"})
        assert (len(made._actions), len(made._action_groups)) == count
        assert parse(made, [], True, {}).options == Options(
            description="second", experiments_directory="runs"
        )

    def test_defaults_are_shown_in_the_help(self):
        made = parser()
        add_options(made, {"experiments_directory": "runs/100%"})
        assert "(default: runs/100%)" in " ".join(made.format_help().split())

    def test_unknown_defaults_get_one_clear_error(self):
        with pytest.raises(
            OptionsError, match=r"^'colour', 'size': no such option; there are 'allow_dirty', "
        ):
            add_options(parser(("--size", {})), {"size": 1, "colour": 2})

    def test_a_parser_can_be_used_for_experiment_after_experiment(self):
        made = parser(("--lr", {"action": "append", "default": ["1"]}))
        for _ in range(3):
            parsed = parse(made, ["--lr", "2"], True, {})
            assert (parsed.encoded, parsed.defaults) == ({"lr": ["1", "2"]}, {"lr": ["1"]})

    def test_an_explicit_value_wins_over_an_override_even_if_it_is_the_first_default(self):
        arguments = ["--experiments-directory", "experiments", "--description", ""]
        overrides = {"experiments_directory": "runs", "description": "a word"}
        assert parse(parser(), arguments, True, overrides).options == Options()


HELP = """
recording (meticulous):
  --project-directory DIR
                        a folder of the git repository (default: the current directory)
  --experiments-directory DIR
                        where experiments are recorded (default: runs)
  --experiment-id ID    name of the experiment instead of the next number; resumes it if it exists
  --description TEXT    a word on what this experiment is for
"""


@pytest.mark.parametrize("formatter", [argparse.HelpFormatter, argparse.ArgumentDefaultsHelpFormatter])
def test_the_help_says_each_default_once(formatter, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    made = parser(formatter_class=formatter)
    add_options(made, {"experiments_directory": "runs"})
    assert HELP in made.format_help()


@pytest.mark.parametrize("options", [{"experiments_directory": ""}, {"experiment_id": ""}])
def test_a_variable_that_is_not_set_is_no_directory_and_no_id(repository, monkeypatch, options):
    monkeypatch.chdir(repository.path)
    with pytest.raises(ValueError, match=r"directory is empty|the experiment id ''"):
        Experiment({}, **options)
    assert set(os.listdir()) == {".git", "README"}


@pytest.mark.parametrize("name", ["experiments_directory", "project_directory"])
def test_a_tilde_is_the_home_directory(repository, monkeypatch, tmp_path, name):
    monkeypatch.chdir(repository.path)
    for variable in ("HOME", "USERPROFILE"):  # of POSIX, of Windows
        monkeypatch.setenv(variable, str(tmp_path))
    value = {"experiments_directory": "~/runs", "project_directory": "~/repository"}[name]
    with Experiment({}, **{name: value}) as experiment:
        parent = {"experiments_directory": tmp_path / "runs", "project_directory": repository.experiments}[
            name
        ]
        assert experiment.directory == parent / "1"


class TestOverrides:
    def test_are_new_defaults_of_the_scripts_arguments_by_dest(self):
        made = parser(("--lr", {"type": float, "default": 0.1}), ("--seed", {"dest": "s"}))
        parsed = parse(made, ["--seed", "2"], True, {"lr": "0.5", "s": 1})
        assert (parsed.encoded, parsed.defaults) == ({"lr": 0.5, "s": "2"}, {"lr": 0.5, "s": 1})

    def test_reach_subcommands_and_only_those_that_have_the_argument(self):
        parsed = parse(commands(dest="command"), ["test"], True, {"split": "train", "lr": 3})
        assert parsed.encoded.pop("func") == parsed.defaults.pop("func") == "max"
        assert parsed.encoded == {"command": "test", "lr": 3, "seed": 0, "split": "train"}
        assert parsed.defaults == {"command": None, "lr": 3, "seed": 0, "split": "train"}
        assert "split" not in parse(commands(), ["train", "d"], True, {"split": "train"}).encoded

    def test_of_the_recorders_options(self):
        parsed = parse(parser(), ["--description", "b"], True, {"description": "a", "resume": True})
        assert parsed.options == Options(description="b", resume=True)

    def test_of_a_name_that_both_have_are_the_recorders(self):
        parsed = parse(parser(("--description", {"default": "script"})), [], True, {"description": "ours"})
        assert (parsed.encoded, parsed.options.description) == ({"description": "script"}, "ours")

    def test_of_what_nobody_has_get_one_clear_error(self):
        with pytest.raises(
            OptionsError, match=r"^'a', 'b': neither the parser nor the recorder has such an argument"
        ):
            parse(parser(("--lr", {})), [], True, {"b": 1, "lr": 2, "a": 3})


CONTRADICTIONS = [
    ["--norecord", "--resume"],
    ["--norecord", "--experiment-id", "a"],
    ["--resume", "--experiment-id", "a"],
]


class TestContradictions:
    @pytest.mark.parametrize("arguments", CONTRADICTIONS)
    def test_on_the_command_line_are_told_as_argparse_tells_such_things(self, arguments, capsys):
        with pytest.raises(SystemExit) as exit:
            parse(parser(), arguments, True, {})
        assert exit.value.code == 2
        err = capsys.readouterr().err
        assert err.startswith("usage: train.py ")
        assert "contradict each other" in err.splitlines()[-1]

    def test_of_the_command_line_with_the_script_too(self, capsys):
        with pytest.raises(SystemExit):
            parse(parser(), ["--resume"], True, {"norecord": True})
        assert "norecord and resume contradict each other" in capsys.readouterr().err

    def test_of_the_script_with_itself_are_an_error_of_the_script(self):
        with pytest.raises(OptionsError, match="norecord and resume contradict each other"):
            parse(parser(), [], True, {"norecord": True, "resume": True})

    def test_an_id_that_cannot_be_one_is_told_in_the_same_way(self, capsys):
        with pytest.raises(SystemExit):
            parse(parser(), ["--experiment-id", "../a"], True, {})
        assert "'../a' cannot be the name of a folder" in capsys.readouterr().err

    def test_an_empty_id_is_an_id(self, capsys):
        with pytest.raises(SystemExit):
            parse(parser(), ["--experiment-id", "", "--norecord"], True, {})
        assert "contradict" in capsys.readouterr().err


class TestOptionsInArguments:
    @pytest.mark.parametrize("form", [lambda args: args, vars, lambda args: SimpleNamespace(**vars(args))])
    def test_are_taken_out_of_a_copy(self, form):
        made = parser(("--lr", {"default": 1}))
        add_options(made, {})
        args = made.parse_args(["--resume"])
        rest, options = take_options(form(args))
        assert rest == form(argparse.Namespace(lr=1))
        assert options == Options(resume=True)._asdict()
        assert args.meticulous_resume is True

    @pytest.mark.parametrize("args", [{}, {"resume": True}, None, 3, SimpleNamespace(a=1), mock.Mock()])
    def test_are_not_looked_for_elsewhere(self, args):
        assert take_options(args) == (args, {})


class TestARecordedScript:
    @pytest.fixture(autouse=True)
    def _there(self, repository, monkeypatch):
        monkeypatch.chdir(repository.path)

    def load(self, experiment, name):
        return json.loads((experiment.directory / name).read_text("utf-8"))

    def test_that_has_options_of_ours_and_subcommands(self, repository):
        made = commands(dest="command")
        made.add_argument("--resume", type=pathlib.Path, default="start.pt")
        with Experiment.from_parser(made, ["--resume", "a.pt", "train", "d"], seed=7) as experiment:
            assert experiment.args == argparse.Namespace(
                command="train", data="d", func=len, lr=0.5, resume=pathlib.Path("a.pt"), seed=7
            )
        args = {"lr": 0.5, "seed": 7, "command": "train", "data": "d", "func": "len"}
        assert self.load(experiment, "args.json") == {**args, "resume": "a.pt"}
        del args["data"]
        assert self.load(experiment, "default_args.json") == {**args, "command": None, "resume": "start.pt"}
        assert repository.status() == "SUCCESS"

    @pytest.mark.parametrize("form", [lambda args: args, vars])
    def test_that_parses_by_itself(self, form):
        made = parser(("--lr", {"type": float, "default": 0.1}))
        Experiment.add_argument_group(made, description="a word")
        args, rest = made.parse_known_args(["--lr", "1", "--experiment-id", "mine", "more"])
        args.seed = 4108
        with Experiment(form(args), form(made.parse_args([]))) as experiment:
            assert (experiment.experiment_id, rest) == ("mine", ["more"])
        assert self.load(experiment, "args.json") == {"lr": 1.0, "seed": 4108}
        assert self.load(experiment, "default_args.json") == {"lr": 0.1}
        assert self.load(experiment, "metadata.json")["description"] == "a word"

    def test_that_passes_options_by_their_place(self, repository):
        with Experiment({"lr": 1}, {"lr": 0}, str(repository.path), "runs", "mine", "a word") as experiment:
            assert experiment.directory == repository.path / "runs" / "mine"

    def test_resumes_what_has_the_same_arguments(self, repository):
        definitions = [("--lr", {"type": float, "default": "nan"}), ("--path", {"type": pathlib.Path})]
        for arguments in ([], ["--resume"], ["--lr", "1", "--resume"]):
            Experiment.from_parser(parser(*definitions), arguments).finish()
        assert sorted(os.listdir(repository.experiments)) == [".gitignore", "1", "2"]

    def test_that_asks_for_contradictions_leaves_nothing_behind(self, repository):
        with pytest.raises(SystemExit):
            Experiment.from_parser(parser(), ["--resume", "--norecord"])
        with pytest.raises(OptionsError):
            Experiment(resume=True, norecord=True)
        assert not repository.experiments.exists()
