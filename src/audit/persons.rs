//! Which person each record is of, where several may be of one.
//!
//! Not groups of persons ([`super::results::subgroups`]), nor what the attacks find of persons
//! ([`super::results::per_person`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::results::subgroups;
use crate::error::{Error, Result};
use crate::statistics::halves::{Halves, LEAST_RECORDS};

/// Every record's person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persons {
    /// In alphabetical order.
    names: Vec<String>,
    /// Each record's place in `names`.
    numbers: Vec<u32>,
}

/// The persons of the records of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPersons<'a> {
    names: &'a [String],
    /// \[N\], the members' first.
    numbers: Vec<u32>,
}

impl Persons {
    /// From a value for each record; `place` names them in messages.
    ///
    /// # Errors
    /// Records without a value.
    pub fn new(values: &[String], place: &str) -> Result<Self> {
        let missing = values.iter().filter(|value| value.trim().is_empty()).count();
        if missing > 0 {
            return Err(Error::data(place)
                .expected("a person for each record")
                .found(format!("none for {missing} of {} records", values.len()))
                .advice("give a record whose person is not known a value of its own"));
        }
        let mut places: BTreeMap<&str, u32> = values.iter().map(|v| (v.as_str(), 0)).collect();
        (0..).zip(places.values_mut()).for_each(|(number, place)| *place = number);
        let numbers = values.iter().map(|v| places[v.as_str()]).collect();
        Ok(Persons { names: places.keys().map(|&name| name.to_owned()).collect(), numbers })
    }

    /// Reads the column `column` of a CSV file with a header and a row for each of `records` records, in the
    /// order of the data set.
    ///
    /// # Errors
    /// As [`Self::new`]; a missing file, no such column, another number of rows.
    pub fn read(path: &Path, column: &str, records: usize) -> Result<Self> {
        let values = subgroups::read_column(path, column, "--person-column", records)?;
        Self::new(&values, &format!("{}, column {column}", path.display()))
    }

    /// The persons of the records with these numbers.
    pub fn of(&self, records: impl IntoIterator<Item = u32>) -> RecordPersons<'_> {
        let numbers = records.into_iter().map(|record| self.numbers[record as usize]).collect();
        RecordPersons { names: &self.names, numbers }
    }
}

impl RecordPersons<'_> {
    /// The person of record `i`, as a number.
    pub fn of_record(&self, i: usize) -> u32 {
        self.numbers[i]
    }

    /// \[N\]: every record's person by name.
    pub fn names_of_records(&self) -> Vec<String> {
        self.numbers.iter().map(|&number| self.names[number as usize].clone()).collect()
    }

    /// What the attacker knows, of all N records, of which the first `members` are members: half of the
    /// persons on the smaller side and as many on the other, with all their records. So no person is both
    /// known and scored.
    ///
    /// # Errors
    /// Persons with records on both sides; fewer than 4 persons on one.
    pub fn halves(&self, members: usize, seed: u64) -> Result<Halves<u32>> {
        let (own, others) = self.numbers.split_at(members);
        let distinct = [own, others].map(|numbers| numbers.iter().copied().collect::<BTreeSet<u32>>());
        let mixed = distinct[0].intersection(&distinct[1]).count();
        if mixed > 0 {
            return Err(Error::data("--person-column")
                .expected("all records of a person to be members, or none")
                .found(format!(
                    "{mixed} of {} persons with records of both kinds",
                    distinct[0].union(&distinct[1]).count()
                ))
                .advice(
                    "the training split divided their records: such a person is a member with all of them. \
                     Train with a --split that keeps a person's records together, leave the persons' other \
                     records out of the audit, or audit records, without --person-column",
                ));
        }
        if distinct[0].len().min(distinct[1].len()) < LEAST_RECORDS {
            return Err(Error::data("--person-column")
                .expected("at least 4 persons that are members and 4 that are not")
                .found(format!("{} and {}", distinct[0].len(), distinct[1].len())));
        }
        Halves::split_units(own, others, seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn persons(values: &[&str]) -> Result<Persons> {
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        Persons::new(&values, "here")
    }

    #[test]
    fn nobody_is_both_known_and_scored() {
        let values: Vec<String> = (0..90).map(|i| format!("p{}", i / 3)).collect();
        let persons = Persons::new(&values, "here").unwrap();
        let records = persons.of(0..90);
        let halves = records.halves(45, 3).unwrap();
        let names = |places: &[u32], shift: usize| -> BTreeSet<u32> {
            places.iter().map(|&place| records.of_record(shift + place as usize)).collect()
        };
        for (known, scored, shift) in [
            (&halves.known_members, &halves.scored_members, 0),
            (&halves.known_nonmembers, &halves.scored_nonmembers, 45),
        ] {
            assert_eq!((known.len(), scored.len()), (21, 24));
            assert!(names(known, shift).is_disjoint(&names(scored, shift)));
            assert!(known.is_sorted() && scored.is_sorted());
        }
    }

    #[test]
    fn persons_of_both_kinds_are_counted() {
        let values = ["a", "a", "b", "c", "d", "e", "a", "b", "f", "g"];
        let error = persons(&values).unwrap().of(0..10).halves(6, 0).unwrap_err().to_string();
        assert!(error.contains("found 2 of 7 persons with records of both kinds"), "{error}");
        let error = persons(&values).unwrap().of(0..4).halves(2, 0).unwrap_err().to_string();
        assert!(error.contains("found 1 and 2"), "{error}");
    }

    #[test]
    fn a_record_without_a_person_is_an_error_with_the_count() {
        let error = persons(&["a", " ", "b", ""]).unwrap_err().to_string();
        assert!(error.contains("found none for 2 of 4 records"), "{error}");
    }
}
