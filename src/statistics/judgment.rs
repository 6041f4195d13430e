//! What a rule "member where score ≥ t" is worth: its rates on the scored half, the ROC behind it, and their
//! intervals.
//!
//! Not how direction and threshold are chosen ([`super::thresholds`]) nor how the numbers are printed.

use serde::{Deserialize, Serialize};

use super::halves::Halves;
use super::levels::{TnrAtFnr, TprAtFpr};
use super::roc::Roc;
use super::{epsilon, intervals, operating_point, thresholds};
use crate::error::Result;

/// What one attack is worth. All rates are fractions from 0 to 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AttackResult {
    /// ½(TPR + TNR) at the threshold chosen on the known half; 0.5 is guessing.
    pub accuracy: f64,
    /// TPR − FPR at that threshold, 2 · accuracy − 1; 0 is guessing (Yeom et al. 2018).
    pub advantage: f64,
    /// Area under the ROC; 0.5 is guessing.
    pub auc: f64,
    /// TPR at fixed FPR.
    #[serde(flatten)]
    pub tpr: TprAtFpr<f64>,
    /// TNR at fixed FNR.
    #[serde(flatten)]
    pub tnr: TnrAtFnr<f64>,
    /// The share of members among the records that the attack accuses, were members as frequent as
    /// [`Terms::base_rate`]; `None` where it accuses nobody.
    pub precision: Option<f64>,
    /// With 95% confidence, no training that is (ε, δ)-differentially private with a smaller ε gives the
    /// attack this success ([`crate::statistics::epsilon`]); 0: nothing is shown. `None` in a summary of
    /// schema 1, which did not ask.
    pub epsilon_lower_bound: Option<f64>,
    /// 95% intervals of the others.
    pub ci95: Intervals,
    /// Members of the scored half, on whom accuracy, advantage, precision and the bound on ε stand.
    pub members: usize,
    /// Non-members of the scored half, likewise.
    pub nonmembers: usize,
    /// Members on whom AUC, TPR and TNR stand: all, where the known half taught the attack nothing but a
    /// threshold; else those of the scored half.
    pub curve_members: usize,
    /// Non-members on whom they stand.
    pub curve_nonmembers: usize,
    /// Whether the score is used against its definition, because members have the lower scores beyond chance:
    /// all numbers are then those of the negative score.
    pub reversed: bool,
    /// Whether its network found the signal of its control; `null` where it has no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained: Option<bool>,
    /// What a reader must know before believing the numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A 95% interval `[low, high]` for each metric of an [`AttackResult`], `None` where that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Intervals {
    /// 95% interval of the accuracy.
    pub accuracy: [f64; 2],
    /// 95% interval of the advantage.
    pub advantage: [f64; 2],
    /// 95% interval of the area under the ROC.
    pub auc: [f64; 2],
    /// 95% intervals of TPR at fixed FPR.
    #[serde(flatten)]
    pub tpr: TprAtFpr<[f64; 2]>,
    /// 95% intervals of TNR at fixed FNR.
    #[serde(flatten)]
    pub tnr: TnrAtFnr<[f64; 2]>,
    /// 95% interval of the precision.
    pub precision: Option<[f64; 2]>,
}

/// What an evaluation presumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Draws the critical value of the strongest of several attacks ([`super::simultaneous`]).
    pub seed: u64,
    /// How frequent members are among the records that an attacker would try; in (0, 1).
    pub base_rate: f64,
    /// δ of the lower bound on ε; in [0, 1).
    pub delta: f64,
}

/// Which records a curve, and so AUC, TPR and TNR, may stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveRecords {
    /// All: the known half taught the score nothing.
    All,
    /// Those of the scored half: the known half shaped the score.
    Scored,
}

impl AttackResult {
    /// Adds a remark to [`note`](Self::note), after those there.
    pub fn remark(&mut self, text: &str) {
        let note = self.note.take().map_or_else(|| text.to_owned(), |before| format!("{before}; {text}"));
        self.note = Some(note);
    }

    /// What to print in the place of a rate that is `None`.
    pub fn not_resolvable(&self) -> String {
        format!("not resolvable with {} non-members", self.curve_nonmembers)
    }
}

/// The attack "member where score ≥ t" of a score in the direction that it has ([`thresholds::oriented`]),
/// which learns nothing from the known half but t: the largest ½(TPR + TNR) there ([`Roc::best_threshold`]).
///
/// # Errors
/// As [`Roc::new`].
pub fn evaluate(halves: &Halves, terms: &Terms) -> Result<AttackResult> {
    let (halves, reversed) = thresholds::oriented(halves.clone())?;
    let result = judge(&halves, thresholds::best_threshold(&halves)?, CurveRecords::All, terms)?;
    Ok(AttackResult { reversed, ..result })
}

/// The curve that an attack's AUC, TPR and TNR are of.
///
/// # Errors
/// As [`Roc::new`].
pub fn curve(halves: &Halves, records: CurveRecords) -> Result<Roc> {
    let scored = Roc::new(&halves.scored_members, &halves.scored_nonmembers)?;
    Ok(match records {
        CurveRecords::All => scored.merged(&Roc::new(&halves.known_members, &halves.known_nonmembers)?),
        CurveRecords::Scored => scored,
    })
}

