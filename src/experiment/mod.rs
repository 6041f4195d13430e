//! Runs carried out ([`run`]), and the paper's tables: a table of the paper is a list of runs, and what came
//! of them beside what was published.
//!
//! Not training and not an audit: a table asks for runs ([`tables`]), which are found finished or carried out
//! ([`runs`]), and reads their summaries ([`measure`]). What a table looks like is the report's.
//!
//! ```text
//! Table × data set → tables → configurations and rows → runs → summaries → measure → Comparison
//! ```

pub mod measure;
pub mod published;
pub mod run;
pub mod runs;
pub mod tables;

use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::report::comparison::Comparison;
use crate::run::config::{Config, Layer, TuningConfig};
use crate::run::event::{Event, Observer};
use crate::run::preset;
use published::KnownDataset;
use runs::Runs;
use std::path::{Path, absolute};
use std::sync::atomic::AtomicBool;
use tables::TableRun;

/// A table that can be reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Train, test and attack accuracy without and with the defense.
    Defense,
    /// L2 regularization instead.
    L2,
    /// The defense with a smaller or larger D′.
    ReferenceSize,
    /// The defense with more or less weight on privacy.
    Lambda,
    /// Other defenses beside it, beyond the paper.
    Defenses,
}

impl Table {
    /// In the order of the paper.
    pub const ALL: [Table; 5] =
        [Table::Defense, Table::L2, Table::ReferenceSize, Table::Lambda, Table::Defenses];

    /// As it is typed, and as its files are called.
    pub fn name(self) -> &'static str {
        match self {
            Table::Defense => "defense",
            Table::L2 => "l2",
            Table::ReferenceSize => "reference-size",
            Table::Lambda => "lambda",
            Table::Defenses => "defenses",
        }
    }

    /// In words.
    pub fn title(self) -> &'static str {
        match self {
            Table::Defense => "Without and with the defense",
            Table::L2 => "L2 regularization",
            Table::ReferenceSize => "Size of the reference set D′",
            Table::Lambda => "Weight of the privacy penalty, λ",
            Table::Defenses => "Defenses of other kinds",
        }
    }

    /// `data/published/NAME.csv`.
    fn published(self) -> &'static str {
        match self {
            Table::Defense => include_str!("../../data/published/defense.csv"),
            Table::L2 => include_str!("../../data/published/l2.csv"),
            Table::ReferenceSize => include_str!("../../data/published/reference-size.csv"),
            Table::Lambda => include_str!("../../data/published/lambda.csv"),
            Table::Defenses => include_str!("../../data/published/defenses.csv"),
        }
    }

    /// The table called `name`.
    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub tables: Vec<Table>,
    pub data: Vec<DataRequest>,
    /// What |D| and |D′| are multiplied by.
    pub scale: f64,
    /// Models a row, of the seeds from 0 on.
    pub seeds: usize,
    /// Laid over every preset.
    pub settings: Vec<Layer>,
}

/// A data set and the set-up for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataRequest {
    /// A data file; `None`: the preset needs none.
    pub data: Option<String>,
    /// A preset's name or file; `None`: by the data's size.
    pub preset: Option<String>,
}

/// A data set, loaded, with the configuration of its preset.
#[derive(Debug)]
pub struct Setup {
    pub config: Config,
    pub dataset: Dataset,
    pub known: Option<KnownDataset>,
    /// What was asked for beside the preset, for the table to say.
    pub changes: Vec<String>,
}

/// What a reproduction needs.
#[derive(Debug)]
pub struct ReproductionJob<'a> {
    pub context: &'a Context,
    pub request: &'a Request,
    /// Holds the runs and the tables.
    pub out: &'a Path,
    /// Set from outside (Ctrl-C): stop at the next submission.
    pub stop: &'a AtomicBool,
}

