//! The schema of a table, from the members: what would tell of fewer than five of them is not in it.
//!
//! What a column is (numbers, text, left out) is told from the whole file; which values it has, and what
//! stands for a missing one, from the members alone.

use super::super::options::MissingRecords;
use super::super::schema::{ColumnKind, Columns, LEAST_MEMBERS, Missing, OTHER, Schema};
use super::cells::{Cell, Cells, TextCells};
use super::field::three_digits;
use super::raw::{RawColumn, RawTable};
use crate::error::{Error, Result};

/// More categories than this are taken for a mistake: one feature for each would be memory spent on
/// memorising records.
const MOST_CATEGORIES: usize = 1000;

/// The records that a schema is learnt from.
#[derive(Debug, Clone, Copy)]
pub(in crate::dataset) enum LearnFrom<'a> {
    /// Every record, whatever few of them have: of data that are nobody's secret.
    Everything,
    /// The members of each replica, by their numbers: what counts is what the members of every replica have.
    Members(&'a [Vec<u32>]),
}

impl LearnFrom<'_> {
    /// How many must share what is kept.
    pub(in crate::dataset) fn least(self) -> usize {
        match self {
            LearnFrom::Everything => 1,
            LearnFrom::Members(_) => LEAST_MEMBERS,
        }
    }

    /// The fewest of any replica's records for which `holds`; 0 where `holds` is for none.
    fn fewest(self, records: usize, holds: impl Fn(usize) -> bool) -> usize {
        match self {
            LearnFrom::Everything => (0..records).filter(|i| holds(*i)).count(),
            LearnFrom::Members(lists) => {
                let count = |list: &Vec<u32>| list.iter().filter(|i| holds(**i as usize)).count();
                lists.iter().map(count).min().unwrap_or(0)
            }
        }
    }

    /// The fewest of any replica's records that have each of `n` codes.
    pub(in crate::dataset) fn fewest_of_each(self, codes: &[u32], n: usize) -> Vec<usize> {
        let counts = |records: &mut dyn Iterator<Item = usize>| {
            let mut counts = vec![0_usize; n];
            records.filter_map(|i| counts.get_mut(codes[i] as usize).map(|c| *c += 1)).for_each(drop);
            counts
        };
        match self {
            LearnFrom::Everything => counts(&mut (0..codes.len())),
            LearnFrom::Members(lists) => {
                let mut all = lists.iter().map(|list| counts(&mut list.iter().map(|i| *i as usize)));
                let first = all.next().unwrap_or_else(|| vec![0; n]);
                all.fold(first, |least, next| least.iter().zip(next).map(|(a, b)| *a.min(&b)).collect())
            }
        }
    }

    /// The records of any replica, each once, in order.
    fn records(self, records: usize) -> Vec<usize> {
        match self {
            LearnFrom::Everything => (0..records).collect(),
            LearnFrom::Members(lists) => {
                let mut is_member = vec![false; records];
                lists.iter().flatten().for_each(|i| is_member[*i as usize] = true);
                (0..records).filter(|i| is_member[*i]).collect()
            }
        }
    }
}

impl RawTable {
    /// The schema, without the label; `roles` says which columns are left out.
    ///
    /// # Errors
    /// More categories than a model should have; no column left.
    pub(in crate::dataset) fn infer(
        &self,
        from: LearnFrom,
        roles: &[Option<String>],
        missing: MissingRecords,
    ) -> Result<Schema> {
        let records = from.records(self.records);
        let mut columns = vec![];
        for (column, role) in self.columns.iter().zip(roles) {
            let name = &self.heads.names[column.place];
            columns.push(match role {
                Some(why) => Columns::dropped(name, why.as_str()),
                None => self.column(column, from, &records, missing)?,
            });
        }
        let schema = Schema { decimal_comma: self.decimal_comma, ..Schema::new(columns) };
        if schema.width() == 0 {
            return Err(Error::data(&self.heads.place)
                .expected("a column whose values several members share")
                .found("none")
                .advice("train on more members"));
        }
        Ok(schema)
    }

