//! Which records shadow models that we train are asked about, and which each of them is trained on.
//!
//! Not their training ([`super::trained`]). The pool is D and as many test records; shadow models come in
//! pairs, one trained on a random half of the pool and one on the other half, so that every record is in
//! exactly N/2 of them.

use crate::dataset::Split;
use crate::random::{Stream, shuffle, stream};
use crate::statistics::halves::Halves;

/// Records of RMIA's population at most: its authors' number.
const POPULATION: usize = 2500;

/// Records of neither the target nor a shadow model that are a population by themselves: scores are then known to a
/// hundredth.
const LEAST_POPULATION: usize = 100;

/// The records that are asked about, by their numbers in the data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pool {
    /// The target's members, then the pool's test records, the known before the scored, then those of no pool.
    pub(super) rows: Vec<u32>,
    /// How many of them are in the pool: any of these a shadow model may be trained on.
    pub(super) pooled: usize,
    /// The evidence's halves, of its non-members those in the pool alone.
    pub(super) halves: Halves<u32>,
}

impl Pool {
    /// D (`members`), as many of the test records (`test`), all those that the attacker knows among them, and
    /// records that no model is trained on, `others` if the rest of the test records is too few.
    pub(super) fn new(
        members: &[u32],
        test: &[u32],
        others: &[u32],
        halves: &Halves<u32>,
        seed: u64,
    ) -> Self {
        let mut halves = halves.clone();
        let mut rng = stream(seed, Stream::Shadows);
        let mut spare = halves.scored_nonmembers.clone();
        shuffle(&mut spare, &mut rng);
        let wanted = members.len().min(test.len()) - halves.known_nonmembers.len();
        // Two halves of one size: an odd pool loses a record.
        let odd = (members.len() + halves.known_nonmembers.len() + wanted) % 2;
        let left = spare.split_off(wanted - odd);
        spare.sort_unstable();
        halves.scored_nonmembers = spare;
        let at = |indices: &[u32]| -> Vec<u32> { indices.iter().map(|&i| test[i as usize]).collect() };
        let mut rows = [members, &at(&halves.known_nonmembers), &at(&halves.scored_nonmembers)].concat();
        let pooled = rows.len();
        rows.extend(at(&left).iter().chain(others).take(POPULATION));
        Pool { rows, pooled, halves }
    }

    /// Where each of the target's members, and then of its `test` test records, is among
    /// [`rows`](Self::rows).
    pub(super) fn places(&self, test: usize) -> Vec<Option<usize>> {
        let members = self.halves.known_members.len() + self.halves.scored_members.len();
        let mut places: Vec<Option<usize>> = (0..members).map(Some).collect();
        places.resize(members + test, None);
        let tested = self.halves.known_nonmembers.iter().chain(&self.halves.scored_nonmembers);
        tested.zip(members..).for_each(|(&i, place)| places[members + i as usize] = Some(place));
        places
    }

    /// The records of RMIA's population, as places in [`rows`](Self::rows): those that no model was trained on and,
    /// where these are few, the known non-members too.
    pub(super) fn population(&self) -> Vec<u32> {
        let (pooled, rows) = (self.pooled as u32, self.rows.len() as u32);
        if self.rows.len() - self.pooled >= LEAST_POPULATION {
            return (pooled..rows).collect();
        }
        let members = (self.halves.known_members.len() + self.halves.scored_members.len()) as u32;
        let known = members..members + self.halves.known_nonmembers.len() as u32;
        known.chain(pooled..rows).collect()
    }
}

/// The splits of `models` shadow models: pairs of complementary halves of the pool. All have these records of
/// `reference` and `validation`.
pub(super) fn splits(
    pool: &Pool,
    [reference, validation]: [&[u32]; 2],
    models: usize,
    seed: u64,
) -> Vec<Split> {
    let mut rng = stream(seed, Stream::Shadows);
    let (pooled, population) = pool.rows.split_at(pool.pooled);
    let mut splits = vec![];
    for _ in 0..models / 2 {
        let mut order = pooled.to_vec();
        shuffle(&mut order, &mut rng);
        let (one, other) = order.split_at(pool.pooled / 2);
        // Of a small pool with D′ in the population, a record is asked about once.
        for (kept, left) in [(one, other), (other, one)] {
            splits.push(Split {
                members: kept.to_vec(),
                reference: reference.to_vec(),
                validation: validation.to_vec(),
                test: [left, population].concat(),
            });
        }
    }
    splits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(members: usize, test: usize) -> Pool {
        let rows = |from: usize, n: usize| -> Vec<u32> { (from as u32..(from + n) as u32).collect() };
        let halves = Halves::split(members, test, 5).unwrap();
        Pool::new(&rows(0, members), &rows(1000, test), &rows(5000, 3), &halves, 5)
    }

    #[test]
    fn the_pool_is_the_members_and_as_many_others_those_that_are_known_among_them() {
        let pool = pool(40, 90);
        assert_eq!((pool.pooled, pool.rows.len()), (80, 40 + 90 + 3));
        assert_eq!((pool.halves.known_nonmembers.len(), pool.halves.scored_nonmembers.len()), (20, 20));
        let mut all = pool.rows.clone();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), pool.rows.len(), "a record twice");
        for (place, &index) in pool.halves.known_nonmembers.iter().enumerate() {
            assert_eq!(pool.rows[40 + place], 1000 + index);
        }
    }

    #[test]
    fn every_record_is_in_half_of_the_models() {
        for (members, test) in [(40, 90), (40, 31)] {
            let pool = pool(members, test);
            let found = splits(&pool, [&[7000], &[7001]], 6, 5);
            for row in &pool.rows[..pool.pooled] {
                assert_eq!(found.iter().filter(|s| s.members.contains(row)).count(), 3, "{row}");
            }
            let sizes: Vec<usize> = found.iter().map(|s| s.members.len()).collect();
            assert_eq!(sizes, [pool.pooled / 2; 6]);
            found.iter().for_each(|s| s.check(8000).unwrap());
        }
        assert_eq!(pool(40, 31).pooled, 70, "an odd pool loses a record");
    }

    #[test]
    fn a_population_that_is_too_coarse_has_the_known_nonmembers_too() {
        let few = pool(40, 90);
        // 50 test records that are in no pool and 3 others, after the 20 that are known.
        assert_eq!(few.population(), (40..60).chain(80..133).collect::<Vec<u32>>());
        let many = pool(40, 180);
        assert_eq!(many.population(), (80..223).collect::<Vec<u32>>());
    }

    #[test]
    fn places_are_those_of_the_rows() {
        let (pool, test) = (pool(40, 90), 90);
        let places = pool.places(test);
        assert_eq!(places.len(), 40 + test);
        for (i, place) in places.iter().enumerate().filter_map(|(i, place)| Some((i, (*place)?))) {
            let row = if i < 40 { i } else { 1000 + i - 40 };
            assert_eq!((pool.rows[place] as usize, place < pool.pooled), (row, true));
        }
        assert_eq!(places.iter().flatten().count(), pool.pooled);
    }
}
