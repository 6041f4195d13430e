//! Which variants there are by name, for files that choose among them: `run.toml` and tuning tables. Not what
//! they choose: that is [`Choices`].

use super::ALL;
use crate::gpu::Choices;
use serde::{Deserialize, Deserializer, de::Error};
use std::collections::BTreeSet;

/// Reads choices and refuses a variant that no operation has.
///
/// # Errors
/// An entry of another form, or with an unknown variant: names the entry and the variants that there are.
pub fn known_choices<'de, D: Deserializer<'de>>(file: D) -> Result<Choices, D::Error> {
    let choices = Choices::deserialize(file)?;
    if choices.is_empty() {
        return Ok(choices);
    }
    let names = variant_names();
    if let Some((family, class, variant)) = choices.iter().find(|(_, _, variant)| !names.contains(variant)) {
        let names: Vec<&str> = names.into_iter().collect();
        let names = names.join(", ");
        return Err(D::Error::custom(format!(
            "`{family} {class} {variant}`: expected a variant among {names}"
        )));
    }
    Ok(choices)
}

/// The names of all variants of all operations.
fn variant_names() -> BTreeSet<&'static str> {
    let cases = ALL.iter().flat_map(|(_, cases)| cases());
    // A case that does not fit its operation is found by `lab::check`.
    let launches = cases.filter_map(|case| case.graph().ok()).flat_map(|graph| graph.launches());
    launches.flat_map(|(_, launch)| launch.variants).map(|variant| variant.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entry: &str) -> Result<Choices, serde_json::Error> {
        let text = serde_json::to_string(&[entry]).unwrap();
        known_choices(&mut serde_json::Deserializer::from_str(&text))
    }

    #[test]
    fn an_unknown_variant_is_refused_with_the_entry_and_the_names() {
        let error = read("dense L×S square").unwrap_err().to_string();
        assert!(
            error.contains("dense L×S square") && error.contains("outer, register, small, split, tall"),
            "{error}"
        );
        assert!(read("dense L×S").unwrap_err().to_string().contains("`dense L×S`"));
    }

    /// Files of earlier versions name an adapter's class of kernels, whether or not the operation has such a
    /// variant.
    #[test]
    fn names_of_earlier_versions_are_read() {
        for name in ["workgroup", "register", "outer"] {
            for family in ["dense", "conv2d_dx", "label_layer_dw", "adam"] {
                assert!(read(&format!("{family} L×L {name}")).is_ok(), "{family} {name}");
            }
        }
    }
}
