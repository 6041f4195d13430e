//! Everything of a report for machines: one JSON document, or tables in CSV.
//!
//! The JSON, of schema [`SCHEMA`]: `{"schema", "version", "runs": [{"name", "directory", "config", "summary",
//! "details", "metrics"}], "reproductions": [{"directory", "runs", "tables"}]}`, with `summary` as
//! [`Summary`](crate::audit::results::summary::Summary) documents it, `details` as
//! [`Details`](crate::audit::results::details::Details), `metrics` as
//! [`EpochMetrics`](crate::run::event::EpochMetrics), `config` the text of `run.toml`, and a table as
//! [`Comparison`](super::comparison::Comparison). Each has a version of its own, its `schema`. New keys may
//! be added; none changes its meaning within a version.
//!
//! The tables ([`tables`]): a row of each begins with `run` and `replica`, and rates that are not resolvable
//! are empty. Those of reproductions are in one, with a row of theirs each. None has a row of a person: that is
//! [`super::records`].

use serde::Serialize;

use super::comparison_text;
use super::csv_table::Csv;
use super::reproduction::Reproduction;
use super::run::Run;
use crate::error::Result;
use crate::statistics::judgment::AttackResult;

/// The version of the document's shape.
pub const SCHEMA: u32 = 1;

/// The document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// The version of the keys and their meaning: [`SCHEMA`].
    pub schema: u32,
    /// The program's version.
    pub version: &'static str,
    /// Runs and audits, in the order in which they were given.
    pub runs: &'a [Run],
    /// Reproduced tables, directory by directory.
    pub reproductions: &'a [Reproduction],
}

/// Everything of `runs` and `reproductions`.
pub fn document<'a>(runs: &'a [Run], reproductions: &'a [Reproduction]) -> Document<'a> {
    Document { schema: SCHEMA, version: env!("CARGO_PKG_VERSION"), runs, reproductions }
}

/// The tables, by file name; none of runs without a run, none of reproductions without one.
///
/// # Errors
/// None for numbers and text.
pub fn tables(runs: &[Run], reproductions: &[Reproduction]) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut tables = vec![];
    if !runs.is_empty() {
        tables = vec![
            ("models.csv", models(runs)?),
            ("attacks.csv", attacks(runs)?),
            ("roc.csv", curves(runs)?),
            ("histograms.csv", histograms(runs)?),
            ("groups.csv", groups(runs)?),
            ("epochs.csv", epochs(runs)?),
        ];
    }
    if !reproductions.is_empty() {
        let all = reproductions.iter().flat_map(|reproduction| &reproduction.tables);
        tables.push(("reproduced.csv", comparison_text::csv(all)?));
    }
    Ok(tables)
}

fn cell(value: Option<f64>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}

fn models(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new(
        "run replica lambda seed learning_rate attack_learning_rate weight_decay attack_weight_decay dropout \
         train_accuracy reference_accuracy test_accuracy balanced_accuracy commonest_class_accuracy logistic_accuracy collapsed frozen_at_step control_accuracy \
         attack_trained",
    )?;
    for run in runs {
        for (r, model) in run.summary.replicas.iter().enumerate() {
            let settings = model.settings.map_or(vec![String::new(); 7], |s| {
                let rates = [
                    s.learning_rate,
                    s.attack_learning_rate,
                    s.weight_decay,
                    s.attack_weight_decay,
                    s.dropout,
                ];
                let first = [s.lambda.to_string(), s.seed.to_string()];
                first.into_iter().chain(rates.map(|v| v.to_string())).collect()
            });
            let utility = model.utility.as_ref();
            let accuracies = [
                Some(model.train_accuracy),
                model.reference_accuracy,
                model.test_accuracy,
                utility.map(|u| u.balanced_accuracy),
                utility.map(|u| u.commonest_class_accuracy),
                utility.and_then(|u| u.logistic_accuracy),
            ];
            let row =
                [run.name.clone(), r.to_string()].into_iter().chain(settings).chain(accuracies.map(cell));
            csv.row(row.chain([
                model.collapsed.to_string(),
                model.frozen_at_step.map_or(String::new(), |s| s.to_string()),
                cell(model.control_accuracy),
                model.attack_trained.to_string(),
            ]))?;
        }
    }
    csv.bytes()
}

