//! What the attacker knows and what he is judged on: members and non-members, each in two halves.
//!
//! Not the split of a data set into D, D′ and test records: that is the training's.

use crate::error::{Error, Result};
use crate::random::{Stream, shuffle, stream};

/// Members, and non-members, from which there are halves: an interval needs 2 of each in a half.
pub const LEAST_RECORDS: usize = 4;

/// Something per record (a score, a label, an index), in the four groups of an evaluation.
///
/// The attack is trained and its direction and thresholds are chosen on the known half. Accuracy, and
/// whatever the known half taught, is judged on the scored half.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Halves<T = f64> {
    /// Members that the attacker knows to be such.
    pub known_members: Vec<T>,
    /// Non-members that the attacker knows to be such.
    pub known_nonmembers: Vec<T>,
    /// Members that the attack is judged on.
    pub scored_members: Vec<T>,
    /// Non-members that the attack is judged on.
    pub scored_nonmembers: Vec<T>,
}

impl<T> Halves<T> {
    /// Whether there are enough scored records of both kinds for an interval: two.
    pub fn resolve(&self) -> bool {
        self.scored_members.len() >= 2 && self.scored_nonmembers.len() >= 2
    }
}

impl Halves<u32> {
    /// Indices of `members` members (0..`members`) and `nonmembers` non-members, drawn by `seed`:
    /// n = ⌊min(`members`, `nonmembers`) / 2⌋ of each are known and all others are scored.
    ///
    /// Equal numbers of known records give the attacker no prior to use; ½(TPR + TNR) needs no equal
    /// numbers of scored ones, and more of them resolve lower false-positive rates. Each group is in
    /// ascending order. The same seed gives the same halves for ever.
    ///
    /// # Errors
    /// Fewer than [`LEAST_RECORDS`] members or non-members.
    pub fn split(members: usize, nonmembers: usize, seed: u64) -> Result<Self> {
        let half = members.min(nonmembers) / 2;
        if members.min(nonmembers) < LEAST_RECORDS {
            return Err(Error::data("audit")
                .expected("at least 4 members and 4 non-members")
                .found(format!("{members} and {nonmembers}"))
                .advice("keep more records for testing"));
        }
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |records: usize| -> Result<(Vec<u32>, Vec<u32>)> {
            let records = u32::try_from(records).map_err(|_| {
                Error::data("audit").expected("under 2^32 records").found(records.to_string())
            })?;
            let mut indices: Vec<u32> = (0..records).collect();
            shuffle(&mut indices, &mut rng);
            let (mut known, mut scored) = (indices[..half].to_vec(), indices[half..].to_vec());
            known.sort_unstable();
            scored.sort_unstable();
            Ok((known, scored))
        };
        let (known_members, scored_members) = draw(members)?;
        let (known_nonmembers, scored_nonmembers) = draw(nonmembers)?;
        Ok(Halves { known_members, known_nonmembers, scored_members, scored_nonmembers })
    }

    /// As [`split`](Self::split) of units that have one record or several (the records of a person): a unit
    /// is known with all its records, or not at all. `members` and `nonmembers` give each record's unit, by
    /// any numbers.
    ///
    /// # Errors
    /// Fewer than [`LEAST_RECORDS`] units of members or of non-members.
    pub fn split_units(members: &[u32], nonmembers: &[u32], seed: u64) -> Result<Self> {
        let ranks = [members, nonmembers].map(|units| {
            let mut distinct = units.to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            distinct
        });
        let units = Self::split(ranks[0].len(), ranks[1].len(), seed)?;
        let records = |known: &[u32], ranks: &[u32], units: &[u32]| -> (Vec<u32>, Vec<u32>) {
            let mut is_known = vec![false; ranks.len()];
            known.iter().for_each(|&unit| is_known[unit as usize] = true);
            let of = |unit: u32| is_known[ranks.partition_point(|&rank| rank < unit)];
            (0..).zip(units).map(|(i, &unit)| (i, of(unit))).fold(
                (vec![], vec![]),
                |mut found, (i, known)| {
                    if known {
                        found.0.push(i)
                    } else {
                        found.1.push(i)
                    }
                    found
                },
            )
        };
        let (known_members, scored_members) = records(&units.known_members, &ranks[0], members);
        let (known_nonmembers, scored_nonmembers) = records(&units.known_nonmembers, &ranks[1], nonmembers);
        Ok(Halves { known_members, known_nonmembers, scored_members, scored_nonmembers })
    }

    /// The values at these indices: `members` \[number of members\], `nonmembers` likewise.
    ///
    /// # Panics
    /// An index past the end: these are the halves of other groups.
    pub fn pick<T: Copy>(&self, members: &[T], nonmembers: &[T]) -> Halves<T> {
        let at = |indices: &[u32], values: &[T]| indices.iter().map(|&i| values[i as usize]).collect();
        Halves {
            known_members: at(&self.known_members, members),
            known_nonmembers: at(&self.known_nonmembers, nonmembers),
            scored_members: at(&self.scored_members, members),
            scored_nonmembers: at(&self.scored_nonmembers, nonmembers),
        }
    }

