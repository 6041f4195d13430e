//! In which order attack steps and classifier steps follow each other: epochs as runs of rounds.
//!
//! A round is what one run of a plan does. The schedule is the same for all replicas of a run.

use crate::random::{Stream, below, stream};
use crate::run::config::{Config, DefenseConfig, Schedule as Choice};

/// Attack steps of a run at most, where a block has many.
const PIECE: usize = 13;

/// What one run of a plan does: `attack` updates of h, then `classifier` updates of f.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    pub attack: usize,
    pub classifier: usize,
    /// Whether f pays the game's penalty (otherwise h has no part in f's updates).
    pub penalized: bool,
}

/// Consecutive runs of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Into [`Schedule::rounds`].
    pub round: usize,
    pub runs: usize,
}

/// A whole training run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub rounds: Vec<Round>,
    /// For each epoch what is run.
    pub epochs: Vec<Vec<Block>>,
}

/// Updates so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Updates {
    pub attack: u64,
    pub classifier: u64,
}

impl Schedule {
    /// The schedule of `config` on so many members.
    pub fn from_config(config: &Config, members: usize) -> Self {
        let steps = members / config.train.batch.max(1);
        Schedule::new(&config.defense, config.is_defended(), config.train.epochs, steps)
    }

    /// The schedule of `epochs` epochs of `steps` classifier steps, by `defense`; plain training where
    /// the game is not `played`. Coin flips are drawn from (seed 0, epoch): one sequence for all
    /// replicas, whatever their seeds.
    pub fn new(defense: &DefenseConfig, played: bool, epochs: usize, steps: usize) -> Self {
        let plain = Round { attack: 0, classifier: 1, penalized: false };
        let attack_only = Round { attack: 1, classifier: 0, penalized: false };
        let one = |round: usize, runs: usize| vec![Block { round, runs }];
        if !played {
            return Schedule { rounds: vec![plain], epochs: vec![one(0, steps); epochs] };
        }
        match defense.schedule {
            Choice::Ratio => {
                let round = Round { attack: defense.attack_steps, classifier: 1, penalized: true };
                Schedule { rounds: vec![round], epochs: vec![one(0, steps); epochs] }
            }
            Choice::Blocks => {
                // A block in pieces: one run of 52 attack steps would be seconds on a slow GPU.
                let pieces = (defense.block_attack_steps - 1) / PIECE;
                let piece = Round { attack: PIECE, classifier: 0, penalized: false };
                let last = Round {
                    attack: defense.block_attack_steps - pieces * PIECE,
                    classifier: defense.block_classifier_steps,
                    penalized: true,
                };
                let passes = steps * defense.first_epoch_attack_passes;
                let first = vec![Block { round: 0, runs: steps }, Block { round: 1, runs: passes }];
                let block = [Block { round: 2, runs: pieces }, Block { round: 3, runs: 1 }];
                let later = block.repeat((steps / last.classifier).max(1));
                let epochs = (0..epochs).map(|e| if e == 0 { first.clone() } else { later.clone() });
                Schedule { rounds: vec![plain, attack_only, piece, last], epochs: epochs.collect() }
            }
            Choice::Coin => {
                let classifier = Round { attack: 0, classifier: 1, penalized: true };
                let epochs = (0..epochs as u64).map(|e| coin(defense.coin_ratio, steps, e)).collect();
                Schedule { rounds: vec![attack_only, classifier], epochs }
            }
        }
    }

    /// Updates in the epochs before `epoch`.
    pub fn before(&self, epoch: usize) -> Updates {
        self.epochs.iter().take(epoch).flatten().fold(Updates::default(), |sum, block| {
            let round = self.rounds[block.round];
            Updates {
                attack: sum.attack + (round.attack * block.runs) as u64,
                classifier: sum.classifier + (round.classifier * block.runs) as u64,
            }
        })
    }

    /// Runs of `round` in the epoch that has most of them.
    pub fn most_runs(&self, round: usize) -> usize {
        let runs = |epoch: &Vec<Block>| epoch.iter().filter(|b| b.round == round).map(|b| b.runs).sum();
        self.epochs.iter().map(runs).max().unwrap_or(0)
    }

    /// Plan runs in an epoch; none in one that there is not.
    pub fn runs(&self, epoch: usize) -> usize {
        self.epochs.get(epoch).into_iter().flatten().map(|b| b.runs).sum()
    }
}

/// Steps drawn until there are `steps` classifier steps: an attack step (round 0) at odds of
/// `ratio` : 1 against a classifier step (round 1).
fn coin(ratio: usize, steps: usize, epoch: u64) -> Vec<Block> {
    let mut rng = stream(0, Stream::Schedule { epoch });
    let mut blocks: Vec<Block> = vec![];
    let mut left = steps;
    while left > 0 {
        let round = usize::from(below(&mut rng, ratio as u32 + 1) == 0);
        left -= round;
        match blocks.last_mut().filter(|b| b.round == round) {
            Some(block) => block.runs += 1,
            None => blocks.push(Block { round, runs: 1 }),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(choice: Choice, played: bool) -> Schedule {
        let defense = DefenseConfig { schedule: choice, attack_steps: 5, ..DefenseConfig::default() };
        Schedule::new(&defense, played, 3, 10)
    }

    #[test]
    fn a_ratio_is_k_attack_steps_a_classifier_step() {
        let schedule = schedule(Choice::Ratio, true);
        assert_eq!(schedule.before(2), Updates { attack: 100, classifier: 20 });
        assert_eq!(schedule.rounds, [Round { attack: 5, classifier: 1, penalized: true }]);
    }

    #[test]
    fn blocks_begin_with_a_plain_epoch_and_passes_of_the_attack() {
        let schedule = schedule(Choice::Blocks, true);
        assert_eq!(schedule.before(1), Updates { attack: 50, classifier: 10 });
        assert_eq!(schedule.before(2), Updates { attack: 50 + 5 * 52, classifier: 20 });
    }

    #[test]
    fn coin_flips_come_out_near_their_odds() {
        let defense = DefenseConfig { schedule: Choice::Coin, ..DefenseConfig::default() };
        let schedule = Schedule::new(&defense, true, 10, 100);
        let total = schedule.before(10);
        assert_eq!(total.classifier, 1000);
        // 20,000 expected; negative binomial: deviation √(1000 · 20 · 21) = 648.
        assert!(total.attack.abs_diff(20_000) < 4 * 648, "{total:?}");
        assert_ne!(schedule.epochs[0], schedule.epochs[1]);
    }

    #[test]
    fn without_a_game_training_is_plain() {
        assert_eq!(schedule(Choice::Blocks, false).before(3), Updates { attack: 0, classifier: 30 });
    }
}
