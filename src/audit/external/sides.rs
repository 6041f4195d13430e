//! Predictions whose members and non-members are arrays apart: `logits_train` and `logits_test`,
//! `member_labels` and `nonmember_labels`.
//!
//! Not their reading (`arrays`).

use super::names::plain;

const MEMBERS: [&str; 7] = ["train", "training", "member", "members", "in", "seen", "trn"];
const OTHERS: [&str; 10] =
    ["test", "testing", "nonmember", "nonmembers", "out", "unseen", "holdout", "val", "valid", "validation"];

/// What arrays are called: as if they were not apart, and in the file.
pub(super) type Naming = Vec<(String, String)>;

/// The arrays of the members and those of the others, where names tell them apart; of several kinds of others
/// (a validation set too) the first of [`OTHERS`].
pub(super) fn split(names: &[String]) -> Option<[Naming; 2]> {
    let with = |word: &str| -> Naming {
        let named = names.iter().filter_map(|name| Some((base(name, word)?, name.clone())));
        named.filter(|(base, _)| !base.is_empty()).collect()
    };
    let outputs = |naming: &Naming| naming.len() > 1;
    let members = MEMBERS.iter().map(|word| with(word)).find(outputs)?;
    let others = OTHERS.iter().map(|word| with(word)).find(outputs)?;
    Some([members, others])
}

/// The name without `word`, which it begins or ends with.
fn base(name: &str, word: &str) -> Option<String> {
    let name = plain(name).replace("non_member", "nonmember");
    let end = name.strip_suffix(word).and_then(|rest| rest.strip_suffix('_'));
    let begin = || name.strip_prefix(word).and_then(|rest| rest.strip_prefix('_'));
    end.or_else(begin).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_names(names: &[&str]) -> Option<[Vec<String>; 2]> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Some(
            split(&names)?
                .map(|naming| naming.into_iter().map(|(base, name)| format!("{base}={name}")).collect()),
        )
    }

    #[test]
    fn sides_are_told_by_the_words_around_a_name() {
        let [members, others] =
            split_names(&["logits_train", "logits_test", "y_train", "y_test", "z_val"]).unwrap();
        assert_eq!(members, ["logits=logits_train", "y=y_train"]);
        assert_eq!(others, ["logits=logits_test", "y=y_test"]);
        let names = ["member_probs", "member_labels", "non-member_probs", "non-member_labels"];
        assert_eq!(split_names(&names).unwrap()[1], ["probs=non-member_probs", "labels=non-member_labels"]);
        assert_eq!(split_names(&["logits", "labels", "in_training"]), None);
    }
}
