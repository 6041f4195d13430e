#!/bin/sh
# Kills training and an audit with shadow models by kill -9 at random moments, KILLS times in all, each time
# continuing, and compares the final files with those of a run that nobody stopped. A run that comes to its end
# is compared, and the next kills are of a new one.
#   sh scripts/kills.sh [KILLS]
# Takes the program VEILGRAD, or else the release build. Writes into target/kills and prints the moments and the
# verdict.
set -eu
kills=${1:-100}
veilgrad=${VEILGRAD:-${CARGO_TARGET_DIR:-$(pwd)/target}/release/veilgrad}
work=target/kills
rm -rf "$work" && mkdir -p "$work"
cat >"$work/preset.toml" <<'PRESET'
name = "kills"
data = { members = 60, reference = 60, synthetic = { records = 200, features = 20, classes = 4 } }
model = { hidden = [8], dropout = 0.1 }
train = { epochs = 100, batch = 20 }
[defense]
lambda = [0, 1]
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
[audit]
epochs = 1
shadows = 2
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
PRESET
# Trains and audits the run $1, or goes on with it.
run() {
    if [ -f "$1/run.toml" ]; then
        set -- train --resume "$1"
    else
        rm -rf "$1"
        set -- train --preset "$work/preset.toml" --out "$1"
    fi
    exec "$veilgrad" --quiet "$@"
}
# Where the run $1 was: its files tell.
place() {
    if [ -f "$1/shadows-1/run.toml" ]; then echo "shadow models of replica 1"
    elif [ -f "$1/shadows-0/run.toml" ]; then echo "shadow models of replica 0"
    elif [ -f "$1/predictions.npz" ]; then echo "audit"
    else echo "training, $(sort -u "$1/metrics.jsonl" 2>/dev/null | wc -l) lines of metrics"
    fi
}
# The metrics of the run $1 without the seconds that each epoch took.
timeless() { sed 's/"seconds":[^,}]*//' "$1/metrics.jsonl"; }
compare() {
    for name in models/replica-0.safetensors models/replica-1.safetensors predictions.npz split.npz run.toml \
        scores.npz shadows-0/predictions.npz shadows-1/predictions.npz; do
        cmp "$work/whole/$name" "$1/$name" || { echo "$1/$name is another" && exit 1; }
    done
    timeless "$1" | cmp - "$work/metrics" || { echo "$1: other metrics" && exit 1; }
    echo "$1: the same bytes"
}
began=$(date +%s)
(run "$work/whole") >"$work/whole.txt"
whole=$(($(date +%s) - began))
timeless "$work/whole" >"$work/metrics"
echo "uninterrupted: training and the audit with its shadow models in $whole s"
done=0 round=0
while [ "$done" -lt "$kills" ]; do
    target="$work/killed-$round"
    # Up to a quarter of the whole and a second for the start, so that kills fall everywhere.
    most=$((whole * 10 / 4 + 10))
    tenths=$(($(od -An -N2 -tu2 /dev/urandom) % most + 1))
    (run "$target") >"$work/killed.txt" 2>&1 &
    pid=$!
    sleep "$((tenths / 10)).$((tenths % 10))"
    if kill -9 "$pid" 2>/dev/null; then
        wait "$pid" 2>/dev/null || true
        done=$((done + 1))
        echo "kill $done after $((tenths / 10)).$((tenths % 10)) s, run $round: $(place "$target")"
    else
        wait "$pid" || { cat "$work/killed.txt" && exit 1; }
        compare "$target"
        round=$((round + 1))
    fi
done
if [ -d "$work/killed-$round" ]; then
    (run "$work/killed-$round") >"$work/killed.txt" 2>&1 || { cat "$work/killed.txt" && exit 1; }
    compare "$work/killed-$round"
fi
echo "$kills kills, $((round + 1)) runs: nothing lost, the same bytes"
