//! From a file's numbers to predictions that can be audited: what they are is told from them where they leave
//! no doubt, and asked for where they do.
//!
//! Not the reading (`arrays`, `table`).

use super::options::Options;
use super::raw::{Membership, RawPredictions};
use super::shadows::ShadowFile;
use crate::audit::attacks::scores::{self, OutputForm, Predictions};
use crate::audit::persons::Persons;
use crate::audit::results::subgroups::Subgroups;
use crate::error::{Error, Result};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use crate::statistics::halves::LEAST_RECORDS;
use crate::statistics::intervals;
use crate::statistics::roc::Roc;
use std::hash::{DefaultHasher, Hasher};

/// How far a row of probabilities may sum from 1.
const SUM_TOLERANCE: f64 = 1e-2;

/// Rounding that takes a probability past 0 or 1.
const ROUNDING: f32 = 1e-5;

/// A model's predictions, understood.
pub struct ExternalPredictions {
    /// The file's name, without its ending.
    pub name: String,
    pub form: OutputForm,
    /// The outputs (logits or, as `form` says, probabilities), labels from 0, membership in our codes.
    pub predictions: ReplicaPredictions,
    /// \[N, A, C\], where outputs on A > 1 augmented copies are there; the predictions have the first of
    /// them.
    pub(super) augmented: Option<Vec<f32>>,
    /// A.
    pub(super) augmentations: usize,
    /// By class: its number.
    pub(super) class_names: Vec<String>,
    pub subgroups: Option<Subgroups>,
    pub persons: Option<Persons>,
    pub(super) shadows: Option<ShadowFile>,
    /// What was found, a sentence each.
    pub found: Vec<String>,
    /// What was found that may spoil the results.
    pub warnings: Vec<String>,
}

pub(super) fn inspect(mut raw: RawPredictions, options: &Options) -> Result<ExternalPredictions> {
    let (n, classes) = (raw.labels.len(), raw.classes);
    if classes < 2 {
        return Err(Error::data(&raw.place)
            .expected("an output for each of two classes or more")
            .found(format!("{classes}"))
            .advice("of a single probability p save both: numpy.stack([1 - p, p], 1)"));
    }
    let mut found = std::mem::take(&mut raw.found);
    let form = form(&mut raw, options, &mut found)?;
    let labels = labels(&raw, options, &mut found)?;
    let membership = membership(&raw, options, &mut found)?;
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
    let rows = raw.rows.take().unwrap_or_else(|| (0..n as u32).collect());
    let predictions =
        ReplicaPredictions { logits: std::mem::take(&mut raw.outputs), classes, rows, labels, membership };
    if options.member_value.is_none() {
        check_polarity(&raw.place, form, &predictions)?;
    }
    let warnings = duplicates(&predictions);
    let subgroups = match &raw.subgroups {
        Some(groups) => Some(Subgroups::new(groups, &raw.place)?),
        None => None,
    };
    let persons = match &raw.persons {
        Some(persons) => Some(Persons::new(persons, &raw.place)?),
        None => None,
    };
    let and_reference = if reference > 0 { format!(", {reference} records of D′") } else { String::new() };
    found.insert(
        0,
        format!("{n} records of {classes} classes: {members} members, {others} non-members{and_reference}"),
    );
    Ok(ExternalPredictions {
        name: raw.name,
        form,
        predictions,
        augmented: raw.augmented,
        augmentations: raw.augmentations,
        class_names: (0..classes).map(|c| c.to_string()).collect(),
        subgroups,
        persons,
        shadows: raw.shadows,
        found,
        warnings,
    })
}

