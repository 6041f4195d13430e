//! The trained classifiers' predictions of the records: `predictions.npz`, from which an audit starts.
//!
//! Not how they are made ([`crate::train`]), and not other programs' predictions
//! ([`crate::audit::external`]).
//!
//! For replica r: `logits_r` N × C f32, `labels_r` N i64, `membership_r` N u8, `rows_r` N i64.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::npy::{Array, Values};
use crate::dataset::npz;
use crate::error::{Error, Result};

/// The codes of [`ReplicaPredictions::membership`].
pub const TEST: u8 = 0;
/// Membership of a record of D.
pub const MEMBER: u8 = 1;
/// Membership of a record of D′.
pub const REFERENCE: u8 = 2;

/// The file is the run's own, uncompressed: its size on the disk is what it takes.
const NO_LIMIT: u64 = u64::MAX;

/// One replica's predictions of N records in C classes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplicaPredictions {
    /// \[N, C\].
    pub logits: Vec<f32>,
    /// C.
    pub classes: usize,
    /// \[N\], the record's number in the data set.
    pub rows: Vec<u32>,
    /// \[N\], each below C.
    pub labels: Vec<u32>,
    /// \[N\]: [`MEMBER`] of D, [`REFERENCE`] record of D′, or [`TEST`] record.
    pub membership: Vec<u8>,
}

impl ReplicaPredictions {
    /// The logits \[n, C\] and labels \[n\] of the records with this membership, in their order.
    pub fn of(&self, membership: u8) -> (Vec<f32>, Vec<u32>) {
        let (mut logits, mut labels) = (Vec::new(), Vec::new());
        for (i, &found) in self.membership.iter().enumerate() {
            if found == membership {
                logits.extend_from_slice(&self.logits[i * self.classes..][..self.classes]);
                labels.push(self.labels[i]);
            }
        }
        (logits, labels)
    }

    /// The numbers in the data set of the records with this membership, in their order.
    pub fn rows_of(&self, membership: u8) -> Vec<u32> {
        let rows = self.rows.iter().zip(&self.membership);
        rows.filter(|(_, found)| **found == membership).map(|(row, _)| *row).collect()
    }
}

/// Writes the predictions of R replicas, one in memory at a time.
///
/// # Errors
/// The file system's; those of `replicas`.
pub(super) fn save_predictions(
    path: &Path,
    replicas: impl IntoIterator<Item = Result<ReplicaPredictions>>,
) -> Result<()> {
    npz::save(path, |writer| {
        for (r, replica) in replicas.into_iter().enumerate() {
            let replica = replica?;
            let n = replica.rows.len();
            let wide = |values: &[u32]| -> Vec<i64> { values.iter().map(|&v| i64::from(v)).collect() };
            writer.write(&format!("logits_{r}"), &[n, replica.classes], &replica.logits)?;
            writer.write(&format!("labels_{r}"), &[n], &wide(&replica.labels))?;
            writer.write(&format!("membership_{r}"), &[n], &replica.membership)?;
            writer.write(&format!("rows_{r}"), &[n], &wide(&replica.rows))?;
        }
        Ok(())
    })
}

/// Reads what [`save_predictions`] wrote.
///
/// # Errors
/// A missing or damaged file; arrays that are missing or do not fit each other.
pub(super) fn load_predictions(path: &Path) -> Result<Vec<ReplicaPredictions>> {
    let mut arrays = npz::read(path, NO_LIMIT)?;
    let replicas = (0..).take_while(|r| arrays.contains_key(&format!("logits_{r}"))).count();
    (0..replicas).map(|r| replica(path, &mut arrays, r)).collect()
}

/// Reads what [`save_predictions`] wrote of replica `r` alone: of many replicas, one at a time.
///
/// # Errors
/// As [`load_predictions`].
pub(super) fn load_replica(path: &Path, r: usize) -> Result<ReplicaPredictions> {
    let ending = format!("_{r}");
    replica(path, &mut npz::read_where(path, NO_LIMIT, |name| name.ends_with(&ending))?, r)
}

