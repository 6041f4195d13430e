//! A reproduced table: our numbers beside the published ones. The data, and the verdict on them.
//!
//! Not where they come from ([`crate::experiment`]), not their files ([`super::reproduction`]) and not how
//! they are set (`comparison_text`).

use serde::{Deserialize, Serialize};

use crate::audit::results::summary::{Adapter, DatasetSummary};
use crate::statistics::intervals::over_seeds;

/// The version of a table's keys: new ones may be added, none changes its meaning within a version.
pub const SCHEMA: u32 = 1;

/// A table. Every rate is a fraction from 0 to 1; differences are ours minus published, of the
/// same data alone.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// The version of the keys and their meaning: [`SCHEMA`]; files without it are of version 1.
    #[serde(default = "first_schema")]
    pub schema: u32,
    /// Its name on the command line.
    pub table: String,
    /// What the table shows, as a heading.
    pub title: String,
    /// The preset that ours were trained by.
    pub preset: String,
    /// The data set that ours are of.
    pub dataset: DatasetSummary,
    /// Whose published numbers stand beside ours.
    #[serde(default = "paper")]
    pub source: String,
    /// The data set that the published numbers are of, as the paper calls it.
    pub published_dataset: Option<String>,
    /// The program's version.
    pub version: String,
    /// What ours ran on; `null` where no GPU was needed.
    pub adapter: Option<Adapter>,
    /// Models a row.
    pub seeds: usize,
    /// In the table's order.
    pub rows: Vec<Row>,
    /// What the first and the last row come to; `None` of a single row.
    pub ends: Option<Ends>,
    /// Where this departs from what was published, a sentence each.
    pub differs: Vec<String>,
    /// What must be known before the numbers are believed.
    pub notes: Vec<String>,
}

/// The source in files that name none.
fn paper() -> String {
    "paper".to_owned()
}

/// What a file that names none is of.
pub(super) fn first_schema() -> u32 {
    1
}

/// A row: the models of one setting.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Row {
    /// What distinguishes it: `λ 3`, `|D′| 5000`, ….
    pub label: String,
    /// Accuracy on D.
    pub train: Measured,
    /// Accuracy on test records.
    pub test: Measured,
    /// The neural attack on D by the authors' protocol, which the published accuracies are of; `None` in files of
    /// before it was made.
    #[serde(default)]
    pub as_published: Option<Measured>,
    /// The neural attack on D, by ours.
    pub neural: Measured,
    /// The attack on D with the highest mean accuracy.
    pub strongest: Measured,
    /// The name of the strongest attack on D.
    pub strongest_attack: String,
    /// Being classified right, as an attack: the floor.
    pub gap: Measured,
    /// The strongest attack on D′, where there is a D′.
    pub on_reference: Option<Measured>,
    /// The name of the strongest attack on D′.
    pub on_reference_attack: Option<String>,
}

impl Row {
    /// What published numbers stand beside: name, number, and whether a difference means something. The attack is the
    /// one by the authors' protocol, in files of before it was made the neural one.
    pub fn compared(&self) -> [(&'static str, &Measured, bool); 3] {
        let attack = match &self.as_published {
            Some(measured) => ("neural, as published", measured, true),
            None => ("neural", &self.neural, true),
        };
        [("train", &self.train, false), ("test", &self.test, true), attack]
    }

    /// What is compared between rows, seed by seed: what the classifier is good for, and what attacks find on D.
    pub fn quantities(&self) -> Vec<(&'static str, &Measured)> {
        let mut quantities = vec![("test", &self.test)];
        quantities.extend(self.as_published.as_ref().map(|measured| ("neural, as published", measured)));
        quantities.extend([("neural, ours", &self.neural), ("strongest", &self.strongest)]);
        quantities
    }
}

/// A number of ours, over the seeds, and the published one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Measured {
    /// Ours, one a seed.
    pub values: Vec<f64>,
    /// The mean of `values`; `None` without any.
    pub mean: Option<f64>,
    /// 95%, Student's t; `None` of one seed.
    pub ci95: Option<[f64; 2]>,
    /// The published number; `None` where there is none.
    pub published: Option<f64>,
    /// `mean` less `published`.
    pub difference: Option<f64>,
}

impl Measured {
    /// Of ours, one a seed, and the published one.
    pub fn new(values: Vec<f64>, published: Option<f64>) -> Self {
        let (mean, ci95) = over_seeds(&values);
        let difference = mean.zip(published).map(|(mean, published)| mean - published);
        Measured { values, mean, ci95, published, difference }
    }

    /// Half of the interval's width.
    pub fn half_width(&self) -> Option<f64> {
        self.ci95.map(|[low, high]| 0.5 * (high - low))
    }

