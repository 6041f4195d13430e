//! A column of values as they are written: numbers, or texts of a few kinds.
//!
//! Not what they mean.

use std::collections::HashMap;

/// Each record's place among the distinct texts, in the order of their first appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) codes: Vec<u32>,
    pub(super) values: Vec<String>,
    index: HashMap<String, u32>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        let code = match self.index.get(text) {
            Some(code) => *code,
            None => {
                let code = self.values.len() as u32;
                self.values.push(text.to_owned());
                self.index.insert(text.to_owned(), code);
                code
            }
        };
        self.codes.push(code);
    }

    /// Every record's text.
    pub(super) fn each(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(|code| self.values[*code as usize].as_str())
    }
}

/// A value a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Numbers(Vec<i64>),
    Texts(Texts),
}

impl From<Texts> for Column {
    /// Numbers, where every text is a whole one.
    fn from(texts: Texts) -> Self {
        match texts.values.iter().map(|text| whole(text)).collect::<Option<Vec<i64>>>() {
            Some(numbers) => {
                Column::Numbers(texts.codes.iter().map(|&code| numbers[code as usize]).collect())
            }
            None => Column::Texts(texts),
        }
    }
}

impl Column {
    pub(super) fn len(&self) -> usize {
        match self {
            Column::Numbers(numbers) => numbers.len(),
            Column::Texts(texts) => texts.codes.len(),
        }
    }

    pub(super) fn into_texts(self) -> Texts {
        match self {
            Column::Texts(texts) => texts,
            Column::Numbers(numbers) => {
                let mut texts = Texts::default();
                numbers.iter().for_each(|number| texts.push(&number.to_string()));
                texts
            }
        }
    }

    /// The values of this column, then those of `other`.
    pub(super) fn then(self, other: Column) -> Column {
        match (self, other) {
            (Column::Numbers(mut own), Column::Numbers(others)) => {
                own.extend(others);
                Column::Numbers(own)
            }
            (own, others) => {
                let mut texts = own.into_texts();
                others.into_texts().each().for_each(|text| texts.push(text));
                Column::Texts(texts)
            }
        }
    }
}

/// A whole number, also as `3.0`.
pub(super) fn whole(text: &str) -> Option<i64> {
    let float = || text.parse::<f64>().ok().filter(|x| x.fract() == 0.0 && x.abs() < 9e15).map(|x| x as i64);
    text.parse().ok().or_else(float)
}

/// A number; with a comma for the decimal point where there is no point.
pub(super) fn number(text: &str) -> Option<f64> {
    let with_point = || {
        (text.matches(',').count() == 1 && !text.contains('.'))
            .then(|| text.replace(',', ".").parse::<f64>().ok())
            .flatten()
    };
    text.parse().ok().or_else(with_point)
}

/// What tells a record from others: a number, or a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ids {
    Numbers(Vec<u32>),
    Texts(Vec<Box<str>>),
}

impl Default for Ids {
    fn default() -> Self {
        Ids::Numbers(vec![])
    }
}

impl Ids {
    pub(super) fn push(&mut self, text: &str) {
        let id = whole(text).and_then(|id| u32::try_from(id).ok());
        match (&mut *self, id) {
            // A zero in front is part of a text.
            (Ids::Numbers(ids), Some(id)) if id.to_string().len() == text.len() => ids.push(id),
            (Ids::Texts(ids), _) => ids.push(text.into()),
            (Ids::Numbers(ids), _) => {
                let mut texts: Vec<Box<str>> = ids.iter().map(|id| id.to_string().into()).collect();
                texts.push(text.into());
                *self = Ids::Texts(texts);
            }
        }
    }

    /// These, then `other`.
    pub(super) fn then(mut self, other: Ids) -> Ids {
        match other {
            Ids::Numbers(ids) => ids.iter().for_each(|id| self.push(&id.to_string())),
            Ids::Texts(ids) => ids.iter().for_each(|id| self.push(id)),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(["3", "3.0", "-1", "3.5", "x"].map(whole), [Some(3), Some(3), Some(-1), None, None]);
        assert_eq!(number("0,25"), Some(0.25));
        assert_eq!((number("1,234.5"), number("-inf")), (None, Some(f64::NEG_INFINITY)));
    }

    #[test]
    fn ids_are_numbers_or_all_texts() {
        let ids = |texts: &[&str]| {
            let mut ids = Ids::default();
            texts.iter().for_each(|text| ids.push(text));
            ids
        };
        assert_eq!(ids(&["3", "7"]), Ids::Numbers(vec![3, 7]));
        assert_eq!(ids(&["3", "P7"]), Ids::Texts(vec!["3".into(), "P7".into()]));
        assert_eq!(ids(&["007"]), Ids::Texts(vec!["007".into()]));
    }
}
