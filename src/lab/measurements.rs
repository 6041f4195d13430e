//! What `veilgrad bench --json` writes, and the comparison of two such files: two adapters, or two versions.

use super::kernels::KernelGroup;
use super::steps::{StartTime, StepTime};
use crate::error::{Error, Result};
use crate::gpu::AdapterSummary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The results of one call of `veilgrad bench`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurements {
    /// The version of this program.
    pub veilgrad: String,
    /// What it was measured on.
    pub adapter: AdapterSummary,
    /// Which kernel variants ran, in words.
    pub variants: String,
    /// In the order in which they were asked for.
    pub results: Vec<Measured>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Measured {
    /// Of `bench kernels`.
    Kernels(KernelGroup),
    /// Of `bench step`.
    Step(StepTime),
    /// Of `bench start`.
    Start(StartTime),
}

/// One thing that both files have timed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Ratio {
    /// What was timed.
    pub what: String,
    /// Seconds in the first file, the median.
    pub first: f64,
    /// Seconds in the second file, the median.
    pub second: f64,
    /// Second by first: below 1 the second is faster.
    pub ratio: f64,
    /// The second's fastest by the first's slowest, and the other way round: what both runs together allow.
    pub range: [f64; 2],
}

/// Seconds: fastest, median, slowest.
type Times = [f64; 3];

impl Measurements {
    /// Reads a file of `bench --json`.
    ///
    /// # Errors
    /// A file that cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Measurements> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        serde_json::from_str(&text).map_err(|e| {
            Error::data(path.display().to_string())
                .expected("what `veilgrad bench … --json` writes")
                .found(e.to_string())
                .advice("measure again with this version, or compare files of one version")
        })
    }

    /// Everything that was timed, with a name that is the same in every file.
    fn times(&self) -> Vec<(String, Times)> {
        self.results.iter().flat_map(Measured::times).collect()
    }
}

impl Measured {
    fn times(&self) -> Vec<(String, Times)> {
        match self {
            Measured::Kernels(group) => {
                let time = |kernel: &super::kernels::KernelTime| {
                    let name = format!("{} {}, R = {}", kernel.op, kernel.shape, kernel.replicas);
                    let times = [kernel.min_microseconds, kernel.microseconds, kernel.max_microseconds];
                    (name, times.map(|us| us / 1e6))
                };
                group.kernels.iter().map(time).collect()
            }
            Measured::Step(step) => {
                let turns = step.replicas as f64 / step.group as f64;
                let mut sorted = step.epoch_seconds.clone();
                sorted.sort_by(f64::total_cmp);
                let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return vec![] };
                let a_step = |epoch: f64| turns * epoch / step.steps_an_epoch as f64;
                let times = [a_step(*least), step.step_milliseconds / 1e3, a_step(*most)];
                vec![(format!("{}, batch {}, R = {}", step.name, step.batch, step.replicas), times)]
            }
            Measured::Start(start) => vec![
                (format!("{}, cold start", start.name), [start.cold_seconds; 3]),
                (format!("{}, warm start", start.name), [start.warm_seconds; 3]),
            ],
        }
    }
}

/// What both have timed, in the order of the first.
///
/// # Errors
/// Files that have nothing in common.
pub fn compare(first: &Measurements, second: &Measurements) -> Result<Vec<Ratio>> {
    let others = second.times();
    let ratio = |(what, a): (String, Times)| {
        let (_, b) = others.iter().find(|(other, _)| *other == what)?;
        let (range, ratio) = ([b[0] / a[2], b[2] / a[0]], b[1] / a[1]);
        Some(Ratio { what, first: a[1], second: b[1], ratio, range })
    };
    let ratios: Vec<Ratio> = first.times().into_iter().filter_map(ratio).collect();
    if ratios.is_empty() {
        return Err(Error::usage("veilgrad bench compare")
            .expected("two files with kernels, steps or starts in common")
            .found("none")
            .advice("measure the same operations, shapes and numbers of models in both"));
    }
    Ok(ratios)
}

/// The ratios' geometric mean.
pub fn mean(ratios: &[Ratio]) -> f64 {
    (ratios.iter().map(|r| r.ratio.ln()).sum::<f64>() / ratios.len() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::adapter::tests::adapter;
    use crate::graph::Class;
    use crate::lab::steps::FirstStep;

    fn start(name: &str, cold: f64, warm: f64) -> Measured {
        let parts = FirstStep { device: 0.1, plans: 0.2, step: 0.3 };
        let name = name.to_owned();
        Measured::Start(StartTime {
            name,
            cold_seconds: cold,
            warm_seconds: warm,
            cold_parts: parts,
            warm_parts: parts,
        })
    }

    fn measurements(results: Vec<Measured>) -> Measurements {
        let adapter = adapter("an adapter", "vulkan", Class::Software, false);
        Measurements { veilgrad: "0".into(), adapter, variants: String::new(), results }
    }

    #[test]
    fn what_both_have_is_compared_and_the_rest_is_not() {
        let first = measurements(vec![start("a", 4.0, 1.0), start("b", 1.0, 1.0)]);
        let second = measurements(vec![start("c", 1.0, 1.0), start("a", 1.0, 4.0)]);
        let ratios = compare(&first, &second).unwrap();
        let found: Vec<_> = ratios.iter().map(|r| (r.what.as_str(), r.ratio, r.range)).collect();
        assert_eq!(found, [("a, cold start", 0.25, [0.25; 2]), ("a, warm start", 4.0, [4.0; 2])]);
        assert!((mean(&ratios) - 1.0).abs() < 1e-12);
        let none = compare(&first, &measurements(vec![start("d", 1.0, 1.0)])).unwrap_err();
        assert!(none.to_string().contains("in common"), "{none}");
    }

    #[test]
    fn a_file_is_read_back_as_it_was_written() {
        let written = measurements(vec![start("a", 4.0, 1.0)]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, serde_json::to_string(&written).unwrap()).unwrap();
        assert_eq!(Measurements::read(&path).unwrap(), written);
        std::fs::write(&path, "{}").unwrap();
        let error = Measurements::read(&path).unwrap_err().to_string();
        assert!(error.contains("a.json") && error.contains("veilgrad bench"), "{error}");
    }
}
