//! What a file's outputs are, logits or probabilities: told from the numbers where they leave no doubt, and
//! asked for where they do.
//!
//! Not their reading (`arrays`, `table`).

use super::options::Options;
use super::raw::RawPredictions;
use crate::audit::outputs::{OutputForm, OutputSlice, OutputValues};
use crate::error::{Error, Result};

/// How far a row of probabilities may sum from 1, but for what rounding to few digits does.
const SUM_TOLERANCE: f64 = 1e-2;

/// Rounding that takes a probability past 0 or 1.
const ROUNDING: f64 = 1e-5;

/// Logits or probabilities. Probabilities are left as such: in \[0, 1\], of sum 1. A single column, of class
/// 1 of two, becomes two.
pub(super) fn resolve(
    raw: &mut RawPredictions,
    options: &Options,
    found: &mut Vec<String>,
) -> Result<OutputForm> {
    let place = format!("{}, {}", raw.place, raw.outputs_name);
    let classes = raw.classes;
    let values = raw.outputs.as_slice();
    let facts = Facts::of(values, classes);
    if let Some(at) = facts.invalid {
        return Err(Error::data(format!("{place}, record {}", at / classes))
            .expected("finite numbers (−∞ is right as the logarithm of a probability of 0)")
            .found(values.at(at).to_string())
            .advice("leave such records out, or repair the model"));
    }
    let ask = |what: String| {
        Error::data(&place)
            .expected("outputs that are plainly logits or plainly probabilities")
            .found(what)
            .advice("say what they are with --outputs logits or --outputs probabilities")
    };
    let single = classes == 1;
    if single && facts.whole && options.form.is_none() && raw.declared.is_none() {
        return Err(predicted_classes(&place));
    }
    let sums = if single { String::new() } else { " and rows sum to 1".to_owned() };
    let (form, why) = match (options.form, raw.declared, facts.outside) {
        (Some(form), ..) => (form, "as given".to_owned()),
        (None, Some(OutputForm::Logits), None) if facts.wrong == 0 && !facts.whole => {
            return Err(ask(format!("logits by their name, all of which are from 0 to 1{sums}")));
        }
        (None, Some(form), _) => (form, "as the name says".to_owned()),
        (None, None, Some(at)) => {
            (OutputForm::Logits, format!("since {} is not between 0 and 1", values.at(at)))
        }
        (None, None, None) if facts.wrong == 0 => {
            (OutputForm::Probabilities, format!("since all are from 0 to 1{sums}"))
        }
        (None, None, None) => {
            return Err(ask(format!("numbers from 0 to 1, but {} rows do not sum to 1", facts.wrong)));
        }
    };
    if form == OutputForm::Probabilities {
        if let Some(at) = facts.outside {
            return Err(Error::data(format!("{place}, record {}", at / classes))
                .expected("probabilities, from 0 to 1")
                .found(values.at(at).to_string())
                .advice("if they are logits, give --outputs logits"));
        }
        let sums = sums_found(&facts, options, &place, single, raw.several_labels.as_deref())?;
        repair(&mut raw.outputs, classes, options.normalize && !single, &place)?;
        found.push(format!("{}: probabilities, {why}{sums}", raw.outputs_name));
    } else {
        found.push(format!("{}: logits, {why}", raw.outputs_name));
    }
    if single {
        found.push(format!(
            "one column: {}",
            match form {
                OutputForm::Logits => "z, the log-odds of class 1 of two, is taken as the logits [0, z]",
                OutputForm::Probabilities => "p, the probability of class 1 of two, is taken as [1 − p, p]",
            }
        ));
        raw.outputs = OutputValues::F64(two(raw.outputs.as_slice(), form));
        // 1 − p is of double precision, whatever p is.
        raw.half_ulp = raw.outputs.as_slice().half_ulp();
        raw.classes = 2;
    }
    Ok(form)
}

/// What is to be known of the numbers.
struct Facts {
    /// Place of a NaN or +∞.
    invalid: Option<usize>,
    /// Place of one that is no probability.
    outside: Option<usize>,
    /// How many rows do not sum to 1, and by how much at most.
    wrong: usize,
    worst: f64,
    /// To how many digits after the point all are rounded, if to 4 or less; most rows' sums tell it.
    digits: Option<i32>,
    /// Whether all are whole numbers.
    whole: bool,
}

