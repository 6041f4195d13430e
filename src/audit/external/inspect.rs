//! From a file's numbers to predictions that can be audited.
//!
//! Not the reading (`arrays`, `table`), nor what single columns mean (`outputs`, `labels`, `membership`).

use super::column::{Column, Ids};
use super::options::Options;
use super::raw::RawPredictions;
use super::shadows::ShadowFile;
use super::{labels, membership, outputs};
use crate::audit::attacks::scores::{self, OutputForm, Predictions};
use crate::audit::outputs::{ModelRecords, OutputValues, Outputs};
use crate::audit::persons::Persons;
use crate::audit::results::subgroups::Subgroups;
use crate::error::{Error, Result};
use crate::run::predictions::{MEMBER, REFERENCE, TEST};
use crate::statistics::halves::LEAST_RECORDS;
use crate::statistics::intervals;
use crate::statistics::roc::Roc;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A model's predictions, understood.
pub struct ExternalPredictions {
    /// The file's name, without its ending.
    pub name: String,
    /// Whether outputs are logits or probabilities.
    pub form: OutputForm,
    /// \[N, C\]: logits or, as `form` says, probabilities.
    outputs: OutputValues,
    half_ulp: f64,
    pub(super) classes: usize,
    /// \[N\].
    rows: Vec<u32>,
    /// \[N\]: the records' names, where they have some.
    pub(super) ids: Option<Vec<Box<str>>>,
    /// \[N\], from 0.
    pub(super) labels: Vec<u32>,
    /// \[N\], in our codes.
    membership: Vec<u8>,
    /// \[N, A, C\], where outputs on A > 1 augmented copies are there; `outputs` are those of the first of
    /// them.
    augmented: Option<OutputValues>,
    /// A.
    pub(super) augmentations: usize,
    /// By class.
    pub(super) class_names: Vec<String>,
    /// The record's groups, where the file has a column of them.
    pub subgroups: Option<Subgroups>,
    /// The records' persons, where a column of them was named.
    pub persons: Option<Persons>,
    pub(super) shadows: Option<ShadowFile>,
    /// What was found, a sentence each.
    pub found: Vec<String>,
    /// What was found that may spoil the results.
    pub warnings: Vec<String>,
}

impl ExternalPredictions {
    /// N, the number of records.
    pub fn records(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn model(&self) -> ModelRecords<'_> {
        ModelRecords {
            outputs: self.outputs_of(&self.outputs),
            rows: &self.rows,
            labels: &self.labels,
            membership: &self.membership,
        }
    }

    /// Outputs \[N · A, C\] on all copies.
    pub(super) fn copies(&self) -> Outputs<'_> {
        self.outputs_of(self.augmented.as_ref().unwrap_or(&self.outputs))
    }

    fn outputs_of<'a>(&self, values: &'a OutputValues) -> Outputs<'a> {
        let (form, classes, half_ulp) = (self.form, self.classes, self.half_ulp);
        Outputs { values: values.as_slice(), form, classes, half_ulp }
    }
}

pub(super) fn inspect(mut raw: RawPredictions, options: &Options) -> Result<ExternalPredictions> {
    let mut found = std::mem::take(&mut raw.found);
    let form = outputs::resolve(&mut raw, options, &mut found)?;
    let (n, classes) = (raw.labels.len(), raw.classes);
    let checked = Outputs { values: raw.outputs.as_slice(), form, classes, half_ulp: raw.half_ulp };
    let (labels, class_names) =
        labels::resolve(&raw.labels, raw.class_names.as_deref(), checked, &raw.place, options, &mut found)?;
    let column = raw.membership.take().ok_or_else(|| {
        Error::data(&raw.place).expected("membership beside the predictions").found("members alone")
    })?;
    let membership = membership::resolve(column, &raw.place, options, &mut found)?;
    let count = |code: u8| membership.iter().filter(|m| **m == code).count();
    let (members, others, reference) = (count(MEMBER), count(TEST), count(REFERENCE));
    if members.min(others) < LEAST_RECORDS {
        return Err(Error::data(&raw.place)
            .expected("at least 4 members and 4 non-members")
            .found(format!("{members} and {others}"))
            .advice("an audit needs predictions on both; --member-value names the value of members"));
    }
    if raw.augmentations > 1 {
        found.push(format!(
            "outputs on {} augmented copies: all attacks but LiRA use the first",
            raw.augmentations
        ));
    }
    let (rows, ids) = match raw.rows.take() {
        Some(Ids::Numbers(rows)) => (rows, None),
        Some(Ids::Texts(ids)) => ((0..n as u32).collect(), Some(ids)),
        None => ((0..n as u32).collect(), None),
    };
    let and_reference = if reference > 0 { format!(", {reference} records of D′") } else { String::new() };
    found.insert(
        0,
        format!("{n} records of {classes} classes: {members} members, {others} non-members{and_reference}"),
    );
    let texts = |column: Column| -> Vec<String> { column.into_texts().each().map(str::to_owned).collect() };
    let (subgroups, persons) = (raw.subgroups.take().map(texts), raw.persons.take().map(texts));
    let mut external = ExternalPredictions {
        name: raw.name,
        form,
        outputs: raw.outputs,
        half_ulp: raw.half_ulp,
        classes,
        rows,
        ids,
        labels,
        membership,
        augmented: raw.augmented,
        augmentations: raw.augmentations,
        class_names,
        subgroups: subgroups.map(|groups| Subgroups::new(&groups, &raw.place)).transpose()?,
        persons: persons.map(|persons| Persons::new(&persons, &raw.place)).transpose()?,
        shadows: raw.shadows,
        found,
        warnings: vec![],
    };
    let model = external.model();
    let at = |error: Error| Error { place: format!("{}, {}", raw.place, error.place), ..error };
    let predictions = Predictions::new(model.outputs, model.labels).map_err(at)?;
    let turned = wrong_way_round(&predictions);
    if options.member_value.is_none() && turned.is_none() {
        check_polarity(&raw.place, &predictions, model.membership)?;
    }
    external.warnings = duplicates(&external);
    external.warnings.extend(turned);
    Ok(external)
}

