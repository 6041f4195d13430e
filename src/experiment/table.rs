//! The paper's tables, by name. Not the runs that they take ([`super::tables`]).

/// A table that can be reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Train, test and attack accuracy without and with the defense.
    Defense,
    /// L2 regularization instead.
    L2,
    /// The defense with a smaller or larger D′.
    ReferenceSize,
    /// The defense with more or less weight on privacy.
    Lambda,
    /// Other defenses beside it, beyond the paper.
    Defenses,
}

impl Table {
    /// In the order of the paper.
    pub const ALL: [Table; 5] =
        [Table::Defense, Table::L2, Table::ReferenceSize, Table::Lambda, Table::Defenses];

    /// As it is typed, and as its files are called.
    pub fn name(self) -> &'static str {
        match self {
            Table::Defense => "defense",
            Table::L2 => "l2",
            Table::ReferenceSize => "reference-size",
            Table::Lambda => "lambda",
            Table::Defenses => "defenses",
        }
    }

    /// What it shows, as a heading.
    pub fn title(self) -> &'static str {
        match self {
            Table::Defense => "Without and with the defense",
            Table::L2 => "L2 regularization",
            Table::ReferenceSize => "Size of the reference set D′",
            Table::Lambda => "Weight of the privacy penalty, λ",
            Table::Defenses => "Defenses of other kinds",
        }
    }

    /// The key whose values are the table's rows; `None`: its rows are not values of one.
    pub fn key(self) -> Option<&'static str> {
        match self {
            Table::L2 => Some("model.weight_decay"),
            Table::ReferenceSize => Some("data.reference"),
            Table::Lambda => Some("defense.lambda"),
            Table::Defense | Table::Defenses => None,
        }
    }

    /// `data/published/NAME.csv`.
    pub(super) fn published(self) -> &'static str {
        match self {
            Table::Defense => include_str!("../../data/published/defense.csv"),
            Table::L2 => include_str!("../../data/published/l2.csv"),
            Table::ReferenceSize => include_str!("../../data/published/reference-size.csv"),
            Table::Lambda => include_str!("../../data/published/lambda.csv"),
            Table::Defenses => include_str!("../../data/published/defenses.csv"),
        }
    }

    /// Whose numbers stand beside ours, as a column's head has it.
    pub fn source(self) -> &'static str {
        match self {
            Table::Defenses => "Kaplan et al.",
            Table::Defense | Table::L2 | Table::ReferenceSize | Table::Lambda => "paper",
        }
    }

    /// What is not known of the published numbers.
    pub fn doubt(self) -> Option<&'static str> {
        match self {
            Table::Lambda => Some("the paper's numbers are from notes on it, not checked against its text"),
            Table::Defense | Table::L2 | Table::ReferenceSize | Table::Defenses => None,
        }
    }

    /// The table called `name`.
    pub fn named(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }
}
