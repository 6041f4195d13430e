//! Whether the lists of a `details.json` fit each other, looked at when the file is read.
//!
//! Not its syntax, which serde checks: a file that was cut or edited by hand can be sound JSON, and a table or
//! a figure of it would then panic or show what was never measured.

use std::path::Path;

use super::details::{BINS, Curve, Details, GroupResult, Histogram};
use crate::error::{Error, Result};

/// # Errors
/// Lists of one curve or histogram that differ in length, an empty curve, a rate outside 0 to 1, an interval
/// whose ends are exchanged: each with the file, the key, what was expected and what was found.
pub fn details(path: &Path, details: &Details) -> Result<()> {
    let key = |number: usize, rest: String| format!("{}: replicas[{number}].{rest}", path.display());
    for (number, replica) in details.replicas.iter().enumerate() {
        for (attack, of) in &replica.curves {
            curve(&key(number, format!("curves.{attack}")), of)?;
        }
        for (name, of) in [("confidence", &replica.confidence), ("entropy", &replica.entropy)] {
            histogram(&key(number, name.to_owned()), of)?;
        }
        for (kind, groups) in [("classes", &replica.classes), ("subgroups", &replica.subgroups)] {
            for (place, of) in groups.iter().enumerate() {
                group(&key(number, format!("{kind}[{place}]")), of)?;
            }
        }
    }
    Ok(())
}

fn wrong(key: String, expected: impl Into<String>, found: impl Into<String>) -> Error {
    Error::data(key)
        .expected(expected)
        .found(found)
        .advice("the file is damaged or was edited; audit the model again")
}

fn curve(key: &str, curve: &Curve) -> Result<()> {
    let points = curve.fpr.len();
    if points == 0 {
        return Err(wrong(format!("{key}.fpr"), "at least one point", "an empty list"));
    }
    let lists = [
        ("fpr", &curve.fpr),
        ("tpr", &curve.tpr),
        ("tpr_low", &curve.tpr_low),
        ("tpr_high", &curve.tpr_high),
    ];
    for (name, list) in lists {
        if list.len() != points {
            let expected = format!("{points} points, as many as fpr has");
            return Err(wrong(format!("{key}.{name}"), expected, list.len().to_string()));
        }
        for (i, &value) in list.iter().enumerate() {
            rate(&format!("{key}.{name}[{i}]"), value)?;
        }
    }
    match curve.fpr.windows(2).position(|pair| pair[0] > pair[1]) {
        Some(i) => {
            let found = format!("{} after {}", curve.fpr[i + 1], curve.fpr[i]);
            Err(wrong(format!("{key}.fpr[{}]", i + 1), "ascending rates", found))
        }
        None => Ok(()),
    }
}

fn histogram(key: &str, histogram: &Histogram) -> Result<()> {
    for (name, bins) in [("members", &histogram.members), ("nonmembers", &histogram.nonmembers)] {
        if bins.len() != BINS {
            return Err(wrong(format!("{key}.{name}"), format!("{BINS} bins"), bins.len().to_string()));
        }
        // Records have numbers of 32 bits; counts of more than those could not even be added.
        let records = bins.iter().try_fold(0_u64, |sum, bin| sum.checked_add(*bin));
        if records.is_none_or(|records| records > u32::MAX.into()) {
            let most = bins.iter().max().copied().unwrap_or_default();
            let expected = format!("counts of {} records at most", u32::MAX);
            return Err(wrong(format!("{key}.{name}"), expected, format!("one of {most}")));
        }
    }
    Ok(())
}

fn group(key: &str, group: &GroupResult) -> Result<()> {
    for (name, value) in [("train_accuracy", group.train_accuracy), ("test_accuracy", group.test_accuracy)] {
        rate(&format!("{key}.{name}"), value.unwrap_or_default())?;
    }
    for (attack, result) in &group.attacks {
        let key = format!("{key}.attacks.{attack}");
        rate(&format!("{key}.accuracy"), result.accuracy)?;
        rate(&format!("{key}.auc"), result.auc)?;
        interval(&format!("{key}.accuracy_ci95"), result.accuracy_ci95)?;
        interval(&format!("{key}.auc_ci95"), result.auc_ci95)?;
        if let Some(together) = result.simultaneous {
            interval(&format!("{key}.simultaneous.accuracy"), together.accuracy)?;
            interval(&format!("{key}.simultaneous.auc"), together.auc)?;
        }
    }
    Ok(())
}

fn rate(key: &str, value: f64) -> Result<()> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => Err(wrong(key.to_owned(), "a rate from 0 to 1", value.to_string())),
    }
}

fn interval(key: &str, [low, high]: [f64; 2]) -> Result<()> {
    rate(key, low)?;
    rate(key, high)?;
    match low <= high {
        true => Ok(()),
        false => Err(wrong(key.to_owned(), "the lower end first", format!("[{low}, {high}]"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::details::ReplicaDetails;
    use super::*;

    fn sound() -> Details {
        let list = vec![0.0, 1.0];
        let curve = Curve { fpr: list.clone(), tpr: list.clone(), tpr_low: list.clone(), tpr_high: list };
        let histogram = Histogram { members: vec![1; BINS], nonmembers: vec![2; BINS] };
        let replica = ReplicaDetails {
            curves: [("gap".to_owned(), curve)].into(),
            confidence: histogram.clone(),
            entropy: histogram,
            ..ReplicaDetails::default()
        };
        Details { replicas: vec![replica], ..Details::default() }
    }

    /// The message for the details that `spoil` makes of sound ones.
    fn message(spoil: fn(&mut ReplicaDetails)) -> String {
        let mut spoiled = sound();
        spoil(&mut spoiled.replicas[0]);
        details(Path::new("details.json"), &spoiled).unwrap_err().to_string()
    }

    #[test]
    fn lists_that_do_not_fit_are_named() {
        details(Path::new("details.json"), &sound()).unwrap();
        let uneven = message(|r| r.curves.get_mut("gap").unwrap().tpr_low.truncate(1));
        assert!(uneven.starts_with("details.json: replicas[0].curves.gap.tpr_low: "), "{uneven}");
        assert!(uneven.contains("2 points") && uneven.contains("found 1"), "{uneven}");
        assert!(message(|r| *r.curves.get_mut("gap").unwrap() = Curve::default()).contains("an empty list"));
        assert!(message(|r| r.curves.get_mut("gap").unwrap().tpr[1] = f64::NAN).contains("tpr[1]"));
        assert!(message(|r| r.curves.get_mut("gap").unwrap().fpr.reverse()).contains("ascending"));
        assert!(message(|r| r.entropy.nonmembers.truncate(3)).contains("entropy.nonmembers"));
        let endless = message(|r| r.confidence.members[3] = u64::MAX);
        assert!(
            endless.contains("confidence.members") && endless.contains("18446744073709551615"),
            "{endless}"
        );
        let group = message(|r| {
            r.classes.push(GroupResult { train_accuracy: Some(1.5), ..GroupResult::default() });
        });
        assert!(group.contains("classes[0].train_accuracy") && group.contains("1.5"), "{group}");
    }
}
