//! The ROC of a score, exact in integers: thresholds, area, its variance, rates at a given FPR.
//!
//! Not intervals ([`super::intervals`], [`super::operating_point`]) and not the split into what is known
//! and what is scored ([`super::halves`]).

use crate::error::{Error, Result};

/// The receiver operating characteristic of one score on M members and N non-members. Records of
/// equal score are one block: a threshold takes all of them or none, a rate between draws lots.
#[derive(Debug, Clone, PartialEq)]
pub struct Roc {
    /// One for each distinct score, highest first; the last counts everyone.
    blocks: Vec<Block>,
    members: usize,
    nonmembers: usize,
}

/// The rule "member where score ≥ `score`" and whom it accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Block {
    score: f64,
    /// Members accepted: true positives.
    members: usize,
    /// Non-members accepted: false positives.
    nonmembers: usize,
}

impl Roc {
    /// From the scores of members \[M\] and non-members \[N\], in any order; infinities are
    /// ordinary scores, and −0 equals 0.
    ///
    /// # Errors
    /// Fewer than one member or non-member, or a score that is NaN.
    pub fn new(members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        if members.is_empty() || nonmembers.is_empty() {
            return Err(Error::data("attack scores")
                .expected("members and non-members")
                .found(format!("{} and {}", members.len(), nonmembers.len()))
                .advice("keep records of both kinds for the audit"));
        }
        let (positives, negatives) = (descending(members)?, descending(nonmembers)?);
        let mut blocks: Vec<Block> = Vec::new();
        let (mut m, mut n) = (0, 0);
        while m < positives.len() || n < negatives.len() {
            let score = match (positives.get(m), negatives.get(n)) {
                (Some(&p), Some(&q)) => f64::max(p, q),
                (Some(&only), None) | (None, Some(&only)) => only,
                (None, None) => break,
            };
            m += positives[m..].iter().take_while(|&&s| s == score).count();
            n += negatives[n..].iter().take_while(|&&s| s == score).count();
            blocks.push(Block { score, members: m, nonmembers: n });
        }
        Ok(Roc { blocks, members: positives.len(), nonmembers: negatives.len() })
    }

    /// M, the number of members.
    pub fn members(&self) -> usize {
        self.members
    }

    /// N, the number of non-members.
    pub fn nonmembers(&self) -> usize {
        self.nonmembers
    }

    /// The threshold t whose rule "member where score ≥ t" has the largest ½(TPR + TNR) here,
    /// among the scores that occur. Of equally good ones the highest: it accuses fewest. (The rule
    /// "nobody" needs no candidate of its own: "everybody" is as good.)
    pub fn best_threshold(&self) -> f64 {
        // 2·M·N·(½(TPR + TNR) − ½), an integer: equality is exact.
        let gain = |block: &Block| {
            block.members as i128 * self.nonmembers as i128 - block.nonmembers as i128 * self.members as i128
        };
        let (first, rest) = (self.blocks[0], &self.blocks[1..]);
        let better = |best: Block, next: &Block| if gain(next) > gain(&best) { *next } else { best };
        rest.iter().fold(first, better).score
    }

    /// The area under the curve: P(member's score > non-member's) + ½ P(equal).
    pub fn auc(&self) -> f64 {
        let mut twice_pairs = 0u128;
        for (above, block) in self.steps() {
            let nonmembers = (block.nonmembers - above.nonmembers) as u128;
            twice_pairs += nonmembers * (above.members + block.members) as u128;
        }
        twice_pairs as f64 / (2.0 * self.members as f64 * self.nonmembers as f64)
    }

    /// The two parts of DeLong's variance of [`auc`](Self::auc), S₁₀/M and S₀₁/N, in O(M + N).
    ///
    /// A record's structural component (DeLong et al. 1988) depends on its mid-rank only (Sun & Xu
    /// 2014, "Fast implementation of DeLong's algorithm"), so it is one number a block. NaN where
    /// M or N is 1: a variance needs two.
    pub fn auc_variance_parts(&self) -> [f64; 2] {
        let (m, n, auc) = (self.members as f64, self.nonmembers as f64, self.auc());
        let (mut of_members, mut of_nonmembers) = (0.0, 0.0);
        for (above, block) in self.steps() {
            // The share of non-members that a member of this block beats, ties a half.
            let beaten = 1.0 - (above.nonmembers + block.nonmembers) as f64 / (2.0 * n);
            of_members += (block.members - above.members) as f64 * (beaten - auc).powi(2);
            // The share of members that beat a non-member of this block.
            let beating = (above.members + block.members) as f64 / (2.0 * m);
            of_nonmembers += (block.nonmembers - above.nonmembers) as f64 * (beating - auc).powi(2);
        }
        [of_members / (m - 1.0) / m, of_nonmembers / (n - 1.0) / n]
    }

