//! `veilgrad graph`: the graph of a preset's training step.

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Global, output};
use crate::error::{Error, Result};
use crate::experiment::published::KnownDataset;
use crate::lab::drawing::{self, Drawing};
use crate::nn::RecordShape;
use crate::ops::{Format, Image};
use crate::report::table::{self, Side};
use crate::run::config::{ClassWeights, Config, Layer, ModelKind, TuningConfig};
use crate::run::preset;
use crate::train::resident::{ImageLayout, ResidentLayout};

/// Writes the graph of a preset's training step as it runs on this adapter: nodes, shapes, kernels, waves.
///
/// Passes of the classifier that are the same function are merged, and what can be computed side by side is in
/// one wave. Shown for one model; more have the same dispatches.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  veilgrad graph demo
  veilgrad graph location30 --set defense.attack_steps=1 --format dot | dot -Tsvg > step.svg")]
pub(super) struct GraphArgs {
    /// A name of `veilgrad presets`, or a TOML file of settings.
    #[arg(value_name = "PRESET")]
    preset: String,
    /// The data, for the shape of their records. Without it: the shape of the data that the preset is made for.
    #[arg(long, value_name = "PATH")]
    data: Option<String>,
    /// Any setting, by its key. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Written::Text)]
    format: Written,
}

/// The values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// A table, a line a dispatch.
    Text,
    /// For Graphviz' program `dot`.
    Dot,
}

pub(super) fn run(args: &GraphArgs, global: &Global) -> Result<()> {
    let mut layers = vec![preset::find(&args.preset)?];
    layers.push(match &args.data {
        Some(path) => Layer::string("--data", "data.path", path),
        // Its own data need not be there.
        None => Layer::set("data.expects=\"\"")?,
    });
    layers.extend(args.set.iter().map(|text| Layer::set(text)).collect::<Result<Vec<_>>>()?);
    let mut config = Config::resolve(&layers)?;
    let (records, layout) = shape(&args.preset, &mut config)?;
    let weighted = (config.model.class_weights != ClassWeights::None).then_some(records.1);
    let layout = ResidentLayout { weighted, ..layout };
    let (context, _) = global.open(&TuningConfig::default())?;
    let drawings = drawing::drawings(&context, &config, records, layout)?;
    match (global.json, args.format) {
        (true, _) => output::json(&drawings.iter().map(as_json).collect::<Vec<_>>()),
        (false, Written::Dot) => output::exact(drawing::dot(&drawings).trim_end()),
        (false, Written::Text) => {
            let columns = output::columns(table::UNBROKEN);
            let texts: Vec<String> = drawings.iter().map(|drawing| text(drawing, columns)).collect();
            output::result(&texts.join("\n\n"))
        }
    }
}

/// The shape of the records and the number of classes, and how the records lie on the GPU.
fn shape(name: &str, config: &mut Config) -> Result<((RecordShape, usize), ResidentLayout)> {
    let known = KnownDataset::named(name)?.filter(|_| config.data.path.is_empty());
    let Some(known) = known else {
        // Made-up records are the data of a preset that names no others.
        if config.data.path.is_empty() && !preset::find(name)?.gives("data.synthetic") {
            return Err(Error::usage(format!("veilgrad graph {name}"))
                .expected("a preset whose data's shape is known, or --data PATH")
                .found("neither"));
        }
        let dataset = crate::train::load(config)?;
        let pad = config.data.pad;
        let layout = ResidentLayout::of(&dataset, pad, dataset.image.is_some());
        return Ok(((RecordShape::of(&dataset, pad), dataset.classes), layout));
    };
    let stored = (config.model.kind != ModelKind::Mlp).then(|| {
        // Of three colors, as high as wide.
        let side = (known.features / 3).isqrt();
        Image { height: side, width: side, channels: 3 }
    });
    let image = stored.map(|image| image.padded(config.data.pad));
    let features = image.map_or(known.features, |image| image.features());
    let layout = ResidentLayout {
        weighted: None,
        format: if stored.is_some() { Format::Bytes } else { Format::Bits },
        records: known.records,
        part: known.records,
        width: known.features,
        standardized: stored.is_some(),
        images: stored.map(|image| ImageLayout { image, pad: config.data.pad }),
        ones: None,
        sparse: config.engine.sparse,
    };
    Ok(((RecordShape { features, image }, known.classes), layout))
}

fn text(drawing: &Drawing, columns: usize) -> String {
    let header = [
        ("wave", Side::Right),
        ("node", Side::Right),
        ("operation", Side::Left),
        ("result", Side::Left),
        ("kernel", Side::Left),
        ("reads", Side::Left),
    ];
    let rows: Vec<Vec<String>> = drawing
        .dispatches
        .iter()
        .map(|drawn| {
            let (wave, node) = (drawn.wave.to_string(), format!("#{}", drawn.node));
            let (op, result, kernel) = (drawn.op.clone(), drawn.result.clone(), drawn.kernel.clone());
            vec![wave, node, op, result, kernel, drawn.reads.join(", ")]
        })
        .collect();
    format!("{}\n{}", drawing.title, table::text(&header, &rows, columns))
}

fn as_json(drawing: &Drawing) -> serde_json::Value {
    let dispatches = drawing.dispatches.iter().map(|drawn| {
        json!({
            "wave": drawn.wave,
            "node": drawn.node,
            "op": drawn.op,
            "result": drawn.result,
            "kernel": drawn.kernel,
            "variant": drawn.variant,
            "reads": drawn.reads,
        })
    });
    json!({ "round": drawing.title, "dispatches": dispatches.collect::<Vec<_>>() })
}
