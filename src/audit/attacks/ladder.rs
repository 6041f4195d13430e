//! The ladder of the neural attack's control: how weak a leak its network would find on records like these.
//!
//! Not the signal that any trained network finds ([`super::neural::plant`]).

use super::neural::Lesson;
use super::scored::Scored;
use super::scores::confidence;
use crate::audit::evidence::Evidence;
use crate::audit::results::ladder::{PlantedSignal, RUNGS};
use crate::error::Result;
use crate::random::{Stream, normal, shuffle, stream};
use crate::statistics::halves::Halves;
use crate::statistics::intervals;
use crate::statistics::quantiles::normal_critical;

/// Confidences of one value have no scale: they are then spread over one nat.
const LEAST_SCALE: f64 = 1e-6;

/// Planted leaks: what to learn, and who counts as a member.
pub struct Planted {
    /// One for each of [`RUNGS`].
    pub lessons: Vec<Lesson>,
    /// Indices of records; "members" are drawn, whoever was a member.
    halves: Halves<u32>,
}

/// The planted leaks of [`RUNGS`]: membership is drawn anew within each half, so nothing real is left to
/// find, and φ is drawn from a normal distribution of the model's own middle and spread, for "members" shifted by d
/// standard deviations. No attack can have a larger AUC than Φ(d/√2).
pub fn planted(evidence: &Evidence) -> Planted {
    let [members, others] = evidence.predictions();
    let mut phi = [confidence(&members), confidence(&others)].concat();
    phi.retain(|phi| phi.is_finite());
    phi.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| phi.get((share * (phi.len().max(1) - 1) as f64) as usize).copied().unwrap_or(0.0);
    let spread = 0.5 * (at(0.841) - at(0.159));
    let (middle, spread) = (at(0.5), if spread > LEAST_SCALE { spread } else { 1.0 });
    let mut rng = stream(evidence.seed, Stream::Planted);
    let shift = evidence.members as u32;
    let mut drawn = |members: &[u32], others: &[u32]| {
        let mut all: Vec<u32> = members.iter().copied().chain(others.iter().map(|i| i + shift)).collect();
        shuffle(&mut all, &mut rng);
        let others = all.split_off(members.len());
        (all, others)
    };
    let own = &evidence.halves;
    let (known_members, known_nonmembers) = drawn(&own.known_members, &own.known_nonmembers);
    let (scored_members, scored_nonmembers) = drawn(&own.scored_members, &own.scored_nonmembers);
    let halves = Halves { known_members, known_nonmembers, scored_members, scored_nonmembers };
    let mut is_member = vec![false; evidence.labels.len()];
    [&halves.known_members, &halves.scored_members]
        .into_iter()
        .flatten()
        .for_each(|&i| is_member[i as usize] = true);
    let noise: Vec<f64> = (0..is_member.len()).map(|_| normal(&mut rng)).collect();
    let of_rung = |auc: &f64| {
        let d = std::f64::consts::SQRT_2 * normal_critical(1.0 - *auc);
        let mut lesson = Lesson::from(evidence);
        lesson.known = [halves.known_members.clone(), halves.known_nonmembers.clone()];
        let rows = lesson.outputs.chunks_exact_mut(evidence.classes).zip(&evidence.labels);
        for ((row, &label), (&member, noise)) in rows.zip(is_member.iter().zip(&noise)) {
            let phi = middle + spread * (noise + if member { d } else { 0.0 });
            set_phi(row, label as usize, phi);
        }
        lesson
    };
    Planted { lessons: RUNGS.iter().map(of_rung).collect(), halves }
}

/// Turns a row of logits into one in which the label has this φ and the other classes keep their shares.
fn set_phi(row: &mut [f32], label: usize, phi: f64) {
    let others = || row.iter().enumerate().filter(|(c, _)| *c != label).map(|(_, z)| f64::from(*z));
    let top = others().fold(f64::NEG_INFINITY, f64::max);
    let lse = top + others().map(|z| (z - top).exp()).sum::<f64>().ln();
    // φ = z_y − lse of the others.
    for (c, z) in row.iter_mut().enumerate() {
        *z = if c == label { phi as f32 } else { (f64::from(*z) - lse) as f32 };
    }
}

impl Planted {
    /// What a network made of the leak that the best attack finds with this AUC: `scores` `[N]`.
    ///
    /// # Errors
    /// As [`Scored::new`].
    pub fn found(&self, auc: f64, scores: &[f64]) -> Result<PlantedSignal> {
        let scored = Scored { learns: true, ..Scored::new("planted", &self.halves, scores, scores)? };
        let curve = scored.curve()?;
        let found = !scored.reversed && intervals::auc(&curve)[0] > 0.5;
        Ok(PlantedSignal { auc, found_auc: curve.auc(), found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_gets_the_confidence_and_the_others_keep_their_shares() {
        let mut row = [-1.5f32, 0.5, -1.5];
        set_phi(&mut row, 1, 3.0);
        let predictions = super::super::scores::Predictions::from_logits(&row[..], 3, &[1]).unwrap();
        assert!((confidence(&predictions)[0] - 3.0).abs() < 1e-6);
        assert_eq!(row[0], row[2]);
    }
}
