"""Which of a program's processes records: rank 0, and no worker that imports the main module again."""

from __future__ import annotations

import os
import sys
import traceback

__all__ = ["is_importing_main", "other_rank"]

# Rank and size as launchers set them for the processes of one program. SLURM_PROCID is not among them:
# `srun -n 8` also starts eight independent trainings, and nothing in their environment says so.
_VARIABLES = (
    ("RANK", "WORLD_SIZE"),  # torchrun, accelerate, DeepSpeed
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI, IBM Spectrum MPI
    ("PMI_RANK", "PMI_SIZE"),  # MPICH and Intel MPI (Hydra), srun --mpi=pmi2, flux run, HPE PALS
    ("PMIX_RANK", "PMIX_SIZE"),  # OpenPMIx, srun --mpi=pmix; neither sets a size
    ("PALS_RANKID", "PALS_SIZE"),  # HPE's PALS: pals.h of cray-pals names PALS_RANKID
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),  # MVAPICH2's mpirun_rsh
    ("JSM_NAMESPACE_RANK", "JSM_NAMESPACE_SIZE"),  # IBM's jsrun; Lightning's LSFEnvironment reads them
    ("HOROVOD_RANK", "HOROVOD_SIZE"),  # horovodrun with gloo
)


def other_rank() -> str | None:
    """Return which rank this process is, and how that is known; None if it is rank 0, or the only one."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        rank = distributed.get_rank()  # `mp.spawn` sets no variables: PyTorch's tutorial hands over the rank
        return f"rank {rank} (torch.distributed)" if rank > 0 else None
    for name, size_name in _VARIABLES:
        rank, size = _number(name), _number(size_name)
        if size is None and size_name != "WORLD_SIZE":  # RANK is anybody's name, and proves nothing alone
            size = 2 if rank else 1
        if rank is not None and size is not None and size > 1:
            return f"rank {rank} ({name})" if rank > 0 else None
    # Lightning and Fabric set no RANK where they run the script again (subprocess_script.py). On further
    # nodes their users start it by hand, with NODE_RANK and MASTER_ADDR alone.
    size = _number("WORLD_SIZE") or 1
    for name in ("NODE_RANK", "GROUP_RANK"):
        node = _number(name)
        if node and (size > 1 or "MASTER_ADDR" in os.environ):
            return f"a rank of node {node} ({name})"
    rank = _number("LOCAL_RANK")
    return f"rank {rank} (LOCAL_RANK)" if rank and size > 1 else None


def _number(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else None


def is_importing_main() -> bool:
    """Return whether this is a spawned worker, and imports its parent's main module again.

    `multiprocessing`, `multiprocess` (pathos, Hugging Face datasets) and loky all run it under this name.
    """
    return any(
        frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__mp_main__"
        for frame, _ in traceback.walk_stack(sys._getframe())
    )
