//! What a person may say about a file of predictions.
//!
//! Not what is found in it (`inspect`).

use super::names::Role;
use super::shadow_values::ShadowValues;
use crate::audit::outputs::OutputForm;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a person may say about a file that would otherwise be detected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the outputs are. Default: told from the numbers, and the arrays' name.
    pub form: Option<OutputForm>,
    /// What labels count from, 0 or 1. Default: told from the labels, where they leave no doubt.
    pub label_base: Option<u32>,
    /// The classes in the order of the outputs. Default: the file's own, else labels in alphabetical order.
    pub class_names: Option<Vec<String>>,
    /// The value of membership that means "member". Default: 1, true, member, train or in, unless the model
    /// does better on the others.
    pub member_value: Option<String>,
    /// Divide every row of probabilities by its sum. Default: rows must sum to 1, within what rounding does.
    pub normalize: bool,
    /// The array or column of groups. Default: `subgroup`, if it is there.
    pub subgroups: Option<String>,
    /// The array or column that names the person a record is of. Default: persons are not told apart.
    pub persons: Option<String>,
    /// The names of arrays or columns, where they are none of the known ones.
    pub columns: BTreeMap<Role, String>,
    /// Shadow models' predictions in a place of their own: a file with the arrays above, or the directory of
    /// LiRA's authors, `experiment-…/keep.npy` with `scores/` or `logits/` beside it.
    pub shadows: Option<PathBuf>,
    /// What shadow models' numbers are. Default: as their array's name says, where the numbers agree.
    pub shadow_values: Option<ShadowValues>,
    /// Most bytes that an array may inflate to. Default 4 GiB.
    pub max_bytes: u64,
}

impl Options {
    /// Takes `role=name`, as of `--column`.
    ///
    /// # Errors
    /// Text of another form, a role that there is not.
    pub fn set_column(&mut self, text: &str) -> Result<()> {
        let refused = || {
            let roles: Vec<&str> = Role::all().collect();
            Error::usage("--column")
                .expected(format!("ROLE=NAME with one of the roles {}", roles.join(", ")))
                .found(text.to_owned())
        };
        let (role, name) = text.split_once('=').ok_or_else(refused)?;
        self.columns.insert(Role::parse(role.trim()).ok_or_else(refused)?, name.trim().to_owned());
        Ok(())
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            form: None,
            label_base: None,
            class_names: None,
            member_value: None,
            normalize: false,
            subgroups: None,
            persons: None,
            columns: BTreeMap::new(),
            shadows: None,
            shadow_values: None,
            max_bytes: 4 << 30,
        }
    }
}