/// A row a metric: its value and interval.
fn attacks(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new("run replica records attack metric value low high members nonmembers note")?;
    for run in runs {
        for (r, model) in run.summary.replicas.iter().enumerate() {
            let blind = model.blind.iter().map(|result| ("members", "blind", result));
            let on_members = model.attacks.iter().map(|(name, result)| ("members", name.as_str(), result));
            let on_reference =
                model.attacks_on_reference.iter().map(|(name, result)| ("reference", name.as_str(), result));
            for (records, name, result) in on_members.chain(on_reference).chain(blind) {
                for (metric, value, interval) in metrics(result) {
                    csv.row([
                        run.name.clone(),
                        r.to_string(),
                        records.to_owned(),
                        name.to_owned(),
                        metric.to_owned(),
                        cell(value),
                        cell(interval.map(|i| i[0])),
                        cell(interval.map(|i| i[1])),
                        result.members.to_string(),
                        result.nonmembers.to_string(),
                        result.note.clone().unwrap_or_default(),
                    ])?;
                }
            }
        }
    }
    csv.bytes()
}

/// Name, value and interval.
pub(super) type Metric = (&'static str, Option<f64>, Option<[f64; 2]>);

/// Every metric of a result.
pub(super) fn metrics(r: &AttackResult) -> [Metric; 11] {
    let ci = &r.ci95;
    [
        ("accuracy", Some(r.accuracy), Some(ci.accuracy)),
        ("advantage", Some(r.advantage), Some(ci.advantage)),
        ("auc", Some(r.auc), Some(ci.auc)),
        ("tpr_at_fpr_0.0001", r.tpr.at_0_0001, ci.tpr.at_0_0001),
        ("tpr_at_fpr_0.001", r.tpr.at_0_001, ci.tpr.at_0_001),
        ("tpr_at_fpr_0.01", r.tpr.at_0_01, ci.tpr.at_0_01),
        ("tnr_at_fnr_0.0001", r.tnr.at_0_0001, ci.tnr.at_0_0001),
        ("tnr_at_fnr_0.001", r.tnr.at_0_001, ci.tnr.at_0_001),
        ("tnr_at_fnr_0.01", r.tnr.at_0_01, ci.tnr.at_0_01),
        ("precision", r.precision, ci.precision),
        ("epsilon_lower_bound", r.epsilon_lower_bound, None),
    ]
}

fn curves(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new("run replica attack fpr tpr tpr_low tpr_high")?;
    for run in runs {
        for (r, model) in run.details.iter().flat_map(|d| &d.replicas).enumerate() {
            for (attack, curve) in &model.curves {
                for i in 0..curve.fpr.len() {
                    let values = [curve.fpr[i], curve.tpr[i], curve.tpr_low[i], curve.tpr_high[i]];
                    let start = [run.name.clone(), r.to_string(), attack.clone()];
                    csv.row(start.into_iter().chain(values.map(|v| v.to_string())))?;
                }
            }
        }
    }
    csv.bytes()
}

fn histograms(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new("run replica quantity from to members nonmembers")?;
    for run in runs {
        for (r, model) in run.details.iter().flat_map(|d| &d.replicas).enumerate() {
            for (quantity, histogram) in [("confidence", &model.confidence), ("entropy", &model.entropy)] {
                let bins = histogram.members.len();
                for (i, (m, n)) in histogram.members.iter().zip(&histogram.nonmembers).enumerate() {
                    let edge = |i: usize| (i as f64 / bins as f64).to_string();
                    let (m, n) = (m.to_string(), n.to_string());
                    csv.row([
                        run.name.clone(),
                        r.to_string(),
                        quantity.to_owned(),
                        edge(i),
                        edge(i + 1),
                        m,
                        n,
                    ])?;
                }
            }
        }
    }
    csv.bytes()
}

fn groups(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new(
        "run replica kind name members nonmembers train_accuracy test_accuracy attack accuracy accuracy_low \
         accuracy_high auc auc_low auc_high scored_members scored_nonmembers",
    )?;
    for run in runs {
        for (r, model) in run.details.iter().flat_map(|d| &d.replicas).enumerate() {
            let classes = model.classes.iter().map(|g| ("class", g));
            for (kind, group) in classes.chain(model.subgroups.iter().map(|g| ("subgroup", g))) {
                let start = || {
                    [run.name.clone(), r.to_string(), kind.to_owned(), group.name.clone()].into_iter().chain(
                        [
                            group.members.to_string(),
                            group.nonmembers.to_string(),
                            cell(group.train_accuracy),
                            cell(group.test_accuracy),
                        ],
                    )
                };
                if group.attacks.is_empty() {
                    csv.row(start().chain(vec![String::new(); 9]))?;
                }
                for (attack, a) in &group.attacks {
                    let [accuracy, auc] = [a.accuracy_ci95, a.auc_ci95];
                    let numbers = [a.accuracy, accuracy[0], accuracy[1], a.auc, auc[0], auc[1]];
                    let counts = [a.members, a.nonmembers].map(|n| n.to_string());
                    csv.row(
                        start().chain([attack.clone()]).chain(numbers.map(|v| v.to_string())).chain(counts),
                    )?;
                }
            }
        }
    }
    csv.bytes()
}

fn epochs(runs: &[Run]) -> Result<Vec<u8>> {
    let mut csv = Csv::new(
        "run replica epoch loss train_accuracy reference_accuracy test_accuracy gain attack_accuracy seconds",
    )?;
    for run in runs {
        for m in &run.metrics {
            let values = [m.reference_accuracy, m.test_accuracy, m.gain, m.attack_accuracy, Some(m.seconds)];
            let start = [run.name.clone(), m.replica.to_string(), m.epoch.to_string()];
            let loss = Some(m.loss).filter(|l| l.is_finite());
            csv.row(
                start.into_iter().chain([cell(loss), m.train_accuracy.to_string()]).chain(values.map(cell)),
            )?;
        }
    }
    csv.bytes()
}

#[cfg(test)]
mod tests {
    use super::super::reproduction::tests::reproduction;
    use super::super::run::tests::run;
    use super::*;

    #[test]
    fn every_row_has_a_cell_for_every_column() {
        for (name, bytes) in tables(&[run("a, b"), run("c")], &[]).unwrap() {
            // Rows of another length are an error of the reader.
            let mut reader = csv::Reader::from_reader(&bytes[..]);
            let rows =
                reader.records().collect::<Result<Vec<_>, _>>().unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(
                !rows.is_empty() && rows.iter().all(|r| ["a, b", "c"].contains(&&r[0])),
                "{name}: {rows:?}"
            );
        }
        let names: Vec<&str> =
            tables(&[], &[reproduction("a")]).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["reproduced.csv"]);
    }

    #[test]
    fn the_document_has_its_documented_keys() {
        let value = serde_json::to_value(document(&[run("a")], &[reproduction("b")])).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
        };
        assert_eq!(keys(&value), ["reproductions", "runs", "schema", "version"]);
        assert_eq!(keys(&value["reproductions"][0]), ["directory", "runs", "tables"]);
        let expected = ["config", "details", "directory", "metrics", "name", "summary"];
        assert_eq!(keys(&value["runs"][0]), expected);
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["runs"][0]["details"]["schema"], crate::audit::results::details::SCHEMA);
    }
}
