//! The report's figures: which numbers each shows, on which axes, and what is said below it.
//!
//! Not how a plot is drawn ([`super::plot`]).

use super::escape::escape;
use super::model::Model;
use super::plot::{Axis, COLORS, Labels, Layer, steps, svg};
use crate::audit::results::attacks::most_accurate;
use crate::audit::results::details::{Curve, Histogram};
use crate::error::Result;
use crate::report::comparison::{Comparison, Measured, Row};
use crate::report::labels::readable;
use crate::run::event::EpochMetrics;
use std::f64::consts::LN_2;
use std::fmt::Write;
use std::ops::Range;

/// False positives from which a rate is resolvable.
const RESOLVABLE: f64 = 10.0;

/// Attacks whose curves are shown, besides the strongest: those that people know, best first.
const SHOWN: [&str; 8] = [
    "lira_online",
    "rmia_online",
    "neural",
    "modified_entropy_per_class",
    "confidence",
    "lira_offline",
    "rmia_offline",
    "shadow_model",
];

/// A figure's box: title, plot, legend (series number and name), caption.
pub(super) fn figure(title: &str, plot: &str, legend: &[(Option<usize>, String)], caption: &str) -> String {
    let mut html = format!("<figure><h4>{}</h4>{plot}", escape(title));
    if !legend.is_empty() {
        html.push_str("<ul class=\"legend\">");
        for (series, name) in legend {
            let class = series.map_or("x".to_owned(), |s| (s % COLORS).to_string());
            let _ = write!(html, "<li><i class=\"i{class}\"></i>{}</li>", escape(name));
        }
        html.push_str("</ul>");
    }
    let _ = write!(html, "<figcaption>{caption}</figcaption></figure>");
    html
}

fn percent(value: f64) -> String {
    let percent = 100.0 * value;
    // As many digits as the ticks need: 0.25 is no tick's rounding.
    let rounded = (percent * 1000.0).round() / 1000.0;
    format!("{rounded}%")
}

/// Of a logarithm to base 10.
fn decade(value: f64) -> String {
    percent(10f64.powf(value))
}

pub(super) fn share(title: &str, range: Range<f64>) -> Axis {
    Axis { title: title.to_owned(), range, labels: Labels::Numbers(6, percent) }
}

/// The ROC of one model's attacks on logarithmic axes.
pub(super) fn roc(model: &Model) -> Result<Option<String>> {
    let Some(details) = model.details else { return Ok(None) };
    let best = model.summary.strongest_attack();
    let mut shown: Vec<&str> = best.into_iter().collect();
    shown.extend(SHOWN.into_iter().filter(|name| Some(*name) != best));
    let curves: Vec<(&str, &Curve)> = shown
        .into_iter()
        .filter_map(|name| details.curves.get(name).map(|curve| (name, curve)))
        .take(COLORS)
        .collect();
    // Attacks with shadow models judge fewer records than the others.
    let sizes = || curves.iter().filter_map(|(name, _)| Some(model.summary.attacks.get(*name)?.nonmembers));
    let (Some(most), Some(nonmembers)) = (sizes().max(), sizes().min()) else { return Ok(None) };
    // One non-member is the smallest rate there is.
    let least = (1.0 / most as f64).log10().floor();
    let log = |rate: f64| rate.max(1e-300).log10().max(least);
    let axis = |title: &str| Axis {
        title: title.to_owned(),
        range: least..0.0,
        labels: Labels::Numbers((-least) as usize + 1, decade),
    };
    let edge = log(RESOLVABLE / nonmembers as f64);
    let mut layers = vec![
        Layer::Area(None, vec![(least, least), (edge, least), (edge, 0.0), (least, 0.0)]),
        Layer::Line(None, vec![(least, least), (0.0, 0.0)]),
    ];
    let line = |curve: &Curve, rates: &[f64]| {
        steps(curve.fpr.iter().zip(rates).map(|(&fpr, &tpr)| (log(fpr), log(tpr))))
    };
    let (_, first) = curves[0];
    let mut band = line(first, &first.tpr_low);
    band.extend(line(first, &first.tpr_high).into_iter().rev());
    layers.push(Layer::Area(Some(0), band));
    // The strongest is drawn last, above the others.
    for (i, (_, curve)) in curves.iter().enumerate().rev() {
        layers.push(Layer::Line(Some(i), line(curve, &curve.tpr)));
    }
    let mut legend: Vec<(Option<usize>, String)> =
        curves.iter().enumerate().map(|(i, (name, _))| (Some(i), readable(name))).collect();
    legend.push((None, "guessing".to_owned()));
    let caption = format!(
        "Share of members found against share of non-members accused, both logarithmic. Band: 95% interval \
         of {}. Gray, left: under ten of {} non-members accused, not resolvable.",
        escape(&readable(curves[0].0)),
        if most == nonmembers { most.to_string() } else { format!("{nonmembers} (of some attacks {most})") }
    );
    let plot = svg(
        "ROC of the attacks on logarithmic axes",
        &axis("false positive rate"),
        &axis("true positive rate"),
        &layers,
    )?;
    Ok(Some(figure("ROC", &plot, &legend, &caption)))
}

