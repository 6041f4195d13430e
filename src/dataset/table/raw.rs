//! A table as it was read: each column in the least form that holds it, missing values known as such.
//!
//! Not what the columns mean (`roles`, `infer`).

use super::super::labels::RawLabels;
use super::super::options::LoadOptions;
use super::Rows;
use super::cells::{Cells, NO_TEXT, TextCells};
use super::columns::{self, TakesFields};
use super::field::{is_compact_date, is_missing, is_missing_number, number, plain, text};
use super::heads::Heads;
use crate::error::{Error, Result};
use std::collections::BTreeSet;

/// N records of a table, without the label.
#[derive(Debug)]
pub(in crate::dataset) struct RawTable {
    pub(in crate::dataset) heads: Heads,
    /// The label's place among the file's columns.
    pub(in crate::dataset) label: Option<usize>,
    /// Without the label.
    pub(super) columns: Vec<RawColumn>,
    pub(super) records: usize,
    pub(super) decimal_comma: bool,
}

/// A column, and what its fields had in common.
#[derive(Debug)]
pub(super) struct RawColumn {
    /// Its place in the file.
    pub(super) place: usize,
    pub(super) cells: Cells,
    /// What stands beside its numbers: `%`, currencies.
    pub(super) units: BTreeSet<String>,
    /// Whether each number is the one before it and 1, without a gap.
    pub(super) counts_up: bool,
    /// Whether all numbers are dates such as 20210919.
    pub(super) compact_dates: bool,
    /// Whether a number was written with zeros in front.
    pub(super) padded: bool,
    last: Option<f64>,
    numbers: usize,
    /// Of these, how many had a unit.
    marked: usize,
    /// Fields that are no value only where the others are numbers.
    weak: usize,
    /// Whether it is text because a person said so, or because it was found to be.
    is_known_text: bool,
    /// Fields that are no numbers, how many of those would be with a decimal comma, the first of them.
    others: usize,
    commas: usize,
    first_other: Option<(String, String)>,
    /// A number with a comma between thousands.
    first_thousands: Option<(String, String)>,
}

impl RawColumn {
    fn new(place: usize, as_text: bool) -> Self {
        let cells = match as_text {
            true => Cells::Text(TextCells::default()),
            false => Cells::Bits { words: vec![], count: 0 },
        };
        RawColumn {
            place,
            cells,
            units: BTreeSet::new(),
            counts_up: true,
            compact_dates: true,
            padded: false,
            last: None,
            numbers: 0,
            marked: 0,
            weak: 0,
            is_known_text: as_text,
            others: 0,
            commas: 0,
            first_other: None,
            first_thousands: None,
        }
    }

    /// Takes the next record's field.
    ///
    /// # Errors
    /// A number that is infinite or beyond f32.
    fn see(&mut self, field: &[u8], decimal_comma: bool, place: &dyn Fn() -> String) -> Result<()> {
        // What most fields of most files are: a number in a column of numbers.
        if matches!(self.cells, Cells::Numbers(_))
            && !decimal_comma
            && let Some(value) = plain(field).filter(|value| !value.is_nan())
        {
            return self.take(value, field, place);
        }
        let field = field.trim_ascii();
        if let Cells::Text(cells) = &mut self.cells {
            let text = text(field);
            match is_missing(&text) {
                true => cells.codes.push(NO_TEXT),
                false => cells.push(text),
            }
            return Ok(());
        }
        let bit = match field {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        };
        if let Some(bit) = bit {
            self.note(f64::from(u8::from(bit)));
            self.cells.push_bit(bit);
            return Ok(());
        }
        let plain = if decimal_comma { None } else { plain(field) };
        if let Some(value) = plain.filter(|value| !value.is_nan()) {
            return self.take(value, field, place);
        }
        let text = text(field);
        if is_missing_number(&text) {
            self.weak += usize::from(!is_missing(&text));
            self.cells.push_number(f32::NAN);
            return Ok(());
        }
        match number(&text, decimal_comma) {
            Some(number) => {
                if number.thousands {
                    self.first_thousands.get_or_insert_with(|| (place(), text.clone()));
                }
                if !number.unit.is_empty() {
                    self.units.insert(number.unit);
                    self.marked += 1;
                }
                self.take(number.value, field, place)
            }
            None => {
                let comma = text.contains(',') && number(&text, true).is_some();
                (self.others, self.commas) = (self.others + 1, self.commas + usize::from(comma));
                self.first_other.get_or_insert_with(|| (place(), text.clone()));
                self.cells.push_number(f32::NAN);
                if self.numbers == 0 && self.weak == 0 && !comma {
                    // Nothing is lost yet: most columns of text need no second pass.
                    self.cells = Cells::Text(TextCells::missing(self.cells.len() - 1));
                    self.see(field, decimal_comma, place)?;
                }
                Ok(())
            }
        }
    }

