//! What an audit's numbers say of one model, in a sentence: the headline.
//!
//! Not the numbers. It reassures of nothing: where no leak is shown it says how large a one is not excluded, and
//! where a number beside it looks like one, or evidence is missing, that.

use super::labels::{metric, readable};
use crate::audit::results::attacks::{Attacks, most_accurate};
use crate::audit::results::notes::exposed_text;
use crate::audit::results::strongest::{Metric, Strongest};
use crate::audit::results::summary::ReplicaSummary;

/// What the attacks found of `replica`, without the full stop. Of persons where they are known: the records of one
/// person are not independent, so that intervals which count records accuse by chance.
pub(super) fn verdict(replica: &ReplicaSummary) -> String {
    let on_reference = ("records of D′", "other records", &replica.strongest_on_reference);
    let sets = match &replica.persons {
        Some(persons) => vec![(("members", "other persons", &persons.strongest), &persons.attacks)],
        None => vec![
            (("members", "other records", &replica.strongest), &replica.attacks),
            (on_reference, &replica.attacks_on_reference),
        ],
    };
    let mut leaks: Vec<String> = sets
        .iter()
        .filter_map(|((whose, others, found), attacks)| {
            Evidence::of(found.as_ref(), attacks)?.leak(whose, others)
        })
        .collect();
    if leaks.is_empty() && replica.persons.is_none() {
        let groups = replica.exposed_groups.iter().filter(|exposed| exposed.group.auc_ci95[0] > 0.5);
        leaks.extend(
            groups.map(|exposed| format!("members of {} are told from other records", exposed_text(exposed))),
        );
    }
    if !leaks.is_empty() {
        return leaks.join("; ");
    }
    let mut doubts = vec![];
    let of_persons = replica.persons.as_ref().map(|persons| ("persons", &persons.attacks));
    let of_members = of_persons.unwrap_or(("members", &replica.attacks));
    for (whose, attacks) in [of_members, ("records of D′", &replica.attacks_on_reference)] {
        if let Some((attack, what)) = alone_beyond_guessing(attacks) {
            doubts.push(format!("{attack} on {whose} {what}"));
        }
    }
    let untrained = replica.attacks.values().any(|attack| attack.trained == Some(false));
    if untrained || !replica.attack_trained {
        doubts.push("an attack network did not train".to_owned());
    }
    let Some(best) = sets.first().and_then(|((_, _, found), attacks)| Evidence::of(found.as_ref(), attacks))
    else {
        return "nothing is known: no attack was run".to_owned();
    };
    let found = format!("the strongest of these attacks, {}, is not above guessing", best.text());
    match doubts.is_empty() {
        true => {
            format!(
                "{found}: a leak of {:.3} is not excluded, nor what other attacks may find",
                best.not_excluded
            )
        }
        false => format!("inconclusive: {found}, but {}", doubts.join("; ")),
    }
}

/// The strongest number of one kind of records.
struct Evidence<'s> {
    attack: &'s str,
    metric: Metric,
    value: f64,
    ci95: [f64; 2],
    /// The largest number that some attack may truly reach.
    not_excluded: f64,
}

impl<'s> Evidence<'s> {
    /// With the interval that knows of the choice; in summaries before schema 3 the most accurate attack's own.
    fn of(found: Option<&'s Strongest>, attacks: &'s Attacks) -> Option<Self> {
        if let Some(Strongest { attack, metric, value, ci95, not_excluded, .. }) = found {
            let not_excluded = not_excluded.unwrap_or(ci95[1]);
            return Some(Evidence { attack, metric: *metric, value: *value, ci95: *ci95, not_excluded });
        }
        let (attack, result) = most_accurate(attacks)?;
        Some(Evidence {
            attack,
            metric: Metric::Accuracy,
            value: result.accuracy,
            ci95: result.ci95.accuracy,
            not_excluded: result.ci95.accuracy[1],
        })
    }

    fn text(&self) -> String {
        let name = match self.metric {
            Metric::Accuracy => metric("accuracy"),
            Metric::Auc => "AUC".to_owned(),
        };
        let [low, high] = self.ci95;
        format!("{} ({name} {:.3}, 95% interval {low:.3} to {high:.3})", readable(self.attack), self.value)
    }

    fn leak(&self, whose: &str, others: &str) -> Option<String> {
        let text = self.text();
        (self.ci95[0] > 0.5).then(|| format!("{text} tells {whose} from {others}; 0.5 is guessing"))
    }
}