/// The accuracies over the epochs.
pub(super) fn accuracies(metrics: &[&EpochMetrics]) -> Result<Option<String>> {
    let Some(last) = metrics.last() else { return Ok(None) };
    let line = |of: fn(&EpochMetrics) -> Option<f64>| -> Vec<(f64, f64)> {
        metrics.iter().filter_map(|m| of(m).map(|v| (m.epoch as f64, v))).collect()
    };
    let all = [
        ("train", line(|m| Some(m.train_accuracy))),
        ("test", line(|m| m.test_accuracy)),
        ("reference", line(|m| m.reference_accuracy)),
        ("the game's attack network", line(|m| m.attack_accuracy)),
    ];
    let (mut layers, mut legend) = (vec![], vec![]);
    for (i, (name, points)) in all.into_iter().enumerate().filter(|(_, (_, points))| points.len() > 1) {
        layers.push(Layer::Line(Some(i), points));
        legend.push((Some(i), name.to_owned()));
    }
    if layers.is_empty() {
        return Ok(None);
    }
    let plot = svg("accuracy by epoch", &epochs(last.epoch), &share("accuracy", 0.0..1.0), &layers)?;
    let caption =
        "After each epoch: train on the epoch's batches, test and reference on the records evaluated.";
    Ok(Some(figure("Training: accuracy", &plot, &legend, caption)))
}

/// The inference gain over the epochs, beside −log 2.
pub(super) fn gain(metrics: &[&EpochMetrics]) -> Result<Option<String>> {
    let points: Vec<(f64, f64)> = metrics
        .iter()
        .filter_map(|m| m.gain.filter(|g| g.is_finite()).map(|g| (m.epoch as f64, g)))
        .collect();
    let Some(last) = points.last().filter(|_| points.len() > 1).map(|p| p.0) else { return Ok(None) };
    let (low, high) = points.iter().fold((-LN_2, -LN_2), |(low, high), p| (low.min(p.1), high.max(p.1)));
    let room = 0.15 * (high - low).max(0.02);
    let y = Axis {
        title: "gain, nats".to_owned(),
        range: low - room..high + room,
        labels: Labels::Numbers(6, |v| format!("{:.3}", v)),
    };
    let layers = [Layer::Line(None, vec![(1.0, -LN_2), (last, -LN_2)]), Layer::Line(Some(3), points)];
    let plot = svg("inference gain by epoch", &epochs(last as usize), &y, &layers)?;
    let legend =
        [(Some(3), "gain of the game's attack network".to_owned()), (None, "−log 2: guessing".to_owned())];
    let caption = "½ mean log h on D + ½ mean log(1 − h) on D′. At −log 2 the attack in the game guesses: \
                   because the defense works, or because the attack did not train.";
    Ok(Some(figure("Training: inference gain", &plot, &legend, caption)))
}

fn epochs(last: usize) -> Axis {
    Axis {
        title: "epoch".to_owned(),
        range: 1.0..(last.max(2) as f64),
        labels: Labels::Numbers(8, |v| if v.fract() == 0.0 { v.to_string() } else { String::new() }),
    }
}

