//! The blind attack: can members and non-members be told apart without any model?
//!
//! Not an attack on the model, but a check of the audit: where features and labels alone give members away,
//! the two groups are not drawn from one distribution, and what other attacks find is in part that difference
//! (Das, Zhang and Tramèr 2024, "Blind baselines beat membership inference attacks for foundation models").
//!
//! Naive Bayes: the score is the sum over label and features of log P(value | member) − log P(value |
//! non-member), with Bernoulli features where all values are 0 or 1, else normal ones; fitted to the known
//! half.

use super::scored::Scored;
use crate::dataset::{Dataset, Features};
use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::judgment::AttackResult;

/// Below this a feature's variance is rounding.
const LEAST_VARIANCE: f64 = 1e-12;

/// The records of one group: labels, and with features their rows in the data set.
#[derive(Debug, Clone, Copy)]
pub struct BlindRecords<'a> {
    /// `[N]`; not looked at by labels alone.
    pub rows: &'a [u32],
    /// `[N]`, each under C.
    pub labels: &'a [u32],
}

/// The attack's scores. Without `dataset` on labels alone; the groups' rows are then not looked at.
///
/// # Errors
/// As [`Scored::new`].
pub fn attack(
    dataset: Option<&Dataset>,
    classes: usize,
    members: BlindRecords,
    nonmembers: BlindRecords,
    halves: &Halves<u32>,
) -> Result<Scored> {
    let mut scores = by_labels(classes, members.labels, nonmembers.labels, halves);
    if let Some(dataset) = dataset {
        let known = halves.pick(members.rows, nonmembers.rows);
        let numbers = match &dataset.features {
            Features::Bytes { width, .. } => vec![true; *width],
            _ => dataset.schema.numbers(),
        };
        let fitted =
            [&known.known_members, &known.known_nonmembers].map(|rows| moments(&dataset.features, rows));
        for (scores, rows) in scores.iter_mut().zip([members.rows, nonmembers.rows]) {
            for (score, &row) in scores.iter_mut().zip(rows) {
                *score += evidence(&dataset.features, row, &numbers, &fitted);
            }
        }
    }
    let [members, nonmembers] = scores;
    Ok(Scored { learns: true, ..Scored::new("blind", halves, &members, &nonmembers)? })
}

/// Whether the two groups differ beyond chance: the area is more than 3.29 standard errors above ½, as in one
/// of two thousand fair splits.
pub fn differ(blind: &AttackResult) -> bool {
    let standard_error = (blind.auc - blind.ci95.auc[0]) / 1.96;
    blind.auc - 0.5 > 3.29 * standard_error
}

/// log P(y | member) − log P(y | non-member) of every record, with a record of each class added to what is
/// known.
fn by_labels(classes: usize, members: &[u32], nonmembers: &[u32], halves: &Halves<u32>) -> [Vec<f64>; 2] {
    let known = halves.pick(members, nonmembers);
    let frequency = |labels: &[u32]| -> Vec<f64> {
        let mut counts = vec![1.0; classes];
        labels.iter().for_each(|&y| counts[y as usize] += 1.0);
        let total = (labels.len() + classes) as f64;
        counts.iter().map(|count| (count / total).ln()).collect()
    };
    let (m, n) = (frequency(&known.known_members), frequency(&known.known_nonmembers));
    [members, nonmembers].map(|labels| labels.iter().map(|&y| m[y as usize] - n[y as usize]).collect())
}

/// Number of records, and for each feature sum and sum of squares about the first record's value, which is
/// near enough to the mean that nothing cancels.
struct Moments {
    count: f64,
    first: Vec<f64>,
    sums: Vec<(f64, f64)>,
}

fn moments(features: &Features, rows: &[u32]) -> Moments {
    let width = features.width();
    let value = |row: u32, j: usize| f64::from(features.value(row as usize, j));
    let first: Vec<f64> = (0..width).map(|j| value(rows[0], j)).collect();
    let mut sums = vec![(0.0, 0.0); width];
    for &row in rows {
        for (j, sum) in sums.iter_mut().enumerate() {
            let distance = value(row, j) - first[j];
            *sum = (sum.0 + distance, sum.1 + distance * distance);
        }
    }
    Moments { count: rows.len() as f64, first, sums }
}

