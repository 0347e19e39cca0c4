"""What can go wrong before a run starts, or through a wrong call; each error says what, where and what to do.

After the start nothing of the recorder's own I/O raises (see `_log`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

__all__ = [
    "ArgumentsError",
    "DirtyRepoException",
    "ExperimentIdError",
    "ExperimentRunningError",
    "ExperimentsDirectoryError",
    "MeticulousError",
    "MismatchedArgsException",
    "MismatchedCommitException",
    "OptionsError",
    "RepositoryError",
    "ReservedFileError",
    "SummaryError",
]


class MeticulousError(Exception):
    """The base of all errors of the recorder. It survives pickling, as errors of worker processes must.

    Attributes:
        path: the file, folder or repository concerned, or None.
        expected: what was needed there, or None.
        found: what was there instead, or None.
    """

    def __init__(self, message: str, *, path: Any = None, expected: Any = None, found: Any = None) -> None:
        super().__init__(message)
        self.path = path
        self.expected = expected
        self.found = found


class OptionsError(MeticulousError, ValueError):
    """Options that contradict each other, or a value that no option can have."""


class ArgumentsError(MeticulousError, TypeError):
    """Arguments, or a parser, of a kind that the recorder cannot take."""


class RepositoryError(MeticulousError):
    """There is no commit to record: no repository, no commit in it, no git, or git refuses to read it."""


class DirtyRepoException(RepositoryError):
    """Code would run that is in no commit; `found` lists the files, relative to the repository's root."""


class ExperimentsDirectoryError(MeticulousError, OSError):
    """The experiments directory cannot be made or written."""

    # OSError takes its message from `errno` and `strerror`; this one has a sentence of its own.
    def __str__(self) -> str:
        return str(self.args[0])


class ExperimentIdError(MeticulousError, ValueError):
    """An experiment id that cannot be the name of a folder everywhere (spec 1.0, ids)."""


class ExperimentRunningError(MeticulousError):
    """The experiment to resume is still running, or may be."""


class MismatchedArgsException(MeticulousError):
    """The experiment to resume ran with other arguments: `expected` (recorded) and `found` (now)."""


class MismatchedCommitException(MeticulousError):
    """The experiment to resume ran from another commit: `expected` (recorded) and `found` (now)."""


class ReservedFileError(MeticulousError, ValueError):
    """The program asked for a file that the recorder itself writes, or for one outside the experiment."""


class SummaryError(MeticulousError, TypeError):
    """A summary that is not a mapping."""


def listed(items: Iterable[str]) -> str:
    """Return what a sentence names: ten at most, and how many more there are."""
    words = list(items)
    return ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")


def quoted(name: Any) -> str:
    """Return a path or a name in quotes, as `repr` does, but with each backslash of Windows once."""
    return repr(os.fspath(name) if isinstance(name, os.PathLike) else name).replace("\\\\", "\\")
