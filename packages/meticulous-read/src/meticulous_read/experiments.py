"""A directory of experiments as a mapping of id → reader."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from meticulous_read import _frame
from meticulous_read._files import reason_of
from meticulous_read.errors import ExperimentsDirectoryError
from meticulous_read.experiment import ExperimentReader

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Experiments"]

Reader = TypeVar("Reader", bound=ExperimentReader)


class Experiments(Mapping[str, Reader], Generic[Reader]):
    """The experiments in a directory, as of when they were read, by id and ordered by their start.

    Each folder is there, whatever its state; files, and names that start with a dot, are not. Experiments
    without a known start come first. A symbolic link to a folder is read, and `problems` says that it is one.

    Args:
        experiments_directory: the directory.
        project_directory: what a relative `experiments_directory` is relative to.
        reader: the class that reads one folder.

    Raises:
        ExperimentsDirectoryError: the directory cannot be listed.
    """

    @overload
    def __init__(
        self: Experiments[ExperimentReader],
        experiments_directory: str | os.PathLike[str] = ...,
        *,
        project_directory: str | os.PathLike[str] = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        experiments_directory: str | os.PathLike[str] = ...,
        *,
        project_directory: str | os.PathLike[str] = ...,
        reader: type[Reader],
    ) -> None: ...

    def __init__(
        self,
        experiments_directory: str | os.PathLike[str] = "experiments",
        *,
        project_directory: str | os.PathLike[str] = "",
        reader: type[Any] = ExperimentReader,
    ) -> None:
        self.directory = os.path.join(project_directory, experiments_directory)
        self._reader = reader
        self._readers: dict[str, Reader] = {}
        self._orders: dict[str, tuple[float, list[str | int]]] = {}
        self.refresh_experiments()

    def __getitem__(self, experiment_id: str) -> Reader:
        return self._readers[experiment_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.directory!r}: {len(self)}>"

    def refresh_experiments(self) -> None:
        """Look for new, changed and removed experiments; only what is new or changed is read.

        A changed experiment gets a new reader; the one you hold stays as it was. If the directory cannot be
        listed any more, ExperimentsDirectoryError is raised and everything stays as it was.
        """
        readers, orders = [], {}
        for name, is_link in _folders(self.directory):
            reader = self._readers.get(name)
            order = self._orders.get(name)
            if reader is None or order is None or reader.has_changed():
                reader = self._reader(os.path.join(self.directory, name))
                if is_link:
                    reader._note("", ["a symbolic link to a folder elsewhere"])
                order = _by_start(reader)
            readers.append((name, reader))
            orders[name] = order
        readers.sort(key=lambda item: orders[item[0]])
        self._readers, self._orders = dict(readers), orders

    def as_dataframe(self, normalize_json_values: int = 0) -> pd.DataFrame:
        """Return one row for each experiment, by the index `expid`, in natural order: 2 stands before 10.

        Columns have two levels, such as `("args", "lr")`: `header` (status, times, sha and the like; there
        even without experiments), `args`, `default_args`, `metadata`, `summary`. Objects in them stay Python
        values, or become columns (`best.loss`) down to `normalize_json_values` levels. In `summary`, the
        strings "NaN", "Infinity" and "-Infinity" are the floats that they stand for.
        """
        # Columns stand in the order in which they were first seen, that is in the order of starts.
        rows = {name: reader.row() for name, reader in self.items()}
        frame = _frame.make_frame(list(rows), list(rows.values()), normalize_json_values)
        return frame.loc[sorted(rows, key=_natural)]


def _folders(directory: str) -> list[tuple[str, bool]]:
    """Return the names that stand for experiments, and whether each is a symbolic link.

    Only a link is asked for what it leads to; one that leads nowhere is kept, as its experiment may be away.
    """
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    is_link = entry.is_symlink()
                    if entry.is_dir() or (is_link and not entry.is_file() and not os.path.exists(entry.path)):
                        found.append((entry.name, is_link))
                except OSError:  # a loop of links, or an entry that may not even be looked at
                    found.append((entry.name, is_link))
    except (OSError, ValueError) as error:
        raise ExperimentsDirectoryError(directory, reason_of(error)) from None
    return found


def _by_start(reader: ExperimentReader) -> tuple[float, list[str | int]]:
    start = reader.start_time
    return (start.timestamp() if start else float("-inf"), _natural(reader.experiment_id))


def _natural(name: str) -> list[str | int]:
    """Return a sorting key that compares runs of digits as numbers (text at even places, numbers at odd)."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", name))]
