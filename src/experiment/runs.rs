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
        audit::run(
            &audit::AuditJob { config, directory, context, dataset, subgroups: None, stop },
            observer,
        )?;
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

/// The numbers of `wanted`'s replicas among those of `had`, if all are there and trained as alone: nothing but
/// the lists differs, and a game is played in both or in neither.
fn among(wanted: &Config, had: &Config) -> Option<Vec<usize>> {
    let mut alike = had.clone();
    alike.model.learning_rate = wanted.model.learning_rate.clone();
    alike.model.weight_decay = wanted.model.weight_decay.clone();
    alike.model.dropout = wanted.model.dropout.clone();
    alike.defense.lambda = wanted.defense.lambda.clone();
    alike.defense.attack.learning_rate = wanted.defense.attack.learning_rate.clone();
    alike.defense.attack.weight_decay = wanted.defense.attack.weight_decay.clone();
    alike.train.seed = wanted.train.seed.clone();
    // Not |D′|: the largest decides which records are left for testing.
    if alike != *wanted || had.is_defended() != wanted.is_defended() {
        return None;
    }
    let all = had.replicas();
    wanted.replicas().iter().map(|r| all.iter().position(|other| other == r)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::Sweep;

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
}
