#!/bin/sh
# Kills the parts of a reproduction, its merge, and the merge of an audit's shadow models by kill -9 at random
# moments, KILLS times in all, each time repeating the same command, and compares the final files with those of
# commands that nobody stopped and that were in no parts.
#   sh scripts/kills_shards.sh [KILLS]
# Takes the program VEILGRAD, or else the release build. Writes into target/kills-shards.
set -eu
kills=${1:-40}
veilgrad=${VEILGRAD:-${CARGO_TARGET_DIR:-$(pwd)/target}/release/veilgrad}
work=target/kills-shards
rm -rf "$work" && mkdir -p "$work/whole"
cat >"$work/preset.toml" <<'PRESET'
name = "kills"
data = { members = 60, reference = 60, synthetic = { records = 200, features = 20, classes = 4 } }
model.hidden = [8]
train = { epochs = 60, batch = 20 }
[defense]
lambda = 2
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
[audit]
epochs = 1
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
PRESET
# The commands, in their order; with `whole` those that have the parts left out.
command() {
    table="reproduce lambda --dataset ../preset.toml --seeds 2 --out tables"
    audit="audit tables/runs/kills-lambda --shadows 4"
    case "$1" in
        1) echo "$table --shard 0/2" ;;
        2) echo "$table --shard 1/2" ;;
        3) echo "$table" ;;
        4) echo "$audit --shard 0/2" ;;
        5) echo "$audit --shard 1/2" ;;
        6) echo "$audit" ;;
        *) return 1 ;;
    esac
}
# What was there when command $2 was killed in $1.
place() {
    run=$1/tables/runs/kills-lambda
    case "$2" in
        3) set -- "$run" "the table's merge" ;;
        6) set -- "$run/shadows-9" "the shadow models' merge" ;;
        *) echo "a part" && return ;;
    esac
    if [ -f "$1/predictions.npz" ]; then echo "$2, models taken over"
    elif [ -f "$1/run.toml" ]; then echo "$2, taking over"
    else echo "$2, before it"
    fi
}
# The metrics of the run $1 without the seconds that each epoch took.
timeless() { sed 's/"seconds":[^,}]*//' "$1/metrics.jsonl"; }
compare() {
    run=tables/runs/kills-lambda
    for name in tables/lambda-kills.md tables/lambda-kills.csv tables/lambda-kills.json "$run/scores.npz" \
        "$run/predictions.npz" "$run/run.toml" "$run/split.npz" "$run/models/replica-9.safetensors" \
        "$run/shadows-0/predictions.npz" "$run/shadows-9/predictions.npz" "$run/shadows-9/run.toml" \
        "$run/shadows-9/models/replica-3.safetensors"; do
        cmp "$work/whole/$name" "$1/$name" || { echo "$1/$name is another" && exit 1; }
    done
    for part in "$run" "$run/shadows-7"; do
        timeless "$work/whole/$part" >"$work/metrics"
        timeless "$1/$part" | cmp - "$work/metrics" || { echo "$1/$part: other metrics" && exit 1; }
    done
    echo "$1: the same bytes"
}
# shellcheck disable=SC2046 # words
for n in 3 6; do
    began=$(date +%s)
    (cd "$work/whole" && "$veilgrad" --quiet $(command $n) >/dev/null)
    echo "uninterrupted: $(command $n): $(($(date +%s) - began)) s"
done
done=0 round=0
while [ "$done" -lt "$kills" ]; do
    target="$work/killed-$round" n=1
    mkdir "$target"
    while command $n >/dev/null; do
        # Each command of the first is timed by being let run to its end.
        began=$(date +%s%N)
        # shellcheck disable=SC2046
        (cd "$target" && exec "$veilgrad" --quiet $(command $n) >../killed.txt 2>&1) &
        pid=$!
        eval "most=\${most_$n:-0}"
        if [ "$most" -gt 0 ] && [ "$done" -lt "$kills" ]; then
            tenths=$(($(od -An -N2 -tu2 /dev/urandom) % most + 1))
            sleep "$((tenths / 10)).$((tenths % 10))"
            if kill -9 "$pid" 2>/dev/null; then
                wait "$pid" 2>/dev/null || true
                done=$((done + 1))
                echo "kill $done after $((tenths / 10)).$((tenths % 10)) s of $(command $n): $(place "$target" $n)"
                continue
            fi
        fi
        wait "$pid" || { cat "$work/killed.txt" && exit 1; }
        [ "$most" -gt 0 ] || eval "most_$n=$((($(date +%s%N) - began) / 100000000 + 2))"
        n=$((n + 1))
    done
    compare "$target"
    round=$((round + 1))
done
echo "$kills kills, $round times all commands: nothing lost, the same bytes"
