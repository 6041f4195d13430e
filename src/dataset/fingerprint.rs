//! A fingerprint of data as they were read: whether a file still holds what a run was begun with, and what is
//! other where it does not.
//!
//! Not for models, which must not give away whose records they were trained on: a fingerprint stays with the run.
//! BLAKE3 decides. The sums beside it are for the words alone: they are linear, so that all columns and records
//! are summed in the one pass that hashes, and a sum is never taken as a proof that something is the same.

use super::features::Features;
use super::records::Dataset;
use super::schema::{ColumnKind, Schema};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Parts of the records at least, where there are as many: so exactly a change is placed.
const PARTS: usize = 64;

/// What tells one reading of a file from another. Hashes are in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// BLAKE3 of all that follows but the sums.
    pub data: String,
    /// BLAKE3 of the schema, with the columns' and the classes' names.
    pub schema: String,
    /// How the features are stored: `bits`, `bytes` or `floats`.
    pub form: String,
    /// How many records there are.
    pub records: usize,
    /// BLAKE3 of the labels in their order.
    pub labels: String,
    /// Records in each of the parts, the last aside.
    pub part: usize,
    /// BLAKE3 of the features of each part.
    pub parts: Vec<String>,
    /// A sum for each feature, in the order of the records.
    pub features: Vec<String>,
    /// A sum over the records with their labels that their order does not change.
    pub any_order: String,
}

impl Fingerprint {
    /// Of `dataset`.
    ///
    /// # Errors
    /// None for a schema of text and numbers.
    pub fn of(dataset: &Dataset) -> Result<Self> {
        Self::in_parts(dataset, (dataset.records() / PARTS).max(1).next_power_of_two())
    }

    /// Of `dataset`, to be compared with `self`.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn again(&self, dataset: &Dataset) -> Result<Self> {
        Self::in_parts(dataset, self.part.max(1))
    }

    fn in_parts(dataset: &Dataset, part: usize) -> Result<Self> {
        let mut schema = blake3::Hasher::new();
        schema.update(dataset.schema.to_toml()?.as_bytes());
        // A name may hold anything, so its length says where it ends.
        for name in &dataset.class_names {
            schema.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes());
        }
        let Sums { parts, features, any_order } = sums(dataset, part);
        let found = Fingerprint {
            data: String::new(),
            schema: schema.finalize().to_hex().to_string(),
            form: form(&dataset.features).to_owned(),
            records: dataset.records(),
            labels: blake3::hash(bytemuck::cast_slice(&dataset.labels)).to_hex().to_string(),
            part,
            parts: parts.iter().map(|hash| hash.to_hex().to_string()).collect(),
            features: features.iter().map(|sum| format!("{sum:016x}")).collect(),
            any_order: format!("{any_order:016x}"),
        };
        let mut all = blake3::Hasher::new();
        for text in [&found.schema, &found.form, &found.labels].into_iter().chain(&found.parts) {
            all.update(text.as_bytes());
        }
        for number in [found.records, dataset.width(), part] {
            all.update(&(number as u64).to_le_bytes());
        }
        Ok(Fingerprint { data: all.finalize().to_hex().to_string(), ..found })
    }

    /// What is other in `now`, in words; `None` where it is the same data. `schema` is that of `now`.
    pub fn difference(&self, now: &Fingerprint, schema: &Schema) -> Option<String> {
        if self.data == now.data {
            return None;
        }
        let mut found = vec![];
        if self.features.len() != now.features.len() {
            found.push(format!("{} features instead of {}", now.features.len(), self.features.len()));
        } else if self.schema != now.schema {
            found.push("other columns or classes".to_owned());
        }
        let same_until = self.parts.iter().zip(&now.parts).take_while(|(a, b)| a == b).count() * self.part;
        if self.records != now.records {
            let (more, less) =
                (now.records.saturating_sub(self.records), self.records.saturating_sub(now.records));
            let change = if more > 0 { format!("{more} added") } else { format!("{less} removed") };
            let same = match same_until.min(now.records) {
                0 => "the first of them are others too".to_owned(),
                1 => "the first is the same".to_owned(),
                n => format!("the first {n} are the same"),
            };
            found.push(format!("{} records instead of {} ({change}; {same})", now.records, self.records));
        } else if self.any_order == now.any_order {
            found.push("the same records in another order".to_owned());
        } else {
            if self.form != now.form {
                found.push(format!("{} instead of {}", now.form, self.form));
            } else if self.parts != now.parts && self.features.len() == now.features.len() {
                let columns = changed_columns(&self.features, &now.features, schema);
                found.push(format!("{columns} changed, {}", self.changed_records(now)));
            }
            if self.labels != now.labels {
                found.push("labels changed".to_owned());
            }
        }
        if found.is_empty() {
            found.push("its values".to_owned());
        }
        Some(found.join("; "))
    }

    /// Where records lie that changed, as exactly as the parts tell.
    fn changed_records(&self, now: &Fingerprint) -> String {
        let changed: Vec<usize> = (0..self.parts.len()).filter(|i| self.parts[*i] != now.parts[*i]).collect();
        let (Some(first), Some(last)) = (changed.first(), changed.last()) else { return String::new() };
        let (first, last) = (first * self.part, ((last + 1) * self.part).min(self.records) - 1);
        match first == last {
            true => format!("in record {first}, counted from 0"),
            false => format!("within records {first} to {last}, counted from 0"),
        }
    }
}

