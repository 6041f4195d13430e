//! `summary.json`: what a run came to, for machines and for the tables made from it.
//!
//! Not how the numbers are found: that is the audit's. The keys are public; new ones may be added, none
//! changes its meaning within a [`SCHEMA`].

use serde::{Deserialize, Serialize};

use super::attacks::Attacks;
use super::details::ExposedGroup;
use super::ladder::PlantedSignal;
use super::per_person::PersonResults;
use super::shadows::ShadowSummary;
use super::strongest::{self, Strongest};
use super::utility::Utility;
pub use crate::dataset::DatasetSummary;
use crate::gpu::AdapterSummary;
use crate::graph::Class;
use crate::run::config::Replica;
use crate::run::event::AdversaryCheck;
use crate::statistics::judgment::AttackResult;

/// The version of the keys' meaning.
pub const SCHEMA: u32 = 3;

/// A finished run. Every rate is a fraction from 0 to 1; one that the records cannot resolve is `null`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Summary {
    /// The version of the keys and their meaning: [`SCHEMA`].
    pub schema: u32,
    /// The program's version.
    pub version: String,
    /// What it ran on; `null` where no GPU was needed.
    pub adapter: Option<Adapter>,
    /// The data set's name and sizes.
    pub dataset: DatasetSummary,
    /// What was found of the data as a whole.
    #[serde(default)]
    pub notes: Vec<String>,
    /// In the order of [`Config::replicas`](crate::run::config::Config::replicas).
    pub replicas: Vec<ReplicaSummary>,
    /// Training and audit together, by the clock.
    pub seconds: f64,
}

/// The adapter, which the results depend on in their last bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Adapter {
    /// As the driver gives it.
    pub name: String,
    /// vulkan, metal or dx12.
    pub backend: String,
    /// software, integrated or discrete.
    pub kind: Class,
    /// The driver's name and version.
    pub driver: String,
}

impl From<&AdapterSummary> for Adapter {
    fn from(adapter: &AdapterSummary) -> Self {
        Adapter {
            name: adapter.name.clone(),
            backend: adapter.backend.clone(),
            kind: adapter.kind,
            driver: adapter.driver.clone(),
        }
    }
}