/// Members and non-members over a quantity from 0 to 1.
pub(super) fn histogram(
    title: &str,
    unit: &str,
    histogram: &Histogram,
    caption: &str,
) -> Result<Option<String>> {
    let bins = histogram.members.len();
    let shares = |counts: &[u64]| -> Vec<f64> {
        let total = counts.iter().sum::<u64>().max(1) as f64;
        counts.iter().map(|&c| c as f64 / total).collect()
    };
    let both = [shares(&histogram.members), shares(&histogram.nonmembers)];
    let most = both.iter().flatten().fold(0.0, |most: f64, v| most.max(*v));
    if bins == 0 || most == 0.0 {
        return Ok(None);
    }
    let mut layers = vec![];
    for (series, shares) in both.iter().enumerate() {
        let edge = |i: usize| i as f64 / bins as f64;
        let ends = shares.last().map(|last| (1.0, *last));
        let outline = steps(shares.iter().enumerate().map(|(i, v)| (edge(i), *v)).chain(ends));
        let mut filled = vec![(0.0, 0.0)];
        filled.extend(&outline);
        filled.push((1.0, 0.0));
        layers.push(Layer::Area(Some(series), filled));
        layers.push(Layer::Line(Some(series), outline));
    }
    let label = format!("{title}: members and non-members");
    let plot = svg(&label, &share(unit, 0.0..1.0), &share("share of records", 0.0..1.05 * most), &layers)?;
    let legend = [(Some(0), "members".to_owned()), (Some(1), "non-members".to_owned())];
    Ok(Some(figure(title, &plot, &legend, caption)))
}

/// For each model, which share of the classes has at most which generalization error.
pub(super) fn generalization(models: &[Model]) -> Result<Option<String>> {
    let (mut layers, mut legend) = (vec![], vec![]);
    let mut least = 0.0f64;
    for (i, model) in models.iter().enumerate().take(COLORS) {
        let classes = model.details.iter().flat_map(|d| &d.classes);
        let mut errors: Vec<f64> =
            classes.filter_map(|c| Some(c.train_accuracy? - c.test_accuracy?)).collect();
        if errors.len() < 2 {
            continue;
        }
        errors.sort_unstable_by(f64::total_cmp);
        least = least.min(errors[0]);
        let share = |i: usize| (i + 1) as f64 / errors.len() as f64;
        let points = [(-1.0, 0.0)].into_iter().chain(errors.iter().enumerate().map(|(i, &e)| (e, share(i))));
        layers.push(Layer::Line(Some(i), steps(points.chain([(1.0, 1.0)]))));
        legend.push((Some(i), model.label.clone()));
    }
    if layers.is_empty() {
        return Ok(None);
    }
    let least = (least * 5.0).floor() / 5.0;
    for layer in &mut layers {
        if let Layer::Line(_, points) = layer {
            points.iter_mut().for_each(|p| p.0 = p.0.max(least));
        }
    }
    let plot = svg(
        "per-class generalization error, cumulative",
        &share("train accuracy − test accuracy of a class", least..1.0),
        &share("share of classes", 0.0..1.0),
        &layers,
    )?;
    let caption = "Classes by their generalization error: the further left a curve, the less a class's \
    members stand out.";
    Ok(Some(figure("Generalization error by class", &plot, &legend, caption)))
}

