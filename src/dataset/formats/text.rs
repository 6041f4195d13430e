//! The form of purchase100.txt: `f1,…,fF;label`, a record a line, no header.
//!
//! Not a reader of its own: once the semicolon is a comma, it is a CSV whose last column is the label.

use std::io::{self, Read};

/// Whether a file's first line has this form: commas, then one semicolon with the label after it.
pub(super) fn is_form(line: &[u8]) -> bool {
    let semicolon = line.iter().position(|b| *b == b';');
    semicolon
        .is_some_and(|at| line[..at].contains(&b',') && !line[at + 1..].iter().any(|b| b",;".contains(b)))
}

/// Gives commas for semicolons.
pub(super) struct Commas<R>(pub(super) R);

impl<R: Read> Read for Commas<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        buffer[..count].iter_mut().filter(|b| **b == b';').for_each(|b| *b = b',');
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_form_is_recognized() {
        assert!(is_form(b"0,1,0;12"));
        assert!(!is_form(b"0,1,0,12"));
        assert!(!is_form(b"0;1;12"));
        assert!(!is_form(b"0,5;1,5;12"));
    }

    #[test]
    fn semicolons_become_commas() {
        let mut text = String::new();
        Commas(&b"0,1;2\n1,1;0\n"[..]).read_to_string(&mut text).expect("read");
        assert_eq!(text, "0,1,2\n1,1,0\n");
    }
}