    fn column(
        &self,
        column: &RawColumn,
        from: LearnFrom,
        records: &[usize],
        missing: MissingRecords,
    ) -> Result<Columns> {
        let name = &self.heads.names[column.place];
        let without = match column.cells.missing().is_empty() {
            true => 0,
            false => from.fewest(self.records, |i| column.cells.get(i) == Cell::Missing),
        };
        let indicator = without >= from.least();
        let fills = matches!(missing, MissingRecords::Impute | MissingRecords::Category);
        let Cells::Text(text) = &column.cells else {
            let is_bit = |i: usize| matches!(column.cells.get(i), Cell::Number(0.0 | 1.0) | Cell::Missing);
            let kind = match (0..self.records).all(is_bit) {
                true => ColumnKind::Bit,
                false => ColumnKind::Number,
            };
            let fill = || median(column, records, kind).to_string();
            return Ok(Columns {
                unit: column.units.first().cloned().unwrap_or_default(),
                missing: if fills { Missing::Fill } else { Missing::Refuse },
                fill: if fills { fill() } else { String::new() },
                indicator: fills && indicator,
                ..Columns::new(name, kind)
            });
        };
        let counts = from.fewest_of_each(&text.codes, text.values.len());
        let (mut values, other) = vocabulary(text, &counts, from);
        if values.is_empty() {
            let why = format!("no value of it is shared by {} members", from.least());
            return Ok(Columns::dropped(name, why));
        }
        if values.len() > MOST_CATEGORIES {
            return Err(Error::data(format!("{}, {}", self.heads.place, self.heads.title(column.place)))
                .expected(format!("numbers, or text with at most {MOST_CATEGORIES} different values"))
                .found(values.len().to_string())
                .advice("leave the column out with --drop, or write it as numbers"));
        }
        values.sort();
        let commonest = || {
            let best = (0..text.values.len())
                .filter(|code| values.contains(&text.values[*code]))
                .max_by(|a, b| counts[*a].cmp(&counts[*b]).then(text.values[*b].cmp(&text.values[*a])));
            best.map(|code| text.values[code].clone()).unwrap_or_default()
        };
        let (missing, fill) = match missing {
            MissingRecords::Impute => (Missing::Fill, commonest()),
            MissingRecords::Category => (Missing::Category, String::new()),
            MissingRecords::Error | MissingRecords::Drop => (Missing::Refuse, String::new()),
        };
        let indicator = fills && indicator;
        Ok(Columns { values, other, missing, fill, indicator, ..Columns::new(name, ColumnKind::Category) })
    }
}

/// The values that enough members have, and whether enough members have another one.
fn vocabulary(text: &TextCells, counts: &[usize], from: LearnFrom) -> (Vec<String>, bool) {
    let least = from.least();
    let is_common = |code: u32| counts.get(code as usize).is_some_and(|n| *n >= least);
    let values: Vec<String> =
        (0..).zip(&text.values).filter(|(c, _)| is_common(*c)).map(|(_, v)| v.clone()).collect();
    let is_rare = |i: usize| (text.codes[i] as usize) < text.values.len() && !is_common(text.codes[i]);
    let other = from.fewest(text.codes.len(), is_rare) >= least;
    // A file's own `other` takes them all.
    let named = values.iter().any(|value| value == OTHER);
    (values, other && !named)
}

/// The median of the records' values, to three digits; of bits the commoner one.
fn median(column: &RawColumn, records: &[usize], kind: ColumnKind) -> f32 {
    let known = |i: &usize| match column.cells.get(*i) {
        Cell::Number(value) => Some(value),
        _ => None,
    };
    let mut values: Vec<f32> = records.iter().filter_map(known).collect();
    if values.is_empty() {
        return 0.0;
    }
    values.sort_by(f32::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    let median = (f64::from(low) + f64::from(high)) as f32 / 2.0;
    if kind == ColumnKind::Bit { f32::from(u8::from(median > 0.5)) } else { three_digits(median) }
}
