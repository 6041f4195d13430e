//! In which order attack steps and classifier steps follow each other: epochs as runs of rounds.
//!
//! A round is what one run of a plan does. The schedule is the same for all replicas of a run.

use super::blocks::{self, Blocks};
pub use super::round::{Block, Place, Round};
use crate::error::{Error, Result};
use crate::random::{Stream, below, stream};
use crate::run::config::{Config, DefenseConfig, Schedule as Choice};

/// Whole batches of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochBatches {
    /// Of members.
    pub members: usize,
    /// Of reference records, in every replica's D′ where that counts.
    pub reference: usize,
}

/// A whole training run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The different rounds that there are, a plan each.
    pub rounds: Vec<Round>,
    /// For each epoch what is run.
    pub epochs: Vec<Vec<Block>>,
}

/// Updates so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Updates {
    /// Of h.
    pub attack: u64,
    /// Of f.
    pub classifier: u64,
}

impl Schedule {
    /// The schedule of `config` on so many members, and for each replica so many `reference` records.
    ///
    /// # Errors
    /// Replicas whose D′ would give them different blocks.
    pub fn from_config(config: &Config, members: usize, reference: &[usize]) -> Result<Self> {
        let batches = |records: usize| records / config.train.batch.max(1);
        // Of a D′ no smaller than D the blocks know nothing.
        let mut passes = reference.iter().map(|records| batches(*records).min(batches(members)));
        let first = passes.next().unwrap_or(0);
        let blocks = config.is_defended() && config.defense.schedule == Choice::Blocks;
        if let Some(other) = passes.find(|other| blocks && *other != first) {
            return Err(Error::usage("data.reference")
                .expected("one number of batches of D′ in all replicas, with defense.schedule = \"blocks\"")
                .found(format!("{first} and {other}"))
                .advice("make one run a size of D′"));
        }
        let batches = EpochBatches { members: batches(members), reference: first };
        Ok(Schedule::new(&config.defense, config.is_defended(), config.train.epochs, batches))
    }

    /// The schedule of `epochs` epochs of so many batches, by `defense`; plain training where the game is not
    /// `played`. Coin flips are drawn from (seed 0, epoch): one sequence for all replicas, whatever their
    /// seeds.
    pub fn new(defense: &DefenseConfig, played: bool, epochs: usize, batches: EpochBatches) -> Self {
        let steps = batches.members;
        let plain = Round { attack: 0, classifier: 1, penalized: false };
        let attack_only = Round { attack: 1, classifier: 0, penalized: false };
        let one = |round: usize, runs: usize| vec![Block::on(round, runs)];
        if !played {
            return Schedule { rounds: vec![plain], epochs: vec![one(0, steps); epochs] };
        }
        match defense.schedule {
            Choice::Ratio => {
                let round = Round { attack: defense.steps_of_a_round(), classifier: 1, penalized: true };
                Schedule { rounds: vec![round], epochs: vec![one(0, steps); epochs] }
            }
            Choice::Blocks => {
                let blocks = Blocks::new(defense, batches.members, batches.reference);
                let epochs = (0..epochs).map(|epoch| blocks.epoch(epoch)).collect();
                Schedule { rounds: blocks::ROUNDS.to_vec(), epochs }
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

    /// The part of all updates, from 0 to 1, that is done after so many plan runs of `epoch`: epochs may be of
    /// very unlike length, and an update of h costs about what one of f does.
    pub fn done(&self, epoch: usize, runs: usize) -> f64 {
        let sum = |updates: Updates| updates.attack + updates.classifier;
        let mut done = sum(self.before(epoch));
        let mut left = runs;
        for block in self.epochs.get(epoch).into_iter().flatten() {
            let (round, runs) = (self.rounds[block.round], block.runs.min(left));
            done += ((round.attack + round.classifier) * runs) as u64;
            left -= runs;
        }
        done as f64 / sum(self.before(self.epochs.len())).max(1) as f64
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
            None => blocks.push(Block::on(round, 1)),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::AttackSteps;

    const TEN: EpochBatches = EpochBatches { members: 10, reference: 10 };

    fn schedule(choice: Choice, played: bool) -> Schedule {
        let defense = DefenseConfig {
            schedule: choice,
            attack_steps: AttackSteps::Count(5),
            ..DefenseConfig::default()
        };
        Schedule::new(&defense, played, 3, TEN)
    }

    #[test]
    fn a_ratio_is_k_attack_steps_a_classifier_step() {
        let schedule = schedule(Choice::Ratio, true);
        assert_eq!(schedule.before(2), Updates { attack: 100, classifier: 20 });
        assert_eq!(schedule.rounds, [Round { attack: 5, classifier: 1, penalized: true }]);
    }

    #[test]
    fn replicas_whose_reference_sets_make_other_blocks_are_refused() {
        let mut config = Config::default();
        config.defense.lambda = crate::run::config::Sweep::one(1.0);
        config.train.batch = 10;
        let sizes = |config: &Config, sizes: &[usize]| Schedule::from_config(config, 100, sizes);
        assert!(sizes(&config, &[50, 90]).is_ok(), "a ratio does not look at D′");
        config.defense.schedule = Choice::Blocks;
        assert!(sizes(&config, &[100, 200]).is_ok(), "a pass is no longer than D");
        let refused = sizes(&config, &[50, 90]).unwrap_err().to_string();
        assert!(refused.contains("5 and 9"), "{refused}");
    }

    #[test]
    fn coin_flips_come_out_near_their_odds() {
        let defense = DefenseConfig { schedule: Choice::Coin, ..DefenseConfig::default() };
        let schedule = Schedule::new(&defense, true, 10, EpochBatches { members: 100, reference: 100 });
        let total = schedule.before(10);
        assert_eq!(total.classifier, 1000);
        // 20,000 expected; negative binomial: deviation √(1000 · 20 · 21) = 648.
        assert!(total.attack.abs_diff(20_000) < 4 * 648, "{total:?}");
        assert_ne!(schedule.epochs[0], schedule.epochs[1]);
    }

    /// A run of blocks said 10 minutes were left at 4%, and took 72: its first epoch had counted as much as each of
    /// the others, which are four times as long, and in it a run of one update as much as one of thirteen.
    #[test]
    fn what_is_done_is_told_by_updates_and_not_by_epochs() {
        let defense = DefenseConfig { schedule: Choice::Blocks, ..DefenseConfig::default() };
        let batches = EpochBatches { members: 156, reference: 156 };
        let blocks = Schedule::new(&defense, true, 3, batches);
        let updates = |epoch| {
            let Updates { attack, classifier } = blocks.before(epoch);
            (attack + classifier) as f64
        };
        assert_eq!(blocks.done(1, 0), updates(1) / updates(3));
        assert!(blocks.done(1, 0) < 0.12 && blocks.done(0, 155) < 0.02, "{}", blocks.done(0, 155));
        assert_eq!(blocks.done(1, usize::MAX), blocks.done(2, 0));
        assert_eq!((blocks.done(0, 0), blocks.done(3, 0)), (0.0, 1.0));
        let ratio = schedule(Choice::Ratio, true);
        assert!((ratio.done(1, 5) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn without_a_game_training_is_plain() {
        assert_eq!(schedule(Choice::Blocks, false).before(3), Updates { attack: 0, classifier: 30 });
    }
}
