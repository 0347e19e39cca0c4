"""One experiment's folder: the bytes of its files, how these looked when read, and what is wrong."""

from __future__ import annotations

import os
from typing import IO, Any

from meticulous_read import _files
from meticulous_read._format import ARGS, METADATA, STATUS
from meticulous_read.errors import Problem, Remark, quoted

__all__ = ["Folder"]

_REQUIRED = (METADATA, ARGS, STATUS)


class Folder:
    """The files in an experiment's folder, whatever state they are in.

    Attributes:
        given: the folder's path, as it was given.
        name: its last part, which is the experiment's id.
    """

    __slots__ = ("_path", "_problems", "_signatures", "given", "name")

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        path = os.path.abspath(directory)
        self.given = directory
        self.name = path.rpartition(os.sep)[2]
        self._path = path if path.endswith(os.sep) else path + os.sep
        self._problems: dict[str, list[Remark]] = {}
        self._signatures: dict[str, int | None] = {}

    def path_of(self, name: str) -> str:
        """Return the whole path of a file in it."""
        return self._path + name

    def read(self, name: str, *, optional: bool = False) -> bytes | None:
        """Return a file's bytes; None where there are none, which is a problem unless it is `optional`."""
        data, self._signatures[name], problem = _files.read_content(self._path + name)
        if problem or self._problems:
            self.note(name, None if optional and problem == _files.MISSING else problem)
        return data

    def read_output(self, name: str, *, optional: bool) -> str:
        """Return the text of stdout or stderr, at most its end; of a missing file, none."""
        data, _, problem = _files.read_content(self._path + name, _files.OUTPUT_LIMIT, only_end=True)
        self.note(name, None if optional and problem == _files.MISSING else problem)
        return (data or b"").decode(errors="replace")

    def open(self, name: str, mode: str, **options: Any) -> IO[Any]:
        """Open a file for reading, as `ExperimentReader.open` says."""
        if set(mode) - set("rtb"):
            raise ValueError(f"mode {mode!r}: a reader only reads; use 'r' or 'rb'")
        path = os.path.join(self._path, name)
        # Of what lies in the folder itself, only a link can lead out: on a network, each look takes time.
        is_inside = os.path.basename(name) == name not in ("", os.curdir, os.pardir)
        follow = not is_inside or os.path.islink(path)
        home = os.path.realpath(self._path) if follow else ""
        if follow and not os.path.realpath(path).startswith(os.path.join(home, "")):
            raise ValueError(
                f"{quoted(name)} leads out of the experiment's folder; if you trust it, open it yourself"
            )
        if "b" not in mode:
            options.setdefault("encoding", "utf-8")

        def opener(path: str, _flags: int) -> int:
            return _files.open_regular(path, follow=follow)

        return open(path, mode, opener=opener, **options)

    def note(self, name: str, *found: Remark | None) -> None:
        """Replace the problems of a file, "" being the folder; None is no problem."""
        if any(found):
            self._problems[name] = [remark for remark in found if remark]
        else:
            self._problems.pop(name, None)

    def note_also(self, name: str, remark: Remark) -> None:
        """Add to the problems of a file."""
        self._problems.setdefault(name, []).append(remark)

    def has_changed(self) -> bool:
        """Tell whether one of the files that were read does not look as it did."""
        for name, signature in self._signatures.items():
            if _files.signature_of(self._path + name) != signature:
                return True
        return False

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems file by file, or as one where all required files have the same."""
        found = [Problem(file, *remark) for file, remarks in self._problems.items() for remark in remarks]
        if not found or any(self._signatures.get(file) is not None for file in _REQUIRED):
            return tuple(found)
        reasons = {(kind, message) for file, kind, message in found if file in _REQUIRED}
        if len(reasons) != 1:
            return tuple(found)
        (reason,) = reasons
        if reason == _files.MISSING and os.path.isdir(self._path):
            reason = ("no-record", "has none of an experiment's files")
        elif reason == _files.MISSING:
            reason = ("no-folder", "no such folder")
        rest = [problem for problem in found if problem.file not in self._signatures]
        return (Problem("", *reason), *rest)
