//! What a table asks for: one configuration, whose lists are the table's rows times the seeds, and which
//! replicas are which row's.

use super::published::{self, Published};
use super::request::{Request, Setup};
use super::table::Table;
use crate::error::{Error, Result};
use crate::run::config::{Config, Layer, Replica, Schedule, Sweep};
use crate::train::privacy::Guarantee;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Records of D′ and test that are scored after an epoch: they are only for the eye, all are scored at the
/// end.
const EVALUATE_LIMIT: usize = 1000;

/// A run of a table on one data set, however many replicas it has.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRun {
    /// The table that it is of.
    pub table: Table,
    /// Which of the table's runs, where there are several: [`UNDEFENDED`], the number of another defense, or a size
    /// of D′.
    pub part: Option<String>,
    /// Settings of all its replicas, with the rows' values as lists.
    pub config: Config,
    /// In the order of the table.
    pub rows: Vec<TableRow>,
}

/// The part of a table with its models of λ = 0: alone they are trained without the game, in a fraction of the time.
pub const UNDEFENDED: &str = "undefended";

/// A row to be: its label, what was published of it, and whether a replica is of it.
type PlannedRow = (String, Option<Published>, Box<dyn Fn(&Replica) -> bool>);

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

/// The runs of `table` for `setup`: what can be a replica's is in one run, without those of λ = 0, and the rest is in
/// runs of their own.
///
/// # Errors
/// Settings out of their range: a D′ smaller than a batch; values for a table without a key.
pub fn runs(table: Table, setup: &Setup, request: &Request) -> Result<Vec<TableRun>> {
    let (config, rows) = replicas_and_rows(table, setup, request)?;
    if table == Table::ReferenceSize && config.defense.schedule == Schedule::Blocks {
        // The length of a pass of D′ is the schedule's, which all replicas of a run share.
        let of_size = |&size: &usize| {
            let mut config = config.clone();
            config.data.reference = Sweep::one(size);
            run_of(table, Some(size.to_string()), config, &rows)
        };
        return Ok(config.data.reference.values().iter().map(of_size).collect());
    }
    let (undefended, defended): (Vec<f64>, Vec<f64>) =
        config.defense.lambda.values().iter().partition(|lambda| **lambda == 0.0);
    let mut runs = vec![];
    if undefended.is_empty() || defended.is_empty() {
        runs.push(run_of(table, None, config.clone(), &rows));
    } else {
        for (part, lambdas) in [(Some(UNDEFENDED.to_owned()), undefended), (None, defended)] {
            let mut config = config.clone();
            config.defense.lambda = Sweep::many(lambdas);
            runs.push(run_of(table, part, config, &rows));
        }
    }
    if table == Table::Defenses {
        for (part, defense) in defenses()?.into_iter().enumerate() {
            runs.push(defense.run(part + 1, &config)?);
        }
    }
    Ok(runs)
}

/// The run of `config`, with those of `rows` that it has replicas of.
fn run_of(table: Table, part: Option<String>, config: Config, rows: &[PlannedRow]) -> TableRun {
    let replicas = config.replicas();
    let rows = rows.iter().map(|(label, published, belongs)| {
        let of_row = replicas.iter().enumerate().filter(|(_, replica)| belongs(replica));
        let replicas = of_row.map(|(number, _)| number).collect();
        TableRow { label: label.clone(), published: published.clone(), replicas }
    });
    let rows = rows.filter(|row| !row.replicas.is_empty()).collect();
    TableRun { table, part, rows, config }
}

