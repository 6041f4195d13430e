//! A setting: what is declared in one row, and the macro `settings!` that makes a table of such rows.
//!
//! Not the settings themselves. Those of a run are in [`crate::run::config`], those of a network or of
//! made-up data beside what they set up; all of them are one tree, [`Config`](crate::run::config::Config).
//!
//! A row of `settings!`:
//!
//! ```text
//! /// What it means: a sentence or several, without its default and range.
//! key: Type = default, unit "records", in RANGE;
//! ```
//!
//! `unit` and `in` may be left out; `#[serde(…)]` may stand before the key. A table inside the table follows
//! the rows: `[key]: Type;`. From the rows follow the struct with its documentation, its `Default` and its
//! form in TOML; that ranges are checked, and the message where one is broken; `veilgrad settings`, the page
//! `docs/settings.md`.

use serde::de::{Deserialize, Deserializer, Visitor, value::Error as NoValue};

use crate::error::{Error, Result};

/// The values that are acceptable, T each: of a list, every one of its values.
#[derive(Debug, Clone, Copy)]
pub struct Range<T> {
    /// What is expected, in words.
    pub words: &'static str,
    holds: fn(&T) -> bool,
    shown: fn(&T) -> String,
}

/// SettingValues that `holds` accepts: `words`.
pub const fn range<T: ToString>(words: &'static str, holds: fn(&T) -> bool) -> Range<T> {
    Range { words, holds, shown: T::to_string }
}

/// Lists that `holds` accepts as a whole: `words`.
pub const fn whole_list(words: &'static str, holds: fn(&Vec<usize>) -> bool) -> Range<Vec<usize>> {
    Range { words, holds, shown: |list| format!("{list:?}") }
}

/// SettingValues that depend on other settings: `words`. The check of them is the configuration's own.
pub const fn described<T>(words: &'static str) -> Range<T> {
    Range { words, holds: |_| true, shown: |_| String::new() }
}

/// Whole numbers from 1 on.
pub const AT_LEAST_1: Range<usize> = range("at least 1", |v| *v >= 1);

// `is_finite` first: a comparison alone would let infinity through, or NaN where it is negated.
/// Finite numbers above 0.
pub const POSITIVE: Range<f64> = range("a finite number above 0", |v| v.is_finite() && *v > 0.0);
/// Finite numbers from 0 on.
pub const NOT_NEGATIVE: Range<f64> = range("a finite number, 0 or more", |v| v.is_finite() && *v >= 0.0);

/// \[0, 1).
pub const BELOW_1: Range<f64> = range("at least 0 and less than 1", |v| (0.0..1.0).contains(v));
/// (0, 1).
pub const BETWEEN_0_AND_1: Range<f64> = range("above 0 and below 1", |v| *v > 0.0 && *v < 1.0);
/// (0, 1].
pub const UP_TO_1: Range<f64> = range("more than 0 and at most 1", |v| *v > 0.0 && *v <= 1.0);

/// Of layers, however many.
pub const WIDTHS: Range<Vec<usize>> = whole_list("widths of at least 1", |list| !list.contains(&0));
/// Of at least one layer.
pub const SOME_WIDTHS: Range<Vec<usize>> =
    whole_list("at least one layer, widths of at least 1", |list| !list.is_empty() && !list.contains(&0));

/// What a setting holds, value by value: of a list that replicas are made of, each, of a plain value, that
/// one.
pub trait SettingValues {
    /// A single value.
    type One;

    /// The values, in the order in which they are written.
    fn values(&self) -> impl Iterator<Item = &Self::One>;
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl SettingValues for $type {
            type One = $type;

            fn values(&self) -> impl Iterator<Item = &$type> {
                std::iter::once(self)
            }
        }
    )*};
}

plain!(usize, u64, f64, Vec<usize>);

/// Refuses the first value of the setting `key` that is out of `range`.
///
/// # Errors
/// A usage error that names the key.
pub fn check<S: SettingValues>(key: &str, setting: &S, range: &Range<S::One>) -> Result<()> {
    match setting.values().find(|value| !(range.holds)(value)) {
        None => Ok(()),
        Some(value) => Err(refusal(key, range.words, (range.shown)(value))),
    }
}

/// That the setting `key` was `found` where something else was `expected`.
pub fn refusal(key: &str, expected: &str, found: impl Into<String>) -> Error {
    Error::usage(key).expected(expected).found(found).advice(fix(key))
}

/// What to do about a value of the setting `key` that is not acceptable, wherever it came from.
pub(crate) fn fix(key: &str) -> String {
    format!("correct it in the preset, or give --set {key}=VALUE")
}

/// A row of the tables, for whoever lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// What its table is, the first paragraph.
    pub table: String,
    /// Dotted, as in `--set`.
    pub key: String,
    /// What it means, lines joined.
    pub help: String,
    /// What its numbers count; empty: nothing that has a name.
    pub unit: &'static str,
    /// What is acceptable, in words; empty: whatever the type takes.
    pub range: &'static str,
    /// Of a choice by name, the names.
    pub names: &'static [&'static str],
}

/// A table of settings, made by `settings!`.
pub trait SettingsTable {
    /// Appends its rows to `list`, those of the tables in it after its own. `place` is the table's own key,
    /// empty at the top.
    fn rows(place: &str, list: &mut Vec<SettingRow>);

    /// Refuses the first value, in the order of the rows, that is out of its range.
    ///
    /// # Errors
    /// As [`check`].
    fn check_ranges(&self, place: &str) -> Result<()>;
}

/// The dotted key of `name` in the table `place`.
pub fn join(place: &str, name: &str) -> String {
    if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") }
}

