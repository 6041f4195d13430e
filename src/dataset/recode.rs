//! Records in the encoding of others: what a file holds, as features and classes of the data that a model was
//! trained on.
//!
//! A file on its own is encoded by what it happens to hold: a category that does not occur in it has no
//! feature, a column of numbers that are all 0 or 1 is one of bits.

use super::encoding::{ColumnKind, Encoding};
use super::features::Features;
use super::records::Dataset;
use crate::error::{Error, Result};

/// A column of either encoding: its name or place, its kind, its first feature.
struct Column<'a> {
    name: String,
    kind: &'a ColumnKind,
    start: usize,
}

fn columns(encoding: &Encoding) -> Vec<Column<'_>> {
    let (mut found, mut start) = (vec![], 0);
    for columns in &encoding.columns {
        for _ in 0..columns.count {
            let name = match columns.name.as_str() {
                "" => format!("column {}", found.len()),
                name => format!("column {name}"),
            };
            found.push(Column { name, kind: &columns.kind, start });
            start += columns.kind.width();
        }
    }
    found
}

impl Dataset {
    /// The same records in the encoding and with the classes of other data. Columns go by their place, and
    /// where both have names these must agree.
    ///
    /// # Errors
    /// Another number of columns, other names, a kind of column that does not fit, a category or a class that
    /// the other data do not have.
    pub fn recoded(&self, encoding: &Encoding, class_names: &[String]) -> Result<Dataset> {
        let refused = || Error::data(&self.name);
        let (own, other) = (columns(&self.encoding), columns(encoding));
        if own.len() != other.len() {
            return Err(refused()
                .expected(format!("{} columns beside the label, as the model was trained on", other.len()))
                .found(own.len().to_string()));
        }
        let mut takes: Vec<Take> = vec![];
        for (own, other) in own.iter().zip(&other) {
            let named = |c: &Column| c.name.trim_start_matches("column ").parse::<usize>().is_err();
            if named(own) && named(other) && own.name != other.name {
                return Err(refused()
                    .expected(&other.name)
                    .found(&own.name)
                    .advice("bring the columns into this order"));
            }
            match (own.kind, other.kind) {
                (ColumnKind::Category(own_values), ColumnKind::Category(values)) => {
                    if let Some(unknown) = own_values.iter().find(|v| !values.contains(v)) {
                        return Err(refused()
                            .expected(format!("values of {} that the model was trained on", other.name))
                            .found(unknown.clone())
                            .advice("leave out the records that have it"));
                    }
                    let place = |value| own_values.iter().position(|own| own == value);
                    takes.extend(values.iter().map(|value| place(value).map(|at| own.start + at)));
                }
                (ColumnKind::Category(_), _) | (_, ColumnKind::Category(_)) => {
                    return Err(refused()
                        .expected(format!(
                            "{} to hold what it held in training: {:?}",
                            other.name, other.kind
                        ))
                        .found(format!("{:?}", own.kind)));
                }
                (_, ColumnKind::Bit) if *own.kind != ColumnKind::Bit => {
                    return Err(refused()
                        .expected(format!("0 and 1 in {}", other.name))
                        .found("other numbers"));
                }
                _ => takes.push(Some(own.start)),
            }
        }
        let mut labels = vec![];
        for &label in &self.labels {
            let name = &self.class_names[label as usize];
            let class = class_names.iter().position(|class| class == name).ok_or_else(|| {
                refused().expected("classes that the model was trained on").found(format!("class {name}"))
            })?;
            labels.push(class as u32);
        }
        Ok(Dataset {
            name: self.name.clone(),
            kind: self.kind.clone(),
            features: self.taken(encoding, &takes),
            labels,
            classes: class_names.len(),
            class_names: class_names.to_vec(),
            encoding: encoding.clone(),
            image: self.image,
        })
    }

    /// The features at `takes`, 0 where there is none, in the form that `encoding` has in memory.
    fn taken(&self, encoding: &Encoding, takes: &[Take]) -> Features {
        let width = takes.len();
        let kinds = || encoding.columns.iter().map(|c| &c.kind);
        let value = |i: usize, take: &Take| take.map_or(0.0, |j| self.features.value(i, j));
        let rows = || (0..self.records()).map(|i| takes.iter().map(move |take| value(i, take)));
        if kinds().any(|kind| *kind == ColumnKind::Number) {
            let stride = width.next_multiple_of(4);
            let padded = |row| std::iter::Iterator::chain(row, std::iter::repeat_n(0.0, stride - width));
            return Features::Floats { values: rows().flat_map(padded).collect(), width };
        }
        let bits = if kinds().any(|kind| *kind == ColumnKind::Byte) { 8 } else { 1 };
        let mut words = vec![];
        for row in rows() {
            let start = words.len();
            words.resize(start + (width * bits).div_ceil(32), 0_u32);
            for (j, value) in row.enumerate() {
                words[start + j * bits / 32] |= (value as u32) << (j * bits % 32);
            }
        }
        if bits == 8 { Features::Bytes { words, width } } else { Features::Bits { words, width } }
    }
}

/// The feature that becomes another; `None`: a category that does not occur.
type Take = Option<usize>;

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, load};
    use super::*;

    fn read(text: &str) -> Dataset {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.csv");
        std::fs::write(&path, text).unwrap();
        load(&path, &LoadOptions::default()).unwrap()
    }

    const TRAINED: &str = "label,color,size,new\nyes,red,1.5,0\nno,blue,2.5,1\nyes,green,3.5,1\n";

    #[test]
    fn fewer_values_and_classes_are_encoded_as_before() {
        let trained = read(TRAINED);
        let recoded = read("label,color,size,new\nno,green,0,1\nyes,red,1,1\n")
            .recoded(&trained.encoding, &trained.class_names)
            .unwrap();
        // blue, green, red; size; new.
        assert_eq!(recoded.row(0), [0.0, 1.0, 0.0, 0.0, 1.0]);
        assert_eq!(recoded.row(1), [0.0, 0.0, 1.0, 1.0, 1.0]);
        let class = |name: &str| trained.class_names.iter().position(|n| n == name).unwrap() as u32;
        assert_eq!(
            (recoded.labels, recoded.encoding),
            (vec![class("no"), class("yes")], trained.encoding.clone())
        );
        assert_eq!(trained.recoded(&trained.encoding, &trained.class_names).unwrap(), trained);
    }

    #[test]
    fn bits_stay_bits() {
        let trained = read("label,a,b\n0,1,0\n1,0,1\n");
        let recoded =
            read("label,a,b\n1,1,1\n0,1,1\n").recoded(&trained.encoding, &trained.class_names).unwrap();
        assert!(matches!(recoded.features, Features::Bits { .. }));
        assert_eq!(recoded.row(0), [1.0, 1.0]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let trained = read(TRAINED);
        let refused =
            |text: &str| read(text).recoded(&trained.encoding, &trained.class_names).unwrap_err().to_string();
        assert!(refused("label,color,size\nno,red,1.5\nyes,red,1.5\n").contains("expected 3 columns"));
        assert!(refused("label,color,size,new\nno,pink,1.5,0\nyes,red,1.5,0\n").contains("found pink"));
        assert!(
            refused("label,color,size,new\nno,red,1.5,7\nyes,red,1.5,0\n")
                .contains("expected 0 and 1 in column new")
        );
        assert!(
            refused("label,color,size,new\nmaybe,red,1.5,1\nyes,red,1.5,0\n").contains("found class maybe")
        );
        assert!(
            refused("label,size,color,new\nno,1.5,red,1\nyes,1.5,red,0\n")
                .contains("expected column color, found column size")
        );
    }
}