    fn take(&mut self, value: f64, field: &[u8], place: &dyn Fn() -> String) -> Result<()> {
        let short = value as f32;
        if !short.is_finite() {
            return Err(Error::data(place())
                .expected("a finite 32-bit number")
                .found(text(field))
                .advice("remove the record or fill the value in"));
        }
        self.note(value);
        self.padded |= matches!(field, [b'0', b'0'..=b'9', ..]);
        self.cells.push_number(short);
        Ok(())
    }

    fn note(&mut self, value: f64) {
        self.counts_up = self.counts_up && self.last.is_none_or(|last| value == last + 1.0);
        self.compact_dates = self.compact_dates && is_compact_date(value);
        (self.last, self.numbers) = (Some(value), self.numbers + 1);
    }

    /// Whether its numbers were written as amounts are: with a unit, or separators between thousands.
    pub(super) fn is_amount(&self) -> bool {
        !self.units.is_empty() || self.first_thousands.is_some()
    }

    /// Whether the column has to be read again as text: most of it is no numbers.
    ///
    /// # Errors
    /// A field that is no number where most are; numbers that may be meant in two ways.
    fn is_text(&self, heads: &Heads, options: &LoadOptions) -> Result<bool> {
        let error = |(place, text): &(String, String)| Error::data(place).found(format!("{text:?}"));
        let name = match heads.names[self.place].as_str() {
            "" => self.place.to_string(),
            name => format!("'{name}'"),
        };
        if let Some(first) = &self.first_thousands
            && heads.semicolons
            && options.decimal_comma.is_none()
        {
            return Err(error(first)
                .expected("numbers that can be meant in one way only")
                .advice("say whether the comma is the decimal sign (--decimal ,) or not (--decimal .)"));
        }
        let (mut numbers, mut others) = (self.numbers, self.others);
        if let Cells::Text(text) = &self.cells {
            let is_number: Vec<bool> = text
                .values
                .iter()
                .map(|v| number(v, options.decimal_comma == Some(true)).is_some())
                .collect();
            let known = || text.codes.iter().filter(|code| **code != NO_TEXT);
            numbers = known().filter(|code| is_number[**code as usize]).count();
            others = known().count() - numbers;
        }
        let Some(first) = self.first_other.as_ref().filter(|_| !self.is_known_text) else {
            let marked: Vec<&str> = self.units.iter().map(String::as_str).collect();
            if marked.len() > 1 || marked == ["%"] && self.marked < self.numbers {
                return Err(Error::data(format!("{}, {}", heads.place, heads.title(self.place)))
                    .expected("numbers of one unit")
                    .found(format!("{} and others", marked.join(", ")))
                    .advice(format!("write them alike, or leave the column out with --drop {name}")));
            }
            return Ok(false);
        };
        if self.commas == others {
            return Err(error(first)
                .expected("numbers with a decimal point")
                .advice("give --decimal , if the comma is the decimal sign of this file"));
        }
        let is_number = self.is_forced(&options.numeric, heads)?;
        if is_number || 2 * others <= numbers + others {
            let expected = if is_number {
                "a number, as --numeric says"
            } else {
                "a number, as most records have there"
            };
            let advice = match is_number {
                true => "correct it, or remove the record".to_owned(),
                false => format!("correct it, or give --categorical {name} if these are names of something"),
            };
            return Err(error(first).expected(expected).advice(advice));
        }
        Ok(!matches!(self.cells, Cells::Text(_)))
    }

