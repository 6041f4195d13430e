//! Which class each label means: numbers from 0 or from 1, others by their order, texts by the classes'
//! names, rows of a one-hot matrix.
//!
//! Not their reading.

use super::column::{Column, Texts};
use super::options::Options;
use crate::audit::outputs::Outputs;
use crate::dataset::formats::pickle::python;
use crate::error::{Error, Result};
use std::path::Path;

/// The labels of a matrix `[n, width]` of zeros and ones, of the array `name` of the file `path`.
///
/// # Errors
/// Another number in it; a record without a label, or with several. The place is the caller's to add.
pub(super) fn from_matrix(values: &[f32], n: usize, width: usize, path: &Path, name: &str) -> Result<Column> {
    let mut labels = Vec::with_capacity(n);
    let (mut without, mut with_several) = (0, 0);
    for (record, row) in values.chunks_exact(width).enumerate() {
        if let Some(other) = row.iter().find(|v| **v != 0.0 && **v != 1.0) {
            return Err(Error::data("")
                .expected("one label a record, or a one-hot row of zeros and a one")
                .found(format!("{other} in the row of record {record}")));
        }
        match row.iter().filter(|v| **v == 1.0).count() {
            0 => without += 1,
            1 => labels.push(row.iter().position(|v| *v == 1.0).unwrap_or_default() as i64),
            _ => with_several += 1,
        }
    }
    if without + with_several == 0 {
        return Ok(Column::Numbers(labels));
    }
    let error = Error::data("")
        .expected("one label a record")
        .found(format!("{with_several} of {n} records with several labels and {without} without one"));
    Err(error.advice(several_labels(path, name)))
}

/// How to audit a model of several labels a record: each label for itself.
pub(super) fn several_labels(path: &Path, name: &str) -> String {
    let code = format!(
        "import numpy as np; d = np.load({}); k = 0; np.savez({}, **{{n: d[n][:, k] if d[n].shape == \
         d['{name}'].shape else d[n] for n in d.files}})",
        python(path),
        python(&path.with_extension("label0.npz"))
    );
    format!(
        "each label is a model of its own, with two classes. Audit one after another: this makes the file of \
         label k = 0\n  python3 -c \"{code}\""
    )
}

/// From 0, and the classes' names.
///
/// # Errors
/// Labels that fit no class, or that leave open which.
pub(super) fn resolve(
    labels: &Column,
    class_names: Option<&[String]>,
    outputs: Outputs,
    place: &str,
    options: &Options,
    found: &mut Vec<String>,
) -> Result<(Vec<u32>, Vec<String>)> {
    let place = format!("{place}, labels");
    let classes = outputs.classes;
    let names = options.class_names.as_deref().or(class_names);
    if let Some(names) = names.filter(|names| names.len() != classes) {
        return Err(Error::data(place)
            .expected(format!("a name for each of the {classes} classes"))
            .found(format!("{}: {}", names.len(), names.join(", "))));
    }
    let numbers = || (0..classes).map(|c| c.to_string()).collect();
    match (labels, names) {
        (_, Some(names)) if fits(labels, names) => {
            let mapped = by_name(&labels.clone().into_texts(), names, &place)?;
            found.push(format!("labels by the classes' names {}", shown(names)));
            Ok((mapped, names.to_vec()))
        }
        (Column::Texts(texts), Some(names)) => Ok((by_name(texts, names, &place)?, names.to_vec())),
        (Column::Texts(texts), None) => {
            let names = in_order(texts, classes, &place)?;
            let mapped = by_name(texts, &names, &place)?;
            found.push(format!(
                "labels are texts: the outputs are taken to be of {} in this, the alphabetical, order \
                 (--class-names gives another)",
                shown(&names)
            ));
            Ok((mapped, names))
        }
        (Column::Numbers(labels), names) => {
            let (mapped, own) = of_numbers(labels, outputs, &place, options, found)?;
            Ok((mapped, names.map(<[String]>::to_vec).or(own).unwrap_or_else(numbers)))
        }
    }
}