    /// The share of non-members that a member of this score beats, ties a half.
    pub fn beaten_by_member(&self, score: f64) -> f64 {
        let (above, block) = self.around(score);
        1.0 - (above.nonmembers + block.nonmembers) as f64 / (2.0 * self.nonmembers as f64)
    }

    /// The share of members that beat a non-member of this score, ties a half.
    pub fn beating_nonmember(&self, score: f64) -> f64 {
        let (above, block) = self.around(score);
        (above.members + block.members) as f64 / (2.0 * self.members as f64)
    }

    /// The rules "above `score`" and "from `score`".
    fn around(&self, score: f64) -> (Block, Block) {
        let above = self.blocks.partition_point(|block| block.score > score);
        let equal = self.blocks.get(above).is_some_and(|block| block.score == score);
        (self.rule(above), self.rule(above + usize::from(equal)))
    }

    /// The curve of the records of both; `self` and `other` are of different records.
    #[must_use]
    pub fn merged(&self, other: &Roc) -> Roc {
        let (mut mine, mut theirs) = (self.steps().peekable(), other.steps().peekable());
        let mut blocks: Vec<Block> = Vec::with_capacity(self.blocks.len().max(other.blocks.len()));
        let (mut members, mut nonmembers) = (0, 0);
        while let Some(score) = match (mine.peek(), theirs.peek()) {
            (Some((_, a)), Some((_, b))) => Some(f64::max(a.score, b.score)),
            (Some((_, only)), None) | (None, Some((_, only))) => Some(only.score),
            (None, None) => None,
        } {
            let here = |step: &(Block, Block)| step.1.score == score;
            for (above, block) in mine.next_if(here).into_iter().chain(theirs.next_if(here)) {
                members += block.members - above.members;
                nonmembers += block.nonmembers - above.nonmembers;
            }
            blocks.push(Block { score, members, nonmembers });
        }
        Roc { blocks, members, nonmembers }
    }

    /// The largest number of false positives whose rate is `alpha` or less.
    pub fn false_positives_allowed(&self, alpha: f64) -> usize {
        let n = self.nonmembers as f64;
        // alpha · n alone rounds either way; the quotient of two integers is rounded once, to the
        // same f64 as the decimal it equals.
        let upper = (alpha * n).ceil();
        if upper / n <= alpha { upper as usize } else { (upper as usize).saturating_sub(1) }
    }

    /// The true-positive rate at the largest false-positive rate not above `alpha` (0 < α < 1) that N
    /// non-members can have, their records of one score drawn by lot: a straight line through a block, as in
    /// the area. Without ties that is the rate of a threshold. A threshold alone would find nobody where
    /// more non-members share the highest score than α allows, and whoever draws among them does (the most
    /// powerful test of a given size, Neyman & Pearson 1933). `None` unless α·N ≥ 10: a rate that hangs on
    /// fewer than ten records is not resolvable.
    pub fn tpr_at_fpr(&self, alpha: f64) -> Option<f64> {
        let allowed = self.false_positives_allowed(alpha);
        (allowed >= 10).then(|| self.members_at(allowed) / self.members as f64)
    }

    /// The same curve for "non-member where the score is low": members and non-members change places,
    /// scores their sign.
    #[must_use]
    pub fn mirrored(&self) -> Roc {
        let (m, n) = (self.members, self.nonmembers);
        let mut blocks: Vec<Block> = self
            .steps()
            .map(|(above, block)| Block {
                score: -block.score,
                members: n - above.nonmembers,
                nonmembers: m - above.members,
            })
            .collect();
        blocks.reverse();
        Roc { blocks, members: n, nonmembers: m }
    }

    /// How many members and non-members have a score of at least `threshold`.
    pub fn accepted(&self, threshold: f64) -> (usize, usize) {
        let rule = self.rule(self.blocks.partition_point(|block| block.score >= threshold));
        (rule.members, rule.nonmembers)
    }

    /// Each distinct score, highest first, with its own numbers of members and non-members.
    pub fn blocks(&self) -> impl Iterator<Item = (f64, usize, usize)> {
        self.steps().map(|(above, block)| {
            (block.score, block.members - above.members, block.nonmembers - above.nonmembers)
        })
    }

