#!/bin/sh
# Sixteen parts of an audit's shadow models on a real Slurm of two nodes, two of them killed on the way and requeued,
# then merged: the bytes of the audit that one program makes.
#   sh scripts/slurm/test.sh VEILGRAD DIR
# With a data set: RUN=DIR of a trained run, SHADOWS, PARTS, KILLS (16, 16, 2 without them).
set -eu
VEILGRAD=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
export VEILGRAD
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$2" && work=$(cd "$2" && pwd)
parts=${PARTS:-16} shadows=${SHADOWS:-16} kills=${KILLS:-2}
rm -rf "$work/whole" "$work/parted" && mkdir "$work/whole" "$work/parted"
if [ -n "${RUN:-}" ]; then
    cp -r "$RUN" "$work/whole/run"
else
    cat >"$work/preset.toml" <<'PRESET'
name = "slurm"
data = { members = 60, reference = 60, synthetic = { records = 200, features = 20, classes = 4 } }
model.hidden = [8]
train = { epochs = 3000, batch = 20, evaluate_limit = 20 }
[audit]
epochs = 1
attack = { prediction_layers = [8], label_layers = [8], joint_layers = [8] }
PRESET
    (cd "$work/whole" && "$VEILGRAD" --quiet train --preset ../preset.toml --lambda 0 --out run >/dev/null)
fi
cp -r "$work/whole/run" "$work/parted/run"
sh "$here/start.sh" "$work/slurm"
trap 'sh "$here/stop.sh" "$work/slurm"' EXIT
export SLURM_CONF="$work/slurm/slurm.conf"
cd "$work/parted"
began=$(date +%s)
read -r array merge <<IDS
$(sh "$here/submit.sh" "$parts" audit run --shadows "$shadows")
IDS
echo "array $array of $parts parts, merge $merge"
# Kills programs of two different parts that have finished an epoch.
done=0 killed=""
while [ "$done" -lt "$kills" ]; do
    sleep 0.2
    for lease in run/shadows-0/parts/*/lease.json; do
        [ -f "$lease" ] || continue
        part=$(basename "$(dirname "$lease")")
        case " $killed " in *" $part "*) continue ;; esac
        [ "$done" -lt "$kills" ] && ls "run/shadows-0/parts/$part"/checkpoint-*[0-9] >/dev/null 2>&1 || continue
        pid=$(sed 's/.*"process":\([0-9]*\).*/\1/' "$lease")
        kill -9 "$pid" 2>/dev/null || continue
        done=$((done + 1)) killed="$killed $part"
        echo "killed part $part after $(($(date +%s) - began)) s"
    done
done
# A requeued task waits two minutes: for nodes that fail, of which there are none here.
while [ -n "$(squeue -h -j "$array,$merge" 2>/dev/null)" ]; do
    squeue -h -j "$array" -t pending -r -o '%i %r' 2>/dev/null | grep BeginTime | while read -r task _; do
        scontrol update jobid="$task" StartTime=now
    done
    if squeue -h -j "$merge" -o %r 2>/dev/null | grep -q NeverSatisfied; then
        echo "a part failed:" && tail -n 3 veilgrad-shard-*.log && scancel "$merge" && exit 1
    fi
    sleep 1
done
echo "Slurm: all parts and the merge in $(($(date +%s) - began)) s, $(grep -l requeued veilgrad-shard-*.log | wc -l) requeued"
[ -f run/shadows-0/predictions.npz ] || { cat veilgrad-*.log && exit 1; }
[ "$(grep -l requeued veilgrad-shard-*.log | wc -l)" -eq "$kills" ] || { echo "not requeued" && exit 1; }
began=$(date +%s)
if [ -z "${WHOLE:-}" ]; then
    (cd "$work/whole" && "$VEILGRAD" --quiet audit run --shadows "$shadows" >/dev/null)
    echo "one program: $(($(date +%s) - began)) s"
else
    rm -rf "$work/whole/run" && cp -r "$WHOLE" "$work/whole/run"
fi
for name in run.toml split.npz predictions.npz $(cd run/shadows-0 && ls models/*); do
    cmp "$work/whole/run/shadows-0/$name" "run/shadows-0/$name"
done
cmp "$work/whole/run/scores.npz" run/scores.npz
echo "$parts parts, $shadows shadow models, $kills killed and requeued: the bytes of one program"
