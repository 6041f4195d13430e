//! A data set in memory.

use super::features::Features;
use super::schema::Schema;
use crate::ops::Image;
use serde::{Deserialize, Serialize};

/// N records with their labels, all in memory, checked: finite features, labels below `classes`, a
/// record of every class.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// The file's name without its endings, or `synthetic`.
    pub name: String,
    /// One sentence of what was detected: format, where the labels were and what they count from,
    /// what the columns are, how many records.
    pub kind: String,
    /// N × F.
    pub features: Features,
    /// N class ids in 0..classes.
    pub labels: Vec<u32>,
    /// C.
    pub classes: usize,
    /// By class id, as written in the file.
    pub class_names: Vec<String>,
    /// How the file's columns became features.
    pub schema: Schema,
    /// Where the records are images: their shape. The features are then bytes, plane after plane.
    pub image: Option<Image>,
}

impl Dataset {
    /// N, the number of records.
    pub fn records(&self) -> usize {
        self.labels.len()
    }

    /// F, the number of features of a record.
    pub fn width(&self) -> usize {
        self.features.width()
    }

    /// The F features of record `i`, as stored (not standardized).
    ///
    /// # Panics
    /// If there is no record `i`.
    pub fn row(&self, i: usize) -> Vec<f32> {
        self.features.row(i)
    }
}

/// The data set, D, D′ and test records together. Of predictions that another program made: the predictions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DatasetSummary {
    /// The file's name without its endings, or `synthetic`.
    pub name: String,
    /// How many records, of all splits together.
    pub records: usize,
    /// How many features a record has; `null` where only predictions are known.
    pub features: Option<usize>,
    /// How many classes.
    pub classes: usize,
}
