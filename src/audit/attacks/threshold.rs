//! Threshold attacks: a threshold learnt on the known half, judged on the scored half.
//!
//! Not the scores themselves ([`super::scores`]); any score will do, a network's too.

use super::scores::{self, Predictions, Score};
use crate::audit::results::result::{AttackResult, Intervals, Terms};
use crate::error::Result;
use crate::statistics::halves::Halves;
use crate::statistics::levels::{TnrAtFnr, TprAtFpr};
use crate::statistics::roc::Roc;
use crate::statistics::{bootstrap, epsilon, intervals};

/// Known records, members and non-members together, from which a class has a threshold of its own.
pub const RECORDS_FOR_A_CLASS: usize = 20;

/// The scores of one attack, and which records they are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// `neural`, `confidence_per_class`, ….
    pub name: String,
    /// Indices into the members and into the non-members.
    pub records: Halves<u32>,
    /// Of the same records.
    pub scores: Halves,
    /// The attack says "member" of a score of at least this.
    pub threshold: f64,
}

impl Scored {
    /// The scores of `members` and `nonmembers` at `records`, with the threshold that is best on the known half.
    ///
    /// # Errors
    /// As [`evaluate`].
    ///
    /// # Panics
    /// `records` with an index past the end of its group.
    pub fn new(name: &str, records: &Halves<u32>, members: &[f64], nonmembers: &[f64]) -> Result<Self> {
        let scores = records.pick(members, nonmembers);
        let threshold = best_threshold(&scores)?;
        Ok(Scored { name: name.to_owned(), records: records.clone(), scores, threshold })
    }

    /// `…_per_class`: [`per_class`] of these scores.
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn per_class(&self, labels: &Halves<u32>) -> Result<Self> {
        let name = format!("{}_per_class", self.name);
        Ok(Scored {
            name,
            records: self.records.clone(),
            scores: per_class(&self.scores, labels)?,
            threshold: 0.0,
        })
    }

    /// [`judge`].
    ///
    /// # Errors
    /// As [`evaluate`].
    pub fn result(&self, terms: &Terms) -> Result<AttackResult> {
        judge(&self.scores, self.threshold, terms)
    }
}

/// Every threshold attack on `members` against `nonmembers`: `gap`, and `confidence`, `entropy` and
/// `modified_entropy`, each with one threshold and (`…_per_class`) with one a class.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// `halves` with an index past the end of its group.
pub fn threshold_attacks(
    members: &Predictions,
    nonmembers: &Predictions,
    halves: &Halves<u32>,
) -> Result<Vec<Scored>> {
    let labels = halves.pick(members.labels(), nonmembers.labels());
    let scored = |name: &str, score: Score| Scored::new(name, halves, &score(members), &score(nonmembers));
    let mut attacks = vec![scored("gap", scores::gap)?];
    let graded: [(&str, Score); 3] = [
        ("confidence", scores::confidence),
        ("entropy", scores::entropy),
        ("modified_entropy", scores::modified_entropy),
    ];
    for (name, score) in graded {
        let one = scored(name, score)?;
        attacks.push(one.per_class(&labels)?);
        attacks.push(one);
    }
    Ok(attacks)
}

/// The attack "member where score ≥ t": t has the largest ½(TPR + TNR) on the known half
/// ([`Roc::best_threshold`]), every number is from the scored half.
///
/// # Errors
/// A group without a record, or a score that is NaN.
pub fn evaluate(halves: &Halves, terms: &Terms) -> Result<AttackResult> {
    judge(halves, best_threshold(halves)?, terms)
}

/// The threshold of [`evaluate`].
///
/// # Errors
/// As [`evaluate`].
pub fn best_threshold(halves: &Halves) -> Result<f64> {
    Ok(Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold())
}

