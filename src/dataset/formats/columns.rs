//! What the columns of a CSV hold, and their encoding as features.
//!
//! Not the file's layout (csv), and not the label's column (labels).

use super::super::encoding::ColumnKind;
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};

/// A column of text with more different values than this is taken for a mistake: a name, an
/// identifier, a date. One feature for each would be memory spent on memorising records.
const MOST_CATEGORIES: usize = 1000;

/// What a column has held so far.
#[derive(Debug)]
pub(super) struct Survey {
    /// How messages name the column.
    title: String,
    records: u64,
    /// Bit v: the field `v`, written just so, has been seen.
    digits: u8,
    /// Every number was 0 or 1.
    binary: bool,
    /// Fields that are no numbers, how many of those would be with a point for their comma, the first.
    others: u64,
    commas: u64,
    first_other: Option<(String, String)>,
    /// The different fields, `0` and `1` apart; `None` once there are too many.
    values: Option<BTreeSet<String>>,
}

impl Survey {
    pub(super) fn new(title: String) -> Self {
        let values = Some(BTreeSet::new());
        Survey { title, records: 0, digits: 0, binary: true, others: 0, commas: 0, first_other: None, values }
    }

    /// Takes the next record's field and returns its value if it is 0 or 1. `place` names file and line.
    ///
    /// # Errors
    /// A number that is NaN, infinite or beyond f32.
    pub(super) fn see(&mut self, field: &[u8], place: impl Fn() -> String) -> Result<Option<f32>> {
        self.records += 1;
        match field {
            b"0" => {
                self.digits |= 1;
                return Ok(Some(0.0));
            }
            b"1" => {
                self.digits |= 2;
                return Ok(Some(1.0));
            }
            _ => {}
        }
        let text = text(field);
        if let Some(values) = &mut self.values
            && !values.contains(&text)
        {
            values.insert(text.clone());
            if values.len() > MOST_CATEGORIES {
                self.values = None;
            }
        }
        match text.parse::<f64>() {
            Ok(value) => {
                let value = value as f32;
                if !value.is_finite() {
                    return Err(Error::data(format!("{}, {}", place(), self.title))
                        .expected("a finite 32-bit number")
                        .found(text)
                        .advice("remove the record or fill the value in"));
                }
                let bit = value == 0.0 || value == 1.0;
                self.binary &= bit;
                Ok(bit.then_some(value))
            }
            Err(_) => {
                self.others += 1;
                self.commas += u64::from(text.replacen(',', ".", 1).parse::<f64>().is_ok());
                self.first_other.get_or_insert_with(|| (place(), text));
                Ok(None)
            }
        }
    }

    /// What the column is, all records seen.
    ///
    /// # Errors
    /// A field that is no number in a column that is mostly numbers; too many categories.
    pub(super) fn kind(self) -> Result<ColumnKind> {
        let Some((place, text)) = self.first_other else {
            return Ok(if self.binary { ColumnKind::Bit } else { ColumnKind::Number });
        };
        let error = Error::data(format!("{place}, {}", self.title));
        if self.commas == self.others {
            return Err(error
                .expected("numbers with a decimal point")
                .found(text)
                .advice("write the column's numbers with a point, and without separators"));
        }
        if 2 * self.others <= self.records {
            let found = if text.is_empty() { "an empty field".to_owned() } else { format!("{text:?}") };
            return Err(error
                .expected("a number, as most records have there")
                .found(found)
                .advice("correct it, fill it in, or remove the record"));
        }
        let Some(mut values) = self.values else {
            return Err(Error::data(format!("{place}, {}", self.title))
                .expected(format!("numbers, or text with at most {MOST_CATEGORIES} different values"))
                .found(format!("more, such as {text:?}"))
                .advice(
                    "remove the column if it is a name, an identifier or a date; or write it as numbers",
                ));
        };
        values.extend(
            ["0", "1"].iter().zip([1, 2]).filter(|(_, b)| self.digits & b != 0).map(|(v, _)| v.to_string()),
        );
        Ok(ColumnKind::Category(values.into_iter().collect()))
    }
}

/// A field without the blanks around it.
pub(super) fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field.trim_ascii()).into_owned()
}

/// Turns fields of a surveyed column into features.
pub(super) enum Encoder {
    Number,
    /// The feature of each value.
    Category(HashMap<String, usize>),
}

impl Encoder {
    pub(super) fn new(kind: &ColumnKind) -> Self {
        match kind {
            ColumnKind::Category(values) => Encoder::Category(values.iter().cloned().zip(0..).collect()),
            ColumnKind::Bit | ColumnKind::Byte | ColumnKind::Number => Encoder::Number,
        }
    }

    /// Appends the features of a field; `None` if the survey has not seen such a field.
    pub(super) fn encode(&self, field: &[u8], row: &mut Vec<f32>) -> Option<()> {
        let text = text(field);
        match self {
            Encoder::Number => row.push(text.parse::<f64>().ok()? as f32),
            Encoder::Category(values) => {
                let value = *values.get(&text)?;
                row.extend((0..values.len()).map(|v| if v == value { 1.0 } else { 0.0 }));
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(fields: &[&str]) -> Result<ColumnKind> {
        let mut survey = Survey::new("column 3 (age)".to_owned());
        for (i, field) in fields.iter().enumerate() {
            survey.see(field.as_bytes(), || format!("f:{}", i + 1))?;
        }
        survey.kind()
    }

    fn refused(fields: &[&str]) -> String {
        survey(fields).expect_err("refused").to_string()
    }

    #[test]
    fn kinds_are_told_apart() {
        assert_eq!(survey(&["0", "1", " 1", "0.0"]), Ok(ColumnKind::Bit));
        assert_eq!(survey(&["0", "1", "2.5"]), Ok(ColumnKind::Number));
        let values = ["", "0", "a", "b"].map(str::to_owned).to_vec();
        assert_eq!(survey(&["b", "a ", "0", "", "b"]), Ok(ColumnKind::Category(values)));
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_line() {
        let message = refused(&["1", "x", "3"]);
        assert!(message.starts_with("f:2, column 3 (age): expected a number"), "{message}");
        assert!(refused(&["1", "", "3"]).contains("an empty field"));
        assert!(refused(&["1", "nan", "3"]).starts_with("f:2"));
        assert!(refused(&["1", "-inf", "3"]).contains("finite"));
        assert!(refused(&["1", "1e39", "3"]).contains("finite"));
        assert!(refused(&["1,5", "2,5", "3"]).contains("decimal point"));
        let names: Vec<String> = (0..1001).map(|i| format!("name {i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(survey(&names[..1000]).is_ok());
        assert!(refused(&names).contains("identifier"));
    }

    #[test]
    fn categories_are_one_hot() {
        let encoder = Encoder::new(&survey(&["red", "blue", "red"]).expect("a category"));
        let mut row = Vec::new();
        encoder.encode(b" red", &mut row).expect("seen");
        encoder.encode(b"blue", &mut row).expect("seen");
        assert_eq!(row, [0.0, 1.0, 1.0, 0.0]);
        assert!(encoder.encode(b"green", &mut row).is_none());
    }
}
