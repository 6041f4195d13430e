//! `veilgrad predict`: a trained model's predictions of records, as they would be released.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::Progress;
use super::{Global, interrupt, output};
use crate::dataset::{LoadOptions, npz};
use crate::error::{Error, Kind, Result};
use crate::release::outputs::Release;
use crate::release::predict::TrainedClassifier;
use crate::run::RunDirectory;
use crate::run::directory::MODEL;
use crate::run::event::{Event, Observer};
use crate::run::model_file::ModelFile;
use crate::run::predictions::ReplicaPredictions;

/// Writes a trained model's predictions of records: of a file's, or of the run's own.
///
/// Without DATA it is the run's own records, with their membership, so that what a mitigation does for
/// privacy can be audited. Mitigations are applied in the order temperature, top-k, rounding.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct PredictArgs {
    /// The run's directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Records with the columns of those that the model was trained on, label included, in any form that
    /// `train --data` reads.
    #[arg(value_name = "DATA")]
    data: Option<PathBuf>,
    /// The file to write: .npz with `probabilities` [N, C], `labels`, `rows`, `membership`; or .csv.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Which of the run's models.
    #[arg(long, value_name = "N", default_value_t = 0)]
    replica: usize,
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
  What three released probabilities, of two digits, give away:
    veilgrad predict runs/demo-1 -o released.npz --top-k 3 --round 2
    veilgrad audit --predictions released.npz";

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
    let directory = RunDirectory::open(&args.directory)?;
    directory.check_trained()?;
    let model = ModelFile::read(&directory.file(MODEL))?;
    let predicted = match &args.data {
        None => directory.read_replica(args.replica)?,
        Some(data) => ask(args, data, &directory, &model, global)?,
    };
    let probabilities = release.probabilities(&predicted.logits, predicted.classes);
    write(&args.out, &probabilities, &predicted, &model.facts.class_names)?;
    output::result(&format!(
        "{}: {} records, {} classes",
        args.out.display(),
        predicted.rows.len(),
        predicted.classes
    ))
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

/// The model's predictions of the records in the file `data`.
fn ask(
    args: &PredictArgs,
    data: &Path,
    directory: &RunDirectory,
    model: &ModelFile,
    global: &Global,
) -> Result<ReplicaPredictions> {
    let config = directory.read_config()?;
    // Labels are told apart by their names: what they count from is the new file's own.
    let options = LoadOptions { label_base: None, ..config.data.load_options() };
    let dataset = crate::dataset::load(data, &options)?;
    let dataset = dataset.recoded(&model.facts.encoding, &model.facts.class_names)?;
    let mut progress = Progress::new(global.quiet);
    let (context, _) = global.open(&config.tuning)?;
    progress.event(&Event::Adapter(context.adapter().clone()));
    let classifier = TrainedClassifier::load(&context, &config, model, args.replica, &dataset)?;
    let logits = interrupt::heed(|stop| classifier.logits(&dataset, stop))?;
    progress.finish();
    Ok(ReplicaPredictions {
        logits,
        classes: dataset.classes,
        rows: (0..dataset.records() as u32).collect(),
        labels: dataset.labels,
        membership: vec![],
    })
}

type Writer = fn(&Path, &[f32], &ReplicaPredictions, &[String]) -> Result<()>;

fn write_npz(path: &Path, probabilities: &[f32], predicted: &ReplicaPredictions, _: &[String]) -> Result<()> {
    let n = predicted.rows.len();
    let wide = |values: &[u32]| -> Vec<i64> { values.iter().map(|&v| i64::from(v)).collect() };
    npz::save(path, |writer| {
        writer.write("probabilities", &[n, predicted.classes], probabilities)?;
        writer.write("labels", &[n], &wide(&predicted.labels))?;
        writer.write("rows", &[n], &wide(&predicted.rows))?;
        if predicted.membership.is_empty() {
            Ok(())
        } else {
            writer.write("membership", &[n], &predicted.membership)
        }
    })
}

/// A row a record: its number, its label's name, where it is known its membership, and p_0, p_1, ….
fn write_csv(
    path: &Path,
    probabilities: &[f32],
    predicted: &ReplicaPredictions,
    names: &[String],
) -> Result<()> {
    let failed = |e: csv::Error| Error::new(Kind::Io, path.display().to_string()).found(e.to_string());
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    let known = !predicted.membership.is_empty();
    let header =
        ["row", "label", "label_name"].into_iter().chain(known.then_some("membership")).map(str::to_owned);
    writer.write_record(header.chain((0..predicted.classes).map(|c| format!("p_{c}")))).map_err(failed)?;
    for (i, p) in probabilities.chunks_exact(predicted.classes).enumerate() {
        let label = predicted.labels[i];
        let mut row = vec![predicted.rows[i].to_string(), label.to_string(), names[label as usize].clone()];
        row.extend(known.then(|| predicted.membership[i].to_string()));
        row.extend(p.iter().map(f32::to_string));
        writer.write_record(row).map_err(failed)?;
    }
    writer.flush().map_err(|e| Error::io(path, &e))
}