/// The columns whose features have other sums, by name where they have one.
fn changed_columns(before: &[String], now: &[String], schema: &Schema) -> String {
    const SHOWN: usize = 6;
    let mut names = vec![];
    let mut feature = 0;
    for (place, column) in schema.each().enumerate() {
        let features = feature..feature + column.width();
        feature = features.end;
        if column.kind != ColumnKind::Drop && before.get(features.clone()) != now.get(features) {
            names.push(match column.name.is_empty() {
                true => format!("{place}, counted from 0"),
                false => format!("{:?}", column.name),
            });
        }
    }
    let more = names.len().saturating_sub(SHOWN);
    let column = if names.len() == 1 { "column" } else { "columns" };
    names.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{column} {}{more}", names.join(", "))
}

fn form(features: &Features) -> &'static str {
    match features {
        Features::Bits { .. } => "bits",
        Features::Bytes { .. } => "bytes",
        Features::Floats { .. } => "floats",
    }
}

/// What one pass over the features gives.
struct Sums {
    parts: Vec<blake3::Hash>,
    /// \[F\]: Σᵢ wᵢ xᵢⱼ modulo 2⁶⁴ over the records i, with weights w that are odd and below 2³²: as x is too, a
    /// single value that changes always changes it.
    features: Vec<u64>,
    /// Σᵢ m(yᵢ + Σⱼ vⱼ xᵢⱼ) modulo 2⁶⁴, m a mixing of bits.
    any_order: u64,
}

/// The features of some records, one after another, as 32-bit words.
fn words(features: &Features, records: std::ops::Range<usize>) -> &[u32] {
    let stride = features.stride();
    let range = records.start * stride..records.end * stride;
    match features {
        Features::Bits { words, .. } | Features::Bytes { words, .. } => &words[range],
        Features::Floats { values, .. } => bytemuck::cast_slice(&values[range]),
    }
}

fn sums(dataset: &Dataset, part: usize) -> Sums {
    let (records, width) = (dataset.records(), dataset.width());
    let count = records.div_ceil(part);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let each = count.div_ceil(threads).max(1);
    let of_parts = |first: usize| {
        let mut found = Sums { parts: vec![], features: vec![0; width], any_order: 0 };
        for i in first..(first + each).min(count) {
            found.part(dataset, i * part..((i + 1) * part).min(records));
        }
        found
    };
    let found: Vec<Sums> = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..count).step_by(each).map(|first| scope.spawn(move || of_parts(first))).collect();
        let joined = started.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|sums| sums.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut all = Sums { parts: vec![], features: vec![0; width], any_order: 0 };
    for sums in found {
        all.parts.extend(sums.parts);
        all.features.iter_mut().zip(sums.features).for_each(|(all, sum)| *all = all.wrapping_add(sum));
        all.any_order = all.any_order.wrapping_add(sums.any_order);
    }
    all
}

impl Sums {
    fn part(&mut self, dataset: &Dataset, records: std::ops::Range<usize>) {
        let features = &dataset.features;
        let words = words(features, records.clone());
        self.parts.push(blake3::hash(bytemuck::cast_slice(words)));
        let stride = features.stride();
        let weights: Vec<u32> = (0..stride as u64).map(|j| mixed(!j) as u32).collect();
        for (i, row) in records.zip(words.chunks_exact(stride)) {
            let products = row.iter().zip(&weights).map(|(x, v)| u64::from(*x) * u64::from(*v));
            let record = products.fold(u64::from(dataset.labels[i]), u64::wrapping_add);
            self.any_order = self.any_order.wrapping_add(mixed(record));
            self.row(row, features, u64::from(mixed(i as u64) as u32 | 1));
        }
    }

    /// Adds a record of weight `w` to the features' sums.
    fn row(&mut self, row: &[u32], features: &Features, w: u64) {
        let add = |sum: &mut u64, product: u64| *sum = sum.wrapping_add(product);
        match features {
            Features::Floats { .. } => {
                self.features
                    .iter_mut()
                    .zip(row)
                    .for_each(|(sum, x)| add(sum, w.wrapping_mul(u64::from(*x))));
            }
            Features::Bytes { .. } => {
                for (sums, word) in self.features.chunks_mut(4).zip(row) {
                    let bytes = word.to_le_bytes();
                    sums.iter_mut().zip(bytes).for_each(|(sum, x)| add(sum, w.wrapping_mul(u64::from(x))));
                }
            }
            Features::Bits { .. } => {
                for (sums, word) in self.features.chunks_mut(32).zip(row) {
                    let bit = |j: usize| u64::from(word >> j & 1);
                    sums.iter_mut().enumerate().for_each(|(j, sum)| add(sum, bit(j).wrapping_neg() & w));
                }
            }
        }
    }
}

