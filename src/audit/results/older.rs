//! Summaries of older versions, as the newest has them. Not the newest itself ([`super::summary`]).

use super::summary::{SCHEMA, Summary};
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::{Map, Value, json};

/// A summary of any schema, upgraded as it is read.
///
/// Schema 1 had neither the advantage, which follows from the accuracy, nor rates at the lowest levels,
/// precision and bounds on ε, which were not measured and stay so. Up to schema 2 all numbers were those of
/// the scored half and no score was reversed; the strongest attack had no interval of its own, and has none.
pub struct AnySummary(Summary);

impl From<AnySummary> for Summary {
    fn from(read: AnySummary) -> Summary {
        read.0
    }
}

impl<'de> Deserialize<'de> for AnySummary {
    fn deserialize<D: Deserializer<'de>>(file: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(file)?;
        let found = value.get("schema").and_then(Value::as_u64);
        if found == Some(1) {
            from_1_to_2(&mut value);
        }
        match found {
            Some(1 | 2) => from_2_to_3(&mut value),
            Some(newer) if newer > u64::from(SCHEMA) => {
                let expected = format!("schema {newer}, where this version knows those up to {SCHEMA}");
                return Err(D::Error::custom(expected));
            }
            _ => {}
        }
        serde_json::from_value(value).map(AnySummary).map_err(D::Error::custom)
    }
}

fn from_1_to_2(summary: &mut Value) {
    summary["schema"] = json!(2);
    for replica in replicas(summary) {
        attacks(replica).for_each(add_advantage);
    }
}

fn from_2_to_3(summary: &mut Value) {
    summary["schema"] = json!(3);
    for replica in replicas(summary) {
        attacks(replica).for_each(add_records_of_the_curve);
        replica
            .get_mut("blind")
            .and_then(Value::as_object_mut)
            .into_iter()
            .for_each(add_records_of_the_curve);
        for key in ["strongest", "strongest_on_reference"] {
            replica.insert(key.to_owned(), Value::Null);
        }
    }
}

fn replicas(summary: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let replicas = summary.get_mut("replicas").and_then(Value::as_array_mut);
    replicas.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn attacks(replica: &mut Map<String, Value>) -> impl Iterator<Item = &mut Map<String, Value>> {
    let sets =
        replica.iter_mut().filter(|(key, _)| ["attacks", "attacks_on_reference"].contains(&key.as_str()));
    let attacks = sets.filter_map(|(_, set)| set.as_object_mut()).flat_map(Map::values_mut);
    attacks.filter_map(Value::as_object_mut)
}

/// 2 · accuracy − 1, and the ends of its interval likewise.
fn add_advantage(attack: &mut Map<String, Value>) {
    let advantage = |accuracy: &Value| accuracy.as_f64().map(|accuracy| 2.0 * accuracy - 1.0);
    let of_accuracy = attack.get("accuracy").and_then(advantage);
    attack.insert("advantage".to_owned(), json!(of_accuracy));
    if let Some(intervals) = attack.get_mut("ci95").and_then(Value::as_object_mut) {
        let ends = intervals.get("accuracy").and_then(Value::as_array).into_iter().flatten();
        let ends: Vec<_> = ends.map(advantage).collect();
        intervals.insert("advantage".to_owned(), json!(ends));
    }
}

/// All numbers were of the scored half.
fn add_records_of_the_curve(attack: &mut Map<String, Value>) {
    for group in ["members", "nonmembers"] {
        let scored = attack.get(group).cloned().unwrap_or_default();
        attack.insert(format!("curve_{group}"), scored);
    }
    attack.insert("reversed".to_owned(), json!(false));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(summary: &Value) -> Result<Summary, String> {
        let read: Result<AnySummary, _> = serde_json::from_str(&summary.to_string());
        read.map(Summary::from).map_err(|e| e.to_string())
    }

    /// A summary as schema 1 wrote it.
    fn old() -> Value {
        json!({
            "schema": 1, "version": "0.1.0", "adapter": null, "seconds": 2.0,
            "dataset": {"name": "made up", "records": 9, "features": 4, "classes": 2},
            "replicas": [{
                "lambda": 1.0, "seed": 0, "learning_rate": 0.001, "attack_learning_rate": 0.001,
                "weight_decay": 0.0, "attack_weight_decay": 0.0, "dropout": 0.0,
                "train_accuracy": 1.0, "reference_accuracy": null, "test_accuracy": 0.5,
                "collapsed": false, "frozen_at_step": null, "control_accuracy": 1.0, "attack_trained": true,
                "attacks": {"gap": {
                    "accuracy": 0.75, "auc": 0.8, "tpr_at_fpr_0.001": null, "tpr_at_fpr_0.01": 0.25,
                    "ci95": {"accuracy": [0.625, 0.875], "auc": [0.7, 0.9],
                             "tpr_at_fpr_0.001": null, "tpr_at_fpr_0.01": [0.125, 0.5]},
                    "members": 100, "nonmembers": 90
                }},
                "attacks_on_reference": {},
                "notes": []
            }]
        })
    }

    #[test]
    fn what_follows_is_computed_and_what_was_not_measured_stays_so() {
        let summary = read(&old()).unwrap();
        let gap = &summary.replicas[0].attacks["gap"];
        assert_eq!((summary.schema, gap.advantage, gap.ci95.advantage), (3, 0.5, [0.25, 0.75]));
        assert_eq!((gap.curve_members, gap.curve_nonmembers, gap.reversed), (100, 90, false));
        assert_eq!(summary.replicas[0].strongest, None);
        assert_eq!((gap.tpr.at_0_01, gap.ci95.tpr.at_0_01), (Some(0.25), Some([0.125, 0.5])));
        assert_eq!((gap.epsilon_lower_bound, gap.precision, gap.tpr.at_0_0001), (None, None, None));
    }

    #[test]
    fn a_newer_schema_is_refused_with_its_number() {
        let mut newer = old();
        newer["schema"] = json!(99);
        let error = read(&newer).unwrap_err();
        assert!(error.contains("schema 99, where this version knows those up to 3"), "{error}");
    }
}
