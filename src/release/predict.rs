//! A trained classifier, read from its run's files to be asked again.
//!
//! Not the predictions that training itself leaves behind.

use crate::dataset::{Dataset, Standardization};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::nn::RecordShape;
use crate::run::model_file::ModelFile;
use crate::train::Recipe;
use crate::train::evaluate::{self, Weights};
use crate::train::resident::Resident;
use std::sync::atomic::AtomicBool;

/// One replica of a run, ready for a forward pass.
#[derive(Debug)]
pub struct TrainedClassifier<'a> {
    context: &'a Context,
    recipe: Recipe,
    weights: Weights,
    /// How the members' columns were scaled; none where none were.
    standardization: Vec<Standardization>,
    features: usize,
    classes: usize,
}

impl<'a> TrainedClassifier<'a> {
    /// The classifier of this file, for records like those of `like`.
    ///
    /// # Errors
    /// Tensors that the file does not have; records of another width or shape.
    pub fn load(context: &'a Context, file: &ModelFile, like: &Dataset) -> Result<Self> {
        let facts = &file.facts;
        let (width, image) = (facts.schema.width(), like.image.map(|i| [i.height, i.width, i.channels]));
        let shape = |width: usize, image: Option<[usize; 3]>| match image {
            Some([height, width, channels]) => format!("images of {height}×{width}×{channels}"),
            None => format!("{width} features"),
        };
        if width != like.width() || facts.image != image {
            return Err(Error::data(&like.name)
                .expected(format!("{}, as the model was trained on", shape(width, facts.image)))
                .found(shape(like.width(), image))
                .advice("give records with the columns of those that the model was trained on"));
        }
        let (config, classes) = (facts.config()?, facts.class_names.len());
        let recipe = Recipe::from_config(&config, RecordShape::of(like, config.data.pad), classes)?;
        let parameters = recipe.classifier.network.parameters();
        let take = |name: &str, shape: &[usize]| file.tensor(&format!("classifier.{name}"), shape);
        let (state, statistics) = parameters.restored(recipe.classifier.optimizer, take)?;
        let weights = Weights {
            state: context.upload("classifier", bytemuck::cast_slice(&state))?,
            statistics: match parameters.statistics() {
                Some(_) => Some(context.upload("running statistics", bytemuck::cast_slice(&statistics))?),
                None => None,
            },
        };
        let standardization = match like.standardization(&[0]) {
            None => vec![],
            // As many numbers as the members' own had: one a column, or one a channel of an image.
            Some(same) => {
                let line = |part: &str, len: usize| file.tensor(&format!("features.{part}"), &[len]);
                vec![Standardization {
                    shift: line("shift", same.shift.len())?,
                    scale: line("scale", same.scale.len())?,
                }]
            }
        };
        Ok(TrainedClassifier { context, recipe, weights, standardization, features: like.width(), classes })
    }

    /// C, the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Logits `[N, C]` of all N records of `dataset`.
    ///
    /// # Errors
    /// Records of another width, sizes beyond the adapter's limits, a lost device, an interruption.
    pub fn logits(&self, dataset: &Dataset, stop: &AtomicBool) -> Result<Vec<f32>> {
        if dataset.width() != self.features {
            return Err(Error::data(&dataset.name)
                .expected(format!("{} features", self.features))
                .found(dataset.width().to_string()));
        }
        let resident = Resident::upload(self.context, dataset, &self.standardization, self.recipe.pad)?
            .sparse(self.recipe.sparse);
        let rows = vec![(0..dataset.records() as u32).collect()];
        let logits = evaluate::logits(self.context, &self.recipe, &resident, &self.weights, &rows, stop)?;
        Ok(logits.into_iter().next().unwrap_or_default())
    }
}