/// The scores less a threshold for each class of `labels` (the true labels of the same records): the attack
/// is then "member where score ≥ 0". A class with fewer than [`RECORDS_FOR_A_CLASS`] known records, or
/// without a known member or non-member, uses the threshold of all classes together.
///
/// AUC and TPR are those of score − t(class): one ROC in which every class's chosen threshold is at
/// 0, so its point at 0 is the attack itself. Only known records shape it.
///
/// # Errors
/// As [`evaluate`].
///
/// # Panics
/// Labels and scores of different number.
pub fn per_class(halves: &Halves, labels: &Halves<u32>) -> Result<Halves> {
    let thresholds = class_thresholds(halves, labels)?;
    let shifted = |scores: &[f64], labels: &[u32]| -> Vec<f64> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        // x − t ≥ 0 exactly where x ≥ t: IEEE subtraction underflows gradually.
        scores.iter().zip(labels).map(|(score, &label)| score - thresholds.of(label)).collect()
    };
    Ok(Halves {
        known_members: shifted(&halves.known_members, &labels.known_members),
        known_nonmembers: shifted(&halves.known_nonmembers, &labels.known_nonmembers),
        scored_members: shifted(&halves.scored_members, &labels.scored_members),
        scored_nonmembers: shifted(&halves.scored_nonmembers, &labels.scored_nonmembers),
    })
}

/// All metrics of the rule "member where score ≥ `threshold`" and of the scores' ROC.
///
/// # Errors
/// As [`evaluate`].
pub fn judge(halves: &Halves, threshold: f64, terms: &Terms) -> Result<AttackResult> {
    let roc = Roc::new(&halves.scored_members, &halves.scored_nonmembers)?;
    let mirrored = roc.mirrored();
    let (m, n) = (roc.members(), roc.nonmembers());
    let (accepted, accused) = roc.accepted(threshold);
    let rejected = n - accused;
    // Over one denominator, so that 0.7 is 0.7: the rates apart would be rounded three times.
    let twice_pairs = (accepted as u128 * n as u128 + rejected as u128 * m as u128) as f64;
    let accuracy = twice_pairs / (2.0 * m as f64 * n as f64);
    let accuracy_ci95 = intervals::balanced_accuracy(accepted, m, rejected, n);
    let precision = |tpr: f64, fpr: f64| {
        let (right, wrong) = (terms.base_rate * tpr, (1.0 - terms.base_rate) * fpr);
        right / (right + wrong)
    };
    let (tpr, fpr) = (intervals::clopper_pearson(accepted, m), intervals::clopper_pearson(accused, n));
    let accuses = accepted + accused > 0;
    Ok(AttackResult {
        accuracy,
        advantage: 2.0 * accuracy - 1.0,
        auc: roc.auc(),
        tpr: TprAtFpr::of(|alpha| roc.tpr_at_fpr(alpha)),
        tnr: TnrAtFnr::of(|alpha| mirrored.tpr_at_fpr(alpha)),
        precision: accuses.then(|| precision(accepted as f64 / m as f64, accused as f64 / n as f64)),
        epsilon_lower_bound: epsilon::lower_bound(halves, terms.delta)?,
        ci95: Intervals {
            accuracy: accuracy_ci95,
            advantage: accuracy_ci95.map(|end| 2.0 * end - 1.0),
            auc: intervals::auc(&roc),
            tpr: TprAtFpr::of(|alpha| bootstrap::tpr_at_fpr(&roc, alpha, terms.seed)),
            tnr: TnrAtFnr::of(|alpha| bootstrap::tpr_at_fpr(&mirrored, alpha, terms.seed)),
            // It rises with TPR and falls with FPR. Opposite ends together are wide, as if both rates always
            // erred together, but exact rates at the ends (0 false positives) allow no narrower form.
            precision: accuses.then(|| [precision(tpr[0], fpr[1]), precision(tpr[1], fpr[0])]),
        },
        members: m,
        nonmembers: n,
        note: None,
    })
}

/// A threshold a class, with the one of all classes where there is too little to choose by.
struct ClassThresholds {
    global: f64,
    /// By label, up to the largest that is known.
    own: Vec<Option<f64>>,
}

impl ClassThresholds {
    fn of(&self, label: u32) -> f64 {
        self.own.get(label as usize).copied().flatten().unwrap_or(self.global)
    }
}

