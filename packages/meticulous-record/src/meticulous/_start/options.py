"""The recorder's options beside a script's own, and what the script's would be if none were passed."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple

from meticulous._disk.encode import JSON, encode_object
from meticulous._disk.folder import check_experiment_id
from meticulous._log import logger
from meticulous._start.defaults import Defaults, all_parsers
from meticulous.errors import ExperimentIdError, OptionsError

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

    def check(self, flags: Mapping[str, str] | None = None) -> Options:
        """These options, if they don't contradict each other; `flags` tells what they are called by the user.

        Raises:
            OptionsError: they do.
        """
        for one, other, why in (
            ("norecord", "resume", "one records nothing, the other goes on with a record"),
            ("norecord", "experiment_id", "one records nothing, the other names the record"),
            ("resume", "experiment_id", "one looks for the newest experiment that fits, the other names one"),
        ):
            if getattr(self, one) and getattr(self, other) not in (False, None):
                names = [(flags or {}).get(name, name) for name in (one, other)]
                raise OptionsError(f"{' and '.join(names)} contradict each other: {why}; give one of them")
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


class _Flag(str):
    """A flag that no abbreviation means: those of the script's own options mean what they meant before."""

    def startswith(self, prefix: Any, *where: Any) -> bool:
        return super().startswith(prefix, *where) and (len(prefix) <= 2 or prefix == self)


def add_options(parser: argparse.ArgumentParser, defaults: Mapping[str, Any]) -> None:
    """Add the recorder's options to `parser`, with other `defaults`.

    An option whose name the script has given to one of its own, or which is short for one of those, is
    called `--meticulous-…`. Those that are there already only get the defaults.

    Raises:
        OptionsError: `defaults` names something that is no option.
    """
    unknown = set(defaults) - set(Options._fields)
    if unknown:
        raise OptionsError(f"{_names(unknown)}: no such option; there are {_names(Options._fields)}")
    present = {action.dest for action in parser._actions}
    _set_defaults(parser, {_PREFIX + name: value for name, value in defaults.items()})
    missing = [name for name in Options._fields if _PREFIX + name not in present]
    if not missing:
        return
    values = {**Options()._asdict(), **defaults}
    group = parser.add_argument_group("recording (meticulous)")
    dashes = 2 * ("-" if "-" in parser.prefix_chars else parser.prefix_chars[0])
    taken = set(_flags(parser))
    renamed: dict[str, str] = {}
    for name in missing:
        metavar, text = _HELP[name]
        flag = dashes + name.replace("_", "-")
        if flag in taken or (parser.allow_abbrev and any(other.startswith(flag) for other in taken)):
            renamed[flag] = flag = f"{dashes}meticulous-{name.replace('_', '-')}"
        settings: dict[str, Any] = {"dest": _PREFIX + name, "default": values[name], "help": text}
        if metavar is None:
            settings["action"] = "store_true"
        else:
            settings["metavar"] = metavar
        group.add_argument(_Flag(flag), **settings)
    if renamed:
        whose = "is the script's own option" if len(renamed) == 1 else "are the script's own options"
        if not taken.issuperset(renamed):
            whose += " or short for one"
        ours = ", ".join(renamed.values())
        logger.info("%s %s; for the recorder there is %s", ", ".join(renamed), whose, ours)


def parse(
    parser: argparse.ArgumentParser,
    arg_list: Sequence[str] | None,
    capture_defaults: bool,
    overrides: Mapping[str, Any],
) -> Parsed:
    """Parse the command line once, and learn while it parses what it would be without any option.

    `overrides` are new defaults: of the recorder's options, or of the script's own by their dest. Where both
    have a name, the recorder's is meant.

    Raises:
        OptionsError: `overrides` names nothing there is, or contradicts itself.
        SystemExit: the command line is wrong, or contradicts itself or the overrides.
    """
    if not isinstance(parser, argparse.ArgumentParser):
        raise TypeError(
            f"from_parser takes an argparse parser, not {type(parser).__name__}: it parses by itself. "
            "What is parsed already goes to Experiment(args)"
        )
    ours = {name: value for name, value in overrides.items() if name in Options._fields}
    otherwise = Options(**ours).check()
    _override(parser, {name: value for name, value in overrides.items() if name not in Options._fields})
    having = [each for each in all_parsers(parser) if any(a.dest.startswith(_PREFIX) for a in each._actions)]
    for each in having or [parser]:  # a script with subcommands may have given the options to those
        add_options(each, ours)
    defaults = Defaults(parser) if capture_defaults else None
    with defaults or nullcontext():
        args = parser.parse_args() if arg_list is None else parser.parse_args(arg_list)
    args, found = _split(args)
    options = otherwise._replace(**found)
    try:
        options.check(
            {
                action.dest[len(_PREFIX) :]: action.option_strings[0]
                for each in having or [parser]
                for action in each._actions
                if action.dest.startswith(_PREFIX) and action.option_strings
            }
        )
        if options.experiment_id is not None:
            check_experiment_id(options.experiment_id)
    except (OptionsError, ExperimentIdError) as error:
        parser.error(str(error))
    encoded = encode_object(args, "the parsed arguments")
    known = {} if defaults is None else defaults.collect(encoded)
    known = {dest: value for dest, value in known.items() if not dest.startswith(_PREFIX)}
    return Parsed(args, encoded, known, options)


def take_options(args: Any, otherwise: Options) -> tuple[Any, Options]:
    """A copy of `args` without the attributes that `add_options` brought, and those.

    An option that has its default value in `args`, or is not there, is as in `otherwise`.
    """
    args, found = _split(args)
    chosen = {name: value for name, value in found.items() if value != Options._field_defaults[name]}
    return args, otherwise._replace(**chosen)


def _split(args: Any) -> tuple[Any, dict[str, Any]]:
    attributes = getattr(args, "__dict__", {})
    found = {name: attributes[_PREFIX + name] for name in Options._fields if _PREFIX + name in attributes}
    if found:
        args = copy.copy(args)
        for name in found:
            delattr(args, _PREFIX + name)
    return args, found


def _override(parser: argparse.ArgumentParser, defaults: Mapping[str, Any]) -> None:
    """Give the script's own arguments other defaults, in the parser or the subcommands that have them."""
    unknown = set(defaults)
    for each in all_parsers(parser):
        unknown.difference_update(_set_defaults(each, defaults))
    if unknown:
        raise OptionsError(
            f"{_names(unknown)}: neither the parser nor the recorder has such an argument to give a default"
        )


def _set_defaults(parser: argparse.ArgumentParser, defaults: Mapping[str, Any]) -> set[str]:
    """Those of `defaults` that `parser` has arguments for become its own; their dests."""
    known = {action.dest for action in parser._actions} | set(parser._defaults)
    wanted = {dest: value for dest, value in defaults.items() if dest in known}
    if wanted:
        parser.set_defaults(**wanted)
    return set(wanted)


def _flags(parser: argparse.ArgumentParser) -> Iterable[str]:
    """The flags the script uses, with those that simple-parsing adds no sooner than it parses."""
    yield from parser._option_string_actions
    for wrapper in getattr(parser, "_wrappers", ()):
        for one in (wrapper, *getattr(wrapper, "descendants", ())):
            for field in getattr(one, "fields", ()):
                yield from field.option_strings


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))
