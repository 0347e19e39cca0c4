"""Reading with a word on how far it is, for those who wait at a terminal."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Sequence

from meticulous_read import ExperimentReader, Experiments

__all__ = ["read_experiments"]

# Who has the answer within this time is told nothing; later the count is renewed as often as one can read.
_PATIENCE = 0.5
_RENEWAL = 0.1


def read_experiments(paths: Sequence[str]) -> Experiments[ExperimentReader]:
    """Return the experiments in a directory, or in several as one.

    Where it takes long, and standard error is a terminal, a line there counts; it is gone in the end.

    Raises:
        ExperimentsDirectoryError: a directory cannot be listed.
    """
    where = paths[0] if len(paths) == 1 else paths
    if not (sys.stderr and sys.stderr.isatty()):
        return Experiments(where)
    counter = _Counter(sum(map(_entries, paths)))

    class Counted(ExperimentReader):
        def __init__(self, directory: str | os.PathLike[str]) -> None:
            super().__init__(directory)
            counter.count()

    try:
        return Experiments(where, reader=Counted)
    finally:
        counter.clear()


class _Counter:
    """A line on standard error that counts, and then goes away."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._numbers = itertools.count(1)  # by which even several threads never count the same
        self._next = time.monotonic() + _PATIENCE
        self._shown = 0

    def count(self) -> None:
        number = next(self._numbers)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _RENEWAL
        text = f"reading {number:,} of {self._total:,} experiments"
        self._shown = max(self._shown, len(text))
        sys.stderr.write(f"\r{text}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write(f"\r{' ' * self._shown}\r")
            sys.stderr.flush()


def _entries(path: str) -> int:
    try:
        return sum(not name.startswith(".") for name in os.listdir(path))
    except (OSError, ValueError):
        return 0  # the reader says better what is wrong
