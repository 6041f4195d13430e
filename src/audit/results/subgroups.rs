//! Groups of records that a user wants told apart in the results: a value for every record of the data set.
//!
//! Not the classes: those are known from the labels.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::{Error, Result};

/// Groups from which on a column is hardly one of groups: an identifier, a measured number.
const MOST: usize = 1000;

/// Members, and others, below which the counts of a group tell of single records.
const FEW: usize = 10;

/// Every record's group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subgroups {
    /// In alphabetical order.
    names: Vec<String>,
    /// Each record's place in `names`.
    groups: Vec<u32>,
}

/// Which group each record of an audit belongs to: a class, or a value of a subgroup column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping<'a> {
    /// What the groups are called, by number.
    pub names: &'a [String],
    /// For each member, and for each non-member, the number of its group.
    pub members: Vec<u32>,
    /// For each non-member the number of its group.
    pub nonmembers: Vec<u32>,
}

impl Grouping<'_> {
    /// What is to be known before the results on these groups leave the machine: that some are of so few members,
    /// or others, that a count tells of single records. `None` where none is.
    pub fn of_few(&self) -> Option<String> {
        let count = |groups: &[u32]| {
            let mut counts = vec![0_usize; self.names.len()];
            groups.iter().for_each(|&group| counts[group as usize] += 1);
            counts
        };
        let (members, nonmembers) = (count(&self.members), count(&self.nonmembers));
        let few = |(m, n): &(usize, usize)| m + n > 0 && *m.min(n) < FEW;
        let groups = members.into_iter().zip(nonmembers).filter(few).count();
        (groups > 0).then(|| {
            format!(
                "{groups} of {} subgroups have fewer than {FEW} members or {FEW} others: their counts in details.json \
                 and in the report tell of single persons whether they are members; keep those files, or leave the \
                 column of subgroups out",
                self.names.len()
            )
        })
    }
}

impl Subgroups {
    /// From a value for each record.
    ///
    /// # Errors
    /// More than 1,000 different values.
    pub fn new(values: &[String], place: &str) -> Result<Self> {
        let mut numbers: BTreeMap<&str, u32> = values.iter().map(|v| (v.as_str(), 0)).collect();
        if numbers.len() > MOST {
            return Err(Error::data(place)
                .expected(format!("at most {MOST} different values, as of groups"))
                .found(numbers.len().to_string())
                .advice("name a column of groups, or sort its values into a few"));
        }
        (0..).zip(numbers.values_mut()).for_each(|(number, place)| *place = number);
        let groups = values.iter().map(|v| numbers[v.as_str()]).collect();
        Ok(Subgroups { names: numbers.keys().map(|&name| name.to_owned()).collect(), groups })
    }

    /// Reads the column `column` of a CSV file with a header and a row for each of `records` records, in the
    /// order of the data set.
    ///
    /// # Errors
    /// A missing file, no such column, another number of rows, more than 1,000 different values.
    pub fn read(path: &Path, column: &str, records: usize) -> Result<Self> {
        let values = read_column(path, column, "--subgroup-column", records)?;
        Self::new(&values, &format!("{}, column {column}", path.display()))
    }

    /// The groups of the members and non-members with these record numbers.
    pub fn grouping(&self, members: &[u32], nonmembers: &[u32]) -> Grouping<'_> {
        let groups = |rows: &[u32]| rows.iter().map(|&row| self.groups[row as usize]).collect();
        Grouping { names: &self.names, members: groups(members), nonmembers: groups(nonmembers) }
    }
}

/// Reads the column `column`, which `flag` names, of a CSV file with a header and a row for each of `records`
/// records, in the order of the data set.
///
/// # Errors
/// A missing file, no such column, another number of rows.
pub(crate) fn read_column(path: &Path, column: &str, flag: &str, records: usize) -> Result<Vec<String>> {
    let place = path.display().to_string();
    let broken = |e: csv::Error| Error::data(&place).found(e.to_string());
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, &e))?;
    let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
    let header = reader.headers().map_err(broken)?.clone();
    let Some(at) = header.iter().position(|name| name == column) else {
        let names: Vec<&str> = header.iter().take(20).collect();
        return Err(Error::data(&place)
            .expected(format!("a column called {column}"))
            .found(names.join(", "))
            .advice(format!("name one of these with {flag}")));
    };
    let mut values = vec![];
    for row in reader.records() {
        values.push(row.map_err(broken)?.get(at).unwrap_or_default().to_owned());
    }
    if values.len() != records {
        return Err(Error::data(&place)
            .expected(format!("{records} rows, one for each record of the data set"))
            .found(values.len().to_string()));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_read_and_its_values_are_numbered() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("groups.csv");
        std::fs::write(&path, "id,sex\n1,m\n2,f\n3,m\n").unwrap();
        let groups = Subgroups::read(&path, "sex", 3).unwrap();
        let grouping = groups.grouping(&[2, 1], &[0]);
        assert_eq!(grouping.names, ["f", "m"]);
        assert_eq!((grouping.members.as_slice(), grouping.nonmembers.as_slice()), (&[1, 0][..], &[1][..]));
        let message = |column, records| Subgroups::read(&path, column, records).unwrap_err().to_string();
        assert!(
            message("age", 3).contains("expected a column called age, found id, sex"),
            "{}",
            message("age", 3)
        );
        assert!(message("sex", 4).contains("expected 4 rows"), "{}", message("sex", 4));
    }

    #[test]
    fn groups_of_few_are_told_of() {
        let names = ["a".to_owned(), "b".to_owned(), "none".to_owned()];
        let grouping = |few: usize| Grouping {
            names: &names,
            members: [vec![0; 20], vec![1; 20]].concat(),
            nonmembers: [vec![0; 20], vec![1; few]].concat(),
        };
        assert_eq!(grouping(10).of_few(), None);
        assert!(grouping(9).of_few().unwrap().starts_with("1 of 3 subgroups have fewer than 10 members"));
    }

    #[test]
    fn an_identifier_is_no_group() {
        let values: Vec<String> = (0..1001).map(|i| i.to_string()).collect();
        assert!(Subgroups::new(&values, "here").unwrap_err().to_string().contains("found 1001"));
    }
}
