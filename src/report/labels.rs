//! How models and attacks are called in text: by the settings in which the models of a run differ.

use std::collections::BTreeSet;

use crate::audit::attacks;
use crate::audit::results::summary::ReplicaSummary;
use crate::run::config::{Nesting, Replica, replica_keys, short};

/// The columns that tables and text keep to.
pub(crate) const WIDTH: usize = 100;

/// Stands for what was not measured or cannot be resolved.
pub(super) const NONE: &str = "–";

/// A setting's name and its value as text.
pub(super) type Setting = (&'static str, fn(&Replica) -> String);

/// λ always, the others where they differ among the replicas, in the order of the lists but λ after |D′|.
pub(super) fn shown_settings(replicas: &[ReplicaSummary]) -> Vec<Setting> {
    const LAMBDA: &str = "λ";
    let differs = |text: fn(&Replica) -> String| {
        replicas.iter().filter_map(|r| r.settings).map(|s| text(&s)).collect::<BTreeSet<_>>().len() > 1
    };
    let trained_here = replicas.iter().any(|r| r.settings.is_some());
    let mut keys = replica_keys();
    keys.retain(|key| trained_here && (key.label == LAMBDA || differs(key.text)));
    keys.sort_by_key(|key| if key.label == LAMBDA { Nesting::Outermost } else { key.nesting });
    keys.into_iter().map(|key| (key.label, key.text)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_their_percentage() {
        let keys = ["tpr_at_fpr_0.0001", "tpr_at_fpr_0.001", "tnr_at_fnr_0.01", "epsilon_lower_bound"];
        assert_eq!(keys.map(metric), ["TPR@0.01%", "TPR@0.1%", "TNR@1%", "epsilon lower bound"]);
    }
}
