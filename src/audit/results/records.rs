//! What is found of single records: every attack's score and word on each, and the record's risk.
//!
//! Not what the attacks achieved ([`super::summary`]). Here stand the rows of persons: nothing of it is part
//! of `summary.json` and `details.json`.

use crate::audit::attacks;
use crate::audit::attacks::scored::Scored;
use crate::audit::evidence::Evidence;
use crate::error::Result;
use crate::statistics::calibration::{self, Risk};

/// The records on which one model was attacked.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaScores {
    /// Members of D, then test records.
    pub on_members: RecordsFound,
    /// Records of D′, then test records; `None` where that was not attacked.
    pub on_reference: Option<RecordsFound>,
}

/// N records, the members first, and what the attacks say of them.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordsFound {
    /// \[N\]: the records' numbers in the data set or the file.
    pub rows: Vec<u32>,
    /// \[N\]: their names, where they have some.
    pub ids: Option<Vec<String>>,
    /// \[N\]: the persons they are of, where these are told apart.
    pub persons: Option<Vec<String>>,
    /// \[N\], each under C.
    pub labels: Vec<u32>,
    /// \[C\]: the classes' names.
    pub classes: Vec<String>,
    /// How many of the N are members.
    pub members: usize,
    /// \[N\]: whether the attacker knows the record's membership.
    pub known: Vec<bool>,
    /// The attack whose scores tell the risks: the strongest.
    pub risk_attack: Option<String>,
    /// \[N\]; `None` where it cannot be told.
    pub risks: Vec<Option<Risk>>,
    /// Every attack's scores and threshold, in the order of the results.
    pub attacks: Vec<JudgedBy>,
}

/// What one attack says of the records.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedBy {
    /// The attack's.
    pub name: String,
    /// \[N\]: higher = more member-like; NaN: it does not judge the record.
    pub scores: Vec<f64>,
    /// It says "member" of a score of at least this.
    pub threshold: f64,
}

impl JudgedBy {
    /// Whether it says that record `i` is a member; `None` where it does not judge it.
    pub fn says_member(&self, i: usize) -> Option<bool> {
        Some(self.scores[i]).filter(|score| !score.is_nan()).map(|score| score >= self.threshold)
    }
}

/// How many attacks say that a record is a member, of those that judge it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// Attacks that say "member".
    pub members: usize,
    /// Attacks that judge the record.
    pub attacks: usize,
}

impl RecordsFound {
    /// Of the attacks on `evidence`; the scores of `strongest` tell the risks.
    ///
    /// # Errors
    /// A score that is NaN.
    pub fn new(
        evidence: &Evidence,
        classes: &[String],
        scored: &[Scored],
        strongest: Option<&str>,
    ) -> Result<Self> {
        let n = evidence.labels.len();
        let mut known = vec![false; n];
        evidence.halves.known_members.iter().for_each(|&i| known[i as usize] = true);
        evidence.halves.known_nonmembers.iter().for_each(|&i| known[evidence.members + i as usize] = true);
        let mut attacks: Vec<JudgedBy> = scored.iter().map(|attack| judged(attack, evidence)).collect();
        in_order(&mut attacks);
        let risk_attack = attacks.iter().position(|attack| Some(attack.name.as_str()) == strongest);
        let risks = match risk_attack {
            Some(attack) => risks(&attacks[attack], evidence, &known)?,
            None => vec![None; n],
        };
        Ok(RecordsFound {
            rows: evidence.rows.clone(),
            ids: evidence.ids.clone(),
            persons: evidence.persons.as_ref().map(|persons| persons.names_of_records()),
            labels: evidence.labels.clone(),
            classes: classes.to_vec(),
            members: evidence.members,
            known,
            risk_attack: risk_attack.map(|attack| attacks[attack].name.clone()),
            risks,
            attacks,
        })
    }

    /// The class of record `i`, by name.
    pub fn class(&self, i: usize) -> String {
        let label = self.labels[i];
        self.classes.get(label as usize).filter(|name| !name.is_empty()).cloned().unwrap_or(label.to_string())
    }

