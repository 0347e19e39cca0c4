"""A folder for the files of a program that records nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["Scratch"]


class Scratch:
    """A new folder, there until `end`, or until the process that made it ends.

    Not `tempfile.TemporaryDirectory`: a forked child that ends would delete it under its parent.
    """

    survived = ""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="meticulous-norecord-"))
        self._remove = weakref.finalize(self, _remove, self.path, os.getpid())

    def end(self, status: str = "") -> None:
        """Delete it, however the program ends."""
        self._remove()

    def check(self) -> None:
        """Do nothing: it is only a folder."""

    def note(self, status: str) -> None:
        """Do nothing: the program may go on."""


def _remove(path: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
