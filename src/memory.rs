//! The machine's memory: whether it has room for what is about to be made, whose size is known before.
//!
//! Linux promises more memory than it has and ends the program that believes it; so what is available is asked for
//! there. Not a limit of our own: what a file may inflate to is limited by the flag `--max-bytes`.

use crate::error::{Error, Result};

/// What is as small as this the process has spare.
const SPARE: u64 = 64 << 20;

/// Refuses to make `what` of something at `place`, of so many bytes, where memory has no room for it.
///
/// # Errors
/// There is less, as far as the system says; the message has both sizes.
pub(crate) fn check(place: &str, what: &str, bytes: u64) -> Result<()> {
    let available = match shortage(bytes) {
        Some(available) => format!("{} available", in_mb(available)),
        // Given back at once: a limit of the process's memory is noticed here, whatever the system.
        None if usize::try_from(bytes)
            .is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok()) =>
        {
            return Ok(());
        }
        None => "no room".to_owned(),
    };
    Err(Error::data(place)
        .expected(format!("{} of free memory for {what}", in_mb(bytes)))
        .found(available)
        .advice("end other programs, or keep fewer records, fewer columns or single precision (float32)"))
}

/// What is available, where it is less than these bytes.
pub(crate) fn shortage(bytes: u64) -> Option<u64> {
    available().filter(|available| bytes > SPARE && bytes > *available)
}

fn in_mb(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// Bytes that this process may still take: of the machine, of its control group, of its address space. Known on Linux
/// alone.
fn available() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| kilobytes(&text, "MemAvailable:"));
    let number = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, used)| most.saturating_sub(used));
    let limit = limit("Max address space");
    let used = read("/proc/self/status").and_then(|text| kilobytes(&text, "VmSize:"));
    let own = limit.zip(used).map(|(most, used)| most.saturating_sub(used));
    [machine, group, own].into_iter().flatten().min()
}

/// The largest file that this process may write (`ulimit -f`), where it is smaller than so many bytes. Known on Linux
/// alone. Mesa's software driver keeps its memory in files without a name, and the system ends a program that goes
/// beyond the limit in one (SIGBUS).
pub(crate) fn file_shortage(bytes: u64) -> Option<u64> {
    if bytes > SPARE { limit("Max file size").filter(|most| *most < bytes) } else { None }
}

/// The limit of this process that is called so, where there is one.
fn limit(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
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
    fn what_has_no_room_is_named_with_both_sizes() {
        assert_eq!(kilobytes("MemTotal: 9 kB\nMemAvailable:   7 kB\n", "MemAvailable:"), Some(7 * 1024));
        check("a.csv", "little", 1 << 20).expect("a megabyte");
        let error = check("a.csv", "9 records of 5 features", 1 << 60).unwrap_err().to_string();
        let begin = "a.csv: expected 1152921504607 MB of free memory for 9 records of 5 features, found ";
        assert!(error.starts_with(begin), "{error}");
        if cfg!(target_os = "linux") {
            assert!(available().is_some_and(|bytes| bytes > 1 << 20));
            assert!(error.contains(" available"), "{error}");
        }
    }
}
