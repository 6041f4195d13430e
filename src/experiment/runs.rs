//! The runs of a reproduction in its directory: found finished, continued, or carried out.
//!
//! Not what is asked for ([`super::tables`]) and not how a run is carried out ([`super::run`]).
//! `OUT/runs/PRESET-TABLE` is an ordinary run's directory: `veilgrad train --resume` and `veilgrad audit`
//! work on it.

use super::request::{ReproductionJob, Setup};
use super::run::{RunJob, carry_out, keep, plan};
use super::tables::TableRun;
use crate::audit::results::summary::Summary;
use crate::error::{Error, Result};
use crate::report::reproduction::RUNS;
use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::directory::SUMMARY;
use crate::run::event::{Event, Observer, Phase, Work};
use crate::train::parts::mixed;
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

    /// The tasks of these runs, in their order, and those of them that were done before this command. A run
    /// that finds all of its replicas in another one has none of its own.
    ///
    /// # Errors
    /// Another run in the place of one of them; those of [`plan`].
    pub fn plan(&self, job: &ReproductionJob, wanted: &[(&Setup, &TableRun)]) -> Result<Planned> {
        let mut planned = Planned::default();
        for (setup, run) in own_runs(wanted) {
            let (standing, config) = match self.standing(run)? {
                Standing::Finished(directory) => {
                    let config = directory.read_config()?;
                    (Standing::Finished(directory), config)
                }
                standing => (standing, run.config.clone()),
            };
            // Found out before anything is trained beside it.
            standing.directory().check_data(&setup.dataset, false).map_err(other_data)?;
            let works = plan(&job.run(&config, setup, &standing))?;
            if matches!(standing, Standing::Finished(_)) {
                planned.finished.extend(works.clone());
            }
            planned.works.extend(works);
        }
        Ok(planned)
    }

    /// The runs as they are before any of them is begun, for parts of them to be trained, and whether each is
    /// finished.
    ///
    /// # Errors
    /// Another run in the place of one of them.
    pub fn unbegun<'w>(&self, wanted: &[(&'w Setup, &'w TableRun)]) -> Result<Vec<UnbegunRun<'w>>> {
        own_runs(wanted)
            .into_iter()
            .map(|(setup, run)| {
                let finished = matches!(self.standing(run)?, Standing::Finished(_));
                Ok(UnbegunRun { setup, run, finished, directory: RunDirectory::at(&self.place(run)) })
            })
            .collect()
    }

    /// Sees to it that the run is there with its summary.
    ///
    /// # Errors
    /// Another run in its place; those of [`carry_out`].
    pub fn see_to(
        &self,
        job: &ReproductionJob,
        setup: &Setup,
        run: &TableRun,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let standing = match self.standing(run)? {
            Standing::Finished(directory) => {
                let path = directory.path().display();
                observer.event(&Event::Note(format!("{}: already done, in {path}", run.table.name())));
                return Ok(());
            }
            // Without a configuration in it, it is a run that was killed as it began.
            Standing::New(directory) => Standing::New(RunDirectory::create(directory.path(), true)?.held()?),
            Standing::Begun(directory) => Standing::Begun(directory.held()?),
        };
        let path = standing.directory().path().display();
        observer.event(&Event::Note(format!("run directory: {path}")));
        carry_out(&job.run(&run.config, setup, &standing), observer).map(drop)
    }

    /// Where the run is, or will be.
    fn place(&self, run: &TableRun) -> PathBuf {
        let part = run.part.as_ref().map_or(String::new(), |part| format!("-{part}"));
        self.path.join(format!("{}-{}{part}", run.config.name, run.table.name()))
    }

    /// How far the run is.
    fn standing(&self, run: &TableRun) -> Result<Standing> {
        if let Some((directory, _)) = self.find(&run.config)? {
            return Ok(Standing::Finished(directory));
        }
        let path = self.place(run);
        match RunDirectory::open(&path) {
            Ok(found) if is_of(&run.config, &found.read_config()?) => Ok(Standing::Begun(found)),
            Ok(_) => Err(Error::usage(path.display().to_string())
                .expected("a run with the settings of this command")
                .found("one with others")
                .advice("choose another --out, or remove that run")),
            Err(_) => Ok(Standing::New(RunDirectory::at(&path))),
        }
    }

    /// The summary of the finished run of `config`, the numbers in it of the configuration's replicas, and what its
    /// models were trained on where that was not one machine.
    ///
    /// # Errors
    /// There is none.
    pub fn summary(&self, config: &Config) -> Result<(Summary, Vec<usize>, Option<String>)> {
        match self.find(config)? {
            Some((directory, replicas)) => Ok((directory.read_summary()?, replicas, mixed(&directory)?)),
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

/// Those that do not find all of their replicas in one before them.
fn own_runs<'w>(wanted: &[(&'w Setup, &'w TableRun)]) -> Vec<(&'w Setup, &'w TableRun)> {
    let mut own: Vec<(&Setup, &TableRun)> = vec![];
    for (setup, run) in wanted {
        if own.iter().all(|(_, other)| among(&run.config, &other.config).is_none()) {
            own.push((setup, run));
        }
    }
    own
}

/// A run of a table for which nothing was prepared.
#[derive(Debug)]
pub struct UnbegunRun<'w> {
    /// Its data set and preset.
    pub setup: &'w Setup,
    /// The table's run.
    pub run: &'w TableRun,
    /// With its summary, in its own directory or as a part of another run.
    pub finished: bool,
    /// Where it is or would be.
    pub directory: RunDirectory,
}

