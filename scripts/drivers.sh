#!/bin/sh
# Runs `veilgrad check` and `veilgrad demo` on every Vulkan driver that software can be, and prints a table:
#
#   drivers.sh PROGRAM WORKDIR
#
# Mesa's lavapipe as installed, at other vector widths and at WebGPU's default limits; Debian 12's own lavapipe,
# unpacked into WORKDIR; Google's SwiftShader, which Chromium brings; and, with validation in all its forms, Khronos'
# layer. Installs what is missing with apt-get. Ends with 1 where a check or a demonstration fails; each is given
# VEILGRAD_DEMO_SECONDS (600). What the layer prints is shown by kind, for a person to judge.
set -eu

program=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
seconds=${VEILGRAD_DEMO_SECONDS:-600}
failed=0

say() { printf 'drivers: %s\n' "$*" >&2; }

install() {
    [ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
    say "running: ${as_root:+sudo }apt-get install $*"
    # shellcheck disable=SC2086 # empty for root
    $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# now: seconds since whenever, with two digits.
now() { date +%s.%N; }

# timed NAME COMMAND…: runs it below the time limit, its output in NAME.log; sets `took` and `ended`.
timed() {
    log=$work/$1.log
    shift
    start=$(now)
    ended=0
    timeout "$seconds" "$@" >"$log" 2>&1 || ended=$?
    took=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.1f s", b - a }')
}

# row NAME VARIABLES FLAGS: one line of the table.
row() {
    name=$1
    key=$(printf '%s' "$name" | tr -c 'a-zA-Z0-9\n' _)
    # Pipelines that another row compiled must not be there already.
    rm -rf "${work:?}/$key"
    mkdir -p "$work/$key"
    # shellcheck disable=SC2086 # words
    run="env XDG_CACHE_HOME=$work/$key $2 $program --untuned $3"
    # shellcheck disable=SC2086
    device=$(cd "$work" && $run devices 2>/dev/null | sed -n '/(taken/{s/^[0-9]* *//;s/ *(taken.*//p;q;}') || device=
    # shellcheck disable=SC2086
    timed "$key.check" $run check
    kernels=$(grep -c '^ok ' "$log" || true)
    bad=$(grep -c '^FAILED' "$log" || true)
    check="$kernels ok, $bad failed, $took"
    if [ "$ended" -ne 0 ]; then
        check="ended with $ended: $check"
        failed=1
    fi
    # shellcheck disable=SC2086
    cd "$work/$key" && timed "$key.demo" $run demo --quiet
    case $ended in
    0) demo=$took ;;
    124) demo="not done in $seconds s" failed=1 ;;
    *) demo="ended with $ended" failed=1 ;;
    esac
    printf '| %s | %s | %s | %s |\n' "$name" "${device:-none}" "$check" "$demo"
}

command -v ldconfig >/dev/null || PATH=$PATH:/usr/sbin:/sbin
lavapipe=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json | head -n 1)
lavapipe="VK_DRIVER_FILES=$lavapipe VK_ICD_FILENAMES=$lavapipe"

printf '| driver | adapter | check | demo |\n|---|---|---|---|\n'
row "lavapipe, installed" "$lavapipe" ""
row "lavapipe, --limits webgpu" "$lavapipe" "--limits webgpu"
row "lavapipe, vectors of 128 bits" "$lavapipe LP_NATIVE_VECTOR_WIDTH=128" ""
row "lavapipe, vectors of 512 bits" "$lavapipe LP_NATIVE_VECTOR_WIDTH=512" ""

# Debian 12's, beside a newer one: its library from the package, without installing it.
old=$(apt-cache madison mesa-vulkan-drivers | awk '$3 ~ /^22\./ { print $3; exit }')
if [ -n "$old" ]; then
    if [ ! -e "$work/mesa22/usr" ]; then
        mkdir -p "$work/mesa22"
        (cd "$work/mesa22" && apt-get download -qq "mesa-vulkan-drivers=$old" && dpkg-deb -x ./*.deb .) >&2
        ldconfig -p | grep -q 'libLLVM-15' || install libllvm15
    fi
    library=$(find "$work/mesa22" -name 'libvulkan_lvp.so')
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}' "$library" \
        >"$work/mesa22/lavapipe.json"
    row "lavapipe ${old%%-*}" \
        "VK_DRIVER_FILES=$work/mesa22/lavapipe.json VK_ICD_FILENAMES=$work/mesa22/lavapipe.json" ""
fi

[ -e /usr/lib/chromium/vk_swiftshader_icd.json ] || install chromium
swift=/usr/lib/chromium/vk_swiftshader_icd.json
row "SwiftShader, of Chromium" "VK_DRIVER_FILES=$swift VK_ICD_FILENAMES=$swift" ""

# What Khronos' layer prints of a check with synchronization and with GPU-assisted validation; best practices are the
# control, of which it always has something to say. wgpu's own validation is off: it would keep the messages.
[ -e /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json ] || install vulkan-validationlayers
for kind in SYNCHRONIZATION_VALIDATION GPU_ASSISTED BEST_PRACTICES; do
    printf 'khronos_validation.%s\n' "debug_action = VK_DBG_LAYER_ACTION_LOG_MSG" "log_filename = stdout" \
        "report_flags = error,warn,perf" "enables = VK_VALIDATION_FEATURE_ENABLE_${kind}_EXT" \
        >"$work/vk_layer_settings.txt"
    # shellcheck disable=SC2086
    timed "$kind" env $lavapipe VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation \
        VK_LAYER_SETTINGS_PATH="$work" VK_LAYER_ENABLES="VK_VALIDATION_FEATURE_ENABLE_${kind}_EXT" \
        WGPU_VALIDATION=0 "$program" --untuned check
    found=$(grep -oE '(VUID|SYNC|UNASSIGNED)-[A-Za-z0-9_-]+' "$log" | sort | uniq -c | sort -rn || true)
    printf '\n%s: check ended with %s in %s; messages by kind:\n%s\n' "$kind" "$ended" "$took" "${found:-none}"
    # The control: without its messages the layer was not there, and what the others did not print says nothing.
    if [ "$kind" = BEST_PRACTICES ] && [ -z "$found" ]; then
        say "no message of best practices: the layer is not loaded"
        failed=1
    fi
done
exit $failed
