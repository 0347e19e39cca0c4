"""Directories of experiments as a mapping of id → reader."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from meticulous_read import _frame
from meticulous_read._files import reason_of
from meticulous_read._patience import do_each
from meticulous_read.errors import ExperimentNotFoundError, ExperimentsDirectoryError
from meticulous_read.experiment import ExperimentReader

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Experiments"]

Reader = TypeVar("Reader", bound=ExperimentReader)
Directory = str | os.PathLike[str]


class Experiments(Mapping[str, Reader], Generic[Reader]):
    """The experiments in one directory, or in several, as of when they were read, ordered by their start.

    A mapping of id → reader. With several directories, ids begin with the directory: `runs/3`. Each folder
    is there, whatever its state; files, and names that start with a dot, are not. Experiments without a
    known start come first. A symbolic link to a folder is read, and `problems` says so. Threads read several
    folders at a time from a slow file system.

    Args:
        experiments_directory: the directory, or an iterable of them.
        project_directory: what a relative `experiments_directory` is relative to.
        reader: the class that reads one folder.

    Attributes:
        directories: the directories, by the beginning of their ids ("" for a single one).

    Raises:
        ExperimentsDirectoryError: a directory cannot be listed.
    """

    @overload
    def __init__(
        self: Experiments[ExperimentReader],
        experiments_directory: Directory | Iterable[Directory] = ...,
        *,
        project_directory: Directory = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        experiments_directory: Directory | Iterable[Directory] = ...,
        *,
        project_directory: Directory = ...,
        reader: type[Reader],
    ) -> None: ...

    def __init__(
        self,
        experiments_directory: Directory | Iterable[Directory] = "experiments",
        *,
        project_directory: Directory = "",
        reader: type[Any] = ExperimentReader,
    ) -> None:
        self.directories: dict[str, str]
        if isinstance(experiments_directory, (str, os.PathLike)):
            self.directories = {"": os.path.join(project_directory, experiments_directory)}
        else:
            self.directories = {
                f"{os.fspath(directory).rstrip('/' + os.sep)}/": os.path.join(project_directory, directory)
                for directory in experiments_directory
            }
        self._reader = reader
        self._known: dict[str, Reader] = {}
        self.refresh_experiments()

    def __getitem__(self, experiment_id: str | int) -> Reader:
        """Return an experiment by its id, 3 being "3"; else raise ExperimentNotFoundError, a KeyError."""
        try:
            return self._known[str(experiment_id) if isinstance(experiment_id, int) else experiment_id]
        except KeyError:
            near = [f"{prefix}{experiment_id}" for prefix in self.directories]
            near = [key for key in near if key in self._known]
            raise ExperimentNotFoundError(experiment_id, list(self.directories.values()), near) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(map(repr, self.directories.values()))}: {len(self)}>"

    def _repr_html_(self) -> str | None:
        """Return the table that a notebook shows: how the experiments stand, their arguments and results."""
        frame: Any = self.as_dataframe()
        header = ("state", "start_time", "duration")
        shown = [group in ("args", "summary") or name in header for group, name in frame.columns]
        return cast("str | None", frame.loc[:, shown]._repr_html_())

    @_frame.no_garbage_collection()
    def refresh_experiments(self) -> None:
        """Look for new, changed and removed experiments; only what is new or changed is read.

        A changed experiment gets a new reader; the one you hold stays as it was. If a directory cannot be
        listed any more, ExperimentsDirectoryError is raised and everything stays as it was.
        """
        found: dict[str, Reader] = {}
        for prefix, directory in self.directories.items():
            entries = _entries(directory)
            keys = [prefix + entry.name for entry in entries]
            looks = zip(keys, do_each(self._look, keys, entries))
            found |= {key: reader for key, reader in looks if reader is not None}
        self._known = dict(sorted(found.items(), key=_order))

    @_frame.no_garbage_collection()
    def as_dataframe(self, normalize_json_values: int = 0, *, flat: bool = False) -> pd.DataFrame:
        """Return one row for each experiment, by the index `expid`, in natural order: 2 stands before 10.

        Columns have two levels, such as `("args", "lr")`: `header` (status, times, sha and the like; there
        even without experiments), `args`, `default_args`, `metadata`, `summary`. Objects in them stay Python
        values, or become columns (`best.loss`) down to `normalize_json_values` levels. In `summary`, the
        strings "NaN", "Infinity" and "-Infinity" are the floats that they stand for. With `flat`, columns are
        named in one level, as in `args.lr`.
        """
        # Columns stand in the order in which they were first seen, that is in the order of starts.
        ids = list(self._known)
        rows = (reader.row() for reader in self._known.values())
        order = sorted(range(len(ids)), key=lambda place: _natural(ids[place]))
        return _frame.make_frame(ids, rows, order, normalize_json_values, flat=flat)

    def _look(self, key: str, entry: os.DirEntry[str]) -> Reader | None:
        """Return what reads a folder, made anew if there is anything new; None for what is none."""
        if not _may_be_experiment(entry):
            return None
        known = self._known.get(key)
        if known is not None and not known.has_changed():
            return known
        reader: Reader = self._reader(entry.path)
        if entry.is_symlink():
            reader._folder.note("", ("link", "a symbolic link to a folder elsewhere"))
        return reader


def _entries(directory: str) -> list[os.DirEntry[str]]:
    """Return what may be folders of experiments in a directory."""
    try:
        with os.scandir(directory) as entries:
            return [entry for entry in entries if entry.name[0] != "."]
    except (OSError, ValueError) as error:
        raise ExperimentsDirectoryError(directory, reason_of(error)) from None


def _may_be_experiment(entry: os.DirEntry[str]) -> bool:
    """Tell whether it is a folder, or a link that leads to one or nowhere: its experiment may be away."""
    try:
        return entry.is_dir() or (entry.is_symlink() and not os.path.exists(entry.path))
    except OSError:  # a loop of links, or an entry that may not even be looked at
        return True


def _order(item: tuple[str, ExperimentReader]) -> tuple[float, list[str | int]]:
    """Return the sorting key of an experiment among the others."""
    start = item[1].start_time
    return start.timestamp() if start else float("-inf"), _natural(item[0])


def _natural(name: str) -> list[str | int]:
    """Return a sorting key that compares runs of digits as numbers (text at even places, numbers at odd)."""
    if name.isdigit() and name.isascii():
        return ["", int(name), ""]
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", name))]
