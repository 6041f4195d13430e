//! The schedule of the authors' code: plain epochs, whole passes of the attack, then rounds of a window of
//! attack batches and a few classifier batches, windows and batches being places in the epoch's one order of the
//! members and of D′.
//!
//! Source: SPIN-UMass/ML-Privacy-Regulization. For Purchase100, whose pass of the attack has P = 153 batches and
//! whose epoch has C = 153: round i of 76 takes the 52 attack batches from batch (52 i) mod 150 on, those that
//! the pass still has, then the 2 classifier batches from (2 i) mod 152 on. For other sizes: windows of
//! round(P / 3), moduli P − 3 and C − 1, ⌊C / 2⌋ rounds; a preset's constants are for its own P and C
//! (`defense.block_passes`).

use super::round::{Block, Place, Round};
use crate::run::config::DefenseConfig;

/// Attack steps of a run at most: a window in one run would be seconds on a slow GPU.
const PIECE: usize = 13;

const PLAIN: Round = Round { attack: 0, classifier: 1, penalized: false };
const ATTACK: Round = Round { attack: 1, classifier: 0, penalized: false };
const ATTACKS: Round = Round { attack: PIECE, classifier: 0, penalized: false };
const UPDATE: Round = Round { attack: 0, classifier: 1, penalized: true };

/// What there is to run.
pub(super) const ROUNDS: [Round; 4] = [PLAIN, ATTACK, ATTACKS, UPDATE];

/// The schedule's numbers for a run of certain sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    /// P: batches of a pass of the attack.
    attack_pass: usize,
    /// C: batches of a pass of the classifier.
    classifier_pass: usize,
    /// Attack batches of a round, and what the place of the first is taken modulo of.
    window: usize,
    attack_modulus: usize,
    /// Classifier batches of a round, and the same of them.
    steps: usize,
    classifier_modulus: usize,
    rounds: usize,
    plain_epochs: usize,
    /// Whole passes of the attack at the end of the last plain epoch.
    passes: usize,
}

impl Blocks {
    /// By `defense`, for so many whole batches of members and of reference records.
    pub(super) fn new(defense: &DefenseConfig, members: usize, reference: usize) -> Self {
        let left_out = defense.block_left_out;
        let attack_pass = members.min(reference).saturating_sub(left_out).max(1);
        let classifier_pass = members.saturating_sub(left_out).max(1);
        let of_this_size =
            defense.block_passes.is_empty() || defense.block_passes == [attack_pass, classifier_pass];
        let or =
            |given: usize, derived: usize| if given > 0 && of_this_size { given } else { derived.max(1) };
        Blocks {
            attack_pass,
            classifier_pass,
            window: or(defense.block_attack_steps, (attack_pass as f64 / 3.0).round() as usize),
            attack_modulus: or(defense.block_attack_modulus, attack_pass.saturating_sub(3)),
            steps: defense.block_classifier_steps,
            classifier_modulus: or(defense.block_classifier_modulus, classifier_pass.saturating_sub(1)),
            rounds: or(defense.block_rounds, classifier_pass / 2),
            plain_epochs: defense.plain_epochs,
            passes: defense.first_epoch_attack_passes,
        }
    }

    /// What an epoch, from 0, runs of [`ROUNDS`].
    pub(super) fn epoch(&self, epoch: usize) -> Vec<Block> {
        let pass = epoch as u64;
        let mut blocks = vec![];
        if epoch < self.plain_epochs {
            let at = Place { pass, attack: 0, classifier: 0 };
            blocks.push(Block { round: 0, runs: self.classifier_pass, at: Some(at) });
            let last = epoch + 1 == self.plain_epochs;
            for _ in 0..if last { self.passes } else { 0 } {
                attacks(&mut blocks, self.attack_pass, at);
            }
            return blocks;
        }
        for round in 0..self.rounds {
            let attack = self.window * round % self.attack_modulus;
            let classifier = self.steps * round % self.classifier_modulus;
            let at = Place { pass, attack, classifier };
            attacks(&mut blocks, self.window.min(self.attack_pass.saturating_sub(attack)), at);
            let steps = self.steps.min(self.classifier_pass.saturating_sub(classifier));
            if steps > 0 {
                blocks.push(Block { round: 3, runs: steps, at: Some(at) });
            }
        }
        blocks
    }
}

