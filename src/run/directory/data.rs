//! What a run keeps of its data: their schema, size and classes, and the fingerprint by which other data are
//! noticed.

use super::{DATA, RunDirectory, SCHEMA};
use crate::dataset::{Dataset, DatasetSummary, Fingerprint, Schema};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// By which other data are noticed ([`Fingerprint`]).
pub const FINGERPRINT: &str = "fingerprint.json";

/// What a run knows of its data: this stays with the run, unlike the models.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunData {
    /// Their name and sizes.
    pub dataset: DatasetSummary,
    /// By class id, as written in the file.
    pub class_names: Vec<String>,
}

impl RunData {
    fn of(dataset: &Dataset) -> Self {
        RunData {
            dataset: DatasetSummary {
                name: dataset.name.clone(),
                records: dataset.records(),
                features: Some(dataset.width()),
                classes: dataset.classes,
            },
            class_names: dataset.class_names.clone(),
        }
    }
}

impl RunDirectory {
    /// Writes `schema.toml`, `fingerprint.json` and `data.json`: what the run is of. Where the directory has
    /// a fingerprint, its files are those of other data or damaged, and the fingerprint stays.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_data(&self, dataset: &Dataset) -> Result<()> {
        self.write_bytes(SCHEMA, dataset.schema.to_toml()?.as_bytes())?;
        if !self.has(FINGERPRINT) {
            self.write_json(FINGERPRINT, &Fingerprint::of(dataset)?)?;
        }
        self.write_json(DATA, &RunData::of(dataset))
    }

    /// Reads `data.json`.
    ///
    /// # Errors
    /// A missing or damaged file.
    pub fn read_data(&self) -> Result<RunData> {
        self.read_json(DATA)
    }

    /// Reads `schema.toml`; `None` where training has not come to it.
    ///
    /// # Errors
    /// A damaged file.
    pub fn read_schema(&self) -> Result<Option<Schema>> {
        self.has(SCHEMA).then(|| Schema::read(&self.file(SCHEMA))).transpose()
    }

    /// Whether `dataset` is what the run was begun with. Where it is not and that is to be `accepted`, returns
    /// what changed, in words. A run without a fingerprint, which an older version began or which was stopped
    /// before it had one, takes any.
    ///
    /// # Errors
    /// Other data that are not accepted; a damaged fingerprint.
    pub fn check_data(&self, dataset: &Dataset, accepted: bool) -> Result<Option<String>> {
        if !self.has(FINGERPRINT) {
            return Ok(None);
        }
        let place = self.path().display().to_string();
        let begun: Fingerprint = match self.read_json(FINGERPRINT) {
            Ok(begun) => begun,
            Err(_) if accepted => return Ok(Some("the fingerprint of the data cannot be read".to_owned())),
            Err(error) => return Err(error.advice("give --accept-changed-data if the data are the same")),
        };
        let Some(difference) = begun.difference(&begun.again(dataset)?, &dataset.schema) else {
            return Ok(None);
        };
        if accepted {
            return Ok(Some(format!("{place}: its data have changed: {difference}")));
        }
        Err(Error::data(place)
            .expected("the data that it was begun with")
            .found(format!("other data: {difference}"))
            .advice("put the file back as it was, or go on with these data by --accept-changed-data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Synthetic, synthetic};

    #[test]
    fn other_data_are_refused_unless_accepted() {
        let parent = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(parent.path(), false).unwrap();
        let data =
            synthetic(&Synthetic { records: 40, features: 5, classes: 2, ..Synthetic::default() }).unwrap();
        assert_eq!(directory.check_data(&data, false).unwrap(), None, "nothing to compare with");
        directory.write_data(&data).unwrap();
        assert_eq!(directory.check_data(&data, false).unwrap(), None);
        let mut other = data.clone();
        other.labels[3] ^= 1;
        let error = directory.check_data(&other, false).unwrap_err();
        assert_eq!(error.found, "other data: labels changed");
        assert!(error.advice.contains("--accept-changed-data"), "{error}");
        assert!(directory.check_data(&other, true).unwrap().unwrap().ends_with("changed: labels changed"));
        // To be accepted once is not to be the run's data from then on.
        directory.write_data(&other).unwrap();
        assert!(directory.check_data(&other, false).is_err());
        std::fs::write(directory.file(FINGERPRINT), "{").unwrap();
        assert!(directory.check_data(&data, false).unwrap_err().advice.contains("--accept-changed-data"));
    }
}
