//! Which variant runs, by operation and shape class: a small table, pure data. Where there is no entry, or a
//! variant that adapter or shape do not allow, the default runs. Not how it is measured and kept: that is
//! `lab::tune`; nor which variants there are: operations say so.

use crate::graph::Tensor;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The class of an operation's shapes: the columns of its first input and of its output, each small (S, up to
/// 32), medium (M, up to 256) or large (L). For a dense layer these are K and N. Neither the number of
/// replicas nor the rows are part of it: how many rows are merged into one pass depends on the replicas that
/// share the adapter's limits, and a replica's bytes must not depend on its company.
pub fn shape_class(inputs: &[Tensor], output: &Tensor) -> String {
    let first = inputs.first().unwrap_or(output);
    let size = |n: usize| match n {
        0..=32 => "S",
        33..=256 => "M",
        _ => "L",
    };
    [first.cols, output.cols].map(size).join("×")
}

/// The variants chosen for an adapter where they are not its default. In files a list of
/// `"FAMILY CLASS VARIANT"`, such as `"dense L×S register"`; the family is an operation's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Choices(BTreeMap<(String, String), String>);

impl Choices {
    /// The variant of `family` for these shapes, if one was chosen.
    pub fn variant(&self, family: &str, inputs: &[Tensor], output: &Tensor) -> Option<&str> {
        // Most adapters have no table, and then no class has to be made.
        if self.0.is_empty() {
            return None;
        }
        self.for_class(family, &shape_class(inputs, output))
    }

    /// [`variant`](Self::variant) by the class's name.
    pub fn for_class(&self, family: &str, class: &str) -> Option<&str> {
        self.0.get(&(family.to_owned(), class.to_owned())).map(String::as_str)
    }

    /// Chooses `variant` for `family`, an operation's name, at the shapes of `class`, in place of an earlier
    /// choice.
    pub fn insert(&mut self, family: &str, class: &str, variant: &str) {
        self.0.insert((family.to_owned(), class.to_owned()), variant.to_owned());
    }

    /// (family, class, variant) of each, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().map(|((family, class), variant)| (family.as_str(), class.as_str(), variant.as_str()))
    }

    /// How many choices there are: pairs of a family and a class.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was chosen, so that defaults run everywhere.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Choices> for Vec<String> {
    fn from(choices: Choices) -> Self {
        choices.iter().map(|(family, class, variant)| format!("{family} {class} {variant}")).collect()
    }
}

impl TryFrom<Vec<String>> for Choices {
    type Error = String;

    fn try_from(entries: Vec<String>) -> Result<Self, String> {
        let mut choices = Choices::default();
        for entry in entries {
            let parts: Vec<&str> = entry.split_whitespace().collect();
            let [family, class, variant] = parts[..] else {
                return Err(format!("`{entry}`: expected \"FAMILY CLASS VARIANT\""));
            };
            choices.insert(family, class, variant);
        }
        Ok(choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_a_layers_width_and_not_how_many_rows_are_merged() {
        let dense = [Tensor::f32(128, 600), Tensor::f32(601, 32)];
        assert_eq!(shape_class(&dense, &Tensor::f32(128, 32)), "L×S");
        let merged = [Tensor::f32(1408, 600), dense[1]];
        assert_eq!(shape_class(&merged, &Tensor::f32(1408, 32)), "L×S");
    }

    #[test]
    fn choices_are_found_by_family_and_class_and_survive_being_written() {
        let mut choices = Choices::default();
        choices.insert("dense", "L×S", "register");
        let (inputs, y) = ([Tensor::f32(128, 600), Tensor::f32(601, 32)], Tensor::f32(128, 32));
        assert_eq!(choices.variant("dense", &inputs, &y), Some("register"));
        assert_eq!(choices.variant("dense_dx", &inputs, &y), None);
        assert_eq!(choices.variant("dense", &inputs, &Tensor::f32(128, 33)), None);
        let text = serde_json::to_string(&choices).unwrap();
        assert_eq!(text, r#"["dense L×S register"]"#);
        assert_eq!(serde_json::from_str::<Choices>(&text).unwrap(), choices);
    }

    #[test]
    fn an_entry_of_another_form_is_refused_with_its_text() {
        for entry in ["dense L×S", "dense L×S register tile"] {
            let error = Choices::try_from(vec![entry.to_owned()]).unwrap_err();
            assert!(error.contains(entry), "{error}");
        }
    }
}
