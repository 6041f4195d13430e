//! What tuning found on an adapter, and where it is kept: a TOML file for each adapter in the user's cache
//! directory. Not how it is found: that is [`super::tune`].

use crate::error::{Error, Result};
use crate::gpu::{AdapterSummary, Choices};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// One variant at one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The operation.
    pub family: String,
    /// [`shape_class`](crate::gpu::shape_class).
    pub class: String,
    /// The tensors it reads, then the one it writes.
    pub shape: String,
    /// The variant's name; `tile` in the file.
    #[serde(rename = "tile")]
    pub variant: String,
    /// The shader's name.
    pub kernel: String,
    /// Median time of a dispatch; absent where the variant did not pass.
    pub microseconds: Option<f64>,
    /// The largest error of its conformance cases, in units of their tolerance: passed if at most 1.
    pub worst: f64,
}

/// What was found on an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningTable {
    /// The adapter's name.
    pub adapter: String,
    /// The driver's name and version.
    pub driver: String,
    /// The version of this program.
    pub veilgrad: String,
    /// SHA-256 of the sources of all candidates: a table of other kernels says nothing of these.
    pub kernels: String,
    /// What differs from the adapter's default.
    #[serde(deserialize_with = "crate::ops::known_choices")]
    pub choices: Choices,
    /// By shape; of each the adapter's default first.
    pub candidates: Vec<Candidate>,
}

/// How the defaults do beside the choices: both as multiples of the chosen variant's time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Regret {
    /// Over the sum of all shapes' times.
    pub overall: f64,
    /// At the worst shape.
    pub worst: f64,
}

/// The candidates of each shape, the default first.
pub fn by_shape(candidates: &[Candidate]) -> impl Iterator<Item = &[Candidate]> {
    candidates.chunk_by(|a, b| a.family == b.family && a.shape == b.shape)
}

/// What runs at a shape where `variant` is chosen: that one if it is among the candidates, else the default.
pub(super) fn run_by<'a>(shape: &'a [Candidate], variant: &str) -> &'a Candidate {
    shape.iter().find(|candidate| candidate.variant == variant).unwrap_or(&shape[0])
}

impl TuningTable {
    /// The candidate that runs at a shape: the chosen one.
    pub fn chosen<'a>(&self, shape: &'a [Candidate]) -> &'a Candidate {
        let default = &shape[0];
        match self.choices.for_class(&default.family, &default.class) {
            Some(variant) => run_by(shape, variant),
            None => default,
        }
    }

    /// How much slower the defaults are. 1: as fast.
    pub fn regret(&self) -> Regret {
        let mut regret = Regret { overall: 1.0, worst: 1.0 };
        let mut sums = [0.0, 0.0];
        for shape in by_shape(&self.candidates) {
            let (Some(a), Some(b)) = (shape[0].microseconds, self.chosen(shape).microseconds) else {
                continue;
            };
            sums[0] += a;
            sums[1] += b;
            regret.worst = f64::max(regret.worst, a / b);
        }
        if sums[1] > 0.0 {
            regret.overall = sums[0] / sums[1];
        }
        regret
    }

    /// With what `earlier` holds of operations that this one does not: both of the same kernels.
    #[must_use]
    pub fn with_others_of(mut self, earlier: TuningTable) -> Self {
        let measured = |family: &str| self.candidates.iter().any(|own| own.family == family);
        let (candidates, choices) = (earlier.candidates, earlier.choices);
        let kept: Vec<Candidate> = candidates.into_iter().filter(|c| !measured(&c.family)).collect();
        let mut all = self.choices.clone();
        for (family, class, variant) in choices.iter().filter(|(family, _, _)| !measured(family)) {
            all.insert(family, class, variant);
        }
        self.candidates.extend(kept);
        TuningTable { choices: all, ..self }
    }

    /// Writes the table as TOML, and the directories above it.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::usage("tuning table").found(e.to_string()))?;
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, &e))?;
        }
        std::fs::write(path, text).map_err(|e| Error::io(path, &e))
    }
}

/// Where the table of an adapter is kept: the user's cache directory (on Linux `$XDG_CACHE_HOME/veilgrad` or
/// `~/.cache/veilgrad`). `None`: there is no home directory.
pub fn place(adapter: &AdapterSummary) -> Option<PathBuf> {
    let directories = directories::ProjectDirs::from("", "", "veilgrad")?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = format!("{} {}", adapter.name, adapter.driver).chars().map(plain).collect();
    let words: Vec<&str> = name.split('-').filter(|w| !w.is_empty()).collect();
    Some(directories.cache_dir().join("tuning").join(format!("{}.toml", words.join("-"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(family: &str, microseconds: f64) -> TuningTable {
        let mut choices = Choices::default();
        choices.insert(family, "L×L", "register");
        let candidate = Candidate {
            family: family.to_owned(),
            class: "L×L".into(),
            shape: "1×1".into(),
            variant: "register".into(),
            kernel: "k".into(),
            microseconds: Some(microseconds),
            worst: 0.1,
        };
        TuningTable {
            adapter: "a".into(),
            driver: "b".into(),
            veilgrad: "0".into(),
            kernels: "0".into(),
            choices,
            candidates: vec![candidate],
        }
    }

    #[test]
    fn measuring_one_operation_again_keeps_what_is_known_of_others() {
        let both = table("dense", 1.0).with_others_of(table("adam", 2.0));
        let again = table("adam", 3.0).with_others_of(both);
        assert_eq!(Vec::from(again.choices.clone()), ["adam L×L register", "dense L×L register"]);
        let times: Vec<_> = again.candidates.iter().map(|c| (c.family.as_str(), c.microseconds)).collect();
        assert_eq!(times, [("adam", Some(3.0)), ("dense", Some(1.0))]);
    }
}
