//! The networks of a cohort between two epochs, as a checkpoint holds them, and the replicas that are frozen.

use super::attack_pace::AttackPace;
use super::recipe::Recipe;
use crate::error::{Error, Result};
use crate::run::event::Score;
use std::ops::Range;

/// Everything of a cohort that a checkpoint holds, the epoch aside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// `[R, rows, P]` of the classifier's optimizer.
    pub classifier: Vec<f32>,
    /// The same of the attack network; empty without a game.
    pub attack: Vec<f32>,
    /// `[R, 2, ΣC]`: the classifier's running statistics; empty without batch normalization.
    pub statistics: Vec<f32>,
    /// For each replica its attack steps, where `defense.attack_steps` is `"auto"`; otherwise empty.
    pub paces: Vec<AttackPace>,
    /// For each replica the step at which it was frozen.
    pub frozen: Vec<Option<u64>>,
    /// Where the validation records choose the epoch.
    pub best: Option<Best>,
}

/// The classifiers of the epochs that the validation records like best so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Best {
    /// As [`Snapshot::classifier`] and [`Snapshot::statistics`], each replica's from its own epoch.
    pub classifier: Vec<f32>,
    pub statistics: Vec<f32>,
    /// For each replica; `None`: the first weights.
    pub scores: Vec<Option<Score>>,
}

impl Snapshot {
    /// Refuses one of other networks, or of another number of replicas, before it costs anything.
    ///
    /// # Errors
    /// Where it does not fit.
    pub fn check(&self, replicas: usize, recipe: &Recipe) -> Result<()> {
        let statistics = recipe.classifier.network.parameters().statistics();
        let f = replicas * recipe.classifier.state().elements();
        let h = recipe.adversary.as_ref().map_or(0, |adversary| replicas * adversary.state().elements());
        let s = replicas * statistics.map_or(0, |tensor| tensor.elements());
        let found = [&self.classifier, &self.attack, &self.statistics].map(Vec::len);
        let best = self.best.as_ref().is_none_or(|best| {
            [best.classifier.len(), best.statistics.len(), best.scores.len()] == [f, s, replicas]
        });
        if best && (found, self.frozen.len()) == ([f, h, s], replicas) {
            return Ok(());
        }
        Err(Error::data("checkpoint")
            .expected(format!("{replicas} replicas of {f}, {h} and {s} numbers in all"))
            .found(format!("{} of {}, {} and {}", self.frozen.len(), found[0], found[1], found[2]))
            .advice("the directory's files do not belong together: train anew"))
    }

    /// Of these replicas alone.
    #[must_use]
    pub fn of_replicas(&self, which: Range<usize>) -> Snapshot {
        let replicas = self.frozen.len().max(1);
        let part = |values: &[f32]| {
            let each = values.len() / replicas;
            values[each * which.start..each * which.end].to_vec()
        };
        Snapshot {
            classifier: part(&self.classifier),
            attack: part(&self.attack),
            statistics: part(&self.statistics),
            paces: self.paces.get(which.clone()).unwrap_or_default().to_vec(),
            frozen: self.frozen[which.clone()].to_vec(),
            best: self.best.as_ref().map(|best| Best {
                classifier: part(&best.classifier),
                statistics: part(&best.statistics),
                scores: best.scores[which.clone()].to_vec(),
            }),
        }
    }

    /// Keeps the classifiers whose scores beat those of the best so far, where these are kept. Of equals the
    /// first stays, and a replica that is frozen keeps what it has.
    pub fn keep_best(&mut self, scores: &[Option<Score>]) {
        let Some(best) = &mut self.best else { return };
        let replicas = self.frozen.len();
        for (r, score) in scores.iter().enumerate() {
            let better = |score: &Score| best.scores[r].is_none_or(|before| score.beats(&before));
            let Some(score) = score.filter(|score| self.frozen[r].is_none() && better(score)) else {
                continue;
            };
            let pairs = [(&self.classifier, &mut best.classifier), (&self.statistics, &mut best.statistics)];
            for (now, kept) in pairs {
                let part = now.len() / replicas * r..now.len() / replicas * (r + 1);
                kept[part.clone()].copy_from_slice(&now[part]);
            }
            best.scores[r] = Some(score);
        }
    }

