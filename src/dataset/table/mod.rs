//! Tables: columns of numbers and text, from whatever format, on their way to features.
//!
//! | what | where |
//! |---|---|
//! | one field | `field` |
//! | the columns' names, and which is the label | `heads` |
//! | its fields to those who take a column each | `columns` |
//! | the values of a column | `cells` |
//! | a table as it was read | `raw` |
//! | which columns are left out, which records have no value | `roles` |
//! | the schema, from the members | `infer` |
//! | records to features, by a schema | `encode` |
//!
//! Not the files ([`super::formats`]).

mod cells;
mod columns;
pub(super) mod encode;
pub(super) mod field;
pub(super) mod heads;
pub(super) mod infer;
pub(super) mod raw;
pub(super) mod roles;

use crate::error::Result;
use ::csv::ByteRecord;
use heads::Heads;

/// A file of records with columns, whatever its format.
pub(in crate::dataset) trait Rows: Sync {
    fn heads(&self) -> &Heads;

    /// The place for messages of the record that [`Rows::each`] gave as `at`.
    fn place(&self, at: u64) -> String;

    /// Calls `take` with every record and where it stands; a record that cannot be read comes as its error.
    ///
    /// # Errors
    /// Those of `take`; a file that cannot be read on; one without records.
    fn each(&self, take: Take) -> Result<()>;
}

/// Takes a record, one field a column, in text, and what [`Rows::place`] makes its place of.
pub(in crate::dataset) type Take<'a> = &'a mut dyn FnMut(Result<&ByteRecord>, u64) -> Result<()>;
