//! Shadow models that another program trained, in files.
//!
//! Not our own ([`crate::audit::shadows::trained`]). Models are read one at a time, so that many of them need
//! no more memory than one.

use super::shape::unfit;
use crate::audit::attacks::scores::{self, OutputForm, Predictions};
use crate::audit::shadows::{ShadowModel, ShadowModels};
use crate::dataset::arrays::Arrays;
use crate::dataset::npy::Values;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Where shadow models' predictions are.
#[derive(Debug)]
pub(super) struct ShadowFile {
    /// Whether the arrays hold φ itself, not outputs.
    scores: bool,
    place: Place,
    models: usize,
    max_bytes: u64,
}

#[derive(Debug)]
enum Place {
    /// All models in one array of the file; the target may come after them.
    Stacked { path: PathBuf, outputs: String, keep: String },
    /// A directory a model.
    Experiments(Vec<PathBuf>),
}

impl ShadowFile {
    /// All in the arrays `outputs` and `keep` of the file or directory `path`; with the target, it is the
    /// last.
    ///
    /// # Errors
    /// A damaged file.
    pub(super) fn stacked(
        path: &Path,
        max_bytes: u64,
        arrays: &mut Arrays,
        [outputs, keep]: [&str; 2],
        with_target: bool,
    ) -> Result<Self> {
        let stacked = arrays.shape(outputs)?.first().copied().unwrap_or(0);
        Ok(ShadowFile {
            scores: outputs.contains("scores"),
            models: stacked.saturating_sub(usize::from(with_target)),
            place: Place::Stacked {
                path: path.to_owned(),
                outputs: outputs.to_owned(),
                keep: keep.to_owned(),
            },
            max_bytes,
        })
    }

    /// A file of its own with shadow models' predictions, or the directory of LiRA's authors.
    pub(super) fn open(path: &Path, max_bytes: u64) -> Result<Self> {
        if path.is_dir() {
            let mut models = vec![];
            for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, &e))? {
                let entry = entry.map_err(|e| Error::io(path, &e))?.path();
                if entry.join("keep.npy").is_file() {
                    models.push(entry);
                }
            }
            models.sort();
            if let Some(first) = models.first() {
                let scores = first.join("scores").is_dir();
                let count = models.len();
                return Ok(ShadowFile {
                    scores,
                    place: Place::Experiments(models),
                    models: count,
                    max_bytes,
                });
            }
        }
        let none =
            || Error::data(path.display().to_string()).expected("arrays of shadow models' predictions");
        let mut arrays =
            Arrays::open(path, max_bytes)?.ok_or_else(|| none().found("a file of another kind"))?;
        let outputs = arrays.find(&["shadow_scores", "scores", "shadow_logits", "logits"]);
        let keep = arrays.find(&["shadow_keep", "keep"]);
        match (outputs, keep) {
            (Some(outputs), Some(keep)) => {
                Self::stacked(path, max_bytes, &mut arrays, [&outputs, &keep], false)
            }
            _ => Err(none()
                .expected("arrays shadow_logits or shadow_scores, and shadow_keep; or experiment-…/keep.npy")
                .found(arrays.names().join(", "))),
        }
    }

    /// How many shadow models.
    pub(super) fn models(&self) -> usize {
        self.models
    }
}

/// The records that the target and its shadow models are asked about.
#[derive(Debug, Clone, Copy)]
pub(super) struct AskedRecords<'a> {
    /// \[N\].
    pub(super) labels: &'a [u32],
    /// A, the augmented copies of each.
    pub(super) copies: usize,
    /// C.
    pub(super) classes: usize,
    /// Of the outputs; shadow models' are of the target's form, for one program wrote both.
    pub(super) form: OutputForm,
}

impl AskedRecords<'_> {
    /// φ \[N, A\] of outputs \[N, A, C\].
    pub(super) fn phi(&self, outputs: &[f32]) -> Result<Vec<f64>> {
        let repeated = self.labels.iter().flat_map(|&label| std::iter::repeat_n(label, self.copies));
        let labels: Vec<u32> = repeated.collect();
        Ok(scores::confidence(&Predictions::new(self.form, outputs, self.classes, &labels)?))
    }
}

