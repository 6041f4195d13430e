//! Whether memory has room for what is about to be made of a file: its size is known before.
//!
//! Linux promises more memory than it has and ends the program that believes it; so what is available is asked for
//! there.

use super::formats::memory::available;
use crate::error::{Error, Result};

/// Refuses to begin `what` at `place`, of so many bytes, where memory has no room for it.
///
/// # Errors
/// There is less, as far as the system says.
pub(super) fn check(place: &str, what: &str, bytes: usize) -> Result<()> {
    let found = match available() {
        Some(available) if available < bytes as u64 => format!("{} available", megabytes(available)),
        // Given back at once: a limit of the process's memory is noticed here.
        _ if Vec::<u8>::new().try_reserve_exact(bytes).is_err() => "no room".to_owned(),
        _ => return Ok(()),
    };
    Err(Error::data(place)
        .expected(format!("{} of memory for {what}", megabytes(bytes as u64)))
        .found(found)
        .advice("end other programs, leave columns out with --drop, or give fewer records"))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_named_with_its_size() {
        check("a.csv", "little", 1 << 20).unwrap();
        let error = check("a.csv", "9 records of 5 features", 1 << 50).unwrap_err().to_string();
        let begin = "a.csv: expected 1125899906.8 MB of memory for 9 records of 5 features, found ";
        assert!(error.starts_with(begin), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_says_what_is_available() {
        assert!(available().is_some_and(|bytes| bytes > 1 << 20));
    }
}
