//! From a score to a risk: how probable it is that a record with this score is a member.
//!
//! Not an attack: the score is one's. The privacy risk score of Song & Mittal 2021 ("Systematic evaluation of
//! privacy risks of machine learning models") is this probability too, there from histograms.

use super::roc::Roc;
use crate::error::Result;

/// The probability of membership as a function of the score, at even odds: non-decreasing, fitted to known
/// members and non-members by isotonic regression (pool adjacent violators; Barlow et al. 1972), each group
/// weighing as much as the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// (lowest score, probability) of each step, highest score first.
    steps: Vec<(f64, f64)>,
}

impl Calibration {
    /// # Errors
    /// As [`Roc::new`].
    pub fn new(members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let roc = Roc::new(members, nonmembers)?;
        let (m, n) = (members.len() as f64, nonmembers.len() as f64);
        // Blocks of (lowest score, members' weight, non-members' weight); a block's share of members may not
        // exceed that of the block of higher scores before it.
        let mut blocks: Vec<(f64, f64, f64)> = vec![];
        let share = |block: &(f64, f64, f64)| block.1 / (block.1 + block.2);
        for (score, accepted, accused) in roc.blocks() {
            let mut block = (score, accepted as f64 / m, accused as f64 / n);
            while let Some(above) = blocks.pop_if(|above| share(above) <= share(&block)) {
                block = (block.0, block.1 + above.1, block.2 + above.2);
            }
            blocks.push(block);
        }
        Ok(Calibration { steps: blocks.iter().map(|block| (block.0, share(block))).collect() })
    }

    /// The probability at `score`; below all known scores the lowest there is.
    pub fn probability(&self, score: f64) -> f64 {
        let at = self.steps.partition_point(|step| step.0 > score).min(self.steps.len() - 1);
        self.steps[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled() {
        // By score, highest first: member, non-member, member, non-member.
        let calibration = Calibration::new(&[4.0, 2.0], &[3.0, 1.0]).unwrap();
        let found = [5.0, 4.0, 3.0, 2.5, 2.0, 1.0, 0.0].map(|score| calibration.probability(score));
        assert_eq!(found, [1.0, 1.0, 0.5, 0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn the_larger_group_counts_no_more() {
        let calibration = Calibration::new(&[1.0, 0.0], &[1.0, 0.0, 0.0, 0.0]).unwrap();
        // At 1: ½ of the members, ¼ of the others.
        assert!((calibration.probability(1.0) - 2.0 / 3.0).abs() < 1e-15);
        let alike = Calibration::new(&[0.0; 5], &[0.0; 50]).unwrap();
        assert_eq!(alike.probability(0.0), 0.5);
    }
}
