//! What shadow models that another program trained say of the records: LiRA's and RMIA's scores from it.
//!
//! Not our own shadow models ([`crate::audit::shadows`]). Models are heard one at a time, so that many of them need
//! no more memory than one.

use super::inspect::External;
use super::raw::unfit;
use crate::audit::attacks::scores::{self, Form, Predictions};
use crate::audit::attacks::threshold::Scored;
use crate::audit::attacks::{lira, rmia};
use crate::dataset::arrays::Arrays;
use crate::dataset::npy::Values;
use crate::error::{Error, Result};
use crate::run::predictions::{MEMBER, REFERENCE, TEST};
use crate::statistics::halves::Halves;
use std::path::{Path, PathBuf};

/// Where shadow models' predictions are.
pub(super) struct Source {
    /// What the arrays hold: outputs, or φ itself.
    scores: bool,
    place: Place,
    max_bytes: u64,
}

enum Place {
    /// All models in one array of the file; the last may be the target.
    Stacked { path: PathBuf, outputs: String, keep: String, with_target: bool },
    /// A directory a model.
    Experiments(Vec<PathBuf>),
}

impl Source {
    /// All in the arrays `outputs` and `keep` of one file.
    pub(super) fn stacked(
        path: &Path,
        max_bytes: u64,
        outputs: &str,
        keep: &str,
        with_target: bool,
    ) -> Result<Self> {
        let (path, outputs, keep) = (path.to_owned(), outputs.to_owned(), keep.to_owned());
        let scores = outputs.contains("scores");
        Ok(Source { scores, place: Place::Stacked { path, outputs, keep, with_target }, max_bytes })
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
                return Ok(Source { scores, place: Place::Experiments(models), max_bytes });
            }
        }
        let none =
            || Error::data(path.display().to_string()).expected("arrays of shadow models' predictions");
        let arrays = Arrays::open(path, max_bytes)?.ok_or_else(|| none().found("a file of another kind"))?;
        let outputs = arrays.find(&["shadow_scores", "scores", "shadow_logits", "logits"]);
        let keep = arrays.find(&["shadow_keep", "keep"]);
        match (outputs, keep) {
            (Some(outputs), Some(keep)) => Self::stacked(path, max_bytes, &outputs, &keep, false),
            _ => Err(none()
                .expected("arrays shadow_logits or shadow_scores, and shadow_keep; or experiment-…/keep.npy")
                .found(arrays.names().join(", "))),
        }
    }

    /// Each model: which of the N records it was trained on, and φ \[N, A\].
    fn each(&self, of: &External, mut hear: impl FnMut(&[bool], Vec<f64>) -> Result<()>) -> Result<()> {
        let n = of.predictions.labels.len();
        match &self.place {
            Place::Stacked { path, outputs, keep, with_target } => {
                let missing = || Error::data(path.display().to_string()).found("no arrays");
                let mut arrays = Arrays::open(path, self.max_bytes)?.ok_or_else(missing)?;
                let (place, shape) = (arrays.place(outputs), arrays.shape(outputs)?);
                let models = shape.first().copied().unwrap_or(0);
                let (keep_place, kept) = (arrays.place(keep), arrays.read(keep)?);
                if kept.shape != [models, n] {
                    return Err(unfit(&keep_place, &[models, n], &kept.shape));
                }
                let kept = kept.values.into_i64(&keep_place)?;
                let last = models - usize::from(*with_target);
                arrays.each(outputs, &mut |model, values| {
                    if model >= last {
                        return Ok(());
                    }
                    let keep: Vec<bool> = kept[model * n..][..n].iter().map(|k| *k != 0).collect();
                    hear(&keep, self.phi(values, &shape[1..], of, &place)?)
                })
            }
            Place::Experiments(models) => {
                for model in models {
                    let part = model.join(if self.scores { "scores" } else { "logits" });
                    let mut arrays = Arrays::open(&part, self.max_bytes)?.ok_or_else(|| {
                        Error::data(part.display().to_string()).expected("npy files").found("none")
                    })?;
                    // Names are epochs: the last one.
                    let name = arrays.names().last().cloned().unwrap_or_default();
                    let place = arrays.place(&name);
                    let said = arrays.read(&name)?;
                    let mut own = Arrays::open(model, self.max_bytes)?.ok_or_else(|| {
                        Error::data(model.display().to_string()).expected("keep.npy").found("none")
                    })?;
                    let keep = own.read("keep")?;
                    let keep_place = own.place("keep");
                    if keep.shape != [n] {
                        return Err(unfit(&keep_place, &[n], &keep.shape));
                    }
                    let keep: Vec<bool> =
                        keep.values.into_i64(&keep_place)?.iter().map(|k| *k != 0).collect();
                    hear(&keep, self.phi(said.values, &said.shape, of, &place)?)?;
                }
                Ok(())
            }
        }
    }

    /// φ \[N, A\] of one model's outputs, or of its scores, which are φ.
    fn phi(&self, values: Values, shape: &[usize], of: &External, place: &str) -> Result<Vec<f64>> {
        let (n, copies) = (of.predictions.labels.len(), of.augmentations);
        let expected = if self.scores { vec![n, copies] } else { vec![n, copies, of.predictions.classes] };
        // Axes of one element say nothing.
        let plain = |shape: &[usize]| shape.iter().copied().filter(|axis| *axis != 1).collect::<Vec<_>>();
        if plain(shape) != plain(&expected) {
            let error = unfit(place, &expected, shape);
            return Err(error
                .advice("shadow models and the target must speak of the same records, copies and classes"));
        }
        let values = values.into_f32();
        if self.scores {
            return Ok(values.into_iter().map(f64::from).collect());
        }
        // Shadow models' outputs are of the target's form: one program wrote both.
        phi(of.form, &values, of)
    }
}

