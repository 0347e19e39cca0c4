"""The one way in which a file that readers may be reading is replaced."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

__all__ = ["discard_unfinished", "replace", "write_all"]

_unfinished: set[Path] = set()


def replace(path: Path, data: bytes, *, sync_folder: bool = True) -> None:
    """Give `path` the content `data`, whole or not at all (spec 1.0, atomic replacement).

    Readers see the old content or the new one. The new one is on disk before the name points to it, and
    survives a power loss after this returns; without `sync_folder`, after the next one there that has it. A
    failed write leaves the old content, and no litter.

    Raises:
        OSError: the folder is gone, full, or cannot be written.
    """
    temporary = path.parent / f".{path.name}.{os.urandom(6).hex()}"
    # 0o666 less the umask, as `open` does: colleagues read each other's runs.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    _unfinished.add(temporary)
    try:
        descriptor = os.open(temporary, flags, 0o666)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _rename(temporary, path)
    except BaseException:
        _unlink(temporary)
        raise
    finally:
        _unfinished.discard(temporary)
    if sync_folder:
        _sync_folder(path.parent)


def discard_unfinished() -> None:
    """Delete what `replace` has not finished, for a process that is about to be ended in the midst of it."""
    for temporary in _unfinished.copy():
        _unlink(temporary)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls that takes.

    Raises:
        OSError: as `os.write`.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


def _unlink(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


def _rename(source: Path, target: Path) -> None:
    # Windows refuses to replace a file that somebody has open at that moment; readers close theirs soon.
    for _ in range(50 if sys.platform == "win32" else 0):
        try:
            os.replace(source, target)
        except PermissionError:
            time.sleep(0.01)
        else:
            return
    os.replace(source, target)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # a directory cannot be opened there, nor does its entry need it
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # a folder that may be written but not read
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse to sync a folder; the file itself is safe
    finally:
        os.close(descriptor)
