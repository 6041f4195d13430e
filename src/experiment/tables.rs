//! What a table asks for: one configuration, whose lists are the table's rows times the seeds, and which
//! replicas are which row's.

use super::published::{self, Published};
use super::request::{Request, Setup};
use super::table::Table;
use crate::error::{Error, Result};
use crate::run::config::{Config, Layer, Replica, Sweep};
use crate::train::privacy::Guarantee;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Records of D′ and test that are scored after an epoch: they are only for the eye, all are scored at the
/// end.
const EVALUATE_LIMIT: usize = 1000;

/// A run of a table on one data set, however many replicas it has: most tables have one.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRun {
    /// The table that it is of.
    pub table: Table,
    /// Which of the table's runs, where there are several.
    pub part: Option<usize>,
    /// Settings of all its replicas, with the rows' values as lists.
    pub config: Config,
    /// In the order of the table.
    pub rows: Vec<TableRow>,
}

/// Whether a replica is of a row.
type Belongs = Box<dyn Fn(&Replica) -> bool>;

/// A row: replicas that differ in nothing but the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// `λ 3`, `|D′| 5000`, ….
    pub label: String,
    /// Their numbers in [`Config::replicas`].
    pub replicas: Vec<usize>,
    /// What was published of that setting; `None`: nothing.
    pub published: Option<Published>,
}

/// The runs of `table` for `setup`: what can be a replica's is in the first, the rest is in runs of their
/// own.
///
/// # Errors
/// Settings out of their range: a D′ smaller than a batch.
pub fn runs(table: Table, setup: &Setup, request: &Request) -> Result<Vec<TableRun>> {
    let mut runs = vec![run_of_replicas(table, setup, request)?];
    if table == Table::Defenses {
        for (part, defense) in defenses()?.into_iter().enumerate() {
            runs.push(defense.run(part + 1, &runs[0].config)?);
        }
    }
    Ok(runs)
}

/// A table's run of replicas.
fn run_of_replicas(table: Table, setup: &Setup, request: &Request) -> Result<TableRun> {
    let mut config = setup.config.clone();
    config.train.evaluate_limit = config.train.evaluate_limit.min(EVALUATE_LIMIT);
    config.audit.as_published = true;
    config.train.seed = Sweep::many((0..request.seeds as u64).collect());
    let published = published::rows(table)?;
    let own = setup.known.as_ref().map(|known| known.published.as_str());
    let beside = |value: &str| {
        published.iter().find(|row| Some(row.dataset.as_str()) == own && row.value == value).cloned()
    };
    // What is run is what the paper has rows of, whatever the data set.
    let mut values: Vec<&str> = vec![];
    for row in &published {
        if !values.contains(&row.value.as_str()) {
            values.push(&row.value);
        }
    }
    let mut rows: Vec<(String, Option<Published>, Belongs)> = vec![];
    match table {
        Table::Defense | Table::Defenses => {
            let lambda = strongest_lambda(&config)?;
            config.defense.lambda = Sweep::many(vec![0.0, lambda]);
            for (value, lambda) in [("without", 0.0), ("with", lambda)] {
                let label = format!("{value} (λ {lambda})");
                rows.push((label, beside(value), Box::new(move |r| r.lambda == lambda)));
            }
        }
        Table::L2 => {
            let factors = numbers(&values)?;
            config.defense.lambda = Sweep::one(0.0);
            config.model.weight_decay = Sweep::many(factors.clone());
            for (value, factor) in values.iter().zip(factors) {
                rows.push((
                    format!("L2 {factor}"),
                    beside(value),
                    Box::new(move |r| r.weight_decay == factor),
                ));
            }
        }
        Table::Lambda => {
            let lambdas = numbers(&values)?;
            config.defense.lambda = Sweep::many(lambdas.clone());
            for (value, lambda) in values.iter().zip(lambdas) {
                rows.push((format!("λ {lambda}"), beside(value), Box::new(move |r| r.lambda == lambda)));
            }
        }
        Table::ReferenceSize => {
            config.defense.lambda = Sweep::one(strongest_lambda(&config)?);
            let of = published.first().map_or("", |row| row.dataset.as_str());
            let sizes = reference_sizes(setup, request, of, &numbers(&values)?)?;
            config.data.reference = Sweep::many(sizes.iter().map(|(size, _)| *size).collect());
            for (size, value) in sizes {
                let label = match &value {
                    Some(published) if *published == size.to_string() => format!("|D′| {size} (by size)"),
                    Some(published) => format!("|D′| {size} (by share, as {published})"),
                    None => format!("|D′| {size}"),
                };
                let published = value.and_then(|value| beside(&value));
                rows.push((label, published, Box::new(move |r| r.reference == size)));
            }
        }
    }
    config.validate()?;
    let replicas = config.replicas();
    let rows = rows.into_iter().map(|(label, published, belongs)| {
        let of_row = replicas.iter().enumerate().filter(|(_, r)| belongs(r));
        TableRow { label, published, replicas: of_row.map(|(number, _)| number).collect() }
    });
    Ok(TableRun { table, part: None, rows: rows.collect(), config })
}

