//! The attacks: a row of [`ALL`] each, and a file, or a score in [`scores`] that `threshold` judges.

pub mod as_published;
pub mod attack;
pub mod blind;
mod by_shadows;
pub mod label_only;
pub mod ladder;
pub mod lira;
pub mod neural;
mod neural_attack;
pub mod rmia;
pub mod scored;
pub mod scores;
pub mod shadow_model;
mod softmax;
mod threshold;
pub mod variances;

use attack::MembershipAttack;
use attack::Need::{Gpu, Queries, ShadowOutputs, Shadows};

/// What most rows have in common: an attack by the model's own outputs, in no time.
const BY_OUTPUTS: MembershipAttack = MembershipAttack {
    name: "",
    title: "",
    needs: &[],
    sees_label: true,
    learns: false,
    cost: None,
    run: |_, _, _| Ok(vec![]),
};

/// The same of attacks by shadow models: their training is a task of its own.
const BY_SHADOWS: MembershipAttack = MembershipAttack { needs: &[Shadows], ..BY_OUTPUTS };

/// Every attack, in the order in which they are run and in which a score file holds them.
pub const ALL: &[MembershipAttack] = &[
    MembershipAttack {
        name: "gap",
        title: "gap",
        run: |attack, evidence, _| threshold::global(attack, evidence, scores::gap),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "confidence_per_class",
        title: "confidence per class",
        learns: true,
        run: |attack, evidence, _| threshold::per_class(attack, evidence, scores::confidence),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "confidence",
        title: "confidence",
        run: |attack, evidence, _| threshold::global(attack, evidence, scores::confidence),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "entropy_per_class",
        title: "entropy per class",
        sees_label: false,
        learns: true,
        run: |attack, evidence, _| threshold::per_class(attack, evidence, scores::entropy),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "entropy",
        title: "entropy",
        sees_label: false,
        run: |attack, evidence, _| threshold::global(attack, evidence, scores::entropy),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "modified_entropy_per_class",
        title: "modified entropy per class",
        learns: true,
        run: |attack, evidence, _| threshold::per_class(attack, evidence, scores::modified_entropy),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "modified_entropy",
        title: "modified entropy",
        run: |attack, evidence, _| threshold::global(attack, evidence, scores::modified_entropy),
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "neural",
        title: "neural",
        needs: &[Gpu],
        learns: true,
        cost: Some(neural_attack::cost),
        run: neural_attack::run,
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "label_only",
        title: "label only",
        needs: &[Queries],
        cost: Some(label_only::cost),
        run: label_only::run,
        ..BY_OUTPUTS
    },
    MembershipAttack {
        name: "lira_online",
        title: "LiRA online",
        run: |attack, evidence, _| by_shadows::each(attack, evidence, lira::online_scores),
        ..BY_SHADOWS
    },
    MembershipAttack {
        name: "lira_offline",
        title: "LiRA offline",
        run: |attack, evidence, _| by_shadows::each(attack, evidence, lira::offline_scores),
        ..BY_SHADOWS
    },
    MembershipAttack {
        name: "rmia_online",
        title: "RMIA online",
        run: |attack, evidence, _| by_shadows::each(attack, evidence, rmia::online_scores),
        ..BY_SHADOWS
    },
    MembershipAttack {
        name: "rmia_offline",
        title: "RMIA offline",
        run: |attack, evidence, _| by_shadows::each(attack, evidence, rmia::offline_scores),
        ..BY_SHADOWS
    },
    MembershipAttack {
        name: "rmia_offline_tuned",
        title: "RMIA tuned",
        run: |attack, evidence, _| rmia::run_tuned(attack, evidence),
        ..BY_SHADOWS
    },
    MembershipAttack {
        name: "shadow_model",
        title: "shadow model",
        needs: &[ShadowOutputs, Gpu],
        cost: Some(shadow_model::cost),
        run: shadow_model::run,
        ..BY_SHADOWS
    },
];

/// The attack of this name.
pub fn find(name: &str) -> Option<&'static MembershipAttack> {
    ALL.iter().find(|attack| attack.name == name)
}

/// How an attack is shown; one that is not of [`ALL`] (the blind attack, another program's) by its name.
pub fn title(name: &str) -> String {
    find(name).map_or_else(|| name.replace('_', " "), |attack| attack.title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// They stand in files, and in conditions that pipelines rely on: none is lost or renamed.
    #[test]
    fn names_are_kept_and_each_is_of_one_attack() {
        let mut names: Vec<&str> = ALL.iter().map(|attack| attack.name).collect();
        for name in [
            "gap",
            "confidence",
            "confidence_per_class",
            "entropy",
            "entropy_per_class",
            "modified_entropy",
            "modified_entropy_per_class",
            "neural",
            "label_only",
            "shadow_model",
            "lira_online",
            "lira_offline",
            "rmia_online",
            "rmia_offline",
            "rmia_offline_tuned",
        ] {
            assert!(names.contains(&name), "{name} is gone");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(ALL.iter().all(|attack| !attack.title.is_empty() && !attack.title.contains('_')));
    }

    #[test]
    fn titles_are_shown_and_unknown_names_are_readable() {
        assert_eq!(
            ["rmia_online", "lira_offline", "label_only"].map(title),
            ["RMIA online", "LiRA offline", "label only"]
        );
        assert_eq!(title("another_program"), "another program");
    }
}
