//! What to install where there is no adapter: it depends on the operating system, on Linux on the
//! distribution.

/// What this machine is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Machine<'a> {
    /// [`std::env::consts::OS`].
    os: &'a str,
    /// `/etc/os-release`, where there is one.
    release: &'a str,
    /// Linux below Windows (WSL).
    wsl: bool,
    container: bool,
}

/// How to come by an adapter on this machine, in a sentence.
pub(super) fn install() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let there = |path: &str| std::path::Path::new(path).exists();
    let release = read("/etc/os-release");
    advice(Machine {
        os: std::env::consts::OS,
        release: &release,
        wsl: read("/proc/version").to_lowercase().contains("microsoft"),
        container: there("/.dockerenv") || there("/run/.containerenv"),
    })
}

fn advice(machine: Machine) -> String {
    match machine.os {
        "windows" => {
            // DXC needs shader model 6; wgpu leaves out a DX12 adapter that has less, although FXC would do.
            "install the driver of your GPU from its maker; Windows has a software adapter (WARP) of its own \
             for DX12 from Windows 10 on; an adapter without shader model 6 is listed with \
             WGPU_DX12_COMPILER=fxc"
                .to_owned()
        }
        "macos" => {
            "Metal needs macOS 10.13 or later on real hardware: a virtual machine may have none".to_owned()
        }
        "linux" => linux(machine),
        _ => "install a Vulkan driver for your GPU, or Mesa's software one (lavapipe)".to_owned(),
    }
}

fn linux(machine: Machine) -> String {
    let software = format!("a software adapter: {}", mesa(machine.release));
    if machine.wsl {
        return format!(
            "below Windows (WSL) a GPU is reached through Mesa's dzn, which is not conformant: install it with \
             Mesa's Vulkan drivers and name it with --adapter, or use {software}"
        );
    }
    if machine.container {
        return format!(
            "a container sees a GPU only where it is given one (--gpus all with NVIDIA_DRIVER_CAPABILITIES=all \
             for NVIDIA, --device /dev/dri for others) and has its driver inside; or install {software}"
        );
    }
    format!("install your GPU's Vulkan driver, or {software}; `make demo` does the latter by itself")
}

/// The command that installs Mesa's software adapter.
fn mesa(release: &str) -> &'static str {
    let values = release.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key, "ID" | "ID_LIKE").then(|| value.trim_matches('"'))
    });
    let commands = [
        (&["debian", "ubuntu"][..], "apt install mesa-vulkan-drivers"),
        (&["fedora", "rhel", "centos"], "dnf install mesa-vulkan-drivers"),
        (&["arch"], "pacman -S vulkan-swrast"),
        (&["alpine"], "apk add mesa-vulkan-swrast"),
        (&["suse", "opensuse"], "zypper install libvulkan_lvp"),
    ];
    let names: Vec<&str> = values.flat_map(str::split_whitespace).collect();
    let known = commands.iter().find(|(ids, _)| ids.iter().any(|id| names.contains(id)));
    known.map_or("the package of Mesa's lavapipe (often mesa-vulkan-drivers)", |(_, command)| command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_is_that_of_the_machine() {
        let linux = |release| Machine { os: "linux", release, wsl: false, container: false };
        let debian = "PRETTY_NAME=\"Debian\"\nID=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        for (machine, part) in [
            (linux(debian), "apt install mesa-vulkan-drivers"),
            (linux(mint), "apt install mesa-vulkan-drivers"),
            (linux("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\""), "dnf install mesa-vulkan-drivers"),
            (linux("ID=arch"), "pacman -S vulkan-swrast"),
            (linux("ID=alpine"), "apk add mesa-vulkan-swrast"),
            (linux(""), "lavapipe"),
            (Machine { wsl: true, ..linux(debian) }, "dzn"),
            (Machine { container: true, ..linux(debian) }, "--device /dev/dri"),
            (Machine { os: "windows", ..linux("") }, "WARP"),
            (Machine { os: "windows", ..linux("") }, "WGPU_DX12_COMPILER=fxc"),
            (Machine { os: "macos", ..linux("") }, "Metal"),
        ] {
            assert!(advice(machine).contains(part), "{machine:?}: {}", advice(machine));
        }
    }
}
