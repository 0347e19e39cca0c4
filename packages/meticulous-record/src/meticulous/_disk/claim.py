"""The claim on an experiment that is there already: one process at a time goes on with it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from meticulous import _format

__all__ = ["Claim"]

# It lasts for the milliseconds until metadata.json and STATUS are rewritten; or its owner was killed.
_STALE_SECONDS = 60


class Claim:
    """A file that exists once (spec 1.0, resuming).

    A file that was just made says what time it is for the file system. All other times there are compared
    with that: this machine's clock may go ahead, and a live run would look silent for long.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _format.RESUME_CLAIM
        self.time = 0.0
        """When it was made, by the clock of the file system."""

    def take(self) -> bool:
        """Make the file; False where another process has it, or nothing can be written."""
        for _ in range(2):
            try:
                self.time = _make(self._path)
                return True
            except FileExistsError:
                if not self._is_stale():
                    return False
                self.release()
            except OSError:
                return False
        return False

    def release(self) -> None:
        """Delete the file."""
        _delete(self._path)

    def _is_stale(self) -> bool:
        probe = self._path.with_name(f"{self._path.name}.{os.urandom(6).hex()}")
        try:
            return _make(probe) - os.lstat(self._path).st_mtime > _STALE_SECONDS
        except OSError:
            return False  # its owner has just released it: the experiment runs
        finally:
            _delete(probe)


def _make(path: Path) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
