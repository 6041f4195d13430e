//! Results for people: the tables of a terminal.
//!
//! Not the results themselves ([`crate::audit::summary`]), and nothing is printed here: text is made.

pub mod comparison;
pub mod comparison_text;
mod labels;
mod remarks;
pub mod table;
pub mod terminal;

use crate::graph::Class;

/// The kind of an adapter in a word.
pub fn class(class: Class) -> &'static str {
    match class {
        Class::Software => "software",
        Class::Integrated => "integrated",
        Class::Discrete => "discrete",
    }
}
