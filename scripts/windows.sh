#!/bin/sh
# Builds the Windows program here and runs it under wine: windows.sh WORKDIR.
#
# `veilgrad check` must pass through Vulkan, which wine hands to this machine's driver, and through DX12 (wine's vkd3d
# over the same driver, shaders by Microsoft's FXC). Installs what is missing: Rust's target with rustup, mingw-w64, wine
# and Xvfb with apt-get, FXC as scripts/hlsl.sh does.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
cd "$here/.."
say() { printf 'windows: %s\n' "$*" >&2; }

sh scripts/hlsl.sh
tools=${VEILGRAD_HLSL:-$here/../target/hlsl}
# need COMMAND PACKAGE…: installs the packages where the command is missing.
need() {
    command -v "$1" >/dev/null && return
    shift
    [ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
    say "running: ${as_root:+sudo }apt-get install $*"
    # shellcheck disable=SC2086 # empty for root
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends "$@"; } >&2
}
need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
# Without a display wine starts no program that may open a window.
need xvfb-run xvfb xauth
rustup target list --installed | grep -q x86_64-pc-windows-gnu || rustup target add x86_64-pc-windows-gnu
# shellcheck disable=SC2086 # words
${CARGO:-cargo} build ${CARGOFLAGS-} --bin veilgrad --target x86_64-pc-windows-gnu
cp "${CARGO_TARGET_DIR:-target}/x86_64-pc-windows-gnu/debug/veilgrad.exe" "$work/"
cp "$tools/d3dcompiler_47.dll" "$tools/dxcompiler.dll" "$work/"

x86_64-w64-mingw32-gcc -O1 -shared -o "$work/bcryptprimitives.dll" scripts/windows/bcryptprimitives.c -ladvapi32

export WINEPREFIX="$work/prefix" WINEDEBUG=-all WINEDLLOVERRIDES="d3dcompiler_47=n"
cd "$work"
failed=0
# check NAME VARIABLE…: `check` under wine; what it came to.
check() {
    name=$1
    shift
    status=0
    env "$@" timeout 1800 xvfb-run -a wine ./veilgrad.exe check --untuned >"$name.log" 2>&1 || status=$?
    [ "$status" -eq 0 ] || failed=1
    printf '%s: ended with %s, %s kernels ok, %s failed\n' "$name" "$status" "$(grep -c '^ok ' "$name.log" || true)" \
        "$(grep -c '^FAILED' "$name.log" || true)"
    [ "$status" -eq 0 ] || tail -n 3 "$name.log"
}
check vulkan WGPU_BACKEND=vulkan
# vkd3d takes shaders of model 5.1 alone, which FXC makes; with DXC wgpu would leave its adapter out. wgpu makes a heap
# of descriptors for each layout, vkd3d a Vulkan descriptor set of a million for each heap, and lavapipe takes 244 MB for
# each of those, whatever part of it is asked for. With virtual heaps vkd3d makes none.
check dx12 WGPU_BACKEND=dx12 WGPU_DX12_COMPILER=fxc VKD3D_CONFIG=virtual_heaps
exit "$failed"
