"""A frame as a new file or on standard output, in the kind that is asked for."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from meticulous_cli.errors import USAGE, CommandError
from meticulous_cli.export.newfile import refuse_existing, write_new
from meticulous_cli.show.text import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EXPORT_KINDS", "STANDARD_OUTPUT", "TEXT_KINDS", "export", "export_kind"]

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
TEXT_KINDS = tuple(kind for kind in EXPORT_KINDS if kind not in ("parquet", "pickle"))
STANDARD_OUTPUT = "-"


def export(frame: pd.DataFrame, target: str, *, kind: str | None = None, flat_cols: bool = False) -> None:
    """Write a frame as `Experiments.as_dataframe` gives it to a new file, or to standard output for "-".

    Args:
        frame: all of it or some of its rows and columns; an index without a name is left out.
        target: the file's name, or "-".
        kind: one of EXPORT_KINDS; by default what the name's suffix says.
        flat_cols: one row of names such as `args.lr`, where there are two levels of them otherwise.

    Raises:
        CommandError: as `export_kind`, or the file cannot be written. There is then no file.
    """
    kind = export_kind(target, kind)
    from meticulous_cli.export.encoders import (
        encoded,  # late, as it needs pandas, and a mistyped name should not wait
    )

    data = encoded(frame, kind, flat_cols=flat_cols)
    if target != STANDARD_OUTPUT:
        write_new(target, data)
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
    known = ", ".join(_SUFFIXES)
    if target == STANDARD_OUTPUT:
        if kind is None:
            kinds = ", ".join(EXPORT_KINDS)
            raise CommandError(f"--export - needs --export-format, which is one of {kinds}", USAGE)
        if kind not in TEXT_KINDS and sys.stdout.isatty():
            raise CommandError(f"{kind} is not for a terminal: send it to a file or through a pipe", USAGE)
        return kind
    suffix = os.path.splitext(target)[1]
    if kind is None:
        kind = _SUFFIXES.get(suffix.lower())
    if kind is None:
        said = f"the suffix {suffix} says" if suffix else "without a suffix nothing says"
        no_kind = "no kind of file that is known" if suffix else "what kind of file it is to be"
        raise CommandError(
            f"cannot export to {target}: {said} {no_kind}; end it in one of {known}, or add --export-format",
            USAGE,
        )
    refuse_existing(target)
    return kind