/// The first attack that is beyond guessing by a number of its own, and by which.
fn alone_beyond_guessing(attacks: &Attacks) -> Option<(String, &'static str)> {
    attacks.iter().find_map(|(name, result)| {
        let (tpr, tnr) = (&result.ci95.tpr, &result.ci95.tnr);
        let rates = [(tpr.at_0_01, 0.01), (tpr.at_0_001, 0.001), (tnr.at_0_01, 0.01), (tnr.at_0_001, 0.001)];
        let rate_above = rates.iter().any(|(ends, guessing)| ends.is_some_and(|[low, _]| low > *guessing));
        // What was learnt on the known half is off on the other by what chance gave the one and not the other.
        let learns = result.curve_members == result.members;
        let what = if result.ci95.accuracy[0] > 0.5 || result.ci95.auc[0] > 0.5 || rate_above {
            "is above guessing by its own interval"
        } else if result.ci95.auc[1] < 0.5 && !learns {
            "is below guessing by its own interval: members may have the lower scores"
        } else if result.epsilon_lower_bound.is_some_and(|bound| bound > 0.0) {
            "shows an ε above 0 by its own bound"
        } else {
            return None;
        };
        Some((readable(name), what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::results::details::{ExposedGroup, WorstGroup};
    use crate::audit::results::per_person::PersonResults;
    use crate::audit::results::strongest::BestOfMetric;
    use crate::random::{Stream, chance, stream, uniform};
    use crate::statistics::judgment::{AttackResult, Intervals};

    fn result(accuracy: [f64; 3], auc: [f64; 3]) -> AttackResult {
        let ci95 =
            Intervals { accuracy: [accuracy[0], accuracy[2]], auc: [auc[0], auc[2]], ..Intervals::default() };
        AttackResult { accuracy: accuracy[1], auc: auc[1], ci95, ..AttackResult::default() }
    }

    fn found(attack: &str, metric: Metric, [low, value, high]: [f64; 3]) -> Strongest {
        let best = BestOfMetric { attack: attack.to_owned(), value, ci95: [low, high] };
        Strongest {
            attack: attack.to_owned(),
            metric,
            value,
            ci95: [low, high],
            not_excluded: Some(high),
            by_accuracy: best.clone(),
            by_auc: best,
            compared: 2,
            critical_value: 2.0,
            chosen: String::new(),
        }
    }

    #[test]
    fn a_leak_by_the_auc_alone_is_a_leak() {
        let guess = [0.45, 0.5, 0.55];
        let mut replica = ReplicaSummary {
            attack_trained: true,
            attacks: Attacks::from([("confidence".to_owned(), result(guess, [0.6, 0.7, 0.8]))]),
            strongest: Some(found("confidence", Metric::Auc, [0.58, 0.7, 0.8])),
            ..ReplicaSummary::default()
        };
        assert_eq!(
            verdict(&replica),
            "confidence (AUC 0.700, 95% interval 0.580 to 0.800) tells members from other records; 0.5 is guessing"
        );
        // Of D′ alone.
        replica.attacks = Attacks::from([("gap".to_owned(), result(guess, guess))]);
        replica.strongest = Some(found("gap", Metric::Accuracy, guess));
        replica.strongest_on_reference = Some(found("gap", Metric::Accuracy, [0.51, 0.6, 0.7]));
        assert!(verdict(&replica).contains("tells records of D′"), "{}", verdict(&replica));
        replica.strongest_on_reference = None;
        assert!(
            verdict(&replica).ends_with("a leak of 0.550 is not excluded, nor what other attacks may find")
        );
        replica.attack_trained = false;
        assert!(verdict(&replica).starts_with("inconclusive: "), "{}", verdict(&replica));
        assert!(verdict(&ReplicaSummary::default()).contains("no attack was run"));
    }

    #[test]
    fn whatever_looks_like_a_leak_is_a_doubt() {
        let guess = [0.45, 0.5, 0.55];
        let said = |change: &dyn Fn(&mut AttackResult)| {
            let mut gap = AttackResult { members: 50, curve_members: 100, ..result(guess, guess) };
            change(&mut gap);
            verdict(&ReplicaSummary {
                attack_trained: true,
                attacks: Attacks::from([("gap".to_owned(), gap)]),
                strongest: Some(found("gap", Metric::Accuracy, guess)),
                ..ReplicaSummary::default()
            })
        };
        assert!(said(&|_| ()).contains("a leak of 0.550 is not excluded"), "{}", said(&|_| ()));
        let low_scores = said(&|gap| gap.ci95.auc = [0.4, 0.49]);
        assert!(low_scores.contains("gap on members is below guessing"), "{low_scores}");
        let learnt = said(&|gap| (gap.ci95.auc, gap.curve_members) = ([0.4, 0.49], 50));
        assert!(learnt.contains("is not excluded"), "{learnt}");
        let private = said(&|gap| gap.epsilon_lower_bound = Some(1.4));
        assert!(private.contains("but gap on members shows an ε above 0"), "{private}");
        let rejects = said(&|gap| gap.ci95.tnr.at_0_01 = Some([0.017, 0.031]));
        assert!(rejects.contains("is above guessing"), "{rejects}");
    }

    #[test]
    fn persons_and_groups_have_their_say() {
        let guess = [0.45, 0.5, 0.55];
        let mut replica = ReplicaSummary {
            attack_trained: true,
            attacks: Attacks::from([("gap".to_owned(), result(guess, guess))]),
            strongest: Some(found("gap", Metric::Accuracy, guess)),
            exposed_groups: vec![ExposedGroup {
                kind: "subgroup".to_owned(),
                group: WorstGroup {
                    name: "rare".to_owned(),
                    attack: "confidence".to_owned(),
                    auc: 0.9,
                    auc_ci95: [0.8, 0.95],
                    auc_of_all: 0.51,
                    groups: 2,
                    stands_out: true,
                    reversed: false,
                },
            }],
            ..ReplicaSummary::default()
        };
        assert_eq!(
            verdict(&replica),
            "members of subgroup rare (confidence, AUC 0.900, 95% interval 0.800 to 0.950) are told from other records"
        );
        // Fifty records a person make an interval of records too short: persons' counts.
        replica.strongest = Some(found("gap", Metric::Auc, [0.6, 0.65, 0.7]));
        replica.persons = Some(PersonResults {
            strongest: Some(found("gap", Metric::Auc, guess)),
            attacks: Attacks::from([("gap".to_owned(), result(guess, guess))]),
            ..PersonResults::default()
        });
        assert!(
            verdict(&replica).contains("is not above guessing: a leak of 0.550"),
            "{}",
            verdict(&replica)
        );
        let told = Some(found("gap", Metric::Auc, [0.8, 0.9, 0.95]));
        replica.persons.as_mut().unwrap().strongest = told;
        assert!(verdict(&replica).contains("tells members from other persons"), "{}", verdict(&replica));
    }

    #[test]
    fn no_sentence_reassures_beside_a_number_above_guessing() {
        let mut rng = stream(1, Stream::Audit);
        let mut kinds = [0; 3];
        for _ in 0..2000 {
            let mut ends = || {
                let (low, width) = (0.35 + 0.2 * uniform(&mut rng), 0.1 * uniform(&mut rng));
                [low, low + width, low + 2.0 * width]
            };
            let (gap, neural) = (result(ends(), ends()), result(ends(), ends()));
            let (attack, wider) = (found("gap", Metric::Auc, ends()), found("gap", Metric::Accuracy, ends()));
            let replica = ReplicaSummary {
                attack_trained: chance(&mut rng, 0.8),
                attacks: Attacks::from([("gap".to_owned(), gap)]),
                attacks_on_reference: Attacks::from([("neural".to_owned(), neural)]),
                strongest: chance(&mut rng, 0.9).then_some(attack),
                strongest_on_reference: chance(&mut rng, 0.5).then_some(wider),
                ..ReplicaSummary::default()
            };
            let of = [&replica.attacks, &replica.attacks_on_reference];
            let all = of.into_iter().flat_map(|attacks| attacks.values());
            let alone = all.map(|a| a.ci95.accuracy[0].max(a.ci95.auc[0])).fold(0.0, f64::max);
            let chosen = [&replica.strongest, &replica.strongest_on_reference];
            let chosen = chosen.into_iter().flatten().map(|found| found.ci95[0]).fold(0.0, f64::max);
            let text = verdict(&replica);
            if chosen > 0.5 {
                assert!(text.contains(" tells "), "{text}");
                kinds[0] += 1;
            } else if alone > 0.5 || !replica.attack_trained {
                assert!(text.contains(" tells ") || text.starts_with("inconclusive"), "{text}");
                kinds[1] += 1;
            } else {
                assert!(text.contains("is not excluded"), "{text}");
                kinds[2] += 1;
            }
        }
        assert!(kinds.iter().all(|count| *count > 50), "{kinds:?}");
    }
}
