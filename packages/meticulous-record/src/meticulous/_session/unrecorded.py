"""A process that records nothing: with `norecord`, or beside the one that records."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from meticulous import _log
from meticulous._disk.folder import ExperimentFolder
from meticulous._session import ending
from meticulous._session.hooks import Ends, process
from meticulous.errors import quoted

__all__ = ["Copy", "Unrecorded"]

# For which other ranks wait until rank 0 has made the folder.
_RANK_0_SECONDS = 60


class Unrecorded(Ends):
    """In the place of a session; only the program's own files go somewhere.

    That is `path`; else the folder `awaited`, once it is there; else one that is deleted at the end.
    """

    def __init__(self, path: Path | None = None, awaited: Path | None = None) -> None:
        self.path = path
        self.awaited = awaited

    @property
    def experiment_id(self) -> str | None:
        """The name of the folder, if it is an experiment's."""
        return None if self.awaited is None else self.awaited.name

    @property
    def directory(self) -> Path:
        """The folder; the first look waits for it, for a minute."""
        if self.path is not None:
            return self.path
        if self.awaited is None:
            return self.make_scratch("no experiment_id names the folder of the process that records")
        if not ExperimentFolder(self.awaited).is_started_within(_RANK_0_SECONDS):
            why = f"nothing has been started in {quoted(self.awaited)} for {_RANK_0_SECONDS} seconds"
            return self.make_scratch(why)
        self.path = self.awaited
        return self.path

    def make_scratch(self, why: str = "") -> Path:
        """Make a folder that is deleted at the end, with a warning if there is something to say."""
        self.path, self.awaited = Path(tempfile.mkdtemp(prefix="meticulous-norecord-")), None
        ending.watch(self)
        if why:
            _log.warn(f"{why}: its files go to {quoted(self.path)}, which is deleted at the end")
        return self.path

    def summary(self, values: Any, *, update: bool) -> None:
        """Record nothing."""

    def end(self, status: str) -> None:
        """Delete the folder, if this process has made it."""
        if self in process.sessions and self.path is not None:
            ending.unwatch(self)
            shutil.rmtree(self.path, ignore_errors=True)

    def __reduce__(self) -> tuple[type[Copy], tuple[Path | None, Path | None]]:
        """Return what a pickled one is in another process."""
        return Copy, (self.path, self.awaited)


class Copy(Unrecorded):
    """What a pickled session is in another process: its folder."""

    def summary(self, values: Any, *, update: bool) -> None:
        """Say that it is not recorded."""
        _log.warn("summary() of a copy in another process is not recorded", kind="copy", about="copies")
