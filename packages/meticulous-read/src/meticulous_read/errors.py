"""The exceptions of the reader, each with its facts as attributes.

What is wrong *inside* an experiments directory is never raised: it is listed in `problems`.
"""

from __future__ import annotations

__all__ = ["ExperimentsDirectoryError", "MeticulousError"]


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