/// An entry of `data/defenses.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Defense {
    label: String,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default = "whole")]
    epochs: f64,
}

fn whole() -> f64 {
    1.0
}

fn defenses() -> Result<Vec<Defense>> {
    #[derive(Deserialize)]
    struct File {
        defense: Vec<Defense>,
    }
    let file: Result<File, _> = toml::from_str(include_str!("../../data/defenses.toml"));
    file.map(|file| file.defense).map_err(|e| Error::data("data/defenses.toml").found(e.message()))
}

impl Defense {
    /// Its run: `base` without the game, and with its own settings.
    fn run(&self, part: usize, base: &Config) -> Result<TableRun> {
        let mut layers = vec![Layer::text("preset", base.to_toml()?), Layer::set("defense.lambda=0")?];
        for setting in &self.set {
            layers.push(Layer::set(setting)?);
        }
        let mut config = Config::resolve(&layers)?;
        config.train.epochs = ((config.train.epochs as f64 * self.epochs).round() as usize).max(1);
        let replicas = config.replicas();
        let guarantee = replicas.first().and_then(|r| Guarantee::of(&config, r));
        let mut label = self.label.clone();
        if self.epochs != 1.0 {
            label += &format!(" ({} epochs)", config.train.epochs);
        }
        if let Some(guarantee) = guarantee {
            label += &format!(" (ε {:.0})", guarantee.epsilon);
        }
        let row = TableRow { label, replicas: (0..replicas.len()).collect(), published: None };
        Ok(TableRun { table: Table::Defenses, part: Some(part), config, rows: vec![row] })
    }
}

/// The preset's λ: of several the largest.
fn strongest_lambda(config: &Config) -> Result<f64> {
    let lambda = config.defense.lambda.values().iter().copied().fold(0.0, f64::max);
    if lambda > 0.0 {
        return Ok(lambda);
    }
    Err(Error::usage("defense.lambda")
        .expected("a λ above 0: the defense of the table")
        .found("0")
        .advice("give one with --set defense.lambda=3"))
}

fn numbers(values: &[&str]) -> Result<Vec<f64>> {
    let number = |value: &&str| {
        value.parse().map_err(|_| Error::data("data/published").expected("a number").found(*value))
    };
    values.iter().map(number).collect()
}

/// The sizes of D′ and the published value that each stands beside: the one of the same proportion to |D|.
fn reference_sizes(
    setup: &Setup,
    request: &Request,
    dataset: &str,
    published: &[f64],
) -> Result<Vec<(usize, Option<String>)>> {
    let all = published::all()?;
    let paper = all.iter().find(|known| known.published == dataset).map_or(1, |known| known.members) as f64;
    let members = setup.config.data.members as f64;
    let listed = setup.known.as_ref().map(|known| known.reference_sizes()).unwrap_or_default();
    if listed.is_empty() {
        let size = |p: &f64| ((p / paper * members).round() as usize, Some(p.to_string()));
        return Ok(published.iter().map(size).collect());
    }
    // Listed for the preset's own |D|, which `scale` shrinks with them.
    let scaled = listed.iter().map(|&size| (size as f64 * request.scale).round());
    let near = |size: f64| published.iter().find(|p| (*p / paper - size / members).abs() < 1e-3);
    Ok(scaled.map(|size| (size as usize, near(size).map(f64::to_string))).collect())
}

/// Multiplies |D| and |D′| by `scale`, and says so.
///
/// # Errors
/// A scale out of (0, 1]; fewer members than a batch.
pub fn shrink(config: &mut Config, scale: f64) -> Result<Vec<String>> {
    if !(scale > 0.0 && scale <= 1.0) {
        return Err(Error::usage("--scale").expected("more than 0 and at most 1").found(scale.to_string()));
    }
    let times = |n: usize| (n as f64 * scale).round() as usize;
    config.data.members = times(config.data.members);
    let reference: Vec<usize> = config.data.reference.values().iter().map(|&n| times(n)).collect();
    config.data.reference = Sweep::many(reference);
    config.validate()?;
    Ok(vec![format!("|D| and |D′| are {scale} of the preset's")])
}

/// The settings of `after` that are not those of `before`, `key = value` each; where the data are, aside.
///
/// # Errors
/// None in a valid configuration.
pub fn changes(before: &Config, after: &Config) -> Result<Vec<String>> {
    let lines = |config: &Config| -> Result<BTreeMap<String, String>> {
        let text = config.to_toml()?;
        let table: toml::Table =
            text.parse().map_err(|e: toml::de::Error| Error::usage("configuration").found(e.message()))?;
        let mut lines = BTreeMap::new();
        flatten("", &table, &mut lines);
        Ok(lines)
    };
    let (before, after) = (lines(before)?, lines(after)?);
    let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value) && *key != "data.path");
    Ok(changed.map(|(key, value)| format!("{key} = {value}")).collect())
}

fn flatten(parent: &str, table: &toml::Table, lines: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, lines),
            value => drop(lines.insert(key, value.to_string())),
        }
    }
}
