//! What the model is good for, on records that it was not trained on: accuracy beside what a person would reach
//! who looked at nothing.
//!
//! Not what each class fares ([`super::details::GroupResult`]), nor what the model leaks. A model that always
//! says the commonest class leaks little, and is of no use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::attacks::scores::{self, Predictions};
use crate::statistics::intervals::{clopper_pearson, mean_of_proportions, paired_difference};
use crate::statistics::paired::Pairs;

/// Test records that a class needs for its accuracy to be compared with those of others: fewer say little.
const LEAST: usize = 10;

/// The utility of a model. All numbers are of its test records (non-members).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Utility {
    /// The share that is classified right.
    pub accuracy: f64,
    /// The mean over the classes of the share of each that is classified right; classes without a test record
    /// aside. 1 / C for a model that always says the same.
    pub balanced_accuracy: f64,
    /// The class that most members have.
    pub commonest_class: String,
    /// The accuracy of always saying that class.
    pub commonest_class_accuracy: f64,
    /// `accuracy` less `commonest_class_accuracy`: at 0 or below nothing was learnt that helps.
    pub above_commonest_class: f64,
    /// Of a logistic regression on the same members; `null` where none was trained (`audit.logistic`).
    #[serde(default)]
    pub logistic_accuracy: Option<f64>,
    /// `accuracy` less `logistic_accuracy`: at 0 or below the network is of no more use than a single layer.
    #[serde(default)]
    pub above_logistic: Option<f64>,
    /// The class whose records are classified right least often, of those with at least 10 test records; `null`
    /// of fewer than two such classes.
    pub worst_class: Option<String>,
    /// The share of that class's test records that is classified right.
    pub worst_class_accuracy: Option<f64>,
    /// 95% intervals of the others.
    pub ci95: UtilityIntervals,
}

/// A 95% interval `[low, high]` of a number of [`Utility`]. The worst class has none: chance has chosen it in part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UtilityIntervals {
    /// Of the accuracy, exact ([`clopper_pearson`]).
    pub accuracy: [f64; 2],
    /// Of the balanced accuracy ([`mean_of_proportions`]).
    pub balanced_accuracy: [f64; 2],
    /// Of the commonest class's accuracy, exact.
    pub commonest_class_accuracy: [f64; 2],
    /// Of the difference on the same records ([`paired_difference`]).
    pub above_commonest_class: [f64; 2],
    /// Of the logistic regression's accuracy, exact.
    #[serde(default)]
    pub logistic_accuracy: Option<[f64; 2]>,
    /// Of the difference on the same records ([`paired_difference`]).
    #[serde(default)]
    pub above_logistic: Option<[f64; 2]>,
}

impl Utility {
    /// Sets it beside a logistic regression, which has each of the records of `test` right or not.
    pub fn compare(&mut self, test: &Predictions, logistic: &[bool]) {
        let mut pairs = Pairs::default();
        scores::gap(test).iter().zip(logistic).for_each(|(hit, right)| pairs.add(*hit > 0.5, *right));
        let (n, right) = (logistic.len(), logistic.iter().filter(|right| **right).count());
        let accuracy = right as f64 / n as f64;
        (self.logistic_accuracy, self.above_logistic) = (Some(accuracy), Some(self.accuracy - accuracy));
        self.ci95.logistic_accuracy = Some(clopper_pearson(right, n));
        self.ci95.above_logistic = Some(paired_difference(&pairs));
    }
}

