"""What a path that somebody typed stands for: an experiment, or a directory of them."""

from __future__ import annotations

import itertools
import os
import stat

from meticulous_cli.errors import DATA, CommandError

__all__ = ["has_record", "is_experiment", "likely_directories"]

_SIGNS = ("metadata.json", "STATUS", "args.json")
_RECORDED = (*_SIGNS, "default_args.json", "summary.json", "stdout", "stderr")
# How many folders are looked into for one that may have been meant, and how much of each.
_LOOKS, _ENTRIES, _HINTS = 1000, 100, 3


def is_experiment(path: str) -> bool:
    """Tell whether there is one of the files in a folder that only experiments have.

    What is a folder itself is none of them: an experiment's id may be `STATUS`.

    Raises:
        CommandError: the folder may not be looked into.
    """
    for name in _SIGNS:
        try:
            if not stat.S_ISDIR(os.lstat(os.path.join(path, name)).st_mode):
                return True
        except PermissionError:
            raise CommandError(f"{path}: permission denied", DATA) from None
        except (OSError, ValueError):
            continue
    return False


def has_record(folder: str) -> bool:
    """Tell whether there is any recorded file in a folder; where one may not look, it is assumed."""
    for name in _RECORDED:
        try:
            if not stat.S_ISDIR(os.lstat(os.path.join(folder, name)).st_mode):
                return True
        except PermissionError:
            return True
        except OSError:
            continue
    return False


def likely_directories(path: str) -> list[str]:
    """Return some folders in a directory that hold experiments: one of them may have been meant."""
    likely = (folder for folder in _folders(path, _LOOKS) if any(map(has_record, _folders(folder, _ENTRIES))))
    return [os.path.normpath(folder) for folder in itertools.islice(likely, _HINTS)]


def _folders(path: str, most: int) -> list[str]:
    try:
        with os.scandir(path) as entries:
            found = [entry.path for entry in itertools.islice(entries, most) if entry.name[0] != "."]
    except OSError:
        return []
    return sorted(filter(os.path.isdir, found))
