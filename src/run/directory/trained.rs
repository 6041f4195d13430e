//! What training leaves in a run's directory: who was what, the models, the predictions.

use super::{MODELS, PREDICTIONS, RunDirectory, SPLIT, model_name};
use crate::dataset::{Split, load_splits, save_splits};
use crate::error::{Error, Kind, Result};
use crate::run::model_file::{NamedTensor, write_safetensors};
use crate::run::predictions::{ReplicaPredictions, load_predictions, load_replica, save_predictions};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

impl RunDirectory {
    /// Whether training has come to its end: the predictions are the last thing that it writes.
    pub fn is_trained(&self) -> bool {
        self.has(PREDICTIONS)
    }

    /// Removes predictions that cannot be read, and returns why: training then makes them anew from its last
    /// checkpoint. Nothing but the hardware or another program does that to them.
    ///
    /// # Errors
    /// The file system's.
    pub fn repair_predictions(&self) -> Result<Option<Error>> {
        if !self.is_trained() {
            return Ok(None);
        }
        let Err(error) = self.read_predictions() else { return Ok(None) };
        let path = self.file(PREDICTIONS);
        fs::remove_file(&path).map_err(|e| Error::io(&path, &e))?;
        Ok(Some(error))
    }

    /// Whether the run is trained to its end, so that it can be audited.
    ///
    /// # Errors
    /// Training has not come to its end.
    pub fn check_trained(&self) -> Result<()> {
        if self.is_trained() {
            return Ok(());
        }
        Err(Error::new(Kind::Io, self.file(PREDICTIONS).display().to_string())
            .expected("the predictions of a finished run")
            .found("none: its training has not come to its end")
            .advice(format!("finish it with `veilgrad train --resume {}`", self.path().display())))
    }

    /// The file of the model of replica `number`.
    pub fn model(&self, number: usize) -> PathBuf {
        self.path().join(MODELS).join(format!("{}.safetensors", model_name(number)))
    }

    /// Writes the model of replica `number`: the same tensors and metadata give the same bytes.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_model(
        &self,
        number: usize,
        tensors: &[NamedTensor],
        metadata: &BTreeMap<String, String>,
    ) -> Result<()> {
        let (path, folder) = (self.model(number), self.file(MODELS));
        fs::create_dir_all(&folder).map_err(|e| Error::io(&folder, &e))?;
        let name = format!("{MODELS}/{}.safetensors", model_name(number));
        self.write(&name, |w| write_safetensors(w, tensors, metadata).map_err(|e| Error::io(&path, &e)))
    }

    /// Writes `split.npz`, a split a replica.
    ///
    /// # Errors
    /// Splits of different sizes; the file system's.
    pub fn write_splits(&self, splits: &[Split]) -> Result<()> {
        self.check_held()?;
        save_splits(&self.file(SPLIT), splits)
    }

    /// Reads `split.npz`, a split a replica.
    ///
    /// # Errors
    /// A missing or damaged file.
    pub fn read_splits(&self) -> Result<Vec<Split>> {
        load_splits(&self.file(SPLIT))
    }

    /// Writes `predictions.npz`, a set a replica, one in memory at a time.
    ///
    /// # Errors
    /// The file system's; those of `replicas`.
    pub fn write_predictions(
        &self,
        replicas: impl IntoIterator<Item = Result<ReplicaPredictions>>,
    ) -> Result<()> {
        self.check_held()?;
        save_predictions(&self.file(PREDICTIONS), replicas)
    }

    /// Reads `predictions.npz`.
    ///
    /// # Errors
    /// Training has not come to its end; a damaged file.
    pub fn read_predictions(&self) -> Result<Vec<ReplicaPredictions>> {
        self.check_trained()?;
        load_predictions(&self.file(PREDICTIONS))
    }

    /// Reads replica `r` of `predictions.npz` alone.
    ///
    /// # Errors
    /// As [`read_predictions`](Self::read_predictions).
    pub fn read_replica(&self, r: usize) -> Result<ReplicaPredictions> {
        self.check_trained()?;
        load_replica(&self.file(PREDICTIONS), r)
    }
}
