"""What is raised, and what is only listed.

    Exception
    └── ReaderError
        ├── ExperimentsDirectoryError       a directory cannot be listed
        └── ExperimentNotFoundError         no experiment has this id (also a KeyError)

What is wrong *inside* an experiments directory is never raised: it is a `Problem` of an experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["ExperimentNotFoundError", "ExperimentsDirectoryError", "Problem", "ReaderError", "Remark"]

Remark = tuple[str, str]
"""The kind and the message of a problem, before its file is known."""


class ReaderError(Exception):
    """Base class of all errors that meticulous_read raises on purpose."""


class ExperimentsDirectoryError(ReaderError):
    """The experiments directory itself cannot be listed.

    Attributes:
        path: the directory, as it was given.
        reason: why, in a few words.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot list the experiments directory {quoted(self.path)}: {self.reason}"


class ExperimentNotFoundError(ReaderError, KeyError):
    """There is no experiment of that id. A KeyError, as for every mapping.

    Attributes:
        experiment_id: what was asked for.
        directories: where it was looked for.
        near: ids that may have been meant.
    """

    def __init__(self, experiment_id: object, directories: Sequence[str], near: Sequence[str] = ()) -> None:
        super().__init__(experiment_id, directories, near)
        self.experiment_id = experiment_id
        self.directories = directories
        self.near = near

    def __str__(self) -> str:
        where = " or ".join(map(quoted, self.directories)) or "no directory"
        hint = f"; did you mean {' or '.join(map(quoted, self.near))}?" if self.near else ""
        return f"no experiment {quoted(self.experiment_id)} in {where}{hint}"


class Problem(NamedTuple):
    """One thing in an experiment's folder that could not be read, or not as it stands."""

    file: str
    """The file's name in the experiment, "" for the folder as a whole."""

    kind: str
    """A word for programs, which stays the same when the message is worded anew.

    A file that was not read: `missing`, `unreadable`, `not-a-file`, `too-large`, `empty`, `not-utf-8`,
    `not-json`, `cut-off`, `not-an-object`, `too-deep`. One that was read, with a part in doubt:
    `byte-order-mark`, `repeated-key`, `bare-token`, `too-many-keys`, `not-a-version`, `newer-version`,
    `not-a-time`, `time-form`, `end-before-start`, `unknown-status`. The folder as a whole: `no-folder`,
    `no-record`, `link`.
    """

    message: str
    """A few words for people, without the file's name."""

    def __str__(self) -> str:
        return f"{self.file}: {self.message}" if self.file else self.message


def quoted(name: object) -> str:
    """Return a path or a name in quotes, as `repr` does, but with each backslash of Windows once."""
    return repr(name).replace("\\\\", "\\")
