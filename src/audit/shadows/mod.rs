//! Shadow models, whoever trained them: models like the target, trained on known records, from which an
//! attacker learns what membership looks like.
//!
//! Not the attacks that learn from them. Two sources give the same: models that we train ([`trained`]) and
//! another program's, in a file ([`crate::audit::external`]). Where the two follow other rules, the rule is a
//! field of [`TargetModel`].

pub mod moments;
mod pool;
pub mod sample;
pub mod trained;

use crate::error::{Error, Result};
use moments::{ShadowMoments, first_confidences};
use sample::ConfidenceSample;

/// N models that are asked about the same P records, one in memory at a time.
pub trait ShadowModels: std::fmt::Debug {
    /// N.
    fn models(&self) -> usize;

    /// Calls `visit` with each model in turn.
    ///
    /// # Errors
    /// Damaged files, arrays that do not fit; those of `visit`.
    fn each(&self, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()>;
}

/// One shadow model and the P records.
#[derive(Debug)]
pub struct ShadowModel<'m> {
    /// \[P\]: which of them it was trained on.
    pub trained_on: &'m [bool],
    /// φ \[P, A\] of A augmented copies.
    pub phi: &'m [f64],
    /// Its outputs on them, where they are at hand.
    pub outputs: Option<OutputRows<'m>>,
}

/// A model's outputs on P records that lie among those on others.
#[derive(Debug, Clone)]
pub struct OutputRows<'m> {
    /// \[any number, C\].
    pub logits: &'m [f32],
    /// C.
    pub classes: usize,
    /// \[P\]: which row is a record's.
    pub rows: Vec<usize>,
}

impl<'m> OutputRows<'m> {
    /// The logits \[C\] of the record at `place` of the P.
    pub fn row(&self, place: usize) -> &'m [f32] {
        &self.logits[self.rows[place] * self.classes..][..self.classes]
    }
}

/// What becomes of a record that a shadow-model attack has no score for (NaN).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutScore {
    /// The audit fails: of models that we trained every record must have one.
    Fails,
    /// The record is left out: which models were trained on it was not ours to choose.
    IsLeftOut,
}

/// The target and the P records that its shadow models are asked about.
#[derive(Debug)]
pub struct TargetModel<'a> {
    /// φ \[P, A\].
    pub phi: Vec<f64>,
    /// A.
    pub copies: usize,
    /// \[P\].
    pub labels: Vec<u32>,
    /// Where they are at hand.
    pub outputs: Option<OutputRows<'a>>,
    /// \[N\]: where each of the evidence's records is among the P, if it is.
    pub places: Vec<Option<usize>>,
    /// How many of the P, the first of them, a shadow model may have been trained on.
    pub pooled: usize,
    /// RMIA's population: places of records that the attacker knows to be no members.
    pub population: Vec<u32>,
    /// What becomes of a record that has no score.
    pub without_score: WithoutScore,
}

/// A target, its shadow models, and what these make of each record.
#[derive(Debug)]
pub struct Shadows<'a> {
    /// The shadow models, one at a time.
    pub models: Box<dyn ShadowModels + 'a>,
    /// The model that is attacked.
    pub target: TargetModel<'a>,
    /// What the shadow models make of each of the P records.
    pub moments: ShadowMoments,
    /// Of the pool, for shadow models as targets.
    pub sample: ConfidenceSample,
}

impl<'a> Shadows<'a> {
    /// Goes through the models once.
    ///
    /// # Errors
    /// As [`ShadowModels::each`]; a φ that is NaN, of a shadow model or of the target.
    pub fn new(models: Box<dyn ShadowModels + 'a>, target: TargetModel<'a>) -> Result<Self> {
        let mut moments = ShadowMoments::new(target.labels.len(), target.copies);
        let mut sample = ConfidenceSample::new(target.pooled);
        numbers("the target", &target.phi, target.copies)?;
        let mut number = 0;
        models.each(&mut |model| {
            numbers(&format!("shadow model {number}"), model.phi, target.copies)?;
            number += 1;
            moments.add(model.trained_on, model.phi);
            sample.add(model.trained_on, &first_confidences(model.phi, target.copies));
            Ok(())
        })?;
        Ok(Shadows { models, target, moments, sample })
    }

    /// The target's p_y \[P\].
    pub fn confidences(&self) -> Vec<f64> {
        first_confidences(&self.target.phi, self.target.copies)
    }
}

/// Refuses φ \[P, A\] that hold a NaN: in a mean or a variance of all records it would stand in every score.
fn numbers(model: &str, phi: &[f64], copies: usize) -> Result<()> {
    match phi.iter().position(|phi| phi.is_nan()) {
        None => Ok(()),
        Some(place) => Err(Error::data(format!("{model}, record {}", place / copies))
            .expected("a score, of which all shadow-model attacks are made")
            .found("NaN")
            .advice(
                "models and records count from 0; leave this model out, or repair what it made of the record",
            )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Listed(Vec<Vec<f64>>);

    impl ShadowModels for Listed {
        fn models(&self) -> usize {
            self.0.len()
        }

        fn each(&self, visit: &mut dyn FnMut(&ShadowModel) -> Result<()>) -> Result<()> {
            let trained_on = [true, false];
            self.0
                .iter()
                .try_for_each(|phi| visit(&ShadowModel { trained_on: &trained_on, phi, outputs: None }))
        }
    }

    fn refused(models: Vec<Vec<f64>>, phi: Vec<f64>) -> Option<String> {
        let target = TargetModel {
            phi,
            copies: 2,
            labels: vec![0, 1],
            outputs: None,
            places: vec![Some(0), Some(1)],
            pooled: 2,
            population: vec![],
            without_score: WithoutScore::IsLeftOut,
        };
        Shadows::new(Box::new(Listed(models)), target).err().map(|error| error.to_string())
    }

    #[test]
    fn a_score_that_is_no_number_is_refused_by_its_model_and_record() {
        let good = || vec![1.0, f64::INFINITY, f64::NEG_INFINITY, -2.0];
        let bad = || vec![1.0, 2.0, 3.0, f64::NAN];
        assert_eq!(refused(vec![good(), good()], good()), None);
        let error = refused(vec![good(), bad()], good()).unwrap();
        assert!(error.contains("shadow model 1, record 1") && error.contains("NaN"), "{error}");
        assert!(refused(vec![good()], bad()).unwrap().contains("the target, record 1"));
    }
}
