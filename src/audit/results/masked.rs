//! Attacks that do worse than knowing whether the predicted label is right: their confidences were masked.
//!
//! Not attacks that did not train, nor weak ones: an attack with a few wrong thresholds may do worse by
//! chance.

use super::attacks::Attacks;
use crate::audit::attacks;
use crate::audit::attacks::attack::Need;
use crate::audit::attacks::scored::Scored;
use crate::statistics::halves::Halves;
use crate::statistics::intervals::TAIL;
use crate::statistics::judgment::AttackResult;
use crate::statistics::paired::{Pairs, lower_by_chance};

/// The attack by the predicted label alone.
const FLOOR: &str = "gap";

const REMARK: &str = "below the gap attack: confidences are masked, the leak is not gone";

/// Whether [`flag`] has remarked on this attack.
pub fn is_masked(result: &AttackResult) -> bool {
    result.note.as_ref().is_some_and(|note| note.split("; ").any(|remark| remark == REMARK))
}

/// Whether an attack of this `accuracy`, which sees the label, finds less than the floor's interval leaves to chance:
/// one of another protocol, whose records do not pair with those of `attacks`.
pub fn is_below_floor(accuracy: f64, attacks: &Attacks) -> bool {
    attacks.get(FLOOR).is_some_and(|gap| gap.ci95.accuracy[0] > accuracy.max(0.5))
}

/// Remarks on every attack of `attacks` that reads confidences, sees the label and is below the gap attack beyond
/// chance: such an attack was misled, which is no evidence of privacy.
///
/// The entropy's score does not know whether the model is right, whatever thresholds it has; a comparison with
/// shadow models takes away what makes a record easy; perturbed copies show labels alone. All three stay below
/// the gap attack on ordinary models, and mean nothing by it.
///
/// Beyond chance: the paired difference on the scored half is one that comes by chance in 2.5% of audits at
/// most, whichever of the K attacks is looked at (Bonferroni); and on the known half too, where the attack's
/// thresholds are the best with hindsight, they do not reach the gap attack. Without the second an attack
/// that only chose its thresholds badly, as with few records a class, would be accused.
pub fn flag(scored: &[Scored], attacks: &mut Attacks) {
    let Some(gap) = scored.iter().find(|attack| attack.name == FLOOR) else { return };
    // A gap attack that is no better than guessing is no floor: nothing can be far below it. And a score that
    // is turned round, right where the model is wrong, is no label.
    if gap.reversed || attacks.get(FLOOR).is_none_or(|gap| gap.ci95.accuracy[0] <= 0.5) {
        return;
    }
    let compared: Vec<&Scored> =
        scored.iter().filter(|attack| attack.name != FLOOR && reads_confidence(attack)).collect();
    for attack in &compared {
        let [known, scored] = pairs(attack, gap);
        let (on_known, _) = lower_by_chance(&known[0], &known[1]);
        let (_, chance) = lower_by_chance(&scored[0], &scored[1]);
        if on_known < 0.0
            && chance < TAIL / compared.len() as f64
            && let Some(result) = attacks.get_mut(&attack.name)
        {
            result.remark(REMARK);
        }
    }
}

/// Remarks on the neural attack where a threshold on a score beats it beyond chance on the same records: the
/// paired difference is one that comes by chance in 2.5% of audits at most, whichever of the thresholds is
/// looked at (Bonferroni).
pub fn flag_beaten(scored: &[Scored], attacks: &mut Attacks) {
    let Some(neural) = scored.iter().find(|attack| attack.name == "neural") else { return };
    let by_threshold = |attack: &&Scored| {
        attacks::find(&attack.name).is_some_and(|attack| attack.needs.is_empty() && attack.name != FLOOR)
    };
    let thresholds: Vec<&Scored> = scored.iter().filter(by_threshold).collect();
    let beats = |attack: &&&Scored| {
        let [_, [members, nonmembers]] = pairs(neural, attack);
        lower_by_chance(&members, &nonmembers).1 < TAIL / thresholds.len() as f64
    };
    let accuracy = |name: &str| attacks.get(name).map_or(0.0, |result| result.accuracy);
    let best = thresholds
        .iter()
        .filter(beats)
        .max_by(|a, b| accuracy(&a.name).total_cmp(&accuracy(&b.name)))
        .map(|attack| (attacks::title(&attack.name), accuracy(&attack.name)));
    if let (Some((title, accuracy)), Some(result)) = (best, attacks.get_mut("neural")) {
        result.remark(&format!(
            "beaten beyond chance by {title} ({accuracy:.3}): the network learnt too little. Judge the model by \
             the stronger attack, or train the network for more epochs (audit.epochs)"
        ));
    }
}

