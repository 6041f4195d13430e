//! The tables of a reproduction, all checked before the first run is begun: their data, set-ups and runs.
//!
//! Not how far the runs are ([`super::runs`]).

use super::published::KnownDataset;
use super::request::{DataRequest, ReproductionJob, Request, Setup};
use super::tables::{self, TableRun};
use crate::error::{Error, Result};
use crate::run::config::{Config, GameForm, Layer, TuningConfig};
use crate::run::event::{Event, Observer};
use crate::run::preset;
use std::path::{Path, absolute};

/// The tables that are asked for, all checked before the first is begun: their data, and the runs of each.
pub(super) struct Wanted {
    setups: Vec<Setup>,
    /// The place of its setup, and its runs.
    tables: Vec<(usize, Vec<TableRun>)>,
}

impl Wanted {
    pub(super) fn new(job: &ReproductionJob, observer: &mut dyn Observer) -> Result<Self> {
        let request = job.request;
        let mut setups = vec![];
        let own = [None];
        let forms: Vec<Option<GameForm>> = request.forms.iter().copied().map(Some).collect();
        let forms = if forms.is_empty() { &own[..] } else { &forms };
        let each_form = |wanted| forms.iter().map(move |form| (wanted, *form));
        for (wanted, form) in request.data.iter().flat_map(each_form) {
            let mut setup = setup(wanted, form, request, observer)?;
            // As it stands in a run's configuration, which a table's is compared with.
            setup.config.tuning = TuningConfig::of(job.context);
            setups.push(setup);
        }
        let mut tables = vec![];
        for (place, setup) in setups.iter().enumerate() {
            for &table in &request.tables {
                tables.push((place, tables::runs(table, setup, request)?));
            }
        }
        Ok(Wanted { setups, tables })
    }

    /// A table after another.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&Setup, &[TableRun])> {
        self.tables.iter().map(|(setup, runs)| (&self.setups[*setup], &runs[..]))
    }

    /// All runs, the longer lists first: a shorter one is then found among them.
    pub(super) fn runs(&self) -> Vec<(&Setup, &TableRun)> {
        let mut runs: Vec<(&Setup, &TableRun)> =
            self.tables().flat_map(|(setup, runs)| runs.iter().map(move |run| (setup, run))).collect();
        runs.sort_by_key(|(_, run)| std::cmp::Reverse(run.config.replica_count()));
        runs
    }
}

/// Loads the data that are `wanted` and finds their preset.
fn setup(
    wanted: &DataRequest,
    form: Option<GameForm>,
    request: &Request,
    observer: &mut dyn Observer,
) -> Result<Setup> {
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
    if let Some(form) = form {
        layers.push(Layer::set(&format!("defense.form={}", form.name()))?);
    }
    layers.extend(request.settings.iter().cloned());
    layers.extend(data.map(|path| Layer::string("--data", "data.path", &path)));
    let mut config = Config::resolve(&layers)?;
    let before = Config::merge(&plain)?;
    let mut changes = tables::changes(&before, &config)?;
    if request.scale != 1.0 {
        changes.extend(tables::shrink(&mut config, request.scale)?);
    }
    let dataset = crate::train::load(&mut config)?;
    observer.event(&Event::dataset(&dataset));
    let known = KnownDataset::named(&config.name)?;
    if let Some(form) = form {
        // The runs and the tables of a form have names of their own.
        config.name = format!("{}-{}", config.name, form.name());
    }
    Ok(Setup { config, dataset, known, changes })
}

/// A path that holds wherever a run is continued from.
fn full(path: &str) -> Result<String> {
    let full = absolute(path).map_err(|e| Error::io(path, &e))?;
    full.into_os_string()
        .into_string()
        .map_err(|_| Error::usage(path).expected("a path in UTF-8").found("another in a directory above it"))
}
