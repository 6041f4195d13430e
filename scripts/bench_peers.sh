#!/bin/sh
# Whole steps of veilgrad and of its peers on the same machine, in turn (A B A B), and their ratios.
#
#   scripts/bench_peers.sh [DIRECTORY]      results; target/peers/results unless given
#
# Installs PyTorch, burn and meganeura into target/peers (or $PEERS): 5 GB, and many minutes of compiling.
#   PYTHON   an interpreter that has PyTorch, instead of a new one
#   NETWORK  whose steps: purchase100 or texas100; purchase100 unless given
#   DATA     an npz of bits, `features` [N, F]: its records instead of generated ones, and PyTorch also with an
#            embedding bag as the first layer
#   ONLY     the peers to run, of: torch compiled burn meganeura; all unless given
#   ROUNDS   2 unless given
#   THREADS  PyTorch's on a CPU, a run for each number; "1 2" unless given
#   WARM     1: the caches are warm already, no round before those that count
#   BURN     burn's cases, by parts of their names, with commas between; "plain,k = 1,k = 5" unless given
#   NO_COLD  1: no first steps of the peers with empty caches (burn tunes for minutes)
#   LIMIT    seconds that one program may take; 600 unless given
# A peer that fails is noted in failed.txt with what it said, and does not cost the others.
set -eu
cd "$(dirname "$0")/.."
out=${1:-target/peers/results}
peers=${PEERS-$PWD/target/peers}
network=${NETWORK-purchase100}
only=${ONLY-torch compiled burn meganeura}
veilgrad=${VEILGRAD-${CARGO_TARGET_DIR-target}/release/veilgrad}
mkdir -p "$out" "$peers"
peers=$(cd "$peers" && pwd)
rm -rf "$out"/round-* "$out/start" "$out/failed.txt"

wanted() {
    case " $only " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

cuda=
if command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; then cuda=yes; fi

if { wanted torch || wanted compiled; } && [ -z "${PYTHON-}" ]; then
    PYTHON=$peers/venv/bin/python
    if [ ! -x "$PYTHON" ]; then
        echo "peers: installing PyTorch into $peers/venv" >&2
        python3 -m venv "$peers/venv"
        "$PYTHON" -m pip install --quiet torch numpy
    fi
fi

# build PEER TARGET FEATURES
build() {
    echo "peers: building $2" >&2
    CARGO_TARGET_DIR=$peers/$2 "${CARGO-cargo}" build --release --locked --quiet --features "$3" \
        --manifest-path "benches/peers/$1/Cargo.toml" || echo "$2: does not build" >>"$out/failed.txt"
}
if wanted burn; then
    build burn burn ""
    [ -z "$cuda" ] || build burn burn-cuda cuda
fi
if wanted meganeura; then build meganeura meganeura ""; fi

limited=
if command -v timeout >/dev/null; then limited="timeout ${LIMIT-600}"; fi

# run NAME COMMAND…: its JSON into this round's directory.
run() {
    name=$1
    shift
    echo "peers: $name" >&2
    status=0
    $limited "$@" >"$directory/$name.json" 2>"$directory/$name.err" || status=$?
    if [ "$status" -ne 0 ]; then
        [ "$status" -ne 124 ] || echo "not done after ${LIMIT-600} s" >>"$directory/$name.err"
        echo "$name: $(grep -v '^ *$' "$directory/$name.err" | tail -n 3 | tr '\n' ' ')" >>"$out/failed.txt"
        rm "$directory/$name.json"
    fi
    rm -f "$directory/$name.err"
}

# torch NAME FLAG…
torch() {
    name=$1
    shift
    set -- "$PYTHON" benches/peers/torch_step.py --network "$network" ${DATA:+--data "$DATA"} "$@"
    run "$name" "$@"
    [ -z "${DATA-}" ] || run "bag-$name" "$@" --bag
}

# Each case in a program of its own, so that one that fails does not cost the others.
burn() {
    wanted burn || return 0
    echo "${BURN-plain,k = 1,k = 5}" | tr ',' '\n' | while read -r case; do
        run "$1-$(echo "$case" | tr -d ' =')" "$peers/$1/release/peer-burn" "$case" </dev/null
    done
}

round() {
    directory=$1
    mkdir -p "$directory"
    run veilgrad "$veilgrad" --quiet --json bench step "$network" ${DATA:+--data "$DATA"}
    if [ -n "$cuda" ]; then
        for precision in "" --tf32; do
            if wanted torch; then
                torch "torch-cuda$precision" --device cuda $precision
            fi
            if wanted compiled; then
                torch "compiled-cuda$precision" --device cuda --compile $precision
            fi
        done
        burn burn-cuda
    else
        for threads in ${THREADS-1 2}; do
            if wanted torch; then
                torch "torch-$threads" --threads $threads
            fi
            if wanted compiled; then
                torch "compiled-$threads" --threads $threads --compile
            fi
        done
    fi
    burn burn
    if wanted meganeura; then run meganeura "$peers/meganeura/release/peer-meganeura"; fi
}

# Once for the caches: burn tunes its kernels at run time, PyTorch compiles, drivers translate shaders.
if [ -z "${WARM-}" ]; then
    round "$out/warm-up"
    rm -rf "$out/warm-up" "$out/failed.txt"
fi
number=1
while [ "$number" -le "${ROUNDS-2}" ]; do
    round "$out/round-$number"
    number=$((number + 1))
done

# start NAME PROGRAM…: its first step with empty caches, and again with what that left in them. burn keeps its own
# beside the outermost Cargo.toml above the working directory, and in the user's cache where there is none.
start() {
    program=$1
    shift
    caches=$(mktemp -d)
    for caches_are in cold warm; do
        run "$program-$caches_are" env -u MESA_SHADER_CACHE_DIR XDG_CACHE_HOME="$caches" \
            __GL_SHADER_DISK_CACHE_PATH="$caches" sh -c 'cd "$0" && exec "$@"' "$caches" "$@"
    done
    rm -rf "$caches"
}
directory=$out/start
mkdir -p "$directory"
run veilgrad "$veilgrad" --quiet --json bench start "purchase100 plain"
# No case has this name: the first step is all that burn does.
if wanted burn && [ -z "${NO_COLD-}" ]; then start burn "$peers/burn/release/peer-burn" none; fi
if wanted meganeura && [ -z "${NO_COLD-}" ]; then start meganeura "$peers/meganeura/release/peer-meganeura"; fi

${PYTHON-python3} benches/peers/ratios.py "$out" >"$out/ratios.txt"
cat "$out/ratios.txt"
[ ! -e "$out/failed.txt" ] || { echo "peers that failed:" >&2; cat "$out/failed.txt" >&2; }
