"""Facts about processes: this one, its place in a job, and whether another one is still there."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["identity", "is_gone", "is_importing_main", "rank", "scheduler_job"]

# The id of a scheduler's job stays the same when the job is requeued, on whatever node.
_SCHEDULER_KEYS = {
    "slurm-job-id": "SLURM_JOB_ID",
    "slurm-array-job-id": "SLURM_ARRAY_JOB_ID",
    "slurm-array-task-id": "SLURM_ARRAY_TASK_ID",
    "pbs-job-id": "PBS_JOBID",
    "lsf-job-id": "LSB_JOBID",
}

# Rank and size, set together, are proof of one program in several processes. SLURM_PROCID is not: `srun -n 8`
# also starts eight independent tasks.
_RANK_VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
)


def identity() -> dict[str, Any]:
    """The metadata keys that tell which process on which machine records (spec 1.0, metadata.json)."""
    facts = {
        "hostname": platform.node(),
        "pid": os.getpid(),
        "process-start": _process_start(os.getpid()),
    }
    return {key: value for key, value in facts.items() if value}


def scheduler_job() -> dict[str, str]:
    """The metadata keys with the ids that a scheduler gave to this job; empty outside of one."""
    return {key: os.environ[name] for key, name in _SCHEDULER_KEYS.items() if os.environ.get(name)}


def rank() -> int:
    """This process's rank in the program that a launcher started; 0 where there is none."""
    for rank_name, size_name in _RANK_VARIABLES:
        try:
            this, size = int(os.environ[rank_name]), int(os.environ[size_name])
        except (KeyError, ValueError):
            continue
        if size > 1:
            return this
    return 0


def is_importing_main() -> bool:
    """Whether this is a spawned worker of multiprocessing, which imports its parent's main module again."""
    multiprocessing = sys.modules.get("multiprocessing.process")
    return multiprocessing is not None and getattr(multiprocessing.current_process(), "_inheriting", False)


def is_gone(metadata: Mapping[str, Any]) -> bool | None:
    """Whether the process that wrote `metadata` has ended; None where that can't be told from here.

    It can where it ran on this machine, since that was booted, in this container (spec 1.0, section 16).
    """
    hostname, pid, recorded = (metadata.get(key) for key in ("hostname", "pid", "process-start"))
    if str(hostname).lower() != platform.node().lower() or type(pid) is not int or pid <= 0:
        return None
    if recorded is None:
        # Written where there is no /proc. On Windows, signal 0 would end the process that we ask for.
        return None if sys.platform in ("linux", "win32") or _exists(pid) else True
    namespace = _namespace()
    if namespace is None or str(recorded).rpartition(":")[0] != namespace:
        return None
    if not _exists(pid):
        return True
    found = _process_start(pid)
    return None if found is None else found != recorded


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is there, and somebody else's
    return True


def _namespace() -> str | None:
    """`linux:<boot id>:<pid namespace>`, within which a pid means one process at a time."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot_id = file.read().strip()
        return f"linux:{boot_id}:{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    except OSError:
        return None


def _process_start(pid: int) -> str | None:
    """The namespace and `:<start in clock ticks>`; None where no /proc shows the process."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return None
    # The second field, the program's name, is in brackets and may hold spaces and brackets itself. A process
    # in state Z or X has ended, and only waits for its parent to ask how.
    fields = stat.rpartition(b")")[2].split()
    namespace = _namespace()
    if namespace is None:
        return None
    return f"{namespace}:ended" if fields[0] in (b"Z", b"X") else f"{namespace}:{fields[19].decode()}"