    /// A few hundred rules "member where score ≥ t" as (t, members accepted, non-members accepted), highest
    /// t first: as many as a plot needs whose axes are linear or logarithmic in either error.
    pub fn thinned(&self) -> Vec<(f64, usize, usize)> {
        let mut kept = vec![0, self.blocks.len() - 1];
        for (total, count) in [
            (self.nonmembers, (|b: &Block| b.nonmembers) as fn(&Block) -> usize),
            (self.members, |b: &Block| b.members),
        ] {
            for part in marks(total) {
                // The last rule that errs on no more than `part`, from either end.
                for most in [part, total - part] {
                    kept.push(self.blocks.partition_point(|b| count(b) <= most).saturating_sub(1));
                }
            }
        }
        kept.sort_unstable();
        kept.dedup();
        let block = |i: usize| &self.blocks[i];
        kept.into_iter().map(block).map(|b| (b.score, b.members, b.nonmembers)).collect()
    }

    /// The curve for a plot whose axes are linear or logarithmic in either error, a few hundred points of it:
    /// (non-members accepted, members accepted by lot among equal scores), ascending from 0 to N.
    pub fn points(&self) -> Vec<(usize, f64)> {
        let n = self.nonmembers;
        let rules = self.thinned().into_iter().map(|(_, _, accepted)| accepted);
        let mut accepted: Vec<usize> = rules.chain(marks(n).flat_map(|k| [k, n - k])).collect();
        accepted.sort_unstable();
        accepted.dedup();
        accepted.into_iter().map(|k| (k, self.members_at(k))).collect()
    }

    /// How many members the most lenient rule accepts that accepts `nonmembers` (0 to N), on average over
    /// the lots among records of one score.
    fn members_at(&self, nonmembers: usize) -> f64 {
        if nonmembers == self.nonmembers {
            return self.members as f64;
        }
        self.members_around(nonmembers)[0]
    }

    /// How many members are accepted before the non-member of `rank` is, 0 being the highest scorer (0 ≤ rank
    /// < N), and how many until it is, on average over the lots among records of one score. The same where no
    /// member has that score.
    pub(super) fn members_around(&self, rank: usize) -> [f64; 2] {
        let reached = self.blocks.partition_point(|block| block.nonmembers <= rank);
        let (above, block) = (self.rule(reached), self.blocks[reached]);
        let tied = (block.members - above.members) as f64 / (block.nonmembers - above.nonmembers) as f64;
        [rank, rank + 1].map(|k| above.members as f64 + tied * (k - above.nonmembers) as f64)
    }

    /// The rule that accepts the highest `reached` blocks.
    fn rule(&self, reached: usize) -> Block {
        match reached {
            0 => Block { score: f64::INFINITY, members: 0, nonmembers: 0 },
            _ => self.blocks[reached - 1],
        }
    }

    /// Every block after the one above it; above the first stands the rule that accepts nobody.
    fn steps(&self) -> impl Iterator<Item = (Block, Block)> {
        std::iter::once(self.rule(0)).chain(self.blocks.iter().copied()).zip(self.blocks.iter().copied())
    }
}

/// 0, 1, 2, … by ever longer steps up to `total`: sixteen a decade, and sixty-four of equal length.
fn marks(total: usize) -> impl Iterator<Item = usize> {
    let powers = (0..).map(|i| 10f64.powf(f64::from(i) / 16.0) as usize).take_while(move |k| *k <= total);
    powers.chain((0..=64).map(move |i| total * i / 64))
}