fn class_thresholds(halves: &Halves, labels: &Halves<u32>) -> Result<ClassThresholds> {
    let global = Roc::new(&halves.known_members, &halves.known_nonmembers)?.best_threshold();
    let classes =
        labels.known_members.iter().chain(&labels.known_nonmembers).max().map_or(0, |&y| y as usize + 1);
    let by_class = |scores: &[f64], labels: &[u32]| -> Vec<Vec<f64>> {
        assert_eq!(scores.len(), labels.len(), "one label a score");
        let mut groups = vec![Vec::new(); classes];
        scores.iter().zip(labels).for_each(|(&score, &label)| groups[label as usize].push(score));
        groups
    };
    let members = by_class(&halves.known_members, &labels.known_members);
    let nonmembers = by_class(&halves.known_nonmembers, &labels.known_nonmembers);
    let own = members.iter().zip(&nonmembers).map(|(members, nonmembers)| {
        let enough = members.len() + nonmembers.len() >= RECORDS_FOR_A_CLASS;
        if !enough || members.is_empty() || nonmembers.is_empty() {
            return Ok(None);
        }
        Roc::new(members, nonmembers).map(|roc| Some(roc.best_threshold()))
    });
    Ok(ClassThresholds { global, own: own.collect::<Result<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::results::result::all_results;
    use crate::random::{Stream, below, normal, stream};

    fn terms(seed: u64) -> Terms {
        Terms { seed, base_rate: 0.1, delta: 1e-5 }
    }

    /// `n` of each group known and scored; members shifted by `shift` standard deviations.
    fn simulated(n: usize, shift: f64, seed: u64) -> Halves {
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |shift: f64| (0..n).map(|_| normal(&mut rng) + shift).collect::<Vec<f64>>();
        Halves {
            known_members: draw(shift),
            known_nonmembers: draw(0.0),
            scored_members: draw(shift),
            scored_nonmembers: draw(0.0),
        }
    }

    #[test]
    fn the_threshold_comes_from_the_known_half_only() {
        let halves = Halves {
            known_members: vec![3.0, 4.0],
            known_nonmembers: vec![1.0, 2.0],
            scored_members: vec![2.9, 9.0],
            scored_nonmembers: vec![0.0, 2.8],
        };
        let result = evaluate(&halves, &terms(0)).unwrap();
        // t = 3: one of two members accepted, both others rejected, though t = 2.9 would be perfect.
        assert_eq!((result.accuracy, result.auc), (0.75, 1.0));
        assert_eq!((result.tpr.at_0_01, result.ci95.tpr.at_0_01), (None, None));
        assert_eq!(result.not_resolvable(), "not resolvable with 2 non-members");
    }

    #[test]
    fn a_random_score_is_worth_nothing() {
        let result = evaluate(&simulated(2000, 0.0, 1), &terms(1)).unwrap();
        let within = |[low, high]: [f64; 2], value: f64| low <= value && value <= high;
        assert!(within(result.ci95.accuracy, 0.5), "{result:?}");
        assert!(within(result.ci95.auc, 0.5), "{result:?}");
        assert!(within(result.ci95.tpr.at_0_01.unwrap(), 0.01), "{result:?}");
    }

    /// The true values of a shift of 1 are known: AUC = Φ(1/√2); TPR at 1% = 1 − Φ(z₀.₉₉ − 1);
    /// accuracy, at the threshold that was chosen, ½(1 − Φ(t − 1) + Φ(t)).
    #[test]
    fn intervals_cover_the_truth_as_often_as_they_say() {
        use statrs::function::erf::erfc;
        let phi = |x: f64| 0.5 * erfc(-x / std::f64::consts::SQRT_2);
        let (true_auc, true_tpr) = (phi(0.5f64.sqrt()), 1.0 - phi(2.326_347_874_040_841 - 1.0));
        let runs = 400;
        let mut covered = [0.0; 3];
        for seed in 0..runs {
            let halves = simulated(1000, 1.0, seed);
            let t = Roc::new(&halves.known_members, &halves.known_nonmembers).unwrap().best_threshold();
            let truths = [0.5 * (1.0 - phi(t - 1.0) + phi(t)), true_auc, true_tpr];
            let ci = evaluate(&halves, &terms(seed)).unwrap().ci95;
            for (count, ([low, high], truth)) in
                covered.iter_mut().zip([ci.accuracy, ci.auc, ci.tpr.at_0_01.unwrap()].iter().zip(truths))
            {
                *count += f64::from(u8::from(*low <= truth && truth <= *high)) / runs as f64;
            }
        }
        // 95% ± three standard errors of 400 runs is 0.917 to 0.983; the percentile bootstrap of a
        // rate at ten false positives is known to fall a little short.
        for (name, share, least) in
            [("accuracy", covered[0], 0.92), ("AUC", covered[1], 0.92), ("TPR at 1% FPR", covered[2], 0.89)]
        {
            assert!((least..0.99).contains(&share), "{name}: {share} of the intervals cover the truth");
        }
    }

    #[test]
    fn each_class_is_judged_by_its_own_threshold() {
        // Class 0 separates at 10, class 1 at −10; one threshold for both is right on 75% at best.
        let scores = |level: f64| -> Vec<f64> {
            (0..40).map(|i| level + if i % 2 == 0 { 10.0 } else { -10.0 } + f64::from(i) * 0.001).collect()
        };
        let halves = Halves {
            known_members: scores(1.0),
            known_nonmembers: scores(-1.0),
            scored_members: scores(1.0),
            scored_nonmembers: scores(-1.0),
        };
        let classes: Vec<u32> = (0..40).map(|i| i % 2).collect();
        let labels = Halves {
            known_members: classes.clone(),
            known_nonmembers: classes.clone(),
            scored_members: classes.clone(),
            scored_nonmembers: classes,
        };
        assert_eq!(evaluate(&halves, &terms(0)).unwrap().accuracy, 0.75);
        let own = judge(&per_class(&halves, &labels).unwrap(), 0.0, &terms(0)).unwrap();
        assert_eq!((own.accuracy, own.auc), (1.0, 1.0));
    }

    #[test]
    fn a_class_of_nineteen_uses_the_global_threshold() {
        let halves = |n: usize| Halves {
            known_members: [vec![5.0; 100], vec![1.0; n]].concat(),
            known_nonmembers: [vec![4.0; 100], vec![0.0; 10]].concat(),
            ..Halves::default()
        };
        let labels = |n: usize| Halves {
            known_members: [vec![0; 100], vec![1; n]].concat(),
            known_nonmembers: [vec![0; 100], vec![1; 10]].concat(),
            ..Halves::default()
        };
        let thresholds = |n| class_thresholds(&halves(n), &labels(n)).unwrap();
        assert_eq!(thresholds(10).of(1), 1.0);
        assert_eq!(thresholds(9).of(1), 5.0);
        assert_eq!(thresholds(9).of(2), 5.0, "a class nobody knows");
        // Many records, but of members alone: there is nothing to tell them from.
        let only_members =
            Halves { known_members: vec![1.0; 50], known_nonmembers: vec![2.0], ..Halves::default() };
        let labels = Halves { known_members: vec![1; 50], known_nonmembers: vec![0], ..Halves::default() };
        assert_eq!(class_thresholds(&only_members, &labels).unwrap().own, [None, None]);
    }

    #[test]
    fn the_gap_attack_is_the_generalisation_gap() {
        // 30 classes; right on 90% of the members and 50% of the others: ½(0.9 + 0.5) = 0.7.
        let mut rng = stream(3, Stream::Audit);
        let mut model = |n: usize, right: u32| -> (Vec<f32>, Vec<u32>) {
            let labels: Vec<u32> = (0..n).map(|_| below(&mut rng, 30)).collect();
            let mut logits = vec![0f32; n * 30];
            for (i, &label) in labels.iter().enumerate() {
                let hit = (i as u32 % 10) < right;
                logits[i * 30 + if hit { label as usize } else { (label as usize + 1) % 30 }] = 3.0;
            }
            (logits, labels)
        };
        let ((members, y), (others, w)) = (model(2000, 9), model(2000, 5));
        let members = Predictions::from_logits(&members, 30, &y).unwrap();
        let others = Predictions::from_logits(&others, 30, &w).unwrap();
        let scored = threshold_attacks(&members, &others, &Halves::split(2000, 2000, 4).unwrap()).unwrap();
        let attacks = all_results(&scored, &terms(4)).unwrap();
        let names: Vec<&str> = attacks.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "confidence",
                "confidence_per_class",
                "entropy",
                "entropy_per_class",
                "gap",
                "modified_entropy",
                "modified_entropy_per_class"
            ]
        );
        assert!((attacks["gap"].accuracy - 0.7).abs() < 0.02, "{:?}", attacks["gap"]);
        assert_eq!(attacks["gap"].accuracy, attacks["confidence"].accuracy);
        // Its entropy is the same right or wrong, so that attack guesses, and is flagged.
        assert!((attacks["entropy"].auc - 0.5).abs() < 0.03, "{:?}", attacks["entropy"]);
        assert!(attacks["entropy"].note.is_some() && attacks["gap"].note.is_none());
    }
}
