//! The schema: which columns a table has, what each holds, and how it becomes features.
//!
//! Inferred once, from the members (`table::infer`), or written by a person; stored with a run and with a
//! model, so that both can be given other files of the same kind later. Not how a field is read
//! (`table::field`), and not the standardization, which is each replica's own.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A person's number that is in what a model keeps must be shared by at least so many members: a category,
/// a class, an indicator of missing values.
pub const LEAST_MEMBERS: usize = 5;

/// Most columns, and most features of them: what is said of each of them must fit into memory.
const MOST_COLUMNS: usize = 1 << 24;

/// Stands before a schema in a file.
const FOR_EDITORS: &str = "\
# What the columns are. kind: number, bit, category, or drop to leave a column out. A category has a feature
# for each of its values, and with other = true one for all others. missing: refuse, or fill with the value in
# fill, or category; indicator = true adds a feature for what is missing.
";

/// The class and the category that take what fewer than [`LEAST_MEMBERS`] members have.
pub const OTHER: &str = "other";

/// The columns of a file, and its label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Whether numbers have a decimal comma.
    #[serde(default, skip_serializing_if = "is_false")]
    pub decimal_comma: bool,
    /// Empty where the data are arrays.
    #[serde(default, skip_serializing_if = "LabelColumnSchema::is_empty")]
    pub label: LabelColumnSchema,
    /// In the file's order, without the label.
    pub columns: Vec<Columns>,
}

/// The column of the label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelColumnSchema {
    /// From the file's header; empty where there is none, or where labels are in a file of their own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Its place among all columns, counted from 0; none where labels are in a file of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// The classes in the order of their numbers, as written in the file.
    pub classes: Vec<String>,
    /// Whether the last class takes every label that is not named.
    #[serde(default, skip_serializing_if = "is_false")]
    pub other: bool,
}

/// One column, or several neighbors without names that are encoded alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// From the file's header; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// How many columns of the file this stands for; 1 where there is a name.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: usize,
    /// How its fields are read and encoded, or that it is left out.
    pub kind: ColumnKind,
    /// Of a category: a feature for each of these values, 1 where the column holds it, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Of a category: whether one more feature is 1 for every other value. Without it those are all zeros.
    #[serde(default, skip_serializing_if = "is_false")]
    pub other: bool,
    /// Of numbers: what stands beside them, `%` or a currency.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What becomes of a record without a value here.
    #[serde(default, skip_serializing_if = "Missing::is_refused")]
    pub missing: Missing,
    /// Where missing values are filled: what stands in their place, a number or a category.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fill: String,
    /// Whether one more feature, the last, is 1 where the value is missing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub indicator: bool,
    /// Of a column that is left out: the reason.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnKind {
    /// Only 0 and 1: one feature, as it is.
    Bit,
    /// Integers 0..=255 from an array of bytes: one feature, as it is.
    Byte,
    /// Numbers: one feature, standardized by the members.
    Number,
    /// Text: a feature per value.
    Category,
    /// Left out: no feature.
    Drop,
}

/// What becomes of a record without a value in a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// It is refused, or left out where `data.missing` says so.
    #[default]
    Refuse,
    /// The column's `fill` stands in its place.
    Fill,
    /// It has none of the column's values: a category of its own where enough members are without one.
    Category,
}

impl Missing {
    fn is_refused(&self) -> bool {
        *self == Missing::Refuse
    }
}

impl LabelColumnSchema {
    fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class that this label is.
    pub(super) fn class(&self, label: &str) -> Option<u32> {
        let number = |text: &str| text.parse::<f64>().ok();
        let same = |class: &String| {
            class == label || number(class).is_some_and(|class| number(label) == Some(class))
        };
        let named = self.classes.iter().position(same);
        let other = || self.other.then(|| self.classes.len().checked_sub(1)).flatten();
        named.or_else(other).map(|class| class as u32)
    }
}

impl Columns {
    /// One column; a missing value in it is refused.
    pub fn new(name: impl Into<String>, kind: ColumnKind) -> Self {
        Columns {
            name: name.into(),
            count: 1,
            kind,
            values: vec![],
            other: false,
            unit: String::new(),
            missing: Missing::Refuse,
            fill: String::new(),
            indicator: false,
            why: String::new(),
        }
    }

