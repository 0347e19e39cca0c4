"""Which process on which machine this is, and whether another one is still there.

Aim: never go on with an experiment whose program still runs, and always with one whose program was killed.
A pid means one process at a time only within its *scope*: a machine, since it was last booted, in one
container. There, a pid and the moment of its start name one process.

`observe` asks each system in its own way. `verdict` decides, and asks nobody; what it must say is in
`tests/liveness_cases.py`, for the reader, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Optional

from meticulous import _format

__all__ = ["Observed", "Verdict", "identity", "observe", "scheduler_job", "verdict"]

Verdict = Literal["gone", "alive", "unknown"]


class Observed(NamedTuple):
    """What this machine shows of a pid."""

    system: str
    """`sys.platform`."""
    hostname: str
    scope: str | None
    """Within which a pid means one process at a time; None where the system does not say."""
    is_there: bool | None
    """Whether a process has the pid; one that only waits for its parent to ask how it ended has not."""
    start: str | None
    """When that process started, in the system's own measure; None where it is not shown."""


def identity() -> dict[str, Any]:
    """Return the keys of metadata.json that say which process on which machine records (spec 1.0)."""
    seen = observe(os.getpid())
    facts: dict[str, Any] = {"hostname": seen.hostname, "pid": os.getpid()}
    if seen.scope and seen.start:
        facts["process-start"] = f"{seen.scope}:{seen.start}"
    return {key: value for key, value in facts.items() if value}


def scheduler_job() -> dict[str, str]:
    """Return the keys of metadata.json with the ids that a scheduler gave to this job, if there is one."""
    job = {key: os.environ[name] for key, name in _format.SCHEDULER_KEYS.items() if os.environ.get(name)}
    if job.get("lsf-job-index") == "0":  # LSF's word for: not of an array
        del job["lsf-job-index"]
    return job


def verdict(metadata: Mapping[str, Any], seen: Observed) -> Verdict:
    """Derive whether the process that wrote `metadata` has ended (spec 1.0, section 16)."""
    hostname, pid, recorded = (metadata.get(key) for key in ("hostname", "pid", "process-start"))
    if not isinstance(hostname, str) or hostname.lower() != seen.hostname.lower():
        return "unknown"
    if not _is_pid(pid) or seen.is_there is None:
        return "unknown"
    if recorded is None:
        # On Linux, a recorder that leaves it out may have run in another container of the same name.
        return "unknown" if seen.is_there or seen.system == "linux" else "gone"
    scope, _, start = str(recorded).rpartition(":")
    if scope != seen.scope:
        return "unknown"
    if not seen.is_there:
        return "gone"
    return "unknown" if seen.start is None else "alive" if start == seen.start else "gone"


def observe(pid: object) -> Observed:
    """Ask this machine for `pid`, which may be anything that a file said."""
    scope, is_there, start = _ask(pid) if _is_pid(pid) else (None, None, None)
    return Observed(sys.platform, _hostname(), scope, is_there, start)


def _is_pid(pid: object) -> bool:
    return type(pid) is int and 0 < pid < 2**31  # beyond it, `kill` raises OverflowError


_Answer = tuple[Optional[str], Optional[bool], Optional[str]]

if sys.platform == "win32":
    # `os.kill(pid, 0)` is no question there: it ends the process.

    def _hostname() -> str:
        import socket  # `platform.node()` waits for WMI, up to for ever (cpython#112278, cpython#125315)

        return socket.gethostname()

    def _ask(pid: Any) -> _Answer:
        import ctypes
        from ctypes import wintypes

        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel32.OpenProcess.restype = wintypes.HANDLE
        handle = kernel32.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
        if not handle:
            return "windows", ctypes.get_last_error() != 87, None  # ERROR_INVALID_PARAMETER: nobody has it
        try:
            handle, code = wintypes.HANDLE(handle), wintypes.DWORD()
            times = (ctypes.c_uint64 * 4)()  # the first is that of its creation, in 100 ns since 1601
            places = [ctypes.byref(times, 8 * index) for index in range(4)]
            has_code = kernel32.GetExitCodeProcess(handle, ctypes.byref(code))
            if not has_code or not kernel32.GetProcessTimes(handle, *places):
                return "windows", None, None
            return "windows", code.value == 259, str(times[0])  # STILL_ACTIVE
        finally:
            kernel32.CloseHandle(handle)

else:

    def _hostname() -> str:
        return os.uname().nodename

    def _ask(pid: Any) -> _Answer:
        scope, start = (_linux if sys.platform == "linux" else _darwin)(pid)
        if start == "ended":
            return scope, False, None
        try:
            os.kill(pid, 0)  # asks only: no signal is sent
        except ProcessLookupError:
            return scope, False, None
        except OSError:
            pass  # it is somebody else's
        return scope, True, start

    def _linux(pid: int) -> tuple[str | None, str | None]:
        scope = None
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                scope = f"linux:{file.read().strip()}:{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
            with open(f"/proc/{pid}/stat", "rb") as stat:
                # The second field, the name, is in brackets and may hold spaces and brackets itself.
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return scope, None
        return scope, "ended" if fields[0] in (b"Z", b"X") else fields[19].decode()

    def _darwin(pid: int) -> tuple[str | None, str | None]:
        try:
            import ctypes

            system = ctypes.CDLL(None, use_errno=True)
            boot = ctypes.create_string_buffer(64)
            size = ctypes.c_size_t(len(boot))
            if system.sysctlbyname(b"kern.bootsessionuuid", boot, ctypes.byref(size), None, 0) != 0:
                return None, None
            # A `struct proc_bsdinfo` of <sys/proc_info.h>; its last two fields are the start, in s and µs.
            found = ctypes.create_string_buffer(136)
            length = system.proc_pidinfo(pid, 3, ctypes.c_uint64(0), found, len(found))
        except (AttributeError, ImportError, OSError):
            return None, None  # another system than macOS
        scope = f"darwin:{boot.value.decode('ascii')}"
        if length != len(found):
            return scope, None
        seconds, microseconds = (int.from_bytes(found.raw[at : at + 8], "little") for at in (120, 128))
        return scope, f"{seconds}.{microseconds:06}"
