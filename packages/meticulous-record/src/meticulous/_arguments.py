"""The recorder's options beside a script's own, and what the script's would be if none were passed."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ._encode import JSON, encode, encode_object
from ._trouble import logger
from .errors import OptionsError

__all__ = ["Options", "Parsed", "add_options", "parse", "take_options"]

# The options keep to attributes of their own, so that no dest of a script can be the same.
_PREFIX = "meticulous_"


class Options(NamedTuple):
    """The recorder's options and their defaults; the keyword arguments of `Experiment` and its parser."""

    project_directory: str = ""
    experiments_directory: str = "experiments"
    experiment_id: str | None = None
    description: str = ""
    resume: bool = False
    norecord: bool = False
    allow_dirty: bool = False

    def check(self) -> Options:
        """These options, if they don't contradict each other.

        Raises:
            OptionsError: they do.
        """
        for one, other, why in (
            ("norecord", "resume", "one records nothing, the other goes on with a record"),
            ("norecord", "experiment_id", "one records nothing, the other names the record"),
            ("resume", "experiment_id", "one looks for the newest experiment that fits, the other names one"),
        ):
            if getattr(self, one) and getattr(self, other) not in (False, None):
                raise OptionsError(f"{_flag(one)} and {_flag(other)} contradict each other: {why}; give one")
        return self


_HELP = {
    "project_directory": ("DIR", "where the git repository is (default: the current directory)"),
    "experiments_directory": ("DIR", "where experiments are recorded (default: %(default)s)"),
    "experiment_id": ("ID", "name of the experiment instead of the next number; resumes it if it exists"),
    "description": ("TEXT", "a word on what this experiment is for"),
    "resume": (None, "resume the newest experiment with the same arguments and commit, if there is one"),
    "norecord": (None, "run without recording anything"),
    "allow_dirty": (None, "record uncommitted changes as git.diff instead of refusing them"),
}


class Parsed(NamedTuple):
    """A parsed command line, divided."""

    args: Any
    """What the parser made, less the recorder's options."""
    encoded: dict[str, JSON]
    defaults: dict[str, JSON]
    options: Options


def add_options(parser: argparse.ArgumentParser, defaults: Mapping[str, Any]) -> None:
    """Add the recorder's options to `parser`, with other `defaults`.

    An option whose name the script has given to one of its own is called `--meticulous-…`. A second call
    only changes the defaults.

    Raises:
        OptionsError: `defaults` names something that is no option.
    """
    unknown = set(defaults) - set(Options._fields)
    if unknown:
        raise OptionsError(f"{_names(unknown)}: no such option; there are {_names(Options._fields)}")
    values = {**Options()._asdict(), **defaults}
    if _PREFIX + "resume" in {action.dest for action in parser._actions}:
        parser.set_defaults(**{_PREFIX + name: value for name, value in defaults.items()})
        return
    group = parser.add_argument_group("recording (meticulous)")
    dashes = parser.prefix_chars[0] * 2
    for name, (metavar, text) in _HELP.items():
        flag = dashes + name.replace("_", "-")
        if flag in parser._option_string_actions:
            ours = f"{dashes}meticulous-{name.replace('_', '-')}"
            logger.info("%s is the script's own option; the recorder's is %s", flag, ours)
            flag = ours
        settings: dict[str, Any] = {"dest": _PREFIX + name, "default": values[name], "help": text}
        if metavar is None:
            settings["action"] = "store_true"
        else:
            settings["metavar"] = metavar
        group.add_argument(flag, **settings)


def parse(
    parser: argparse.ArgumentParser,
    arg_list: Sequence[str] | None,
    capture_defaults: bool,
    overrides: Mapping[str, Any],
) -> Parsed:
    """Parse the command line once, and learn from the parser's actions what it would be without any option.

    `overrides` are new defaults: of the recorder's options, or of the script's own by their dest.
    """
    add_options(parser, {name: value for name, value in overrides.items() if name in Options._fields})
    own = {name: value for name, value in overrides.items() if name not in Options._fields}
    known = {action.dest for action in _all_actions(parser)} | set(parser._defaults)
    if not known.issuperset(own):
        raise OptionsError(f"{_names(set(own) - known)}: the parser has no such argument to give a default")
    parser.set_defaults(**own)
    # Encoded now: an action that appends to its default changes it during the parsing.
    before = {
        id(action): encode(action.default, action.dest)
        for action in _all_actions(parser)
        if not isinstance(action.default, str)
    }
    args = parser.parse_args() if arg_list is None else parser.parse_args(arg_list)
    args, options = take_options(args)
    encoded = encode_object(args, "the parsed arguments")
    defaults: dict[str, JSON] = {}
    if capture_defaults:
        _collect(parser, args, encoded, before, defaults)
    return Parsed(args, encoded, defaults, options)