impl Moments {
    /// log P(x | group) of feature `j`.
    fn log_likelihood(&self, j: usize, x: f64, number: bool) -> f64 {
        let (sum, squares) = self.sums[j];
        let mean = self.first[j] + sum / self.count;
        if number {
            let variance = ((squares - sum * sum / self.count) / self.count).max(LEAST_VARIANCE);
            return -0.5 * ((x - mean).powi(2) / variance + variance.ln());
        }
        // A record of each kind added: no value is impossible for not having been seen.
        let share = (mean * self.count + 1.0) / (self.count + 2.0);
        if x > 0.5 { share.ln() } else { (1.0 - share).ln() }
    }
}

fn evidence(features: &Features, row: u32, numbers: &[bool], [members, nonmembers]: &[Moments; 2]) -> f64 {
    let of = |j: usize| {
        let x = f64::from(features.value(row as usize, j));
        members.log_likelihood(j, x, numbers[j]) - nonmembers.log_likelihood(j, x, numbers[j])
    };
    (0..features.width()).map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Synthetic, synthetic};
    use crate::statistics::judgment::Terms;

    fn found(dataset: Option<&Dataset>, members: &[u32], nonmembers: &[u32], labels: &[u32]) -> AttackResult {
        let of = |rows: &[u32]| rows.iter().map(|&r| labels[r as usize]).collect::<Vec<_>>();
        let (m, n) = (of(members), of(nonmembers));
        let halves = Halves::split(members.len(), nonmembers.len(), 1).unwrap();
        let classes = *labels.iter().max().unwrap() as usize + 1;
        let (m, n) =
            (BlindRecords { rows: members, labels: &m }, BlindRecords { rows: nonmembers, labels: &n });
        let terms = Terms { seed: 0, base_rate: 0.1, delta: 1e-5 };
        attack(dataset, classes, m, n, &halves).unwrap().result(&terms).unwrap()
    }

    #[test]
    fn a_fair_split_is_not_told_apart() {
        let data = synthetic(&Synthetic::default()).unwrap();
        let rows: Vec<u32> = (0..data.records() as u32).collect();
        let (members, nonmembers) = rows.split_at(rows.len() / 2);
        let fair = found(Some(&data), members, nonmembers, &data.labels);
        assert!(!differ(&fair) && fair.ci95.auc[0] < 0.5, "{fair:?}");
    }

    #[test]
    fn a_shifted_split_is() {
        let data = synthetic(&Synthetic::default()).unwrap();
        let mut rows: Vec<u32> = (0..data.records() as u32).collect();
        // Members are the records with most ones.
        let ones = |row: &u32| data.row(*row as usize).iter().filter(|x| **x == 1.0).count();
        rows.sort_by_key(ones);
        let (nonmembers, members) = rows.split_at(rows.len() / 2);
        let shifted = found(Some(&data), members, nonmembers, &data.labels);
        assert!(differ(&shifted) && shifted.auc > 0.8, "{shifted:?}");
        // By labels alone: members are of the first classes.
        rows.sort_by_key(|row| data.labels[*row as usize]);
        let (members, nonmembers) = rows.split_at(rows.len() / 2);
        assert!(found(None, members, nonmembers, &data.labels).auc > 0.9);
    }

    #[test]
    fn normal_features_are_compared_by_mean_and_variance() {
        let values: Vec<f32> = vec![0.0, 2.0, 10.0, 14.0];
        let features =
            Features::Floats { values: values.iter().flat_map(|&v| [v, 0.0, 0.0, 0.0]).collect(), width: 1 };
        let fitted = [moments(&features, &[0, 1]), moments(&features, &[2, 3])];
        // N(1, 1) against N(12, 4) at 2.
        let expected = -0.5 * 1.0 + 0.5 * (100.0 / 4.0 + 4f64.ln());
        assert!((evidence(&features, 1, &[true], &fitted) - expected).abs() < 1e-12);
    }
}
