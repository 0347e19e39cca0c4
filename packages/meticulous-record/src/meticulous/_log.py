"""What the recorder has to say while a run goes on: log lines, never exceptions."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

__all__ = ["logger", "warn", "warn_unwritten"]

logger = logging.getLogger("meticulous")
logger.addHandler(logging.NullHandler())


def warn(message: str, *, kind: str = "", told: set[str] | None = None) -> None:
    """Say that something of the record is being lost, once for each `kind` in `told`; never raises.

    The line goes to the `meticulous` logger, whose record has the `kind`. In a program that set up no
    logging, or whose set-up disabled the loggers that were there before, it goes to standard error instead:
    a record with holes must not look like a whole one.
    """
    if told is not None:
        if kind in told:
            return
        told.add(kind)  # first, for what is said may be printed, and so come here again
    with contextlib.suppress(Exception):  # a closed or broken standard error must not end the run either
        logger.warning(message, extra={"kind": kind})
        handlers = [] if logger.disabled else logger.handlers + logging.root.handlers
        heard = any(not isinstance(handler, logging.NullHandler) for handler in handlers)
        if not heard and sys.stderr is not None:
            sys.stderr.write(f"meticulous: {message}\n")


def warn_unwritten(told: set[str], path: os.PathLike[str], error: OSError) -> None:
    """Say that a file of the record cannot be written, once for each reason."""
    warn(
        f"cannot write {os.fspath(path)!r} ({error.strerror}): the run goes on, and what cannot be "
        "written is missing from its record",
        kind=f"unwritten {error.errno}",
        told=told,
    )
