//! Replica keys: the settings that may hold a list, and the replicas that the lists multiply to.
//!
//! Every other key is structural: one value for the whole run. What a setting means and its range stand in
//! its row of the tables ([`super`]); a row here makes it a replica key, and all that follows from that
//! follows from the row: the field of [`Replica`] and so the key in `metrics.jsonl`, `summary.json` and the
//! model's file, the product of the lists, the column in reports, which finished runs serve again, which
//! settings a shadow model copies.

use serde::{Deserialize, Serialize};

use super::{Config, Sweep};

/// How the lists are nested: those of an earlier variant vary more slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nesting {
    /// Varies most slowly of all.
    Outermost,
    /// In the order of the rows.
    Middle,
    /// Varies faster than those in the middle.
    Inner,
    /// Varies from each model to the next.
    Innermost,
}

/// A setting that may hold a list.
#[derive(Debug, Clone, Copy)]
pub struct ReplicaKey {
    /// Dotted, as in `--set`.
    pub key: &'static str,
    /// What tables of models call it.
    pub label: &'static str,
    /// How fast its values vary from model to model, beside other lists.
    pub nesting: Nesting,
    /// The replica's value in a table.
    pub text: fn(&Replica) -> String,
    count: fn(&Config) -> usize,
    /// Gives the replica the value of the list at a place.
    set: fn(&mut Replica, &Config, usize),
    /// Gives the first configuration the second's list.
    copy: fn(&mut Config, &Config),
    /// Gives the configuration the replica's one value.
    pin: fn(&mut Config, &Replica),
}