/// Logits or probabilities; probabilities are left as such: in \[0, 1\], of sum 1.
fn form(raw: &mut RawPredictions, options: &Options, found: &mut Vec<String>) -> Result<OutputForm> {
    let place = format!("{}, {}", raw.place, raw.outputs_name);
    let classes = raw.classes;
    if let Some(at) = raw.outputs.iter().position(|v| !v.is_finite()) {
        return Err(Error::data(format!("{place}, record {}", at / classes))
            .expected("finite numbers")
            .found(raw.outputs[at].to_string())
            .advice("leave such records out, or repair the model"));
    }
    let outside = raw.outputs.iter().position(|v| !(-ROUNDING..=1.0 + ROUNDING).contains(v));
    let sum = |row: &[f32]| row.iter().map(|&p| f64::from(p)).sum::<f64>();
    let off = |row: &[f32]| (sum(row) - 1.0).abs();
    let (wrong, worst) = raw.outputs.chunks_exact(classes).map(off).fold((0, 0.0), |(wrong, worst), off| {
        (wrong + usize::from(off > SUM_TOLERANCE), f64::max(worst, off))
    });
    let ask = |what: &str| {
        Error::data(&place)
            .expected("outputs that are plainly logits or plainly probabilities")
            .found(what)
            .advice("say what they are with --outputs logits or --outputs probabilities")
    };
    let (form, why) = match (options.form, raw.declared, outside) {
        (Some(form), ..) => (form, "as given".to_owned()),
        (None, Some(OutputForm::Logits), None) if wrong == 0 => {
            return Err(ask("an array called logits whose rows are from 0 to 1 and sum to 1"));
        }
        (None, Some(form), _) => (form, "as the name says".to_owned()),
        (None, None, Some(at)) => {
            (OutputForm::Logits, format!("since {} is not between 0 and 1", raw.outputs[at]))
        }
        (None, None, None) if wrong == 0 => {
            (OutputForm::Probabilities, "since all are from 0 to 1 and rows sum to 1".to_owned())
        }
        (None, None, None) => {
            return Err(ask(&format!("numbers from 0 to 1, but {wrong} rows do not sum to 1")));
        }
    };
    if form == OutputForm::Logits {
        found.push(format!("{}: logits, {why}", raw.outputs_name));
        return Ok(form);
    }
    if let Some(at) = outside {
        return Err(Error::data(format!("{place}, record {}", at / classes))
            .expected("probabilities, from 0 to 1")
            .found(raw.outputs[at].to_string())
            .advice("if they are logits, give --outputs logits"));
    }
    let sums = match (wrong, options.normalise) {
        (0, _) => format!("rows sum to 1 within {worst:.1e}"),
        (_, true) => {
            format!("{wrong} rows did not sum to 1 (by {worst:.3} at most): each row is divided by its sum")
        }
        (_, false) => {
            return Err(Error::data(&place)
                .expected(format!("rows of probabilities that sum to 1 within {SUM_TOLERANCE}"))
                .found(format!("{wrong} rows that do not, by {worst:.3} at most"))
                .advice(
                    "--normalise divides each row by its sum; if they are logits, give --outputs logits",
                ));
        }
    };
    for (record, row) in raw.outputs.chunks_exact_mut(classes).enumerate() {
        row.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
        if options.normalise {
            let sum = sum(row);
            if sum <= 0.0 {
                return Err(Error::data(format!("{place}, record {record}"))
                    .expected("a probability above 0")
                    .found("a row of zeros"));
            }
            row.iter_mut().for_each(|p| *p = (f64::from(*p) / sum) as f32);
        }
    }
    found.push(format!("{}: probabilities, {why}; {sums}", raw.outputs_name));
    Ok(form)
}

/// From 0.
fn labels(raw: &RawPredictions, options: &Options, found: &mut Vec<String>) -> Result<Vec<u32>> {
    let place = format!("{}, labels", raw.place);
    let classes = raw.classes as i64;
    let (Some(&lowest), Some(&highest)) = (raw.labels.iter().min(), raw.labels.iter().max()) else {
        return Err(Error::data(place).expected("labels").found("none"));
    };
    let range = |base: i64| {
        Error::data(&place)
            .expected(format!("labels from {base} to {}, of the {classes} classes", base + classes - 1))
            .found(format!("{lowest} to {highest}"))
    };
    let (base, why) = match options.label_base {
        Some(base) => (i64::from(base), "as given".to_owned()),
        None if lowest == 0 => (0, "since 0 is among them".to_owned()),
        None if lowest >= 1 && highest == classes => (1, format!("since {classes} is among them")),
        None if lowest >= 1 && highest < classes => {
            // What either would mean, to choose by.
            let accuracy = |base: i64| {
                let rows = raw.outputs.chunks_exact(raw.classes).zip(&raw.labels);
                let right = rows.filter(|(row, label)| argmax(row) as i64 == *label - base).count();
                right as f64 / raw.labels.len() as f64
            };
            return Err(Error::data(place)
                .expected(format!(
                    "labels with a 0 or a {classes} among them, which tell what they count from"
                ))
                .found(format!(
                    "{lowest} to {highest} (accuracy {:.3} if from 0, {:.3} if from 1)",
                    accuracy(0),
                    accuracy(1)
                ))
                .advice("say what they count from with --label-base 0 or --label-base 1"));
        }
        None => return Err(range(0)),
    };
    if lowest < base || highest >= base + classes {
        return Err(range(base));
    }
    found.push(format!("labels {lowest} to {highest}: {base}-based, {why}"));
    Ok(raw.labels.iter().map(|label| (label - base) as u32).collect())
}

/// The place of the largest, of equal ones the first.
fn argmax(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best })
}

