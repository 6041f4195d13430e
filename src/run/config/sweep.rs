//! The value of a replica key: a number, or a list of them.
//!
//! Not what the lists multiply to: that is `replica`'s.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::setting::SettingValues;

/// One value or several, never none. In TOML a bare value where there is one, else a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep<T>(Vec<T>);

impl<T> Sweep<T> {
    /// One value: every replica has it.
    pub fn one(value: T) -> Self {
        Sweep(vec![value])
    }

    /// A model for each of these values.
    ///
    /// # Panics
    /// Without a value.
    pub fn many(values: Vec<T>) -> Self {
        assert!(!values.is_empty(), "a replica key has a value");
        Sweep(values)
    }

    /// The values, at least one, in the order given.
    pub fn values(&self) -> &[T] {
        &self.0
    }
}

impl<T: Serialize> Serialize for Sweep<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [value] => value.serialize(serializer),
            values => values.serialize(serializer),
        }
    }
}

// Not an untagged enum: serde's would lose what was expected and where it stands.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sweep<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMany<T> {
            type Value = Sweep<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a list of numbers")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Sweep::one)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Sweep::one)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                if values.is_empty() {
                    return Err(de::Error::invalid_length(0, &"a list of at least one number"));
                }
                Ok(Sweep(values))
            }
        }

        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

impl<T> SettingValues for Sweep<T> {
    type One = T;

    fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn one_value_is_written_bare_and_several_as_a_list() {
        let written = |text: &str| toml::to_string(&config(text).train).unwrap();
        assert!(written("train.seed = 4").contains("seed = 4\n"));
        assert!(written("train.seed = [4]").contains("seed = 4\n"));
        assert!(written("train.seed = [4, 5]").contains("seed = [4, 5]\n"));
    }

    #[test]
    fn an_empty_list_a_fraction_of_a_seed_and_text_are_refused() {
        let message = |text: &str| toml::from_str::<Config>(text).unwrap_err().message().to_owned();
        assert!(message("train.seed = []").contains("at least one number"));
        assert!(message("train.seed = 0.5").contains("0.5"));
        assert!(message("train.seed = -1").contains("-1"));
        assert!(message("defense.lambda = \"much\"").contains("a number or a list of numbers"));
    }
}