/// Declares the replica keys, in the order that files have them: a new one goes last, with
/// `#[serde(default)]`, so that files of older versions are read. A row:
///
/// ```text
/// dotted.key => field: type, "label in tables", Nesting;
/// ```
///
/// Without a nesting it is [`Nesting::Middle`].
macro_rules! replica_keys {
    ($(
        $(#[$attribute:meta])*
        $($path:ident).+ => $field:ident: $type:ty, $label:literal $(, $nesting:ident)?;
    )*) => {
        /// What distinguishes one of the models that a run trains from its siblings.
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
        pub struct Replica {
            $(
                #[doc = concat!("The replica's value of `", stringify!($($path).+), "`.")]
                $(#[$attribute])*
                pub $field: $type,
            )*
        }

        const KEYS: &[ReplicaKey] = &[$(ReplicaKey {
            key: stringify!($($path).+),
            label: $label,
            nesting: [$(Nesting::$nesting,)? Nesting::Middle][0],
            text: |replica| replica.$field.text(),
            count: |config| config.$($path).+.values().len(),
            set: |replica, config, place| replica.$field = config.$($path).+.values()[place],
            copy: |config, other| config.$($path).+.clone_from(&other.$($path).+),
            pin: |config, replica| config.$($path).+ = Sweep::one(replica.$field),
        }),*];
    };
}

// λ and the seed are innermost so that the models a person compares stand next to each other.
replica_keys! {
    defense.lambda => lambda: f64, "λ", Inner;
    train.seed => seed: u64, "seed", Innermost;
    model.learning_rate => learning_rate: f64, "learning rate";
    defense.attack.learning_rate => attack_learning_rate: f64, "attack's rate";
    model.weight_decay => weight_decay: f64, "weight decay";
    defense.attack.weight_decay => attack_weight_decay: f64, "attack's decay";
    model.dropout => dropout: f64, "dropout";
    #[serde(default)]
    data.reference => reference: usize, "|D′|", Outermost;
    #[serde(default)]
    model.label_smoothing => label_smoothing: f64, "label smoothing";
    #[serde(default)]
    model.confidence_penalty => confidence_penalty: f64, "confidence penalty";
    #[serde(default)]
    defense.reference_weight => reference_weight: f64, "weight of D′";
    #[serde(default)]
    defense.private.clip => clip: f64, "clip";
    #[serde(default)]
    defense.private.noise => noise: f64, "noise";
}

/// The replica keys in the order in which their lists are multiplied, outermost first: the last varies
/// fastest.
pub fn replica_keys() -> Vec<&'static ReplicaKey> {
    let mut keys: Vec<&ReplicaKey> = KEYS.iter().collect();
    keys.sort_by_key(|key| key.nesting);
    keys
}

/// Whether the setting `key` may hold a list.
pub(super) fn takes_list(key: &str) -> bool {
    KEYS.iter().any(|replica_key| replica_key.key == key)
}

impl Config {
    /// The number of replicas: the product of the lists' lengths, `None` beyond `usize`.
    pub fn replica_count(&self) -> Option<usize> {
        KEYS.iter().map(|key| (key.count)(self)).try_fold(1usize, usize::checked_mul)
    }

    /// Every combination of the replica keys' values, nested as [`replica_keys`] says.
    pub fn replicas(&self) -> Vec<Replica> {
        replica_keys().iter().fold(vec![Replica::default()], |replicas, key| {
            let mut product = Vec::with_capacity(replicas.len() * (key.count)(self));
            for replica in replicas {
                // Each replica once for every value of the list, the values varying fastest.
                for place in 0..(key.count)(self) {
                    let mut replica = replica;
                    (key.set)(&mut replica, self, place);
                    product.push(replica);
                }
            }
            product
        })
    }

    /// This configuration with the lists of `other`. Equal to `other`: the two differ in their lists alone.
    #[must_use]
    pub fn with_lists_of(&self, other: &Config) -> Config {
        let mut config = self.clone();
        KEYS.iter().for_each(|key| (key.copy)(&mut config, other));
        config
    }

    /// This configuration with the values of one of its replicas in place of the lists.
    #[must_use]
    pub fn of_replica(&self, replica: &Replica) -> Config {
        let mut config = self.clone();
        KEYS.iter().for_each(|key| (key.pin)(&mut config, replica));
        config
    }
}

/// A value as tables show it.
trait Shown {
    fn text(self) -> String;
}

impl Shown for f64 {
    fn text(self) -> String {
        short(self)
    }
}

impl Shown for u64 {
    fn text(self) -> String {
        self.to_string()
    }
}

impl Shown for usize {
    fn text(self) -> String {
        self.to_string()
    }
}

/// A number in the shorter of the usual forms.
pub(crate) fn short(value: f64) -> String {
    let plain = value == 0.0 || (1e-4..1e6).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::SettingsTable;

    fn config(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    /// A list of two values that the key accepts.
    fn two_values(key: &str) -> &'static str {
        if ["train.seed", "data.reference"].contains(&key) { "[1511, 1512]" } else { "[0.25, 0.5]" }
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

    /// The order decides which replica of a run is which: models that were trained must stay where they are.
    #[test]
    fn the_lists_are_nested_in_this_order() {
        let expected = "data.reference model.learning_rate defense.attack.learning_rate model.weight_decay \
            defense.attack.weight_decay model.dropout model.label_smoothing model.confidence_penalty \
            defense.reference_weight defense.private.clip defense.private.noise defense.lambda train.seed";
        let keys: Vec<&str> = replica_keys().iter().map(|key| key.key).collect();
        assert_eq!(keys.join(" "), expected);
    }

    #[test]
    fn every_replica_key_takes_a_list_and_reaches_its_own_field() {
        let mut fields = std::collections::BTreeSet::new();
        for key in replica_keys() {
            let replicas = config(&format!("{} = {}", key.key, two_values(key.key))).replicas();
            let [one, other] = replicas[..] else { panic!("{}: {replicas:?}", key.key) };
            let json = [one, other].map(|replica| serde_json::to_value(replica).unwrap());
            let [one, other] = json.each_ref().map(|json| json.as_object().unwrap());
            let differing: Vec<_> = one.keys().filter(|field| one[*field] != other[*field]).collect();
            let [field] = differing[..] else { panic!("{}: {differing:?}", key.key) };
            assert!(fields.insert(field.clone()), "{}: {field} is another key's too", key.key);
            assert_ne!((key.text)(&replicas[0]), (key.text)(&replicas[1]), "{}", key.key);
        }
    }

    /// A list is a type in one table and a row in the other: neither may be without the other.
    #[test]
    fn every_setting_that_takes_a_list_is_a_replica_key() {
        let mut rows = vec![];
        Config::rows("", &mut rows);
        let defaults = super::super::keys::known_keys().unwrap();
        for row in &rows {
            let place = row.key.split('.').try_fold(&defaults, |table, part| match &table[part] {
                toml::Value::Table(inner) => Ok(inner),
                value => Err(value),
            });
            let taken = |list: &str| toml::from_str::<Config>(&format!("{} = {list}", row.key)).is_ok();
            let is_list = matches!(place, Err(toml::Value::Array(_)));
            let takes_list = !is_list && (taken("[1, 2]") || taken("[0.25, 0.5]"));
            assert_eq!(takes_list, super::takes_list(&row.key), "{}", row.key);
        }
    }

    #[test]
    fn a_configuration_of_one_replica_has_that_replica_alone() {
        for key in replica_keys() {
            let config = config(&format!("{} = {}\ntrain.epochs = 3", key.key, two_values(key.key)));
            for replica in config.replicas() {
                let alone = config.of_replica(&replica);
                assert_eq!(alone.replicas(), [replica], "{}", key.key);
                assert_eq!(alone.train.epochs, 3);
            }
        }
    }

    #[test]
    fn lists_are_taken_over_and_nothing_else() {
        for key in replica_keys() {
            let other = config(&format!("{} = {}", key.key, two_values(key.key)));
            assert_ne!(other, Config::default(), "{}", key.key);
            assert_eq!(Config::default().with_lists_of(&other), other, "{}", key.key);
            assert_ne!(config("train.epochs = 3").with_lists_of(&other), other, "{}", key.key);
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 3.0, 0.001, 1e-5, 2.5e38].map(short), ["0", "3", "0.001", "1e-5", "2.5e38"]);
    }
}
