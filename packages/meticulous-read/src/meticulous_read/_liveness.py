"""Does the program of an experiment that says RUNNING still run? Derived here, written nowhere.

A pid means one process at a time only within its *scope*: a machine since it was booted, in one container.
There, a pid and the moment of its start tell a process from all others. `observe` asks each system in its
own way; `is_lost` decides: `tests/liveness_cases.py` has its answers, for the recorder, too.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Observed", "is_lost", "observe"]


class Observed(NamedTuple):
    """What this machine shows of a pid."""

    system: str
    """`sys.platform`."""
    hostname: str
    scope: str | None
    """Within which a pid means one process at a time; None where the system does not say."""
    is_there: bool | None
    """Whether a process has the pid; one that has ended and waits for its parent (a zombie) has not."""
    start: str | None
    """When that process started, in the system's own measure; None where it is not shown."""


def is_lost(metadata: Mapping[str, Any], seen: Observed | None = None) -> bool | None:
    """Tell whether the process that wrote `metadata` is gone; None where that is unknown (spec 1.0, 16).

    `seen` is what this machine shows of the pid; by default it is asked.
    """
    hostname, pid, recorded = (metadata.get(key) for key in ("hostname", "pid", "process-start"))
    if type(pid) is not int or not 0 < pid < 2**31:  # `os.kill` takes no larger one
        return None
    seen = seen or observe(pid)
    if not isinstance(hostname, str) or hostname.lower() != seen.hostname.lower() or seen.is_there is None:
        return None
    if recorded is None:  # on Linux, it may have run in another container of this name
        return None if seen.is_there or seen.system == "linux" else True
    scope, _, start = str(recorded).rpartition(":")
    if scope != seen.scope:
        return None
    if not seen.is_there:
        return True
    return None if seen.start is None else start != seen.start


if sys.platform == "win32":

    def observe(pid: int) -> Observed:
        """Ask Windows for a process. `os.kill(pid, 0)` is no question there: it ends the process."""
        import ctypes
        import socket  # `platform.node()` waits for WMI, up to for ever (cpython#112278, cpython#125315)
        from ctypes import wintypes

        here = Observed("win32", socket.gethostname(), "windows", None, None)
        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.OpenProcess.restype = wintypes.HANDLE
        handle = wintypes.HANDLE(
            kernel32.OpenProcess(0x1000, False, pid)
        )  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return here._replace(
                is_there=ctypes.get_last_error() != 87
            )  # ERROR_INVALID_PARAMETER: no process
        try:
            code, times = wintypes.DWORD(), [wintypes.FILETIME() for _ in range(4)]
            if kernel32.GetExitCodeProcess(handle, ctypes.byref(code)):
                here = here._replace(is_there=code.value == 259)  # STILL_ACTIVE
            if here.is_there and kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
                created = (times[0].dwHighDateTime << 32) + times[0].dwLowDateTime
                here = here._replace(start=str(created))
            return here
        finally:
            kernel32.CloseHandle(handle)

else:

    def observe(pid: int) -> Observed:
        """Ask this machine for a process."""
        scope, start, is_there = _scope(), None, True
        if scope is not None:
            start = (_linux_start if sys.platform == "linux" else _darwin_start)(pid)
        if start != "":
            try:
                os.kill(pid, 0)  # asks only: no signal is sent
            except ProcessLookupError:
                is_there = False
            except OSError:
                pass  # it is somebody else's
        return Observed(sys.platform, os.uname().nodename, scope, is_there and start != "", start or None)

    @functools.cache
    def _scope() -> str | None:
        try:
            if sys.platform == "linux":
                with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                    return f"linux:{file.read().strip()}:{os.stat('/proc/self/ns/pid').st_ino}"
            import ctypes

            boot = ctypes.create_string_buffer(64)
            size = ctypes.byref(ctypes.c_size_t(len(boot)))
            if ctypes.CDLL(None).sysctlbyname(b"kern.bootsessionuuid", boot, size, None, 0) == 0:
                return f"darwin:{boot.value.decode('ascii')}"
        except (AttributeError, ImportError, OSError):
            pass  # no /proc, or another system
        return None

    def _linux_start(pid: int) -> str | None:
        """Return when a process started; "" for one that has ended, None where that is not shown."""
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The second field, the name in brackets, may hold spaces and brackets itself.
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return "" if fields[0] in (b"Z", b"X") else fields[19].decode()

    def _darwin_start(pid: int) -> str | None:
        """Return the end of a process's `struct proc_bsdinfo` (<sys/proc_info.h>): its start in s and µs."""
        import ctypes

        found = ctypes.create_string_buffer(136)
        if ctypes.CDLL(None).proc_pidinfo(pid, 3, ctypes.c_uint64(0), found, len(found)) != len(found):
            return None
        seconds, microseconds = (int.from_bytes(found.raw[at : at + 8], "little") for at in (120, 128))
        return f"{seconds}.{microseconds:06}"
