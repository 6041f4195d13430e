#!/bin/sh
# Measures an adapter: every kernel against its reference, the variants tuned, kernels, whole steps, replicas and
# the start timed, a short run, and the peers that are installed (`make bench-peers` installs them). Under 10 minutes
# on a discrete GPU. Results, each with adapter and driver, as JSON files in a directory, to be kept under results/.
#
#   scripts/measure.sh DIRECTORY [PROGRAM]      PROGRAM: target/release/veilgrad unless given
#
#   DATA      an npz of sparse bits with 600 features (Retail100): steps on it, the first layer on lists and dense
#   SHORT=1   no tuning, fewer shapes and replicas, of the peers PyTorch in one round: a few minutes in software
#   PYTHON    an interpreter that has PyTorch
set -eu

out=${1:?usage: scripts/measure.sh DIRECTORY [PROGRAM]}
veilgrad=${2:-target/release/veilgrad}
mkdir -p "$out"
rm -f "$out/failed.txt"
started=$(date +%s)

# A part that fails is noted in failed.txt and does not cost the others.
note() {
    echo "$1: $(grep -v '^ *$' "$out/$1.err" | tail -n 1)" >>"$out/failed.txt"
}
try() {
    name=$1
    shift
    echo "measure: $name, after $(($(date +%s) - started)) s" >&2
    "$veilgrad" --quiet "$@" >"$out/$name" 2>"$out/$name.err" || note "$name"
    [ -s "$out/$name.err" ] || rm -f "$out/$name.err"
}

if [ -n "${SHORT-}" ]; then
    batches=128 replicas=1 all=1,2 steps="purchase100 plain"
else
    batches=128,384,1024,1408 replicas=1,8,64 all=1,2,4,8,16,32,64 steps=purchase100
fi

try devices.json devices --json
try check.json check --json
[ -n "${SHORT-}" ] || try check-checked.json check --json --checked
# In software the convolutions alone take more minutes than all the rest.
[ -n "${SHORT-}" ] || try tune.json tune --json --export "$out/tuning.toml"
try kernels.json bench kernels --json --batch "$batches" --replicas "$replicas"
[ -n "${SHORT-}" ] || try steps-untuned.json bench step --json --untuned "$steps"
try steps.json bench step --json --replicas "$all" "$steps"
[ -n "${SHORT-}" ] || try steps-texas100.json bench step --json --replicas 1,8 texas100
# Two ways of the same steps: operations merged and apart, a first layer on lists of ones and a dense one.
[ -n "${SHORT-}" ] || try steps-apart.json bench step --json --replicas 1,8,64 --set engine.merge=false "$steps"
if [ -n "${DATA-}" ]; then
    for sparse in on off; do
        try "steps-sparse-$sparse.json" bench step --json --replicas 1,8 --data "$DATA" --set "engine.sparse=$sparse" "$steps"
    done
fi
try start.json bench start --json "purchase100 plain"
try run.json train --preset demo --out "$out/run" --force --json

peers=${PEERS-target/peers}
only=
if [ -z "${PYTHON-}" ] && [ -x "$peers/venv/bin/python" ]; then PYTHON=$peers/venv/bin/python; fi
if [ -n "${SHORT-}" ]; then
    # Compiled, PyTorch takes minutes to start.
    [ -z "${PYTHON-}" ] || only=torch
    export ROUNDS=1 WARM=1 THREADS=2
else
    [ -z "${PYTHON-}" ] || only="torch compiled"
    for peer in burn meganeura; do
        if [ -x "$peers/$peer/release/peer-$peer" ]; then only="$only $peer"; fi
    done
fi
if [ -n "$only" ]; then
    echo "measure: $only, after $(($(date +%s) - started)) s" >&2
    PYTHON=${PYTHON-} ONLY=$only VEILGRAD=$veilgrad sh scripts/bench_peers.sh "$out/peers" \
        >"$out/peers.txt" 2>"$out/peers.err" || note peers
else
    echo "peers: not measured, none is installed" >>"$out/failed.txt"
fi
echo "measure: done in $(($(date +%s) - started)) s" >&2
[ ! -e "$out/failed.txt" ] || { cat "$out/failed.txt" >&2; exit 1; }
