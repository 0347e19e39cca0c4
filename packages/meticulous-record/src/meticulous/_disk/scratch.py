"""A folder for the files of a program that records nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

__all__ = ["Scratch"]


class Scratch:
    """A new folder, there until `remove`, until this is dropped, or until the process that made it ends.

    Not `tempfile.TemporaryDirectory`: a forked child that ends would delete it under its parent.
    """

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="meticulous-norecord-"))
        self.remove = weakref.finalize(self, _remove, self.path, os.getpid())


def _remove(path: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
