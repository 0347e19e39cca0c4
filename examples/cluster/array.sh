#!/bin/bash
#SBATCH --array=0-3 --requeue
lrs=(0.05 0.1 0.2 0.4)
exec python examples/cluster/train.py --lr "${lrs[$SLURM_ARRAY_TASK_ID]}" \
  --experiment-id "$SLURM_ARRAY_JOB_ID-$SLURM_ARRAY_TASK_ID"
