//! What shadow models' numbers are: outputs, or a number a record; and whether they can be what they are said
//! to be.
//!
//! Not their reading (`shadows`).

use crate::audit::outputs::{OutputForm, OutputSlice};
use crate::audit::shadows::Shadows;
use crate::error::{Error, Result};

/// What the numbers of an array of shadow models' are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowValues {
    /// \[M, N, C\].
    Logits,
    /// \[M, N, C\].
    Probabilities,
    /// φ = log p_y − log(1 − p_y), \[M, N\].
    Phi,
    /// The cross-entropy −log p_y, \[M, N\].
    Loss,
    /// log p_y, \[M, N\].
    LogConfidence,
    /// p_y, \[M, N\].
    Confidence,
}

impl ShadowValues {
    /// With the names that the flag has for them.
    pub const ALL: [(&'static str, ShadowValues); 6] = [
        ("logits", ShadowValues::Logits),
        ("probabilities", ShadowValues::Probabilities),
        ("phi", ShadowValues::Phi),
        ("loss", ShadowValues::Loss),
        ("log-p", ShadowValues::LogConfidence),
        ("p", ShadowValues::Confidence),
    ];

    /// What outputs they are; `None` of a number a record.
    pub(super) fn form(self) -> Option<OutputForm> {
        match self {
            ShadowValues::Logits => Some(OutputForm::Logits),
            ShadowValues::Probabilities => Some(OutputForm::Probabilities),
            _ => None,
        }
    }

    /// φ of a number that is one a record's; of outputs, the number itself.
    pub(super) fn phi(self, value: f64) -> f64 {
        // log(1 − e^x) for x ≤ 0.
        let of_log = |log_p: f64| log_p - (-log_p.exp_m1()).ln();
        match self {
            ShadowValues::Loss => of_log(-value),
            ShadowValues::LogConfidence => of_log(value),
            ShadowValues::Confidence => value.ln() - (-value).ln_1p(),
            ShadowValues::Phi | ShadowValues::Logits | ShadowValues::Probabilities => value,
        }
    }

    /// Whether a number can be one of these; rounding takes some past the end.
    fn allows(self, value: f64) -> bool {
        const ROUNDING: f64 = 1e-5;
        match self {
            ShadowValues::Loss => value >= -ROUNDING,
            ShadowValues::LogConfidence => value <= ROUNDING,
            ShadowValues::Confidence | ShadowValues::Probabilities => {
                (-ROUNDING..=1.0 + ROUNDING).contains(&value)
            }
            ShadowValues::Phi | ShadowValues::Logits => true,
        }
    }

    /// The number without what rounding took it past the end.
    pub(super) fn clamped(self, value: f64) -> f64 {
        match self {
            ShadowValues::Loss => value.max(0.0),
            ShadowValues::LogConfidence => value.min(0.0),
            ShadowValues::Confidence | ShadowValues::Probabilities => value.clamp(0.0, 1.0),
            ShadowValues::Phi | ShadowValues::Logits => value,
        }
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, values)| *values == self).map_or("", |(name, _)| name)
    }

    fn words(self) -> &'static str {
        match self {
            ShadowValues::Logits => "logits",
            ShadowValues::Probabilities => "probabilities",
            ShadowValues::Phi => "φ, the logit of the label's probability",
            ShadowValues::Loss => "losses",
            ShadowValues::LogConfidence => "logarithms of the label's probability",
            ShadowValues::Confidence => "the label's probability",
        }
    }
}

/// The φ of a target, to hold shadow models' numbers against.
#[derive(Debug, Clone, Copy)]
pub(super) struct TargetScale {
    least: f64,
    largest: f64,
}

