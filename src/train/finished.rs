//! What a trained cohort leaves behind: the models' tensors and the predictions.
//!
//! Not where it is written: that is [`crate::run`]'s.

use super::cohort::Cohort;
use super::evaluate;
use super::model::Model;
use super::recipe::Recipe;
use crate::dataset::Dataset;
use crate::error::Result;
use crate::gpu::Context;
use crate::run::model_file::NamedTensor;
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use std::sync::atomic::AtomicBool;

/// The classifiers of a cohort, each with its model's number: `classifier.layers.0.weight`, …, and how its
/// members' numbers were standardized.
pub(super) fn model_tensors(cohort: &Cohort, recipe: &Recipe) -> Vec<(usize, Vec<NamedTensor>)> {
    let [classifier, statistics] = cohort.kept();
    let replicas = cohort.models().len();
    let parameters = recipe.classifier.network.parameters();
    let of_model = |(r, model): (usize, &Model)| {
        let part = |values: &[f32]| values[values.len() / replicas * r..][..values.len() / replicas].to_vec();
        let named = parameters.tensors(&part(classifier), &part(statistics));
        let tensor = |(name, shape, data)| NamedTensor { name: format!("classifier.{name}"), shape, data };
        let mut tensors: Vec<NamedTensor> = named.into_iter().map(tensor).collect();
        if let Some(s) = &model.standardization {
            for (name, data) in [("shift", &s.shift), ("scale", &s.scale)] {
                let name = format!("features.{name}");
                tensors.push(NamedTensor { name, shape: vec![data.len()], data: data.clone() });
            }
        }
        (model.number, tensors)
    };
    cohort.models().iter().enumerate().map(of_model).collect()
}

/// The logits of the classifiers that are kept, of members, reference and test records.
///
/// # Errors
/// As [`evaluate::logits`].
pub(super) fn predictions(
    context: &Context,
    cohort: &Cohort,
    recipe: &Recipe,
    dataset: &Dataset,
    stop: &AtomicBool,
) -> Result<Vec<ReplicaPredictions>> {
    cohort.choose()?;
    let all = |m: &Model| [&m.split.members[..], &m.split.reference, &m.split.test].concat();
    let records: Vec<Vec<u32>> = cohort.models().iter().map(all).collect();
    let (resident, classifier) = cohort.parts();
    let places = records.iter().map(|rows| resident.places(rows)).collect::<Result<Vec<_>>>()?;
    let logits = evaluate::logits(context, recipe, resident, classifier, &places, stop)?;
    let predictions = cohort.models().iter().zip(records).zip(logits);
    Ok(predictions
        .map(|((model, rows), logits)| {
            let sizes = [
                (MEMBER, model.split.members.len()),
                (REFERENCE, model.split.reference.len()),
                (TEST, model.split.test.len()),
            ];
            ReplicaPredictions {
                logits,
                classes: dataset.classes,
                labels: rows.iter().map(|&row| dataset.labels[row as usize]).collect(),
                membership: sizes.iter().flat_map(|&(code, n)| std::iter::repeat_n(code, n)).collect(),
                rows,
            }
        })
        .collect())
}
