//! Predictions in a CSV file: a row a record, a header that names the columns.
//!
//! `label`, `membership` and the outputs in columns that end in a number (`p_0`, `p_1`, … or `logit_0`, …),
//! as `veilgrad predict` writes them; `row` and `subgroup` if they are there. Other columns are passed over.

use super::options::Options;
use super::raw::{self, LABELS, MEMBERSHIP, Membership, ROWS, RawPredictions, SUBGROUPS};
use crate::audit::attacks::scores::OutputForm;
use crate::error::{Error, Result};
use csv::{ByteRecord, ReaderBuilder};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Columns' beginnings that say what their numbers are.
const LOGITS: [&str; 3] = ["logit", "logits", "z"];
const PROBABILITIES: [&str; 5] = ["p", "prob", "probs", "probability", "softmax"];

/// Where what stands.
struct Layout {
    label: usize,
    membership: usize,
    subgroup: Option<usize>,
    person: Option<usize>,
    row: Option<usize>,
    /// By class.
    outputs: Vec<usize>,
    /// What the outputs' names begin with.
    stem: String,
}

pub(super) fn read(path: &Path, options: &Options) -> Result<RawPredictions> {
    let place = path.display().to_string();
    let broken = |e: ::csv::Error| match e.kind() {
        ::csv::ErrorKind::Utf8 { .. } | ::csv::ErrorKind::Io(_) => Error::data(&place)
            .expected("npz, npy files, safetensors, or CSV in UTF-8 with a header")
            .found("a file of another kind"),
        _ => Error::data(&place).found(e.to_string()),
    };
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let mut reader = ReaderBuilder::new().from_reader(BufReader::with_capacity(1 << 18, file));
    let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(|n| n.trim().to_owned()).collect();
    let layout = layout(&place, &header, options)?;
    let classes = layout.outputs.len();
    let (mut outputs, mut labels, mut groups, mut rows) = (vec![], vec![], vec![], vec![]);
    let (mut membership, mut names, mut index) = (vec![], vec![], HashMap::new());
    let mut persons = vec![];
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(broken)? {
        let field = |at: usize| String::from_utf8_lossy(&record[at]).trim().to_owned();
        let bad = |at: usize, expected: &str| {
            let line = record.position().map_or(0, ::csv::Position::line);
            Error::data(format!("{place}:{line}, column {}", header[at]))
                .expected(expected)
                .found(format!("{:?}", field(at)))
        };
        for &at in &layout.outputs {
            let text = std::str::from_utf8(&record[at]).unwrap_or_default();
            outputs.push(text.trim().parse::<f32>().map_err(|_| bad(at, "a number"))?);
        }
        labels.push(whole(&field(layout.label)).ok_or_else(|| bad(layout.label, "a class's number"))?);
        let value = field(layout.membership);
        let next = names.len() as u32;
        membership.push(*index.entry(value).or_insert_with_key(|value| {
            names.push(value.clone());
            next
        }));
        if names.len() > 16 {
            return Err(bad(layout.membership, "one of a few values, as of membership"));
        }
        groups.extend(layout.subgroup.map(field));
        persons.extend(layout.person.map(field));
        if let Some(at) = layout.row {
            rows.push(field(at).parse::<u32>().map_err(|_| bad(at, "a record's number"))?);
        }
    }
    let numbers: Option<Vec<i64>> = names.iter().map(|name| whole(name)).collect();
    let declared = match layout.stem.as_str() {
        stem if LOGITS.contains(&stem) => Some(OutputForm::Logits),
        stem if PROBABILITIES.contains(&stem) => Some(OutputForm::Probabilities),
        _ => None,
    };
    Ok(RawPredictions {
        name: raw::name(path),
        outputs,
        augmented: None,
        augmentations: 1,
        classes,
        declared,
        outputs_name: format!(
            "columns {} to {}",
            header[layout.outputs[0]],
            header[layout.outputs[classes - 1]]
        ),
        labels,
        membership: match numbers {
            Some(numbers) => Membership::Numbers(membership.iter().map(|&i| numbers[i as usize]).collect()),
            None => Membership::Text(membership, names),
        },
        subgroups: layout.subgroup.map(|_| groups),
        persons: layout.person.map(|_| persons),
        rows: layout.row.map(|_| rows),
        shadows: None,
        found: vec![],
        place,
    })
}

/// A whole number, also as `3.0`.
fn whole(text: &str) -> Option<i64> {
    let float = || text.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64);
    text.parse().ok().or_else(float)
}