/// One trained model and the attacks on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplicaSummary {
    /// `lambda`, `seed`, `learning_rate`, `attack_learning_rate`, `weight_decay`, `attack_weight_decay`,
    /// `dropout`, `reference` (|D′|), and so on, as keys of the replica; none of them where another program
    /// trained the model.
    #[serde(flatten)]
    pub settings: Option<Replica>,
    /// On all of D.
    pub train_accuracy: f64,
    /// On all of D′; `null` where there is none.
    pub reference_accuracy: Option<f64>,
    /// On all test records; `null` where there are none.
    pub test_accuracy: Option<f64>,
    /// What the model is good for, on the test records; absent in summaries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utility: Option<Utility>,
    /// Whether the attack network of the game stopped telling records apart: its λ then hid nothing.
    pub collapsed: bool,
    /// How the attack network of the game stood beside a threshold on the confidence when training ended;
    /// absent without a game, and in summaries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adversary: Option<AdversaryCheck>,
    /// The step whose loss was not finite; the model is that of the last epoch before. `null`: all went well.
    pub frozen_at_step: Option<u64>,
    /// The neural attack's accuracy where a membership signal was planted into the same predictions;
    /// `null` where it was not tried.
    pub control_accuracy: Option<f64>,
    /// Signals of known strength planted into predictions like these, and what the same network made of them,
    /// the weakest first; empty where that was not tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planted: Vec<PlantedSignal>,
    /// Whether it found that signal, and the strongest of `planted` or a leak of its own. If not, what the neural
    /// attack reached says nothing of privacy.
    pub attack_trained: bool,
    /// What the attacks by shadow models stood on; `null` without them.
    #[serde(default)]
    pub shadows: Option<ShadowSummary>,
    /// What tells members from test records by features and labels alone, without the model
    /// ([`crate::audit::attacks::blind`]): a check of the audit. `null` where the data were not there.
    #[serde(default)]
    pub blind: Option<AttackResult>,
    /// The accuracy of the authors' own final attack, by their protocol ([`crate::audit::attacks::as_published`]); it
    /// counts the best epoch on the records that are scored, so it stands beside published numbers alone. Absent
    /// unless `audit.as_published` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neural_as_published: Option<f64>,
    /// On the members of D, against test records.
    pub attacks: Attacks,
    /// On the records of D′, against test records: the defense may leak those. Empty without D′.
    pub attacks_on_reference: Attacks,
    /// The strongest of `attacks`; `null` where there is none, and in summaries before schema 3.
    pub strongest: Option<Strongest>,
    /// The strongest of `attacks_on_reference`, likewise.
    pub strongest_on_reference: Option<Strongest>,
    /// The attacks on persons, where `--person-column` tells which records are of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<PersonResults>,
    /// The class and the subgroup that fare worst, where they are exposed more than all records together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exposed_groups: Vec<ExposedGroup>,
    /// What a reader must know before believing the numbers.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl ReplicaSummary {
    /// The name of the strongest attack on D.
    pub fn strongest_attack(&self) -> Option<&str> {
        strongest::name(self.strongest.as_ref(), &self.attacks)
    }

    /// The name of the strongest attack on D′.
    pub fn strongest_attack_on_reference(&self) -> Option<&str> {
        strongest::name(self.strongest_on_reference.as_ref(), &self.attacks_on_reference)
    }

    /// That the classifier paid for being recognized by a network weaker than a threshold on the confidence,
    /// where it did: λ was above 0.
    pub fn weak_adversary(&self) -> Option<String> {
        self.settings.filter(|settings| settings.lambda > 0.0)?;
        self.adversary?.remark()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::judgment::Intervals;
    use crate::statistics::levels::{TnrAtFnr, TprAtFpr};
    use serde_json::json;

    fn attack() -> AttackResult {
        AttackResult {
            accuracy: 0.75,
            advantage: 0.5,
            auc: 0.8125,
            tpr: TprAtFpr { at_0_01: Some(0.125), ..TprAtFpr::default() },
            tnr: TnrAtFnr::default(),
            precision: Some(0.25),
            epsilon_lower_bound: Some(1.5),
            ci95: Intervals {
                accuracy: [0.5, 1.0],
                advantage: [0.0, 1.0],
                auc: [0.5, 1.0],
                tpr: TprAtFpr { at_0_01: Some([0.0, 0.25]), ..TprAtFpr::default() },
                tnr: TnrAtFnr::default(),
                precision: None,
            },
            members: 1000,
            nonmembers: 1000,
            curve_members: 2000,
            curve_nonmembers: 2000,
            reversed: false,
            trained: None,
            note: None,
        }
    }

    #[test]
    fn the_json_has_the_documented_keys() {
        let summary = Summary {
            schema: SCHEMA,
            version: "0.1.0".into(),
            adapter: Some(Adapter {
                name: "llvmpipe".into(),
                backend: "vulkan".into(),
                kind: Class::Software,
                driver: "llvmpipe Mesa".into(),
            }),
            dataset: DatasetSummary { name: "synthetic".into(), records: 9, features: Some(4), classes: 2 },
            notes: vec!["a note".into()],
            replicas: vec![ReplicaSummary {
                settings: Some(Replica { lambda: 3.0, seed: 5, ..Replica::default() }),
                train_accuracy: 1.0,
                test_accuracy: Some(0.5),
                attack_trained: true,
                attacks: Attacks::from([("gap".to_owned(), attack())]),
                ..ReplicaSummary::default()
            }],
            seconds: 1.5,
        };
        let text = serde_json::to_string(&summary).unwrap();
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        let attack = json!({
                    "accuracy": 0.75, "advantage": 0.5, "auc": 0.8125,
                    "tpr_at_fpr_0.0001": null, "tpr_at_fpr_0.001": null, "tpr_at_fpr_0.01": 0.125,
                    "tnr_at_fnr_0.0001": null, "tnr_at_fnr_0.001": null, "tnr_at_fnr_0.01": null,
                    "precision": 0.25, "epsilon_lower_bound": 1.5,
                    "ci95": {
                        "accuracy": [0.5, 1.0], "advantage": [0.0, 1.0], "auc": [0.5, 1.0],
                        "tpr_at_fpr_0.0001": null, "tpr_at_fpr_0.001": null, "tpr_at_fpr_0.01": [0.0, 0.25],
                        "tnr_at_fnr_0.0001": null, "tnr_at_fnr_0.001": null, "tnr_at_fnr_0.01": null,
                        "precision": null
                    },
                    "members": 1000, "nonmembers": 1000, "curve_members": 2000, "curve_nonmembers": 2000,
                    "reversed": false});
        let expected = json!({
            "schema": 3,
            "version": "0.1.0",
            "adapter": {
                "name": "llvmpipe", "backend": "vulkan", "kind": "software", "driver": "llvmpipe Mesa"
            },
            "dataset": {"name": "synthetic", "records": 9, "features": 4, "classes": 2},
            "notes": ["a note"],
            "replicas": [{
                "lambda": 3.0, "seed": 5, "learning_rate": 0.0, "attack_learning_rate": 0.0,
                "weight_decay": 0.0, "attack_weight_decay": 0.0, "dropout": 0.0, "reference": 0,
                "label_smoothing": 0.0, "confidence_penalty": 0.0, "reference_weight": 0.0,
                "clip": 0.0, "noise": 0.0,
                "train_accuracy": 1.0, "reference_accuracy": null, "test_accuracy": 0.5,
                "collapsed": false, "frozen_at_step": null,
                "control_accuracy": null, "attack_trained": true, "shadows": null, "blind": null,
                "attacks": {"gap": attack},
                "attacks_on_reference": {},
                "strongest": null, "strongest_on_reference": null,
                "notes": []
            }],
            "seconds": 1.5
        });
        assert_eq!(found, expected);
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
}
