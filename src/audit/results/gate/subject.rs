//! Whose number a condition is about, and the numbers of those in an audit's results.
//!
//! Not what is demanded of them ([`super::condition`]).

use serde_json::{Map, Value};

use crate::audit::results::attacks::Attacks;
use crate::audit::results::details::{GroupResult, ReplicaDetails};
use crate::audit::results::strongest::{BestOfMetric, Strongest};
use crate::audit::results::summary::ReplicaSummary;
use crate::error::{Error, Result};
use crate::statistics::judgment::AttackResult;

/// Which records an attack is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttackedSet {
    /// D.
    Members,
    /// D′.
    Reference,
    /// Persons, each with all records of theirs.
    Persons,
}

impl AttackedSet {
    /// As a condition begins, with what ends the prefix.
    pub const PREFIXES: [(&str, AttackedSet); 2] =
        [("reference", AttackedSet::Reference), ("persons", AttackedSet::Persons)];

    fn prefix(self) -> &'static str {
        match self {
            AttackedSet::Members => "",
            AttackedSet::Reference => "reference.",
            AttackedSet::Persons => "persons.",
        }
    }
}

/// How records are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupedBy {
    Classes,
    Subgroups,
}

/// Whose number a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Model,
    /// What the model is good for.
    Utility,
    /// The attack of that name; of `None`: every attack.
    Attack(AttackedSet, Option<String>),
    /// The strongest attack, whose interval knows that it was chosen; on members that of persons, where they are
    /// known.
    Strongest(AttackedSet),
    /// The check that members and test records are of one kind.
    Blind,
}

/// The groups that a condition is about: every one, or that of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Groups {
    pub by: GroupedBy,
    pub name: Option<String>,
}

/// Somebody's numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// `neural.`, `group women: gap.`; empty for the model's own.
    pub whose: String,
    /// By metric; intervals under `ci95`, or as `METRIC_ci95`.
    values: Map<String, Value>,
    /// Why none of them counts.
    pub invalid: Option<String>,
    /// Why one is not known, where it is not.
    pub unknown: String,
}

impl Numbers {
    fn of(whose: String, values: &impl serde::Serialize, unknown: impl Into<String>) -> Result<Self> {
        Ok(Numbers { whose, values: object(values)?, invalid: None, unknown: unknown.into() })
    }

    /// The same of an attack whose network trained, or did not.
    fn of_network(self, trained: Option<bool>) -> Self {
        let why = "is no evidence: the attack did not train, its control failed";
        let invalid = (trained == Some(false)).then(|| why.to_owned());
        Numbers { invalid: invalid.or(self.invalid), ..self }
    }

    fn missing(whose: String, why: &str) -> Self {
        Numbers { whose, values: Map::new(), invalid: None, unknown: why.to_owned() }
    }

    /// The number called `metric`.
    pub fn value(&self, metric: &str) -> Option<f64> {
        self.values.get(metric).and_then(Value::as_f64)
    }

    /// The 95% interval of it; of a group's, that of all groups together.
    pub fn interval(&self, metric: &str) -> Option<[f64; 2]> {
        let ends = self.values.get("simultaneous").or_else(|| self.values.get("ci95"));
        let nested = ends.and_then(|ends| ends.get(metric));
        let ends = nested.or_else(|| self.values.get(&format!("{metric}_ci95")))?.as_array()?;
        match ends[..] {
            [ref low, ref high] => Some([low.as_f64()?, high.as_f64()?]),
            _ => None,
        }
    }
}