def take_options(args: Any, otherwise: Options | None = None) -> tuple[Any, Options]:
    """A copy of `args` without the attributes that `add_options` brought, and those.

    An option that has its default value in `args`, or is not there, is as in `otherwise`.
    """
    options = otherwise or Options()
    if not any(hasattr(args, _PREFIX + name) for name in Options._fields):
        return args, options
    args = copy.copy(args)
    found: dict[str, Any] = {}
    for name, default in Options._field_defaults.items():
        value = getattr(args, _PREFIX + name, default)
        if value != default:
            found[name] = value
        if hasattr(args, _PREFIX + name):
            delattr(args, _PREFIX + name)
    return args, options._replace(**found)


def _collect(
    parser: argparse.ArgumentParser,
    args: Any,
    encoded: Mapping[str, JSON],
    before: Mapping[int, JSON],
    result: dict[str, JSON],
) -> None:
    """Put into `result` what `parse_args` gives for each option that is not passed, subcommands included."""
    own: dict[str, JSON] = {}
    for action in parser._actions:
        if action.dest.startswith(_PREFIX) or action.dest in own or _is_required(action):
            continue
        default = _default(parser, action)
        if default is action.default and id(action) in before:
            default = before[id(action)]
        if default != argparse.SUPPRESS:
            own[action.dest] = encode(default, action.dest)
    for dest, value in parser._defaults.items():
        if not dest.startswith(_PREFIX):
            own.setdefault(dest, encode(value, dest))
    for dest, default in own.items():
        _put(result, dest, default, encoded)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = _chosen(action, args)
            if chosen is not None:
                _collect(chosen, args, encoded, before, result)


def _put(result: dict[str, JSON], dest: str, default: JSON, encoded: Mapping[str, JSON]) -> None:
    """Enter `default` where the parsed value stands: parsers with nested results know it as `a.b`."""
    if dest not in encoded and "." in dest:
        outer, inner = dest.split(".", 1)
        values = encoded.get(outer)
        nested = result.setdefault(outer, {})
        if isinstance(values, dict) and isinstance(nested, dict):
            _put(nested, inner, default, values)
            return
    result[dest] = default


def _default(parser: argparse.ArgumentParser, action: argparse.Action) -> Any:
    """The value of `action` where it is not passed, as `ArgumentParser.parse_args` finds it."""
    default = action.default
    if action.dest == argparse.SUPPRESS:  # --help and --version have no value
        return argparse.SUPPRESS
    if not action.option_strings and action.nargs == argparse.REMAINDER:
        return []
    if not action.option_strings and action.nargs == argparse.ZERO_OR_MORE:
        return [] if default is None else default
    # A text stands for what one would type, so it is converted; but to convert it must not open a file.
    if (
        isinstance(default, str)
        and default != argparse.SUPPRESS
        and type(action.type) is not argparse.FileType
    ):
        try:
            return parser._get_value(action, default)
        except Exception:  # noqa: BLE001 - the script's own function; `parse_args` reports its errors
            return default
    return default


def _is_required(action: argparse.Action) -> bool:
    """Whether it always has to be passed; argparse also says so of positionals that may be empty."""
    optional = (argparse.OPTIONAL, argparse.ZERO_OR_MORE, argparse.REMAINDER)
    return action.required and (bool(action.option_strings) or action.nargs not in optional)


def _chosen(action: argparse._SubParsersAction[Any], args: Any) -> argparse.ArgumentParser | None:
    """The subcommand that was given: by its dest, else the one whose arguments have all got values."""
    choices: Mapping[str, argparse.ArgumentParser] = action.choices
    if action.dest != argparse.SUPPRESS:
        name = getattr(args, action.dest, None)
        return choices.get(name) if isinstance(name, str) else None
    for parser in choices.values():
        wanted = {other.dest for other in parser._actions if other.default != argparse.SUPPRESS}
        same = all(getattr(args, dest, None) is value for dest, value in parser._defaults.items())
        if same and all(hasattr(args, dest) for dest in wanted):
            return parser
    return None


def _all_actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for subparser in dict.fromkeys(action.choices.values()):
                yield from _all_actions(subparser)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _names(names: Any) -> str:
    return ", ".join(repr(name) for name in sorted(names))