/// Carries out every run that is not there yet, or goes on with the one that was interrupted, and makes the
/// tables.
///
/// # Errors
/// An unknown preset, data that cannot be read, settings out of their range, a directory with other
/// runs; those of [`run::carry_out`]. What was finished before is kept.
pub fn reproduce(job: &ReproductionJob, observer: &mut dyn Observer) -> Result<Vec<Comparison>> {
    let request = job.request;
    let mut setups = vec![];
    for wanted in &request.data {
        let mut setup = setup(wanted, request, observer)?;
        // As it stands in a run's configuration, which a table's is compared with.
        setup.config.tuning = TuningConfig::of(job.context);
        setups.push(setup);
    }
    // All are checked before the first is begun.
    let mut tables = vec![];
    for setup in &setups {
        for &table in &request.tables {
            tables.push((setup, tables::runs(table, setup, request)?));
        }
    }
    let runs = Runs::open(job.out)?;
    let mut wanted: Vec<(&Setup, &TableRun)> =
        tables.iter().flat_map(|(setup, runs)| runs.iter().map(|run| (*setup, run))).collect();
    // The longer lists first: a shorter one is then found among them.
    wanted.sort_by_key(|(_, run)| std::cmp::Reverse(run.config.replica_count()));
    runs.plan(job, &wanted)?.tell(observer);
    for (number, (setup, run)) in wanted.iter().enumerate() {
        let part = run.part.map_or(String::new(), |part| format!(" {part}"));
        let name = format!("{}{part} on {}", run.table.name(), run.config.name);
        observer.event(&Event::Note(format!("run {}/{}: {name}", number + 1, wanted.len())));
        runs.see_to(job, setup, run, observer)?;
    }
    let mut comparisons = vec![];
    for (setup, table_runs) in &tables {
        let summary = |run: &TableRun| runs.summary(&run.config);
        let done = table_runs.iter().map(|run| Ok((run, summary(run)?))).collect::<Result<Vec<_>>>()?;
        comparisons.extend(measure::comparison(setup, &done, request));
    }
    Ok(comparisons)
}

/// Loads the data that are `wanted` and finds their preset.
fn setup(wanted: &DataRequest, request: &Request, observer: &mut dyn Observer) -> Result<Setup> {
    let data = wanted.data.as_ref().map(|path| full(path)).transpose()?;
    let mut layers = match (&wanted.preset, &data) {
        (Some(preset), _) => vec![preset::find(preset)?],
        (None, Some(path)) => {
            let found = crate::dataset::load(Path::new(path), &Config::default().data.load_options())?;
            let size = (found.records(), found.width(), found.classes);
            let known = KnownDataset::of_size(size.0, size.1, size.2)?.ok_or_else(|| {
                Error::usage("--dataset")
                    .expected("a preset's name, for data of a size that no preset is made for")
                    .found(format!("{path}: {} records, {} features, {} classes", size.0, size.1, size.2))
                    .advice("see `veilgrad presets`")
            })?;
            vec![preset::named(&known.preset)?.layer()]
        }
        (None, None) => {
            return Err(Error::usage("--data")
                .expected("a data file, or a preset (--dataset)")
                .found("neither"));
        }
    };
    let plain = layers.clone();
    layers.extend(request.settings.iter().cloned());
    layers.extend(data.map(|path| Layer::string("--data", "data.path", &path)));
    let mut config = Config::resolve(&layers)?;
    let before = Config::merge(&plain)?;
    let mut changes = tables::changes(&before, &config)?;
    if request.scale != 1.0 {
        changes.extend(tables::shrink(&mut config, request.scale)?);
    }
    let dataset = crate::train::load(&config)?;
    observer.event(&Event::dataset(&dataset));
    let known = KnownDataset::named(&config.name)?;
    Ok(Setup { config, dataset, known, changes })
}

/// A path that holds wherever a run is continued from.
fn full(path: &str) -> Result<String> {
    let full = absolute(path).map_err(|e| Error::io(path, &e))?;
    full.into_os_string()
        .into_string()
        .map_err(|_| Error::usage(path).expected("a path in UTF-8").found("another in a directory above it"))
}
