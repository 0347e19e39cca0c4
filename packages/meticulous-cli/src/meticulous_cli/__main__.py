"""The command: options → what is asked for → standard output, and a sentence for each mistake."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meticulous_cli.errors import DATA, INTERRUPTED, USAGE, CommandError
from meticulous_cli.options import HELP, parse_options

if TYPE_CHECKING:
    from meticulous_cli.show.style import Style

_MESSAGE_WIDTH = 1000  # what was typed may be of any length
_SIDE_BY_SIDE = 4  # more experiments are rows of a table: no screen has as many columns


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 (nothing to show, bad data), 2 (usage)."""
    # Recorded names may be no text in the terminal's encoding; that is no reason to show nothing.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:  # as after `>&-` in a shell
        return _complain(CommandError("standard output is closed", DATA))
    try:
        return _printed(*_answer(sys.argv[1:] if arguments is None else list(arguments)))
    except CommandError as error:
        return _complain(error)
    except KeyboardInterrupt:
        return _complain(CommandError("interrupted", INTERRUPTED))
    except OSError as error:  # of some file; _printed takes those of standard output
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        return _complain(CommandError(f"{where}{(error.strerror or str(error)).lower()}", DATA))


def _printed(text: str, code: int) -> int:
    """Print the answer and return the exit code."""
    try:
        if text:
            print(text)
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # A reader that leaves early has seen enough. Windows has no EPIPE for it.
        if error.errno == errno.EPIPE or (os.name == "nt" and error.errno == errno.EINVAL):
            return 0
        return _complain(CommandError(f"cannot write: {error.strerror}", DATA))
    return code


def _answer(arguments: list[str]) -> tuple[str, int]:
    """Return what is to be printed, if anything, and the exit code."""
    if not {"-h", "--help"}.isdisjoint(arguments):  # whatever else is wrong
        return HELP.rstrip(), 0
    options = parse_options(arguments)
    if options.version:
        from importlib.metadata import version

        return f"meticulous {version('meticulous-cli')}", 0
    # Imported late, so that --help and a mistyped option answer at once.
    from meticulous_cli.paths import resolve
    from meticulous_cli.show.style import Style

    directories, experiments = resolve(options.paths)
    if options.validate:
        from meticulous_cli.validate.validate import validate

        if options.for_tables:
            raise CommandError(f"{options.for_tables[0]} is for tables, and --validate makes none", USAGE)
        return validate([*directories, *experiments])
    style = Style(sys.stdout)
    if options.paths_only and not style.terminal and hasattr(sys.stdout, "reconfigure"):
        # xargs has to find the folders again, whatever bytes are in their names.
        sys.stdout.reconfigure(encoding=sys.getfilesystemencoding(), errors=sys.getfilesystemencodeerrors())
    if directories:
        from meticulous_cli.table.overview import overview

        options.paths, options.chosen = directories, []
        return overview(options, style), 0
    return _experiments(options, experiments, style), 0


def _experiments(options: argparse.Namespace, paths: list[str], style: Style) -> str:
    """Return the page of one experiment, a few side by side, or the table of these."""
    from meticulous_read import ExperimentReader

    if len(paths) == 1 and options.for_tables and not options.paths_only:
        raise CommandError(f"{options.for_tables[0]} is for tables; {paths[0]} is one experiment", USAGE)
    readers = list(map(ExperimentReader, paths))
    if len(paths) > _SIDE_BY_SIDE or options.for_tables:
        parents = (os.path.dirname(path.rstrip("/" + os.sep)) or os.curdir for path in paths)
        from meticulous_cli.table.overview import overview

        options.paths, options.chosen = list(dict.fromkeys(parents)), paths
        table = overview(options, style)
        if options.for_tables or not style.terminal:
            return table
        from meticulous_cli.compare.compare import compare_ends

        return f"{table}\n\n{compare_ends(readers, style)}".rstrip()
    if len(readers) == 1:
        from meticulous_cli.page.page import page

        return page(readers[0], style)
    from meticulous_cli.compare.compare import compare

    return compare(readers, style)


def _complain(error: CommandError) -> int:
    from meticulous_cli.show.style import CYAN, Style
    from meticulous_cli.show.text import cut, plain

    print(f"meticulous: {cut(plain(error.message), _MESSAGE_WIDTH)}", file=sys.stderr)
    if error.instead:
        command = Style(sys.stderr).paint(cut(plain(error.instead), _MESSAGE_WIDTH), CYAN)
        print(f"  try: {command}", file=sys.stderr)
    return error.code


def run() -> None:
    """Run the command as a program, and end it without freeing what it read, object by object."""
    gc.disable()  # of 100,000 experiments, to look for what refers to itself took 13 % of the time
    os._exit(main())


if __name__ == "__main__":
    run()
