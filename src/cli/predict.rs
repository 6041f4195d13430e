//! `veilgrad predict`: a trained model's predictions of records, as they would be released.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use super::{Global, interrupt, keeping, output};
use crate::dataset::{LoadOptions, Query, npz, query};
use crate::error::{Error, Kind, Result};
use crate::release::outputs::Release;
use crate::release::predict::TrainedClassifier;
use crate::report::csv_table::safe;
use crate::report::labels::count;
use crate::run::RunDirectory;
use crate::run::config::{Config, TuningConfig};
use crate::run::directory::{MODELS, model_name};
use crate::run::event::{Event, Observer};
use crate::run::model_file::ModelFile;

/// Writes a trained model's predictions of records: of a file's, or of the run's own.
///
/// The file's columns go by their names: their order, further columns and a missing label do not matter. A
/// record that cannot be read is named, and the others are predicted.
///
/// Without DATA it is the run's own records, with their membership, so that what a mitigation does for
/// privacy can be audited. Mitigations are applied in the order temperature, top-k, rounding.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct PredictArgs {
    /// The run's directory, or a model's file.
    #[arg(value_name = "DIR|MODEL")]
    model: PathBuf,
    /// Records with the columns of those that the model was trained on, with or without the label, in any
    /// form that `train --data` reads.
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// The file to write: .csv with a row a record: `row`, `predicted`, `label` where there is one, a column
    /// a class (p_CLASS of the run's own records, as `audit` reads them); or .npz with `probabilities` [N, C], `predicted`, `rows`, `labels`.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Which of the run's models: the name of its file in models/, or its number.
    #[arg(long, value_name = "NAME", default_value = "0")]
    replica: String,
    /// The characters of a text file, such as latin1 or utf-16, where its bytes do not show them.
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,
    /// Divide the logits by T: above 1 the probabilities are nearer to each other.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Release the K largest probabilities; the others share the rest evenly.
    #[arg(long, value_name = "K")]
    top_k: Option<usize>,
    /// Round the probabilities to so many digits.
    #[arg(long, value_name = "DIGITS", value_parser = clap::value_parser!(u32).range(0..=7))]
    round: Option<u32>,
}

const EXAMPLES: &str = "\
Examples:
  veilgrad predict runs/demo-1 new.csv -o predictions.csv
  The same from the model's file alone, which holds nothing else of the run:
    veilgrad predict replica-0.safetensors new.csv -o predictions.csv
  What three released probabilities, of two digits, give away:
    veilgrad predict runs/demo-1 -o released.npz --top-k 3 --round 2
    veilgrad audit --predictions released.npz";

/// A model's logits of N records, and what is known of each.
struct Predicted {
    /// [N, C].
    logits: Vec<f32>,
    /// [N], the record's place in the file.
    rows: Vec<u32>,
    /// [N], as written; none where the file has no labels.
    labels: Option<Vec<Option<String>>>,
    /// [N], of the run's own records.
    membership: Option<Vec<u8>>,
    /// [N], categories that the model never saw.
    unseen: Option<Vec<u32>>,
}

pub(super) fn run(args: &PredictArgs, global: &Global) -> Result<()> {
    let release = release(args)?;
    let write: Writer = match args.out.extension().and_then(|e| e.to_str()) {
        Some("npz") => write_npz,
        Some("csv") => write_csv,
        _ => {
            return Err(Error::usage("--out")
                .expected("a file name that ends in .npz or .csv")
                .found(args.out.display().to_string()));
        }
    };
    let (file, directory) = open(args)?;
    let names = &file.facts.class_names;
    let mut left_out = 0;
    let predicted = match (&args.data, &directory) {
        (Some(data), _) => {
            let config = directory.as_ref().map(|(directory, _)| directory.read_config()).transpose()?;
            let (predicted, unread) = ask(args, data, config.as_ref(), &file, global)?;
            left_out = unread;
            predicted
        }
        (None, Some((directory, number))) => {
            let own = directory.read_replica(*number)?;
            let name = |label: &u32| names.get(*label as usize).cloned();
            Predicted {
                logits: own.logits,
                rows: own.rows,
                labels: Some(own.labels.iter().map(name).collect()),
                membership: Some(own.membership),
                unseen: None,
            }
        }
        (None, None) => {
            return Err(Error::usage("DATA")
                .expected("a file of records, for a model's file")
                .found("none")
                .advice("give the records, or the run's directory for its own"));
        }
    };
    let probabilities = release.probabilities(&predicted.logits, names.len());
    write(&args.out, &probabilities, &predicted, names)?;
    let without =
        if left_out > 0 { format!(", {left_out} that cannot be read left out") } else { String::new() };
    output::result(&format!(
        "{}: {}{without}, {} classes",
        args.out.display(),
        count(predicted.rows.len(), "record"),
        names.len()
    ))
}

