//! What runs of a plan do, and which batches they take: the words that a schedule is written in.
//!
//! Not the schedules themselves ([`super::schedule`]).

/// What one run of a plan does: `attack` updates of h, then `classifier` updates of f.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Updates of h.
    pub attack: usize,
    /// Updates of f.
    pub classifier: usize,
    /// Whether f pays the game's penalty (otherwise h has no part in f's updates).
    pub penalized: bool,
}

/// Consecutive runs of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Into the rounds of its [`Schedule`](super::schedule::Schedule).
    pub round: usize,
    /// How many runs there are, one after another.
    pub runs: usize,
    /// The batches of its first run; `None`: those after the last that were taken.
    pub at: Option<Place>,
}

/// Batches by their place in a pass over their records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The pass, of members and of reference records alike: an attack step's members are those of the
    /// classifier's batch at the same place.
    pub pass: u64,
    /// The next attack step's batch in it.
    pub attack: usize,
    /// The next classifier step's.
    pub classifier: usize,
}

impl Block {
    /// Runs that go on after the last batches.
    pub fn on(round: usize, runs: usize) -> Self {
        Block { round, runs, at: None }
    }
}