/// Utility against privacy: every model a dot.
pub(super) fn plane(models: &[Model]) -> Result<Option<String>> {
    let dots: Vec<(usize, f64, f64, [f64; 2])> = models
        .iter()
        .enumerate()
        .filter_map(|(i, model)| {
            let (leak, ends) = match &model.summary.strongest {
                Some(found) => (found.by_accuracy.value, found.by_accuracy.ci95),
                None => most_accurate(&model.summary.attacks).map(|(_, r)| (r.accuracy, r.ci95.accuracy))?,
            };
            Some((i, model.summary.test_accuracy?, leak, ends))
        })
        .collect();
    if dots.is_empty() {
        return Ok(None);
    }
    let Range { start: left, end: right } = extent(dots.iter().map(|d| d.1));
    let top = extent(dots.iter().map(|d| d.3[1])).end;
    let bottom = dots.iter().fold(0.5, |low: f64, d| low.min(d.3[0])) - 0.02;
    let mut layers = vec![Layer::Line(None, vec![(left, 0.5), (right, 0.5)])];
    for (i, test, leak, [low, high]) in dots {
        // As many colors as there are; beyond, the number tells.
        layers.push(Layer::Dot(i, (test, leak), [(test, low), (test, high)], (i + 1).to_string()));
    }
    let plot = svg(
        "test accuracy and most accurate attack of every model",
        &share("test accuracy (utility)", left..right),
        &share("accuracy of the most accurate attack", bottom..top),
        &layers,
    )?;
    let caption = "Better is right and low. Numbers as in the table; bars are 95% intervals; the line at 50% \
    is guessing.";
    Ok(Some(figure("Privacy and utility", &plot, &[], caption)))
}

/// Rates with some room around them.
pub(super) fn extent(rates: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = rates.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
    let room = (0.15 * (high - low)).max(0.03);
    (low - room).max(0.0)..(high + room).min(1.0)
}

/// A column of a reproduced table: series, name, numbers.
type Column = (usize, &'static str, fn(&Row) -> &Measured);

/// The attacks on a reproduced table's rows, beside guessing.
pub(super) fn attacks_by_row(table: &Comparison) -> Result<Option<String>> {
    let columns: [Column; 2] =
        [(0, "neural attack", |row| &row.neural), (1, "strongest attack", |row| &row.strongest)];
    by_row(table, "Attacks", "attack accuracy", Some(0.5), columns)
}

/// The accuracies of a reproduced table's rows.
pub(super) fn accuracies_by_row(table: &Comparison) -> Result<Option<String>> {
    let columns: [Column; 2] =
        [(2, "test accuracy", |row| &row.test), (6, "train accuracy", |row| &row.train)];
    by_row(table, "Utility", "accuracy", None, columns)
}

/// A line a row, on it a dot for each column's mean with its interval, and a ring for what was published.
fn by_row(
    table: &Comparison,
    title: &str,
    unit: &str,
    guess: Option<f64>,
    columns: [Column; 2],
) -> Result<Option<String>> {
    let rows = table.rows.len();
    let (mut layers, mut rates, mut legend) = (vec![], Vec::from_iter(guess), vec![]);
    layers.extend(guess.map(|g| Layer::Line(None, vec![(g, 0.5), (g, rows as f64 + 0.5)])));
    let mut published = false;
    for ((series, name, of), aside) in columns.into_iter().zip([0.16, -0.16]) {
        for (i, row) in table.rows.iter().enumerate() {
            let (measured, y) = (of(row), (rows - i) as f64 + aside);
            let Some(mean) = measured.mean else { continue };
            // Student's interval knows of no bounds.
            let [low, high] = measured.ci95.unwrap_or([mean; 2]).map(|rate| rate.clamp(0.0, 1.0));
            layers.push(Layer::Dot(series, (mean, y), [(low, y), (high, y)], String::new()));
            layers.extend(measured.published.map(|rate| Layer::Ring(series, (rate, y))));
            rates.extend([mean, low, high].into_iter().chain(measured.published));
            published |= measured.published.is_some();
        }
        legend.push((Some(series), name.to_owned()));
    }
    if rates.len() == Vec::from_iter(guess).len() {
        return Ok(None);
    }
    legend.extend(guess.map(|_| (None, "guessing".to_owned())));
    let names = Axis::names(table.rows.iter().map(|row| row.label.as_str()));
    let label = format!("{title} by row of the table: {} and {}", columns[0].1, columns[1].1);
    let plot = svg(&label, &share(unit, extent(rates.into_iter())), &names, &layers)?;
    let mut caption = match table.seeds {
        1 => "Dots: ours, of one seed.".to_owned(),
        n => format!("Dots: ours, the mean of {n} seeds and its 95% interval."),
    };
    if let Some(of) = table.published_dataset.as_ref().filter(|_| published) {
        let _ = write!(caption, " Rings: published, of {}.", escape(of));
    }
    Ok(Some(figure(title, &plot, &legend, &caption)))
}
