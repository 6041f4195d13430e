//! `details.json`: what a report draws and lists beside the numbers of `summary.json`.
//!
//! Not the results themselves ([`super::summary`]), nor how they are drawn, nor anything of a single record
//! ([`super::records`]): the file may be handed on. The keys are public; new ones may be added, none changes
//! its meaning within a [`SCHEMA`]. Schema 1 had the most exposed records, `worst`, which are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::run::config::Replica;

/// The version of the keys' meaning.
pub const SCHEMA: u32 = 2;

/// Bins of a [`Histogram`].
pub const BINS: usize = 50;

/// The details of an audit. Every rate is a fraction from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Details {
    /// The version of the keys and their meaning: [`SCHEMA`].
    pub schema: u32,
    /// In the order of the summary's replicas.
    pub replicas: Vec<ReplicaDetails>,
}

/// The details of one model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplicaDetails {
    /// As in the summary.
    #[serde(flatten)]
    pub settings: Option<Replica>,
    /// The ROC of each attack on D.
    pub curves: BTreeMap<String, Curve>,
    /// One for each class that has a record, by class.
    pub classes: Vec<GroupResult>,
    /// One for each value of the subgroup column; empty without one.
    pub subgroups: Vec<GroupResult>,
    /// The class that fares worst; `null` where fewer than two can be compared.
    #[serde(default)]
    pub worst_class: Option<WorstGroup>,
    /// The subgroup that fares worst; `null` where fewer than two can be compared.
    #[serde(default)]
    pub worst_subgroup: Option<WorstGroup>,
    /// p_y, the probability of the true class; from 0 to 1.
    pub confidence: Histogram,
    /// −Σ p log p / log C; from 0 (sure) to 1 (uniform).
    pub entropy: Histogram,
}

impl ReplicaDetails {
    /// The class and the subgroup that fare worst, where they stand out.
    pub fn exposed_groups(&self) -> Vec<ExposedGroup> {
        let worst = [("class", &self.worst_class), ("subgroup", &self.worst_subgroup)];
        let stand_out = worst.into_iter().filter_map(|(kind, worst)| {
            let group = worst.clone().filter(|group| group.stands_out)?;
            Some(ExposedGroup { kind: kind.to_owned(), group })
        });
        stand_out.collect()
    }
}

/// A ROC, thinned to the points that a plot needs on linear and on logarithmic axes, from (0, ·) to (1, 1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Curve {
    /// False-positive rates, ascending.
    pub fpr: Vec<f64>,
    /// The largest TPR at that FPR, records of one score drawn by lot.
    pub tpr: Vec<f64>,
    /// The lower end of the TPR's 95% interval at each FPR ([`crate::statistics::operating_point`]).
    pub tpr_low: Vec<f64>,
    /// The upper end of the TPR's 95% interval at each FPR.
    pub tpr_high: Vec<f64>,
}

/// Counts of members of D and of test records in [`BINS`] equal bins of 0 to 1; 1 is in the last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Histogram {
    /// Members of D in each bin.
    pub members: Vec<u64>,
    /// Test records in each bin.
    pub nonmembers: Vec<u64>,
}

/// What the model and the attacks do on some of the records.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupResult {
    /// The class's name, or the subgroup's.
    pub name: String,
    /// All members of D in the group.
    pub members: usize,
    /// All test records in the group.
    pub nonmembers: usize,
    /// The model's accuracy on the members; `null` without one. What the test accuracy is below it is the
    /// generalization error.
    pub train_accuracy: Option<f64>,
    /// The model's accuracy on the test records; `null` without one.
    pub test_accuracy: Option<f64>,
    /// On the records of the group, with the thresholds of the whole. Empty under 2 scored ones of a kind.
    pub attacks: BTreeMap<String, GroupAttack>,
}

/// An attack on a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupAttack {
    /// ½(TPR + TNR) at the threshold of the whole; 0.5 is guessing.
    pub accuracy: f64,
    /// Area under the ROC; 0.5 is guessing.
    pub auc: f64,
    /// The accuracy's 95% interval, as those of the whole.
    pub accuracy_ci95: [f64; 2],
    /// The AUC's 95% interval, as those of the whole.
    pub auc_ci95: [f64; 2],
    /// Intervals that cover the numbers of every attack on every group together with 95% confidence: what the
    /// gate judges by. Absent in files of before they were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simultaneous: Option<GroupIntervals>,
    /// Whether the group's members, against the attack's direction, have the lower scores beyond chance: the
    /// numbers are then those of the negative score.
    #[serde(default)]
    pub reversed: bool,
    /// Scored members, on whom the accuracy stands.
    pub members: usize,
    /// Scored non-members, on whom the accuracy stands.
    pub nonmembers: usize,
    /// Members on whom the AUC stands; 0 in files of before they were told.
    #[serde(default)]
    pub curve_members: usize,
    /// Non-members on whom the AUC stands; 0 in files of before they were told.
    #[serde(default)]
    pub curve_nonmembers: usize,
}

/// Of all groups and attacks together (Bonferroni's).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupIntervals {
    /// The accuracy's interval.
    pub accuracy: [f64; 2],
    /// The AUC's interval.
    pub auc: [f64; 2],
}

/// The group with the highest lower limit of an attack's AUC.
///
/// Of K groups the one with the largest AUC is the smallest more often than the worst off: chance moves it
/// most. So the groups are compared by the lower ends of intervals that cover the AUCs of all A attacks on all K
/// together with 95% confidence (Bonferroni's: each at 1 − 0.05/AK), and whichever is named is covered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WorstGroup {
    /// The group's name.
    pub name: String,
    /// The attack that shows most of it.
    pub attack: String,
    /// On the group's records; 0.5 is guessing.
    pub auc: f64,
    /// The simultaneous 95% interval.
    pub auc_ci95: [f64; 2],
    /// The AUC of the same attack on the records of all groups.
    pub auc_of_all: f64,
    /// K: the groups that were compared, those that the records resolve.
    pub groups: usize,
    /// Whether the group is shown to fare worse than all together: its whole interval lies above their AUC.
    pub stands_out: bool,
    /// Whether the group's members, against the attack's direction, have the lower scores: the AUC is that of
    /// the negative score.
    #[serde(default)]
    pub reversed: bool,
}

/// A class or a subgroup that stands out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExposedGroup {
    /// `class` or `subgroup`.
    pub kind: String,
    /// How far.
    #[serde(flatten)]
    pub group: WorstGroup,
}