/// The models of a file and the records that they are asked about.
#[derive(Debug)]
pub(super) struct FileShadows<'a> {
    pub(super) file: &'a ShadowFile,
    pub(super) records: AskedRecords<'a>,
}

impl ShadowModels for FileShadows<'_> {
    fn models(&self) -> usize {
        self.file.models
    }

    fn each(&self, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()> {
        match &self.file.place {
            Place::Stacked { path, outputs, keep } => self.each_stacked(path, outputs, keep, visit),
            Place::Experiments(models) => models.iter().try_for_each(|model| self.experiment(model, visit)),
        }
    }
}

impl FileShadows<'_> {
    fn each_stacked(
        &self,
        path: &Path,
        outputs: &str,
        keep: &str,
        visit: &mut dyn FnMut(&ShadowModel) -> Result<()>,
    ) -> Result<()> {
        let n = self.records.labels.len();
        let missing = || Error::data(path.display().to_string()).found("no arrays");
        let mut arrays = Arrays::open(path, self.file.max_bytes)?.ok_or_else(missing)?;
        let (place, shape) = (arrays.place(outputs), arrays.shape(outputs)?);
        let stacked = shape.first().copied().unwrap_or(0);
        let (keep_place, kept) = (arrays.place(keep), arrays.read(keep)?);
        if kept.shape != [stacked, n] {
            return Err(unfit(&keep_place, &[stacked, n], &kept.shape));
        }
        let kept = kept.values.into_i64(&keep_place)?;
        arrays.each(outputs, &mut |model, values| {
            if model >= self.file.models {
                return Ok(());
            }
            let trained_on: Vec<bool> = kept[model * n..][..n].iter().map(|kept| *kept != 0).collect();
            let phi = self.phi(values, &shape[1..], &place)?;
            visit(&ShadowModel { trained_on: &trained_on, phi: &phi, outputs: None })
        })
    }

    /// The model in one of the directories of LiRA's authors.
    fn experiment(&self, model: &Path, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()> {
        let n = self.records.labels.len();
        let part = model.join(if self.file.scores { "scores" } else { "logits" });
        let mut arrays = Arrays::open(&part, self.file.max_bytes)?
            .ok_or_else(|| Error::data(part.display().to_string()).expected("npy files").found("none"))?;
        // Names are epochs: the last one.
        let name = arrays.names().last().cloned().unwrap_or_default();
        let place = arrays.place(&name);
        let found = arrays.read(&name)?;
        let mut own = Arrays::open(model, self.file.max_bytes)?
            .ok_or_else(|| Error::data(model.display().to_string()).expected("keep.npy").found("none"))?;
        let keep = own.read("keep")?;
        let keep_place = own.place("keep");
        if keep.shape != [n] {
            return Err(unfit(&keep_place, &[n], &keep.shape));
        }
        let kept = keep.values.into_i64(&keep_place)?;
        let trained_on: Vec<bool> = kept.iter().map(|kept| *kept != 0).collect();
        let phi = self.phi(found.values, &found.shape, &place)?;
        visit(&ShadowModel { trained_on: &trained_on, phi: &phi, outputs: None })
    }

    /// φ \[N, A\] of one model's outputs, or of its scores, which are φ.
    fn phi(&self, values: Values, shape: &[usize], place: &str) -> Result<Vec<f64>> {
        let AskedRecords { labels, copies, classes, .. } = self.records;
        let n = labels.len();
        let expected = if self.file.scores { vec![n, copies] } else { vec![n, copies, classes] };
        // Axes of one element tell nothing.
        let plain = |shape: &[usize]| shape.iter().copied().filter(|axis| *axis != 1).collect::<Vec<_>>();
        if plain(shape) != plain(&expected) {
            let error = unfit(place, &expected, shape);
            return Err(error
                .advice("shadow models and the target must speak of the same records, copies and classes"));
        }
        let values = values.into_f32();
        match self.file.scores {
            true => Ok(values.into_iter().map(f64::from).collect()),
            false => self.records.phi(&values),
        }
    }
}
