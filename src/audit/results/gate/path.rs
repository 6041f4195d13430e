//! What the left side of a condition names: `neural.auc`, `reference.accuracy`, `utility.balanced_accuracy`.
//!
//! Not the comparison ([`super::condition`]).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::subject::{AttackedSet, Subject, object};
use crate::audit::attacks;
use crate::audit::results::summary::ReplicaSummary;
use crate::audit::results::utility::Utility;
use crate::error::{Result, nearest};
use crate::statistics::judgment::AttackResult;

/// The attack that is none: [`crate::audit::attacks::blind`].
const BLIND: &str = "blind";

/// Whichever attack is strongest.
const STRONGEST: &str = "strongest";

/// What is known of it.
const OF_STRONGEST: [&str; 2] = ["accuracy", "auc"];

/// What the model is good for.
const UTILITY: &str = "utility";

/// What was found where nothing can be meant, and advice.
pub type Misnamed = (String, String);

/// Whose number `path` names, without `.low` and `.high`, and which.
///
/// # Errors
/// The outer: none for numbers and text.
pub fn parse(path: &str) -> Result<std::result::Result<(Subject, String), Misnamed>> {
    let known = Metrics::new()?;
    // Metrics have dots in them, so the longest that the path ends in is meant.
    let ends_in = |metric: &&str| {
        path.strip_suffix(metric).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let Some(metric) = known.all().filter(ends_in).max_by_key(|metric| metric.len()) else {
        let advice = match nearest(path, known.all()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("the metrics are {}", known.all().collect::<Vec<_>>().join(", ")),
        };
        return Ok(Err((format!("no metric in {path:?}"), advice)));
    };
    let prefix = path[..path.len() - metric.len()].trim_end_matches('.');
    Ok(known.subject(prefix, metric).map(|subject| (subject, metric.to_owned())))
}

/// The numbers that are known, by their keys in `summary.json`.
struct Metrics {
    of_attacks: BTreeSet<String>,
    of_models: BTreeSet<String>,
    of_utility: BTreeSet<String>,
}

impl Metrics {
    fn new() -> Result<Self> {
        let numbers = |values: Map<String, Value>, but: &[&str]| -> BTreeSet<String> {
            let numbers = values.into_iter().filter(|(_, value)| value.is_number() || value.is_null());
            numbers.map(|(key, _)| key).filter(|key| !but.contains(&key.as_str())).collect()
        };
        let no_numbers = [BLIND, STRONGEST, "strongest_on_reference", "persons", "shadows"];
        Ok(Metrics {
            of_attacks: numbers(object(&AttackResult::default())?, &[]),
            of_models: numbers(object(&ReplicaSummary::default())?, &no_numbers),
            of_utility: numbers(object(&Utility::default())?, &["worst_class"]),
        })
    }

    /// Every metric once.
    fn all(&self) -> impl Iterator<Item = &str> + Clone {
        let of_utility = self.of_utility.iter().filter(|metric| !self.of_attacks.contains(*metric));
        self.of_attacks.union(&self.of_models).chain(of_utility).map(String::as_str)
    }

    /// Whose `metric` it is, by what stands before it.
    fn subject(&self, prefix: &str, metric: &str) -> std::result::Result<Subject, Misnamed> {
        if prefix == UTILITY {
            return match self.of_utility.contains(metric) {
                true => Ok(Subject::Utility),
                false => {
                    Err((format!("{metric} of the utility"), listed("its numbers are", &self.of_utility)))
                }
            };
        }
        if prefix.is_empty() && self.of_models.contains(metric) {
            return Ok(Subject::Model);
        }
        if !self.of_attacks.contains(metric) {
            let (whose, whole) = match self.of_utility.contains(metric) {
                true => ("the utility's", format!("{UTILITY}.{metric}")),
                false => ("the model's", metric.to_owned()),
            };
            return Err((format!("{metric} of {prefix:?}, but it is {whose}"), format!("write {whole}")));
        }
        let subject = of_attack(prefix)?;
        if matches!(subject, Subject::Strongest(_)) && !OF_STRONGEST.contains(&metric) {
            return Err((
                format!("{metric} of the strongest attack"),
                "only accuracy and auc are known of it; without a subject, every attack is meant".to_owned(),
            ));
        }
        Ok(subject)
    }
}

fn listed(what: &str, names: &BTreeSet<String>) -> String {
    format!("{what} {}", names.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// The attack, or attacks, that a path without its metric names.
fn of_attack(path: &str) -> std::result::Result<Subject, Misnamed> {
    let set = AttackedSet::PREFIXES.into_iter().find_map(|(prefix, set)| {
        let rest = path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
        Some((rest.trim_start_matches('.'), set))
    });
    let (name, set) = set.unwrap_or((path, AttackedSet::Members));
    match name {
        "" => Ok(Subject::Attack(set, None)),
        STRONGEST => Ok(Subject::Strongest(set)),
        BLIND if set == AttackedSet::Members => Ok(Subject::Blind),
        name if attacks::find(name).is_some() => Ok(Subject::Attack(set, Some(name.to_owned()))),
        name => {
            let names = attacks::ALL.iter().map(|attack| attack.name);
            let advice = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the attacks are {}", names.collect::<Vec<_>>().join(", ")),
            };
            Err((format!("no attack {name:?}"), advice))
        }
    }
}
