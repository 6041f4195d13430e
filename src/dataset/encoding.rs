//! How the columns of a file became features, and the standardization of those that are numbers.
//!
//! Both are stored with a model, so that it can be given raw records later.

use super::features::Features;
use serde::{Deserialize, Serialize};

/// The columns of a file, in order, without the label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoding {
    pub columns: Vec<Columns>,
}

/// One column, or several neighbors without names that are encoded alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// From the file's header; empty where there is none.
    pub name: String,
    /// How many columns of the file this stands for; 1 where there is a name.
    pub count: usize,
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Only 0 and 1: one feature, as it is.
    Bit,
    /// Integers 0..=255 from an array of bytes: one feature, as it is.
    Byte,
    /// Numbers: one feature, standardized by the members.
    Number,
    /// Text: a feature per value, 1 where the column holds it, in this order (sorted).
    Category(Vec<String>),
}

impl ColumnKind {
    /// Features that one such column becomes.
    pub fn width(&self) -> usize {
        match self {
            ColumnKind::Bit | ColumnKind::Byte | ColumnKind::Number => 1,
            ColumnKind::Category(values) => values.len(),
        }
    }
}

impl Encoding {
    /// From one (name, kind) a column; neighbors without names are joined where they are alike.
    pub(super) fn new(columns: impl IntoIterator<Item = (String, ColumnKind)>) -> Self {
        let mut joined: Vec<Columns> = Vec::new();
        for (name, kind) in columns {
            match joined.last_mut() {
                Some(last) if name.is_empty() && last.name.is_empty() && last.kind == kind => last.count += 1,
                _ => joined.push(Columns { name, count: 1, kind }),
            }
        }
        Encoding { columns: joined }
    }

    /// That of a matrix without names: bytes, or bits and numbers as found.
    pub(super) fn of_matrix(features: &Features) -> Self {
        let wide = match features {
            Features::Bytes { .. } => ColumnKind::Byte,
            Features::Bits { .. } | Features::Floats { .. } => ColumnKind::Number,
        };
        let kind = |binary| if binary { ColumnKind::Bit } else { wide.clone() };
        Self::new(features.binary_columns().into_iter().map(|binary| (String::new(), kind(binary))))
    }

    /// F, the number of features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|c| c.count * c.kind.width()).sum()
    }

    /// For each of the F features, whether it is a number to be standardized.
    pub fn numbers(&self) -> Vec<bool> {
        let repeat =
            |c: &Columns| std::iter::repeat_n(c.kind == ColumnKind::Number, c.count * c.kind.width());
        self.columns.iter().flat_map(repeat).collect()
    }

    /// How many columns there are of each kind, in words.
    pub(super) fn describe(&self) -> String {
        let count = |wanted: fn(&ColumnKind) -> bool| -> usize {
            self.columns.iter().filter(|c| wanted(&c.kind)).map(|c| c.count).sum()
        };
        let kinds = [
            (count(|k| *k == ColumnKind::Bit), "binary"),
            (count(|k| *k == ColumnKind::Byte), "byte"),
            (count(|k| *k == ColumnKind::Number), "numeric"),
            (count(|k| matches!(k, ColumnKind::Category(_))), "categorical"),
        ];
        let parts: Vec<String> =
            kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let total: usize = kinds.iter().map(|(n, _)| n).sum();
        let plural = if total == 1 { "" } else { "s" };
        format!("{} column{plural}", parts.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: ColumnKind) -> (String, ColumnKind) {
        (name.to_owned(), kind)
    }

    #[test]
    fn unnamed_neighbors_are_joined_and_named_ones_are_not() {
        let text = ColumnKind::Category(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]);
        let columns = [
            column("", ColumnKind::Bit),
            column("", ColumnKind::Bit),
            column("", ColumnKind::Number),
            column("age", ColumnKind::Number),
            column("town", text),
        ];
        let encoding = Encoding::new(columns);
        assert_eq!(encoding.columns.iter().map(|c| c.count).collect::<Vec<_>>(), [2, 1, 1, 1]);
        assert_eq!(encoding.width(), 7);
        assert_eq!(encoding.numbers(), [false, false, true, true, false, false, false]);
        assert_eq!(encoding.describe(), "2 binary and 2 numeric and 1 categorical columns");
        let json = serde_json::to_string(&encoding).expect("serializes");
        assert_eq!(serde_json::from_str::<Encoding>(&json).expect("parses"), encoding);
    }
}
