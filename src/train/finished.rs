//! What a trained cohort leaves behind: the models' tensors, what their file says of itself, the predictions.
//!
//! Not where it is written: that is [`crate::run`]'s.

use super::cohort::{Cohort, Model};
use super::evaluate;
use super::recipe::Recipe;
use crate::dataset::{Dataset, DatasetSummary};
use crate::error::Result;
use crate::gpu::Context;
use crate::run::config::Replica;
use crate::run::model_file::{Facts, NamedTensor};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use std::sync::atomic::AtomicBool;

/// The parameters of a cohort by name: `replica.0.classifier.layers.0.weight`, ….
pub(super) fn model_tensors(cohort: &Cohort, recipe: &Recipe) -> Vec<NamedTensor> {
    let snapshot = cohort.snapshot();
    let replicas = cohort.models().len();
    let mut networks = vec![(
        "classifier",
        recipe.classifier.network.parameters(),
        &snapshot.classifier[..],
        &snapshot.statistics[..],
    )];
    if let Some(adversary) = &recipe.adversary {
        networks.push(("attack", &adversary.network.parameters, &snapshot.attack, &[]));
    }
    let mut tensors = vec![];
    for (r, model) in cohort.models().iter().enumerate() {
        let part = |values: &[f32]| values[values.len() / replicas * r..][..values.len() / replicas].to_vec();
        let prefix = format!("replica.{}", model.number);
        for (name, parameters, values, statistics) in &networks {
            let named = parameters.tensors(&part(values), &part(statistics)).into_iter();
            tensors.extend(named.map(|(tensor, shape, data)| NamedTensor {
                name: format!("{prefix}.{name}.{tensor}"),
                shape,
                data,
            }));
        }
        if let Some(s) = &model.standardization {
            for (name, data) in [("shift", &s.shift), ("scale", &s.scale)] {
                let name = format!("{prefix}.features.{name}");
                tensors.push(NamedTensor { name, shape: vec![data.len()], data: data.clone() });
            }
        }
    }
    tensors
}

/// What the model's file says of itself.
pub(super) fn facts(dataset: &Dataset, replicas: &[Replica]) -> Facts {
    Facts {
        dataset: DatasetSummary {
            name: dataset.name.clone(),
            records: dataset.records(),
            features: Some(dataset.width()),
            classes: dataset.classes,
        },
        class_names: dataset.class_names.clone(),
        encoding: dataset.encoding.clone(),
        replicas: replicas.to_vec(),
    }
}

/// The classifiers' logits of members, reference and test records.
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
