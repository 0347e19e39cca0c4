"""The command line's options."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.export.export import EXPORT_KINDS

__all__ = ["ARGS_CHOICES", "parse_options"]

_NORMALIZE = "--normalize-json-values"
# What has nothing to say where columns are listed.
_NOT_LISTED = ("args", "columns", "groupby", "sort", "sort_reverse", "tail")
_INTEGER = re.compile("-?[0-9]+")
ARGS_CHOICES = ("none", "truncated", "non-default", "all")

_EXAMPLES = """\
examples:
  meticulous                          the table of ./experiments
  meticulous runs --sort loss         the highest loss last
  meticulous runs --sort accuracy --tail 5
                                      the five best
  meticulous runs --filter "lr < 0.1 and status == 'SUCCESS'"
                                      some of the experiments
  meticulous runs --columns "lr,status,summary.*"
                                      just these columns (see --list-columns)
  meticulous runs --groupby lr --sort accuracy
                                      the means of the summaries for each lr
  meticulous runs old-runs --tail 20
                                      the latest of two directories
  meticulous runs --args all | less -S
                                      every argument, as wide as it gets
  meticulous runs --export runs.csv   what the table shows, for a spreadsheet
  meticulous runs/7                   what ran, how it ended, and its numbers
  meticulous runs/7 runs/8            what differs, and the commits between them
"""


class _Parser(argparse.ArgumentParser):
    def print_help(self, file: Any = None) -> None:
        print(self.format_help(), end="")  # argparse's own would keep quiet about a full disk

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} (see meticulous --help)", USAGE)


def parse_options(arguments: list[str]) -> argparse.Namespace:
    """Return the options; `--help` exits, and what cannot be understood raises CommandError.

    `for_tables` has those that were given and mean something for tables only.
    """
    parser = _Parser(
        prog="meticulous",
        usage="meticulous [options] [PATH ...]",
        # The formatter that leaves the examples as they are leaves this as it is, too.
        description="Show recorded experiments: directories of them as a table, one as a page,\n"
        "several side by side.",
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
    table_options: list[argparse.Action] = []

    def add(*names: str, **how: Any) -> None:
        table_options.append(table.add_argument(*names, **how))

    add(
        "--args",
        choices=ARGS_CHOICES,
        default="truncated",
        metavar="WHICH",
        help="arguments to show: none; truncated, those that vary or differ from their default, fitted to the"
        " terminal (the default); non-default, the same, but all of them; or all",
    )
    add(
        "--columns",
        action="append",
        default=[],
        metavar="NAMES",
        help="show just id and these, in this order: names (see --list-columns), separated by commas, or"
        " patterns such as 'summary.*'",
    )
    add("--list-columns", action="store_true", help="list the columns that can be named")
    add(
        "--filter",
        action="append",
        default=[],
        metavar="EXPR",
        help="only experiments of which it holds, such as \"lr < 0.1 and status == 'SUCCESS'\"; may be given"
        " again, and then all must hold",
    )
    add(
        "--groupby",
        action="append",
        default=[],
        metavar="NAMES",
        help="one row for each combination of values of these columns: how many experiments have it, and the"
        " means of their summaries",
    )
    add(
        "--sort",
        action="append",
        default=[],
        metavar="NAMES",
        help="sort by a column, smallest first (before it what has no value, or nan), instead of by start;"
        " after a comma, by others for ties; names may be short (lr) or full (args.lr)",
    )
    add("--sort-reverse", action="store_true", help="reverse the order")
    add("--tail", type=_positive, metavar="N", help="only the last N rows")
    add(
        _NORMALIZE,
        type=_positive,
        nargs="?",
        const=1,
        metavar="N",
        help="make columns such as best.loss of objects, down to N levels (1 if no number follows)",
    )
    add(
        "--export",
        metavar="FILE",
        help="write what the table shows, unrounded, to a new file: csv, json, md, tex, parquet or pickle"
        " (.pd), by its suffix; - is standard output",
    )
    add(
        "--export-format",
        choices=EXPORT_KINDS,
        metavar="KIND",
        help="the kind of file, where no suffix says it",
    )
    add(
        "--flat-cols",
        action="store_true",
        help="export one row of names such as args.lr, instead of two rows",
    )
    other = parser.add_argument_group("other")
    other.add_argument(
        "--validate",
        action="store_true",
        help="hold each experiment against the format's specification, and name what it breaks",
    )
    other.add_argument("--version", action="store_true", help="print the version")
    other.add_argument("-h", "--help", action="help", help="print this")
    options = parser.parse_intermixed_args(_spelled(arguments))
    if options.export is None:
        for option in ("export_format", "flat_cols"):
            if getattr(options, option):
                parser.error(f"--{option.replace('_', '-')} needs --export")
    elif not options.export:
        parser.error("--export needs the name of a file, or - for standard output")
    elif options.list_columns:
        parser.error("--list-columns prints a list, which --export does not write")
    if options.list_columns:
        for option in _NOT_LISTED:
            if getattr(options, option) != parser.get_default(option):
                parser.error(
                    f"--list-columns lists all columns, so --{option.replace('_', '-')} changes nothing"
                )
    options.for_tables = [
        option.option_strings[0]
        for option in table_options
        if getattr(options, option.dest) != option.default
    ]
    return options


def _spelled(arguments: list[str]) -> list[str]:
    """Return the arguments with dashes in the options, and with a number where one may be left out."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    spelled = [_with_dashes(argument) for argument in arguments[:end]]
    for place, option in enumerate(spelled):
        # What follows may as well be a path.
        if option == _NORMALIZE and not _INTEGER.fullmatch("".join(spelled[place + 1 : place + 2])):
            spelled[place] = f"{_NORMALIZE}=1"
    return spelled + arguments[end:]


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
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return number
