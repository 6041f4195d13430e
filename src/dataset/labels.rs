//! From labels as written in a file to class ids 0, 1, 2 … without gaps.
//!
//! Not where labels stand in a file: that is csv's and npz's business.

use super::table::field::{is_missing_label, text};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, HashMap};

/// More classes than this are taken for a mistake: a record number or a measured quantity.
const MOST_CLASSES: usize = 65_536;

/// The code of a record without a label.
const NO_LABEL: u32 = u32::MAX;

/// Labels as they were read: one code a record, and each distinct value once.
#[derive(Debug, Default)]
pub(super) struct RawLabels {
    codes: Vec<u32>,
    /// The distinct values and the place of the first record of each.
    values: Vec<(String, String)>,
    index: HashMap<String, u32>,
}

/// Labels as they are used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Labels {
    /// 0-based, one a record.
    pub(super) ids: Vec<u32>,
    /// By id, as written in the file.
    pub(super) names: Vec<String>,
    /// What was detected, in words.
    pub(super) note: String,
}

/// What the caller knows of the labels beforehand.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// `--label-base`.
    pub(super) base: Option<u32>,
    /// The number of classes, where the file's format names it.
    pub(super) classes: Option<usize>,
}

impl RawLabels {
    /// Takes the next record's label; `place` names it in messages.
    pub(super) fn push(&mut self, value: &str, place: impl FnOnce() -> String) -> Result<()> {
        if let Some(code) = self.index.get(value) {
            self.codes.push(*code);
            return Ok(());
        }
        if self.values.len() == MOST_CLASSES {
            return Err(Error::data(place())
                .expected(format!("at most {MOST_CLASSES} different labels"))
                .found("more")
                .advice("name the column that holds the class with --label-column"));
        }
        let code = self.values.len() as u32;
        self.codes.push(code);
        self.values.push((value.to_owned(), place()));
        self.index.insert(value.to_owned(), code);
        Ok(())
    }

    /// The same for a field of text, which may hold no label.
    pub(super) fn push_field(&mut self, field: &[u8], place: impl FnOnce() -> String) -> Result<()> {
        let text = text(field);
        if is_missing_label(&text) {
            self.codes.push(NO_LABEL);
            return Ok(());
        }
        self.push(&text, place)
    }

    /// The same for a label that was stored as a number.
    pub(super) fn push_number(&mut self, value: f64, place: impl FnOnce() -> String) -> Result<()> {
        self.push(&value.to_string(), place)
    }

    /// Records so far.
    pub(super) fn len(&self) -> usize {
        self.codes.len()
    }

    /// The numbers of the records without a label.
    pub(super) fn without(&self) -> Vec<usize> {
        // Beside `+` it is a class.
        let minus = self.index.get("-").filter(|_| !self.index.contains_key("+"));
        let is_none = |code: &u32| *code == NO_LABEL || Some(code) == minus;
        (0..self.codes.len()).filter(|i| is_none(&self.codes[*i])).collect()
    }

    /// Leaves the records out that `keep` does not keep.
    pub(super) fn retain(&mut self, keep: &[bool]) {
        let mut keep = keep.iter();
        self.codes.retain(|_| keep.next().is_some_and(|keep| *keep));
        // A class whose records are all left out is none.
        let mut numbers = vec![None; self.values.len()];
        let old = std::mem::take(&mut self.values);
        for code in &mut self.codes {
            let number = numbers[*code as usize].get_or_insert_with(|| {
                self.values.push(old[*code as usize].clone());
                self.values.len() as u32 - 1
            });
            *code = *number;
        }
        self.index = (0..).zip(&self.values).map(|(code, (text, _))| (text.clone(), code)).collect();
    }

    /// The labels as they were written, by record.
    pub(super) fn written(&self) -> Vec<Option<String>> {
        let label = |code: &u32| self.values.get(*code as usize).map(|(text, _)| text.clone());
        self.codes.iter().map(label).collect()
    }

