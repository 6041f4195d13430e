#!/bin/sh
# Whole steps of veilgrad and of PyTorch on the same machine, in turn (A B A B), and their ratios.
#
#   scripts/bench_peers.sh [DIRECTORY]      results; target/peers/results unless given
#
# PYTHON: an interpreter that has PyTorch; without it one is installed into target/peers. The better of one
# and two PyTorch threads counts.
set -eu
cd "$(dirname "$0")/.."
out=${1:-target/peers/results}
mkdir -p "$out"
if [ -z "${PYTHON-}" ]; then
    PYTHON=target/peers/venv/bin/python
    if [ ! -x "$PYTHON" ]; then
        echo "peers: installing PyTorch into target/peers/venv" >&2
        python3 -m venv target/peers/venv
        "$PYTHON" -m pip install --quiet torch numpy
    fi
fi
veilgrad=${VEILGRAD-${CARGO_TARGET_DIR-target}/release/veilgrad}
for round in 1 2; do
    "$veilgrad" --quiet --json bench step purchase100 >"$out/veilgrad-$round.json"
    for threads in 1 2; do
        "$PYTHON" benches/peers/torch_step.py --json --threads "$threads" >"$out/torch-$threads-$round.json"
    done
done
"$PYTHON" benches/peers/ratios.py "$out" >"$out/ratios.txt"
cat "$out/ratios.txt"
