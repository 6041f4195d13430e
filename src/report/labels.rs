//! How models and attacks are called in text: by the settings in which the models of a run differ.

use std::collections::BTreeSet;

use crate::audit::attacks;
use crate::audit::results::summary::ReplicaSummary;
use crate::run::config::Replica;

/// The columns that tables and text keep to.
pub(super) const WIDTH: usize = 100;

/// Stands for what was not measured or cannot be resolved.
pub(super) const NONE: &str = "–";

/// A setting's name and its value as text.
pub(super) type Setting = (&'static str, fn(&Replica) -> String);

const SETTINGS: [Setting; 13] = [
    ("|D′|", |r| r.reference.to_string()),
    ("λ", |r| short(r.lambda)),
    ("learning rate", |r| short(r.learning_rate)),
    ("attack's rate", |r| short(r.attack_learning_rate)),
    ("weight decay", |r| short(r.weight_decay)),
    ("attack's decay", |r| short(r.attack_weight_decay)),
    ("dropout", |r| short(r.dropout)),
    ("label smoothing", |r| short(r.label_smoothing)),
    ("confidence penalty", |r| short(r.confidence_penalty)),
    ("weight of D′", |r| short(r.reference_weight)),
    ("clip", |r| short(r.clip)),
    ("noise", |r| short(r.noise)),
    ("seed", |r| r.seed.to_string()),
];

/// λ always, the others where they differ among the replicas.
pub(super) fn shown_settings(replicas: &[ReplicaSummary]) -> Vec<Setting> {
    let differs = |text: fn(&Replica) -> String| {
        replicas.iter().filter_map(|r| r.settings).map(|s| text(&s)).collect::<BTreeSet<_>>().len() > 1
    };
    let trained_here = replicas.iter().any(|r| r.settings.is_some());
    let shown = |&(name, text): &Setting| trained_here && (name == "λ" || differs(text));
    SETTINGS.into_iter().filter(shown).collect()
}

/// The settings of a model in words: `λ 1, seed 0`.
pub(super) fn label(settings: Option<&Replica>, shown: &[Setting]) -> String {
    let Some(settings) = settings else { return "the model".to_owned() };
    let parts: Vec<String> = shown.iter().map(|(name, text)| format!("{name} {}", text(settings))).collect();
    parts.join(", ")
}

/// `1 run`, `2 runs`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// An attack's name as text.
pub(super) fn readable(attack: &str) -> String {
    attacks::title(attack)
}

/// A metric's name as text: `tpr_at_fpr_0.01` is TPR@1%.
pub(super) fn metric(key: &str) -> String {
    let percent = |rate: &str| rate.parse().map_or(String::new(), |rate: f64| short(100.0 * rate));
    match (key.strip_prefix("tpr_at_fpr_"), key.strip_prefix("tnr_at_fnr_")) {
        (Some(rate), _) => format!("TPR@{}%", percent(rate)),
        (_, Some(rate)) => format!("TNR@{}%", percent(rate)),
        _ => key.replace('_', " "),
    }
}

/// A number in the shorter of the usual forms.
fn short(value: f64) -> String {
    let plain = value == 0.0 || (1e-4..1e6).contains(&value.abs());
    if plain { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_their_percentage() {
        let keys = ["tpr_at_fpr_0.0001", "tpr_at_fpr_0.001", "tnr_at_fnr_0.01", "epsilon_lower_bound"];
        assert_eq!(keys.map(metric), ["TPR@0.01%", "TPR@0.1%", "TNR@1%", "epsilon lower bound"]);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.0, 3.0, 0.001, 1e-5, 2.5e38].map(short), ["0", "3", "0.001", "1e-5", "2.5e38"]);
    }
}