    /// A column that is left out.
    pub fn dropped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Columns { why: why.into(), ..Self::new(name, ColumnKind::Drop) }
    }

    /// Features that one such column becomes.
    pub fn width(&self) -> usize {
        let values = match self.kind {
            ColumnKind::Bit | ColumnKind::Byte | ColumnKind::Number => 1,
            ColumnKind::Category => self.values.len() + usize::from(self.other),
            ColumnKind::Drop => return 0,
        };
        values + usize::from(self.indicator)
    }

    /// What the column holds, in words, for the table that `train` prints.
    fn holds(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" in {}", self.unit) };
        match self.kind {
            ColumnKind::Bit => "0 and 1".to_owned(),
            ColumnKind::Byte => "0 to 255".to_owned(),
            ColumnKind::Number => format!("numbers{unit}"),
            ColumnKind::Category => {
                const SHOWN: usize = 4;
                let mut shown: Vec<&str> = self.values.iter().take(SHOWN).map(String::as_str).collect();
                let more = self.values.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!("{more} more") } else { String::new() };
                shown.extend(Some(more.as_str()).filter(|more| !more.is_empty()));
                shown.extend(self.other.then_some(OTHER));
                shown.join(", ")
            }
            ColumnKind::Drop => String::new(),
        }
    }

    /// What is done with a missing value, in words.
    fn without(&self) -> String {
        let indicator = if self.indicator { ", with an indicator" } else { "" };
        match self.missing {
            Missing::Refuse => "refused".to_owned(),
            Missing::Fill => format!("{}{indicator}", self.fill),
            Missing::Category => "a category".to_owned(),
        }
    }

    /// What is done with the column, in words.
    fn done(&self) -> String {
        match (self.kind, self.width()) {
            (ColumnKind::Drop, _) => format!("left out: {}", self.why),
            (ColumnKind::Number, 1) => "standardized".to_owned(),
            (ColumnKind::Number, width) => format!("standardized, {width} features"),
            (_, 1) => "1 feature".to_owned(),
            (_, width) => format!("{width} features"),
        }
    }
}

impl Schema {
    /// Of these columns; neighbors without names are joined where they are alike.
    pub(super) fn new(columns: impl IntoIterator<Item = Columns>) -> Self {
        let mut joined: Vec<Columns> = Vec::new();
        for column in columns {
            match joined.last_mut() {
                Some(last) if column.name.is_empty() && Columns { count: 1, ..last.clone() } == column => {
                    last.count += 1;
                }
                _ => joined.push(column),
            }
        }
        Schema { columns: joined, ..Schema::default() }
    }

    /// F, the number of features.
    pub fn width(&self) -> usize {
        self.columns.iter().map(|c| c.count * c.width()).sum()
    }

    /// For each of the F features, whether it is a number to be standardized.
    pub fn numbers(&self) -> Vec<bool> {
        let of_one = |c: &Columns| {
            let number = (c.kind == ColumnKind::Number) as usize;
            (0..c.width()).map(move |feature| feature < number)
        };
        self.columns.iter().flat_map(|c| (0..c.count).flat_map(move |_| of_one(c))).collect()
    }

    /// Whether one of `names` is a column's.
    pub(super) fn names_any(&self, names: &[String]) -> bool {
        self.columns.iter().any(|c| !c.name.is_empty() && names.contains(&c.name))
    }

    /// Whether it was learnt from a file with a header.
    pub(super) fn has_names(&self) -> bool {
        self.columns.iter().any(|c| !c.name.is_empty())
    }

    /// Every column by itself.
    pub(super) fn each(&self) -> impl Iterator<Item = &Columns> {
        self.columns.iter().flat_map(|c| std::iter::repeat_n(c, c.count))
    }

