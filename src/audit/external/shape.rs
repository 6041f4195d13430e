//! Arrays whose shapes do not fit each other.

use crate::error::{Error, Result};

pub(super) fn check_length(place: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::data(place)
        .expected(format!("{expected} elements, one for each label"))
        .found(found.to_string()))
}

pub(super) fn unfit(place: &str, expected: &[usize], found: &[usize]) -> Error {
    Error::data(place).expected(format!("the shape {expected:?}")).found(format!("{found:?}"))
}
