//! `scores.npz`: every attacked record's score under every attack, what the attack says of it, and its risk.
//!
//! Not what the attacks achieved ([`super::summary`]). The file is the machine's own: it says of each person
//! behind a record whether he is a member. It stays where the audit was made; what is to be read elsewhere is
//! written by `--records`.
//!
//! For replica r, over the members of D and then the test records: `rows_r` \[N\] i64, `labels_r` \[N\] i64,
//! `member_r` \[N\] u8, `known_r` \[N\] u8 (1: the attacker knows it), `score_ATTACK_r` \[N\] f64 (higher =
//! more member-like; NaN: that attack does not judge the record), `threshold_ATTACK_r` \[1\] f64 (the attack
//! says "member" of a score of at least this), `risk_r`, `risk_low_r`, `risk_high_r` \[N\] f64
//! ([`Risk`] under the strongest attack, `risk_attack_r`; NaN: not
//! told). `ids_r`, where records have names, and `persons_r`, where persons are told apart, are u8 \[N, W\]:
//! UTF-8, filled up with zeros; `classes` \[C, W\] likewise. All of them again as `reference_…` of the
//! attacks on D′.

use std::collections::BTreeMap;
use std::path::Path;

use super::records::{JudgedBy, RecordsFound, ReplicaScores};
use crate::dataset::npy::{Array, Values};
use crate::dataset::npz::{self, Writer};
use crate::error::{Error, Result};
use crate::statistics::calibration::Risk;

/// Before the names of arrays about D′.
const REFERENCE: &str = "reference_";

/// The file is the audit's own, uncompressed: its size on the disk is what it takes.
const NO_LIMIT: u64 = u64::MAX;

/// Writes the scores of R replicas.
///
/// # Errors
/// The file system's.
pub fn save(path: &Path, replicas: &[ReplicaScores]) -> Result<()> {
    npz::save(path, |writer| {
        for (r, replica) in replicas.iter().enumerate() {
            write(writer, "", r, &replica.on_members)?;
            if let Some(records) = &replica.on_reference {
                write(writer, REFERENCE, r, records)?;
            }
        }
        Ok(())
    })
}

fn write<W: std::io::Write + std::io::Seek>(
    writer: &mut Writer<W>,
    prefix: &str,
    r: usize,
    records: &RecordsFound,
) -> Result<()> {
    let n = records.rows.len();
    let name = |array: &str| format!("{prefix}{array}_{r}");
    let wide = |values: &[u32]| -> Vec<i64> { values.iter().map(|&v| v.into()).collect() };
    let member: Vec<u8> = (0..n).map(|i| u8::from(i < records.members)).collect();
    writer.write(&name("rows"), &[n], &wide(&records.rows))?;
    writer.write(&name("labels"), &[n], &wide(&records.labels))?;
    writer.write(&name("member"), &[n], &member)?;
    let known: Vec<u8> = records.known.iter().map(|&known| u8::from(known)).collect();
    writer.write(&name("known"), &[n], &known)?;
    for (array, of) in RISKS {
        let values: Vec<f64> = records.risks.iter().map(|risk| risk.map_or(f64::NAN, of)).collect();
        writer.write(&name(array), &[n], &values)?;
    }
    let risk_attack = records.risk_attack.iter().cloned().collect::<Vec<_>>();
    let texts = [("ids", &records.ids), ("persons", &records.persons)];
    let texts = texts.into_iter().filter_map(|(array, values)| values.as_ref().map(|v| (array, v)));
    for (array, values) in texts.chain([("classes", &records.classes), ("risk_attack", &risk_attack)]) {
        let (shape, bytes) = text_to_bytes(values);
        writer.write(&name(array), &shape, &bytes)?;
    }
    for attack in &records.attacks {
        writer.write(&name(&format!("score_{}", attack.name)), &[n], &attack.scores)?;
        writer.write(&name(&format!("threshold_{}", attack.name)), &[1], &[attack.threshold])?;
    }
    Ok(())
}

/// A number of a risk.
type OfRisk = fn(Risk) -> f64;

/// The arrays of a risk.
const RISKS: [(&str, OfRisk); 3] =
    [("risk", |risk| risk.value), ("risk_low", |risk| risk.low), ("risk_high", |risk| risk.high)];

/// Texts as UTF-8 of one width, filled up with zeros.
fn text_to_bytes(texts: &[String]) -> ([usize; 2], Vec<u8>) {
    let width = texts.iter().map(String::len).max().unwrap_or(0);
    let mut bytes = vec![0; texts.len() * width];
    for (text, row) in texts.iter().zip(bytes.chunks_exact_mut(width.max(1))) {
        row[..text.len()].copy_from_slice(text.as_bytes());
    }
    ([texts.len(), width], bytes)
}

/// Reads what [`save`] wrote.
///
/// # Errors
/// A missing or damaged file; one of a version that kept fewer arrays, with the advice to audit anew.
pub fn load(path: &Path) -> Result<Vec<ReplicaScores>> {
    let mut arrays = npz::read(path, NO_LIMIT)?;
    let replicas = (0..).take_while(|r| arrays.contains_key(&format!("rows_{r}"))).count();
    (0..replicas)
        .map(|r| {
            let on_members = read(path, &mut arrays, "", r)?;
            let on_reference = arrays.contains_key(&format!("{REFERENCE}rows_{r}"));
            let on_reference = on_reference.then(|| read(path, &mut arrays, REFERENCE, r)).transpose()?;
            Ok(ReplicaScores { on_members, on_reference })
        })
        .collect()
}

