"""What a path that somebody typed stands for: an experiment, or a directory of them."""

from __future__ import annotations

import os
import stat

from meticulous_cli._errors import DATA, CommandError

__all__ = ["is_experiment"]

_SIGNS = ("metadata.json", "STATUS", "args.json")


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
