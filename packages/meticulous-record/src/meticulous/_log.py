"""What the recorder has to say while a run goes on: log lines, never exceptions."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import TYPE_CHECKING

from meticulous.errors import quoted

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["logger", "warn", "warn_unwritten"]

logger = logging.getLogger("meticulous")
logger.addHandler(logging.NullHandler())


_said: set[tuple[str, str]] = set()


def warn(message: str, *, kind: str = "", about: os.PathLike[str] | str = "") -> None:
    """Say that something of the record is being lost, once of each `kind` that is `about` it; never raises.

    The line goes to the `meticulous` logger, whose record has the `kind`. In a program that set up no
    logging, or whose set-up disabled the loggers that were there before, it goes to standard error instead:
    a record with holes must not look like a whole one.
    """
    if about:
        if (kind, str(about)) in _said:
            return
        _said.add((kind, str(about)))  # first, for what is said may be printed, and so come here again
    with contextlib.suppress(Exception):  # a closed or broken standard error must not end the run either
        logger.warning(message, extra={"kind": kind})
        handlers = [] if logger.disabled else logger.handlers + logging.root.handlers
        heard = any(not isinstance(handler, logging.NullHandler) for handler in handlers)
        if not heard and sys.stderr is not None:
            sys.stderr.write(f"meticulous: {message}\n")


def warn_unwritten(path: Path, error: OSError) -> None:
    """Say that a file of the record cannot be written, once for each reason."""
    warn(
        f"cannot write {quoted(path)} ({error.strerror}): the run goes on, and what cannot be "
        "written is missing from its record",
        kind=f"unwritten {error.errno}",
        about=path.parent,
    )