/// A table is of one reading of its data: there is no way to accept others.
fn other_data(error: Error) -> Error {
    error.advice("put the file back as it was, or choose another --out")
}

/// The tasks of a reproduction.
#[derive(Debug, Default)]
pub struct Planned {
    /// In their order, those of finished runs included.
    pub works: Vec<Work>,
    /// Those of the runs that are finished.
    finished: Vec<Work>,
}

impl Planned {
    /// What is left to do as a multiple of the training that is left; 1 where nothing is.
    pub fn left_by_training(&self) -> f64 {
        let left = self.works.iter().filter(|work| !self.finished.contains(work));
        let (mut all, mut training) = (0.0, 0.0);
        for work in left {
            all += work.cost;
            training += if work.task.phase == Phase::Training { work.cost } else { 0.0 };
        }
        if training > 0.0 { all / training } else { 1.0 }
    }

    /// Tells of all tasks, then of those that were done before.
    pub fn tell(&self, observer: &mut dyn Observer) {
        observer.event(&Event::Planned(self.works.clone()));
        keep(&self.finished, observer);
    }
}

/// How far a run is, and its directory.
enum Standing {
    /// With its summary, in its own directory or as a part of another run.
    Finished(RunDirectory),
    Begun(RunDirectory),
    New(RunDirectory),
}

impl Standing {
    fn directory(&self) -> &RunDirectory {
        let (Standing::Finished(directory) | Standing::Begun(directory) | Standing::New(directory)) = self;
        directory
    }
}

impl<'a> ReproductionJob<'a> {
    fn run(&self, config: &'a Config, setup: &'a Setup, standing: &'a Standing) -> RunJob<'a> {
        RunJob {
            config,
            dataset: &setup.dataset,
            context: self.context,
            directory: standing.directory(),
            resume: !matches!(standing, Standing::New(_)),
            mixed: self.mixed,
            stop: self.stop,
        }
    }
}

/// Whether a run that was begun with `found` is the one that is wanted.
fn is_of(wanted: &Config, found: &Config) -> bool {
    wanted.with_deviations_of(found) == *found
}

/// The numbers of `wanted`'s replicas among those of `had`, if all are there and trained as alone: nothing
/// but the lists differs, and what a list's values decide for all replicas is the same in both.
fn among(wanted: &Config, had: &Config) -> Option<Vec<usize>> {
    let mut alike = had.with_lists_of(wanted).with_deviations_of(wanted);
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
    use crate::run::config::{Deviation, Layer, Sweep, replica_keys};

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
        let mut reworded = had.clone();
        reworded.deviations = vec![Deviation::Always("a sentence of another build".to_owned())];
        assert_eq!(among(&had, &reworded), Some((0..6).collect()));
        assert!(is_of(&had, &reworded), "begun, not finished");
        let mut longer = had.clone();
        longer.train.epochs += 1;
        assert_eq!(among(&had, &longer), None);
        assert!(!is_of(&had, &longer));
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