    /// What the attacks say of record `i`.
    pub fn agreement(&self, i: usize) -> Agreement {
        let said = || self.attacks.iter().filter_map(|attack| attack.says_member(i));
        Agreement { members: said().filter(|&member| member).count(), attacks: said().count() }
    }

    /// The members with the highest risks, `most` at most, records known to the attacker included: he knows
    /// them because they are exposed otherwise, the model exposes them all the same. Of equal risks the one of
    /// which more attacks say that it is a member, then the higher score, then the lower row first.
    pub fn most_exposed(&self, most: usize) -> Vec<usize> {
        let score = self.attacks.iter().find(|attack| Some(&attack.name) == self.risk_attack.as_ref());
        let score = |i: usize| score.map_or(0.0, |attack| attack.scores[i]);
        let told = (0..self.members)
            .filter_map(|i| self.risks[i].map(|risk| (i, risk.value, self.agreement(i).members, score(i))));
        let mut told: Vec<_> = told.collect();
        told.sort_by(|a, b| {
            b.1.total_cmp(&a.1)
                .then_with(|| b.2.cmp(&a.2))
                .then_with(|| b.3.total_cmp(&a.3))
                .then_with(|| self.rows[a.0].cmp(&self.rows[b.0]))
        });
        told.into_iter().take(most).map(|(i, ..)| i).collect()
    }
}

/// Sorts attacks as [`attacks::ALL`] has them.
pub(super) fn in_order(judged: &mut [JudgedBy]) {
    let place = |name: &str| attacks::ALL.iter().position(|attack| attack.name == name);
    judged.sort_by_key(|attack| place(&attack.name).unwrap_or(usize::MAX));
}

/// The scores of `attack`, a place for each record of `evidence`.
fn judged(attack: &Scored, evidence: &Evidence) -> JudgedBy {
    let mut scores = vec![f64::NAN; evidence.labels.len()];
    let (records, found) = (&attack.records, &attack.scores);
    for (shift, places, values) in [
        (0, &records.known_members, &found.known_members),
        (0, &records.scored_members, &found.scored_members),
        (evidence.members, &records.known_nonmembers, &found.known_nonmembers),
        (evidence.members, &records.scored_nonmembers, &found.scored_nonmembers),
    ] {
        places.iter().zip(values).for_each(|(&place, &value)| scores[shift + place as usize] = value);
    }
    JudgedBy { name: attack.name.clone(), scores, threshold: attack.threshold }
}

/// The risk of each record that the attack judges, taught by others' memberships alone
/// ([`calibration::cross_fit`]). The scores of an attack that learns were learnt from the known records: they
/// say of those what it was told, so they neither teach nor are told.
fn risks(attack: &JudgedBy, evidence: &Evidence, known: &[bool]) -> Result<Vec<Option<Risk>>> {
    let learns = attacks::find(&attack.name).is_some_and(|attack| attack.learns);
    let honest = |i: usize| !(attack.scores[i].is_nan() || learns && known[i]);
    let members: Vec<usize> = (0..evidence.members).filter(|&i| honest(i)).collect();
    let others: Vec<usize> = (evidence.members..known.len()).filter(|&i| honest(i)).collect();
    let scores = [&members, &others].map(|of| of.iter().map(|&i| attack.scores[i]).collect::<Vec<f64>>());
    let units = [&members, &others].map(|of| match &evidence.persons {
        Some(persons) => of.iter().map(|&i| persons.of_record(i)).collect(),
        None => (0..of.len() as u32).collect::<Vec<u32>>(),
    });
    let told = calibration::cross_fit([&scores[0], &scores[1]], [&units[0], &units[1]])?;
    let mut risks = vec![None; known.len()];
    for (places, told) in [(members, &told[0]), (others, &told[1])] {
        places.into_iter().zip(told).for_each(|(place, &risk)| risks[place] = Some(risk));
    }
    Ok(risks)
}
