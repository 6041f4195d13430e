//! The number of attack steps to a classifier step: given, or found out during training.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::setting::SettingValues;

const WORD: &str = "auto";

/// k of the `ratio` schedule: `"auto"` in TOML, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttackSteps {
    /// As many as keep the attack network as good as a threshold on the confidence.
    Auto,
    /// Given.
    Count(usize),
}

impl SettingValues for AttackSteps {
    type One = usize;

    fn values(&self) -> impl Iterator<Item = &usize> {
        match self {
            AttackSteps::Auto => None,
            AttackSteps::Count(count) => Some(count),
        }
        .into_iter()
    }
}

impl fmt::Display for AttackSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AttackSteps::Auto => f.write_str(WORD),
            AttackSteps::Count(count) => count.fmt(f),
        }
    }
}

impl Serialize for AttackSteps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            AttackSteps::Auto => serializer.serialize_str(WORD),
            AttackSteps::Count(count) => count.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for AttackSteps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = AttackSteps;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "\"{WORD}\" or a whole number of steps")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<AttackSteps, E> {
                let count = usize::try_from(value);
                count
                    .map(AttackSteps::Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<AttackSteps, E> {
                let count = usize::try_from(value);
                count
                    .map(AttackSteps::Count)
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<AttackSteps, E> {
                match value {
                    WORD => Ok(AttackSteps::Auto),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use crate::run::config::{AttackSteps, Config, Layer};

    fn resolved(settings: &str) -> Result<AttackSteps, String> {
        let layer = Layer::text("test", settings);
        let config = Config::resolve(&[layer]).map_err(|error| error.to_string())?;
        let again: Config = toml::from_str(&config.to_toml().unwrap()).unwrap();
        assert_eq!(again.defense.attack_steps, config.defense.attack_steps, "as run.toml holds it");
        Ok(config.defense.attack_steps)
    }

    #[test]
    fn steps_are_a_number_or_the_word_auto() {
        assert_eq!(resolved("defense.attack_steps = 7"), Ok(AttackSteps::Count(7)));
        assert_eq!(resolved("defense.attack_steps = \"auto\""), Ok(AttackSteps::Auto));
        for refused in ["0", "-1", "\"automatic\"", "[1, 2]", "1.5"] {
            let error = resolved(&format!("defense.attack_steps = {refused}")).unwrap_err();
            assert!(error.contains("defense.attack_steps"), "{refused}: {error}");
        }
    }

    #[test]
    fn auto_is_of_the_ratio_schedule() {
        let blocks =
            "train.epochs = 3\ndefense = { lambda = 1, attack_steps = \"auto\", schedule = \"blocks\" }";
        let error = resolved(blocks).unwrap_err();
        assert!(error.contains("defense.attack_steps") && error.contains("\"ratio\""), "{error}");
    }
}
