//! The networks of a cohort between two epochs, as a checkpoint holds them, and the replicas that are frozen.

use super::recipe::Recipe;
use crate::error::{Error, Result};
use crate::run::event::AdversaryCheck;
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
}

/// The attack steps of a replica that finds their number itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttackPace {
    /// Per classifier step, in the next epoch.
    pub steps: usize,
    /// Of h so far.
    pub updates: u64,
}

impl AttackPace {
    /// Before the first epoch.
    pub const START: AttackPace = AttackPace { steps: 1, updates: 0 };

    /// After an epoch of so many classifier steps, at whose end h stood so beside the threshold: twice as
    /// many steps where it is weaker, up to `most`; one less where it is not below it.
    #[must_use]
    pub fn next(self, check: Option<&AdversaryCheck>, classifier: u64, most: usize) -> AttackPace {
        let updates = self.updates + self.steps as u64 * classifier;
        let steps = match check {
            Some(check) if check.is_weaker() => (2 * self.steps).min(most),
            Some(check) if check.attack_accuracy >= check.threshold_accuracy => (self.steps - 1).max(1),
            _ => self.steps,
        };
        AttackPace { steps, updates }
    }
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
        if (found, self.frozen.len()) == ([f, h, s], replicas) {
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
            frozen: self.frozen[which].to_vec(),
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
    fn attack_steps_double_behind_the_threshold_and_fall_by_one_beside_it() {
        let check = |attack_accuracy, chance| AdversaryCheck {
            attack_accuracy,
            threshold_accuracy: 0.6,
            chance,
            records: 100,
        };
        let (weaker, unclear, even) = (check(0.5, 1e-9), check(0.58, 0.2), check(0.6, 0.5));
        let mut pace = AttackPace::START;
        let mut steps = vec![];
        for check in [Some(&weaker), None, Some(&weaker), Some(&weaker), Some(&unclear), Some(&even)] {
            pace = pace.next(check, 10, 6);
            steps.push(pace.steps);
        }
        assert_eq!(steps, [2, 2, 4, 6, 6, 5]);
        // Ten classifier steps an epoch of 1, 2, 2, 4, 6 and 6 attack steps each.
        assert_eq!(pace.updates, 210);
        assert_eq!(AttackPace::START.next(Some(&even), 1, 6).steps, 1, "there is always one");
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
