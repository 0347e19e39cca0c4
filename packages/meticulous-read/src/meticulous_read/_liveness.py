"""Does a process still stand behind an experiment that says RUNNING? Derived here, written nowhere."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["is_lost", "local_hostname"]


def local_hostname() -> str:
    """Return this machine's name, as recorders write it."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def is_lost(metadata: dict[str, Any]) -> bool | None:
    """Tell whether the process of a running experiment is gone; None where that cannot be known from here.

    A loss is claimed only when proven: on another machine, in another container, after a restart of the
    machine, and for records without `process-start` on Linux, the answer is None. Zombies count as gone.
    """
    pid = metadata.get("pid")
    if not isinstance(pid, int) or isinstance(pid, bool) or not 0 < pid < 2**31:
        return None
    hostname = metadata.get("hostname")
    if not isinstance(hostname, str) or hostname.lower() != local_hostname().lower():
        return None
    if sys.platform == "linux":
        return _is_lost_on_linux(pid, metadata.get("process-start"))
    if os.name == "posix" and "process-start" not in metadata:
        # Without the process's start, a live pid may be anybody's: only a missing one proves something.
        return True if _is_gone(pid) else None
    return None  # on Windows, os.kill(pid, 0) is not a question: it sends Ctrl-C


def _is_lost_on_linux(pid: int, process_start: Any) -> bool | None:
    parts = process_start.split(":") if isinstance(process_start, str) else []
    if len(parts) != 4 or parts[0] != "linux":
        return None
    _, boot, namespace, start = parts
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            same_boot = file.read().strip() == boot
        same_namespace = str(os.stat("/proc/self/ns/pid").st_ino) == namespace
    except (OSError, ValueError):
        return None
    if not (same_boot and same_namespace):
        return None
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat_file:
            # The name, in parentheses, may hold anything. The state follows it; the start is the 22nd field.
            fields = stat_file.read().rpartition(b")")[2].split()
        return fields[19].decode() != start or fields[0] in (b"Z", b"X")
    except (OSError, IndexError):
        # Other people's processes may be hidden in /proc, but not from a signal.
        return True if _is_gone(pid) else None


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # asks only: no signal is sent
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
