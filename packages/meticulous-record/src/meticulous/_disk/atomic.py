"""The one way in which a file that readers may be reading is replaced."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from pathlib import Path

__all__ = ["is_open_elsewhere", "overwrite", "replace", "sync", "write_all"]


def replace(
    path: Path, data: bytes, *, is_synced: bool = True, sync_folder: bool = True, patience: float = 0.5
) -> None:
    """Give `path` the content `data`, whole or not at all (spec 1.0, atomic replacement).

    Readers see the old content or the new one. The new one is on disk before the name points to it, and
    survives a power loss after this returns; without `sync_folder`, after the next one there that has it;
    unless `is_synced`, after the next `sync`, and until then a power loss may leave an empty file. A failed
    write leaves the old content, and no litter. A signal that ends the process may leave a hidden file.

    Windows refuses to replace a file that somebody has open. That is tried for `patience` seconds.

    Raises:
        OSError: the folder is gone, full, or cannot be written.
    """
    temporary = path.parent / f".{path.name}.{os.urandom(6).hex()}"
    # 0o666 less the umask, as `open` does: colleagues read each other's runs.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, 0o666)
        try:
            write_all(descriptor, data)
            if is_synced:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _rename(temporary, path, patience)
    except BaseException:  # Ctrl-C comes here, too, and the program may go on after it
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    if is_synced and sync_folder:
        _sync_folder(path.parent)


def overwrite(path: Path, data: bytes) -> None:
    """Write `data` in the place of what is there, if it has room for it: on a full disk nothing else has.

    So it is where Windows refuses to replace a file that somebody reads. A reader may see half of it.

    Raises:
        OSError: it is not there, cannot be written, or has too little room.
    """
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        if len(data) > 512 * getattr(os.fstat(descriptor), "st_blocks", sys.maxsize):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_all(descriptor, data)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """Bring to the disk what `replace` has left for later, where that can be done."""
    _sync(path, os.O_RDWR)
    _sync_folder(path.parent)


def is_open_elsewhere(error: OSError) -> bool:
    """Whether Windows refuses since somebody has the file open: a viewer, a virus scanner, a sync client."""
    return getattr(error, "winerror", None) in (5, 32)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`, however many calls that takes.

    Raises:
        OSError: as `os.write`.
    """
    written = os.write(descriptor, data)
    while written < len(data):
        data = data[written:]
        written = os.write(descriptor, data)


def _rename(source: Path, target: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return os.replace(source, target)
        except OSError as error:
            if not is_open_elsewhere(error) or time.monotonic() >= deadline:
                raise
        time.sleep(0.01)


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # a directory cannot be opened there, nor does its entry need it
        _sync(folder, os.O_RDONLY, reaches_drive=True)


def _sync(path: Path, flags: int, *, reaches_drive: bool = False) -> None:
    # Some folders may be written and not read, and some network file systems refuse to sync one.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, flags)
        try:
            if not (reaches_drive and _flush_drive(descriptor)):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _flush_drive(descriptor: int) -> bool:
    """Bring all that was synced from the drive's cache to the drive; False where `fsync` does that."""
    if sys.platform == "darwin":  # Apple's fsync(2), redis#9545
        import fcntl

        with contextlib.suppress(OSError):  # a network file system that knows no such request
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return True
    return False
