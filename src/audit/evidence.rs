//! What is known of the models of an audit, whoever trained them.
//!
//! Not where it comes from (a run's directory: [`super::run`]; a file: [`super::external`]), nor the
//! attacks that go by it.

use super::attacks::scores::Predictions;
use super::job::AuditJob;
use super::logistic::RightRecords;
use super::outputs::{ModelRecords, Outputs};
use super::persons::RecordPersons;
use super::results::subgroups::Grouping;
use super::results::summary::ReplicaSummary;
use super::shadows::Shadows;
use crate::dataset::{Dataset, DatasetSummary};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::release::predict::TrainedClassifier;
use crate::run::config::Replica;
use crate::run::model_file::ModelFile;
use crate::run::predictions::{MEMBER, REFERENCE, TEST};
use crate::statistics::halves::Halves;

/// What an attack may need beside the outputs, or why it is not there.
pub type Given<T> = std::result::Result<T, String>;

/// `given`, to an attack that is only run where it is there.
///
/// # Errors
/// It is not.
pub fn needed<T>(given: &Given<T>) -> Result<&T> {
    given.as_ref().map_err(|reason| Error::data("audit").found(reason.clone()))
}

/// Whose membership is attacked; the others are test records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttackedRecords {
    /// D, the records that the classifier was trained on.
    Members,
    /// D′, the records that its defense was trained on.
    Reference,
}

impl AttackedRecords {
    /// As tables write it: D or D′.
    pub fn symbol(self) -> &'static str {
        match self {
            AttackedRecords::Members => "D",
            AttackedRecords::Reference => "D′",
        }
    }
}

/// What is known of one model and the records that it is asked about: N of them, the members first.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Whose membership it is about.
    pub attacked: AttackedRecords,
    /// Of at least the N records.
    pub outputs: Outputs<'a>,
    /// `[N]`: where each record is among the outputs.
    pub places: Vec<u32>,
    /// C.
    pub classes: usize,
    /// `[N]`, each under C.
    pub labels: Vec<u32>,
    /// How many of the N are members.
    pub members: usize,
    /// `[N]`: the records' numbers.
    pub rows: Vec<u32>,
    /// `[N]`: the records' names, where they have some.
    pub ids: Option<Vec<String>>,
    /// Where several records may be of one person, and the audit is to go by persons too.
    pub persons: Option<RecordPersons<'a>>,
    /// What the attacker knows and what is scored; into the members and into the others.
    pub halves: Halves<u32>,
    /// Of all that is random.
    pub seed: u64,
    /// The GPU on which attack networks may be trained.
    pub gpu: Given<&'a Context>,
    /// The model itself, to be asked anew.
    pub queries: Given<Queries<'a>>,
    /// Shadow models and what they make of the N records.
    pub shadows: Given<Shadows<'a>>,
}

impl<'a> Evidence<'a> {
    /// What `records` hold of the attacked records and of the test records; halves are drawn by `seed`.
    /// Nothing beside it is given yet.
    ///
    /// # Errors
    /// As [`Halves::split`] and [`Predictions::new`].
    pub fn new(
        records: impl Into<ModelRecords<'a>>,
        attacked: AttackedRecords,
        seed: u64,
        gpu: Given<&'a Context>,
    ) -> Result<Self> {
        let code = match attacked {
            AttackedRecords::Members => MEMBER,
            AttackedRecords::Reference => REFERENCE,
        };
        let records = records.into();
        Predictions::new(records.outputs, records.labels)?;
        let (members, others) = (records.places(code), records.places(TEST));
        let places = [&members[..], &others].concat();
        let at = |values: &[u32]| places.iter().map(|&place| values[place as usize]).collect();
        Ok(Evidence {
            attacked,
            halves: Halves::split(members.len(), others.len(), seed)?,
            members: members.len(),
            outputs: records.outputs,
            labels: at(records.labels),
            rows: at(records.rows),
            places,
            ids: None,
            persons: None,
            classes: records.outputs.classes,
            seed,
            gpu,
            queries: Err("not given".to_owned()),
            shadows: Err("not given".to_owned()),
        })
    }

