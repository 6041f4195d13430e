//! The columns of a table by name, and which of them is the label.

use super::super::options::{LabelColumn, LoadOptions};
use crate::error::{Error, Result, nearest};

/// Header names that mean the label, the likelier first.
const LABELS: [&str; 4] = ["label", "class", "target", "y"];

/// What a table says of itself before its records.
#[derive(Debug, Clone, Default)]
pub(in crate::dataset) struct Heads {
    /// For messages.
    pub(in crate::dataset) place: String,
    /// The header's names, or as many empty strings.
    pub(in crate::dataset) names: Vec<String>,
    /// Whether there is a header.
    pub(in crate::dataset) header: bool,
    /// Whether the format has the label in its last column.
    pub(in crate::dataset) label_last: bool,
    /// Whether columns are separated by semicolons, as where numbers have a decimal comma.
    pub(in crate::dataset) semicolons: bool,
}

/// Whether a header of this name means the label.
pub(in crate::dataset) fn is_label(name: &str) -> bool {
    LABELS.iter().any(|label| name.eq_ignore_ascii_case(label))
}

impl Heads {
    /// # Errors
    /// Two columns of one name: nobody could say which is meant, now or when the model is used.
    pub(in crate::dataset) fn check(&self) -> Result<()> {
        let mut first = std::collections::HashMap::new();
        for (place, name) in self.names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(other) = first.insert(name.as_str(), place) {
                return Err(Error::data(&self.place)
                    .expected("names of columns that differ")
                    .found(format!("{name:?} as the name of columns {other} and {place}"))
                    .advice(
                        "columns are counted from 0; rename or remove one; if the first line is a record and no \
                         header, give --no-header",
                    ));
            }
        }
        Ok(())
    }

    /// Which column is the label, and how that was decided.
    ///
    /// # Errors
    /// A column that is not there; a header that names none.
    pub(in crate::dataset) fn label_column(&self, options: &LoadOptions) -> Result<(usize, String)> {
        let place = &self.place;
        let usage = |expected: String, found: String| {
            Err(Error::usage("--label-column").expected(expected).found(found))
        };
        let columns = self.names.len();
        match &options.label_column {
            Some(LabelColumn::Index(index)) if *index < columns => Ok((*index, "as given".to_owned())),
            Some(LabelColumn::Index(index)) => {
                usage(format!("a column from 0 to {} of {place}", columns - 1), index.to_string())
            }
            Some(LabelColumn::Name(name)) if !self.header => {
                usage(format!("a number, counted from 0, since {place} has no header"), format!("{name:?}"))
            }
            Some(LabelColumn::Name(name)) => match self.names.iter().position(|n| n == name) {
                Some(index) => Ok((index, "as given".to_owned())),
                None => Err(self.no_such("--label-column".to_owned(), name)),
            },
            None if self.label_last => Ok((columns - 1, "after the semicolon".to_owned())),
            None if !self.header => Ok((0, "the first, since there is no header".to_owned())),
            None => {
                let position = |wanted: &&str| self.names.iter().position(|n| n.eq_ignore_ascii_case(wanted));
                match LABELS.iter().find_map(position) {
                    Some(index) => Ok((index, "by its name".to_owned())),
                    None => Err(Error::data(place)
                        .expected(format!("a column called {}", LABELS.join(", ")))
                        .found(format!("the columns {}", self.list()))
                        .advice("name the column that holds the class with --label-column")),
                }
            }
        }
    }

    /// How messages name column `index`.
    pub(in crate::dataset) fn title(&self, index: usize) -> String {
        match self.names.get(index).map(String::as_str) {
            Some("") | None => format!("column {index}"),
            Some(name) => format!("column {index} ({name})"),
        }
    }

    /// The column that a person calls `name`: by the header, or counted from 0.
    ///
    /// # Errors
    /// There is none.
    pub(in crate::dataset) fn column(&self, flag: &str, name: &str) -> Result<usize> {
        let named = self.names.iter().position(|n| !n.is_empty() && n == name);
        let counted = || name.parse().ok().filter(|index| *index < self.names.len());
        named.or_else(counted).ok_or_else(|| self.no_such(format!("--{flag} {name}"), name))
    }

    /// No column is called `name`, which was typed at `place`.
    fn no_such(&self, place: String, name: &str) -> Error {
        let near = nearest(name, self.names.iter().map(String::as_str));
        Error::usage(place)
            .expected(format!("one of the columns {} of {}", self.list(), self.place))
            .found(format!("{name:?}"))
            .advice(near.map_or(String::new(), |near| format!("did you mean `{near}`?")))
    }

    /// The names, for a message.
    pub(in crate::dataset) fn list(&self) -> String {
        super::super::formats::names::list(&self.names)
    }
}