fn read(path: &Path, arrays: &mut BTreeMap<String, Array>, prefix: &str, r: usize) -> Result<RecordsFound> {
    let place = |array: &str| format!("{}[{prefix}{array}_{r}]", path.display());
    let attack_of = |name: &String| {
        let rest = name.strip_prefix(prefix)?.strip_prefix("score_")?.strip_suffix(&format!("_{r}"))?;
        Some(rest.to_owned())
    };
    let names: Vec<String> = arrays.keys().filter_map(attack_of).collect();
    let mut take = |array: &str| {
        arrays.remove(&format!("{prefix}{array}_{r}")).ok_or_else(|| {
            Error::data(place(array))
                .expected("an array")
                .found("none")
                .advice("an older version wrote this file: audit anew")
        })
    };
    let rows = take("rows")?.to_indices(&place("rows"))?;
    let n = rows.len();
    let unfit = |array: &str, shape: &[usize]| {
        Error::data(place(array)).expected(format!("{n} elements, as rows have")).found(format!("{shape:?}"))
    };
    let mut list = |array: &str| -> Result<Vec<u32>> {
        let values = take(array)?;
        if values.shape != [n] {
            return Err(unfit(array, &values.shape));
        }
        values.to_indices(&place(array))
    };
    let (labels, member, known) = (list("labels")?, list("member")?, list("known")?);
    let members = member.iter().filter(|&&member| member == 1).count();
    if member[..members].contains(&0) {
        return Err(Error::data(place("member"))
            .expected("members before all others")
            .found("another order"));
    }
    let mut numbers = |array: &str, n: usize| -> Result<Vec<f64>> {
        match take(array)? {
            Array { shape, values: Values::F64(values) } if shape == [n] => Ok(values),
            array_found => Err(unfit(array, &array_found.shape)),
        }
    };
    let (value, low, high) = (numbers("risk", n)?, numbers("risk_low", n)?, numbers("risk_high", n)?);
    let risk = |i: usize| {
        let risk = Risk { value: value[i], low: low[i], high: high[i] };
        (!risk.value.is_nan()).then_some(risk)
    };
    let mut attacks = vec![];
    for name in names {
        let scores = numbers(&format!("score_{name}"), n)?;
        let threshold = numbers(&format!("threshold_{name}"), 1)?[0];
        attacks.push(JudgedBy { name, scores, threshold });
    }
    super::records::in_order(&mut attacks);
    let mut text = |array: &str| -> Result<Option<Vec<String>>> {
        let Some(found) = arrays.remove(&format!("{prefix}{array}_{r}")) else { return Ok(None) };
        let ([count, width], Values::U8(bytes)) = (&found.shape[..], &found.values) else {
            return Err(Error::data(place(array)).expected("a matrix of bytes").found("another array"));
        };
        let row = |i: usize| {
            let row = &bytes[i * width..][..*width];
            let end = row.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            String::from_utf8_lossy(&row[..end]).into_owned()
        };
        Ok(Some((0..*count).map(row).collect()))
    };
    Ok(RecordsFound {
        ids: text("ids")?,
        persons: text("persons")?,
        classes: text("classes")?.unwrap_or_default(),
        risk_attack: text("risk_attack")?.and_then(|mut names| names.pop()),
        risks: (0..n).map(risk).collect(),
        known: known.into_iter().map(|known| known == 1).collect(),
        rows,
        labels,
        members,
        attacks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(shift: f64) -> RecordsFound {
        RecordsFound {
            rows: vec![7, 3, 9],
            ids: Some(vec!["äöü".to_owned(), String::new(), "=1+1".to_owned()]),
            persons: None,
            labels: vec![1, 0, 1],
            classes: vec!["no".to_owned(), "yes".to_owned()],
            members: 2,
            known: vec![true, false, false],
            risk_attack: Some("gap".to_owned()),
            risks: vec![Some(Risk { value: 0.75, low: 0.5, high: 1.0 }), None, Some(Risk::UNKNOWN)],
            attacks: vec![
                JudgedBy { name: "gap".to_owned(), scores: vec![1.0 + shift, 0.0, 1.0], threshold: 1.0 },
                JudgedBy { name: "confidence".to_owned(), scores: vec![f64::INFINITY; 3], threshold: 0.5 },
            ],
        }
    }

    #[test]
    fn scores_are_saved_and_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("scores.npz");
        let replicas: Vec<ReplicaScores> = (0..11)
            .map(|r| ReplicaScores {
                on_members: records(f64::from(r)),
                on_reference: (r % 2 == 0).then(|| records(0.5)),
            })
            .collect();
        save(&path, &replicas).unwrap();
        assert_eq!(load(&path).unwrap(), replicas);
    }

    #[test]
    fn a_file_of_an_older_version_is_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("scores.npz");
        npz::save(&path, |w| w.write("rows_0", &[1], &[5i64])).unwrap();
        let error = load(&path).unwrap_err().to_string();
        assert!(error.contains("[labels_0]") && error.contains("audit anew"), "{error}");
    }
}
