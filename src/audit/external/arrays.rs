//! Predictions in arrays: npz, npy files, safetensors.
//!
//! Not what the numbers are (`inspect`).

use super::options::Options;
use super::raw::{LABELS, MEMBERSHIP, Membership, ROWS, RawPredictions, SUBGROUPS, name};
use super::shadows::ShadowFile;
use super::shape::{check_length, unfit};
use crate::audit::attacks::scores::OutputForm;
use crate::dataset::arrays::Arrays;
use crate::dataset::npy::Values;
use crate::error::{Error, Result};
use std::path::Path;

/// Names of logits, of probabilities, and of outputs that may be either.
const LOGITS: [&str; 2] = ["logits", "logit"];
const PROBABILITIES: [&str; 6] =
    ["probabilities", "probs", "probability", "softmax", "confidences", "posteriors"];
const EITHER: [&str; 4] = ["predictions", "outputs", "preds", "confidence"];
const KEEP: [&str; 2] = ["shadow_keep", "keep"];

/// The predictions in `arrays`, those of the file or directory `path`.
pub(super) fn read(path: &Path, mut arrays: Arrays, options: &Options) -> Result<RawPredictions> {
    let place = path.display().to_string();
    if arrays.names().iter().any(|n| n == "logits_0") {
        return Err(Error::data(&place)
            .expected("one model's predictions")
            .found("those of a run's models")
            .advice("audit its directory: veilgrad audit DIR"));
    }
    let missing = |what: &str, names: &[&str], arrays: &Arrays| {
        Error::data(&place)
            .expected(format!("an array of {what}, called {}", names.join(", ")))
            .found(arrays.names().join(", "))
            .advice("rename the arrays: numpy.savez(…, logits=…, labels=…, membership=…)")
    };
    let candidates: Vec<&str> = LOGITS.into_iter().chain(PROBABILITIES).chain(EITHER).collect();
    let there: Vec<&str> =
        candidates.iter().copied().filter(|c| arrays.names().iter().any(|n| n == c)).collect();
    let outputs_name = match there[..] {
        [one] => one.to_owned(),
        [] => return Err(missing("outputs", &candidates, &arrays)),
        // Both forms of the same outputs: logits keep more.
        [first, ..] if LOGITS.contains(&first) => first.to_owned(),
        [..] => {
            return Err(Error::data(&place)
                .expected("one array of outputs")
                .found(there.join(", "))
                .advice("save only the one that is meant"));
        }
    };
    let declared = match outputs_name.as_str() {
        name if LOGITS.contains(&name) => Some(OutputForm::Logits),
        name if PROBABILITIES.contains(&name) => Some(OutputForm::Probabilities),
        _ => None,
    };
    let labels_name = arrays.find(&LABELS).ok_or_else(|| missing("labels", &LABELS, &arrays))?;
    let labels = list(&mut arrays, &labels_name)?;
    let n = labels.len();
    let keep = arrays.find(&KEEP);
    let shape = arrays.shape(&outputs_name)?;
    let mut found = vec![];
    // The layout of LiRA's authors: every model's outputs in one array, the last model being the target.
    let stacked = keep.as_deref().filter(|keep| {
        *keep == "keep" && shape.len() >= 3 && shape[1] == n && arrays.find(&MEMBERSHIP).is_none()
    });
    let (outputs, shape, membership) = match stacked {
        Some(keep) => {
            let (models, rest) = (shape[0], shape[1..].to_vec());
            if models < 3 {
                return Err(Error::data(arrays.place(&outputs_name))
                    .expected("at least two shadow models and the target")
                    .found(format!("{models} models")));
            }
            found.push(format!(
                "{models} models' outputs: the last is the target, the others are its shadow models"
            ));
            let mut target = vec![];
            arrays.each(&outputs_name, &mut |model, values| {
                if model + 1 == models {
                    target = values.into_f32();
                }
                Ok(())
            })?;
            let keep = arrays.read(keep)?;
            let place = arrays.place("keep");
            if keep.shape != [models, n] {
                return Err(unfit(&place, &[models, n], &keep.shape));
            }
            let own = keep.values.into_i64(&place)?.split_off((models - 1) * n);
            (target, rest, own)
        }
        None => {
            let name = arrays.find(&MEMBERSHIP).ok_or_else(|| missing("membership", &MEMBERSHIP, &arrays))?;
            let membership = list(&mut arrays, &name)?;
            check_length(&arrays.place(&name), n, membership.len())?;
            let read = arrays.read(&outputs_name)?;
            (read.values.into_f32(), read.shape, membership)
        }
    };
    let place_of_outputs = arrays.place(&outputs_name);
    // Axes of one element between the first and the last say nothing.
    let (augmentations, classes) = match shape.split_first() {
        Some((&records, [between @ .., classes])) if records == n && between.len() <= 2 => {
            (between.iter().product::<usize>(), *classes)
        }
        _ => {
            return Err(Error::data(&place_of_outputs)
                .expected(format!("a row for each of the {n} labels: the shape [{n}, classes]"))
                .found(format!("the shape {shape:?}")));
        }
    };
    let (outputs, augmented) = split_augmented(outputs, augmentations, classes);
    let group_name = options.subgroups.clone().or_else(|| arrays.find(&SUBGROUPS));
    let subgroups = match group_name {
        Some(name) => {
            let groups: Vec<String> = list(&mut arrays, &name)?.iter().map(i64::to_string).collect();
            check_length(&arrays.place(&name), n, groups.len())?;
            Some(groups)
        }
        None => None,
    };
    let persons = match &options.persons {
        Some(name) => {
            let persons: Vec<String> = list(&mut arrays, name)?.iter().map(i64::to_string).collect();
            check_length(&arrays.place(name), n, persons.len())?;
            Some(persons)
        }
        None => None,
    };
    let rows = match arrays.find(&ROWS) {
        Some(name) => {
            let place = arrays.place(&name);
            let rows = arrays.read(&name)?.to_indices(&place)?;
            check_length(&place, n, rows.len())?;
            Some(rows)
        }
        None => None,
    };
    let shadows = match (stacked.is_some(), &keep, arrays.find(&["shadow_scores", "shadow_logits"])) {
        (true, Some(keep), _) => {
            Some(ShadowFile::stacked(path, options.max_bytes, &mut arrays, [&outputs_name, keep], true)?)
        }
        (false, Some(keep), Some(name)) => {
            Some(ShadowFile::stacked(path, options.max_bytes, &mut arrays, [&name, keep], false)?)
        }
        (false, None, Some(name)) => {
            return Err(Error::data(arrays.place(&name))
                .expected("shadow_keep beside it: which records each shadow model was trained on")
                .found("none"));
        }
        _ => None,
    };
    Ok(RawPredictions {
        place,
        name: name(path),
        outputs,
        augmented,
        augmentations,
        classes,
        declared,
        outputs_name,
        labels,
        membership: Membership::Numbers(membership),
        subgroups,
        persons,
        rows,
        shadows,
        found,
    })
}

/// The first copy's outputs \[N, C\], and all of them where there are several.
fn split_augmented(outputs: Vec<f32>, augmentations: usize, classes: usize) -> (Vec<f32>, Option<Vec<f32>>) {
    if augmentations == 1 {
        return (outputs, None);
    }
    let width = augmentations * classes;
    let first = outputs.chunks(width.max(1)).flat_map(|row| row[..classes].iter().copied()).collect();
    (first, Some(outputs))
}

/// A list of whole numbers; a second axis of one element is no matter.
fn list(arrays: &mut Arrays, name: &str) -> Result<Vec<i64>> {
    let (array, place) = (arrays.read(name)?, arrays.place(name));
    match array.shape[..] {
        [_] | [_, 1] => array.values.into_i64(&place),
        _ => {
            let one_hot = matches!(array.values, Values::F32(_) | Values::F64(_) | Values::U8(_));
            let error = Error::data(place)
                .expected("one number a record")
                .found(format!("the shape {:?}", array.shape));
            Err(if one_hot { error.advice("of one-hot labels, save numpy.argmax(labels, 1)") } else { error })
        }
    }
}