    /// How many columns there are of each kind, in words.
    pub(super) fn describe(&self) -> String {
        let count = |wanted: ColumnKind| -> usize {
            self.columns.iter().filter(|c| c.kind == wanted).map(|c| c.count).sum()
        };
        let kinds = [
            (count(ColumnKind::Bit), "binary"),
            (count(ColumnKind::Byte), "byte"),
            (count(ColumnKind::Number), "numeric"),
            (count(ColumnKind::Category), "categorical"),
        ];
        let parts: Vec<String> =
            kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let total: usize = kinds.iter().map(|(n, _)| n).sum();
        let plural = if total == 1 { "" } else { "s" };
        let dropped = match count(ColumnKind::Drop) {
            0 => String::new(),
            n => format!(" ({n} left out)"),
        };
        format!("{} column{plural}{dropped}", parts.join(" and "))
    }

    /// Whether there is something in it to be shown: columns with names, or some that are treated specially.
    pub fn is_table(&self) -> bool {
        self.columns.iter().any(|c| !c.name.is_empty() || c.kind == ColumnKind::Drop)
    }

    /// A line a column: its name, its kind, its values, what a missing value becomes, what is done.
    pub fn rows(&self) -> Vec<[String; 5]> {
        let kind = |kind: ColumnKind| {
            let name = match kind {
                ColumnKind::Bit => "bit",
                ColumnKind::Byte => "byte",
                ColumnKind::Number => "number",
                ColumnKind::Category => "category",
                ColumnKind::Drop => "drop",
            };
            name.to_owned()
        };
        let mut place = 0;
        let mut rows = vec![];
        for c in &self.columns {
            let name = match (c.name.as_str(), c.count) {
                ("", 1) => format!("column {place}"),
                ("", n) => format!("columns {place} to {}", place + n - 1),
                (name, _) => name.to_owned(),
            };
            place += c.count;
            let without = if c.kind == ColumnKind::Drop { String::new() } else { c.without() };
            rows.push([name, kind(c.kind), c.holds(), without, c.done()]);
        }
        rows
    }

    /// As TOML, for a person to edit.
    ///
    /// # Errors
    /// None for text and numbers.
    pub fn to_toml(&self) -> Result<String> {
        let text = toml::to_string(self).map_err(|e| Error::data("schema").found(e.to_string()))?;
        Ok(format!("{FOR_EDITORS}{text}"))
    }

    /// Reads what [`to_toml`](Self::to_toml) wrote and a person may have edited.
    ///
    /// # Errors
    /// A file that is missing or no schema; columns that cannot be as they are described.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        let place = |at: usize| {
            let line = 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
            format!("{}:{line}", path.display())
        };
        let schema: Schema = toml::from_str(&text).map_err(|e| {
            Error::data(place(e.span().map_or(0, |span| span.start)))
                .refused(e.message())
                .also("`veilgrad schema DATA` writes a whole schema")
        })?;
        schema.check().map_err(|e| Error { place: format!("{}: {}", path.display(), e.place), ..e })?;
        Ok(schema)
    }

    /// # Errors
    /// Columns that cannot be as they are described; more than there can be.
    pub(crate) fn check(&self) -> Result<()> {
        let total = |of_one: fn(&Columns) -> usize| {
            let mut all = self.columns.iter().map(|c| c.count.checked_mul(of_one(c)));
            all.try_fold(0_usize, |sum, count| sum.checked_add(count?)).filter(|sum| *sum <= MOST_COLUMNS)
        };
        if total(|_| 1).and(total(Columns::width)).is_none() {
            return Err(Error::data("columns")
                .expected(format!("at most {MOST_COLUMNS} columns, and as many features"))
                .found("more, by their counts"));
        }
        let wrong = |c: &Columns| -> Option<(&str, String)> {
            if c.count == 0 || c.count > 1 && !c.name.is_empty() {
                return Some(("count = 1 of a column with a name", c.count.to_string()));
            }
            let number = |text: &str| text.parse::<f32>().is_ok_and(f32::is_finite);
            match (c.kind, c.missing) {
                (ColumnKind::Category, _) if c.width() == 0 => {
                    Some(("values of the category, or kind = \"drop\"", "none".to_owned()))
                }
                (ColumnKind::Category, Missing::Fill) if !c.values.contains(&c.fill) => {
                    Some(("one of the values as fill", format!("{:?}", c.fill)))
                }
                (ColumnKind::Bit | ColumnKind::Number, Missing::Fill) if !number(&c.fill) => {
                    Some(("a number as fill", format!("{:?}", c.fill)))
                }
                (ColumnKind::Bit | ColumnKind::Number, Missing::Category) => {
                    Some(("missing = \"fill\" of numbers", "\"category\"".to_owned()))
                }
                _ => None,
            }
        };
        if let Some((c, (expected, found))) = self.columns.iter().find_map(|c| Some((c, wrong(c)?))) {
            return Err(Error::data(format!("column {}", c.name)).expected(expected).found(found));
        }
        if self.width() == 0 {
            return Err(Error::data("columns").expected("a column that is not left out").found("none"));
        }
        Ok(())
    }
}

