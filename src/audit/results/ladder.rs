//! How weak a leak the neural attack would have found: planted signals of known strength.
//!
//! Not how they are planted ([`crate::audit::attacks::ladder`]).

use serde::{Deserialize, Serialize};

/// AUCs that the best possible attack has on what is planted.
///
/// Three: each is a network more to train beside every neural attack.
pub const RUNGS: [f64; 3] = [0.55, 0.7, 0.9];

/// A planted signal, and what the network made of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PlantedSignal {
    /// The AUC of the best possible attack on it.
    pub auc: f64,
    /// The network's, on the scored half.
    pub found_auc: f64,
    /// Whether the 95% interval of that lies above 0.5.
    pub found: bool,
}

/// The AUC of the weakest signal such that it and every stronger one was found; `None`: not even the strongest.
pub fn weakest_found(ladder: &[PlantedSignal]) -> Option<f64> {
    ladder.iter().rev().take_while(|rung| rung.found).last().map(|rung| rung.auc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_found_below_one_that_was_missed_was_found_by_accident() {
        let ladder = |found: [bool; 3]| {
            let rung = |(auc, found)| PlantedSignal { auc, found_auc: 0.5, found };
            RUNGS.into_iter().zip(found).map(rung).collect::<Vec<_>>()
        };
        assert_eq!(weakest_found(&ladder([true, false, true])), Some(0.9));
        assert_eq!(weakest_found(&ladder([true, true, false])), None);
        assert_eq!(weakest_found(&ladder([true; 3])), Some(0.55));
        assert_eq!(weakest_found(&[]), None);
    }
}
