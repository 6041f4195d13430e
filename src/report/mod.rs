//! Results for people, the tables of a terminal and a page with figures; and all of them for machines.
//!
//! Not the results themselves ([`crate::audit::results::summary`]), and nothing is printed here: text is
//! made.

pub mod comparison;
pub(crate) mod comparison_text;
pub(crate) mod csv_table;
pub mod export;
pub mod html;
pub(crate) mod labels;
pub(crate) mod lines;
pub mod records;
mod remarks;
pub mod reproduction;
pub mod run;
pub(crate) mod settings;
pub(crate) mod table;
pub mod terminal;
mod verdict;

use crate::graph::Class;

/// The kind of an adapter in a word.
pub fn class(class: Class) -> &'static str {
    match class {
        Class::Software => "software",
        Class::Integrated => "integrated",
        Class::Discrete => "discrete",
    }
}
