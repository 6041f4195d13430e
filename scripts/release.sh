#!/bin/sh
# release.sh TARGET OUT: the archive of a release for a target of Rust's, with its checksum, in OUT.
#
# In it: the program, both licenses, the licenses of what is linked, an SBOM (CycloneDX), the README, completions and
# manual pages. For Linux it is built against glibc 2.31 by cargo-zigbuild, so that it starts on every distribution
# since 2020; there is no musl build, since Vulkan drivers are loaded at run time. For Windows DXC is linked. Needs
# cargo-about and cargo-cyclonedx, and for Linux cargo-zigbuild with ziglang (PyPI has both).
set -eu

cd "$(dirname "$0")/.."
target=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
glibc=2.31
cargo=${CARGO:-cargo}
say() { printf 'release: %s\n' "$*" >&2; }

for tool in cyclonedx about; do
    if ! $cargo "$tool" --version >/dev/null 2>&1; then
        say "cargo-$tool is missing: cargo install --locked cargo-$tool (cargo-about with --features cli)"
        exit 1
    fi
done

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
built=${CARGO_TARGET_DIR:-target}/$target/release
program=veilgrad
case $target in
*-linux-gnu) $cargo zigbuild --release --locked --bin veilgrad --target "$target.$glibc" ;;
*-windows-msvc)
    program=veilgrad.exe
    $cargo build --release --locked --bin veilgrad --target "$target" --features static-dxc
    ;;
*) $cargo build --release --locked --bin veilgrad --target "$target" ;;
esac

# The newest symbol of glibc that the program asks for.
case $target in
*-linux-gnu)
    newest=$(python3 - "$built/$program" <<'P'
import re, sys
found = re.findall(rb"\x00GLIBC_(\d+)\.(\d+)", open(sys.argv[1], "rb").read())
print("%d.%d" % max((int(a), int(b)) for a, b in found))
P
    )
    say "asks for glibc $newest"
    if [ "$(printf '%s\n' "$newest" "$glibc" | sort -V | tail -n 1)" != "$glibc" ]; then
        say "expected no symbol newer than glibc $glibc"
        exit 1
    fi
    ;;
esac

name=veilgrad-$version-$target
rm -rf "${out:?}/$name"
mkdir -p "$out/$name/completions"
cp "$built/$program" README.md LICENSE-MIT LICENSE-APACHE "$out/$name/"
# From the packages alone: otherwise it asks code hosts, without a time limit, for texts that a package lacks.
$cargo fetch --locked --quiet
$cargo about generate --frozen --target "$target" -o "$out/$name/LICENSES-OF-DEPENDENCIES.html" about.hbs
$cargo cyclonedx --format json --target "$target" --override-filename sbom
mv sbom.json "$out/$name/sbom.cdx.json"

# Completions and pages are the same on every machine: from this one's own program where the target's does not run.
run() {
    "$out/$name/$program" "$@" 2>/dev/null || $cargo run --quiet --release --locked -- "$@"
}
run man --out "$out/$name/man" >/dev/null
for shell in bash zsh fish powershell elvish; do
    run completions $shell >"$out/$name/completions/veilgrad.$shell"
done

cd "$out"
case $target in
*-windows-*) archive=$name.zip && python3 -m zipfile -c "$archive" "$name" ;;
*) archive=$name.tar.gz && tar -czf "$archive" "$name" ;;
esac
rm -r "${name:?}"
python3 - "$archive" >"$archive.sha256" <<'P'
import hashlib, sys
print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest() + "  " + sys.argv[1])
P
say "$out/$archive"