    /// Takes over `next`, the networks after an epoch that ended before step `end`, except for replicas that
    /// are frozen or no longer finite: those keep what they have, and the latter are frozen at the first step
    /// that was `not_finite`, where one is known. Returns whether there are new ones.
    pub fn advance(&mut self, mut next: Snapshot, not_finite: &[Option<u64>], end: u64) -> bool {
        let replicas = self.frozen.len();
        let mut newly = false;
        next.frozen = self.frozen.clone();
        next.paces = self.paces.clone();
        next.best = self.best.take();
        for (r, &flagged) in not_finite.iter().enumerate() {
            let part = |values: &[f32]| values.len() / replicas * r..values.len() / replicas * (r + 1);
            let (f, h, s) = (part(&next.classifier), part(&next.attack), part(&next.statistics));
            let numbers = [&next.classifier[f.clone()], &next.attack[h.clone()], &next.statistics[s.clone()]];
            let finite = numbers.into_iter().flatten().all(|v| v.is_finite());
            if next.frozen[r].is_none() && flagged.is_none() && finite {
                continue;
            }
            if next.frozen[r].is_none() {
                // Parameters that are not finite after finite losses: the epoch's last step did it.
                next.frozen[r] = Some(flagged.unwrap_or(end - 1));
                newly = true;
            }
            next.classifier[f.clone()].copy_from_slice(&self.classifier[f]);
            next.attack[h.clone()].copy_from_slice(&self.attack[h]);
            next.statistics[s.clone()].copy_from_slice(&self.statistics[s]);
        }
        *self = next;
        newly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_epoch_is_kept_a_replica_each_and_of_equals_the_first() {
        let score = |epoch, accuracy, loss| Some(Score { epoch, accuracy, loss });
        let best = Best { classifier: vec![0.0; 2], statistics: vec![], scores: vec![None; 2] };
        let mut snapshot = Snapshot {
            frozen: vec![None; 2],
            best: Some(best),
            classifier: vec![1.0, 10.0],
            ..Default::default()
        };
        let epochs = [
            [score(1, 0.5, 1.0), score(1, 0.5, f64::NAN)],
            [score(2, 0.75, 2.0), score(2, 0.25, 1.0)],
            [score(3, 0.75, 1.5), None],
            [score(4, 0.75, 1.5), score(4, 0.5, 1.0)],
        ];
        for (epoch, scores) in epochs.iter().enumerate() {
            snapshot.classifier = vec![1.0 + epoch as f32, 10.0 + epoch as f32];
            snapshot.keep_best(scores);
        }
        let kept = snapshot.best.clone().unwrap();
        assert_eq!(kept.classifier, [3.0, 10.0]);
        assert_eq!(kept.scores.iter().map(|score| score.unwrap().epoch).collect::<Vec<_>>(), [3, 1]);
        snapshot.frozen[0] = Some(3);
        snapshot.keep_best(&[score(5, 1.0, 0.0), None]);
        assert_eq!(snapshot.best.as_ref().unwrap().classifier[0], 3.0, "a frozen one is as it was");
        assert_eq!(snapshot.of_replicas(1..2).best.unwrap().classifier, [10.0]);
    }

    #[test]
    fn a_replica_that_is_not_finite_stays_as_it_was_and_is_frozen_once() {
        let state = |classifier: [f32; 3], frozen: [Option<u64>; 3]| Snapshot {
            classifier: classifier.to_vec(),
            frozen: frozen.to_vec(),
            ..Snapshot::default()
        };
        let mut snapshot = state([1.0, 2.0, 3.0], [None; 3]);
        // The second has a loss that was not finite at step 4, the third a parameter after the epoch's last
        // step.
        assert!(snapshot.advance(state([1.5, 2.5, f32::NAN], [None; 3]), &[None, Some(4), None], 10));
        assert_eq!(snapshot, state([1.5, 2.0, 3.0], [None, Some(4), Some(9)]));
        assert!(!snapshot.advance(state([1.75, f32::NAN, 4.0], [None; 3]), &[None, Some(12), None], 20));
        assert_eq!(snapshot, state([1.75, 2.0, 3.0], [None, Some(4), Some(9)]));
    }
}