/// A warning of two classes that seem to have changed places: a model that guesses is right half the time.
fn wrong_way_round(predictions: &Predictions) -> Option<String> {
    let n = predictions.len() as f64;
    let right = scores::gap(predictions).iter().sum::<f64>() / n;
    // 3.29 standard errors, as in check_polarity.
    (predictions.classes() == 2 && right < 0.5 - 3.29 * 0.5 / n.sqrt()).then(|| {
        format!(
            "the model is right on {right:.3} of the records, less than by guessing: if the outputs are those \
             of the other class, or the labels' order is the other one (--class-names), all results are wrong"
        )
    })
}

/// A model that does better on the others than on its members is hardly meant.
fn check_polarity(place: &str, predictions: &Predictions, membership: &[u8]) -> Result<()> {
    let phi = scores::confidence(predictions);
    let with = |code: u8| -> Vec<f64> {
        phi.iter().zip(membership).filter(|(_, m)| **m == code).map(|(phi, _)| *phi).collect()
    };
    let roc = Roc::new(&with(MEMBER), &with(TEST))?;
    // 3.29 standard errors: as in one of two thousand models that tell nothing.
    let standard_error = (intervals::auc(&roc)[1] - roc.auc()) / 1.96;
    if roc.auc() + 3.29 * standard_error >= 0.5 {
        return Ok(());
    }
    Err(Error::data(format!("{place}, membership"))
        .expected("a model that is at least as sure of its members' labels as of the others'")
        .found(format!("one that is surer of the others' (AUC of the confidence {:.3})", roc.auc()))
        .advice("if 0 marks the members, give --member-value 0; if it is right as it is, --member-value 1"))
}

/// Pairs of members that are alike by chance from which on there is hardly none, in 5% of cases: e⁻³.
const SURELY_ALIKE: f64 = 3.0;

/// Warnings of records that seem to be on both sides.
fn duplicates(external: &ExternalPredictions) -> Vec<String> {
    let mut warnings = vec![];
    let ModelRecords { outputs, rows, labels, membership } = external.model();
    // How many others have the key of a member, and how many members that of another member.
    let both = |key: &dyn Fn(usize, &mut DefaultHasher)| -> (usize, usize) {
        let with = |code: u8| -> Vec<u64> {
            let hash = |i: usize| {
                let mut hasher = DefaultHasher::new();
                key(i, &mut hasher);
                hasher.finish()
            };
            let mut found: Vec<u64> = (0..rows.len()).filter(|&i| membership[i] == code).map(hash).collect();
            found.sort_unstable();
            found
        };
        let (members, others) = (with(MEMBER), with(TEST));
        let shared = others.iter().filter(|key| members.binary_search(key).is_ok()).count();
        let alike = members.windows(2).filter(|pair| pair[0] == pair[1]).count();
        (shared, alike)
    };
    let (shared, _) = both(&|i, hasher| match &external.ids {
        Some(ids) => ids[i].hash(hasher),
        None => rows[i].hash(hasher),
    });
    if shared > 0 {
        warnings.push(format!("{shared} non-members have the number or name of a member: they are members"));
    }
    let bytes = outputs.values.bytes();
    let width = bytes.len() / rows.len().max(1);
    let (shared, alike) = both(&|i, hasher| {
        labels[i].hash(hasher);
        hasher.write(&bytes[i * width..(i + 1) * width]);
    });
    if shared > 0 {
        // Were outputs coarse, pairs of members would be alike as often as pairs across.
        let of = |code: u8| membership.iter().filter(|other| **other == code).count() as f64;
        let expected = shared as f64 * (of(MEMBER) - 1.0) / (2.0 * of(TEST));
        let likely = if alike > 0 {
            format!("; {alike} members share theirs with another member, so outputs may only be coarse")
        } else if expected >= SURELY_ALIKE {
            "; no two members do, so these are probably members".to_owned()
        } else {
            "; they may be members, or outputs coarse".to_owned()
        };
        warnings.push(format!(
            "{shared} non-members have the label and to the bit the outputs of a member{likely}"
        ));
    }
    warnings
}
