//! How the classifier's learning rate changes during training. The attack network's does not.
//!
//! Not the rate itself: that is a replica's setting, which is multiplied by the factor from here.

use super::schedule::Schedule;
use crate::run::config::{ModelConfig, RateSchedule};

/// The factor of an epoch's steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    factor: f64,
    /// Classifier steps of the warm-up.
    warm_up: u64,
}

impl Rate {
    /// That of a rate which does not change.
    pub const CONSTANT: Rate = Rate { factor: 1.0, warm_up: 0 };

    /// That of epoch number `epoch`, from 0.
    pub fn of_epoch(model: &ModelConfig, schedule: &Schedule, epoch: usize) -> Self {
        let epochs = schedule.epochs.len();
        let warm = model.warmup_epochs.min(epochs);
        let factor = match model.schedule {
            RateSchedule::Constant => 1.0,
            RateSchedule::Steps => {
                let passed = model.schedule_epochs.iter().filter(|at| **at <= epoch).count();
                model.schedule_factor.powi(passed as i32)
            }
            // Loshchilov and Hutter 2017, "SGDR", eq. 5 with one period and no least rate.
            RateSchedule::Cosine => {
                let done = epoch.saturating_sub(warm) as f64 / (epochs - warm).max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        };
        Rate { factor, warm_up: schedule.before(warm).classifier }
    }

    /// The factor of classifier step number `step`, from 0, of the whole run.
    pub fn at(self, step: u64) -> f64 {
        self.factor * ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::DefenseConfig;

    /// The factors of each epoch's first and last step, 10 steps an epoch.
    fn factors(model: &ModelConfig, epochs: usize) -> Vec<(f64, f64)> {
        let schedule = Schedule::new(
            &DefenseConfig::default(),
            false,
            epochs,
            crate::train::schedule::EpochBatches { members: 10, reference: 10 },
        );
        let rate = |epoch: usize| Rate::of_epoch(model, &schedule, epoch);
        (0..epochs).map(|e| (rate(e).at(10 * e as u64), rate(e).at(10 * e as u64 + 9))).collect()
    }

    #[test]
    fn a_constant_rate_is_the_rate() {
        assert_eq!(factors(&ModelConfig::default(), 3), [(1.0, 1.0); 3]);
    }

    #[test]
    fn steps_fall_at_their_epochs() {
        let schedule_epochs = vec![1, 3];
        let model = ModelConfig { schedule: RateSchedule::Steps, schedule_epochs, ..ModelConfig::default() };
        let found: Vec<f64> = factors(&model, 4).into_iter().map(|f| f.1).collect();
        assert_eq!(found, [1.0, 0.1, 0.1, 0.1_f64.powi(2)]);
    }

    #[test]
    fn a_cosine_falls_from_1_towards_0_after_a_linear_warm_up() {
        let model =
            ModelConfig { schedule: RateSchedule::Cosine, warmup_epochs: 2, ..ModelConfig::default() };
        let found = factors(&model, 6);
        assert_eq!(found[0], (1.0 / 20.0, 10.0 / 20.0));
        assert_eq!(found[1].1, 1.0);
        // cos π/2 = 0 halfway through the four epochs that are left.
        assert!((found[2].0 - 1.0).abs() < 1e-12 && (found[4].0 - 0.5).abs() < 1e-12, "{found:?}");
        assert!(found[5].0 > 0.0 && found[5].0 < 0.2, "{found:?}");
    }
}