fn one() -> usize {
    1
}

fn is_one(count: &usize) -> bool {
    *count == 1
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn town() -> Columns {
        let values = ["a", "b", "c"].map(str::to_owned).to_vec();
        Columns { values, other: true, indicator: true, ..Columns::new("town", ColumnKind::Category) }
    }

    #[test]
    fn unnamed_neighbors_are_joined_and_named_ones_are_not() {
        let columns = [
            Columns::new("", ColumnKind::Bit),
            Columns::new("", ColumnKind::Bit),
            Columns::new("", ColumnKind::Number),
            Columns { indicator: true, ..Columns::new("age", ColumnKind::Number) },
            town(),
            Columns::dropped("visit", "dates"),
        ];
        let schema = Schema::new(columns);
        assert_eq!(schema.columns.iter().map(|c| c.count).collect::<Vec<_>>(), [2, 1, 1, 1, 1]);
        assert_eq!(schema.width(), 3 + 2 + 5);
        let numbers = [false, false, true, true, false, false, false, false, false, false];
        assert_eq!(schema.numbers(), numbers);
        assert_eq!(schema.describe(), "2 binary and 2 numeric and 1 categorical columns (1 left out)");
        assert_eq!(schema.rows()[4], ["visit", "drop", "", "", "left out: dates"]);
        assert_eq!(schema.rows()[3], ["town", "category", "a, b, c, other", "refused", "5 features"]);
    }

    #[test]
    fn a_schema_is_written_for_people_and_read_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("schema.toml");
        let fill = Columns {
            missing: Missing::Fill,
            fill: "0.5".to_owned(),
            ..Columns::new("x", ColumnKind::Number)
        };
        let classes = vec!["no".to_owned(), "yes".to_owned()];
        let label = LabelColumnSchema { name: "y".to_owned(), place: Some(1), classes, other: false };
        let schema = Schema { label, ..Schema::new([town(), fill, Columns::dropped("id", "text")]) };
        std::fs::write(&path, schema.to_toml().expect("written")).expect("saved");
        assert_eq!(Schema::read(&path).expect("read"), schema);
        let refused = |text: &str| {
            std::fs::write(&path, text).expect("saved");
            Schema::read(&path).expect_err("refused").to_string()
        };
        assert!(refused("columns = []").contains("a column that is not left out"));
        assert!(refused("[[columns]]\nname = \"a\"\nkind = \"digit\"").contains("schema.toml:3"));
        assert!(refused("[[columns]]\nkind = \"number\"\nmissing = \"fill\"").contains("a number as fill"));
        assert!(refused("[[columns]]\nkind = \"category\"").contains("values of the category"));
        let endless =
            |kind: &str| refused(&format!("[[columns]]\ncount = 9007199254740992\nkind = \"{kind}\""));
        assert!(endless("bit").contains("at most 16777216 columns") && endless("drop").contains("columns"));
    }

    #[test]
    fn labels_are_the_classes_that_they_name() {
        let label = |classes: &[&str], other| LabelColumnSchema {
            classes: classes.iter().map(|c| (*c).to_owned()).collect(),
            other,
            ..LabelColumnSchema::default()
        };
        assert_eq!(label(&["-1", "1"], false).class("1.0"), Some(1));
        assert_eq!(label(&["a", "b"], false).class("c"), None);
        assert_eq!(label(&["a", "other"], true).class("c"), Some(1));
    }
}