    /// The same evidence, of which the attacker knows persons, with all their records, and none of the other
    /// persons' ones.
    ///
    /// # Errors
    /// As [`RecordPersons::halves`].
    pub fn by_person(self, persons: RecordPersons<'a>) -> Result<Self> {
        Ok(Evidence { halves: persons.halves(self.members, self.seed)?, persons: Some(persons), ..self })
    }

    /// The outputs on the members and on the others.
    pub fn predictions(&self) -> [Predictions<'_>; 2] {
        let (places, labels) = (self.split(&self.places), self.split(&self.labels));
        [0, 1].map(|kind| Predictions::at(self.outputs, places[kind], labels[kind]))
    }

    /// Logits `[N, C]` for a network ([`Outputs::network_input`]).
    pub fn network_inputs(&self) -> Vec<f32> {
        let mut inputs = Vec::with_capacity(self.places.len() * self.classes);
        self.places.iter().for_each(|&place| self.outputs.network_input(place as usize, &mut inputs));
        inputs
    }

    /// Something per record `[N]`: the members' and the others'.
    pub fn split<'t, T>(&self, values: &'t [T]) -> [&'t [T]; 2] {
        values.split_at(self.members).into()
    }
}

/// A replica of a run that may be asked about any record.
#[derive(Debug, Clone, Copy)]
pub struct Queries<'a> {
    /// The run, with the device to ask on.
    pub job: &'a AuditJob<'a>,
    /// The run's data.
    pub dataset: &'a Dataset,
    /// The replica's number in the run.
    pub number: usize,
}

impl<'a> Queries<'a> {
    /// The classifier, read from its file.
    ///
    /// # Errors
    /// As [`TrainedClassifier::load`].
    pub fn classifier(&self) -> Result<TrainedClassifier<'a>> {
        let AuditJob { directory, context, .. } = *self.job;
        let file = ModelFile::read(&directory.model(self.number))?;
        TrainedClassifier::load(context, &file, self.dataset)
    }
}

/// By what the blind attack, which checks the split, tells records apart.
#[derive(Debug, Clone, Copy)]
pub enum BlindBy<'a> {
    /// It is not run.
    Nothing,
    /// By labels alone: features are not at hand.
    Labels,
    /// The records of this data set, and their labels.
    Features(&'a Dataset),
}

/// One model of an audit.
#[derive(Debug)]
pub struct AuditedModel<'a> {
    /// Accuracies, and what training says of itself; no attacks yet.
    pub measured: ReplicaSummary,
    /// What attacks on D go by.
    pub on_members: Evidence<'a>,
    /// `None` where there are too few records of D′.
    pub on_reference: Option<Evidence<'a>>,
    /// By what the blind attack on D goes.
    pub blind: BlindBy<'a>,
    /// Of the members and the test records.
    pub subgroups: Option<Grouping<'a>>,
    /// What a logistic regression on the same members has right, where one was trained.
    pub logistic: Option<RightRecords>,
    /// What a reader must know of it, beside what the audit finds.
    pub notes: Vec<String>,
}

/// All that an audit goes by.
#[derive(Debug)]
pub struct AuditCase<'a> {
    /// Of the run or the file, in events.
    pub name: String,
    /// In the order of their numbers.
    pub models: Vec<AuditedModel<'a>>,
    /// By class.
    pub class_names: &'a [String],
    /// Name and sizes, as the summary gives them.
    pub dataset: DatasetSummary,
    /// What was found of the data as a whole.
    pub notes: Vec<String>,
    /// What training took, and gathering all this.
    pub seconds: f64,
}

/// The accuracies on the records of each membership.
pub fn measured<'a>(settings: Option<Replica>, records: impl Into<ModelRecords<'a>>) -> ReplicaSummary {
    let records = records.into();
    let accuracy = |membership: u8| -> Option<f64> {
        let places = records.places(membership);
        let right = |place: &&u32| {
            records.outputs.predicted(**place as usize) == records.labels[**place as usize] as usize
        };
        let count = places.iter().filter(right).count();
        (!places.is_empty()).then(|| count as f64 / places.len() as f64)
    };
    ReplicaSummary {
        settings,
        train_accuracy: accuracy(MEMBER).unwrap_or(f64::NAN),
        reference_accuracy: accuracy(REFERENCE),
        test_accuracy: accuracy(TEST),
        attack_trained: true,
        ..ReplicaSummary::default()
    }
}