/// Whether its score is of the label and of this model's confidences, and nothing else.
fn reads_confidence(attack: &Scored) -> bool {
    let by_outputs = |attack: &attacks::attack::MembershipAttack| {
        attack.sees_label && attack.needs.iter().all(|need| *need == Need::Gpu)
    };
    attacks::find(&attack.name).is_some_and(by_outputs)
}

/// Of the known and of the scored half the members and the non-members that both attacks judge, by who is
/// right.
fn pairs(attack: &Scored, gap: &Scored) -> [[Pairs; 2]; 2] {
    let sides = |attack: &Scored| -> [[Vec<(u32, bool)>; 2]; 2] {
        let accepted = |records: &[u32], scores: &[f64], member: bool| {
            records.iter().zip(scores).map(|(&i, &s)| (i, (s >= attack.threshold) == member)).collect()
        };
        let (at, of): (&Halves<u32>, &Halves) = (&attack.records, &attack.scores);
        [
            [
                accepted(&at.known_members, &of.known_members, true),
                accepted(&at.known_nonmembers, &of.known_nonmembers, false),
            ],
            [
                accepted(&at.scored_members, &of.scored_members, true),
                accepted(&at.scored_nonmembers, &of.scored_nonmembers, false),
            ],
        ]
    };
    let (first, second) = (sides(attack), sides(gap));
    std::array::from_fn(|half| {
        std::array::from_fn(|kind| {
            let mut pairs = Pairs::default();
            let mut floor = second[half][kind].iter().peekable();
            // Records are in ascending order, and an attack may judge fewer of them.
            for &(record, right) in &first[half][kind] {
                while floor.next_if(|(other, _)| *other < record).is_some() {}
                if let Some((_, floor_is_right)) = floor.next_if(|(other, _)| *other == record) {
                    pairs.add(right, *floor_is_right);
                }
            }
            pairs
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::attacks::all_results;
    use super::*;
    use crate::random::{Stream, stream, uniform};
    use crate::statistics::judgment::Terms;

    /// 500 of each kind: the model is right on 90% of the members and on half of the others.
    fn scored(name: &str, score: impl Fn(bool, f64, f64) -> f64, seed: u64) -> Scored {
        let mut rng = stream(seed, Stream::Audit);
        let mut draw = |right: f64| -> Vec<f64> {
            // The same records for every attack: `seed` draws whether they are right, and a number beside.
            (0..500).map(|_| score(uniform(&mut rng) < right, uniform(&mut rng), right)).collect()
        };
        let (members, others) = (draw(0.9), draw(0.5));
        Scored::new(name, &Halves::split(500, 500, 3).unwrap(), &members, &others).unwrap()
    }

    fn flagged(scored: &[Scored]) -> Vec<String> {
        let terms = Terms { seed: 0, base_rate: 0.1, delta: 1e-5 };
        let mut attacks = all_results(scored, &terms).unwrap();
        flag(scored, &mut attacks);
        attacks.into_iter().filter(|(_, result)| result.note.is_some()).map(|(name, _)| name).collect()
    }

    fn gap(right: bool, _: f64, _: f64) -> f64 {
        f64::from(u8::from(right))
    }

    #[test]
    fn an_attack_of_another_protocol_is_below_the_floor_s_interval_or_is_not() {
        let floor = |low: f64| {
            let mut gap = AttackResult { accuracy: low + 0.01, ..AttackResult::default() };
            gap.ci95.accuracy = [low, low + 0.02];
            Attacks::from([(FLOOR.to_owned(), gap)])
        };
        assert!(is_below_floor(0.509, &floor(0.538)));
        assert!(!is_below_floor(0.54, &floor(0.538)));
        // A floor that may be at guessing's height is none.
        assert!(!is_below_floor(0.48, &floor(0.495)));
        assert!(!is_below_floor(0.48, &Attacks::new()));
    }

    #[test]
    fn masked_confidences_are_flagged_and_worse_thresholds_are_not() {
        // Noise alone: far below the gap attack. Of these two read confidences and see the label.
        let noise = |_: bool, noise: f64, _: f64| noise;
        let others = [
            "confidence",
            "entropy",
            "entropy_per_class",
            "neural",
            "label_only",
            "lira_offline",
            "rmia_offline",
        ];
        let mut found = vec![scored("gap", gap, 1)];
        found.extend(others.map(|name| scored(name, noise, 1)));
        assert_eq!(flagged(&found), ["confidence", "neural"]);
    }

    #[test]
    fn an_attack_as_good_as_the_gap_attack_is_seldom_accused() {
        // It accepts other records, and as many: 90% of the members and half of the others.
        let equal = |_: bool, noise: f64, rate: f64| f64::from(u8::from(noise < rate));
        let accused =
            |seed| !flagged(&[scored("gap", gap, seed), scored("confidence", equal, seed)]).is_empty();
        let found = (0..100).filter(|&seed| accused(seed)).count();
        // 2.5% at most; 7 of 100 are three standard deviations above.
        assert!(found <= 7, "{found} of 100");
    }

    #[test]
    fn thresholds_that_were_chosen_badly_are_no_mask() {
        let floor = scored("gap", gap, 1);
        // As good as the gap attack on the known half, and worse on the scored one.
        let mut learnt = Scored { name: "confidence_per_class".to_owned(), ..floor.clone() };
        learnt.scores.scored_members.iter_mut().step_by(3).for_each(|score| *score = 0.0);
        assert_eq!(flagged(&[floor.clone(), learnt.clone()]), [""; 0]);
        learnt.scores.known_members.iter_mut().step_by(3).for_each(|score| *score = 0.0);
        assert_eq!(flagged(&[floor, learnt]), ["confidence_per_class"]);
    }

    #[test]
    fn a_network_that_a_threshold_beats_is_flagged() {
        let better = |right: bool, noise: f64, _: f64| f64::from(u8::from(right)) + 0.1 * noise;
        let noise = |_: bool, noise: f64, _: f64| noise;
        let notes = |neural: Scored| {
            let scored = [scored("confidence", better, 1), neural];
            let terms = Terms { seed: 0, base_rate: 0.1, delta: 1e-5 };
            let mut attacks = all_results(&scored, &terms).unwrap();
            flag_beaten(&scored, &mut attacks);
            attacks["neural"].note.clone()
        };
        assert!(notes(scored("neural", noise, 2)).unwrap().starts_with("beaten beyond chance by confidence"));
        assert_eq!(notes(scored("neural", better, 1)), None);
    }

    #[test]
    fn only_records_that_both_judge_are_compared() {
        let floor = scored("gap", gap, 1);
        let mut fewer = Scored { name: "rmia_online".to_owned(), ..floor.clone() };
        let half: Vec<bool> = (0..500).map(|i| i % 2 == 0).collect();
        let every = |values: &[f64], records: &[u32]| -> Vec<f64> {
            values.iter().zip(records).filter(|(_, i)| *i % 2 == 0).map(|(v, _)| *v).collect()
        };
        fewer.scores = Halves {
            known_members: every(&fewer.scores.known_members, &fewer.records.known_members),
            known_nonmembers: every(&fewer.scores.known_nonmembers, &fewer.records.known_nonmembers),
            scored_members: every(&fewer.scores.scored_members, &fewer.records.scored_members),
            scored_nonmembers: every(&fewer.scores.scored_nonmembers, &fewer.records.scored_nonmembers),
        };
        fewer.records = fewer.records.filter(&half, &half);
        let [known, scored] = pairs(&fewer, &floor);
        assert_eq!(known[0].records, fewer.records.known_members.len());
        assert_eq!(scored[1].records, fewer.records.scored_nonmembers.len());
        assert!(known.iter().chain(&scored).all(|p| p.first_alone == 0 && p.second_alone == 0));
    }
}
