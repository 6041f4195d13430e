#!/bin/sh
# Builds the Windows program here and runs it under wine: windows.sh WORKDIR.
#
# `veilgrad check` through Vulkan, which wine hands to this machine's driver, must pass. Through DX12 (vkd3d of Debian,
# shaders by Microsoft's FXC) what it says is shown and not judged: how far that carries is wine's matter. Installs what
# is missing: Rust's target with rustup, mingw-w64, wine and vkd3d with apt-get, FXC as scripts/hlsl.sh does.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
cd "$here/.."
say() { printf 'windows: %s\n' "$*" >&2; }

sh scripts/hlsl.sh
tools=${VEILGRAD_HLSL:-$here/../target/hlsl}
if ! command -v x86_64-w64-mingw32-gcc >/dev/null; then
    [ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
    # shellcheck disable=SC2086 # empty for root
    $as_root apt-get install -y -qq --no-install-recommends gcc-mingw-w64-x86-64 >&2
fi
rustup target list --installed | grep -q x86_64-pc-windows-gnu || rustup target add x86_64-pc-windows-gnu
# shellcheck disable=SC2086 # words
${CARGO:-cargo} build ${CARGOFLAGS-} --bin veilgrad --target x86_64-pc-windows-gnu
cp "${CARGO_TARGET_DIR:-target}/x86_64-pc-windows-gnu/debug/veilgrad.exe" "$work/"
cp "$tools/d3dcompiler_47.dll" "$tools/dxcompiler.dll" "$work/"

export WINEPREFIX="$work/prefix" WINEDEBUG=-all WINEDLLOVERRIDES="d3dcompiler_47=n"
cd "$work"
wine=wine
command -v xvfb-run >/dev/null && wine="xvfb-run -a wine"
# check LOG VARIABLES: `check` under wine; its exit status.
check() {
    # shellcheck disable=SC2086 # words
    env $2 timeout 900 $wine ./veilgrad.exe check --untuned >"$1" 2>&1
}
failed=0
check vulkan.log WGPU_BACKEND=vulkan || failed=$?
printf 'Vulkan: ended with %s, %s kernels ok, %s failed\n' "$failed" "$(grep -c '^ok ' vulkan.log || true)" \
    "$(grep -c '^FAILED' vulkan.log || true)"
status=0
check dx12.log "WGPU_BACKEND=dx12 WGPU_DX12_COMPILER=fxc" || status=$?
printf 'DX12: ended with %s, %s kernels ok, %s failed; last words:\n' "$status" \
    "$(grep -c '^ok ' dx12.log || true)" "$(grep -c '^FAILED' dx12.log || true)"
tail -n 3 dx12.log
exit "$failed"
