//! What an audit's numbers say of one model, in a sentence: the headline.
//!
//! Not the numbers. It reassures of nothing: where no leak is shown it says how large a one is not excluded, and
//! where a number beside it looks like one, or evidence is missing, that.

use super::labels::{metric, readable};
use crate::audit::results::attacks::{Attacks, most_accurate};
use crate::audit::results::strongest::{Metric, Strongest};
use crate::audit::results::summary::ReplicaSummary;

/// What the attacks found of `replica`, without the full stop.
pub(super) fn verdict(replica: &ReplicaSummary) -> String {
    let sets = [
        ("members", &replica.strongest, &replica.attacks),
        ("records of D′", &replica.strongest_on_reference, &replica.attacks_on_reference),
    ];
    let leaks: Vec<String> = sets
        .iter()
        .filter_map(|(whose, found, attacks)| Evidence::of(found.as_ref(), attacks)?.leak(whose))
        .collect();
    if !leaks.is_empty() {
        return leaks.join("; ");
    }
    let mut doubts = vec![];
    let persons = replica.persons.iter().map(|persons| ("persons", &persons.attacks));
    for (whose, attacks) in sets.iter().map(|(whose, _, attacks)| (*whose, *attacks)).chain(persons) {
        if let Some(alone) = alone_above_guessing(attacks) {
            doubts.push(format!("{alone} on {whose} is above guessing by its own interval"));
        }
    }
    let untrained = replica.attacks.values().any(|attack| attack.trained == Some(false));
    if untrained || !replica.attack_trained {
        doubts.push("an attack network did not train".to_owned());
    }
    let Some(best) = Evidence::of(replica.strongest.as_ref(), &replica.attacks) else {
        return "nothing is known: no attack was run".to_owned();
    };
    let found = format!("the strongest of these attacks, {}, is not above guessing", best.text());
    match doubts.is_empty() {
        true => {
            format!("{found}: a leak of {} is not excluded, nor what other attacks may find", best.high())
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
}

impl<'s> Evidence<'s> {
    /// With the interval that knows of the choice; in summaries before schema 3 the most accurate attack's own.
    fn of(found: Option<&'s Strongest>, attacks: &'s Attacks) -> Option<Self> {
        if let Some(Strongest { attack, metric, value, ci95, .. }) = found {
            return Some(Evidence { attack, metric: *metric, value: *value, ci95: *ci95 });
        }
        let (attack, result) = most_accurate(attacks)?;
        Some(Evidence {
            attack,
            metric: Metric::Accuracy,
            value: result.accuracy,
            ci95: result.ci95.accuracy,
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

    fn high(&self) -> String {
        format!("{:.3}", self.ci95[1])
    }

    fn leak(&self, whose: &str) -> Option<String> {
        let text = self.text();
        (self.ci95[0] > 0.5).then(|| format!("{text} tells {whose} from other records; 0.5 is guessing"))
    }
}

/// The first attack one of whose own intervals is above guessing.
fn alone_above_guessing(attacks: &Attacks) -> Option<String> {
    let above = attacks.iter().find(|(_, result)| {
        let rates = [(result.ci95.tpr.at_0_01, 0.01), (result.ci95.tpr.at_0_001, 0.001)];
        let rate_above = rates.iter().any(|(ends, guessing)| ends.is_some_and(|[low, _]| low > *guessing));
        result.ci95.accuracy[0] > 0.5 || result.ci95.auc[0] > 0.5 || rate_above
    });
    above.map(|(name, _)| readable(name))
}

#[cfg(test)]
mod tests {
    use super::*;
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