    /// Class ids: numbers in their order from the base, text sorted.
    ///
    /// # Errors
    /// A record without a label, a label that is no class (a fraction, NaN, text among numbers), one outside
    /// the range, a class of the format without a record, fewer than two classes.
    pub(super) fn resolve(self, file: &str, known: Known) -> Result<Labels> {
        let without = self.without().len();
        if without > 0 {
            return Err(Error::data(file)
                .expected("a label for every record")
                .found(format!("{without} of {} records without one", self.codes.len()))
                .advice("leave these records out with --missing drop"));
        }
        let numbers: Vec<Option<f64>> =
            self.values.iter().map(|(text, _)| text.trim().parse().ok()).collect();
        let numeric = numbers.iter().flatten().count();
        let (id_of_code, names, note) = if 2 * numeric > numbers.len() {
            self.number_classes(file, &numbers, known)?
        } else {
            self.text_classes(file, known)?
        };
        if names.len() < 2 {
            return Err(Error::data(file)
                .expected("at least two classes")
                .found(format!("only the label {:?}", names.join("")))
                .advice("name the column that holds the class with --label-column"));
        }
        Ok(Labels { ids: self.codes.iter().map(|code| id_of_code[*code as usize]).collect(), names, note })
    }

    /// (id of each code, names, note) where most values are numbers: then all must be whole numbers.
    fn number_classes(
        &self,
        file: &str,
        numbers: &[Option<f64>],
        known: Known,
    ) -> Result<(Vec<u32>, Vec<String>, String)> {
        let mut classes = Vec::with_capacity(numbers.len());
        for (number, (text, place)) in numbers.iter().zip(&self.values) {
            // Whole numbers up to 2^53 are exact in f64.
            match number.filter(|v| v.fract() == 0.0 && v.abs() < 9e15) {
                Some(value) => classes.push(value as i64),
                None => {
                    return Err(Error::data(place)
                        .expected("a class as the other records have it, a whole number")
                        .found(format!("the label {text:?}"))
                        .advice("correct it, or name the column that holds the class with --label-column"));
                }
            }
        }
        // The first code of a class stands for it: "1" and "1.0" are the same class.
        let mut first: BTreeMap<i64, usize> = BTreeMap::new();
        for (code, class) in classes.iter().enumerate() {
            first.entry(*class).or_insert(code);
        }
        let (Some((&lowest, _)), Some((&highest, _))) = (first.first_key_value(), first.last_key_value())
        else {
            return Err(Error::data(file).expected("labels").found("none"));
        };
        if let Some(base) = known.base.map(i64::from).filter(|base| lowest < *base) {
            return Err(Error::data(&self.values[first[&lowest]].1)
                .expected(format!("a label from {base} on"))
                .found(lowest.to_string())
                .advice("correct it, or give the number the labels count from with --label-base"));
        }
        let Some(count) = known.classes else {
            // A number that no record has is no class: what the file does not show cannot be learnt.
            let id: BTreeMap<i64, u32> = first.keys().copied().zip(0..).collect();
            let ids = classes.iter().map(|class| id[class]).collect();
            let names = first.keys().map(i64::to_string).collect();
            return Ok((ids, names, numbers_note(&first, known.base)));
        };
        let base = known.base.map_or(lowest.min(1), i64::from);
        let last = base + count as i64 - 1;
        if highest > last {
            return Err(Error::data(&self.values[first[&highest]].1)
                .expected(format!("a label from {base} to {last}"))
                .found(highest.to_string())
                .advice("correct it, or give the number the labels count from with --label-base"));
        }
        if let Some(missing) = missing(first.keys().copied(), base, last) {
            return Err(Error::data(file)
                .expected(format!("a record of every class from {base} to {last}"))
                .found(format!("none of class {missing}"))
                .advice("check that the file is complete"));
        }
        let ids = classes.iter().map(|class| (class - base) as u32).collect();
        let names = (base..=last).map(|class| class.to_string()).collect();
        Ok((ids, names, numbers_note(&first, known.base)))
    }

