//! The paper's numbers, and which of them stand beside which preset: `data/published/*.csv`, built into the
//! binary. Not a number of them is in code.

use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::table::Table;

const DATASETS: &str = include_str!("../../data/published/datasets.csv");

/// A row of a published table. Accuracies are fractions here, percent in the files.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Published {
    /// As the paper calls it.
    pub dataset: String,
    /// What distinguishes the row: λ, an L2 factor, a number of records, a defense.
    pub value: String,
    /// The classifier's accuracy on D; `None`: not published.
    pub train: Option<f64>,
    /// On test records; `None`: not published.
    pub test: Option<f64>,
    /// The accuracy of the neural attack on D; `None`: not published.
    pub attack: Option<f64>,
}

/// A preset whose tables have published counterparts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KnownDataset {
    /// The preset's name.
    pub preset: String,
    /// The paper's data set.
    pub published: String,
    /// Whether the preset's data are others than the paper's.
    pub stand_in: bool,
    /// Of the data file.
    pub records: usize,
    /// F, of the data file.
    pub features: usize,
    /// C, of the data file.
    pub classes: usize,
    /// The paper's |D|.
    pub members: usize,
    reference_sizes: String,
}

impl KnownDataset {
    /// The preset `name`, if it has published counterparts.
    ///
    /// # Errors
    /// None: the file is part of the program.
    pub fn named(name: &str) -> Result<Option<KnownDataset>> {
        Ok(all()?.into_iter().find(|known| known.preset == name))
    }

    /// The preset made for data of this size, of several the first.
    ///
    /// # Errors
    /// As [`named`](Self::named).
    pub fn of_size(records: usize, features: usize, classes: usize) -> Result<Option<KnownDataset>> {
        Ok(all()?.into_iter().find(|known| known.has_size(records, features, classes)))
    }

    fn has_size(&self, records: usize, features: usize, classes: usize) -> bool {
        (self.records, self.features, self.classes) == (records, features, classes)
    }

    /// Whether data of this size are the paper's: the preset is made for them and they look like them.
    pub fn is_of(&self, records: usize, features: usize, classes: usize) -> bool {
        self.has_size(records, features, classes) && !self.stand_in
    }

    /// |D′| of the table `reference-size` at the preset's own |D|, where they are not the paper's in proportion.
    pub fn reference_sizes(&self) -> Vec<usize> {
        self.reference_sizes.split_whitespace().filter_map(|size| size.parse().ok()).collect()
    }
}

/// Every preset with published counterparts.
///
/// # Errors
/// None: the file is part of the program.
pub fn all() -> Result<Vec<KnownDataset>> {
    read("datasets", DATASETS)
}

/// The published rows of `table`, all data sets'.
///
/// # Errors
/// None: the files are part of the program.
pub fn rows(table: Table) -> Result<Vec<Published>> {
    let rows: Vec<Published> = read(table.name(), table.published())?;
    let fraction = |percent: Option<f64>| percent.map(|p| p / 100.0);
    Ok(rows
        .into_iter()
        .map(|row| Published {
            train: fraction(row.train),
            test: fraction(row.test),
            attack: fraction(row.attack),
            ..row
        })
        .collect())
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_reader(text.as_bytes());
    let rows: Result<Vec<T>, csv::Error> = reader.deserialize().collect();
    rows.map_err(|e| Error::data(format!("data/published/{name}.csv")).found(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::preset;

    #[test]
    fn every_file_is_read_and_names_data_sets_that_are_known() {
        let known = all().unwrap();
        for table in Table::ALL {
            for row in rows(table).unwrap() {
                let rates = [row.train, row.test, row.attack];
                assert!(rates.iter().flatten().all(|rate| (0.0..=1.0).contains(rate)), "{row:?}");
                assert!(known.iter().any(|known| known.published == row.dataset), "{row:?}");
            }
        }
    }

    /// Retail100 by the preset `purchase100` had differences from Purchase100's numbers.
    #[test]
    fn only_data_of_the_published_size_are_the_published_ones() {
        let known = |preset| KnownDataset::named(preset).unwrap().unwrap();
        let purchase = known("purchase100");
        assert!(purchase.is_of(197_324, 600, 100));
        assert!(!purchase.is_of(50_731, 600, 100) && !purchase.is_of(197_324, 599, 100));
        assert!(!known("retail100").is_of(50_731, 600, 100), "it stands in");
    }

    #[test]
    fn the_presets_that_are_named_are_there_and_sizes_tell_the_data_apart() {
        for known in all().unwrap() {
            preset::named(&known.preset).unwrap();
            assert_eq!(KnownDataset::named(&known.preset).unwrap().as_ref(), Some(&known));
            let found = KnownDataset::of_size(known.records, known.features, known.classes).unwrap().unwrap();
            // CIFAR-100 has two networks in the paper.
            assert_eq!(found.stand_in, known.stand_in);
            assert!(!found.preset.ends_with("-official"), "the paper's text comes first: {found:?}");
        }
        assert_eq!(KnownDataset::of_size(1, 2, 3).unwrap(), None);
    }
}
