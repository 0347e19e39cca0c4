"""The command line → options, and for each mistake what to type instead.

usage: meticulous [PATH ...] [options]
  meticulous                  the table of ./experiments
  meticulous 3                the page of experiment 3 (last: of the newest)
  meticulous 3 7              what differs between two, and the commits between
  meticulous runs old-runs    the table of two directories
which experiments
  --filter EXPR       "lr < 0.1 and status == 'SUCCESS'"; may be repeated
  --last N            the N newest
  --sort NAMES        smallest first, so the best accuracy is last
  --sort-reverse      greatest first, so the best loss is last
  --tail N            the last N rows, once they are sorted
which columns
  --columns NAMES     these: "lr,summary.*"; or these as well: +reason
  --args WHICH        none, truncated (the default), non-default or all
  --list-columns      every name there is
  --normalize-json-values N   how deep objects become columns (0: not at all)
averages
  --groupby NAMES     a row for each combination: mean ± standard deviation
  --over NAMES        the same for all that varies but these: --over seed
output
  --export FILE       .csv .json .md .tex .parquet .pd; - is standard output
  --export-format K   its kind, where no suffix tells
  --flat-cols         one row of names (args.lr), as .csv has; or --no-flat-cols
  --paths             the folders instead of a table, one a line
  --validate          hold each folder against the format
  --version, --help
examples
  meticulous --sort accuracy --tail 5                the five best
  meticulous --filter "start >= 'yesterday'"         what was started lately
  meticulous --filter "status == 'ERROR'" --paths    the folders of what failed
  meticulous --over seed --export table.tex          for the paper
"""

from __future__ import annotations

import argparse
import itertools
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.export.export import EXPORT_KINDS
from meticulous_cli.show.shell import command

# What `--help` prints stands above, so that it is read with what the parser takes.
HELP = (__doc__ or "").partition("\n\n")[2]
ARGS_CHOICES = ("none", "truncated", "non-default", "all")

# What other tools and the recorder call it → what stands for it here; {} is the value that follows.
_SYNONYMS = {
    **dict.fromkeys(("--head", "--limit", "--max", "-n"), ("--tail", "{}")),
    **dict.fromkeys(("--where", "--query", "-f"), ("--filter", "{}")),
    **dict.fromkeys(("--output", "-o"), ("--export", "{}")),
    **dict.fromkeys(("--desc", "--descending", "--reverse"), ("--sort-reverse",)),
    **dict.fromkeys(("--experiments-directory", "--experiment-id"), ("{}",)),
    "--project-directory": ("{}/experiments",),
    "--format": ("--export", "-", "--export-format", "{}"),
}
_NORMALIZE = "--normalize-json-values"
# What a list of columns has a use for.
_FOR_LISTS = ("--list-columns", "--filter", "--last", _NORMALIZE)
_GROUPS = ("header", "args", "summary", "metadata", "default_args")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see meticulous --help)", USAGE)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options; `--help` is none of them, as it is answered before.

    `paths` has the words that are no options; `for_tables` the options given that only a table has a use for.

    Raises:
        CommandError: the command cannot be understood.
    """
    parser = _Parser(prog="meticulous", allow_abbrev=False, add_help=False)
    parser.add_argument("paths", nargs="*")
    several: dict[str, Any] = {"action": "append", "default": []}
    flag: dict[str, Any] = {"action": "store_true"}
    # The second names are what others call them: nobody means anything else by those.
    table = [
        parser.add_argument("--filter", **several),
        parser.add_argument("--last", type=_whole),
        parser.add_argument("--sort", "--sort-by", **several),
        parser.add_argument("--sort-reverse", **flag),
        parser.add_argument("--tail", type=_whole),
        parser.add_argument("--columns", "--column", "--cols", **several),
        parser.add_argument("--args", choices=ARGS_CHOICES, default="truncated"),
        parser.add_argument("--list-columns", **flag),
        parser.add_argument(_NORMALIZE, type=lambda text: _whole(text, 0)),
        parser.add_argument("--groupby", "--group-by", **several),
        parser.add_argument("--over", **several),
        parser.add_argument("--export"),
        parser.add_argument("--export-format", choices=EXPORT_KINDS),
        parser.add_argument("--flat-cols", action=argparse.BooleanOptionalAction),
        parser.add_argument("--paths", dest="paths_only", **flag),
    ]
    parser.add_argument("--validate", **flag)
    parser.add_argument("--version", **flag)
    options = parser.parse_intermixed_args(_spelled(arguments))
    given = [option for option in table if getattr(options, option.dest) != option.default]
    options.for_tables = [option.option_strings[0] for option in given]
    _refuse_contradictions(options)
    return options


def _refuse_contradictions(options: argparse.Namespace) -> None:
    """Raise CommandError for options that make no sense together."""
    if options.export == "":
        raise CommandError("--export needs the name of a file, or - for standard output", USAGE)
    for option in ("export_format", "flat_cols"):
        if options.export is None and getattr(options, option) is not None:
            raise CommandError(f"--{option.replace('_', '-')} needs --export", USAGE)
    if options.paths_only and (options.groupby or options.over or options.export):
        raise CommandError("--paths prints folders: there are none of groups, and none to export", USAGE)
    useless = [name for name in options.for_tables if name not in _FOR_LISTS]
    if options.list_columns and useless:
        raise CommandError(f"--list-columns lists all columns, so {useless[0]} changes nothing", USAGE)


def _spelled(arguments: Sequence[str]) -> list[str]:
    """Return the arguments in the spelling of the options.

    Raises:
        CommandError: something has another name here; the error has the command to type instead.
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    words = [_with_dashes(word) for word in arguments[:end]]
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        rest = [*words[place + 1 :], *arguments[end:]]
        after = rest if equals else rest[1:]
        value = value if equals else "".join(rest[:1])
        if name in _SYNONYMS:
            meant = [part.replace("{}", value or "…") for part in _SYNONYMS[name]]
            takes_value = any("{}" in part for part in _SYNONYMS[name])
            raise _instead(f"no option {name}", words[:place], meant, after if takes_value else rest)
        if name == "--sort" and value[:1] == "-" and value[1:2] not in ("", "-"):
            meant = ["--sort", value[1:], "--sort-reverse"]
            raise _instead("--sort takes a name", words[:place], meant, after)
        if name == _NORMALIZE and not equals and not value.lstrip("-").isdecimal():
            words[place] = f"{_NORMALIZE}=1"  # in the original tool no number followed
        if name == "--columns" and (more := list(itertools.takewhile(_is_name, after))):
            names = [f"{each}.*" if each in _GROUPS else each for each in (value, *more)]
            meant = ["--columns", ",".join(names)]
            raise _instead("names are separated by commas", words[:place], meant, after[len(more) :])
    return words + list(arguments[end:])


def _instead(message: str, before: Sequence[str], meant: Sequence[str], after: Sequence[str]) -> CommandError:
    return CommandError(message, USAGE, command((*before, *meant, *after)))


def _is_name(word: str) -> bool:
    """Return whether a word behind a column's name is one, too, and nothing that a path or an id may be."""
    return not (word[:1] in ("-", "") or word == "last" or word.isdecimal() or os.path.lexists(word))


def _with_dashes(word: str) -> str:
    """Return an option in our spelling; the original tool's had underscores."""
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def _whole(text: str, least: int = 1) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)
