"""The bytes of a recorded file, or a sentence why there are none: the only place that opens recorded files.

A folder of experiments may come from anybody, so a name in it may stand for a link to elsewhere, a pipe that
never answers, or a file that is larger than memory. None of them is followed, waited for or loaded.
"""

from __future__ import annotations

import os
import stat
import sys
import time

from meticulous_read.errors import Remark

__all__ = ["MISSING", "OUTPUT_LIMIT", "open_regular", "read_content", "reason_of", "signature_of"]

# The largest STATUS or JSON file that is loaded. As Python objects, JSON takes up to some 20 times its bytes.
JSON_LIMIT = 16 * 2**20
# The most of stdout and stderr that is loaded at once.
OUTPUT_LIMIT = 64 * 2**20

MISSING: Remark = ("missing", "missing")

_CHUNK = 2**20
# Windows has none of the first three, and there O_BINARY keeps line ends as they are.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
_FLAGS |= getattr(os, "O_BINARY", 0)
_SAFE_FLAGS = _FLAGS | _NOFOLLOW

# File systems count time in steps of up to 2 s (FAT), and some give a replaced file the inode of the old one
# (FUSE and SMB servers that number by path): what was modified just before it was read may change again and
# look the same. As git does with its index, such a file is read again at the next look.
_TICK = 2 * 10**9
_MAY_CHANGE_UNSEEN = -1  # which no hash is

_KINDS = (
    (stat.S_ISREG, ""),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link, which is not followed"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def signature_of(path: str) -> int | None:
    """Return a number that changes when a file is replaced, appended to or touched; None for no file."""
    try:
        return _hash(os.lstat(path))
    except (OSError, ValueError):
        return None


def read_content(
    path: str, limit: int = JSON_LIMIT, *, only_end: bool = False
) -> tuple[bytes | None, int | None, Remark | None]:
    """Return the bytes of a regular file, its signature, and the problem with it.

    Of a file with more than `limit` bytes there are none or, with `only_end`, the last ones. Never raises for
    what lies there.
    """
    try:
        descriptor, status = _open(path)
    except FileNotFoundError:
        return None, None, MISSING
    except (OSError, ValueError) as error:
        return None, signature_of(path), _problem_of(error)
    try:
        size = status.st_size
        if only_end and size > limit:
            os.lseek(descriptor, size - limit, os.SEEK_SET)
        data = os.read(descriptor, min(size, limit) + 1)
        # It grew, or came in pieces.
        while len(data) != size and len(data) <= limit and (more := os.read(descriptor, _CHUNK)):
            data += more
        is_large = size > limit or len(data) > limit
        if is_large and not only_end:
            return None, _hash(status), ("too-large", f"larger than {_amount(limit)}, so it was not loaded")
        is_fresh = status.st_mtime_ns > time.time_ns() - _TICK
        problem = ("too-large", f"only its last {_amount(limit)} were loaded") if is_large else None
        return data, _MAY_CHANGE_UNSEEN if is_fresh else _hash(status), problem
    except OSError as error:
        return None, signature_of(path), _problem_of(error)
    finally:
        os.close(descriptor)


def open_regular(path: str, *, follow: bool = False) -> int:
    """Return a descriptor of the regular file at `path`, else raise OSError at once; links need `follow`."""
    return _open(path, follow=follow)[0]


def reason_of(error: OSError | ValueError) -> str:
    """Return an error of the system as a few words without the path, which stands beside it already."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error)


class _NotAFile(OSError):
    """A name leads to something else than a regular file."""


def _problem_of(error: OSError | ValueError) -> Remark:
    return "not-a-file" if isinstance(error, _NotAFile) else "unreadable", reason_of(error)


def _open(path: str, *, follow: bool = False, tries: int = 20) -> tuple[int, os.stat_result]:
    if not _NOFOLLOW and not follow and os.path.islink(path):
        raise _NotAFile("a symbolic link, which is not followed")
    try:
        descriptor = os.open(path, _FLAGS if follow else _SAFE_FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        # A link or a socket refuses to be opened with an error of its own; the kind says it better.
        try:
            kind = _kind(os.stat(path) if follow else os.lstat(path))
        except OSError:
            kind = ""
        if kind:
            raise _NotAFile(kind) from error
        if sys.platform == "win32" and isinstance(error, PermissionError) and tries:
            time.sleep(0.005)  # a file that is just being replaced: 564 of 17,380 opens, for up to 23 ms
            return _open(path, follow=follow, tries=tries - 1)
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _NotAFile(_kind(status))
    except OSError:  # of which _NotAFile is one
        os.close(descriptor)
        raise
    return descriptor, status


def _hash(status: os.stat_result) -> int:
    # One number takes less room than three, and there are five of them for each experiment.
    return hash((status.st_mtime_ns, status.st_size, status.st_ino))


def _kind(status: os.stat_result) -> str:
    return next((words for test, words in _KINDS if test(status.st_mode)), "not a regular file")


def _amount(count: int) -> str:
    return f"{count // 2**20} MiB" if count >= 2**20 else f"{count} bytes"
