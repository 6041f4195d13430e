#!/bin/sh
# hlsl.sh dxc|fxc FILE…: compiles HLSL files of the current folder with Microsoft's compilers, and prints
# scripts/hlsl/compile.cpp's line for each. Without arguments: only makes sure that all of it is there.
#
# The compilers come from npm's package webgpu, which ships both as DLLs for Windows; away from Windows they run under
# wine. Whatever is missing is installed with apt-get, saying so; all else lies in target/hlsl.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=${VEILGRAD_HLSL:-$here/../target/hlsl}
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)

windows() { case $(uname -s) in MINGW* | MSYS* | CYGWIN*) return 0 ;; *) return 1 ;; esac }

# need COMMAND PACKAGE…: installs the packages where the command is missing.
need() {
    command -v "$1" >/dev/null && return
    shift
    [ "$(id -u)" -eq 0 ] && as_root= || as_root=sudo
    printf 'hlsl: running: %sapt-get install %s\n' "${as_root:+sudo }" "$*" >&2
    # shellcheck disable=SC2086 # empty for root
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends "$@"; } >&2
}

if [ ! -e "$tools/dxcompiler.dll" ] || [ ! -e "$tools/d3dcompiler_47.dll" ]; then
    command -v npm >/dev/null || need npm npm
    (cd "$tools" && npm pack --silent webgpu@0.6.2 >/dev/null && tar -xzf webgpu-*.tgz && rm webgpu-*.tgz)
    cp "$tools"/package/dist/win32-x64/*.dll "$tools/"
    rm -r "$tools/package"
fi
if windows; then compiler=g++; else compiler=x86_64-w64-mingw32-g++; fi
if [ ! -e "$tools/compile.exe" ] || [ "$here/hlsl/compile.cpp" -nt "$tools/compile.exe" ]; then
    windows || need "$compiler" g++-mingw-w64-x86-64
    "$compiler" -O1 -static -Wno-delete-non-virtual-dtor -o "$tools/compile.exe" "$here/hlsl/compile.cpp"
fi
windows || need wine wine wine64
[ $# -gt 0 ] || exit 0

if windows; then exec "$tools/compile.exe" "$@"; fi
# wine brings a d3dcompiler of its own, which is not Microsoft's.
export WINEPREFIX="$tools/prefix" WINEDEBUG=-all WINEDLLOVERRIDES="d3dcompiler_47=n"
exec timeout 900 wine "$tools/compile.exe" "$@"
