//! Which records are members (D), reference records (D′), validation and test records: drawn from a seed or read
//! from a file, checked to be disjoint, saved with a run.
//!
//! Not the order in which training visits them.

use super::formats::array::NO_RECORD;
use super::formats::npy::{self, Array};
use super::formats::npz;
use crate::error::{Error, Result};
use crate::random::{Stream, shuffle, stream};
use std::collections::BTreeMap;
use std::path::Path;

/// Disjoint lists of record numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// D: the classifier's training set.
    pub members: Vec<u32>,
    /// D′: known to be no members; may be empty for training without defense.
    pub reference: Vec<u32>,
    /// What chooses the epoch that is kept, where anything does: neither trained on nor scored.
    pub validation: Vec<u32>,
    /// In none of them; what accuracy and attacks are measured on.
    pub test: Vec<u32>,
}

const KEYS: [&str; 4] = ["members", "reference", "validation", "test"];

impl Split {
    /// Draws so many members, reference and validation records of `records` records, and `test` others; `None`:
    /// all the rest for testing.
    ///
    /// The records are shuffled and dealt out in that order, so a larger test set leaves the others as they
    /// were.
    ///
    /// # Errors
    /// No members; more records asked for than there are; none left for testing where `test` is `None`.
    pub fn random(
        records: usize,
        [members, reference, validation]: [usize; 3],
        test: Option<usize>,
        seed: u64,
    ) -> Result<Split> {
        let place = "split";
        if members == 0 {
            return Err(Error::usage(place).expected("at least one member").found("0"));
        }
        let asked = [members, reference, validation, test.unwrap_or(1)];
        let asked = asked.iter().try_fold(0, |a: usize, b| a.checked_add(*b));
        let count = u32::try_from(records).ok().filter(|_| asked.is_some_and(|asked| asked <= records));
        let Some(count) = count else {
            let test = test.map_or("at least 1".to_owned(), |test| test.to_string());
            let validation = match validation {
                0 => String::new(),
                some => format!(" + {some} for validation"),
            };
            return Err(Error::usage(place)
                .expected(format!("at most {records} records in all, as many as the data has"))
                .found(format!(
                    "{members} members + {reference} reference records{validation} + {test} for testing"
                ))
                .advice("ask for fewer members or reference records"));
        };
        let mut order: Vec<u32> = (0..count).collect();
        shuffle(&mut order, &mut stream(seed, Stream::Split));
        let mut rest = order.split_off(members + reference);
        let reference = order.split_off(members);
        let mut test_records = rest.split_off(validation);
        test_records.truncate(test.unwrap_or(usize::MAX));
        Ok(Split { members: order, reference, validation: rest, test: test_records })
    }

    /// Reads a split of `records` records from an npz file with the arrays `members`, `reference`, `validation`
    /// and `test`, or from a directory with members.npy and so on. Without `reference` or `validation` there are
    /// none of these; without `test` it is every record that is in none of the others.
    ///
    /// # Errors
    /// A missing or damaged file, several splits in one file, and what [`check`](Self::check) finds.
    pub fn from_file(path: &Path, records: usize) -> Result<Split> {
        let mut arrays = if path.is_dir() { read_directory(path)? } else { npz::read(path, MOST_BYTES)? };
        let mut take = |key: &str| {
            let place = format!("{}[{key}]", path.display());
            arrays.remove(key).map(|array| (array, place))
        };
        let one = |(array, place): (Array, String)| match array.shape[..] {
            [_] | [1, _] => array.to_indices(&place),
            _ => Err(Error::data(place)
                .expected("one list of record numbers")
                .found(format!("the shape {:?}", array.shape))
                .advice("keep the row of one replica")),
        };
        let [members, reference, validation, test] = KEYS.map(&mut take);
        let members = members.map(one).transpose()?.ok_or_else(|| {
            Error::data(path.display().to_string()).expected("an array called members").found("none")
        })?;
        let reference = reference.map(one).transpose()?.unwrap_or_default();
        let validation = validation.map(one).transpose()?.unwrap_or_default();
        let test = match test {
            Some(test) => one(test)?,
            None => {
                let mut free = vec![true; records];
                for i in members.iter().chain(&reference).chain(&validation) {
                    if let Some(free) = free.get_mut(*i as usize) {
                        *free = false;
                    }
                }
                (0..).zip(&free).filter(|(_, free)| **free).map(|(i, _)| i).collect()
            }
        };
        let split = Split { members, reference, validation, test };
        split.check(records).map_err(|e| Error { place: path.display().to_string(), ..e })?;
        Ok(split)
    }