fn layout(place: &str, header: &[String], options: &Options) -> Result<Layout> {
    let one_of = |names: &[&str]| {
        header.iter().position(|column| names.iter().any(|name| name.eq_ignore_ascii_case(column)))
    };
    let needed = |what: &str, names: &[&str]| {
        one_of(names).ok_or_else(|| {
            let shown: Vec<&str> = header.iter().take(12).map(String::as_str).collect();
            Error::data(place)
                .expected(format!("a header with a column of {what}, called {}", names.join(", ")))
                .found(shown.join(", "))
        })
    };
    let (label, membership) = (needed("labels", &LABELS)?, needed("membership", &MEMBERSHIP)?);
    let named = |flag: &str, name: &String| {
        header
            .iter()
            .position(|column| column == name)
            .ok_or_else(|| Error::usage(flag).expected("a column of the file").found(name.clone()))
    };
    let subgroup = match &options.subgroups {
        Some(name) => Some(named("--subgroup-column", name)?),
        None => one_of(&SUBGROUPS),
    };
    let person = options.persons.as_ref().map(|name| named("--person-column", name)).transpose()?;
    // Columns with one beginning and all numbers from 0 or from 1.
    let mut stems: Vec<(String, Vec<(usize, usize)>)> = vec![];
    for (at, column) in header.iter().enumerate() {
        let stem = column.trim_end_matches(|c: char| c.is_ascii_digit());
        let Ok(number) = column[stem.len()..].parse::<usize>() else { continue };
        let stem = stem.trim_end_matches(['_', ' ', '-', '.']).to_lowercase();
        match stems.iter_mut().find(|(s, _)| *s == stem) {
            Some((_, columns)) => columns.push((number, at)),
            None => stems.push((stem, vec![(number, at)])),
        }
    }
    stems.retain(|(_, columns)| columns.len() > 1);
    let [(stem, columns)] = &mut stems[..] else {
        let found: Vec<String> =
            stems.iter().map(|(stem, c)| format!("{} called {stem}…", c.len())).collect();
        return Err(Error::data(place)
            .expected("one group of output columns, numbered by class, as p_0, p_1, … or logit_0, logit_1, …")
            .found(if found.is_empty() { "none".to_owned() } else { found.join(", ") }));
    };
    columns.sort_unstable();
    let first = columns[0].0;
    if first > 1 || columns.iter().enumerate().any(|(i, (number, _))| *number != first + i) {
        let numbers: Vec<String> = columns.iter().take(8).map(|(number, _)| number.to_string()).collect();
        return Err(Error::data(place)
            .expected("output columns numbered without gaps from 0 or from 1")
            .found(numbers.join(", ")));
    }
    Ok(Layout {
        label,
        membership,
        subgroup,
        person,
        row: one_of(&ROWS),
        outputs: columns.iter().map(|(_, at)| *at).collect(),
        stem: std::mem::take(stem),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<RawPredictions> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("predictions.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, &Options::default())
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let raw = read_text("row,label,label_name,membership,p_1,p_0\n7,1,x,1,0.75,0.25\n9,0,y,0,0.5,0.5\n")
            .unwrap();
        assert_eq!((raw.classes, raw.outputs), (2, vec![0.25, 0.75, 0.5, 0.5]));
        assert_eq!((raw.labels, raw.rows), (vec![1, 0], Some(vec![7, 9])));
        assert_eq!(raw.declared, Some(OutputForm::Probabilities));
        assert!(matches!(raw.membership, Membership::Numbers(m) if m == [1, 0]));
        let raw = read_text("y,member,Class1,Class2,group\n1,in,3,-4,a\n2,out,1,2,b\n").unwrap();
        assert_eq!((raw.declared, raw.subgroups), (None, Some(vec!["a".to_owned(), "b".to_owned()])));
        assert!(
            matches!(raw.membership, Membership::Text(m, names) if m == [0, 1] && names == ["in", "out"])
        );
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |text: &str| read_text(text).err().expect("refused").to_string();
        assert!(refused("label,p_0,p_1\n0,1,0\n").contains("a column of membership"));
        assert!(refused("label,member,p_0,p_2\n0,1,1,0\n").contains("without gaps"));
        assert!(refused("label,member,p_0,p_1,z_0,z_1\n0,1,1,0,0,0\n").contains("2 called p…, 2 called z…"));
        assert!(refused("label,member,p_0,p_1\n0,1,1,x\n").contains("predictions.csv:2, column p_1"));
        assert!(refused("label,member,p_0,p_1\n0.5,1,1,0\n").contains("a class's number"));
        assert!(refused("label,member,p_0,p_1\n0,1,1\n").contains("predictions.csv"));
    }
}