/// A doc comment as running text.
pub(crate) fn running_text(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The first paragraph of a doc comment, as running text.
pub(crate) fn first_paragraph(doc: &str) -> String {
    running_text(doc.split("\n\n").next().unwrap_or_default())
}

/// The names that a value of an enum may have in files; none of other types.
///
/// Asked of the type's own `Deserialize`, so that no list of them can fall behind.
pub(crate) fn names<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    struct Ask<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = NoValue;

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, NoValue> {
            *self.0 = variants;
            Err(serde::de::Error::custom("only the names were asked for"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoValue> {
            Err(serde::de::Error::custom("not an enum"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }

    let mut found: &'static [&'static str] = &[];
    // It fails always: the names were noted on the way.
    let _ = T::deserialize(Ask(&mut found));
    found
}

/// Declares a table of settings; the head of [`crate::setting`] describes its rows.
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        pub struct $Table:ident {
            $(
                $(#[doc = $help:literal])*
                $(#[serde($($read:tt)*)])?
                $key:ident: $type:ty = $default:expr $(, unit $unit:literal)? $(, in $range:expr)?;
            )*
            $([$table:ident]: $Inner:ty;)*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Table {
            $(
                $(#[doc = $help])*
                #[doc = concat!("\n\nDefault: `", stringify!($default), "`"
                    $(, "; unit: ", $unit)? $(, "; range: `", stringify!($range), "`")?, ".")]
                $(#[serde($($read)*)])?
                pub $key: $type,
            )*
            $(
                #[doc = concat!("The keys `", stringify!($table), ".…`: [`", stringify!($Inner), "`].")]
                pub $table: $Inner,
            )*
        }

        impl Default for $Table {
            fn default() -> Self {
                $Table { $($key: $default,)* $($table: <$Inner>::default(),)* }
            }
        }

        impl $crate::setting::SettingsTable for $Table {
            fn rows(place: &str, list: &mut Vec<$crate::setting::SettingRow>) {
                const ABOUT: &str = concat!($($about, "\n"),*);
                $(list.push($crate::setting::SettingRow {
                    table: $crate::setting::first_paragraph(ABOUT),
                    key: $crate::setting::join(place, stringify!($key)),
                    help: $crate::setting::running_text(concat!($($help, "\n"),*)),
                    unit: concat!($($unit)?),
                    range: [$($crate::setting::in_range!($type, $range).words,)? ""][0],
                    names: $crate::setting::names::<$type>(),
                });)*
                $(<$Inner as $crate::setting::SettingsTable>::rows(
                    &$crate::setting::join(place, stringify!($table)),
                    list,
                );)*
            }

            #[allow(unused_variables, reason = "a table may have no range")]
            fn check_ranges(&self, place: &str) -> $crate::error::Result<()> {
                $($({
                    let key = $crate::setting::join(place, stringify!($key));
                    $crate::setting::check(&key, &self.$key, &$crate::setting::in_range!($type, $range))?;
                })?)*
                $($crate::setting::SettingsTable::check_ranges(
                    &self.$table,
                    &$crate::setting::join(place, stringify!($table)),
                )?;)*
                Ok(())
            }
        }
    };
}

/// A range as it stands in a row, typed by the setting that it is of: closures in it need no types.
macro_rules! in_range {
    ($type:ty, $range:expr) => {{
        const RANGE: $crate::setting::Range<<$type as $crate::setting::SettingValues>::One> = $range;
        RANGE
    }};
}

pub(crate) use {in_range, settings};

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Debug, Clone, Copy, PartialEq, Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Shape {
        Round,
        VeryLong,
    }

    settings! {
        /// A table.
        ///
        /// More on it.
        pub struct Outer {
            /// How many there are,
            /// counted twice.
            many: usize = 3, unit "things", in AT_LEAST_1;
            /// What it looks like.
            shape: Shape = Shape::Round;
            [inner]: Inner;
        }
    }

    settings! {
        /// A table in it.
        pub struct Inner {
            /// A share.
            share: f64 = 0.5, in UP_TO_1;
        }
    }

    #[test]
    fn a_row_gives_key_help_unit_range_and_names() {
        let mut rows = vec![];
        Outer::rows("", &mut rows);
        let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(keys, ["many", "shape", "inner.share"]);
        assert_eq!(rows[0].help, "How many there are, counted twice.");
        assert_eq!((rows[0].table.as_str(), rows[2].table.as_str()), ("A table.", "A table in it."));
        assert_eq!((rows[0].unit, rows[0].range, rows[0].names), ("things", "at least 1", &[][..]));
        assert_eq!((rows[1].unit, rows[1].range, rows[1].names), ("", "", &["round", "very_long"][..]));
        assert_eq!(rows[2].range, UP_TO_1.words);
    }

    #[test]
    fn the_first_value_out_of_its_range_is_named() {
        let outer = |many, share| Outer { many, inner: Inner { share }, ..Outer::default() };
        outer(1, 1.0).check_ranges("").unwrap();
        let message = |table: Outer| table.check_ranges("top").unwrap_err().to_string();
        assert!(message(outer(0, 2.0)).starts_with("top.many: expected at least 1, found 0; "));
        let advice = "correct it in the preset, or give --set top.inner.share=VALUE";
        let share = "top.inner.share: expected more than 0 and at most 1, found 0; ";
        assert_eq!(message(outer(1, 0.0)), format!("{share}{advice}"));
    }

    #[test]
    fn what_is_not_finite_is_in_no_range() {
        for range in [POSITIVE, NOT_NEGATIVE, BELOW_1, BETWEEN_0_AND_1, UP_TO_1] {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(check("key", &value, &range).is_err(), "{value}: {}", range.words);
            }
        }
    }
}
