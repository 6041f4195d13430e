//! Whether the game's attack network h is an adversary worth the name: h beside a threshold on the
//! confidence, on the same records, after every epoch.
//!
//! An h that is weaker than the simplest attack makes the classifier pay for less than anyone sees; its gain
//! near −log 2 then tells of h, not of privacy. Not an audit: the records are those that h is trained on,
//! members against D′, as in the game.

use super::evaluate::{Walk, Weights, batch};
use super::recipe::Recipe;
use super::resident::Resident;
use super::steps::{ScoreTable, longest};
use crate::dataset::Split;
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::Tensor;
use crate::ops::Concat;
use crate::run::config::{AttackSteps, Config};
use crate::run::event::AdversaryCheck;
use crate::statistics::halves::Halves;
use crate::statistics::paired::{Pairs, lower_by_chance};
use crate::statistics::thresholds::best_threshold;
use std::sync::atomic::AtomicBool;

/// Records of D, and of D′, at most: the difference of two accuracies is then known to about 0.01.
const RECORDS: usize = 2560;
/// Bytes of a table at most, so that reading back needs little memory.
const TABLE: u64 = 64 << 20;

/// Scores fixed records of D and D′ by the networks as they are.
#[derive(Debug)]
pub struct Referee {
    table: ScoreTable,
    /// Of each replica: the first of D, then as many of D′.
    records: Vec<Vec<u32>>,
    labels: Vec<Vec<u32>>,
    /// Columns of the table: h's logit, then f's.
    columns: usize,
}

impl Referee {
    /// Records of each of D and D′ that are scored of a split with so many: as many as other evaluation takes
    /// (`train.evaluate_limit`), unless the attack steps go by it. 0: none are.
    pub fn size(config: &Config, members: usize, reference: usize) -> usize {
        let limit = match config.defense.attack_steps {
            AttackSteps::Auto => RECORDS,
            AttackSteps::Count(_) => RECORDS.min(config.train.evaluate_limit),
        };
        limit.min(members).min(reference)
    }

    /// The records of `split` that are scored, members first.
    pub fn records(config: &Config, split: &Split) -> Vec<u32> {
        let size = Referee::size(config, split.members.len(), split.reference.len());
        [&split.members[..size], &split.reference[..size]].concat()
    }

    /// For replicas whose `records` are at these places among the resident ones, with these `labels`; `attack`
    /// is h's memory.
    ///
    /// # Errors
    /// A recipe without an attack network; sizes beyond the adapter's limits or memory.
    pub fn new(
        context: &Context,
        recipe: &Recipe,
        resident: &Resident,
        (classifier, attack): (&Weights, &Buffer),
        [records, labels]: [Vec<Vec<u32>>; 2],
    ) -> Result<Self> {
        let adversary =
            recipe.adversary.as_ref().ok_or_else(|| Error::graph("referee").expected("an attack network"))?;
        let limit = context.limits().tensor_bytes();
        // How many are scored at once depends on the number of replicas, how many a pass takes does not: a
        // replica's scores are the same alone and in company.
        let batch = batch(recipe, resident.layout, limit)?.0.min(2 * recipe.batch);
        let columns = 1 + recipe.classes;
        let row = 4 * Tensor::f32(1, columns).pitch() * records.len();
        let most = usize::try_from(limit.min(TABLE)).unwrap_or(usize::MAX) / row;
        let lines = (most / batch).clamp(1, longest(&records).div_ceil(batch).max(1));
        let Walk { mut graph, mut bound, tapes, labels: label, z, .. } =
            Walk::new(recipe, resident, classifier, [lines, batch])?;
        let h = graph.state("attack", adversary.state());
        bound.insert(h, attack.clone());
        let weights = adversary.network.parameters.views(&mut graph, h)?;
        let (s, _) = adversary.network.forward(&mut graph, &weights, z, label)?;
        let both = graph.apply(Concat, &[s, z])?;
        let sizes = [records.len(), resident.layout.records];
        let table = ScoreTable::compile(context, graph, &tapes, both, bound, sizes)?;
        Ok(Referee { table, records, labels, columns })
    }

    /// For each replica how h stands beside the threshold; `None` where there are too few records, or scores
    /// are not numbers.
    ///
    /// # Errors
    /// As [`ScoreTable::fill_all`].
    pub fn checks(&mut self, context: &Context, stop: &AtomicBool) -> Result<Vec<Option<AdversaryCheck>>> {
        let rows = self.table.fill_all(context, &self.records, stop)?;
        let replicas = rows.iter().zip(&self.labels);
        Ok(replicas.map(|(rows, labels)| self.judge(rows, labels)).collect())
    }

    fn judge(&self, rows: &[f32], labels: &[u32]) -> Option<AdversaryCheck> {
        let records = rows.chunks_exact(self.columns).zip(labels);
        let scores = records.map(|(row, label)| [f64::from(row[0]), log_confidence(&row[1..], *label)]);
        check(&scores.collect::<Vec<_>>())
    }
}

