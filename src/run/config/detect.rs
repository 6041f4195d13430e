//! A setting that is found out from the data unless it is given: the word `"detect"`, or a value.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::setting::SettingValues;

const WORD: &str = "detect";

/// `"detect"` in TOML, or a `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detect<T> {
    /// Found out from the data; what was taken is printed.
    #[default]
    Detect,
    /// Given.
    Is(T),
}

impl<T> Detect<T> {
    /// The value where one is given.
    pub fn given(&self) -> Option<&T> {
        match self {
            Detect::Detect => None,
            Detect::Is(value) => Some(value),
        }
    }
}

impl<T> SettingValues for Detect<T> {
    type One = T;

    fn values(&self) -> impl Iterator<Item = &T> {
        self.given().into_iter()
    }
}

impl<T: Serialize> Serialize for Detect<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Detect::Detect => serializer.serialize_str(WORD),
            Detect::Is(value) => value.serialize(serializer),
        }
    }
}

// Not an untagged enum: serde's would lose what was expected and where it stands.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Detect<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Detect<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{WORD}\" or one value")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Detect::Is)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Detect::Is)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value == WORD {
                    return Ok(Detect::Detect);
                }
                T::deserialize(value.into_deserializer()).map(Detect::Is)
            }
        }

        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// A column of a table file: its name, or its place counted from 0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a column's name, or its place counted from 0")]
pub enum Column {
    /// Its place in the table, from 0.
    Place(usize),
    /// Its name in the header.
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Table {
        header: Detect<bool>,
        column: Detect<Column>,
    }

    fn read(text: &str) -> Result<Table, String> {
        toml::from_str(text).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    #[test]
    fn the_word_a_value_and_nothing_else() {
        for (text, header, column) in [
            ("header = \"detect\"\ncolumn = \"detect\"\n", Detect::Detect, Detect::Detect),
            ("header = false\ncolumn = 3\n", Detect::Is(false), Detect::Is(Column::Place(3))),
            ("header = true\ncolumn = \"age\"\n", Detect::Is(true), Detect::Is(Column::Name("age".into()))),
        ] {
            let table = read(text).unwrap();
            assert_eq!(table, Table { header, column });
            assert_eq!(toml::to_string(&table).unwrap(), text);
        }
        assert!(read("header = 1\ncolumn = 1").unwrap_err().contains("expected a boolean"));
        assert!(read("header = true\ncolumn = -1").unwrap_err().contains("counted from 0"));
        assert!(read("header = true\ncolumn = [1]").unwrap_err().contains("\"detect\" or one value"));
    }
}
