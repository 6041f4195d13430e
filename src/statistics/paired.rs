//! Two rules compared on the same records, where only those on which they differ tell them apart.
//!
//! Not two rules on different records: their intervals are compared.

use super::quantiles::normal_tail;

/// How often one rule and another were right on records of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pairs {
    /// All of them, those on which both were right or both wrong included.
    pub records: usize,
    /// Where the first is right and the second wrong.
    pub first_alone: usize,
    /// Where the second is right and the first wrong.
    pub second_alone: usize,
}

impl Pairs {
    /// Counts a record.
    pub fn add(&mut self, first: bool, second: bool) {
        self.records += 1;
        self.first_alone += usize::from(first && !second);
        self.second_alone += usize::from(second && !first);
    }

    /// The first's rate less the second's.
    fn difference(&self) -> f64 {
        (self.first_alone as f64 - self.second_alone as f64) / self.records as f64
    }

    /// Its variance were there no difference (McNemar 1947), which is the largest that it can be.
    fn variance(&self) -> f64 {
        (self.first_alone + self.second_alone) as f64 / (self.records as f64).powi(2)
    }
}

/// The difference of ½(TPR + TNR), the first rule's less the second's, and the probability of one so low or
/// lower were there none: McNemar's test on members and non-members together, each weighing a half. (½, not
/// 0, where the rules never differ.)
pub fn lower_by_chance(members: &Pairs, nonmembers: &Pairs) -> (f64, f64) {
    if members.records == 0 || nonmembers.records == 0 {
        return (0.0, 0.5);
    }
    let difference = 0.5 * (members.difference() + nonmembers.difference());
    let error = 0.5 * (members.variance() + nonmembers.variance()).sqrt();
    (difference, if error > 0.0 { normal_tail(-difference / error) } else { 0.5 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, stream, uniform};

    #[test]
    fn the_difference_and_its_chance_by_hand() {
        let members = Pairs { records: 100, first_alone: 4, second_alone: 12 };
        let others = Pairs { records: 50, first_alone: 3, second_alone: 6 };
        // ½(−8/100 − 3/50) = −0.07; √(16/100² + 9/50²)/2 = √0.0052/2 = 0.036056: z = −1.94145.
        let (difference, chance) = lower_by_chance(&members, &others);
        assert!((difference + 0.07).abs() < 1e-15);
        assert!((chance - 0.026_103).abs() < 1e-5, "{chance}");
        let alike = Pairs { records: 10, ..Pairs::default() };
        assert_eq!(lower_by_chance(&alike, &alike), (0.0, 0.5));
        assert_eq!(lower_by_chance(&alike, &Pairs::default()), (0.0, 0.5));
    }

    #[test]
    fn rules_that_are_equally_good_are_told_apart_as_often_as_chance_says() {
        let (mut rng, runs) = (stream(5, Stream::Audit), 4000);
        let mut found = 0;
        for _ in 0..runs {
            let mut kinds = [Pairs::default(); 2];
            for kind in &mut kinds {
                (0..60).for_each(|_| kind.add(uniform(&mut rng) < 0.7, uniform(&mut rng) < 0.7));
            }
            found += usize::from(lower_by_chance(&kinds[0], &kinds[1]).1 < 0.05);
        }
        // 200 of 4,000, with a standard deviation of 14.
        assert!((140..250).contains(&found), "{found} of {runs}");
    }
}