/// The model that is meant, and the run that it is of, with its number there.
fn open(args: &PredictArgs) -> Result<(ModelFile, Option<(RunDirectory, usize)>)> {
    if args.model.is_file() {
        return Ok((ModelFile::read(&args.model)?, None));
    }
    let directory = RunDirectory::open(&args.model)?;
    directory.check_trained()?;
    let replicas = directory.read_config()?.replicas().len();
    let named = |number: &usize| {
        let name = args.replica.strip_suffix(".safetensors").unwrap_or(&args.replica);
        name == model_name(*number) || name.parse() == Ok(*number)
    };
    let Some(number) = (0..replicas).find(named) else {
        let last = replicas.saturating_sub(1);
        return Err(Error::usage("--replica")
            .expected(format!(
                "{} to {}, of {MODELS}/, or a number from 0 to {last}",
                model_name(0),
                model_name(last)
            ))
            .found(&*args.replica));
    };
    Ok((ModelFile::read(&directory.model(number))?, Some((directory, number))))
}

fn release(args: &PredictArgs) -> Result<Release> {
    if !(args.temperature.is_finite() && args.temperature > 0.0) {
        return Err(Error::usage("--temperature")
            .expected("a finite number above 0")
            .found(args.temperature.to_string()));
    }
    if args.top_k == Some(0) {
        return Err(Error::usage("--top-k").expected("at least 1").found("0"));
    }
    Ok(Release { temperature: args.temperature, top_k: args.top_k, digits: args.round })
}

/// The model's predictions of the records in the file `data`, and how many of these cannot be read.
fn ask(
    args: &PredictArgs,
    data: &Path,
    config: Option<&Config>,
    model: &ModelFile,
    global: &Global,
) -> Result<(Predicted, usize)> {
    let schema = Some(model.facts.schema.clone());
    let of_run = config.map_or_else(LoadOptions::default, |config| LoadOptions {
        header: config.data.header.given().copied(),
        max_bytes: config.data.max_bytes,
        ..LoadOptions::default()
    });
    let options = LoadOptions { schema, encoding: args.encoding.clone(), ..of_run };
    let found = query(data, &model.facts.class_names, &options)?;
    let mut progress = Progress::new(global.quiet, global.verbose);
    tell(&found, &mut progress);
    let Query { dataset, rows, labels, unseen, unread, .. } = found;
    if rows.is_empty() {
        let first = unread.into_iter().next().map(|unread| unread.error);
        let none = || Error::data(data.display().to_string()).expected("records").found("none");
        return Err(first.unwrap_or_else(none));
    }
    let (context, _) = match config {
        Some(config) => global.open(&config.tuning)?,
        None => global.open(&TuningConfig::default())?,
    };
    progress.event(&Event::Adapter(context.adapter().clone()));
    let logits = TrainedClassifier::load(&context, model, &dataset)
        .and_then(|classifier| interrupt::heed(|stop| classifier.logits(&dataset, stop)));
    progress.finish();
    let logits = logits.map_err(keeping("no predictions were written"))?;
    Ok((Predicted { logits, rows, labels, membership: None, unseen: Some(unseen) }, unread.len()))
}