    /// Those of these indices whose record is to be kept: `members` \[number of members\], `nonmembers`
    /// likewise.
    ///
    /// # Panics
    /// An index past the end: these are the halves of other groups.
    #[must_use]
    pub fn filter(&self, members: &[bool], nonmembers: &[bool]) -> Self {
        let kept =
            |indices: &[u32], keep: &[bool]| indices.iter().copied().filter(|&i| keep[i as usize]).collect();
        Halves {
            known_members: kept(&self.known_members, members),
            known_nonmembers: kept(&self.known_nonmembers, nonmembers),
            scored_members: kept(&self.scored_members, members),
            scored_nonmembers: kept(&self.scored_nonmembers, nonmembers),
        }
    }
}

impl<T> Halves<T> {
    /// `f` of everything.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Halves<U> {
        let mut all = |values: Vec<T>| values.into_iter().map(&mut f).collect();
        Halves {
            known_members: all(self.known_members),
            known_nonmembers: all(self.known_nonmembers),
            scored_members: all(self.scored_members),
            scored_nonmembers: all(self.scored_nonmembers),
        }
    }

    /// The same of each of `count` groups of records; `groups` holds each record's.
    ///
    /// # Panics
    /// A group of `count` or more.
    pub fn by_group(&self, groups: &Halves<u32>, count: usize) -> Vec<Self>
    where
        T: Copy + Default,
    {
        let mut parts = vec![Halves::default(); count];
        let mut put = |groups: &[u32], values: &[T], place: fn(&mut Self) -> &mut Vec<T>| {
            let pairs = groups.iter().zip(values);
            pairs.for_each(|(&group, &value)| place(&mut parts[group as usize]).push(value));
        };
        put(&groups.known_members, &self.known_members, |part| &mut part.known_members);
        put(&groups.known_nonmembers, &self.known_nonmembers, |part| &mut part.known_nonmembers);
        put(&groups.scored_members, &self.scored_members, |part| &mut part.scored_members);
        put(&groups.scored_nonmembers, &self.scored_nonmembers, |part| &mut part.scored_nonmembers);
        parts
    }

    /// The size of the smallest of the four groups.
    pub fn smallest(&self) -> usize {
        let known = self.known_members.len().min(self.known_nonmembers.len());
        known.min(self.scored_members.len()).min(self.scored_nonmembers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_equal_disjoint_and_drawn_by_the_seed() {
        let halves = Halves::split(1500, 2010, 7).unwrap();
        let groups = [
            (&halves.known_members, &halves.scored_members),
            (&halves.known_nonmembers, &halves.scored_nonmembers),
        ];
        for ((known, scored), records) in groups.into_iter().zip([1500, 2010]) {
            assert_eq!((known.len(), scored.len()), (750, records - 750));
            let mut all = [known.as_slice(), scored].concat();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), records, "an index is both known and scored");
        }
        assert_eq!(halves, Halves::split(1500, 2010, 7).unwrap());
        assert_ne!(halves, Halves::split(1500, 2010, 8).unwrap());
    }

    #[test]
    fn an_odd_record_and_too_few() {
        let halves = Halves::split(5, 1000, 0).unwrap();
        assert_eq!((halves.known_members.len(), halves.scored_members.len()), (2, 3));
        assert_eq!((halves.known_nonmembers.len(), halves.scored_nonmembers.len()), (2, 998));
        assert!(Halves::split(3, 1000, 0).is_err());
        assert!(Halves::split(1000, 0, 0).is_err());
    }

    #[test]
    fn groups_are_told_apart_in_each_half() {
        let halves = Halves {
            known_members: vec![1, 2, 3],
            known_nonmembers: vec![4],
            scored_members: vec![5, 6],
            scored_nonmembers: vec![7, 8],
        };
        let groups = halves.clone().map(|i| i % 2);
        let parts = halves.by_group(&groups, 2);
        assert_eq!(parts[1].known_members, [1, 3]);
        assert_eq!((parts[0].known_nonmembers.as_slice(), parts[1].known_nonmembers.len()), (&[4][..], 0));
        assert_eq!((&parts[0].scored_members, &parts[1].scored_nonmembers), (&vec![6], &vec![7]));
    }

    #[test]
    fn units_of_one_record_are_split_as_records_are() {
        let (members, others): (Vec<u32>, Vec<u32>) = ((0..40).collect(), (40..90).collect());
        assert_eq!(Halves::split_units(&members, &others, 5).unwrap(), Halves::split(40, 50, 5).unwrap());
    }

    #[test]
    fn picking_follows_the_indices() {
        let halves = Halves::split(6, 4, 1).unwrap();
        let picked = halves.pick(&[0u32, 1, 2, 3, 4, 5], &[0, 1, 2, 3]);
        assert_eq!(picked, halves);
        let all = [true; 6];
        assert_eq!(halves.filter(&all, &all[..4]), halves);
        let none = halves.filter(&[false; 6], &all[..4]);
        assert_eq!((none.known_members.len(), none.scored_nonmembers.len()), (0, 2));
        assert_eq!((halves.smallest(), none.smallest()), (2, 0));
    }
}