impl Subject {
    /// The numbers of all that it stands for in one model's results; of `groups` where there are any.
    ///
    /// # Errors
    /// None for numbers and text.
    pub fn numbers(
        &self,
        replica: &ReplicaSummary,
        details: Option<&ReplicaDetails>,
        groups: Option<&Groups>,
    ) -> Result<Vec<Numbers>> {
        if let Some(groups) = groups {
            return self.of_groups(replica, details, groups);
        }
        match self {
            Subject::Model => Ok(vec![Numbers::of(String::new(), replica, "is not known")?]),
            Subject::Utility => Ok(vec![match &replica.utility {
                Some(utility) => {
                    Numbers::of("utility.".to_owned(), utility, "is not known: too few records")?
                }
                None => Numbers::missing("utility.".to_owned(), "is not known: no test records"),
            }]),
            Subject::Blind => Ok(vec![match &replica.blind {
                Some(result) => attack("blind.".to_owned(), result)?,
                None => Numbers::missing("blind.".to_owned(), NOT_RUN),
            }]),
            Subject::Strongest(set) => {
                let of_persons = replica.persons.as_ref().and_then(|persons| persons.strongest.as_ref());
                // Intervals of records take them for independent, which the records of one person are not.
                let (set, found) = match (set, of_persons) {
                    (AttackedSet::Reference, _) => (*set, replica.strongest_on_reference.as_ref()),
                    (AttackedSet::Members, None) => (*set, replica.strongest.as_ref()),
                    (AttackedSet::Members | AttackedSet::Persons, found) => (AttackedSet::Persons, found),
                };
                let whose = format!("{}strongest.", set.prefix());
                Ok(vec![match found {
                    Some(found) => strongest(whose, found)?,
                    None => Numbers::missing(whose, NOT_RUN),
                }])
            }
            Subject::Attack(set, name) => {
                let none = Attacks::new();
                let attacks = match set {
                    AttackedSet::Members => &replica.attacks,
                    AttackedSet::Reference => &replica.attacks_on_reference,
                    AttackedSet::Persons => replica.persons.as_ref().map_or(&none, |found| &found.attacks),
                };
                let wanted =
                    attacks.iter().filter(|(other, _)| name.as_ref().is_none_or(|name| name == *other));
                let mut found = vec![];
                for (name, result) in wanted {
                    found.push(attack(format!("{}{name}.", set.prefix()), result)?);
                }
                if found.is_empty() {
                    let name = name.as_ref().map_or(String::new(), |name| format!("{name}."));
                    found.push(Numbers::missing(format!("{}{name}", set.prefix()), NOT_RUN));
                }
                Ok(found)
            }
        }
    }

    fn of_groups(
        &self,
        replica: &ReplicaSummary,
        details: Option<&ReplicaDetails>,
        groups: &Groups,
    ) -> Result<Vec<Numbers>> {
        let all = details.map_or(&[][..], |details| match groups.by {
            GroupedBy::Classes => &details.classes,
            GroupedBy::Subgroups => &details.subgroups,
        });
        let wanted = all.iter().filter(|group| groups.name.as_ref().is_none_or(|name| *name == group.name));
        let mut found = vec![];
        for group in wanted {
            found.extend(self.of_group(group, &replica.attacks)?);
        }
        if found.is_empty() {
            let whose = groups.name.as_ref().map_or("groups: ".to_owned(), |name| format!("group {name}: "));
            found.push(Numbers::missing(whose, "is not known: the audit has no such group"));
        }
        Ok(found)
    }

    fn of_group(&self, group: &GroupResult, on_all: &Attacks) -> Result<Vec<Numbers>> {
        let whose = |attack: &str| format!("group {}: {attack}", group.name);
        let few = format!("is not resolvable with {} members and {} others", group.members, group.nonmembers);
        let Subject::Attack(_, name) = self else {
            return Ok(vec![Numbers::of(whose(""), group, few)?]);
        };
        let mut found = vec![];
        for (attack, result) in &group.attacks {
            if name.as_ref().is_none_or(|name| name == attack) {
                let numbers = Numbers::of(whose(&format!("{attack}.")), result, few.clone())?;
                found.push(numbers.of_network(on_all.get(attack).and_then(|all| all.trained)));
            }
        }
        if found.is_empty() {
            found.push(Numbers::missing(whose(""), &few));
        }
        Ok(found)
    }
}

const NOT_RUN: &str = "is not known: the attack was not run";

fn attack(whose: String, result: &AttackResult) -> Result<Numbers> {
    let numbers = Numbers::of(whose, result, format!("is {}", result.not_resolvable()))?;
    Ok(numbers.of_network(result.trained))
}

/// Accuracy and AUC of whichever attack is best by each, with the intervals that know of the choice.
fn strongest(whose: String, found: &Strongest) -> Result<Numbers> {
    let best = |best: &BestOfMetric| (Value::from(best.value), Value::from(best.ci95.to_vec()));
    let ((accuracy, accuracy_ci95), (auc, auc_ci95)) = (best(&found.by_accuracy), best(&found.by_auc));
    let values =
        [("accuracy", accuracy), ("accuracy_ci95", accuracy_ci95), ("auc", auc), ("auc_ci95", auc_ci95)];
    let values: Map<String, Value> = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Numbers::of(whose, &values, "is not known")
}

/// The keys of a serializable value.
pub fn object(value: &impl serde::Serialize) -> Result<Map<String, Value>> {
    let failed = |e: serde_json::Error| Error::data("summary").found(e.to_string());
    Ok(serde_json::to_value(value).map_err(failed)?.as_object().cloned().unwrap_or_default())
}
