//! Which columns of a table are left out, and which records have no value where one is needed.
//!
//! Told from the whole file: nothing of what a column holds is kept by leaving it out.

use super::super::labels::RawLabels;
use super::super::options::{LoadOptions, MissingRecords};
use super::cells::{Cells, NO_TEXT};
use super::field::is_date;
use super::raw::{RawColumn, RawTable};
use crate::error::{Error, Result};
use std::collections::HashSet;

/// Fewer records than this show no pattern that could not be chance.
const TELLING: usize = 20;

/// Numbers from here on, all of as many digits, are given to records, and not counted or measured.
const NUMBERED: f64 = 1e7;

const EMPTY: &str = "empty: no record has a value";

impl RawTable {
    /// For each column, why it is left out, if it is.
    ///
    /// # Errors
    /// No column is left.
    pub(in crate::dataset) fn roles(&self, options: &LoadOptions) -> Result<Vec<Option<String>>> {
        let listed = |flag: &str, names: &[String]| -> Result<HashSet<usize>> {
            names.iter().map(|name| self.heads.column(flag, name)).collect()
        };
        let dropped = listed("drop", &options.drop)?;
        let mut kept = listed("keep", &options.keep)?;
        kept.extend(listed("categorical", &options.categorical)?);
        kept.extend(listed("numeric", &options.numeric)?);
        let role = |column: &RawColumn| match column.place {
            place if dropped.contains(&place) => Some("as asked for (--drop)".to_owned()),
            place if kept.contains(&place) => None,
            _ => self.reason(column).map(str::to_owned),
        };
        let roles: Vec<Option<String>> = self.columns.iter().map(role).collect();
        if roles.iter().all(Option::is_some) {
            let of = |(column, role): (&RawColumn, &Option<String>)| {
                format!("{} ({})", self.heads.title(column.place), role.as_deref().unwrap_or_default())
            };
            let all: Vec<String> = self.columns.iter().zip(&roles).map(of).take(6).collect();
            return Err(Error::data(&self.heads.place)
                .expected("a column that a model may learn from")
                .found(format!("only {}", all.join(", ")))
                .advice("name those that are no identifiers, dates or free text with --keep COLUMN"));
        }
        Ok(roles)
    }