    /// (id of each code, names, note) where the values are text.
    fn text_classes(&self, file: &str, known: Known) -> Result<(Vec<u32>, Vec<String>, String)> {
        if let Some(base) = known.base {
            return Err(Error::usage("--label-base")
                .expected(format!("numbers as labels in {file} to count from {base}"))
                .found("text")
                .advice("leave it out: text labels are numbered in sorted order"));
        }
        let sorted: BTreeMap<&str, ()> = self.values.iter().map(|(text, _)| (text.as_str(), ())).collect();
        let names: Vec<String> = sorted.keys().map(|text| (*text).to_owned()).collect();
        if let Some(count) = known.classes.filter(|count| *count != names.len()) {
            return Err(Error::data(file)
                .expected(format!("{count} classes"))
                .found(format!("{} different labels", names.len()))
                .advice("check that the file is complete"));
        }
        let id: HashMap<&str, u32> = sorted.keys().zip(0..).map(|(text, id)| (*text, id)).collect();
        let ids = self.values.iter().map(|(text, _)| id[text.as_str()]).collect();
        Ok((ids, names, "text labels, numbered in sorted order".to_owned()))
    }
}

/// What was made of labels that are these numbers: what they count from, and which have no record.
fn numbers_note<T>(classes: &BTreeMap<i64, T>, base: Option<u32>) -> String {
    let (Some((&lowest, _)), Some((&highest, _))) = (classes.first_key_value(), classes.last_key_value())
    else {
        return String::new();
    };
    if classes.len() == 2 && lowest + 1 < highest {
        return format!("labels {lowest} and {highest}");
    }
    let counted = match (base, lowest) {
        (Some(base), _) => format!(" ({base}-based, as given)"),
        (None, 0 | 1) => format!(" ({lowest}-based)"),
        (None, _) => String::new(),
    };
    let absent = match (highest - lowest + 1) as usize - classes.len() {
        0 => "",
        1 => ", one of them with no record and no class",
        _ => ", some of them with no record and no class",
    };
    format!("labels {lowest} to {highest}{counted}{absent}")
}

