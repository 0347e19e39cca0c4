"""The names that an experiment, and a program's file in it, may have."""

from __future__ import annotations

import os
import re
from pathlib import Path

from meticulous import _format
from meticulous.errors import ExperimentIdError, ReservedFileError, quoted

__all__ = ["check_experiment_id", "own_file"]

_ID = re.compile(_format.EXPERIMENT_ID_PATTERN)
_RESERVED = frozenset(name.lower() for name in (*_format.RECORDED_FILES, _format.RESUME_CLAIM))


def check_experiment_id(experiment_id: str) -> str:
    """Return `experiment_id` itself, if it can be the name of a folder on every system (spec 1.0, ids).

    Raises:
        ExperimentIdError: it can't.
    """
    if isinstance(experiment_id, str) and len(experiment_id) <= _format.EXPERIMENT_ID_LENGTH:
        is_reserved = experiment_id.partition(".")[0].upper() in _format.WINDOWS_RESERVED
        if _ID.fullmatch(experiment_id) and not experiment_id.endswith(".") and not is_reserved:
            return experiment_id
    raise ExperimentIdError(
        f"the experiment id {quoted(experiment_id)} cannot be the name of a folder everywhere: use letters, "
        f"digits, '.', '_' and '-', at most {_format.EXPERIMENT_ID_LENGTH}, a letter or digit first and no "
        "'.' last, and none of Windows' device names",
        expected=_format.EXPERIMENT_ID_PATTERN,
        found=experiment_id,
    )


def own_file(folder: Path, name: str | os.PathLike[str], *, for_reading: bool) -> Path:
    """Return the path of a file in `folder` that the program may open (spec 1.0, DIR-6).

    Raises:
        ReservedFileError: the recorder writes it itself and it is not for reading, or it lies outside.
    """
    # Only the name is made normal: the folder's own path may hold `..`, or lead through links.
    inside = Path(os.path.normpath(name))
    for parent in (folder, Path(os.path.normpath(folder))):
        if parent in (inside, *inside.parents):
            inside = inside.relative_to(parent)
    if inside.anchor or inside.parts[:1] in ((), ("..",)):
        raise ReservedFileError(
            f"{quoted(name)} is no file inside of the experiment's folder {quoted(folder)}: give a name "
            "relative to that, and open files elsewhere with the built-in open()",
            path=folder / inside,
        )
    # On some systems `status`, `STATUS.` and `STATUS::$DATA` are STATUS.
    plain = inside.name.partition(":")[0].rstrip(". ").lower()
    is_reserved = plain in _RESERVED or plain.startswith(_format.RESERVED_PREFIXES)
    if not for_reading and len(inside.parts) == 1 and is_reserved:
        raise ReservedFileError(
            f"{quoted(inside.name)} is a file that the recorder writes itself, or a later version does: "
            "choose another name, or open it for reading with open()",
            path=folder / inside,
        )
    return folder / inside
