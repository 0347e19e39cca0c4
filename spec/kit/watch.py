"""What happens to the names in one folder, and in which order, as Linux tells it. Standard library only."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

__all__ = ["Event", "Watch", "writers_not_at_the_end"]

_KINDS = {
    0x20: "opened",
    0x100: "created",
    0x2: "modified",
    0x8: "written",
    0x40: "moved from",
    0x80: "moved to",
    0x200: "deleted",
    0x4: "touched",
}
_HEADER = struct.Struct("iIII")


class Event(NamedTuple):
    """One event: its kind, the name it happened to, and whether that is a folder's."""

    kind: str
    name: str
    folder: bool


def _is_able() -> bool:
    """Whether this system tells anything: Linux, unless a sandbox or a limit keeps it from that."""
    if sys.platform != "linux":
        return False
    descriptor = ctypes.CDLL(None).inotify_init1(os.O_CLOEXEC)
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True


class Watch:
    """A folder watched from here to the end of `with`. Opening is told only where asked for, as it is much.

    Attributes:
        able: whether this system tells anything; where it does not, nothing happens, and nothing follows.
    """

    able = _is_able()

    def __init__(self, folder: Path, *, opened: bool = False) -> None:
        if not self.able:
            return
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = sum(kind for kind, word in _KINDS.items() if opened or word != "opened")
        if self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), f"{folder} can't be watched")

    def events(self) -> list[Event]:
        """What has happened since the last call, oldest first."""
        found: list[Event] = []
        while self.able:
            try:
                data = os.read(self._descriptor, 2**16)
            except BlockingIOError:
                return found
            place = 0
            while place < len(data):
                _, mask, _, length = _HEADER.unpack_from(data, place)
                place += _HEADER.size
                name = os.fsdecode(data[place : place + length].rstrip(b"\0"))
                place += length
                kind = next((word for bit, word in _KINDS.items() if mask & bit), "")
                found.append(Event(kind, name, bool(mask & 0x40000000)))
        return found

    def close(self) -> None:
        """Watch no longer."""
        if self.able:
            os.close(self._descriptor)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def writers_not_at_the_end(path: Path) -> list[str]:
    """Who has a file open to write without O_APPEND, as can be seen: "process 17, descriptor 5"."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in os.listdir(process / "fd"):
                if os.readlink(process / "fd" / descriptor) == str(path):
                    told = (process / "fdinfo" / descriptor).read_text()
                    flags = int(told.partition("flags:")[2].split()[0], 8)
                    if flags & os.O_ACCMODE != os.O_RDONLY and not flags & os.O_APPEND:
                        found.append(f"process {process.name}, descriptor {descriptor}")
        except OSError:  # it has ended, or is somebody else's
            continue
    return found