/// The first of `base..=last` that `present` (ascending, within those bounds) lacks.
fn missing(present: impl Iterator<Item = i64>, base: i64, last: i64) -> Option<i64> {
    let mut next = base;
    for class in present {
        if class != next {
            return Some(next);
        }
        next += 1;
    }
    (next <= last).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(values: &[&str], known: Known) -> Result<Labels> {
        let mut raw = RawLabels::default();
        for (i, value) in values.iter().enumerate() {
            raw.push(value, || format!("f:{}", i + 1))?;
        }
        raw.resolve("f", known)
    }

    fn refused(values: &[&str], known: Known) -> String {
        resolve(values, known).expect_err("refused").to_string()
    }

    #[test]
    fn the_base_is_detected_and_said() {
        let zero = resolve(&["1", "0", "2"], Known::default()).expect("0-based");
        assert_eq!((zero.ids.as_slice(), zero.note.as_str()), (&[1, 0, 2][..], "labels 0 to 2 (0-based)"));
        let one = resolve(&["3", "1.0", "2", "1"], Known::default()).expect("1-based");
        assert_eq!((one.ids.as_slice(), one.note.as_str()), (&[2, 0, 1, 0][..], "labels 1 to 3 (1-based)"));
        assert_eq!(one.names, ["1", "2", "3"]);
    }

    #[test]
    fn two_signs_are_two_classes() {
        let signs = resolve(&["1", "-1", "+1"], Known::default()).expect("signs");
        assert_eq!((signs.ids, signs.names), (vec![1, 0, 1], vec!["-1".to_owned(), "1".to_owned()]));
        assert_eq!(signs.note, "labels -1 and 1");
    }

    #[test]
    fn numbers_need_not_count_from_0_nor_without_gaps() {
        let of = |values: &[&str]| {
            let labels = resolve(values, Known::default()).expect("classes");
            (labels.ids, labels.names.join(" "), labels.note)
        };
        let gap = "labels 0 to 3 (0-based), one of them with no record and no class".to_owned();
        assert_eq!(of(&["0", "3", "1"]), (vec![0, 2, 1], "0 1 3".to_owned(), gap));
        // Grades of wine; codes of soils; classes of a file that lacks the first.
        assert_eq!(of(&["5", "3", "4"]), (vec![2, 0, 1], "3 4 5".to_owned(), "labels 3 to 5".to_owned()));
        let some = "labels 10 to 30, some of them with no record and no class".to_owned();
        assert_eq!(of(&["30", "10", "20"]), (vec![2, 0, 1], "10 20 30".to_owned(), some));
        assert_eq!(of(&["2", "-1", "1"]).1, "-1 1 2");
    }

    #[test]
    fn a_label_that_is_not_there_is_no_class() {
        let mut raw = RawLabels::default();
        for field in ["no", "NA", "yes", " ", "no", "?", "rare"] {
            raw.push_field(field.as_bytes(), || "f".to_owned()).expect("taken");
        }
        assert_eq!(raw.without(), [1, 3, 5]);
        assert_eq!(raw.written()[..2], [Some("no".to_owned()), None]);
        raw.retain(&[true, false, true, false, true, false, false]);
        let labels = raw.resolve("f", Known::default()).expect("classes");
        assert_eq!((labels.ids, labels.names), (vec![0, 1, 0], vec!["no".to_owned(), "yes".to_owned()]));
    }

    #[test]
    fn a_sign_for_nothing_is_no_class_and_a_minus_beside_a_plus_is_one() {
        let without = |fields: &[&str]| {
            let mut raw = RawLabels::default();
            fields.iter().for_each(|f| raw.push_field(f.as_bytes(), || "f".to_owned()).expect("taken"));
            raw.without()
        };
        assert_eq!(without(&["no", ".", "yes", "-", "--", "n.a."]), [1, 3, 4, 5]);
        assert_eq!(without(&["+", "-", "+", ""]), [3]);
        assert_eq!(without(&["None", "mild", "unknown"]), [0_usize; 0], "categories of many files");
    }

    #[test]
    fn a_given_base_wins() {
        let known = Known { base: Some(5), classes: None };
        assert_eq!(resolve(&["5", "6"], known).expect("base 5").ids, [0, 1]);
        let known = Known { base: Some(0), classes: None };
        assert_eq!(resolve(&["1", "2"], known).expect("base 0").note, "labels 1 to 2 (0-based, as given)");
        let known = Known { base: Some(1), classes: None };
        let message = refused(&["1", "0"], known);
        assert!(message.starts_with("f:2: expected a label from 1 on, found 0"), "{message}");
    }

    #[test]
    fn text_is_sorted() {
        let text = resolve(&["no", "yes", "maybe", "no"], Known::default()).expect("text");
        assert_eq!(
            (text.ids, text.names),
            (vec![1, 2, 0, 1], vec!["maybe".into(), "no".into(), "yes".into()])
        );
        assert!(refused(&["a", "b"], Known { base: Some(1), classes: None }).starts_with("--label-base"));
    }

    #[test]
    fn a_class_of_the_format_without_a_record_is_named() {
        let known = Known { base: None, classes: Some(4) };
        assert!(refused(&["1", "2", "3"], known).contains("1 to 4, found none of class 4"));
        assert!(refused(&["a", "b"], known).contains("4 classes"));
    }

    #[test]
    fn labels_outside_the_range_are_named_with_their_place() {
        let known = Known { base: None, classes: Some(3) };
        let message = refused(&["1", "2", "3", "4"], known);
        assert!(message.starts_with("f:4: expected a label from 1 to 3, found 4"), "{message}");
    }

    #[test]
    fn what_is_no_class_is_refused() {
        assert!(refused(&["0", "1", "x"], Known::default()).starts_with("f:3: expected a class"));
        assert!(refused(&["0", "1.5"], Known::default()).contains("\"1.5\""));
        assert!(refused(&["0", "1", "NaN"], Known::default()).contains("\"NaN\""));
        assert!(refused(&["0", "0"], Known::default()).contains("two classes"));
        assert!(refused(&[], Known::default()).contains("two classes"));
    }
}
