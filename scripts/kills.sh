#!/bin/sh
# Kills a training run with kill -9 at random moments, KILLS times, each time continuing it, and compares the final
# files with those of a run that nobody stopped.
#   sh scripts/kills.sh dataset_location.tgz [KILLS [EPOCHS]]
# Needs a release build. Writes into target/kills and prints the moments and the verdict.
set -eu
data=$1 kills=${2:-20} epochs=${3:-20}
veilgrad=$(pwd)/target/release/veilgrad
[ -x "$veilgrad" ] || veilgrad=${CARGO_TARGET_DIR:-target}/release/veilgrad
work=target/kills
rm -rf "$work" && mkdir -p "$work"
train="$veilgrad --quiet train"
began=$(date +%s)
$train --preset location30 --data "$data" --epochs "$epochs" --set audit.epochs=1 --out "$work/whole" >"$work/whole.txt"
whole=$(($(date +%s) - began))
echo "uninterrupted: $epochs epochs and the audit in $whole s"

epochs_done() { sort -u "$work/killed/metrics.jsonl" 2>/dev/null | wc -l; }
done=0
while [ "$done" -lt "$kills" ]; do
    # Up to 6% of the whole and 1.5 seconds, so that all kills find it running: what a kill undoes takes about a second.
    most=$((whole * 6 / 10 + 15))
    tenths=$(awk -v seed="$done$$" -v most="$most" 'BEGIN { srand(seed); print int(rand() * most) + 3 }')
    if [ -f "$work/killed/run.toml" ]; then
        $train --resume "$work/killed" >"$work/killed.txt" 2>&1 &
    else
        rm -rf "$work/killed"
        $train --preset location30 --data "$data" --epochs "$epochs" --set audit.epochs=1 --out "$work/killed" \
            >"$work/killed.txt" 2>&1 &
    fi
    pid=$!
    sleep "$((tenths / 10)).$((tenths % 10))"
    if ! kill -9 "$pid" 2>/dev/null; then
        echo "it had ended before kill $((done + 1)): give more epochs" && exit 1
    fi
    wait "$pid" 2>/dev/null || true
    done=$((done + 1))
    echo "kill $done after $((tenths / 10)).$((tenths % 10)) s, $(epochs_done) epochs done"
done
$train --resume "$work/killed" >"$work/killed.txt"
for name in models/replica-0.safetensors predictions.npz split.npz run.toml; do
    cmp "$work/whole/$name" "$work/killed/$name" && echo "$name: the same bytes"
done