    /// Checks that every record number is below `records` and occurs once, and that there are members.
    ///
    /// # Errors
    /// The first record that does not fit, and the set or sets that it is in.
    pub fn check(&self, records: usize) -> Result<()> {
        let error = || Error::data("split");
        if self.members.is_empty() {
            return Err(error().expected("at least one member").found("none"));
        }
        let mut owner: Vec<Option<&str>> = vec![None; records];
        for (key, set) in KEYS.iter().zip([&self.members, &self.reference, &self.validation, &self.test]) {
            for i in set {
                match owner.get_mut(*i as usize) {
                    Some(free @ None) => *free = Some(key),
                    Some(Some(other)) if other == key => {
                        return Err(error()
                            .expected(format!("every record once in {key}"))
                            .found(format!("record {i} twice")));
                    }
                    Some(Some(other)) => {
                        return Err(error()
                            .expected("disjoint sets")
                            .found(format!("record {i} in both {other} and {key}"))
                            .advice("remove it from one of them"));
                    }
                    None => {
                        return Err(error()
                            .expected(format!("records below {records}"))
                            .found(format!("record {i} in {key}")));
                    }
                }
            }
        }
        Ok(())
    }

    fn set(&self, key: &str) -> &[u32] {
        match key {
            "members" => &self.members,
            "reference" => &self.reference,
            "validation" => &self.validation,
            _ => &self.test,
        }
    }
}

/// A split's array of this size would list half a billion records.
const MOST_BYTES: u64 = 4 << 30;

fn read_directory(path: &Path) -> Result<BTreeMap<String, Array>> {
    let mut arrays = BTreeMap::new();
    for key in KEYS {
        let file = path.join(format!("{key}.npy"));
        if file.exists() {
            let place = file.display().to_string();
            let reader = std::fs::File::open(&file).map_err(|e| Error::io(&file, &e))?;
            let array = npy::read(std::io::BufReader::new(reader), &place)?;
            arrays
                .insert(key.to_owned(), array.ok_or_else(|| super::formats::pickle::objects(&file, &place))?);
        }
    }
    Ok(arrays)
}

/// Saves the splits of R replicas as an npz file: `members`, `reference`, `test` and, where there are any,
/// `validation`, each R × n of int64; a replica's `reference` that is shorter than another's ends in −1.
///
/// # Errors
/// Members, validation or test records of different sizes; the file system's.
pub fn save_splits(path: &Path, splits: &[Split]) -> Result<()> {
    npz::save(path, |writer| {
        for key in KEYS {
            let size = splits.iter().map(|split| split.set(key).len()).max().unwrap_or(0);
            if key == "validation" && size == 0 {
                continue;
            }
            let mut values = Vec::with_capacity(splits.len() * size);
            for (r, split) in splits.iter().enumerate() {
                if split.set(key).len() != size && key != "reference" {
                    return Err(Error::usage("split")
                        .expected(format!("{size} records in {key} of every replica"))
                        .found(split.set(key).len().to_string()));
                }
                values.extend(split.set(key).iter().map(|i| i64::from(*i)));
                values.resize((r + 1) * size, NO_RECORD);
            }
            writer.write(key, &[splits.len(), size], &values)?;
        }
        Ok(())
    })
}

