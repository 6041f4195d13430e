//! How arrays and columns are called, and which of a file's is which.
//!
//! Not what they hold.

use crate::audit::outputs::OutputForm;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// What an array or a column of a file of predictions may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// `[N, C]`: logarithms of probabilities, up to a constant a record; `[N, A, C]` of A augmented copies.
    Logits,
    /// `[N, C]`, or `[N, A, C]` of A augmented copies: from 0 to 1, of each record with the sum 1.
    Probabilities,
    /// Outputs whose name leaves open what they are.
    Outputs,
    /// `[N]`: the true class of each record, by number or by name.
    Labels,
    /// `[N]`: whether each record was trained on.
    Membership,
    /// `[N]`: the group of each record, to be told apart in the results.
    Subgroup,
    /// `[N]`: what each record is called in results, a number or a name.
    Rows,
    /// `[C]`: what each class is called.
    ClassNames,
    /// `[M, N, C]` or `[M, N, A, C]`: logits of M shadow models on the N records.
    ShadowLogits,
    /// The same as probabilities.
    ShadowProbabilities,
    /// `[M, N]` or `[M, N, A]`: φ, or another score, of the N records under M shadow models.
    ShadowScores,
    /// `[M, N]`: whether each shadow model was trained on each record.
    ShadowKeep,
}

/// The names of each role, the likelier first; in lower case, with `_` between words.
const NAMES: [(Role, &[&str]); 12] = [
    (
        Role::Logits,
        &["logits", "logit", "log_probabilities", "log_probs", "log_proba", "decision_function", "z"],
    ),
    (
        Role::Probabilities,
        &[
            "probabilities",
            "probs",
            "probability",
            "prob",
            "proba",
            "predict_proba",
            "y_proba",
            "y_prob",
            "softmax",
            "confidences",
            "posteriors",
            "p",
        ],
    ),
    (
        Role::Outputs,
        &[
            "predictions",
            "outputs",
            "output",
            "preds",
            "confidence",
            "scores",
            "score",
            "y_score",
            "y_pred",
            "prediction",
            "pred",
        ],
    ),
    (
        Role::Labels,
        &[
            "labels",
            "label",
            "targets",
            "target",
            "y",
            "y_true",
            "true_label",
            "true_labels",
            "true_class",
            "ground_truth",
            "class",
            "classes",
        ],
    ),
    (
        Role::Membership,
        &[
            "membership",
            "member",
            "members",
            "is_member",
            "is_train",
            "in_training",
            "in_train",
            "is_training",
            "train",
            "split",
            "subset",
            "set",
        ],
    ),
    (Role::Subgroup, &["subgroup", "subgroups", "group", "groups"]),
    (Role::Rows, &["rows", "row", "ids", "id", "record_id", "sample_id", "patient_id"]),
    (Role::ClassNames, &["class_names", "classes", "label_names"]),
    (Role::ShadowLogits, &["shadow_logits"]),
    (Role::ShadowProbabilities, &["shadow_probabilities", "shadow_probs", "shadow_proba", "shadow_softmax"]),
    (Role::ShadowScores, &["shadow_scores", "shadow_phi"]),
    (Role::ShadowKeep, &["shadow_keep", "keep", "shadow_membership", "shadow_in"]),
];

impl Role {
    /// Those of outputs, the likelier first: those that keep the most, unless a person says what they are.
    pub(super) fn of_outputs(said: Option<OutputForm>) -> [Role; 3] {
        match said {
            Some(OutputForm::Probabilities) => [Role::Probabilities, Role::Outputs, Role::Logits],
            _ => [Role::Logits, Role::Probabilities, Role::Outputs],
        }
    }

    /// What outputs of this role are; `None` where the name leaves it open, and of other roles.
    pub(super) fn form(self) -> Option<OutputForm> {
        match self {
            Role::Logits => Some(OutputForm::Logits),
            Role::Probabilities => Some(OutputForm::Probabilities),
            _ => None,
        }
    }

    /// All of them, as `--column` calls them.
    pub(super) fn all() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(_, names)| names[0])
    }

    /// As `--column` calls it.
    pub(super) fn name(self) -> &'static str {
        names(self)[0]
    }

    /// From that name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, names)| names[0] == name).map(|(role, _)| *role)
    }
}