/// Of a model's outputs on its members and on test records; `names` are the classes'. `None` without records.
pub fn utility(members: &Predictions, test: &Predictions, names: &[String]) -> Option<Utility> {
    let count = |labels: &[u32]| -> Vec<usize> {
        let mut counts = vec![0; names.len()];
        labels.iter().for_each(|&label| counts[label as usize] += 1);
        counts
    };
    let among_members = count(members.labels());
    // The first of equals.
    let commonest = (0..names.len()).rev().max_by_key(|&class| among_members[class])?;
    let records = count(test.labels());
    let mut right = vec![0; names.len()];
    let mut pairs = Pairs::default();
    for (&label, hit) in test.labels().iter().zip(scores::gap(test)) {
        right[label as usize] += usize::from(hit > 0.5);
        pairs.add(hit > 0.5, label as usize == commonest);
    }
    let (n, hits) = (test.len(), right.iter().sum::<usize>());
    if n == 0 || members.is_empty() {
        return None;
    }
    let by_class: Vec<(usize, usize)> = right.into_iter().zip(records.iter().copied()).collect();
    let present: Vec<(usize, usize)> = by_class.iter().copied().filter(|(_, records)| *records > 0).collect();
    let share = |(right, records): (usize, usize)| right as f64 / records as f64;
    let compared: Vec<usize> = (0..names.len()).filter(|&class| records[class] >= LEAST).collect();
    let worst = compared
        .iter()
        .copied()
        .min_by(|&a, &b| share(by_class[a]).total_cmp(&share(by_class[b])))
        .filter(|_| compared.len() > 1);
    Some(Utility {
        accuracy: share((hits, n)),
        balanced_accuracy: present.iter().copied().map(share).sum::<f64>() / present.len() as f64,
        commonest_class: names[commonest].clone(),
        commonest_class_accuracy: share((records[commonest], n)),
        above_commonest_class: (hits as f64 - records[commonest] as f64) / n as f64,
        worst_class: worst.map(|class| names[class].clone()),
        worst_class_accuracy: worst.map(|class| share(by_class[class])),
        ci95: UtilityIntervals {
            accuracy: clopper_pearson(hits, n),
            balanced_accuracy: mean_of_proportions(&present),
            commonest_class_accuracy: clopper_pearson(records[commonest], n),
            above_commonest_class: paired_difference(&pairs),
            ..UtilityIntervals::default()
        },
        logistic_accuracy: None,
        above_logistic: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outputs that say `said` of each record, of three classes.
    fn logits(said: &[usize]) -> Vec<f32> {
        let row = |&class: &usize| (0..3).map(move |c| if c == class { 1.0 } else { 0.0 });
        said.iter().flat_map(row).collect()
    }

    #[test]
    fn a_model_that_always_says_the_commonest_class_is_of_no_use() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let labels: Vec<u32> = (0..40).map(|i| if i < 28 { 1 } else { 2 }).collect();
        let outputs = logits(&[1; 40]);
        let all = Predictions::from_logits(&outputs, 3, &labels).unwrap();
        let found = utility(&all, &all, &names).unwrap();
        assert_eq!((found.commonest_class.as_str(), found.worst_class.as_deref()), ("b", Some("c")));
        assert_eq!(
            (found.accuracy, found.commonest_class_accuracy, found.balanced_accuracy),
            (0.7, 0.7, 0.5)
        );
        assert_eq!((found.above_commonest_class, found.worst_class_accuracy), (0.0, Some(0.0)));
        let [low, high] = found.ci95.above_commonest_class;
        assert!(low < 0.0 && high > 0.0 && low == -high, "{low} {high}");
    }

    #[test]
    fn the_commonest_class_is_the_members_and_the_accuracies_the_test_records() {
        let names = ["a", "b", "c"].map(str::to_owned);
        let (member_labels, labels) = ([0, 0, 1], [0, 1, 1, 2]);
        let (of_members, of_test) = (logits(&[0, 0, 1]), logits(&[0, 1, 0, 2]));
        let members = Predictions::from_logits(&of_members, 3, &member_labels).unwrap();
        let test = Predictions::from_logits(&of_test, 3, &labels).unwrap();
        let found = utility(&members, &test, &names).unwrap();
        assert_eq!((found.commonest_class.as_str(), found.commonest_class_accuracy), ("a", 0.25));
        // 1, 1/2 and 1.
        assert_eq!((found.accuracy, found.balanced_accuracy), (0.75, 2.5 / 3.0));
        // No class has ten test records.
        assert_eq!((found.worst_class, found.above_commonest_class), (None, 0.5));
    }
}
