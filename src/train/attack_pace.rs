//! How many attack steps a replica takes that finds their number itself (`defense.attack_steps = "auto"`).
//!
//! Not what it goes by: that is the [referee](super::referee)'s.

use crate::run::event::AdversaryCheck;
use serde::{Deserialize, Serialize};

/// The attack steps of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
}