/// The names of a role.
pub(super) fn names(role: Role) -> &'static [&'static str] {
    NAMES.iter().find(|(found, _)| *found == role).map_or(&[], |(_, names)| names)
}

/// In lower case, with `_` between words.
pub(super) fn plain(name: &str) -> String {
    name.trim().trim_matches('_').to_lowercase().replace([' ', '-', '.'], "_")
}

/// Which of the names in `there` has this role: the one that is `given` (`--column`), else the likeliest.
///
/// # Errors
/// The one that `--column` gives it is not there.
pub(super) fn find(
    role: Role,
    there: &[String],
    given: &BTreeMap<Role, String>,
    place: &str,
) -> Result<Option<usize>> {
    if let Some(wanted) = given.get(&role) {
        return match there.iter().position(|name| name == wanted) {
            Some(at) => alone(at, there, place).map(Some),
            None => Err(Error::usage(format!("--column {}={wanted}", role.name()))
                .expected(format!("one of the names in {place}: {}", there.join(", ")))
                .found(wanted.clone())),
        };
    }
    let taken = |at: &usize| given.values().any(|name| *name == there[*at]);
    let candidates = names(role).iter();
    let mut found = candidates.filter_map(|wanted| there.iter().position(|name| plain(name) == *wanted));
    match found.find(|at| !taken(at)) {
        Some(at) => alone(at, there, place).map(Some),
        None => Ok(None),
    }
}

/// The column `at`, if no other has its name: nobody could say which is meant.
fn alone(at: usize, there: &[String], place: &str) -> Result<usize> {
    match there.iter().enumerate().position(|(other, name)| other != at && *name == there[at]) {
        None => Ok(at),
        Some(other) => Err(Error::data(place)
            .expected("names that differ")
            .found(format!("{:?} as the name of columns {} and {}", there[at], at.min(other), at.max(other)))
            .advice("columns are counted from 0; rename or remove one")),
    }
}

/// What was not used of a file, with the known name that each is nearest to, as a sentence.
pub(super) fn unused(there: &[String], used: &[usize]) -> Option<String> {
    const NEAR: f64 = 0.84;
    let all = || NAMES.iter().flat_map(|(_, names)| names.iter()).filter(|name| name.len() > 2);
    let described = |name: &String| {
        let plain = plain(name);
        let near = all()
            .map(|known| (strsim::jaro_winkler(&plain, known), known))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(near, known)| *near >= NEAR && **known != plain);
        let shown = if name.is_empty() { "a column without a name" } else { name };
        near.map_or_else(|| shown.to_owned(), |(_, known)| format!("{shown} (is {known} meant?)"))
    };
    let left = there.iter().enumerate().filter(|(at, _)| !used.contains(at));
    let left: Vec<String> = left.map(|(_, name)| described(name)).collect();
    match left.len() {
        0 => None,
        1..=20 => Some(format!("not used: {}", left.join(", "))),
        many => Some(format!("not used: {} and {} more", left[..20].join(", "), many - 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_role_and_what_is_left_is_listed() {
        let there: Vec<String> =
            ["Labels", "Shadow-Logit", "x", "logits", "MEMBER"].map(str::to_owned).into();
        let none = BTreeMap::new();
        let at = |role| find(role, &there, &none, "f").unwrap();
        assert_eq!((at(Role::Labels), at(Role::Logits), at(Role::Membership)), (Some(0), Some(3), Some(4)));
        assert_eq!(at(Role::ShadowLogits), None);
        let expected = "not used: Shadow-Logit (is shadow_logits meant?), x";
        assert_eq!(unused(&there, &[0, 3, 4]).unwrap(), expected);
        let given = [(Role::Labels, "x".to_owned())].into();
        assert_eq!(find(Role::Labels, &there, &given, "f").unwrap(), Some(2));
        let wrong = [(Role::Labels, "z".to_owned())].into();
        assert!(
            find(Role::Labels, &there, &wrong, "f").unwrap_err().to_string().contains("--column labels=z")
        );
    }
}
