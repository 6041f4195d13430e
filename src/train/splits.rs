//! The data of a run, and which of its records each replica has as members, reference and test records.

use crate::dataset::{Dataset, LoadOptions, MissingRecords, Schema, Split, load_for, load_splits, synthetic};
use crate::error::{Error, Result};
use crate::run::RunDirectory;
use crate::run::config::{Config, Replica, Stop};
use crate::run::directory::SPLIT;
use std::path::Path;

/// The configured data for a new run: a file, whose schema is learnt from the members, or synthetic records.
/// The sizes of `config` that follow the data are filled in.
///
/// # Errors
/// What [`crate::dataset::load_for`], [`crate::dataset::synthetic`] and [`Config::fit`] find; a schema file that
/// is none.
pub fn load(config: &mut Config) -> Result<Dataset> {
    let schema = match config.data.schema.as_str() {
        "" => None,
        path => Some(Schema::read(Path::new(path))?),
    };
    let dataset = load_with(config, schema)?;
    config.fit(dataset.records())?;
    if !config.data.split.is_empty() {
        let splits = splits(config, &config.replicas(), dataset.records())?;
        let fewest = |of: fn(&Split) -> usize| splits.iter().map(of).min().unwrap_or(0);
        config.fit_split(fewest(|split| split.members.len()), fewest(|split| split.reference.len()))?;
    }
    Ok(dataset)
}

/// The data of the run in `directory`, by the schema that the run has. A schema that was damaged is learnt
/// anew, from the same members.
///
/// Whether they are still the same data is [`RunDirectory::check_data`]'s to say.
///
/// # Errors
/// As [`load`].
pub fn load_again(config: &Config, directory: &RunDirectory) -> Result<Dataset> {
    match directory.read_schema() {
        Ok(Some(schema)) => load_with(config, Some(schema)),
        _ => load(&mut config.clone()),
    }
}

fn load_with(config: &Config, schema: Option<Schema>) -> Result<Dataset> {
    if config.data.path.is_empty() {
        return synthetic(&config.data.synthetic);
    }
    let data = &config.data;
    if !data.split.is_empty() && data.missing != MissingRecords::Error {
        return Err(Error::usage("data.split")
            .expected("no records left out, whose numbers a split file counts")
            .found("--missing, which leaves records out")
            .advice("remove the records without a value from the data file, or leave --split out"));
    }
    let options = LoadOptions { schema, ..config.data.load_options() };
    let members = |records: usize| -> Result<Vec<Vec<u32>>> {
        let mut fitted = config.clone();
        fitted.fit(records)?;
        let splits = splits(&fitted, &fitted.replicas(), records)?;
        Ok(splits.into_iter().map(|split| split.members).collect())
    };
    load_for(Path::new(&config.data.path), &options, members)
}

/// The records of each replica: by its seed, or from the split file, one list for all or one each.
pub(super) fn splits(config: &Config, replicas: &[Replica], records: usize) -> Result<Vec<Split>> {
    let data = &config.data;
    if data.split.is_empty() {
        let test = (data.test > 0).then_some(data.test);
        let most = data.reference.values().iter().max().copied().unwrap_or(0);
        let draw = |r: &Replica| -> Result<Split> {
            let mut split = Split::random(records, [data.members, most, data.validation], test, r.seed)?;
            split.reference.truncate(r.reference);
            Ok(split)
        };
        return replicas.iter().map(draw).collect();
    }
    let path = Path::new(&data.split);
    match load_splits(path) {
        Ok(splits) if splits.len() > 1 => {
            if splits.len() != replicas.len() {
                return Err(Error::usage("data.split")
                    .expected(format!("one split, or {} of them, one a replica", replicas.len()))
                    .found(format!("{} in {}", splits.len(), data.split)));
            }
            checked(splits, records, &data.split)
        }
        // One split, or a form that only a single split can have.
        _ => Ok(vec![Split::from_file(path, records)?; replicas.len()]),
    }
}

/// The splits that the run in `directory` was begun with, whatever became of the file that they were read from. A
/// run that was stopped before it had written them, or whose file was damaged since, has those of its seeds.
pub(super) fn begun_splits(
    config: &Config,
    directory: &RunDirectory,
    replicas: &[Replica],
    records: usize,
) -> Result<Vec<Split>> {
    if !directory.has(SPLIT) {
        return splits(config, replicas, records);
    }
    let place = directory.file(SPLIT).display().to_string();
    let splits = match directory.read_splits() {
        Ok(splits) => splits,
        Err(_) if config.data.split.is_empty() => return splits(config, replicas, records),
        Err(error) => return Err(error),
    };
    if splits.len() != replicas.len() {
        return Err(Error::data(place)
            .expected(format!("{} splits", replicas.len()))
            .found(splits.len().to_string()));
    }
    checked(splits, records, &place)
}

/// The splits of the file at `place`, if each fits so many records.
fn checked(splits: Vec<Split>, records: usize, place: &str) -> Result<Vec<Split>> {
    for split in &splits {
        split.check(records).map_err(|e| Error { place: place.to_string(), ..e })?;
    }
    Ok(splits)
}

/// Refuses sets that are smaller than a batch, before any GPU work.
pub(super) fn check_sizes(config: &Config, split: &Split) -> Result<()> {
    let batch = config.train.batch;
    if split.members.len() < batch {
        return Err(Error::usage("train.batch")
            .expected(format!("at most {}, the number of members", split.members.len()))
            .found(batch.to_string())
            .advice("lower --batch, or train on more members"));
    }
    if config.train.stop == Stop::Validation && split.validation.is_empty() {
        return Err(Error::usage("data.split")
            .expected("an array called validation, whose records choose the epoch (train.stop)")
            .found("none")
            .advice("add one, or keep the last epoch: --set train.stop=epochs"));
    }
    if split.test.len() < 4 || split.members.len() < 4 {
        return Err(Error::usage("data.test")
            .expected("at least 4 test records and 4 members, for the audit after training")
            .found(format!("{} and {}", split.test.len(), split.members.len()))
            .advice("train on fewer records, so that more are left for testing"));
    }
    if (config.is_defended() || config.learns_reference()) && split.reference.len() < batch {
        return Err(Error::usage("data.reference")
            .expected(format!("at least {batch} reference records, a batch, for the defense"))
            .found(split.reference.len().to_string())
            .advice("raise --reference, lower --batch, or train without the defense (--lambda 0)"));
    }
    Ok(())
}
