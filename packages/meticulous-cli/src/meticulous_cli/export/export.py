"""A frame as a new file or on standard output, in the kind that is asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.show.text import plain

if TYPE_CHECKING:
    import pandas as pd

_SUFFIXES = {
    ".csv": "csv",
    ".json": "json",
    ".md": "md",
    ".tex": "tex",
    ".parquet": "parquet",
    ".pd": "pickle",
    ".pkl": "pickle",
    ".pickle": "pickle",
}
EXPORT_KINDS = tuple(dict.fromkeys(_SUFFIXES.values()))
STANDARD_OUTPUT = "-"
_BINARY = ("parquet", "pickle")
# What other programs read best with one row of names; the others keep the two levels of the frame.
_FLAT = ("csv", "parquet")


def export(
    frame: pd.DataFrame, target: str, *, kind: str | None = None, flat_cols: bool | None = None
) -> None:
    """Write a frame as `Experiments.as_dataframe` gives it to a new file, or to standard output for "-".

    Args:
        frame: all of it or some of its rows and columns; an index without a name is left out.
        target: the file's name, or "-".
        kind: one of EXPORT_KINDS; by default what the name's suffix says.
        flat_cols: one row of names such as `args.lr` instead of two levels of them; by default in csv.

    Raises:
        CommandError: as `export_kind`, or the file cannot be written. There is then no file.
    """
    kind = export_kind(target, kind)
    # Late, as it needs pandas, and a mistyped name should not wait.
    from meticulous_cli.export.encoders import encoded

    data = encoded(frame, kind, flat_cols=kind in _FLAT if flat_cols is None else flat_cols)
    if target != STANDARD_OUTPUT:
        _write_new(target, data)
    elif sys.stdout.isatty():
        print("\n".join(map(plain, data.decode().split("\n"))), end="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)


def export_kind(target: str, kind: str | None = None) -> str:
    """Return the kind that an export will have, once it is clear that it may be made.

    It can be asked before there is a frame; `export` asks again, and a file that came in between is safe.

    Raises:
        CommandError: the kind is not known, not for a terminal, or the target exists.
    """
    if target == STANDARD_OUTPUT:
        if kind is None:
            kinds = ", ".join(EXPORT_KINDS)
            raise CommandError(f"--export - needs --export-format, which is one of {kinds}", USAGE)
        if kind in _BINARY and sys.stdout.isatty():
            raise CommandError(f"{kind} is not for a terminal: send it to a file or through a pipe", USAGE)
        return kind
    kind = kind or _SUFFIXES.get(os.path.splitext(target)[1].lower())
    if kind is None:
        known = ", ".join(_SUFFIXES)
        message = f"the suffix of {target} is none that is known"
        raise CommandError(f"{message}: end it in one of {known}, or add --export-format", USAGE)
    if os.path.lexists(target):
        raise _taken(target)
    return kind


def _write_new(path: str, data: bytes) -> None:
    """Write a file that was not there before; what fails or is interrupted leaves none.

    Raises:
        CommandError: the name is taken, or the file cannot be written.
    """
    made = False
    try:
        with open(path, "xb") as file:
            made = True
            file.write(data)
        made = False
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(f"cannot write {path}: {reason}; nothing was written", DATA) from None
    finally:
        if made:  # and then it failed, or Ctrl-C came
            os.unlink(path)


def _taken(path: str) -> CommandError:
    return CommandError(f"{path} exists and is never replaced", USAGE)
