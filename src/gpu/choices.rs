//! Which tile variant runs, by kernel family and shape class: a small table, pure data. Where there is no entry,
//! the adapter's default variant runs. Not how it is measured and kept: that is `plan::tune`.

use crate::graph::{Tensor, Tile};
use serde::de::IntoDeserializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The class of an operation's shapes: the columns of its first input and of its output, each small (S, up to 32),
/// medium (M, up to 256) or large (L). For a dense layer these are K and N.
/// Neither the number of replicas nor the rows are part of it: how many rows are merged into one pass depends on the
/// replicas that share the adapter's limits, and a replica's bytes must not depend on its company.
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
/// `"FAMILY CLASS TILE"`, such as `"dense L×S register"`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Choices(BTreeMap<(String, String), Tile>);

impl Choices {
    /// The variant of `family` (an operation's name) for these shapes, if one was chosen.
    pub fn tile(&self, family: &str, inputs: &[Tensor], output: &Tensor) -> Option<Tile> {
        // Most adapters have no table, and then no class has to be made.
        if self.0.is_empty() {
            return None;
        }
        self.of(family, &shape_class(inputs, output))
    }

    /// [`tile`](Self::tile) by the class's name.
    pub fn of(&self, family: &str, class: &str) -> Option<Tile> {
        self.0.get(&(family.to_owned(), class.to_owned())).copied()
    }

    pub fn insert(&mut self, family: &str, class: &str, tile: Tile) {
        self.0.insert((family.to_owned(), class.to_owned()), tile);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Without the variants that are not among `tiles`.
    #[must_use]
    pub fn only(mut self, tiles: &[Tile]) -> Self {
        self.0.retain(|_, tile| tiles.contains(tile));
        self
    }
}

impl From<Choices> for Vec<String> {
    fn from(choices: Choices) -> Self {
        let entries = choices.0.into_iter();
        entries.map(|((family, class), tile)| format!("{family} {class} {}", tile.name())).collect()
    }
}

impl TryFrom<Vec<String>> for Choices {
    type Error = String;

    fn try_from(entries: Vec<String>) -> Result<Self, String> {
        let mut choices = Choices::default();
        for entry in entries {
            let fault = || format!("`{entry}`: expected \"FAMILY CLASS TILE\"");
            let parts: Vec<&str> = entry.split_whitespace().collect();
            let [family, class, tile] = parts[..] else { return Err(fault()) };
            let tile: Result<Tile, serde::de::value::Error> = Tile::deserialize(tile.into_deserializer());
            choices.insert(family, class, tile.map_err(|e| format!("`{entry}`: {e}"))?);
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
        choices.insert("dense", "L×S", Tile::Register);
        let (inputs, y) = ([Tensor::f32(128, 600), Tensor::f32(601, 32)], Tensor::f32(128, 32));
        assert_eq!(choices.tile("dense", &inputs, &y), Some(Tile::Register));
        assert_eq!(choices.tile("dense_dx", &inputs, &y), None);
        assert_eq!(choices.tile("dense", &inputs, &Tensor::f32(128, 33)), None);
        let text = serde_json::to_string(&choices).unwrap();
        assert_eq!(text, r#"["dense L×S register"]"#);
        assert_eq!(serde_json::from_str::<Choices>(&text).unwrap(), choices);
        assert!(choices.only(&[Tile::Outer]).is_empty());
    }

    #[test]
    fn an_entry_of_another_form_is_refused_with_its_text() {
        for entry in ["dense L×S", "dense L×S square"] {
            let error = Choices::try_from(vec![entry.to_owned()]).unwrap_err();
            assert!(error.contains(entry), "{error}");
        }
    }
}
