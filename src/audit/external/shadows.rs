//! Shadow models that another program trained, in files.
//!
//! Not our own ([`crate::audit::shadows::trained`]). Models are read one at a time, so that many of them need
//! no more memory than one.

use super::names::unused;
use super::options::Options;
use super::shadow_values::{self, ShadowValues, TargetScale};
use super::shape::unfit;
use crate::audit::attacks::scores::{self, Predictions};
use crate::audit::outputs::{OutputForm, OutputValues, Outputs};
use crate::audit::shadows::{ShadowModel, ShadowModels};
use crate::dataset::arrays::Arrays;
use crate::dataset::npy::Values;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Where shadow models' predictions are.
#[derive(Debug)]
pub(super) struct ShadowFile {
    /// What its numbers are; `None`: outputs of the target's form.
    values: Option<ShadowValues>,
    /// Whether a person said so.
    given: bool,
    place: Place,
    models: usize,
    max_bytes: u64,
    /// What there is to say of a file of its own.
    pub(super) found: Option<String>,
}

#[derive(Debug)]
enum Place {
    /// All models in one array of the file; the target may come after them.
    Stacked { path: PathBuf, outputs: String, keep: String },
    /// A directory a model, and the one in each that holds its numbers.
    Experiments(Vec<PathBuf>, &'static str),
}

impl ShadowFile {
    /// All in the arrays `outputs` and `keep` of the file or directory `path`; with the target, it is the
    /// last.
    ///
    /// # Errors
    /// A damaged file.
    pub(super) fn stacked(
        path: &Path,
        options: &Options,
        arrays: &mut Arrays,
        [outputs, keep]: [&str; 2],
        values: Option<ShadowValues>,
        with_target: bool,
    ) -> Result<Self> {
        let stacked = arrays.shape(outputs)?.first().copied().unwrap_or(0);
        Ok(ShadowFile {
            values: options.shadow_values.or(values),
            given: options.shadow_values.is_some(),
            models: stacked.saturating_sub(usize::from(with_target)),
            place: Place::Stacked {
                path: path.to_owned(),
                outputs: outputs.to_owned(),
                keep: keep.to_owned(),
            },
            max_bytes: options.max_bytes,
            found: None,
        })
    }

    /// A file of its own with shadow models' predictions, or the directory of LiRA's authors.
    ///
    /// # Errors
    /// A damaged file, or one without such arrays.
    pub(super) fn open(path: &Path, options: &Options) -> Result<Self> {
        let max_bytes = options.max_bytes;
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
                let part = if scores { "scores" } else { "logits" };
                let count = models.len();
                return Ok(ShadowFile {
                    values: options.shadow_values.or(scores.then_some(ShadowValues::Phi)),
                    given: options.shadow_values.is_some(),
                    place: Place::Experiments(models, part),
                    models: count,
                    max_bytes,
                    found: None,
                });
            }
        }
        let none =
            || Error::data(path.display().to_string()).expected("arrays of shadow models' predictions");
        let mut arrays =
            Arrays::open(path, max_bytes)?.ok_or_else(|| none().found("a file of another kind"))?;
        let kinds = [
            (&["shadow_logits", "logits"], Some(ShadowValues::Logits)),
            (&["shadow_probabilities", "probabilities"], Some(ShadowValues::Probabilities)),
            (&["shadow_scores", "scores"], Some(ShadowValues::Phi)),
        ];
        let outputs = kinds.iter().find_map(|(names, values)| Some((arrays.find(*names)?, *values)));
        let keep = arrays.find(&["shadow_keep", "keep"]);
        let (Some((outputs, values)), Some(keep)) = (outputs, keep) else {
            return Err(none()
                .expected(
                    "arrays shadow_logits, shadow_probabilities or shadow_scores, and shadow_keep; or \
                     experiment-…/keep.npy",
                )
                .found(arrays.names().join(", ")));
        };
        let names = arrays.names().to_vec();
        let used: Vec<usize> =
            (0..names.len()).filter(|&at| names[at] == outputs || names[at] == keep).collect();
        let found = unused(&names, &used).map(|found| format!("of {}, {found}", path.display()));
        Ok(ShadowFile {
            found,
            ..Self::stacked(path, options, &mut arrays, [&outputs, &keep], values, false)?
        })
    }

    /// Where they are, for messages.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Place::Stacked { path, outputs, .. } => format!("{}[{outputs}]", path.display()),
            Place::Experiments(models, part) => format!("{} …/{part}", models[0].display()),
        }
    }

    /// What its numbers are, the target's outputs being of this form.
    pub(super) fn values(&self, target: OutputForm) -> ShadowValues {
        self.values.unwrap_or(match target {
            OutputForm::Logits => ShadowValues::Logits,
            OutputForm::Probabilities => ShadowValues::Probabilities,
        })
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
    /// The target's outputs: shadow models' are alike, for one program wrote both.
    pub(super) target: Outputs<'a>,
}

