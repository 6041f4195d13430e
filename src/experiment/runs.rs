//! The runs of a reproduction in its directory: found done, continued, or carried out.
//!
//! Not what is asked for ([`super::tables`]). `OUT/runs/PRESET-TABLE` is an ordinary run's directory: `veilgrad
//! train --resume` and `veilgrad audit` work on it.

use super::Job;
use super::tables::Plan;
use crate::audit::results::summary::Summary;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::report::reproduction::RUNS;
use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::directory::SUMMARY;
use crate::run::event::{Event, Observer};
use crate::{audit, train};
use std::fs;
use std::path::{Path, PathBuf};

/// The directory that holds them.
#[derive(Debug)]
pub struct Runs {
    path: PathBuf,
}

impl Runs {
    /// Those in `out`.
    ///
    /// # Errors
    /// A directory that cannot be made.
    pub fn open(out: &Path) -> Result<Self> {
        let path = out.join(RUNS);
        fs::create_dir_all(&path).map_err(|e| Error::io(&path, &e))?;
        Ok(Runs { path })
    }

    /// Sees to it that the run of `plan` is there with its summary.
    ///
    /// # Errors
    /// Another run in its place; those of training and audit.
    pub fn carry_out(
        &self,
        job: &Job,
        plan: &Plan,
        dataset: &Dataset,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let config = &plan.config;
        if let Some((directory, _)) = self.find(config)? {
            let path = directory.path().display();
            observer.event(&Event::Note(format!("{}: already done, in {path}", plan.table.name())));
            return Ok(());
        }
        let part = plan.part.map_or(String::new(), |part| format!("-{part}"));
        let path = self.path.join(format!("{}-{}{part}", config.name, plan.table.name()));
        let begun = match RunDirectory::open(&path) {
            Ok(found) if found.read_config()? == *config => Some(found),
            Ok(_) => {
                return Err(Error::usage(path.display().to_string())
                    .expected("a run with the settings of this command")
                    .found("one with others")
                    .advice("choose another --out, or remove that run"));
            }
            Err(_) => None,
        };
        let resume = begun.is_some();
        // Without a configuration in it, it is a run that was killed as it began.
        let directory = begun.map_or_else(|| RunDirectory::create(&path, true), Ok)?;
        let Job { context, stop, .. } = *job;
        observer.event(&Event::Note(format!("run directory: {}", path.display())));
        if !directory.is_trained() {
            let job = train::Job { config, dataset, context, directory: &directory, resume, stop };
            train::run(&job, observer)?;
        }
        let (directory, dataset) = (&directory, Some(dataset));
        audit::run(&audit::Job { config, directory, context, dataset, subgroups: None, stop }, observer)?;
        Ok(())
    }

    /// The summary of the finished run of `config`, and the numbers in it of the configuration's replicas.
    ///
    /// # Errors
    /// There is none.
    pub fn summary(&self, config: &Config) -> Result<(Summary, Vec<usize>)> {
        match self.find(config)? {
            Some((directory, replicas)) => Ok((directory.read_summary()?, replicas)),
            None => {
                Err(Error::data(self.path.display().to_string()).expected("a finished run").found("none"))
            }
        }
    }

    /// A finished run that has all replicas of `config`, and their numbers in it.
    fn find(&self, config: &Config) -> Result<Option<(RunDirectory, Vec<usize>)>> {
        let entries = fs::read_dir(&self.path).map_err(|e| Error::io(&self.path, &e))?;
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        for path in paths {
            let Ok(directory) = RunDirectory::open(&path) else { continue };
            if !directory.has(SUMMARY) || !directory.is_trained() {
                continue;
            }
            if let Some(replicas) = among(config, &directory.read_config()?) {
                return Ok(Some((directory, replicas)));
            }
        }
        Ok(None)
    }
}

/// The numbers of `wanted`'s replicas among those of `had`, if all are there and trained as alone: nothing but the
/// lists differs, and what a list's values decide for all replicas is the same in both.
fn among(wanted: &Config, had: &Config) -> Option<Vec<usize>> {
    let mut alike = had.with_lists_of(wanted);
    // Not |D′|: the largest decides which records are left for testing.
    alike.data.reference = had.data.reference.clone();
    let graphs = |c: &Config| [c.is_defended(), c.learns_reference(), c.is_private(), c.penalizes_outputs()];
    if alike != *wanted || graphs(had) != graphs(wanted) {
        return None;
    }
    let all = had.replicas();
    wanted.replicas().iter().map(|r| all.iter().position(|other| other == r)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::{Layer, Sweep, replica_keys};

    #[test]
    fn a_run_with_more_replicas_serves_and_one_with_other_settings_does_not() {
        let with = |lambdas: &[f64], seeds: &[u64]| {
            let mut config = Config::default();
            config.defense.lambda = Sweep::many(lambdas.to_vec());
            config.train.seed = Sweep::many(seeds.to_vec());
            config
        };
        let had = with(&[0.0, 1.0, 3.0], &[0, 1]);
        assert_eq!(among(&with(&[0.0, 3.0], &[0, 1]), &had), Some(vec![0, 1, 4, 5]));
        assert_eq!(among(&with(&[0.0, 3.0], &[1]), &had), Some(vec![1, 5]));
        assert_eq!(among(&with(&[0.0, 2.0], &[0]), &had), None);
        // Plain training has no attack network: another run.
        assert_eq!(among(&with(&[0.0], &[0]), &had), None);
        let mut longer = had.clone();
        longer.train.epochs += 1;
        assert_eq!(among(&had, &longer), None);
    }

    /// Five of the keys were forgotten where this named them by hand: finished runs were trained once more.
    #[test]
    fn a_run_that_differs_in_any_list_serves() {
        for key in replica_keys() {
            let values = if key.key == "train.seed" { ["3", "4"] } else { ["0.25", "0.5"] };
            let with = |values: &str| {
                let mut layers = vec![Layer::list("--flag", key.key, values)];
                if key.key == "defense.private.noise" {
                    // Noise is nothing without a norm to scale it by.
                    layers.push(Layer::list("--flag", "defense.private.clip", "1"));
                }
                Config::resolve(&layers).unwrap()
            };
            if key.key == "data.reference" {
                // The exception: the test records are what the largest D′ leaves.
                let with = |sizes: &str| Config::resolve(&[Layer::list("--flag", key.key, sizes)]).unwrap();
                assert_eq!(among(&with("200"), &with("200,300")), None);
                assert_eq!(among(&with("200,300"), &with("200,300")), Some(vec![0, 1]));
                continue;
            }
            let had = with(&values.join(","));
            assert_eq!(among(&with(values[1]), &had), Some(vec![1]), "{}", key.key);
            assert_eq!(among(&had, &with(values[1])), None, "{}", key.key);
        }
    }

    #[test]
    fn what_one_value_decides_for_all_replicas_must_be_the_same() {
        for key in ["defense.lambda", "defense.reference_weight", "model.label_smoothing"] {
            let with = |values: &str| Config::resolve(&[Layer::list("--flag", key, values)]).unwrap();
            assert_eq!(among(&with("0"), &with("0,0.5")), None, "{key}");
            assert_eq!(among(&with("0.5"), &with("0,0.5")), Some(vec![1]), "{key}");
        }
    }
}
