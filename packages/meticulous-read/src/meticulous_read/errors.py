"""The exceptions of the reader, each with its facts as attributes.

What is wrong *inside* an experiments directory is never raised: it is listed in `problems`.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["ExperimentNotFoundError", "ExperimentsDirectoryError", "MeticulousError"]


class MeticulousError(Exception):
    """Whatever meticulous_read raises on purpose."""


class ExperimentsDirectoryError(MeticulousError):
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
        return f"cannot list the experiments directory {self.path!r}: {self.reason}"


class ExperimentNotFoundError(MeticulousError, KeyError):
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
        where = " or ".join(map(repr, self.directories)) or "no directory"
        hint = f"; did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        return f"no experiment {self.experiment_id!r} in {where}{hint}"
