"""The recorder's options, beside a script's own in its parser and among its arguments."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from meticulous._disk.encode import JSON
from meticulous._disk.names import check_experiment_id
from meticulous.errors import OptionsError, listed

__all__ = ["Configuration", "Options", "add_options", "is_option", "take_options"]

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
        """Return these options, if they can be.

        Raises:
            OptionsError: they contradict each other, or a directory is empty.
            ExperimentIdError: `experiment_id` can't be a folder's name.
        """
        for one, other, why in (
            ("norecord", "resume", "one records nothing, the other goes on with a record"),
            ("norecord", "experiment_id", "one records nothing, the other names the record"),
            ("resume", "experiment_id", "one looks for the newest experiment that fits, the other names one"),
        ):
            if getattr(self, one) and getattr(self, other) not in (False, None):
                raise OptionsError(f"{one} and {other} contradict each other: {why}; give one of them")
        if not self.experiments_directory:  # a shell's variable that is not set
            raise OptionsError("experiments_directory is empty: name a directory, or leave it out")
        if self.experiment_id is not None:
            check_experiment_id(self.experiment_id)
        return self


class Configuration(NamedTuple):
    """What an experiment is started with."""

    args: Any
    """As the program has them, less the recorder's options."""
    encoded: dict[str, JSON]
    defaults: dict[str, JSON] | None
    options: Options


_HELP = {
    "project_directory": ("DIR", "a folder of the git repository"),
    "experiments_directory": ("DIR", "where experiments are recorded"),
    "experiment_id": ("ID", "name of the experiment instead of the next number; resumes it if it exists"),
    "description": ("TEXT", "a word on what this experiment is for"),
    "resume": (None, "resume the newest experiment with the same arguments and commit, if there is one"),
    "norecord": (None, "run without recording anything"),
    "allow_dirty": (None, "record uncommitted changes as git.diff instead of refusing them"),
}


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
        names, known = (listed(map(repr, sorted(each))) for each in (unknown, Options._fields))
        raise OptionsError(f"{names}: no such option; there are {known}")
    parser.set_defaults(**{_PREFIX + name: value for name, value in defaults.items()})
    present = {action.dest for action in parser._actions}
    missing = [name for name in Options._fields if _PREFIX + name not in present]
    if not missing:
        return
    group = parser.add_argument_group("recording (meticulous)")
    dashes = 2 * ("-" if "-" in parser.prefix_chars else parser.prefix_chars[0])
    taken = set(_option_strings(parser))
    for name in missing:
        flag = dashes + name.replace("_", "-")
        if flag in taken or (parser.allow_abbrev and any(other.startswith(flag) for other in taken)):
            flag = f"{dashes}meticulous-{name.replace('_', '-')}"
        default = defaults.get(name, Options._field_defaults[name])
        metavar, text = _HELP[name]
        if default or name == "project_directory":
            text += f" (default: {'%(default)s' if default else 'the current directory'})"
        # Of zero width, so that no ArgumentDefaultsHelpFormatter adds "(default: )".
        text += "%(default).0s"
        switch: dict[str, Any] = {"action": "store_true"} if metavar is None else {"metavar": metavar}
        group.add_argument(_Flag(flag), dest=_PREFIX + name, default=default, help=text, **switch)


def is_option(dest: str) -> bool:
    """Return whether `dest` is one of the recorder's options."""
    return dest.startswith(_PREFIX)


def take_options(args: Any) -> tuple[Any, dict[str, Any]]:
    """Return a copy of `args` without the attributes, or keys, that `add_options` brought, and those."""
    attributes = args if type(args) is dict else getattr(args, "__dict__", {})
    found = {name: attributes[_PREFIX + name] for name in Options._fields if _PREFIX + name in attributes}
    if found:
        args = copy.copy(args)
        attributes = args if type(args) is dict else vars(args)
        for name in found:
            del attributes[_PREFIX + name]
    return args, found


def _option_strings(parser: argparse.ArgumentParser) -> Iterable[str]:
    """Return the flags the script uses, with those that simple-parsing adds no sooner than it parses."""
    yield from parser._option_string_actions
    for wrapper in getattr(parser, "_wrappers", ()):
        for one in (wrapper, *getattr(wrapper, "descendants", ())):
            for field in getattr(one, "fields", ()):
                yield from field.option_strings