fn replica(path: &Path, arrays: &mut BTreeMap<String, Array>, r: usize) -> Result<ReplicaPredictions> {
    let mut take = |name: &str| -> Result<(Array, String)> {
        let name = format!("{name}_{r}");
        let place = format!("{}[{name}]", path.display());
        match arrays.remove(&name) {
            Some(array) => Ok((array, place)),
            None => Err(Error::data(place).expected("an array").found("none")),
        }
    };
    let (logits, place) = take("logits")?;
    let shape = logits.shape;
    let (Values::F32(logits), [n, classes]) = (logits.values, &shape[..]) else {
        return Err(Error::data(place)
            .expected("a float32 matrix, a row a record")
            .found(format!("the shape {shape:?}")));
    };
    let mut list = |name: &str| -> Result<Vec<u32>> {
        let (array, place) = take(name)?;
        if array.shape == [*n] {
            return array.to_indices(&place);
        }
        Err(Error::data(place)
            .expected(format!("{n} elements, as logits of the shape {shape:?} need"))
            .found(format!("the shape {:?}", array.shape)))
    };
    let (labels, membership, rows) = (list("labels")?, list("membership")?, list("rows")?);
    let out_of_range = |name: &str, most: usize, value: u32| {
        Error::data(format!("{}[{name}_{r}]", path.display()))
            .expected(format!("numbers up to {most}"))
            .found(value.to_string())
    };
    if let Some(&label) = labels.iter().find(|&&label| label as usize >= *classes) {
        return Err(out_of_range("labels", classes.saturating_sub(1), label));
    }
    let membership = membership
        .into_iter()
        .map(|code| match u8::try_from(code) {
            Ok(code @ (TEST | MEMBER | REFERENCE)) => Ok(code),
            _ => Err(out_of_range("membership", REFERENCE.into(), code)),
        })
        .collect::<Result<_>>()?;
    Ok(ReplicaPredictions { logits, classes: *classes, rows, labels, membership })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(shift: f32) -> ReplicaPredictions {
        ReplicaPredictions {
            logits: [1.0, -1.0, 0.5, 0.25, 3.0, 2.0].map(|x| x + shift).to_vec(),
            classes: 2,
            rows: vec![4, 0, 9],
            labels: vec![1, 0, 1],
            membership: vec![MEMBER, TEST, REFERENCE],
        }
    }

    #[test]
    fn replicas_are_saved_and_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.npz");
        // Eleven: sorted by name, logits_10 comes before logits_2.
        let replicas: Vec<_> = (0..11u8).map(|r| replica(f32::from(r))).collect();
        save_predictions(&path, replicas.iter().cloned().map(Ok)).unwrap();
        assert_eq!(load_predictions(&path).unwrap(), replicas);
        assert_eq!(load_replica(&path, 1).unwrap(), replicas[1]);
        assert!(load_replica(&path, 11).is_err());
    }

    #[test]
    fn records_are_found_by_membership() {
        assert_eq!(replica(0.0).of(REFERENCE), (vec![3.0, 2.0], vec![1]));
        assert_eq!(replica(0.0).of(MEMBER), (vec![1.0, -1.0], vec![1]));
        assert_eq!(replica(0.0).rows_of(REFERENCE), [9]);
    }

    #[test]
    fn arrays_that_do_not_fit_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("p.npz");
        let refused = |labels: &[i64], membership: &[u8]| {
            npz::save(&path, |w| {
                w.write("logits_0", &[2, 2], &[0.0_f32; 4])?;
                w.write("labels_0", &[labels.len()], labels)?;
                w.write("membership_0", &[membership.len()], membership)
            })
            .unwrap();
            load_predictions(&path).unwrap_err().to_string()
        };
        assert!(refused(&[0], &[0, 1]).contains("[labels_0]: expected 2 elements"));
        assert!(refused(&[0, 1], &[0, 1]).contains("[rows_0]: expected an array, found none"));
        npz::save(&path, |w| w.write("logits_0", &[2], &[0.0_f32; 2])).unwrap();
        assert!(load_predictions(&path).unwrap_err().to_string().contains("[logits_0]"));
        let mut bad = replica(0.0);
        bad.labels[1] = 2;
        save_predictions(&path, [Ok(bad)]).unwrap();
        let error = load_predictions(&path).unwrap_err().to_string();
        assert!(error.contains("[labels_0]: expected numbers up to 1, found 2"), "{error}");
        let mut bad = replica(0.0);
        bad.membership[0] = 3;
        save_predictions(&path, [Ok(bad)]).unwrap();
        assert!(load_predictions(&path).unwrap_err().to_string().contains("[membership_0]"));
    }
}
