#!/bin/sh
# Submits a job to Slurm: its parts as an array, and after all of them the same command once more, which merges.
#   sh scripts/slurm/submit.sh PARTS audit runs/location30-1 --shadows 256
#   sh scripts/slurm/submit.sh PARTS reproduce lambda --data purchase100.npz --out purchase
# What sbatch is to be told of either: SHARD_OPTIONS="--gres=gpu:1 --time=4:00:00", MERGE_OPTIONS="--gres=gpu:1".
# The program: VEILGRAD, or else the one in PATH. The directory must be one that all nodes see.
set -eu
parts=$1 && shift
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2086 # options are words
array=$(sbatch --parsable --array="0-$((parts - 1))" ${SHARD_OPTIONS:-} "$here/shard.sbatch" "$parts" "$@")
# shellcheck disable=SC2086
merge=$(sbatch --parsable --dependency="afterok:$array" ${MERGE_OPTIONS:-} "$here/merge.sbatch" "$@")
echo "$array $merge"