/// The bits of `x` mixed: a bijection (the finalizer of SplitMix64, Steele, Lea and Flood 2014).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

#[cfg(test)]
mod tests {
    use super::super::features::{Builder, Wide};
    use super::super::schema::Columns;
    use super::*;

    const NAMES: [&str; 3] = ["age", "sex", "dose"];

    /// Records by their numbers, as `value` has them.
    fn dataset(records: &[usize], wide: Wide, value: impl Fn(usize, usize) -> f32) -> Dataset {
        let mut builder = Builder::new(3, wide);
        for &i in records {
            builder.push(&[0, 1, 2].map(|j| value(i, j))).unwrap();
        }
        Dataset {
            name: String::new(),
            kind: String::new(),
            features: builder.finish(),
            labels: records.iter().map(|&i| (i % 2) as u32).collect(),
            classes: 2,
            class_names: ["a".to_owned(), "b".to_owned()].to_vec(),
            schema: Schema::new(NAMES.map(|name| Columns::new(name, ColumnKind::Number))),
            image: None,
        }
    }

    fn found(before: &Dataset, now: &Dataset) -> Option<String> {
        let of = Fingerprint::of(before).unwrap();
        let text = serde_json::to_string(&of).unwrap();
        let of: Fingerprint = serde_json::from_str(&text).unwrap();
        of.difference(&of.again(now).unwrap(), &now.schema)
    }

    #[test]
    fn what_is_other_is_named() {
        let all: Vec<usize> = (0..1000).collect();
        type Value = fn(usize, usize) -> f32;
        let forms: [(Wide, Value); 3] = [
            (Wide::Floats, |i, j| (i * 3 + j) as f32 / 7.0),
            (Wide::Bytes, |i, j| ((i * 3 + j) % 251) as f32),
            (Wide::Floats, |i, j| ((i * i + j) % 3 == 0) as u32 as f32),
        ];
        for (wide, value) in forms {
            let before = dataset(&all, wide, value);
            assert_eq!(found(&before, &before), None);
            let is = |now: &Dataset, expected: &str| {
                let found = found(&before, now).expect("other data");
                assert!(found.contains(expected), "{found:?} without {expected:?}");
            };
            let other = |i: usize, j: usize| if value(i, j) == 0.0 { 1.0 } else { 0.0 };
            let one = dataset(&all, wide, |i, j| if (i, j) == (700, 1) { other(i, j) } else { value(i, j) });
            is(&one, "column \"sex\" changed, within records 688 to 703, counted from 0");
            let two = dataset(&all, wide, |i, j| if j != 1 && i == 3 { other(i, j) } else { value(i, j) });
            is(&two, "columns \"age\", \"dose\" changed, within records 0 to 15, counted from 0");
            let mut shuffled = all.clone();
            shuffled.reverse();
            assert_eq!(
                found(&before, &dataset(&shuffled, wide, value)).unwrap(),
                "the same records in another order"
            );
            is(
                &dataset(&all[..990], wide, value),
                "990 records instead of 1000 (10 removed; the first 976 are",
            );
            is(&dataset(&all[10..], wide, value), "(10 removed; the first of them are others too)");
            let more: Vec<usize> = (0..1003).collect();
            is(
                &dataset(&more, wide, value),
                "1003 records instead of 1000 (3 added; the first 992 are the same)",
            );
            let mut labels = before.clone();
            labels.labels[8] ^= 1;
            assert_eq!(found(&before, &labels).unwrap(), "labels changed");
            let mut classes = before.clone();
            classes.class_names[0] = "c".to_owned();
            is(&classes, "other columns or classes");
        }
    }

    #[test]
    fn two_values_that_change_places_are_noticed() {
        let all: Vec<usize> = (0..10).collect();
        let value = |i: usize, j: usize| (i * 3 + j) as f32 / 7.0;
        let before = dataset(&all, Wide::Floats, value);
        // Column sums would be the same.
        let swapped = |i: usize, j: usize| match (i, j) {
            (2, 0) => value(5, 0),
            (5, 0) => value(2, 0),
            _ => value(i, j),
        };
        let now = dataset(&all, Wide::Floats, swapped);
        assert_eq!(
            found(&before, &now).unwrap(),
            "column \"age\" changed, within records 2 to 5, counted from 0"
        );
    }

    #[test]
    fn numbers_in_the_place_of_bits_are_another_form() {
        let all: Vec<usize> = (0..10).collect();
        let bits = dataset(&all, Wide::Floats, |i, _| (i % 2) as f32);
        let now = dataset(&all, Wide::Floats, |i, j| if (i, j) == (4, 2) { 0.5 } else { (i % 2) as f32 });
        assert_eq!(found(&bits, &now).unwrap(), "floats instead of bits");
    }
}