/// Sorted from the highest. 0 comes before −0 here, but blocks are cut by `==`, where they are one.
fn descending(scores: &[f64]) -> Result<Vec<f64>> {
    if scores.iter().any(|s| s.is_nan()) {
        return Err(Error::data("attack scores").expected("numbers").found("NaN").advice(
            "the attack's model or its input diverged; look for the first non-finite loss in the metrics",
        ));
    }
    let mut sorted: Vec<f64> = scores.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn indicator(x: f64, y: f64) -> f64 {
        if x > y {
            1.0
        } else if x == y {
            0.5
        } else {
            0.0
        }
    }

    /// The definition: mean over all pairs, and the variance of the two sets of its marginal means.
    fn naive_auc_and_variance(members: &[f64], nonmembers: &[f64]) -> (f64, f64) {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &[f64]| {
            let centre = mean(values);
            values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
        };
        let row = |x: f64| mean(&nonmembers.iter().map(|&y| indicator(x, y)).collect::<Vec<_>>());
        let column = |y: f64| mean(&members.iter().map(|&x| indicator(x, y)).collect::<Vec<_>>());
        let v10: Vec<f64> = members.iter().map(|&x| row(x)).collect();
        let v01: Vec<f64> = nonmembers.iter().map(|&y| column(y)).collect();
        (mean(&v10), variance(&v10) / v10.len() as f64 + variance(&v01) / v01.len() as f64)
    }

    fn balanced(members: &[f64], nonmembers: &[f64], threshold: f64) -> f64 {
        let rate = |s: &[f64]| s.iter().filter(|&&s| s >= threshold).count() as f64 / s.len() as f64;
        0.5 * (rate(members) + 1.0 - rate(nonmembers))
    }

    #[test]
    fn a_small_case_by_hand() {
        let roc = Roc::new(&[0.9, 0.8, 0.4], &[0.8, 0.3]).unwrap();
        // Of 6 pairs: 0.9 wins 2, 0.8 wins 1 and ties 1, 0.4 wins 1: 4½.
        assert_eq!(roc.auc(), 4.5 / 6.0);
        // V10 = 1, ¾, ½: variance 1/16, /3. V01 = ½, 1: variance ⅛, /2.
        assert!((roc.auc_variance_parts().iter().sum::<f64>() - (1.0 / 48.0 + 1.0 / 16.0)).abs() < 1e-15);
        // t = 0.9: ½(⅓ + 1) = ⅔; t = 0.8: ½(⅔ + ½); t = 0.4: ½(1 + ½) = ¾.
        assert_eq!(roc.best_threshold(), 0.4);
    }

    #[test]
    fn the_mirrored_curve_swaps_the_two_errors() {
        let roc = Roc::new(&[0.9, 0.8, 0.4], &[0.8, 0.3]).unwrap();
        let mirrored = roc.mirrored();
        assert_eq!(mirrored, Roc::new(&[-0.8, -0.3], &[-0.9, -0.8, -0.4]).unwrap());
        assert_eq!(mirrored.mirrored(), roc);
        assert_eq!((roc.auc(), roc.accepted(0.8), roc.accepted(1.0)), (mirrored.auc(), (2, 1), (0, 0)));
    }

    #[test]
    fn a_thinned_curve_keeps_its_ends_and_small_steps() {
        let scores = |n: usize, shift: f64| -> Vec<f64> { (0..n).map(|i| i as f64 + shift).collect() };
        let roc = Roc::new(&scores(100_000, 1000.5), &scores(100_000, 0.0)).unwrap();
        let thinned = roc.thinned();
        assert!((100..1000).contains(&thinned.len()), "{}", thinned.len());
        assert!(thinned.is_sorted_by(|a, b| a.0 > b.0 && a.1 <= b.1 && a.2 <= b.2));
        assert_eq!(thinned.last().map(|p| (p.1, p.2)), Some((100_000, 100_000)));
        for wrong in [0, 1, 2, 10] {
            assert!(thinned.iter().any(|p| p.2 == wrong), "{wrong} false positives");
            assert!(thinned.iter().any(|p| 100_000 - p.1 == wrong), "{wrong} false negatives");
        }
        assert_eq!(Roc::new(&[1.0], &[1.0]).unwrap().thinned(), [(1.0, 1, 1)]);
    }

    #[test]
    fn of_equally_good_thresholds_the_highest_is_taken() {
        // t = 3: ½(½ + 1); t = 1: ½(1 + ½).
        assert_eq!(Roc::new(&[3.0, 1.0], &[2.0, 0.0]).unwrap().best_threshold(), 3.0);
        assert_eq!(Roc::new(&[1.0, 0.0], &[1.0, 0.0]).unwrap().best_threshold(), 1.0);
    }

    #[test]
    fn a_rate_draws_lots_in_a_block_of_ties() {
        // 1,000 non-members, 20 of them in the top block, of which 1% allows 10: half of it.
        let mut nonmembers = vec![0.0; 1000];
        nonmembers[..20].fill(5.0);
        let members = [6.0, 5.0, 5.0, 0.0];
        assert_eq!(Roc::new(&members, &nonmembers).unwrap().tpr_at_fpr(0.01), Some(0.5));
        // A block that ends at the tenth is taken whole, and the next not begun.
        nonmembers[10..20].fill(4.0);
        assert_eq!(Roc::new(&[6.0, 5.0, 4.0, 4.0], &nonmembers).unwrap().tpr_at_fpr(0.01), Some(0.5));
        // A score that tells nothing, of all records the same: found as many as accused.
        assert_eq!(Roc::new(&[0.0; 7], &[0.0; 1000]).unwrap().tpr_at_fpr(0.01), Some(0.01));
    }

    #[test]
    fn a_plot_has_points_within_a_block_of_ties() {
        let mut members = vec![0.0; 100];
        members[..60].fill(1.0);
        let mut nonmembers = vec![0.0; 1000];
        nonmembers[..20].fill(1.0);
        let points = Roc::new(&members, &nonmembers).unwrap().points();
        assert_eq!((points[0], *points.last().unwrap()), ((0, 0.0), (1000, 100.0)));
        for expected in [(1, 3.0), (10, 30.0), (20, 60.0)] {
            assert!(points.contains(&expected), "{expected:?} in {points:?}");
        }
        assert!(points.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1));
    }

    #[test]
    fn a_rate_is_resolvable_from_ten_false_positives_on() {
        let roc = |n| Roc::new(&[1.0], &vec![0.0; n]).unwrap();
        assert_eq!(roc(999).tpr_at_fpr(0.01), None);
        assert_eq!(roc(1000).tpr_at_fpr(0.01), Some(1.0));
        assert_eq!(roc(9_999).tpr_at_fpr(0.001), None);
        assert_eq!(roc(10_000).tpr_at_fpr(0.001), Some(1.0));
    }

    #[test]
    fn the_allowed_number_is_the_floor_for_every_size() {
        for n in 1..30_000 {
            let roc = Roc { blocks: Vec::new(), members: 1, nonmembers: n };
            // 0.01 is a little more as an f64, 0.29 a little less.
            for (alpha, per_mille) in [(0.001, 1), (0.01, 10), (0.29, 290)] {
                let expected = n * per_mille / 1000;
                assert_eq!(roc.false_positives_allowed(alpha), expected, "n = {n}, alpha = {alpha}");
            }
        }
    }

    #[test]
    fn infinities_are_scores_and_nan_is_refused() {
        let roc = Roc::new(&[f64::INFINITY, -0.0], &[f64::NEG_INFINITY, 0.0]).unwrap();
        assert_eq!(roc.auc(), 3.5 / 4.0);
        assert!(Roc::new(&[f64::NAN], &[0.0]).is_err());
        assert!(Roc::new(&[], &[0.0]).is_err());
    }

    proptest! {
        #[test]
        fn area_variance_and_threshold_are_those_of_the_definitions(
            members in prop::collection::vec((0..12).prop_map(f64::from), 2..60),
            nonmembers in prop::collection::vec((0..10).prop_map(f64::from), 2..60),
        ) {
            let roc = Roc::new(&members, &nonmembers).unwrap();
            let (auc, variance) = naive_auc_and_variance(&members, &nonmembers);
            prop_assert!((roc.auc() - auc).abs() < 1e-12);
            prop_assert!((roc.auc_variance_parts().iter().sum::<f64>() - variance).abs() < 1e-12);
            let best = balanced(&members, &nonmembers, roc.best_threshold());
            for candidate in members.iter().chain(&nonmembers) {
                prop_assert!(best >= balanced(&members, &nonmembers, *candidate) - 1e-12);
            }
            prop_assert!(best >= 0.5 - 1e-12);
        }

        #[test]
        fn a_merged_curve_is_that_of_all_records(
            members in prop::collection::vec((0..12).prop_map(f64::from), 2..40),
            nonmembers in prop::collection::vec((0..10).prop_map(f64::from), 2..40),
        ) {
            let all = Roc::new(&members, &nonmembers).unwrap();
            let ((a, b), (c, d)) = (members.split_at(1), nonmembers.split_at(nonmembers.len() / 2));
            let merged = Roc::new(a, c).unwrap().merged(&Roc::new(b, d).unwrap());
            prop_assert_eq!(&merged, &all);
            for &score in &members {
                let beaten: f64 = nonmembers.iter().map(|&y| indicator(score, y)).sum();
                prop_assert!((all.beaten_by_member(score) - beaten / nonmembers.len() as f64).abs() < 1e-12);
                let beating: f64 = members.iter().map(|&x| indicator(x, score)).sum();
                prop_assert!((all.beating_nonmember(score) - beating / members.len() as f64).abs() < 1e-12);
            }
        }

        #[test]
        fn swapping_the_groups_mirrors_the_area(
            members in prop::collection::vec(-1e3..1e3f64, 2..40),
            nonmembers in prop::collection::vec(-1e3..1e3f64, 2..40),
        ) {
            let (a, b) = (Roc::new(&members, &nonmembers).unwrap(), Roc::new(&nonmembers, &members).unwrap());
            prop_assert!((a.auc() + b.auc() - 1.0).abs() < 1e-12);
            let (a, b) = (a.auc_variance_parts(), b.auc_variance_parts());
            prop_assert!((a[0] - b[1]).abs() < 1e-12 && (a[1] - b[0]).abs() < 1e-12);
        }
    }
}
