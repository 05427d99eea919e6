#!/bin/bash
# A night in shards on Slurm, a task of the array each:
#
#   NIGHT=nightly-$(date +%F) sbatch examples/nightly/slurm.sh night.yaml --for 1h
#   usurper merge results       # once the array has ended
#
# The folder has to be one that all nodes share. Which shard a task makes it takes from
# SLURM_ARRAY_TASK_ID; to make shard 3 again:
#
#   NIGHT=… sbatch --array=3 examples/nightly/slurm.sh night.yaml --for 1h --shard 3/4
#
# Judge by what the shards wrote, as merge does: a task that was out of time or was killed
# may well have exit status 0.
#SBATCH --job-name=usurper
#SBATCH --array=1-4
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH --time=01:20:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=usurper-%A-%a.out

# In the place of the script, so that Slurm's SIGTERM reaches it: it ends its clusters then,
# and the task, once it is requeued, goes on where it was.
exec usurper nightly "$@" --name "${NIGHT:-nightly-$SLURM_ARRAY_JOB_ID}" --results results/nightly --findings results/findings
