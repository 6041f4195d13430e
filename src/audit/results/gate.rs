//! Conditions on an audit's numbers that make it fail: for use in a pipeline that must stop a leaking model.
//!
//! Not the audit: it is over, printed and written when these are looked at.
//!
//! A condition is `[reference.][ATTACK.]METRIC OP NUMBER`, as `neural.accuracy > 0.6` or
//! `tpr_at_fpr_0.001 > 0.01`: the audit fails if it holds for any model, and without ATTACK for any attack. A
//! number that is not known (`null`: not resolvable, or an attack that was not run) fails too, by name:
//! what was not measured is no evidence. METRIC is a key of an attack's result in `summary.json`, or a number
//! of the model (`test_accuracy < 0.7`); ATTACK may be `blind`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::summary::{ReplicaSummary, Summary};
use crate::audit::attacks;
use crate::error::{Error, Result};
use crate::run::config::nearest;
use crate::statistics::judgment::AttackResult;

/// The attack that is none: [`crate::audit::attacks::blind`].
const BLIND: &str = "blind";

/// The records of D′ instead of D.
const REFERENCE: &str = "reference";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer first: `>=` is not `>`.
const COMPARISONS: [(&str, Comparison); 4] = [
    (">=", Comparison::GreaterOrEqual),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    ("<", Comparison::Less),
];

impl Comparison {
    fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Comparison::Less => value < bound,
            Comparison::LessOrEqual => value <= bound,
            Comparison::Greater => value > bound,
            Comparison::GreaterOrEqual => value >= bound,
        }
    }
}

/// Whose number a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    Model,
    /// Of `None`: every attack.
    Attack {
        reference: bool,
        name: Option<String>,
    },
    Blind,
}

/// A condition under which the audit fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    subject: Whose,
    metric: String,
    comparison: Comparison,
    bound: f64,
}

/// Whose numbers, the numbers, and what to say where one is not known.
type Known = (String, Map<String, Value>, String);

impl Condition {
    /// # Errors
    /// A text of another form; a metric or an attack that does not exist, with the nearest that does.
    pub fn parse(text: &str) -> Result<Self> {
        let form = || {
            Error::usage(format!("--fail-if {text:?}"))
                .expected("METRIC OP NUMBER or ATTACK.METRIC OP NUMBER, with OP one of > >= < <=")
        };
        let Some((sign, comparison)) = COMPARISONS.into_iter().find(|(sign, _)| text.contains(sign)) else {
            return Err(form().found("no comparison"));
        };
        let (path, bound) = text.split_once(sign).unwrap_or((text, ""));
        let (path, bound) = (path.trim(), bound.trim());
        let bound: f64 = bound.parse().map_err(|_| form().found(format!("{bound:?} as the number")))?;
        if bound.is_nan() {
            return Err(form().found("NaN as the number"));
        }
        let (of_attacks, of_models) = metrics()?;
        // Metrics have dots in them, so the longest that the path ends in is meant.
        let ends = |metric: &&String| {
            path.strip_suffix(metric.as_str()).is_some_and(|p| p.is_empty() || p.ends_with('.'))
        };
        let Some(metric) = of_attacks.union(&of_models).filter(ends).max_by_key(|metric| metric.len()) else {
            let all = of_attacks.union(&of_models).map(String::as_str);
            let advice = match nearest(path, all.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the metrics are {}", all.collect::<Vec<_>>().join(", ")),
            };
            return Err(form().found(format!("no metric in {path:?}")).advice(advice));
        };
        let subject = match path[..path.len() - metric.len()].trim_end_matches('.') {
            "" if of_models.contains(metric) => Whose::Model,
            BLIND if of_attacks.contains(metric) => Whose::Blind,
            prefix if of_attacks.contains(metric) => {
                let rest = prefix.strip_prefix(REFERENCE).filter(|r| r.is_empty() || r.starts_with('.'));
                let name = rest.map_or(prefix, |rest| rest.trim_start_matches('.'));
                if !name.is_empty() && attacks::find(name).is_none() {
                    let names = attacks::ALL.iter().map(|attack| attack.name);
                    let advice = match nearest(name, names.clone()) {
                        Some(near) => format!("did you mean {near}?"),
                        None => format!("the attacks are {}", names.collect::<Vec<_>>().join(", ")),
                    };
                    return Err(form().found(format!("no attack {name:?}")).advice(advice));
                }
                let name = (!name.is_empty()).then(|| name.to_owned());
                Whose::Attack { reference: rest.is_some(), name }
            }
            prefix => return Err(form().found(format!("{metric} of {prefix:?}, but it is the model's"))),
        };
        let (text, metric) = (text.to_owned(), metric.clone());
        Ok(Condition { text, subject, metric, comparison, bound })
    }

    /// A sentence for every number of `summary` that makes the audit fail.
    ///
    /// # Errors
    /// None for numbers and text.
    pub fn violations(&self, summary: &Summary) -> Result<Vec<String>> {
        let mut violations = vec![];
        for (number, replica) in summary.replicas.iter().enumerate() {
            for (whose, values, unknown) in self.numbers(replica)? {
                let value = values.get(&self.metric).and_then(Value::as_f64);
                let found = match value {
                    Some(value) if self.comparison.holds(value, self.bound) => format!("{value:.6}"),
                    Some(_) => continue,
                    None => unknown,
                };
                let model =
                    if summary.replicas.len() > 1 { format!("replica {number}: ") } else { String::new() };
                violations.push(format!("{}: {model}{whose}{} is {found}", self.text, self.metric));
            }
        }
        Ok(violations)
    }

