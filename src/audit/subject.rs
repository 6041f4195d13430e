//! What is audited: one model's outputs on members and on non-members, and what the attacker knows of them.
//!
//! Not the attacks.

use super::attacks::scores::{Form, Predictions};
use crate::error::Result;
use crate::statistics::halves::Halves;

/// One model and the records that it is asked about.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// `[N, C]`: the outputs on the members, then on the non-members.
    pub outputs: Vec<f32>,
    pub form: Form,
    /// C.
    pub classes: usize,
    /// `[N]`, each under C.
    pub labels: Vec<u32>,
    /// How many of the N are members.
    pub members: usize,
    /// Into the members and into the non-members.
    pub halves: Halves<u32>,
    /// Of all that is random.
    pub seed: u64,
}

impl Subject {
    /// The two groups, with halves drawn by `seed`.
    ///
    /// # Errors
    /// As [`Halves::split`].
    pub fn new(
        members: (Vec<f32>, Vec<u32>),
        nonmembers: (Vec<f32>, Vec<u32>),
        form: Form,
        classes: usize,
        seed: u64,
    ) -> Result<Self> {
        Ok(Subject {
            halves: Halves::split(members.1.len(), nonmembers.1.len(), seed)?,
            members: members.1.len(),
            outputs: [members.0, nonmembers.0].concat(),
            labels: [members.1, nonmembers.1].concat(),
            form,
            classes,
            seed,
        })
    }

    /// The outputs on the members and on the non-members.
    ///
    /// # Errors
    /// As [`Predictions::new`].
    pub fn predictions(&self) -> Result<[Predictions<'_>; 2]> {
        let outputs = self.outputs.split_at(self.members * self.classes);
        let labels = self.labels.split_at(self.members);
        Ok([
            Predictions::new(self.form, outputs.0, self.classes, labels.0)?,
            Predictions::new(self.form, outputs.1, self.classes, labels.1)?,
        ])
    }
}