/// In our codes.
fn membership(raw: &RawPredictions, options: &Options, found: &mut Vec<String>) -> Result<Vec<u8>> {
    let place = format!("{}, membership", raw.place);
    let (codes, values) = match &raw.membership {
        Membership::Text(codes, values) => (codes.clone(), values.clone()),
        Membership::Numbers(numbers) => {
            let mut values: Vec<i64> = vec![];
            let mut codes = vec![];
            for number in numbers {
                let at = values.iter().position(|v| v == number).unwrap_or(values.len());
                if at == values.len() {
                    values.push(*number);
                }
                if values.len() > 16 {
                    return Err(Error::data(place)
                        .expected("one of a few values a record")
                        .found(format!("{} different values", values.len()))
                        .advice(
                            "membership is a number for each record, 1 for a member; of lists of members \
                             make that first",
                        ));
                }
                codes.push(at as u32);
            }
            (codes, values.iter().map(i64::to_string).collect())
        }
    };
    let known = |value: &str| match value.to_lowercase().as_str() {
        "1" | "true" | "member" | "train" | "in" | "yes" => Some(MEMBER),
        "0" | "false" | "nonmember" | "non-member" | "non_member" | "test" | "out" | "no" => Some(TEST),
        "2" | "reference" => Some(REFERENCE),
        _ => None,
    };
    let mut meanings = vec![];
    for value in &values {
        meanings.push(match &options.member_value {
            Some(member) if member == value => MEMBER,
            Some(member) if known(member) == Some(MEMBER) && known(value) == Some(REFERENCE) => REFERENCE,
            Some(_) => TEST,
            None => known(value).ok_or_else(|| {
                Error::data(&place)
                    .expected("0 and 1, or member and nonmember, train and test, in and out")
                    .found(values.join(", "))
                    .advice("name the value of members with --member-value")
            })?,
        });
    }
    if !meanings.contains(&MEMBER) {
        let asked = options.member_value.as_deref().unwrap_or("1");
        return Err(Error::data(place)
            .expected(format!("members, of the value {asked}"))
            .found(format!("only {}", values.join(", ")))
            .advice("name the value of members with --member-value"));
    }
    let with = |code: u8| -> Vec<&str> {
        values.iter().zip(&meanings).filter(|(_, m)| **m == code).map(|(v, _)| v.as_str()).collect()
    };
    found.push(format!("membership: {} is a member, {} not", with(MEMBER).join(", "), with(TEST).join(", ")));
    Ok(codes.iter().map(|&code| meanings[code as usize]).collect())
}

/// A model that does better on the others than on its members is hardly meant.
fn check_polarity(place: &str, form: OutputForm, predictions: &ReplicaPredictions) -> Result<()> {
    let phi = scores::confidence(&Predictions::new(
        form,
        &predictions.logits,
        predictions.classes,
        &predictions.labels,
    )?);
    let with = |code: u8| -> Vec<f64> {
        phi.iter().zip(&predictions.membership).filter(|(_, m)| **m == code).map(|(phi, _)| *phi).collect()
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

/// Warnings of records that seem to be on both sides.
fn duplicates(predictions: &ReplicaPredictions) -> Vec<String> {
    let mut warnings = vec![];
    let both = |keys: &dyn Fn(usize) -> u64| -> (usize, usize) {
        let with = |code: u8| -> Vec<u64> {
            let mut found: Vec<u64> = (0..predictions.rows.len())
                .filter(|&i| predictions.membership[i] == code)
                .map(keys)
                .collect();
            found.sort_unstable();
            found
        };
        let (members, others) = (with(MEMBER), with(TEST));
        let shared = others.iter().filter(|key| members.binary_search(key).is_ok()).count();
        let alike = members.windows(2).filter(|pair| pair[0] == pair[1]).count();
        (shared, alike)
    };
    let (shared, _) = both(&|i| u64::from(predictions.rows[i]));
    if shared > 0 {
        warnings.push(format!("{shared} non-members have the number of a member: they are members"));
    }
    let outputs = |i: usize| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(predictions.labels[i]);
        hasher.write(bytemuck::cast_slice(
            &predictions.logits[i * predictions.classes..][..predictions.classes],
        ));
        hasher.finish()
    };
    let (shared, alike) = both(&outputs);
    if shared > 0 {
        let likely = if alike > 0 {
            format!("; {alike} members share theirs with another member, so outputs may only be coarse")
        } else {
            "; no two members do, so these are probably members".to_owned()
        };
        warnings.push(format!(
            "{shared} non-members have the label and to the bit the outputs of a member{likely}"
        ));
    }
    warnings
}
