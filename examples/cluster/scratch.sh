#!/bin/bash
#SBATCH --signal=B:TERM@60
trap 'kill -TERM "$training"; wait "$training"' TERM
python examples/cluster/train.py --experiments-directory "$TMPDIR/experiments" --experiment-id "$SLURM_JOB_ID" &
training=$!
wait "$training"
rsync -a "$TMPDIR/experiments" .