/// What a person should know of the records before they believe their predictions.
fn tell(found: &Query, progress: &mut Progress) {
    const SHOWN: usize = 20;
    for unread in found.unread.iter().take(SHOWN) {
        progress.event(&Event::Warning(format!("left out: {}", unread.error)));
    }
    if found.unread.len() > SHOWN {
        let more = found.unread.len() - SHOWN;
        progress.event(&Event::Warning(format!("left out: {more} more records that cannot be read")));
    }
    for (column, count, value) in &found.unseen_columns {
        let records = if *count == 1 { "record has a value" } else { "records have values" };
        progress.event(&Event::Warning(format!(
            "column {column}: {count} {records} that the model does not know, such as {value:?}; \
             they count as other"
        )));
    }
    if !found.further.is_empty() {
        let all = found.further.join(", ");
        progress.event(&Event::Note(format!("columns that the model has no use for: {all}")));
    }
}

type Writer = fn(&Path, &[f32], &Predicted, &[String]) -> Result<()>;

/// The first of the likeliest classes, for each record.
fn likeliest(probabilities: &[f32], classes: usize) -> Vec<usize> {
    let best = |row: &[f32]| (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
    probabilities.chunks_exact(classes).map(best).collect()
}

fn write_npz(path: &Path, probabilities: &[f32], predicted: &Predicted, names: &[String]) -> Result<()> {
    let n = predicted.rows.len();
    let wide = |values: &[u32]| -> Vec<i64> { values.iter().map(|&v| i64::from(v)).collect() };
    let best: Vec<i64> = likeliest(probabilities, names.len()).into_iter().map(|c| c as i64).collect();
    // −1: no label, or one that is no class of the model.
    let class = |label: &Option<String>| {
        let place = label.as_ref().and_then(|label| names.iter().position(|name| name == label));
        place.map_or(-1, |class| class as i64)
    };
    npz::save(path, |writer| {
        writer.write("probabilities", &[n, names.len()], probabilities)?;
        writer.write("predicted", &[n], &best)?;
        if let Some(labels) = &predicted.labels {
            writer.write("labels", &[n], &labels.iter().map(class).collect::<Vec<i64>>())?;
        }
        writer.write("rows", &[n], &wide(&predicted.rows))?;
        if let Some(unseen) = &predicted.unseen {
            writer.write("unseen", &[n], &wide(unseen))?;
        }
        match &predicted.membership {
            Some(membership) => writer.write("membership", &[n], membership),
            None => Ok(()),
        }
    })
}

/// A row a record: its place in the file, the likeliest class, its label and membership where they are known,
/// how many of its categories the model never saw, and a column a class.
fn write_csv(path: &Path, probabilities: &[f32], predicted: &Predicted, names: &[String]) -> Result<()> {
    let failed = |e: csv::Error| Error::new(Kind::Io, path.display().to_string()).found(e.to_string());
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    let Predicted { labels, membership, unseen, rows, .. } = predicted;
    let known = [
        ("row", true),
        ("predicted", true),
        ("label", labels.is_some()),
        ("membership", membership.is_some()),
        ("unseen", unseen.is_some()),
    ];
    let header = known.into_iter().filter(|(_, known)| *known).map(|(name, _)| name.to_owned());
    // The run's own records are to be audited, which knows outputs by this beginning.
    let begin = if membership.is_some() { "p_" } else { "" };
    let classes = names.iter().map(|name| safe(format!("{begin}{name}")));
    writer.write_record(header.chain(classes)).map_err(failed)?;
    let best = likeliest(probabilities, names.len());
    for (i, p) in probabilities.chunks_exact(names.len()).enumerate() {
        let mut row = vec![rows[i].to_string(), safe(names[best[i]].clone())];
        let label = |labels: &Vec<Option<String>>| labels[i].clone().map(safe).unwrap_or_default();
        row.extend(labels.as_ref().map(label));
        row.extend(membership.as_ref().map(|membership| membership[i].to_string()));
        row.extend(unseen.as_ref().map(|unseen| unseen[i].to_string()));
        row.extend(p.iter().map(f32::to_string));
        writer.write_record(row).map_err(failed)?;
    }
    writer.flush().map_err(|e| Error::io(path, &e))
}