impl AskedRecords<'_> {
    /// φ \[N, A\] of outputs \[N, A, C\].
    ///
    /// # Errors
    /// As [`Predictions::new`].
    pub(super) fn phi(&self, outputs: Outputs) -> Result<Vec<f64>> {
        let repeated = self.labels.iter().flat_map(|&label| std::iter::repeat_n(label, self.copies));
        let labels: Vec<u32> = repeated.collect();
        Ok(scores::confidence(&Predictions::new(outputs, &labels)?))
    }
}

/// The models of a file and the records that they are asked about.
#[derive(Debug)]
pub(super) struct FileShadows<'a> {
    pub(super) file: &'a ShadowFile,
    pub(super) records: AskedRecords<'a>,
    /// Of the target's φ.
    pub(super) scale: TargetScale,
}

impl ShadowModels for FileShadows<'_> {
    fn models(&self) -> usize {
        self.file.models
    }

    fn each(&self, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()> {
        match &self.file.place {
            Place::Stacked { path, outputs, keep } => self.each_stacked(path, outputs, keep, visit),
            Place::Experiments(models, part) => models
                .iter()
                .enumerate()
                .try_for_each(|(number, model)| self.experiment(number, model, part, visit)),
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
            let phi = self.phi(model, values, &shape[1..], &place)?;
            visit(&ShadowModel { trained_on: &trained_on, phi: &phi, outputs: None })
        })
    }

    /// The model in one of the directories of LiRA's authors.
    fn experiment(
        &self,
        number: usize,
        model: &Path,
        part: &str,
        visit: &mut dyn FnMut(&ShadowModel) -> Result<()>,
    ) -> Result<()> {
        let n = self.records.labels.len();
        let part = model.join(part);
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
        let phi = self.phi(number, found.values, &found.shape, &place)?;
        visit(&ShadowModel { trained_on: &trained_on, phi: &phi, outputs: None })
    }

    /// φ \[N, A\] of one model's outputs, or of its numbers, one a record.
    fn phi(&self, model: usize, values: Values, shape: &[usize], place: &str) -> Result<Vec<f64>> {
        let AskedRecords { labels, copies, target } = self.records;
        let said = self.file.values(target.form);
        let (n, classes) = (labels.len(), target.classes);
        let expected = if said.form().is_some() { vec![n, copies, classes] } else { vec![n, copies] };
        // Axes of one element tell nothing.
        let plain = |shape: &[usize]| shape.iter().copied().filter(|axis| *axis != 1).collect::<Vec<_>>();
        if plain(shape) != plain(&expected) {
            let error = unfit(place, &expected, shape);
            return Err(error
                .advice("shadow models and the target must speak of the same records, copies and classes"));
        }
        let values = match values {
            Values::F32(values) => OutputValues::F32(values),
            values => OutputValues::F64(values.into_f64()),
        };
        let width = expected[1..].iter().product();
        let scale = (!self.file.given).then_some(self.scale);
        shadow_values::check(values.as_slice(), classes, width, said, scale, model, place)?;
        let own = |error: Error| Error {
            place: format!("{place}, shadow model {model}, {}", error.place),
            ..error
        };
        match (said.form(), values) {
            (None, values) => {
                let values = values.as_slice();
                Ok((0..values.len()).map(|at| said.phi(said.clamped(values.at(at)))).collect())
            }
            (Some(form), values) => {
                let values = values.as_slice();
                let half_ulp = values.half_ulp().max(target.half_ulp);
                self.records.phi(Outputs { values, form, classes, half_ulp }).map_err(own)
            }
        }
    }
}