/// The same of a group of the records, of whom the known half may have none; the scored half has both kinds.
///
/// # Errors
/// As [`Roc::new`].
pub fn curve_of_group(halves: &Halves, records: CurveRecords) -> Result<Roc> {
    match records {
        CurveRecords::All => Roc::new(
            &[halves.scored_members.as_slice(), &halves.known_members].concat(),
            &[halves.scored_nonmembers.as_slice(), &halves.known_nonmembers].concat(),
        ),
        CurveRecords::Scored => Roc::new(&halves.scored_members, &halves.scored_nonmembers),
    }
}

/// ½(TPR + TNR) of the rule "member where score ≥ `threshold`" on the scored half.
///
/// # Errors
/// As [`Roc::new`].
pub fn accuracy(halves: &Halves, threshold: f64) -> Result<f64> {
    let roc = Roc::new(&halves.scored_members, &halves.scored_nonmembers)?;
    let (accepted, accused) = roc.accepted(threshold);
    Ok(balanced(accepted, roc.members(), roc.nonmembers() - accused, roc.nonmembers()))
}

/// ½(accepted / m + rejected / n), over one denominator, so that 0.7 is 0.7: the rates apart would be rounded
/// three times.
fn balanced(accepted: usize, m: usize, rejected: usize, n: usize) -> f64 {
    (accepted as u128 * n as u128 + rejected as u128 * m as u128) as f64 / (2.0 * m as f64 * n as f64)
}

/// All metrics of the rule "member where score ≥ `threshold`" and of the scores' curve on `records`.
///
/// # Errors
/// As [`Roc::new`].
pub fn judge(halves: &Halves, threshold: f64, records: CurveRecords, terms: &Terms) -> Result<AttackResult> {
    let known = Roc::new(&halves.known_members, &halves.known_nonmembers)?;
    let scored = Roc::new(&halves.scored_members, &halves.scored_nonmembers)?;
    let curve = match records {
        CurveRecords::All => &scored.merged(&known),
        CurveRecords::Scored => &scored,
    };
    let mirrored = curve.mirrored();
    let (m, n) = (scored.members(), scored.nonmembers());
    let (accepted, accused) = scored.accepted(threshold);
    let rejected = n - accused;
    let accuracy = balanced(accepted, m, rejected, n);
    let accuracy_ci95 = intervals::balanced_accuracy(accepted, m, rejected, n);
    let precision = || {
        let (right, wrong) = (accepted as f64 / m as f64, accused as f64 / n as f64);
        terms.base_rate * right / (terms.base_rate * right + (1.0 - terms.base_rate) * wrong)
    };
    let accuses = accepted + accused > 0;
    Ok(AttackResult {
        accuracy,
        advantage: 2.0 * accuracy - 1.0,
        auc: curve.auc(),
        tpr: TprAtFpr::at_each_level(|alpha| curve.tpr_at_fpr(alpha)),
        tnr: TnrAtFnr::at_each_level(|alpha| mirrored.tpr_at_fpr(alpha)),
        precision: accuses.then(precision),
        epsilon_lower_bound: Some(epsilon::lower_bound(&known, &scored, terms.delta)),
        ci95: Intervals {
            accuracy: accuracy_ci95,
            advantage: accuracy_ci95.map(|end| 2.0 * end - 1.0),
            auc: intervals::auc(curve),
            tpr: TprAtFpr::at_each_level(|alpha| operating_point::tpr_at_fpr(curve, alpha)),
            tnr: TnrAtFnr::at_each_level(|alpha| operating_point::tpr_at_fpr(&mirrored, alpha)),
            precision: accuses.then(|| intervals::precision(accepted, m, accused, n, terms.base_rate)),
        },
        members: m,
        nonmembers: n,
        curve_members: curve.members(),
        curve_nonmembers: curve.nonmembers(),
        reversed: false,
        trained: None,
        note: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Stream, normal, stream};
    use crate::statistics::thresholds::per_class;

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
        assert_eq!(result.not_resolvable(), "not resolvable with 4 non-members");
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
        // 95% ± three standard errors of 400 runs is 0.917 to 0.983; of a rate at ten false positives,
        // whose threshold is estimated too, a little less is asked.
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
        let shifted = per_class(&halves, &labels).unwrap();
        let own = judge(&shifted, 0.0, CurveRecords::Scored, &terms(0)).unwrap();
        assert_eq!((own.accuracy, own.auc), (1.0, 1.0));
    }

    #[test]
    fn the_json_has_the_names_of_the_summary() {
        let mut noted = AttackResult {
            tpr: TprAtFpr { at_0_01: Some(0.25), ..TprAtFpr::default() },
            precision: Some(0.5),
            ..AttackResult::default()
        };
        let text = serde_json::to_string(&noted).unwrap();
        let keys: Vec<String> = serde_json::from_str::<serde_json::Map<_, _>>(&text)
            .unwrap()
            .into_iter()
            .map(|(k, _)| k)
            .collect();
        let expected = "accuracy advantage auc ci95 curve_members curve_nonmembers epsilon_lower_bound \
                        members nonmembers precision reversed \
                        tnr_at_fnr_0.0001 tnr_at_fnr_0.001 tnr_at_fnr_0.01 \
                        tpr_at_fpr_0.0001 tpr_at_fpr_0.001 tpr_at_fpr_0.01";
        assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
        assert!(text.contains(r#""tpr_at_fpr_0.001":null,"tpr_at_fpr_0.01":0.25,"#), "{text}");
        noted.remark("one");
        noted.remark("two");
        assert_eq!(noted.note.as_deref(), Some("one; two"));
        let back: AttackResult = serde_json::from_str(&serde_json::to_string(&noted).unwrap()).unwrap();
        assert_eq!(back, noted);
    }
}
