"""Facts about processes: this one, its place in a job, and whether another one is still there."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["identity", "is_gone", "rank", "scheduler_job"]

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
    facts: dict[str, Any] = {"hostname": platform.node(), "pid": os.getpid()}
    start = _process_start(os.getpid())
    if start is not None:
        facts["process-start"] = start
    return facts


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


def is_gone(metadata: Mapping[str, Any]) -> bool | None:
    """Whether the process that wrote `metadata` has ended; None where that can't be told from here.

    It can where it ran on this machine since it was booted, in this container (spec 1.0, liveness).
    """
    pid, recorded = metadata.get("pid"), metadata.get("process-start")
    if metadata.get("hostname") != platform.node() or type(pid) is not int or pid <= 0:
        return None
    if sys.platform == "win32":  # signal 0 would end the process there
        return None
    namespace, _, start = str(recorded).rpartition(":")
    on_linux = namespace.startswith("linux:")
    if on_linux and namespace != _namespace():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True if on_linux or sys.platform != "linux" else None
    except OSError:
        pass  # it is there, and somebody else's
    if not on_linux:
        return None
    found = _process_start(pid)
    return None if found is None else found != f"{namespace}:{start}"


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
    # The second field, the program's name, is in brackets and may hold spaces and brackets itself. A zombie
    # (state Z) has ended, and only waits for its parent to ask how.
    fields = stat.rpartition(b")")[2].split()
    namespace = _namespace()
    if namespace is None:
        return None
    return f"{namespace}:ended" if fields[0] == b"Z" else f"{namespace}:{fields[19].decode()}"