/// Appends `steps` attack steps from `at` on.
fn attacks(blocks: &mut Vec<Block>, steps: usize, at: Place) {
    let (pieces, rest) = (steps / PIECE, steps % PIECE);
    if pieces > 0 {
        blocks.push(Block { round: 2, runs: pieces, at: Some(at) });
    }
    if rest > 0 {
        let at = Place { attack: at.attack + pieces * PIECE, ..at };
        blocks.push(Block { round: 1, runs: rest, at: Some(at) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::{Config, Layer};
    use crate::run::preset;

    /// The batches of an epoch in the order in which they are taken: attack batches as `a`, classifier batches
    /// as `c`, with their places.
    fn taken(blocks: &Blocks, epoch: usize) -> Vec<(char, usize)> {
        let mut taken = vec![];
        for block in blocks.epoch(epoch) {
            let (round, at) = (ROUNDS[block.round], block.at.unwrap());
            // An epoch has one order of the members, for both networks, and one of D′.
            assert_eq!(at.pass, epoch as u64);
            let (mut attack, mut classifier) = (at.attack, at.classifier);
            for _ in 0..block.runs {
                taken.extend((0..round.attack).map(|i| ('a', attack + i)));
                taken.extend((0..round.classifier).map(|i| ('c', classifier + i)));
                (attack, classifier) = (attack + round.attack, classifier + round.classifier);
            }
        }
        taken
    }

    fn preset(name: &str) -> Config {
        preset::named(name).unwrap().config().unwrap()
    }

    fn blocks(config: &Config, members: usize, reference: usize) -> Blocks {
        let batch = config.train.batch;
        Blocks::new(&config.defense, members / batch, reference / batch)
    }

    /// `for batch in range(skip, end): if batch >= skip + count: break`, as the code has it.
    fn window(kind: char, skip: usize, count: usize, end: usize) -> Vec<(char, usize)> {
        (skip..end).take_while(|batch| *batch < skip + count).map(|batch| (kind, batch)).collect()
    }

    #[test]
    fn purchase100_takes_the_batches_that_the_authors_code_takes() {
        let blocks = blocks(&preset("purchase100-official"), 19_732, 29_599);
        // ⌊19,732 / 128⌋ − 1 = 153 batches of each.
        let mut expected = window('c', 0, 153, 153);
        (0..5).for_each(|_| expected.extend(window('a', 0, 153, 153)));
        assert_eq!(taken(&blocks, 0), expected);
        let mut expected = vec![];
        for i in 0..76 {
            expected.extend(window('a', (i * 52) % 150, 52, 153));
            expected.extend(window('c', (i * 2) % 152, 2, 153));
        }
        for epoch in [1, 2, 13] {
            assert_eq!(taken(&blocks, epoch), expected);
        }
        let attacks = expected.iter().filter(|(kind, _)| *kind == 'a').count();
        assert_eq!(format!("{:.1}", attacks as f64 / 76.0), "44.4", "attack batches of a round on average");
        assert_eq!(expected.len() - attacks, 152);
    }

    #[test]
    fn texas100_has_rounds_without_classifier_batches() {
        let blocks = blocks(&preset("texas100-official"), 10_000, 20_199);
        let mut expected = vec![];
        for i in 0..76 {
            expected.extend(window('a', (i * 50) % 150, 50, 77));
            expected.extend(window('c', (i * 2) % 152, 2, 77));
        }
        assert_eq!(taken(&blocks, 1), expected);
        let attacks = expected.iter().filter(|(kind, _)| *kind == 'a').count();
        assert_eq!((attacks as f64 / 76.0).round(), 26.0);
        assert_eq!(expected.len() - attacks, 77, "half of the rounds have none");
    }

    #[test]
    fn alexnet_has_four_plain_epochs_and_renews_the_attacks_pass_every_fifty_rounds() {
        let blocks = blocks(&preset("cifar100-alexnet-official"), 50_000, 10_000);
        for epoch in 0..4 {
            assert_eq!(taken(&blocks, epoch), window('c', 0, 500, 500));
        }
        let (mut expected, mut without) = (vec![], 0);
        for i in 0..250 {
            // An iterator over 100 batches, made anew every 50 rounds, of which a round takes 3 while it lasts.
            let attacks = window('a', 3 * (i % 50), 3, 100);
            without += usize::from(attacks.is_empty());
            expected.extend(attacks);
            expected.extend(window('c', 2 * i, 2, 500));
        }
        assert_eq!(taken(&blocks, 4), expected);
        assert_eq!((without, expected.len()), (80, 500 + 500));
    }

    /// With its constants a preset of 38 batches had windows of 52 from places up to 149: three of four were empty.
    #[test]
    fn a_presets_constants_hold_at_its_own_sizes_alone() {
        let official = preset("purchase100-official");
        let smaller = blocks(&official, 5000, 5000);
        assert_eq!((smaller.window, smaller.attack_modulus), (13, 35));
        assert_eq!((smaller.classifier_modulus, smaller.rounds), (37, 19));
        let same = blocks(&official, 19_732, 20_000);
        assert_eq!(same, blocks(&official, 19_732, 29_599), "the passes are as long");
        let mut layers = vec![preset::named("purchase100-official").unwrap().layer()];
        layers.extend(["defense.block_attack_steps=20", "data.path=x"].map(|set| Layer::set(set).unwrap()));
        let config = Config::resolve(&layers).unwrap();
        assert_eq!(blocks(&config, 5000, 5000).window, 20, "what is given holds at every size");
    }

    #[test]
    fn other_sizes_have_windows_of_a_third_of_a_pass() {
        let mut config = preset("purchase100-official");
        let defense = &mut config.defense;
        (defense.block_attack_steps, defense.block_attack_modulus) = (0, 0);
        (defense.block_classifier_modulus, defense.block_rounds) = (0, 0);
        defense.block_passes = vec![];
        let at_published = Blocks::new(&config.defense, 154, 231);
        // The published constants but one: 51 for 52.
        assert_eq!((at_published.window, at_published.attack_modulus), (51, 150));
        assert_eq!((at_published.classifier_modulus, at_published.rounds), (152, 76));
        // The smallest there is: a batch of each.
        let smallest = Blocks::new(&config.defense, 1, 1);
        assert_eq!(taken(&smallest, 1), [('a', 0), ('c', 0)]);
        for (members, reference) in [(39, 156), (78, 20), (2, 2), (5, 3)] {
            let blocks = Blocks::new(&config.defense, members, reference);
            let (attack_pass, pass) = (members.min(reference).max(2) - 1, members.max(2) - 1);
            let found = taken(&blocks, 1);
            let within =
                |(kind, place): &(char, usize)| *place < if *kind == 'a' { attack_pass } else { pass };
            assert!(found.iter().all(within), "{members} and {reference}: {found:?}");
            assert!(found.contains(&('a', 0)) && found.contains(&('c', 0)));
        }
    }
}
