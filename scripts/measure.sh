#!/bin/sh
# Measures an adapter: every kernel against its reference, kernels and whole steps timed, a short run.
# Under 10 minutes on a discrete GPU. Results as JSON files in a directory, to be kept under results/.
#
#   scripts/measure.sh DIRECTORY [PROGRAM]      PROGRAM: target/release/veilgrad unless given
set -eu

out=${1:?usage: scripts/measure.sh DIRECTORY [PROGRAM]}
veilgrad=${2:-target/release/veilgrad}
mkdir -p "$out"

# A step that fails is noted in failed.txt and does not cost the others.
try() {
    name=$1
    shift
    echo "measure: $name" >&2
    if ! "$veilgrad" --quiet "$@" >"$out/$name" 2>"$out/$name.err"; then
        echo "$name: $(tail -n 1 "$out/$name.err")" >>"$out/failed.txt"
    fi
    [ -s "$out/$name.err" ] || rm -f "$out/$name.err"
}

try devices.json devices --json
try check.json check --json
try check-checked.json check --json --checked
try kernels.json bench kernels --json --batch 128,1408 --replicas 1,8
try steps-r1.json bench step --json purchase100
try steps-r8-r64.json bench step --json --replicas 8,64 purchase100
try steps-texas.json bench step --json texas100
try demo.json train --preset demo --out "$out/demo" --force --json

[ ! -e "$out/failed.txt" ] || { cat "$out/failed.txt" >&2; exit 1; }
