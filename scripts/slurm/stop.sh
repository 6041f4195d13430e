#!/bin/sh
# Ends what start.sh DIR started, by its processes' numbers.
for file in "$1"/slurmd.*.pid "$1"/slurmctld.pid; do
    [ -f "$file" ] && kill "$(cat "$file")"
done
exit 0
