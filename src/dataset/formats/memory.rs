//! Whether what is to be read fits the machine's memory, asked before any is taken.
//!
//! Not a limit of our own: what a file may inflate to is limited by the flag `--max-bytes`.

use crate::error::{Error, Result};

/// Refuses to read something at `place` that takes `bytes` where less is available. Where the system does not
/// say how much is (it is asked on Linux alone), nothing is refused.
///
/// # Errors
/// Too little memory; the message has both sizes.
pub(crate) fn check(place: &str, bytes: u64) -> Result<()> {
    // What is as small as this the process has spare.
    const SPARE: u64 = 64 << 20;
    match available() {
        Some(available) if bytes > SPARE && bytes > available => Err(Error::data(place)
            .expected(format!("{} of free memory, to hold it", in_mb(bytes)))
            .found(in_mb(available))
            .advice("use a machine with more memory, or keep fewer records or single precision (float32)")),
        _ => Ok(()),
    }
}

fn in_mb(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// Bytes that this process may still take: of the machine, of its control group, of its address space.
pub(crate) fn available() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let number = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, used)| most.saturating_sub(used));
    let limit = read("/proc/self/limits").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?.to_owned();
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    let used = read("/proc/self/status").and_then(|text| kilobytes(&text, "VmSize:"));
    let own = limit.zip(used).map(|(most, used)| most.saturating_sub(used));
    [machine, group, own].into_iter().flatten().min()
}

/// The number of the line that begins with `key`, which is in kilobytes, in bytes.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_no_machine_is_refused_with_both_sizes() {
        assert_eq!(kilobytes("MemTotal: 9 kB\nMemAvailable:   7 kB\n", "MemAvailable:"), Some(7 * 1024));
        check("f", 1 << 20).expect("a megabyte");
        if cfg!(target_os = "linux") {
            let message = check("f[logits]", 1 << 60).expect_err("a million terabytes").to_string();
            assert!(message.starts_with("f[logits]: expected 1152921504607 MB of free memory"), "{message}");
        }
    }
}
