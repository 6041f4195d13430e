//! Which records make which batch: permutations keyed by (seed, stream, pass), so that batch n of a
//! stream is the same whatever was asked for before it, and resuming needs no state.

use crate::error::{Error, Result};
use crate::random::{Stream, shuffle, stream};

/// The streams of a run; the numbers are part of every stored result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum BatchStream {
    /// Members, for the classifier.
    Members = 0,
    /// Members, for the attack network.
    AttackMembers = 1,
    /// Reference records, for the attack network.
    Reference = 2,
    /// Reference records, for the classifier.
    ClassifierReference = 3,
}

/// Batches of `size` records without end: pass after pass over `records`, each in an order of its own,
/// the last partial batch of a pass dropped.
#[derive(Debug)]
pub struct Batches {
    seed: u64,
    which: u32,
    records: Vec<u32>,
    size: usize,
    /// The pass that `order` is of.
    pass: Option<u64>,
    order: Vec<u32>,
}

impl Batches {
    /// Stream number `which` of a run with this seed.
    ///
    /// # Errors
    /// Fewer records than make a batch; batches of none.
    pub fn new(seed: u64, which: u32, records: &[u32], size: usize) -> Result<Self> {
        if size == 0 || records.len() < size {
            return Err(Error::usage("batch")
                .expected(format!("1 to {} records, as many as there are", records.len()))
                .found(size.to_string()));
        }
        Ok(Batches { seed, which, records: records.to_vec(), size, pass: None, order: vec![] })
    }

    /// Batch number `n`, from 0.
    pub fn batch(&mut self, n: u64) -> &[u32] {
        let in_pass = (self.records.len() / self.size) as u64;
        self.at(n / in_pass, (n % in_pass) as usize)
    }

    /// The batch at `place` of a pass, below the whole batches that it has.
    ///
    /// # Panics
    /// A place beyond the records.
    pub fn at(&mut self, pass: u64, place: usize) -> &[u32] {
        if self.pass != Some(pass) {
            self.order.clone_from(&self.records);
            let mut rng = stream(self.seed, Stream::Batches { which: self.which, pass });
            shuffle(&mut self.order, &mut rng);
            self.pass = Some(pass);
        }
        let start = place * self.size;
        &self.order[start..start + self.size]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_has_every_record_at_most_once_and_batches_do_not_depend_on_history() {
        let records: Vec<u32> = (100..110).collect();
        let mut forward = Batches::new(3, 0, &records, 3).unwrap();
        let all: Vec<Vec<u32>> = (0..9).map(|n| forward.batch(n).to_vec()).collect();
        for pass in all.chunks(3) {
            let mut seen: Vec<u32> = pass.concat();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 9, "10 records, 3 batches of 3, one dropped");
        }
        assert_ne!(all[0..3], all[3..6], "another pass, another order");
        let mut backward = Batches::new(3, 0, &records, 3).unwrap();
        for n in (0..9).rev() {
            assert_eq!(backward.batch(n), all[n as usize]);
        }
        assert_ne!(Batches::new(3, 1, &records, 3).unwrap().batch(0), all[0], "another stream");
    }

    #[test]
    fn fewer_records_than_a_batch_are_an_error() {
        for (records, size) in [(0, 1), (2, 3), (3, 0)] {
            assert!(
                Batches::new(3, 0, &vec![7; records], size).is_err(),
                "{records} records, batches of {size}"
            );
        }
    }
}