impl TargetScale {
    pub(super) fn of(phi: &[f64]) -> Self {
        let finite = || phi.iter().copied().filter(|phi| phi.is_finite());
        TargetScale {
            least: finite().fold(f64::INFINITY, f64::min),
            largest: finite().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// Whether one model's numbers \[N, A\] or \[N, A, C\], `width` of them a record, can be what they are said
/// to be; by the target's `scale` where no person said it.
///
/// # Errors
/// A NaN or an infinite number (−∞ is a logit), by model and record; numbers that are plainly something else.
pub(super) fn check(
    values: OutputSlice,
    classes: usize,
    width: usize,
    said: ShadowValues,
    scale: Option<TargetScale>,
    model: usize,
    place: &str,
) -> Result<()> {
    let infinite = |v: f64| v.is_infinite() && !(said == ShadowValues::Logits && v < 0.0);
    let at = |at: usize| format!("{place}, shadow model {model}, record {}", at / width);
    if let Some(bad) = values.position(|v| v.is_nan() || infinite(v)) {
        return Err(Error::data(at(bad))
            .expected("a finite number")
            .found(values.at(bad).to_string())
            .advice(
                "models and records count from 0; leave this model out, or repair what it made of the record",
            ));
    }
    if let Some(bad) = values.position(|v| !said.allows(v)) {
        return Err(Error::data(at(bad))
            .expected(said.words())
            .found(values.at(bad).to_string())
            .advice(flag(&ShadowValues::ALL.map(|(_, values)| values))));
    }
    let seems = |what: ShadowValues| {
        Err(Error::data(format!("{place}, shadow model {model}"))
            .expected(said.words())
            .found(format!("numbers that look like {}", what.words()))
            .advice(flag(&[what, said])))
    };
    // A person who says what they are knows.
    let Some(scale) = scale else { return Ok(()) };
    let probabilities = values.position(|v| !ShadowValues::Confidence.allows(v)).is_none();
    match said {
        ShadowValues::Logits if probabilities && sum_to_one(values, classes) => {
            seems(ShadowValues::Probabilities)
        }
        // φ of all records between 0 and 1 would be a coincidence, but of a target whose φ are so.
        ShadowValues::Phi if probabilities && !(scale.least >= 0.0 && scale.largest <= 1.0) => {
            seems(ShadowValues::Confidence)
        }
        ShadowValues::Phi
            if scale.largest > 0.5
                && values.position(|v| !ShadowValues::LogConfidence.allows(v)).is_none() =>
        {
            seems(ShadowValues::LogConfidence)
        }
        _ => Ok(()),
    }
}

/// Whether the numbers of each record and copy sum to 1.
fn sum_to_one(values: OutputSlice, classes: usize) -> bool {
    let mut row = vec![0.0; classes];
    (0..values.len()).step_by(classes).all(|first| {
        values.copy_to(first, &mut row);
        (row.iter().sum::<f64>() - 1.0).abs() < 1e-2
    })
}

fn flag(values: &[ShadowValues]) -> String {
    let flags: Vec<String> = values.iter().map(|v| format!("--shadow-values {}", v.name())).collect();
    format!("say what they are: {}", flags.join(" or "))
}

/// Whether shadow models' φ are the right way round: on a record they are surer after they were trained on
/// it, and those records are easy for them that are easy for the target.
///
/// # Errors
/// The contrary of either is beyond chance.
pub(super) fn check_direction(shadows: &Shadows, place: &str, said: ShadowValues) -> Result<()> {
    /// Standard errors: as in one of 30,000 arrays that say nothing.
    const BEYOND_CHANCE: f64 = 4.0;
    let moments = &shadows.moments.phi;
    let pairs = moments.with.iter().zip(&moments.without).filter(|(w, o)| w.count > 0.0 && o.count > 0.0);
    // By signs: some φ are far out.
    let (mut surer, mut differ) = (0.0, 0.0);
    for (with, without) in pairs {
        surer += f64::from(u8::from(with.mean > without.mean));
        differ += f64::from(u8::from(with.mean != without.mean));
    }
    let gain = (surer - 0.5 * differ) / (0.25 * f64::max(differ, 1.0)).sqrt();
    let (mut own, mut theirs) = (vec![], vec![]);
    for ((phi, with), without) in shadows.target.phi.iter().zip(&moments.with).zip(&moments.without) {
        let models = with.count + without.count;
        if models > 0.0 && phi.is_finite() {
            own.push(*phi);
            theirs.push((with.count * with.mean + without.count * without.mean) / models);
        }
    }
    let agreement = rank_correlation(&own, &theirs) * (own.len().max(1) as f64 - 1.0).sqrt();
    let error = |expected: &str, found: String| Err(Error::data(place).expected(expected).found(found));
    match (agreement < -BEYOND_CHANCE, gain < -BEYOND_CHANCE) {
        (true, _) => error(
            "shadow models to which the records are easy that are easy to the target",
            format!("{}, by which they are the hard ones", said.words()),
        )
        .map_err(|error: Error| {
            let other = match said {
                ShadowValues::Loss => vec![ShadowValues::Phi, ShadowValues::LogConfidence],
                _ => vec![ShadowValues::Loss],
            };
            error.advice(format!("if they are something else, {}", flag(&other)))
        }),
        (false, true) => error(
            "shadow models that are surer of the records that they were trained on",
            format!("{:.0} records of which they are less sure, of {differ}", differ - surer),
        )
        .map_err(|error: Error| {
            error.advice(
                "shadow_keep is to be 1 where a model was trained on the record: 1 - shadow_keep if it is 0",
            )
        }),
        (false, false) => Ok(()),
    }
}

/// Spearman's; equal numbers share the mean of their ranks.
fn rank_correlation(one: &[f64], other: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0.0; values.len()];
        let mut first = 0;
        for alike in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let rank = first as f64 + 0.5 * (alike.len() as f64 - 1.0);
            alike.iter().for_each(|&at| ranks[at] = rank);
            first += alike.len();
        }
        ranks
    };
    let middle = 0.5 * (one.len() as f64 - 1.0);
    let (a, b) = (ranks(one), ranks(other));
    let product =
        |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let size = (product(&a, &a) * product(&b, &b)).sqrt();
    if size > 0.0 { product(&a, &b) / size } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_record_gives_the_same_phi() {
        for p in [1e-12, 0.2, 0.5, 0.999, 1.0 - 1e-12] {
            let phi = f64::ln(p) - f64::ln_1p(-p);
            for found in [
                ShadowValues::Loss.phi(-p.ln()),
                ShadowValues::LogConfidence.phi(p.ln()),
                ShadowValues::Confidence.phi(p),
            ] {
                // What the logarithm of a p near 1 has lost.
                assert!((found - phi).abs() < 1e-3 * phi.abs().max(1.0), "{p}: {found} {phi}");
            }
        }
        assert_eq!(ShadowValues::Loss.phi(0.0), f64::INFINITY);
        assert_eq!(ShadowValues::Confidence.phi(0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn numbers_of_another_kind_are_named() {
        let scale = TargetScale::of(&[-3.0, 4.0]);
        let found = |values: &[f64], width, said| {
            check(OutputSlice::F64(values), width, width, said, Some(scale), 2, "f[shadow]")
                .err()
                .map(|e| e.to_string())
        };
        assert_eq!(found(&[0.5, 1.0, -2.0], 1, ShadowValues::Phi), None);
        let message = found(&[0.5, f64::NAN], 1, ShadowValues::Phi).unwrap();
        assert!(message.contains("shadow model 2, record 1") && message.contains("NaN"), "{message}");
        let message = found(&[0.5, 0.25], 1, ShadowValues::Phi).unwrap();
        assert!(message.contains("--shadow-values p"), "{message}");
        let message = found(&[-0.5, -0.25], 1, ShadowValues::Phi).unwrap();
        assert!(message.contains("--shadow-values log-p"), "{message}");
        let message = found(&[0.5, 0.5, 0.0, 1.0], 2, ShadowValues::Logits).unwrap();
        assert!(message.contains("--shadow-values probabilities"), "{message}");
        assert_eq!(found(&[0.5, 0.5, f64::NEG_INFINITY, 1.0], 2, ShadowValues::Logits), None);
        assert!(found(&[-0.5], 1, ShadowValues::Loss).unwrap().contains("record 0"));
    }

    #[test]
    fn ranks_correlate_by_hand() {
        assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[-5.0, 0.0, 0.5]), 1.0);
        assert_eq!(rank_correlation(&[1.0, 2.0, 9.0], &[3.0, 2.0, 1.0]), -1.0);
        assert_eq!(rank_correlation(&[1.0, 2.0], &[3.0, 3.0]), 0.0);
        // Ranks 0, ½, … : 1 and 2 are tied at 1½; Σ = (−1)(−1) + 0·0.5 + 1·0.5.
        let expected = 1.5 / (2.0f64 * 1.5).sqrt();
        assert!((rank_correlation(&[1.0, 2.0, 3.0], &[1.0, 2.0, 2.0]) - expected).abs() < 1e-15);
    }
}
