//! A table in CSV that is safe to open: in a spreadsheet, and in a terminal.
//!
//! Not what stands in it.

use crate::error::{Error, Kind, Result};

/// A table under way.
pub(super) struct Csv(csv::Writer<Vec<u8>>);

impl Csv {
    /// With these columns, which blanks divide.
    pub(super) fn new(columns: &str) -> Result<Self> {
        let mut csv = Csv(csv::Writer::from_writer(vec![]));
        csv.row(columns.split_whitespace().map(str::to_owned))?;
        Ok(csv)
    }

    /// Adds a row, each cell as [`safe`] makes it.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) -> Result<()> {
        self.0.write_record(cells.into_iter().map(safe)).map_err(|e| failed(&e.to_string()))
    }

    pub(super) fn bytes(self) -> Result<Vec<u8>> {
        self.0.into_inner().map_err(|e| failed(&e.to_string()))
    }
}

fn failed(found: &str) -> Error {
    Error::new(Kind::Io, "table").found(found)
}

/// The cell as it may stand in a table. Text of other people's files (names of classes, of persons) may be
/// made to do harm: control characters are escaped (`\u{1b}`), and what a spreadsheet would run as a formula,
/// since it begins with one of `= + - @`, a tab or a carriage return, begins with an apostrophe in its place
/// (OWASP, "CSV Injection"). A number stays one.
pub(crate) fn safe(cell: String) -> String {
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠');
    let quoted = cell.trim_start_matches(' ').starts_with(formula) && cell.parse::<f64>().is_err();
    let escaped = cell.chars().any(char::is_control);
    if !(quoted || escaped) {
        return cell;
    }
    let mut text = if quoted { "'".to_owned() } else { String::new() };
    for c in cell.chars() {
        match c.is_control() {
            true => text.extend(c.escape_default()),
            false => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_and_control_characters_are_text() {
        let safe = |cell: &str| safe(cell.to_owned());
        for (cell, expected) in [
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            (" =1", "' =1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("-2.5e-3", "-2.5e-3"),
            ("+5", "+5"),
            ("-inf", "-inf"),
            ("a-b", "a-b"),
            ("a\u{1b}[31mred\n", "a\\u{1b}[31mred\\n"),
            ("Müller, \"A\"", "Müller, \"A\""),
            ("", ""),
        ] {
            assert_eq!(safe(cell), expected, "{cell:?}");
        }
    }
}