/// log p_y by the logits: −log(1 + Σ over j ≠ y of exp(z_j − z_y)), which keeps apart confidences near 1.
fn log_confidence(z: &[f32], label: u32) -> f64 {
    let own = f64::from(z[label as usize]);
    let others = z.iter().enumerate().filter(|(j, _)| *j != label as usize);
    -others.map(|(_, z)| (f64::from(*z) - own).exp()).sum::<f64>().ln_1p()
}

/// h's logit and the confidence's logarithm of records, the first half of them members. Every second record
/// of each kind chooses the thresholds, the others are scored.
fn check(scores: &[[f64; 2]]) -> Option<AdversaryCheck> {
    if scores.iter().flatten().any(|score| score.is_nan()) {
        return None;
    }
    let (members, others) = scores.split_at(scores.len() / 2);
    let halves = |attack: usize| {
        let half = |records: &[[f64; 2]], first: usize| -> Vec<f64> {
            records.iter().skip(first).step_by(2).map(|scores| scores[attack]).collect()
        };
        Halves {
            known_members: half(members, 0),
            known_nonmembers: half(others, 0),
            scored_members: half(members, 1),
            scored_nonmembers: half(others, 1),
        }
    };
    let (attack, threshold) = (halves(0), halves(1));
    if !attack.resolve() {
        return None;
    }
    let (by_attack, by_threshold) = (best_threshold(&attack).ok()?, best_threshold(&threshold).ok()?);
    let mut right = [0usize; 2];
    let mut pairs = |attack: &[f64], threshold: &[f64], member: bool| {
        let mut pairs = Pairs::default();
        for (attack, threshold) in attack.iter().zip(threshold) {
            let found = [(*attack >= by_attack) == member, (*threshold >= by_threshold) == member];
            pairs.add(found[0], found[1]);
            right.iter_mut().zip(found).for_each(|(right, found)| *right += usize::from(found));
        }
        pairs
    };
    let of_members = pairs(&attack.scored_members, &threshold.scored_members, true);
    let of_others = pairs(&attack.scored_nonmembers, &threshold.scored_nonmembers, false);
    // As many members as others are scored, so the mean is ½(TPR + TNR).
    let records = of_members.records + of_others.records;
    let [attack_accuracy, threshold_accuracy] = right.map(|right| right as f64 / records as f64);
    let (_, chance) = lower_by_chance(&of_members, &of_others);
    Some(AdversaryCheck { attack_accuracy, threshold_accuracy, chance, records })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream, uniform};

    #[test]
    fn the_confidence_by_its_logits() {
        // p = 1 / (1 + e^−1 + e^−2) = 0.665241.
        assert!((log_confidence(&[3.0, 2.0, 1.0], 0).exp() - 0.665_241).abs() < 1e-6);
        let near = [40.0f32, 41.0].map(|z| log_confidence(&[z, 0.0], 0));
        assert!(near[0] < near[1] && near[1] < 0.0, "{near:?}: 1 − p of 4e-18 and 2e-18");
    }

    /// Scores of 400 records: h's and the threshold's, each of members higher by so much.
    fn scores(h: f64, threshold: f64) -> Vec<[f64; 2]> {
        let mut rng = stream(3, Stream::Audit);
        let mut draw = |by: f64| uniform(&mut rng) + by;
        let members: Vec<[f64; 2]> = (0..200).map(|_| [draw(h), draw(threshold)]).collect();
        members.into_iter().chain((0..200).map(|_| [draw(0.0), draw(0.0)])).collect()
    }

    #[test]
    fn an_attack_network_that_never_learnt_is_weaker_than_a_threshold() {
        // Two uniform distributions shifted by d: the best threshold is right in (1 + d) / 2 of the cases.
        let found = check(&scores(0.0, 0.6)).unwrap();
        assert!(found.is_weaker() && found.chance < 1e-6, "{found:?}");
        assert!((found.threshold_accuracy - 0.8).abs() < 0.1 && found.records == 200, "{found:?}");
        // Equal logits of all records, as of a collapsed h: all are taken for members.
        let constant: Vec<[f64; 2]> = scores(0.0, 0.6).into_iter().map(|[_, t]| [0.25, t]).collect();
        let found = check(&constant).unwrap();
        assert!(found.is_weaker() && found.attack_accuracy == 0.5, "{found:?}");
    }

    #[test]
    fn one_that_is_as_good_or_better_is_not() {
        for (h, threshold) in [(0.6, 0.6), (0.6, 0.0), (0.0, 0.0)] {
            let found = check(&scores(h, threshold)).unwrap();
            assert!(!found.is_weaker(), "{h}, {threshold}: {found:?}");
        }
        let same: Vec<[f64; 2]> = scores(0.5, 0.0).into_iter().map(|[h, _]| [h, 3.0 * h]).collect();
        let found = check(&same).unwrap();
        assert_eq!((found.attack_accuracy, found.chance), (found.threshold_accuracy, 0.5));
    }

    #[test]
    fn too_few_records_and_scores_that_are_no_numbers_say_nothing() {
        assert_eq!(check(&[[0.0; 2]; 6]), None);
        let mut scores = scores(0.0, 0.5);
        scores[17][0] = f64::NAN;
        assert_eq!(check(&scores), None);
    }
}
