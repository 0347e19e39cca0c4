"""What the recorder has to say while a run goes on: log lines, never exceptions."""

from __future__ import annotations

import logging
import os
import sys

logger = logging.getLogger("meticulous")
logger.addHandler(logging.NullHandler())


def warn_once(told: set[int | None], path: os.PathLike[str], error: OSError) -> None:
    """Say that a file of the record cannot be written, if nothing of the kind is in `told` yet."""
    if error.errno not in told:
        told.add(error.errno)  # first, for what is said may be printed, and so come here again
        warn(
            f"cannot write {os.fspath(path)!r} ({error.strerror}): the run goes on, and what cannot be "
            "written is missing from its record"
        )


def warn(message: str) -> None:
    """Say that something of the record is being lost; never raises.

    The line goes to the `meticulous` logger. In a program that set up no logging, or whose set-up disabled
    the loggers that were there before, it goes to standard error instead: a record with holes must
    not look like a whole one.
    """
    try:
        logger.warning(message)
        handlers = [] if logger.disabled else logger.handlers + logging.root.handlers
        heard = any(not isinstance(handler, logging.NullHandler) for handler in handlers)
        if not heard and sys.stderr is not None:
            sys.stderr.write(f"meticulous: {message}\n")
    except Exception:  # noqa: BLE001, S110 - a closed or broken standard error must not end the run either
        pass
