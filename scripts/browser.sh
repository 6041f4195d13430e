#!/bin/sh
# Makes sure that this machine has a browser for the tests that look at a report in one.
#
# Does nothing where one is found. Otherwise installs Chromium with the system's package manager, saying so. Where that
# does not succeed the tests go on, and the one that needs a browser fails and says what to install.
set -eu

say() { printf 'browser: %s\n' "$*" >&2; }

[ -n "${VEILGRAD_BROWSER-}" ] && exit 0
for name in chromium chromium-browser google-chrome-stable google-chrome chromium-headless-shell; do
    command -v "$name" >/dev/null && exit 0
done
[ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        say "there is none, and installing one needs root: a test will fail; install Chromium"
        exit 0
    fi
    as_root=sudo
fi

# Runs a command as root.
root() {
    say "running: ${as_root:+sudo }$*"
    # shellcheck disable=SC2086 # empty for root, and then no argument at all
    ${as_root:+$as_root} "$@"
}

say "no browser here; installing Chromium with the system's package manager"
if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    root apt-get update && root apt-get install -y --no-install-recommends chromium fonts-liberation
elif command -v apk >/dev/null; then
    root apk add chromium font-liberation
elif command -v dnf >/dev/null; then
    root dnf install -y chromium liberation-sans-fonts
elif command -v pacman >/dev/null; then
    root pacman -Sy --needed --noconfirm chromium ttf-liberation
elif command -v zypper >/dev/null; then
    root zypper --non-interactive install chromium liberation-fonts
else
    false
fi || say "it was not installed: a test will fail; install Chromium, or name a browser in VEILGRAD_BROWSER"
