#!/bin/sh
# Makes sure that this machine has a Vulkan driver. Not a test of it: a driver that is there but
# hidden or broken is for the program to report.
#
# Does nothing where a driver is installed, or where the system is not Linux (Metal and DirectX 12
# come with the system). Otherwise installs Mesa's software driver with the system's package manager.
set -eu

say() { printf 'vulkan: %s\n' "$*" >&2; }

[ "$(uname -s)" = Linux ] || exit 0

# Some systems keep ldconfig out of an ordinary user's path.
PATH=$PATH:/usr/sbin:/sbin

have_loader() {
    if ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1'; then return 0; fi
    for library in /lib /lib64 /usr/lib /usr/lib64 /usr/lib/*-linux-gnu* /usr/local/lib /run/opengl-driver/lib; do
        [ -e "$library/libvulkan.so.1" ] && return 0
    done
    return 1
}

# A hardware driver's description says nothing where no GPU is: images often carry one.
have_gpu() {
    for node in /dev/dri/renderD* /dev/nvidia0 /dev/dxg /dev/kgsl-3d0 /dev/mali0; do
        [ -e "$node" ] && return 0
    done
    return 1
}

have_driver() {
    old_ifs=$IFS
    IFS=:
    for file in ${VK_DRIVER_FILES-} ${VK_ICD_FILENAMES-} ${VK_ADD_DRIVER_FILES-}; do
        [ -e "$file" ] && { IFS=$old_ifs; return 0; }
    done
    IFS=$old_ifs
    for place in /usr/share /usr/local/share /etc /etc/xdg /run/opengl-driver/share \
        "${XDG_DATA_HOME:-${HOME-}/.local/share}" "${XDG_CONFIG_HOME:-${HOME-}/.config}"; do
        for file in "$place"/vulkan/icd.d/*.json; do
            case $file in
            */lvp_icd*) [ -e "$file" ] && return 0 ;;
            *) [ -e "$file" ] && have_gpu && return 0 ;;
            esac
        done
    done
    return 1
}

have_loader && have_driver && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi

# Runs a command as root, or says what to do.
root() {
    if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
        say "this needs root, and there is no sudo: run scripts/vulkan.sh as root"
        exit 1
    fi
    say "running: ${as_root:+sudo }$*"
    # shellcheck disable=SC2086 # empty for root, and then no argument at all
    ${as_root:+$as_root} "$@"
}

# This machine's own package source for the suite $1-updates, as one line for $1-backports: its
# mirror and key. Nothing where it has none. Third parties use a release's plain name too; only
# Debian's own sources have -updates.
backports_source() {
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$list" ] || continue
        sed -nE "s/^deb +((\[[^]]*\] +)?[^ ]+) +$1-updates +.*/deb \1 $1-backports main/p" "$list"
    done
    for list in /etc/apt/sources.list.d/*.sources; do
        [ -e "$list" ] || continue
        awk -v suite="$1" '
            function finish(   suite_list, uri_list, i) {
                split(uris, uri_list)
                for (i = split(suites, suite_list); i > 0; i--)
                    if (suite_list[i] == suite "-updates" && uris != "")
                        print "deb " (key == "" ? "" : "[signed-by=" key "] ") uri_list[1], suite "-backports main"
                suites = uris = key = ""
            }
            NF == 0 { finish(); next }
            { field = tolower($1); value = $0; sub(/^[^:]*:/, "", value) }
            field == "suites:" { suites = value }
            field == "uris:" { uris = value }
            field == "signed-by:" { key = $2 } # empty where the key itself stands on further lines
            END { finish() }
        ' "$list"
    done
}

# Installs the packages with apt-get, given the options $@ too; fails where they cannot be.
apt_install() {
    # shellcheck disable=SC2086 # two words
    root apt-get "$@" update && root apt-get "$@" install -y --no-install-recommends $packages
}

install_apt() {
    export DEBIAN_FRONTEND=noninteractive
    packages="mesa-vulkan-drivers libvulkan1"
    # shellcheck disable=SC1091
    suite=$(. /etc/os-release && [ "${ID-}" = debian ] && printf '%s' "${VERSION_CODENAME-}") || suite=
    if [ -z "$suite" ]; then
        apt_install
        return
    fi
    # Debian's stable Mesa runs the kernels at two thirds of the speed of its backport.
    if grep -qs "^[^#]*$suite-backports" /etc/apt/sources.list /etc/apt/sources.list.d/*; then
        apt_install -t "$suite-backports" && return
    else
        source=$(backports_source "$suite" | head -n 1)
        if [ -n "$source" ]; then
            # For these commands alone: the machine's own sources stay as they are.
            sources=$(mktemp -d)
            chmod 755 "$sources"
            for list in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
                if [ -e "$list" ]; then cp "$list" "$sources/"; fi
            done
            printf '%s\n' "$source" >"$sources/backports.list"
            if apt_install -o "Dir::Etc::SourceParts=$sources" -t "$suite-backports"; then
                rm -r "$sources"
                return
            fi
            rm -r "$sources"
        fi
    fi
    say "not from $suite-backports; going on with the system's own packages"
    apt_install
}

say "no Vulkan driver here; installing Mesa's software driver with the system's package manager"
if command -v apt-get >/dev/null; then
    install_apt
elif command -v apk >/dev/null; then
    root apk add mesa-vulkan-swrast vulkan-loader
elif command -v dnf >/dev/null; then
    root dnf install -y mesa-vulkan-drivers vulkan-loader
elif command -v pacman >/dev/null; then
    # A new machine's package lists are empty, and then the first attempt cannot succeed.
    root pacman -S --needed --noconfirm vulkan-swrast vulkan-icd-loader ||
        root pacman -Sy --needed --noconfirm vulkan-swrast vulkan-icd-loader
elif command -v zypper >/dev/null; then
    root zypper --non-interactive install libvulkan_lvp libvulkan1
else
    say "no package manager that this script knows: install your GPU's Vulkan driver, or Mesa's"
    say "software driver (lavapipe) and the Vulkan loader (libvulkan.so.1)"
    exit 1
fi

if ! { have_loader && have_driver; }; then
    say "the packages were installed, but there is still no Vulkan driver: install your GPU's"
    exit 1
fi
say "done"