/// φ \[N, A\] of outputs \[N, A, C\].
fn phi(form: Form, outputs: &[f32], of: &External) -> Result<Vec<f64>> {
    let copies = of.augmentations;
    let labels: Vec<u32> =
        of.predictions.labels.iter().flat_map(|&label| std::iter::repeat_n(label, copies)).collect();
    Ok(scores::confidence(&Predictions::new(form, outputs, of.predictions.classes, &labels)?))
}

/// LiRA's and RMIA's attacks, and a word on each that could not be made. `halves` are those of members and
/// non-members.
///
/// # Errors
/// Arrays that do not fit; damaged files.
pub(super) fn attacks(of: &External, halves: &Halves<u32>) -> Result<(Vec<Scored>, Vec<String>)> {
    let Some(source) = &of.shadows else { return Ok((vec![], vec![])) };
    let (n, copies) = (of.predictions.labels.len(), of.augmentations);
    let mut lira = lira::Statistics::new(n * copies);
    let mut rmia = rmia::Statistics::new(n);
    let mut ever = vec![false; n];
    source.each(of, |keep, phi| {
        keep.iter().zip(&mut ever).for_each(|(keep, ever)| *ever |= keep);
        let repeated: Vec<bool> = keep.iter().flat_map(|&k| std::iter::repeat_n(k, copies)).collect();
        lira.add(&repeated, &phi);
        rmia.add(keep, &phi.chunks(copies).map(|phi| scores::probability(phi[0])).collect::<Vec<_>>());
        Ok(())
    })?;
    let own = phi(of.form, of.augmented.as_deref().unwrap_or(&of.predictions.logits), of)?;
    // Of several copies the mean of their log-likelihood ratios, as LiRA's authors take it.
    let mean = |scores: Vec<f64>| -> Vec<f64> {
        scores.chunks(copies).map(|scores| scores.iter().sum::<f64>() / copies as f64).collect()
    };
    let p: Vec<f64> = own.chunks(copies).map(|phi| scores::probability(phi[0])).collect();
    let places = |code: u8| -> Vec<u32> {
        (0..n as u32).filter(|&i| of.predictions.membership[i as usize] == code).collect()
    };
    let (members, others) = (places(MEMBER), places(TEST));
    // RMIA's population: records that no model was trained on, and that the attacker knows to be such.
    let known = halves.known_nonmembers.iter().map(|&i| others[i as usize]);
    let population: Vec<u32> = known.chain(places(REFERENCE)).filter(|&i| !ever[i as usize]).collect();
    let mut all = vec![("lira_online", mean(lira.online(&own))), ("lira_offline", mean(lira.offline(&own)))];
    let mut notes = vec![format!("{} shadow models", lira.models())];
    if population.is_empty() {
        notes.push(
            "RMIA is not run: no known non-member is one that no shadow model was trained on".to_owned(),
        );
    } else {
        all.push(("rmia_online", rmia.online(&p, &population)));
        all.push(("rmia_offline", rmia.offline(&p, &population)));
    }
    let mut attacks = vec![];
    for (name, scores) in all {
        let of = |places: &[u32]| places.iter().map(|&i| scores[i as usize]).collect::<Vec<f64>>();
        let (m, o) = (of(&members), of(&others));
        let has = |indices: &[u32], scores: &[f64]| -> Vec<u32> {
            indices.iter().copied().filter(|&i| !scores[i as usize].is_nan()).collect()
        };
        let scored = Halves {
            known_members: has(&halves.known_members, &m),
            known_nonmembers: has(&halves.known_nonmembers, &o),
            scored_members: has(&halves.scored_members, &m),
            scored_nonmembers: has(&halves.scored_nonmembers, &o),
        };
        let enough = [
            &scored.known_members,
            &scored.known_nonmembers,
            &scored.scored_members,
            &scored.scored_nonmembers,
        ];
        if enough.iter().any(|group| group.len() < 2) {
            notes.push(format!("{name} is not run: too few records with two shadow models on either side"));
        } else {
            attacks.push(Scored::new(name, &scored, &m, &o)?);
        }
    }
    Ok((attacks, notes))
}