/// A table's replicas as one configuration, and its rows.
fn replicas_and_rows(table: Table, setup: &Setup, request: &Request) -> Result<(Config, Vec<PlannedRow>)> {
    let mut config = setup.config.clone();
    config.train.evaluate_limit = config.train.evaluate_limit.min(EVALUATE_LIMIT);
    config.audit.as_published = true;
    config.train.seed = Sweep::many((0..request.seeds as u64).collect());
    if request.values.is_some() && table.key().is_none() {
        return Err(Error::usage("--values")
            .expected("lambda, l2 or reference-size, whose rows are values")
            .found(table.name()));
    }
    let published = published::rows(table)?;
    let own = setup.known.as_ref().map(|known| known.published.as_str());
    let beside = |value: &str| {
        published.iter().find(|row| Some(row.dataset.as_str()) == own && row.value == value).cloned()
    };
    let mut rows: Vec<PlannedRow> = vec![];
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
            let factors = values(table, request, &published)?;
            config.defense.lambda = Sweep::one(0.0);
            config.model.weight_decay = Sweep::many(factors.clone());
            for factor in factors {
                let published = beside(&factor.to_string());
                rows.push((format!("L2 {factor}"), published, Box::new(move |r| r.weight_decay == factor)));
            }
        }
        Table::Lambda => {
            let lambdas = values(table, request, &published)?;
            config.defense.lambda = Sweep::many(lambdas.clone());
            for lambda in lambdas {
                let published = beside(&lambda.to_string());
                rows.push((format!("λ {lambda}"), published, Box::new(move |r| r.lambda == lambda)));
            }
        }
        Table::ReferenceSize => {
            config.defense.lambda = Sweep::one(strongest_lambda(&config)?);
            let of = published.first().map_or("", |row| row.dataset.as_str());
            let sizes = reference_sizes(setup, request, of, &published)?;
            config.data.reference = Sweep::many(sizes.iter().map(|(size, _)| *size).collect());
            for (size, value) in sizes {
                let published = value.as_deref().and_then(&beside);
                let label = match value.filter(|_| published.is_some()) {
                    Some(published) if published == size.to_string() => format!("|D′| {size} (by size)"),
                    Some(published) => format!("|D′| {size} (by share, as {published})"),
                    None => format!("|D′| {size}"),
                };
                rows.push((label, published, Box::new(move |r| r.reference == size)));
            }
        }
    }
    config.validate()?;
    config.deviations = config.deviations_since(&setup.config)?;
    Ok((config, rows))
}

/// The values of a table's rows: those asked for, or those that the paper has rows of, whatever the data set.
fn values(table: Table, request: &Request, published: &[Published]) -> Result<Vec<f64>> {
    let Some((key, typed)) = table.key().zip(request.values.as_ref()) else { return numbers(published) };
    let config = Config::merge(&[Layer::list("--values", key, typed)])?;
    Ok(distinct(match table {
        Table::L2 => config.model.weight_decay.values().to_vec(),
        Table::ReferenceSize => config.data.reference.values().iter().map(|&size| size as f64).collect(),
        Table::Lambda | Table::Defense | Table::Defenses => config.defense.lambda.values().to_vec(),
    }))
}

/// The values of published rows.
fn numbers(published: &[Published]) -> Result<Vec<f64>> {
    let number = |row: &Published| {
        let wrong = || Error::data("data/published").expected("a number").found(row.value.as_str());
        row.value.parse().map_err(|_| wrong())
    };
    published.iter().map(number).collect::<Result<_>>().map(distinct)
}

/// Of equal values the first.
fn distinct(values: Vec<f64>) -> Vec<f64> {
    let mut distinct = vec![];
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
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
        Ok(TableRun { table: Table::Defenses, part: Some(part.to_string()), config, rows: vec![row] })
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

/// The sizes of D′ and the published value that each stands beside: the one of the same proportion to |D|.
fn reference_sizes(
    setup: &Setup,
    request: &Request,
    dataset: &str,
    rows: &[Published],
) -> Result<Vec<(usize, Option<String>)>> {
    let all = published::all()?;
    let paper = all.iter().find(|known| known.published == dataset).map_or(1, |known| known.members) as f64;
    let members = setup.config.data.members as f64;
    let published = numbers(rows)?;
    let listed = setup.known.as_ref().map(|known| known.reference_sizes()).unwrap_or_default();
    let sizes: Vec<f64> = if request.values.is_some() {
        values(Table::ReferenceSize, request, rows)?
    } else if listed.is_empty() {
        published.iter().map(|p| (p / paper * members).round()).collect()
    } else {
        // Listed for the preset's own |D|, which `scale` shrinks with them.
        listed.iter().map(|&size| (size as f64 * request.scale).round()).collect()
    };
    let near = |size: f64| published.iter().find(|p| (*p / paper - size / members).abs() < 1e-3);
    Ok(sizes.into_iter().map(|size| (size as usize, near(size).map(f64::to_string))).collect())
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
    let before = config.clone();
    config.data.members = times(config.data.members);
    let reference: Vec<usize> = config.data.reference.values().iter().map(|&n| times(n)).collect();
    config.data.reference = Sweep::many(reference);
    config.validate()?;
    config.deviations = config.deviations_since(&before)?;
    Ok(vec![format!("|D| and |D′| are {scale} of the preset's")])
}

/// The settings of `after` that are not those of `before`, `key = value` each; where the data are, and the deviations,
/// which follow from them, aside.
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
    let aside = |key: &str| key == "data.path" || key == "deviations";
    let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(value) && !aside(key));
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
