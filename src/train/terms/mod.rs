//! The terms of the classifier's loss, a file each: the scalars that a term reads from the tape, and the
//! nodes that it adds to a classifier step.
//!
//! To add one: a file with its [`Term`] and a row in [`ALL`] (and a row for each setting, with the others).
//! The line of the tape follows from what the terms declare. Not the networks, nor the order of steps.

mod cross_entropy;
mod game_penalty;
mod output_penalties;
mod private_gradients;
mod reference_risk;
pub mod step;
pub mod term;

use crate::run::config::Config;
use term::Term;

/// Makes a term where the configuration asks for it in any replica.
type Row = fn(&Config) -> Option<Box<dyn Term>>;

/// Every term, in the order in which a step's graph has them.
pub const ALL: &[Row] = &[
    reference_risk::term,
    cross_entropy::term,
    output_penalties::term,
    game_penalty::term,
    private_gradients::term,
];

/// The terms that `config` asks for.
pub fn wanted(config: &Config) -> Vec<Box<dyn Term>> {
    ALL.iter().filter_map(|row| row(config)).collect()
}