    fn is_forced(&self, names: &[String], heads: &Heads) -> Result<bool> {
        for name in names {
            if heads.column("numeric", name)? == self.place {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A column while it is read.
enum Part<'a> {
    Label(RawLabels),
    Features { column: Box<RawColumn>, heads: &'a Heads, decimal_comma: bool },
}

impl TakesFields for Part<'_> {
    fn take_field(&mut self, field: &[u8], place: &dyn Fn() -> String) -> Result<()> {
        match self {
            Part::Label(labels) => labels.push_field(field, place),
            Part::Features { column, heads, decimal_comma } => {
                let at = column.place;
                column.see(field, *decimal_comma, &|| format!("{}, {}", place(), heads.title(at)))
            }
        }
    }
}

impl RawTable {
    /// Reads `rows`, the label from column `label`.
    ///
    /// # Errors
    /// A record that cannot be read; a column that is neither numbers nor text.
    pub(in crate::dataset) fn read(
        rows: &dyn Rows,
        label: Option<usize>,
        options: &LoadOptions,
    ) -> Result<(Self, RawLabels)> {
        let heads = rows.heads();
        for (flag, names) in options.column_lists() {
            for name in names {
                let column = heads.column(flag, name)?;
                if Some(column) == label {
                    return Err(Error::usage(format!("--{flag} {name}"))
                        .expected("a column of features")
                        .found("the label's"));
                }
            }
        }
        let mut as_text = BTreeSet::new();
        for name in &options.categorical {
            as_text.insert(heads.column("categorical", name)?);
        }
        loop {
            let (table, labels) = Self::read_once(rows, label, options, &as_text)?;
            let again: Vec<usize> = table.text_columns(options)?;
            // A column is text or not: this ends after one more pass.
            if again.is_empty() {
                return Ok((table, labels));
            }
            as_text.extend(again);
        }
    }

    fn read_once(
        rows: &dyn Rows,
        label: Option<usize>,
        options: &LoadOptions,
        as_text: &BTreeSet<usize>,
    ) -> Result<(Self, RawLabels)> {
        let heads = rows.heads();
        let decimal_comma = options.decimal_comma.unwrap_or(false);
        let part = |j: usize| match Some(j) == label {
            true => Part::Label(RawLabels::default()),
            false => Part::Features {
                column: Box::new(RawColumn::new(j, as_text.contains(&j))),
                heads,
                decimal_comma,
            },
        };
        let mut parts: Vec<(usize, Part)> = (0..heads.names.len()).map(|j| (j, part(j))).collect();
        let records = columns::read(rows, &mut parts)?;
        let (mut columns, mut labels) = (vec![], RawLabels::default());
        for (_, part) in parts {
            match part {
                Part::Label(read) => labels = read,
                Part::Features { column, .. } => columns.push(*column),
            }
        }
        Ok((RawTable { heads: heads.clone(), label, columns, records, decimal_comma }, labels))
    }

    /// The places of the columns that turned out to be text.
    fn text_columns(&self, options: &LoadOptions) -> Result<Vec<usize>> {
        let mut found = vec![];
        for column in &self.columns {
            if column.is_text(&self.heads, options)? {
                found.push(column.place);
            }
        }
        Ok(found)
    }

    /// Leaves the records out that `keep` does not keep.
    pub(in crate::dataset) fn retain(&mut self, keep: &[bool]) {
        self.columns.iter_mut().for_each(|column| column.cells.retain(keep));
        self.records = keep.iter().filter(|keep| **keep).count();
    }

    /// N.
    pub(in crate::dataset) fn records(&self) -> usize {
        self.records
    }
}

#[cfg(test)]
mod tests {
    use super::super::Take;
    use super::super::cells::Cell;
    use super::*;
    use ::csv::ByteRecord;

    /// A table of one column, `a`.
    struct Column<'a>(Heads, &'a [&'a str]);

    impl Rows for Column<'_> {
        fn heads(&self) -> &Heads {
            &self.0
        }

        fn place(&self, at: u64) -> String {
            format!("f:{}", at + 1)
        }

        fn each(&self, take: Take) -> Result<()> {
            for (i, field) in self.1.iter().enumerate() {
                take(Ok(&ByteRecord::from(vec![*field])), i as u64)?;
            }
            Ok(())
        }
    }

    fn read(fields: &[&str], options: &LoadOptions) -> Result<RawTable> {
        let heads =
            Heads { place: "f".to_owned(), names: vec!["a".to_owned()], header: true, ..Heads::default() };
        Ok(RawTable::read(&Column(heads, fields), None, options)?.0)
    }

    fn cells(fields: &[&str]) -> Cells {
        read(fields, &LoadOptions::default()).expect("read").columns.remove(0).cells
    }

    fn refused(fields: &[&str]) -> String {
        read(fields, &LoadOptions::default()).expect_err("refused").to_string()
    }

    #[test]
    fn a_column_takes_the_least_form_that_holds_it() {
        assert!(matches!(cells(&["0", "1", "1"]), Cells::Bits { words, count: 3 } if words == [6]));
        let numbers = cells(&["0", "", "2.5", "$3"]);
        assert_eq!((numbers.get(0), numbers.get(1)), (Cell::Number(0.0), Cell::Missing));
        assert_eq!((numbers.get(2), numbers.get(3)), (Cell::Number(2.5), Cell::Number(3.0)));
        let text = cells(&["0", "a", "NA", "b", "2.50", "a", "c"]);
        assert_eq!(
            (text.get(0), text.get(2), text.get(4)),
            (Cell::Text("0"), Cell::Missing, Cell::Text("2.50"))
        );
    }

    #[test]
    fn what_is_meant_in_two_ways_is_refused() {
        assert!(refused(&["1", "x", "3"]).starts_with("f:2, column 0 (a): expected a number"));
        assert!(refused(&["428", "250.1", "V45"]).contains("--categorical 'a'"));
        assert!(refused(&["1,5", "2,5", "3"]).contains("--decimal ,"));
        assert!(refused(&["5%", "0.1"]).contains("numbers of one unit"));
        assert!(refused(&["$5", "€6"]).contains("numbers of one unit"));
        assert!(refused(&["1", "inf", "3"]).contains("finite"));
        assert!(refused(&["1", "1e39", "3"]).contains("f:2, column 0 (a): expected a finite"));
        let options = LoadOptions { numeric: vec!["a".to_owned()], ..LoadOptions::default() };
        assert!(read(&["a", "b", "3"], &options).expect_err("text").to_string().contains("--numeric"));
        let options = LoadOptions { categorical: vec!["a".to_owned()], ..LoadOptions::default() };
        assert!(matches!(read(&["1", "2"], &options).expect("codes").columns[0].cells, Cells::Text(_)));
    }
}
