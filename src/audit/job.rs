//! What the audit of a run is given.
//!
//! Not what is known of its models ([`super::evidence`]).

use super::persons::Persons;
use super::results::subgroups::Subgroups;
use crate::dataset::Dataset;
use crate::gpu::Context;
use crate::run::RunDirectory;
use crate::run::config::Config;
use std::sync::atomic::AtomicBool;

/// A finished run to be audited.
#[derive(Debug, Clone, Copy)]
pub struct AuditJob<'a> {
    /// The run's configuration, resolved.
    pub config: &'a Config,
    /// Where the run lies, and where the results go.
    pub directory: &'a RunDirectory,
    /// The device on which models are asked and attack networks trained.
    pub context: &'a Context,
    /// The run's data, where they can be read: the blind attack needs them, and whatever asks or trains
    /// models anew.
    pub dataset: Option<&'a Dataset>,
    /// Whether shadow models may have been trained on other data than these.
    pub accept_changed_data: bool,
    /// Whether models that were trained on unlike machines may be used together.
    pub mixed: bool,
    /// Groups of records to be told apart in the results.
    pub subgroups: Option<&'a Subgroups>,
    /// The records' persons, where the audit is to go by persons too.
    pub persons: Option<&'a Persons>,
    /// Set from outside (Ctrl-C): stop soon.
    pub stop: &'a AtomicBool,
}
