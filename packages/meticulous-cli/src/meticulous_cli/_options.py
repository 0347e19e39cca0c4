"""The command line's options."""

from __future__ import annotations

import argparse
from typing import NoReturn

from meticulous_cli._errors import USAGE, CommandError

__all__ = ["ARGS_CHOICES", "parse_options"]

ARGS_CHOICES = ("none", "truncated", "non-default", "all")

_EXAMPLES = """\
examples:
  meticulous                          the table of ./experiments
  meticulous runs --sort loss         the lowest loss first
  meticulous runs --sort accuracy --tail 5
                                      the five best
  meticulous runs --args all | less -S
                                      every argument, as wide as it gets
  meticulous runs/7                   what ran, how it ended, and its numbers
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see meticulous --help)", USAGE)


def parse_options(arguments: list[str]) -> argparse.Namespace:
    """Return the options; `--help` exits, and what cannot be understood raises CommandError."""
    parser = _Parser(
        prog="meticulous",
        usage="meticulous [options] [PATH]",
        description="Show recorded experiments: a directory of them as a table, one as a page.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="*",
        default=["experiments"],
        help="experiments directories, or experiments (default: experiments)",
    )
    table = parser.add_argument_group("the table")
    table.add_argument(
        "--args",
        choices=ARGS_CHOICES,
        default="truncated",
        metavar="WHICH",
        help="arguments to show: none; truncated, those that vary or differ from their default, fitted to the"
        " terminal (the default); non-default, the same, but all of them; or all",
    )
    table.add_argument(
        "--sort",
        action="append",
        default=[],
        metavar="COLUMN",
        help="sort by a column, smallest first, instead of by start; may be given again, for ties;"
        " names may be short (lr) or full (args.lr)",
    )
    table.add_argument("--sort-reverse", action="store_true", help="reverse the order")
    table.add_argument("--tail", type=_positive, metavar="N", help="only the last N rows")
    other = parser.add_argument_group("other")
    other.add_argument("--version", action="store_true", help="print the version")
    other.add_argument("-h", "--help", action="help", help="print this")
    return parser.parse_args([_with_dashes(argument) for argument in arguments])


def _with_dashes(argument: str) -> str:
    """Return an option in its spelling with dashes: the original tool spelled them with underscores."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rows")
    return number
