//! `scores.npz`: every record's score under every attack, and its risk.
//!
//! Not what the attacks achieved ([`super::summary`]). For replica r, over the members of D and then the test
//! records: `rows_r` \[N\] i64, `member_r` \[N\] u8, `known_r` \[N\] u8 (1: the attacker knows it, and no
//! reported number is from it), `risk_r` \[N\] f64 ([`crate::statistics::calibration`], under the strongest
//! attack), `score_ATTACK_r` \[N\] f64 (higher = more member-like; NaN: that attack does not judge the
//! record).

use std::path::Path;

use crate::audit::attacks::scored::Scored;
use crate::audit::evidence::Evidence;
use crate::dataset::npz;
use crate::error::Result;
use crate::statistics::calibration::Calibration;

/// One replica's scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaScores {
    /// \[N\]: members, then test records.
    rows: Vec<i64>,
    members: usize,
    known: Vec<u8>,
    risk: Vec<f64>,
    /// By attack, \[N\].
    scores: Vec<(String, Vec<f64>)>,
}

impl ReplicaScores {
    /// Of the attacks on `evidence`; `strongest` gives the risk.
    ///
    /// # Errors
    /// A score that is NaN.
    pub fn new(evidence: &Evidence, attacks: &[Scored], strongest: Option<&str>) -> Result<Self> {
        let (n, members) = (evidence.labels.len(), evidence.members);
        let spread = |attack: &Scored| -> Vec<f64> {
            let mut scores = vec![f64::NAN; n];
            let (records, found) = (&attack.records, &attack.scores);
            for (shift, places, values) in [
                (0, &records.known_members, &found.known_members),
                (0, &records.scored_members, &found.scored_members),
                (members, &records.known_nonmembers, &found.known_nonmembers),
                (members, &records.scored_nonmembers, &found.scored_nonmembers),
            ] {
                places.iter().zip(values).for_each(|(&place, &value)| scores[shift + place as usize] = value);
            }
            scores
        };
        let mut known = vec![0; n];
        evidence.halves.known_members.iter().for_each(|&i| known[i as usize] = 1);
        evidence.halves.known_nonmembers.iter().for_each(|&i| known[members + i as usize] = 1);
        let scores: Vec<(String, Vec<f64>)> =
            attacks.iter().map(|attack| (attack.name.clone(), spread(attack))).collect();
        let mut risk = vec![f64::NAN; n];
        if let Some(place) = attacks.iter().position(|attack| Some(attack.name.as_str()) == strongest) {
            let found = &attacks[place].scores;
            let calibration = Calibration::new(&found.known_members, &found.known_nonmembers)?;
            for (risk, &score) in risk.iter_mut().zip(&scores[place].1).filter(|(_, score)| !score.is_nan()) {
                *risk = calibration.probability(score);
            }
        }
        Ok(ReplicaScores {
            rows: evidence.rows.iter().map(|&row| row.into()).collect(),
            members,
            known,
            risk,
            scores,
        })
    }
}

/// Writes the scores of R replicas.
///
/// # Errors
/// The file system's.
pub fn save(path: &Path, replicas: &[ReplicaScores]) -> Result<()> {
    npz::save(path, |writer| {
        for (r, replica) in replicas.iter().enumerate() {
            let n = replica.rows.len();
            let member: Vec<u8> = (0..n).map(|i| u8::from(i < replica.members)).collect();
            writer.write(&format!("rows_{r}"), &[n], &replica.rows)?;
            writer.write(&format!("member_{r}"), &[n], &member)?;
            writer.write(&format!("known_{r}"), &[n], &replica.known)?;
            writer.write(&format!("risk_{r}"), &[n], &replica.risk)?;
            for (attack, scores) in &replica.scores {
                writer.write(&format!("score_{attack}_{r}"), &[n], scores)?;
            }
        }
        Ok(())
    })
}