/// Whether every label is one of the names.
fn fits(labels: &Column, names: &[String]) -> bool {
    let known = |text: &str| names.iter().any(|name| name == text);
    match labels {
        Column::Texts(texts) => texts.values.iter().all(|text| known(text)),
        Column::Numbers(numbers) => numbers.iter().all(|number| known(&number.to_string())),
    }
}

fn shown(names: &[String]) -> String {
    match names.len() {
        0..=12 => names.join(", "),
        many => format!("{}, … ({many} classes)", names[..12].join(", ")),
    }
}

/// The distinct texts, sorted, where they are as many as classes.
fn in_order(texts: &Texts, classes: usize, place: &str) -> Result<Vec<String>> {
    let mut names = texts.values.clone();
    names.sort_unstable();
    if let Some(at) = texts.each().position(|text| text.is_empty() || text.eq_ignore_ascii_case("nan")) {
        return Err(Error::data(place)
            .expected("a label for each record")
            .found(format!("none for record {at}"))
            .advice("leave the records without a label out"));
    }
    if names.len() != classes {
        return Err(Error::data(place)
            .expected(format!("{classes} different labels, one for each output"))
            .found(format!("{}: {}", names.len(), shown(&names)))
            .advice("name the classes in the order of the outputs: --class-names cat,dog,…"));
    }
    Ok(names)
}

fn by_name(texts: &Texts, names: &[String], place: &str) -> Result<Vec<u32>> {
    let number = |text: &String| {
        (0..).zip(names).find(|(_, name)| *name == text).map(|(number, _)| number).ok_or_else(|| {
            Error::data(place)
                .expected(format!("one of the classes {}", shown(names)))
                .found(text.clone())
                .advice("name the classes in the order of the outputs: --class-names cat,dog,…")
        })
    };
    let numbers: Vec<u32> = texts.values.iter().map(number).collect::<Result<_>>()?;
    Ok(texts.codes.iter().map(|&code| numbers[code as usize]).collect())
}

/// From 0; with the classes' names where they are others than their numbers.
fn of_numbers(
    labels: &[i64],
    outputs: Outputs,
    place: &str,
    options: &Options,
    found: &mut Vec<String>,
) -> Result<(Vec<u32>, Option<Vec<String>>)> {
    let classes = outputs.classes as i64;
    let (Some(&lowest), Some(&highest)) = (labels.iter().min(), labels.iter().max()) else {
        return Err(Error::data(place).expected("labels").found("none"));
    };
    let range = |base: i64| {
        Error::data(place)
            .expected(format!("labels from {base} to {}, of the {classes} classes", base + classes - 1))
            .found(format!("{lowest} to {highest}"))
    };
    let distinct = || {
        let mut distinct = labels.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        distinct
    };
    let (base, why) = match options.label_base {
        Some(base) => (i64::from(base), "as given".to_owned()),
        None if lowest == 0 && highest < classes => (0, "since 0 is among them".to_owned()),
        None if lowest >= 1 && highest == classes => (1, format!("since {classes} is among them")),
        None if lowest >= 1 && highest < classes => {
            // What either would mean, to choose by.
            let accuracy = |base: i64| {
                let right =
                    |(record, label): &(usize, &i64)| outputs.predicted(*record) as i64 == **label - base;
                labels.iter().enumerate().filter(right).count() as f64 / labels.len() as f64
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
        None => {
            let distinct = distinct();
            if distinct.len() as i64 != classes {
                return Err(range(0));
            }
            let names: Vec<String> = distinct.iter().map(i64::to_string).collect();
            found.push(format!("labels {}: the classes in this order", shown(&names)));
            let number = |label: &i64| distinct.binary_search(label).unwrap_or_default() as u32;
            return Ok((labels.iter().map(number).collect(), Some(names)));
        }
    };
    if lowest < base || highest >= base + classes {
        return Err(range(base));
    }
    found.push(format!("labels {lowest} to {highest}: {base}-based, {why}"));
    Ok((labels.iter().map(|label| (label - base) as u32).collect(), None))
}