    /// This less `first`, each seed with itself; `None` where the seeds are not the same.
    pub fn less(&self, first: &Measured) -> Option<Measured> {
        let pairs = first.values.iter().zip(&self.values).map(|(first, this)| this - first);
        (first.values.len() == self.values.len()).then(|| Measured::new(pairs.collect(), None))
    }
}

/// Whether the attacks are weaker on the last row than on the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ends {
    /// The first row's label.
    pub first: String,
    /// The last row's label.
    pub last: String,
    /// The neural attack on D, from the first row to the last.
    pub neural: Change,
    /// The strongest attack on D, from the first row to the last.
    pub strongest: Change,
}

/// A difference between two rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Change {
    /// The mean of the first row.
    pub from: f64,
    /// The mean of the last row.
    pub to: f64,
    /// `to` less `from`, 95% by Student's t over the seeds, each compared with itself: rows share split and
    /// first weights. `None` of one seed.
    #[serde(default)]
    pub difference_ci95: Option<[f64; 2]>,
    /// Whether it falls, as the paper has it, and the intervals do not touch; `None` without intervals.
    pub falls_by_more_than_intervals: Option<bool>,
}

impl Change {
    fn of(first: &Measured, last: &Measured) -> Option<Change> {
        let falls = first.ci95.zip(last.ci95).map(|(first, last)| last[1] < first[0]);
        let difference_ci95 = last.less(first).and_then(|pairs| pairs.ci95);
        Some(Change {
            from: first.mean?,
            to: last.mean?,
            difference_ci95,
            falls_by_more_than_intervals: falls,
        })
    }
}

impl Ends {
    /// Of the first and the last of `rows`; `None` of fewer than two, or without numbers.
    pub fn of(rows: &[Row]) -> Option<Ends> {
        let [first, .., last] = rows else { return None };
        Some(Ends {
            first: first.label.clone(),
            last: last.label.clone(),
            neural: Change::of(&first.neural, &last.neural)?,
            strongest: Change::of(&first.strongest, &last.strongest)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, attack: [f64; 3]) -> Row {
        let measured = Measured::new(attack.to_vec(), Some(0.5));
        Row { label: label.into(), neural: measured.clone(), strongest: measured, ..Row::default() }
    }

    #[test]
    fn ends_differ_where_their_intervals_do_not_touch() {
        let verdict = |last: [f64; 3]| {
            let rows = [row("a", [0.70, 0.71, 0.72]), row("b", [0.6; 3]), row("c", last)];
            Ends::of(&rows).unwrap().neural
        };
        // Half widths: t(2; 0.975) · 0.01 / √3 = 0.0248.
        assert_eq!(verdict([0.60, 0.61, 0.62]).falls_by_more_than_intervals, Some(true));
        assert_eq!(verdict([0.66, 0.67, 0.68]).falls_by_more_than_intervals, Some(false));
        assert_eq!(verdict([0.80, 0.81, 0.82]).falls_by_more_than_intervals, Some(false), "it rises");
        assert_eq!(Ends::of(&[row("a", [0.5; 3])]), None);
    }

    #[test]
    fn seeds_that_are_shared_are_compared_as_pairs() {
        // Each row spreads by 0.1, each seed falls by 0.01 or 0.02: mean −0.014, deviation 0.0054772.
        let first = [0.6, 0.65, 0.7, 0.75, 0.8];
        let falls = [0.01, 0.02, 0.01, 0.02, 0.01];
        let last: Vec<f64> = first.iter().zip(falls).map(|(first, fall)| first - fall).collect();
        let [first, last] = [first.to_vec(), last].map(|values| Measured::new(values, None));
        let change = Change::of(&first, &last).unwrap();
        assert_eq!(change.falls_by_more_than_intervals, Some(false));
        // t(4; 0.975) · 0.0054772 / √5 = 2.776445 · 0.0024495 = 0.0068009.
        let [low, high] = change.difference_ci95.unwrap();
        assert!((low + 0.020_800_9).abs() < 1e-6 && (high + 0.007_199_1).abs() < 1e-6, "{low} {high}");
        let fewer = Measured::new(vec![0.5; 2], None);
        assert_eq!(Change::of(&first, &fewer).unwrap().difference_ci95, None);
    }

    #[test]
    fn a_difference_is_ours_minus_the_published() {
        let measured = Measured::new(vec![0.5, 0.75], Some(0.5));
        assert_eq!((measured.mean, measured.difference), (Some(0.625), Some(0.125)));
        assert_eq!(Measured::new(vec![0.5], None).half_width(), None);
    }
}