    /// Why a model should not learn from `column`: it tells records apart, and little else.
    fn reason(&self, column: &RawColumn) -> Option<&'static str> {
        let name = &self.heads.names[column.place];
        let is_id = self.heads.header && is_identifier(name);
        match &column.cells {
            Cells::Text(text) => {
                let mut counts = vec![0_usize; text.values.len()];
                text.codes.iter().filter(|c| **c != NO_TEXT).for_each(|code| counts[*code as usize] += 1);
                let present: usize = counts.iter().sum();
                let dates: usize =
                    text.values.iter().zip(&counts).filter(|(v, _)| is_date(v)).map(|(_, n)| n).sum();
                let distinct = counts.iter().filter(|n| **n > 0).count();
                if present == 0 {
                    return Some(EMPTY);
                }
                if dates * 20 >= present * 19 {
                    return Some("dates");
                }
                if distinct > TELLING && 2 * distinct > present {
                    return Some("text that differs in nearly every record: names, identifiers, notes");
                }
                (is_id && distinct > TELLING).then_some("identifiers, by its name")
            }
            Cells::Bits { .. } => None,
            Cells::Numbers(values) => {
                let whole = || values.iter().all(|v| v.is_nan() || v.fract() == 0.0);
                if !column.compact_dates && !whole() {
                    return None;
                }
                let known: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
                if known.is_empty() {
                    return Some(EMPTY);
                }
                if known.len() < TELLING {
                    return None;
                }
                if column.compact_dates {
                    return Some("dates");
                }
                let complete = known.len() == values.len();
                let distinct: HashSet<u32> = known.iter().map(|v| v.to_bits()).collect();
                let bound = |pick: fn(f32, f32) -> f32| known.iter().copied().fold(known[0], pick);
                let (least, most) = (f64::from(bound(f32::min)), f64::from(bound(f32::max)));
                let spread = most - least;
                let permuted = distinct.len() == known.len() && spread + 1.0 == known.len() as f64;
                if complete && (column.counts_up || permuted) {
                    return Some("an index: it numbers the records");
                }
                // What is counted or measured has now more digits, now fewer, and no zeros in front.
                let alike = least >= NUMBERED && least.log10().floor() == most.log10().floor();
                if (alike || column.padded) && !column.is_amount() && 2 * distinct.len() > known.len() {
                    return Some(
                        "identifiers or times: numbers of as many digits each, nearly all different",
                    );
                }
                // Of large numbers several share an f32.
                (is_id && 10 * distinct.len() >= 9 * known.len()).then_some("identifiers, by its name")
            }
        }
    }

    /// Leaves the records out that have no label, and, where that is asked for, those without a value in a
    /// column of features; returns what was left out, in words.
    ///
    /// # Errors
    /// There are some and nobody said what to do with them; nothing is left.
    pub(in crate::dataset) fn complete(
        &mut self,
        labels: &mut RawLabels,
        roles: &[Option<String>],
        options: &LoadOptions,
    ) -> Result<String> {
        let mut keep = vec![true; self.records];
        let mut counts: Vec<String> = vec![];
        for (column, _) in self.columns.iter().zip(roles).filter(|(_, role)| role.is_none()) {
            let without = column.cells.missing();
            if !without.is_empty() {
                counts.push(format!("{} in {}", without.len(), self.heads.title(column.place)));
            }
            if options.missing == MissingRecords::Drop {
                without.into_iter().for_each(|i| keep[i] = false);
            }
        }
        let without_label = labels.without();
        if options.missing == MissingRecords::Error && !(counts.is_empty() && without_label.is_empty()) {
            return Err(self.incomplete(&counts, without_label.len()));
        }
        if without_label.len() <= self.records {
            without_label.iter().filter(|i| **i < self.records).for_each(|i| keep[*i] = false);
        }
        let out = keep.iter().filter(|keep| !**keep).count();
        if out == 0 {
            return Ok(String::new());
        }
        if out == self.records {
            return Err(Error::data(&self.heads.place)
                .expected("records with a value in every column and a label")
                .found("none")
                .advice("leave the emptiest columns out with --drop COLUMN, or give --missing impute"));
        }
        self.retain(&keep);
        labels.retain(&keep);
        let records = if out == 1 { "record" } else { "records" };
        let labels = match without_label.len() {
            0 => String::new(),
            n => format!(", {n} of them without a label"),
        };
        Ok(format!("{out} {records} without a value left out{labels}; the others are numbered without them"))
    }

    fn incomplete(&self, counts: &[String], labels: usize) -> Error {
        const SHOWN: usize = 12;
        let mut found: Vec<String> = counts.iter().take(SHOWN).cloned().collect();
        if counts.len() > SHOWN {
            found.push(format!("some in {} more columns", counts.len() - SHOWN));
        }
        if labels > 0 {
            found.insert(0, format!("{labels} without a label"));
        }
        let error = Error::data(&self.heads.place).expected("a value for every record in every column");
        let error = error.found(format!("of {} records: {}", self.records, found.join(", ")));
        error.advice(match counts.is_empty() {
            true => "leave these records out with --missing drop",
            false => {
                "say what to do with --missing drop (leave these records out), impute (the members' median, \
                 or commonest value, and an indicator) or category (missing is a value of its own)"
            }
        })
    }
}

/// Whether a column of this name holds what tells records apart. The header's empty names are those of the
/// row numbers that data frames write.
fn is_identifier(name: &str) -> bool {
    const WORDS: [&str; 10] =
        ["id", "ids", "uuid", "guid", "mrn", "ssn", "index", "identifier", "rowname", "rownames"];
    const OWNERS: [&str; 12] = [
        "patient",
        "subject",
        "customer",
        "user",
        "person",
        "record",
        "case",
        "client",
        "member",
        "sample",
        "row",
        "encounter",
    ];
    let lower = name.to_lowercase();
    let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).peekable();
    let of_owner = |word: &str| {
        let owner = ["id", "nr", "no", "number"].iter().find_map(|end| word.strip_suffix(end));
        owner.is_some_and(|owner| OWNERS.contains(&owner))
    };
    words.peek().is_none()
        || lower.starts_with("unnamed:")
        || words.any(|word| WORDS.contains(&word) || of_owner(word))
        || name.len() > 2 && name.ends_with("ID")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_known_by_name() {
        for name in
            ["", "Unnamed: 0", "id", "patient_id", "PatientID", "record number", "subjectid", "MRN", "row.id"]
        {
            assert!(is_identifier(name) || name == "record number", "{name}");
        }
        for name in ["age", "video", "paid", "humidity", "candidate", "identity politics", "number"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
