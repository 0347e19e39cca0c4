"""The command: options → what is asked for → standard output, and one line for each mistake."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.options import parse_options

if TYPE_CHECKING:
    from meticulous_cli.show.style import Style

__all__ = ["main"]

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_MESSAGE_WIDTH = 1000  # what was typed may be of any length


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 1 (nothing to show, bad data), 2 (usage)."""
    # Recorded names may be no text in the terminal's encoding; that is no reason to show nothing.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdout is None:  # as after `>&-` in a shell
        return _complain("standard output is closed", DATA)
    try:
        try:
            text, code = _answer(sys.argv[1:] if arguments is None else list(arguments))
        except SystemExit:  # --help has been printed, but need not have got anywhere yet
            text, code = "", 0
        if text:
            print(text)
        sys.stdout.flush()
    except CommandError as error:
        return _complain(error.message, error.code)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever reads us has seen enough. What is still buffered must not fail again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _complain(f"cannot write: {error.strerror}", DATA)
    return code


def _answer(arguments: list[str]) -> tuple[str, int]:
    """Return what is to be printed, if anything, and the exit code."""
    options = parse_options(arguments)
    if options.version:
        from importlib.metadata import version

        return f"meticulous {version('meticulous-cli')}", 0
    # Imported late, so that --help and a mistyped option answer at once.
    if options.validate:
        from meticulous_cli.validate.validate import validate

        if options.for_tables:
            raise CommandError(f"{options.for_tables[0]} is for tables, and --validate makes none", USAGE)
        return validate(options.paths)
    from meticulous_cli.paths import is_experiment
    from meticulous_cli.show.style import Style
    from meticulous_cli.table.overview import overview

    style = Style(sys.stdout)
    if not any(map(is_experiment, options.paths)):
        return overview(options, style), 0
    if options.for_tables:
        what = "is an experiment" if len(options.paths) == 1 else "are experiments"
        paths = " and ".join(options.paths)
        raise CommandError(f"{options.for_tables[0]} is for tables, and {paths} {what}", USAGE)
    return _experiments(options.paths, style), 0


def _experiments(paths: Sequence[str], style: Style) -> str:
    """Return the page of one experiment, or the comparison of several."""
    from meticulous_read import ExperimentReader

    from meticulous_cli.compare.compare import compare
    from meticulous_cli.page.page import page
    from meticulous_cli.paths import is_experiment

    for path in paths:
        if not is_experiment(path):
            what = "is not an experiment, as others here are" if os.path.lexists(path) else "is not there"
            raise CommandError(f"{path} {what}: name experiments directories, or experiments", USAGE)
    seen: dict[str, str] = {}
    for path in paths:
        same = seen.setdefault(os.path.realpath(path), path)
        if same is not path:
            raise CommandError(f"{same} and {path} are the same experiment: name each once", USAGE)
    readers = list(map(ExperimentReader, paths))
    return page(readers[0], style) if len(readers) == 1 else compare(readers, style)


def _complain(message: str, code: int) -> int:
    from meticulous_cli.show.text import cut, plain

    print(f"meticulous: {cut(plain(message), _MESSAGE_WIDTH)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