    /// Each subject that the condition is about.
    fn numbers(&self, replica: &ReplicaSummary) -> Result<Vec<Known>> {
        let not_run =
            |whose: &str| (whose.to_owned(), Map::new(), "not known: the attack was not run".to_owned());
        match &self.subject {
            Whose::Model => Ok(vec![(String::new(), object(replica)?, "not known".to_owned())]),
            Whose::Blind => Ok(vec![match &replica.blind {
                Some(result) => ("blind.".to_owned(), object(result)?, result.not_resolvable()),
                None => not_run("blind."),
            }]),
            Whose::Attack { reference, name } => {
                let (attacks, set) = match reference {
                    true => (&replica.attacks_on_reference, "reference."),
                    false => (&replica.attacks, ""),
                };
                let wanted =
                    attacks.iter().filter(|(attack, _)| name.as_ref().is_none_or(|name| name == *attack));
                let mut found = vec![];
                for (attack, result) in wanted {
                    found.push((format!("{set}{attack}."), object(result)?, result.not_resolvable()));
                }
                if found.is_empty() {
                    found
                        .push(not_run(&name.as_ref().map_or(set.to_owned(), |name| format!("{set}{name}."))));
                }
                Ok(found)
            }
        }
    }
}

fn object(value: &impl serde::Serialize) -> Result<Map<String, Value>> {
    let failed = |e: serde_json::Error| Error::data("summary").found(e.to_string());
    Ok(serde_json::to_value(value).map_err(failed)?.as_object().cloned().unwrap_or_default())
}

/// The numbers of an attack's result and of a model, by their keys.
fn metrics() -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let numbers = |values: Map<String, Value>| -> BTreeSet<String> {
        values.into_iter().filter(|(_, v)| v.is_number() || v.is_null()).map(|(key, _)| key).collect()
    };
    let of_attacks = numbers(object(&AttackResult::default())?);
    let mut of_models = numbers(object(&ReplicaSummary::default())?);
    of_models.remove(BLIND);
    Ok((of_attacks, of_models))
}

#[cfg(test)]
mod tests {
    use super::super::attacks::Attacks;
    use super::*;
    use crate::statistics::levels::TprAtFpr;

    fn summary() -> Summary {
        let attack = |accuracy: f64, tpr: Option<f64>| AttackResult {
            accuracy,
            tpr: TprAtFpr { at_0_001: tpr, ..TprAtFpr::default() },
            curve_nonmembers: 750,
            ..AttackResult::default()
        };
        let replica = |shift: f64| ReplicaSummary {
            test_accuracy: Some(0.5),
            attacks: Attacks::from([
                ("neural".to_owned(), attack(0.6 + shift, Some(0.02))),
                ("gap".to_owned(), attack(0.55, None)),
            ]),
            attacks_on_reference: Attacks::from([("neural".to_owned(), attack(0.5, None))]),
            ..ReplicaSummary::default()
        };
        Summary { replicas: vec![replica(0.0), replica(0.1)], ..Summary::default() }
    }

    fn violations(text: &str) -> Vec<String> {
        Condition::parse(text).unwrap().violations(&summary()).unwrap()
    }

    #[test]
    fn each_number_that_fails_is_named() {
        assert_eq!(
            violations("neural.accuracy > 0.65"),
            ["neural.accuracy > 0.65: replica 1: neural.accuracy is 0.700000"]
        );
        assert_eq!(violations("accuracy>=0.6").len(), 2);
        assert_eq!(violations("reference.accuracy > 0.5"), [""; 0]);
        assert_eq!(violations("reference.neural.accuracy >= 0.5").len(), 2);
        assert_eq!(violations("test_accuracy < 0.6").len(), 2);
        assert_eq!(violations("test_accuracy <= 0.4"), [""; 0]);
    }

    #[test]
    fn what_is_not_known_fails() {
        let found = violations("tpr_at_fpr_0.001 > 0.03");
        assert_eq!(found.len(), 2, "gap's, of both replicas: {found:?}");
        assert!(
            found[0].ends_with("gap.tpr_at_fpr_0.001 is not resolvable with 750 non-members"),
            "{found:?}"
        );
        assert!(
            violations("lira_online.auc > 0.9")[0]
                .ends_with("lira_online.auc is not known: the attack was not run")
        );
        assert!(violations("blind.auc > 0.6")[0].contains("not run"));
        assert!(violations("control_accuracy < 0.9")[0].ends_with("control_accuracy is not known"));
    }

    #[test]
    fn a_condition_that_cannot_be_meant_is_refused() {
        let refused = |text: &str| Condition::parse(text).unwrap_err().to_string();
        assert!(refused("accuracy = 3").contains("found no comparison"));
        assert!(refused("acuracy > 0.6").contains("did you mean accuracy?"), "{}", refused("acuracy > 0.6"));
        assert!(refused("neurl.accuracy > 0.6").contains("did you mean neural?"));
        assert!(refused("accuracy > high").contains("\"high\" as the number"));
        assert!(refused("neural.test_accuracy > 0.5").contains("it is the model's"));
        assert!(refused("tpr_at_fpr_0.1 > 0.5").contains("no metric"));
        assert!(Condition::parse("epsilon_lower_bound > 2").is_ok());
    }
}