impl Facts {
    fn of(values: OutputSlice, classes: usize) -> Self {
        let invalid = values.position(|v| v.is_nan() || v == f64::INFINITY);
        let outside = values.position(|v| !(-ROUNDING..=1.0 + ROUNDING).contains(&v));
        let whole = values.position(|v| v.fract() != 0.0).is_none();
        let mut facts = Facts { invalid, outside, wrong: 0, worst: 0.0, digits: None, whole };
        if outside.is_some() || classes == 1 {
            return facts;
        }
        // Text of so many digits, or numpy.round; the tolerance is for numbers in single precision.
        let rounded = |digits: &i32| {
            let scale = 10f64.powi(*digits);
            values
                .position(|v| (v * scale - (v * scale).round()).abs() > 1e-5 * (v * scale).round())
                .is_none()
        };
        facts.digits = if whole { None } else { (1..=4).find(rounded) };
        let tolerance = match facts.digits {
            Some(digits) => f64::max(SUM_TOLERANCE, 0.5 * 10f64.powi(-digits) * classes as f64),
            None => SUM_TOLERANCE,
        } + 1e-9;
        let mut row = vec![0.0; classes];
        for first in (0..values.len()).step_by(classes) {
            values.copy_to(first, &mut row);
            let off = (row.iter().sum::<f64>() - 1.0).abs();
            facts.wrong += usize::from(off > tolerance);
            facts.worst = facts.worst.max(off);
        }
        facts
    }
}

/// What the rows' sums tell; `several` is how to audit outputs of several labels a record.
fn sums_found(
    facts: &Facts,
    options: &Options,
    place: &str,
    single: bool,
    several: Option<&str>,
) -> Result<String> {
    let Facts { wrong, worst, digits, .. } = facts;
    match (wrong, options.normalize, digits) {
        _ if single => Ok(String::new()),
        (0, _, None) => Ok(format!("; rows sum to 1 within {worst:.1e}")),
        (0, _, Some(digits)) => Ok(format!(
            "; rows sum to 1 within {worst:.1e}, as numbers of {digits} digits do: records that differ by \
             less than that are ties"
        )),
        (_, true, _) => Ok(format!(
            "; {wrong} rows did not sum to 1 (by {worst:.3} at most): each row is divided by its sum"
        )),
        (_, false, _) => {
            let normalize =
                "--normalize divides each row by its sum; if they are logits, give --outputs logits";
            let advice = match several {
                Some(several) => format!("{normalize}; if a record may have several labels, {several}"),
                None => normalize.to_owned(),
            };
            Err(Error::data(place)
                .expected(format!("rows of probabilities that sum to 1 within {SUM_TOLERANCE}"))
                .found(format!("{wrong} rows that do not, by {worst:.4} at most"))
                .advice(advice))
        }
    }
}

/// Probabilities that rounding took past 0 or 1 come back; rows are divided by their sums where this is asked
/// for.
fn repair(outputs: &mut OutputValues, classes: usize, normalize: bool, place: &str) -> Result<()> {
    let zeros = |record: usize| {
        Err(Error::data(format!("{place}, record {record}"))
            .expected("a probability above 0")
            .found("a row of zeros"))
    };
    match outputs {
        OutputValues::F32(values) => {
            values.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
            for (record, row) in values.chunks_exact_mut(classes).enumerate().filter(|_| normalize) {
                let sum: f64 = row.iter().map(|p| f64::from(*p)).sum();
                if sum <= 0.0 {
                    return zeros(record);
                }
                row.iter_mut().for_each(|p| *p = (f64::from(*p) / sum) as f32);
            }
        }
        OutputValues::F64(values) => {
            values.iter_mut().for_each(|p| *p = p.clamp(0.0, 1.0));
            for (record, row) in values.chunks_exact_mut(classes).enumerate().filter(|_| normalize) {
                let sum: f64 = row.iter().sum();
                if sum <= 0.0 {
                    return zeros(record);
                }
                row.iter_mut().for_each(|p| *p /= sum);
            }
        }
    }
    Ok(())
}

/// \[N, 2\] of one column \[N\].
fn two(values: OutputSlice, form: OutputForm) -> Vec<f64> {
    let pair = |value: f64| match form {
        OutputForm::Logits => [0.0, value],
        OutputForm::Probabilities => [1.0 - value, value],
    };
    (0..values.len()).flat_map(|at| pair(values.at(at))).collect()
}

/// The error for whole numbers, one a record.
pub(super) fn predicted_classes(place: &str) -> Error {
    Error::data(place)
        .expected("outputs: a number a class, or the probability of class 1 of two")
        .found("whole numbers, one a record: predicted classes")
        .advice(
            "give the model's probabilities or logits. Where there are only predicted classes, save them as \
             numpy.eye(C)[predicted], C being the number of classes: every attack then sees what the gap \
             attack sees",
        )
}