/// Reads what [`save_splits`] wrote. Whether the records exist is [`Split::check`]'s to say.
///
/// # Errors
/// A missing or damaged file, arrays of other names or shapes.
pub fn load_splits(path: &Path) -> Result<Vec<Split>> {
    let arrays = npz::read(path, MOST_BYTES)?;
    let lists = |key: &str| -> Result<Vec<Vec<u32>>> {
        let place = format!("{}[{key}]", path.display());
        match arrays.get(key) {
            Some(array) if array.shape.len() == 2 => array.to_lists(&place),
            Some(array) => Err(Error::data(place)
                .expected("a row of record numbers for each replica")
                .found(format!("the shape {:?}", array.shape))),
            None => Err(Error::data(place).expected("an array").found("none")),
        }
    };
    let [members, reference, test] = [lists("members")?, lists("reference")?, lists("test")?];
    let validation = match arrays.contains_key("validation") {
        true => lists("validation")?,
        false => vec![vec![]; members.len()],
    };
    if [&reference, &validation, &test].iter().any(|lists| lists.len() != members.len()) {
        return Err(Error::data(path.display().to_string())
            .expected("as many rows in members, reference, validation and test")
            .found(format!(
                "{}, {}, {} and {}",
                members.len(),
                reference.len(),
                validation.len(),
                test.len()
            )));
    }
    let sets = members.into_iter().zip(reference).zip(validation.into_iter().zip(test));
    Ok(sets
        .map(|((members, reference), (validation, test))| Split { members, reference, validation, test })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(members: &[u32], reference: &[u32], test: &[u32]) -> Split {
        Split {
            members: members.to_vec(),
            reference: reference.to_vec(),
            test: test.to_vec(),
            ..Split::default()
        }
    }

    #[test]
    fn sizes_and_seed_decide() {
        let all = Split::random(100, [30, 20, 0], None, 1).expect("drawn");
        assert_eq!((all.members.len(), all.reference.len(), all.test.len()), (30, 20, 50));
        all.check(100).expect("disjoint");
        let some = Split::random(100, [30, 20, 0], Some(10), 1).expect("drawn");
        assert_eq!((&some.members, &some.test[..]), (&all.members, &all.test[..10]));
        assert_ne!(Split::random(100, [30, 20, 0], None, 2).expect("drawn").members, all.members);
    }

    #[test]
    fn validation_records_are_dealt_before_the_test_records_and_kept() {
        let all = Split::random(100, [30, 20, 10], None, 1).expect("drawn");
        assert_eq!((all.validation.len(), all.test.len()), (10, 40));
        all.check(100).expect("disjoint");
        let without = Split::random(100, [30, 20, 0], None, 1).expect("drawn");
        assert_eq!((&all.members, &all.reference), (&without.members, &without.reference));
        assert_eq!([&all.validation[..], &all.test].concat(), without.test);
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("split.npz");
        save_splits(&path, &[all.clone(), all.clone()]).expect("saved");
        assert_eq!(load_splits(&path).expect("loaded"), [all.clone(), all.clone()]);
        save_splits(&path, std::slice::from_ref(&all)).expect("saved");
        assert_eq!(Split::from_file(&path, 100).expect("read"), all);
        let twice = Split { validation: all.members[..1].to_vec(), ..all };
        assert!(twice.check(100).expect_err("refused").found.contains("both members and validation"));
    }

    #[test]
    fn more_than_there_is_is_refused() {
        let message = Split::random(100, [60, 50, 0], None, 1).expect_err("refused").to_string();
        assert!(
            message.contains("at most 100") && message.contains("60 members + 50 reference"),
            "{message}"
        );
        Split::random(100, [60, 40, 0], None, 1).expect_err("nothing left for testing");
        Split::random(100, [60, 40, 0], Some(0), 1).expect("asked for no test records");
        Split::random(100, [usize::MAX, 2, 0], None, 1).expect_err("overflow");
        Split::random(100, [0, 50, 0], None, 1).expect_err("no members");
    }

    #[test]
    fn what_overlaps_is_named() {
        let found = |s: Split| s.check(10).expect_err("refused").found;
        assert_eq!(found(split(&[1, 2], &[3, 2], &[])), "record 2 in both members and reference");
        assert_eq!(found(split(&[1, 2], &[3], &[4, 3])), "record 3 in both reference and test");
        assert_eq!(found(split(&[1, 1], &[], &[])), "record 1 twice");
        assert_eq!(found(split(&[1], &[], &[10])), "record 10 in test");
        assert_eq!(found(split(&[], &[1], &[])), "none");
    }

    #[test]
    fn replicas_are_saved_and_loaded() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("split.npz");
        let splits = [split(&[1, 2], &[7, 8], &[3]), split(&[4, 0], &[9], &[1]), split(&[5, 6], &[], &[2])];
        save_splits(&path, &splits).expect("saved");
        assert_eq!(load_splits(&path).expect("loaded"), splits);
        let message = Split::from_file(&path, 10).expect_err("three replicas").to_string();
        assert!(message.contains("[members]") && message.contains("[3, 2]"), "{message}");
        save_splits(&path, &splits[..1]).expect("saved");
        assert_eq!(Split::from_file(&path, 10).expect("one replica"), splits[0]);
        save_splits(&path, &[splits[0].clone(), split(&[1], &[], &[])]).expect_err("different sizes");
    }

    #[test]
    fn lists_may_come_as_npy_files_and_the_test_set_be_left_out() {
        let dir = tempfile::tempdir().expect("a directory");
        let write = |name: &str, values: &[i32]| {
            let mut file = std::fs::File::create(dir.path().join(name)).expect("created");
            npy::write(&mut file, &[values.len()], values).expect("written");
        };
        Split::from_file(dir.path(), 5).expect_err("no members");
        write("members.npy", &[4, 1]);
        write("reference.npy", &[2]);
        assert_eq!(Split::from_file(dir.path(), 5).expect("read"), split(&[4, 1], &[2], &[0, 3]));
        let message = Split::from_file(dir.path(), 4).expect_err("out of range").to_string();
        assert!(message.contains("record 4 in members"), "{message}");
    }
}
