//! Replica keys: settings that may hold a list, and the replicas that the lists multiply to.
//!
//! Every other key is structural: one value for the whole run.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Config;

/// The replica keys in the order they are multiplied, outermost first: the last varies fastest.
///
/// λ and the seed are innermost so that the models a person compares stand next to each other.
pub const REPLICA_KEYS: [&str; 13] = [
    "data.reference",
    "model.learning_rate",
    "defense.attack.learning_rate",
    "model.weight_decay",
    "defense.attack.weight_decay",
    "model.dropout",
    "model.label_smoothing",
    "model.confidence_penalty",
    "defense.reference_weight",
    "defense.private.clip",
    "defense.private.noise",
    "defense.lambda",
    "train.seed",
];

/// One value or several, never none. In TOML a bare value where there is one, else a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep<T>(Vec<T>);

impl<T> Sweep<T> {
    /// One value: every replica has it.
    pub fn one(value: T) -> Self {
        Sweep(vec![value])
    }

    /// Several values.
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

/// What distinguishes one of the models that a run trains from its siblings.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Replica {
    /// `defense.lambda`.
    pub lambda: f64,
    /// `train.seed`.
    pub seed: u64,
    /// `model.learning_rate`.
    pub learning_rate: f64,
    /// `defense.attack.learning_rate`.
    pub attack_learning_rate: f64,
    /// `model.weight_decay`.
    pub weight_decay: f64,
    /// `defense.attack.weight_decay`.
    pub attack_weight_decay: f64,
    /// `model.dropout`.
    pub dropout: f64,
    /// `data.reference`; 0 where the run's version did not know several.
    #[serde(default)]
    pub reference: usize,
    /// `model.label_smoothing`.
    #[serde(default)]
    pub label_smoothing: f64,
    /// `model.confidence_penalty`.
    #[serde(default)]
    pub confidence_penalty: f64,
    /// `defense.reference_weight`.
    #[serde(default)]
    pub reference_weight: f64,
    /// `defense.private.clip`.
    #[serde(default)]
    pub clip: f64,
    /// `defense.private.noise`.
    #[serde(default)]
    pub noise: f64,
}

impl Config {
    /// The number of replicas: the product of the lists' lengths, `None` beyond `usize`.
    pub fn replica_count(&self) -> Option<usize> {
        [
            self.data.reference.0.len(),
            self.model.learning_rate.0.len(),
            self.defense.attack.learning_rate.0.len(),
            self.model.weight_decay.0.len(),
            self.defense.attack.weight_decay.0.len(),
            self.model.dropout.0.len(),
            self.model.label_smoothing.0.len(),
            self.model.confidence_penalty.0.len(),
            self.defense.reference_weight.0.len(),
            self.defense.private.clip.0.len(),
            self.defense.private.noise.0.len(),
            self.defense.lambda.0.len(),
            self.train.seed.0.len(),
        ]
        .into_iter()
        .try_fold(1usize, usize::checked_mul)
    }

    /// Every combination of the replica keys' values, nested as [`REPLICA_KEYS`] says.
    pub fn replicas(&self) -> Vec<Replica> {
        let replicas = vec![Replica::default()];
        let replicas = spread(&replicas, &self.data.reference, |r, v| r.reference = v);
        let replicas = spread(&replicas, &self.model.learning_rate, |r, v| r.learning_rate = v);
        let replicas =
            spread(&replicas, &self.defense.attack.learning_rate, |r, v| r.attack_learning_rate = v);
        let replicas = spread(&replicas, &self.model.weight_decay, |r, v| r.weight_decay = v);
        let replicas = spread(&replicas, &self.defense.attack.weight_decay, |r, v| r.attack_weight_decay = v);
        let replicas = spread(&replicas, &self.model.dropout, |r, v| r.dropout = v);
        let replicas = spread(&replicas, &self.model.label_smoothing, |r, v| r.label_smoothing = v);
        let replicas = spread(&replicas, &self.model.confidence_penalty, |r, v| r.confidence_penalty = v);
        let replicas = spread(&replicas, &self.defense.reference_weight, |r, v| r.reference_weight = v);
        let replicas = spread(&replicas, &self.defense.private.clip, |r, v| r.clip = v);
        let replicas = spread(&replicas, &self.defense.private.noise, |r, v| r.noise = v);
        let replicas = spread(&replicas, &self.defense.lambda, |r, v| r.lambda = v);
        spread(&replicas, &self.train.seed, |r, v| r.seed = v)
    }
}

/// Each replica once for every value, the values varying fastest.
fn spread<T: Copy>(replicas: &[Replica], values: &Sweep<T>, set: fn(&mut Replica, T)) -> Vec<Replica> {
    let mut product = Vec::with_capacity(replicas.len() * values.0.len());
    for replica in replicas {
        for &value in &values.0 {
            let mut replica = *replica;
            set(&mut replica, value);
            product.push(replica);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn seeds_vary_fastest_then_lambda() {
        let config =
            config("train.seed = [7, 8]\ndefense.lambda = [0, 1.5]\nmodel.learning_rate = [1e-3, 1e-2]");
        let got: Vec<_> = config.replicas().iter().map(|r| (r.learning_rate, r.lambda, r.seed)).collect();
        let expected = [
            (1e-3, 0.0, 7),
            (1e-3, 0.0, 8),
            (1e-3, 1.5, 7),
            (1e-3, 1.5, 8),
            (1e-2, 0.0, 7),
            (1e-2, 0.0, 8),
            (1e-2, 1.5, 7),
            (1e-2, 1.5, 8),
        ];
        assert_eq!(got, expected);
        assert_eq!(config.replica_count(), Some(expected.len()));
    }

    #[test]
    fn every_replica_key_takes_a_list_and_reaches_its_own_field() {
        for (place, key) in REPLICA_KEYS.iter().enumerate() {
            let whole = ["train.seed", "data.reference"].contains(key);
            let values = if whole { "[11, 12]" } else { "[0.25, 0.5]" };
            let replicas = config(&format!("{key} = {values}")).replicas();
            assert_eq!(replicas.len(), 2, "{key}");
            let fields = |r: &Replica| {
                [
                    r.reference as f64,
                    r.learning_rate,
                    r.attack_learning_rate,
                    r.weight_decay,
                    r.attack_weight_decay,
                    r.dropout,
                    r.label_smoothing,
                    r.confidence_penalty,
                    r.reference_weight,
                    r.clip,
                    r.noise,
                    r.lambda,
                    r.seed as f64,
                ]
            };
            let differing: Vec<_> = (0..REPLICA_KEYS.len())
                .filter(|&i| fields(&replicas[0])[i] != fields(&replicas[1])[i])
                .collect();
            assert_eq!(differing, [place], "{key}");
        }
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
