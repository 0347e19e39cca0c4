"""A frame as a new file or on standard output, in the kind that is asked for."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from meticulous_cli.errors import DATA, USAGE, CommandError
from meticulous_cli.show.text import plain

if TYPE_CHECKING:
    import pandas as pd

STANDARD_OUTPUT = "-"


class Kind(NamedTuple):
    """A kind of file that an export can be."""

    suffixes: tuple[str, ...]
    flat: bool = False
    """Whether other programs read it best with one row of names; else it has the two levels of the frame."""
    binary: bool = False
    """Whether it is none for a terminal, and takes pandas' own types of columns."""
    paper: bool = False
    """Whether people read it, as the table on the screen."""


EXPORT_KINDS = {
    "csv": Kind((".csv",), flat=True),
    "json": Kind((".json",)),
    "md": Kind((".md",), paper=True),
    "tex": Kind((".tex",), paper=True),
    "parquet": Kind((".parquet",), flat=True, binary=True),
    "pickle": Kind((".pd", ".pkl", ".pickle"), binary=True),
}


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

    data = encoded(frame, kind, flat_cols=EXPORT_KINDS[kind].flat if flat_cols is None else flat_cols)
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
        if EXPORT_KINDS[kind].binary and sys.stdout.isatty():
            raise CommandError(f"{kind} is not for a terminal: send it to a file or through a pipe", USAGE)
        return kind
    if kind is None:
        kinds_of = {suffix: name for name, each in EXPORT_KINDS.items() for suffix in each.suffixes}
        kind = kinds_of.get(os.path.splitext(target)[1].lower())
        if kind is None:
            message = f"the suffix of {target} is none that is known: end it in one of {', '.join(kinds_of)}"
            raise CommandError(f"{message}, or add --export-format", USAGE)
    if os.path.lexists(target):
        raise CommandError(f"{target} exists and is never replaced", USAGE)
    return kind


def _write_new(path: str, data: bytes) -> None:
    """Write a file that was not there before; what fails or is interrupted leaves none.

    Raises:
        CommandError: the name is taken by now, or the file cannot be written.
    """
    with contextlib.ExitStack() as undo:
        try:
            with open(path, "xb") as file:
                undo.callback(os.unlink, path)
                file.write(data)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CommandError(f"cannot write {path}: {reason}; nothing was written", DATA) from None
        undo.pop_all()
