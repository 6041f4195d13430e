//! `veilgrad audit --predictions`: the flags about a file of another program's predictions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, ValueEnum};

use super::gate::Audited;
use super::progress::Progress;
use super::record_flags::RecordArgs;
use super::{Global, interrupt};
use crate::audit::attacks::scores::OutputForm;
use crate::audit::carry_out;
use crate::audit::external::{self, Options, ShadowValues};
use crate::error::Result;
use crate::gpu::Context;
use crate::run::RunDirectory;
use crate::run::config::AuditConfig;
use crate::run::event::{Event, Observer};

#[derive(Debug, Args)]
#[command(next_help_heading = "Any model's predictions")]
#[command(group(ArgGroup::new(GIVEN).args(["predictions", "members"])))]
pub(super) struct PredictionsArgs {
    /// A model's outputs on members and non-members: npz, a directory of npy files, safetensors, CSV
    /// or Parquet.
    ///
    /// Arrays (CSV: columns) logits or probabilities [N, C] (p_0, p_1, … or logit_0, …), labels [N],
    /// membership [N] (1: member, 0: not, 2: of the reference set); if there, subgroup [N], rows [N];
    /// shadow_logits [M, N, C] or [M, N, A, C] of A augmented copies, or shadow_scores [M, N] or [M, N, A],
    /// with shadow_keep [M, N]. Or, as LiRA's authors keep them, logits [M, N, A, C], keep [M, N] and labels
    /// [N], the last model being the target.
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// A model's outputs on members alone, with --nonmembers; each file as --predictions, without membership.
    #[arg(long, value_name = "FILE", requires = "nonmembers", conflicts_with = "predictions")]
    members: Option<PathBuf>,
    /// Its outputs on records that it was not trained on.
    #[arg(long, value_name = "FILE", requires = "members", conflicts_with = "predictions")]
    nonmembers: Option<PathBuf>,
    /// Which array or column is what, where its name does not tell; of several columns of outputs, what their
    /// names begin with. Roles: logits, probabilities, predictions, labels, membership, subgroup, rows,
    /// class_names, shadow_logits, shadow_probabilities, shadow_scores, shadow_keep.
    #[arg(long, value_name = "ROLE=NAME", requires = GIVEN)]
    column: Vec<String>,
    /// The names of the classes, in the order of the outputs, where labels are names.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = GIVEN)]
    class_names: Option<Vec<String>>,
    /// Shadow models' predictions, if in another place: a file, or a directory of experiment-…/keep.npy with
    /// scores/ or logits/ beside it.
    #[arg(long, value_name = "PATH", requires = GIVEN)]
    shadow_predictions: Option<PathBuf>,
    /// What shadow models' numbers are, where the array's name does not tell: outputs, or of each record's
    /// label φ = log p − log(1 − p), the loss −log p, log p, or its probability p.
    #[arg(long, value_name = "VALUES", requires = GIVEN, value_parser = shadow_values())]
    shadow_values: Option<ShadowValues>,
    /// What the outputs are, where their name and numbers do not tell.
    #[arg(long, value_name = "FORM", requires = GIVEN)]
    outputs: Option<Outputs>,
    /// What labels count from, where they do not tell.
    #[arg(long, value_name = "BASE", requires = GIVEN,
        value_parser = clap::value_parser!(u32).range(0..=1))]
    label_base: Option<u32>,
    /// The value of membership that means "member", where it is not 1, true, member, train or in.
    #[arg(long, value_name = "VALUE", requires = GIVEN)]
    member_value: Option<String>,
    /// Divide each row of probabilities by its sum.
    #[arg(long, alias = "normalise", requires = GIVEN)]
    normalize: bool,
    /// Run the neural attack too: it trains a network, on the GPU.
    #[arg(long, requires = GIVEN)]
    neural: bool,
    /// What the attacker knows, and resampling, are drawn from this.
    #[arg(long, value_name = "SEED", requires = GIVEN)]
    audit_seed: Option<u64>,
    /// Keep summary.json, details.json and scores.npz in this directory, for `veilgrad report`.
    #[arg(long, value_name = "DIR", requires = GIVEN)]
    out: Option<PathBuf>,
    /// Replace what is in that directory.
    #[arg(long, requires = "out")]
    force: bool,
    /// The most bytes to which an array may inflate; 4 GiB by default.
    #[arg(long, value_name = "BYTES", requires = GIVEN)]
    max_bytes: Option<u64>,
}

/// There is a file to speak of.
const GIVEN: &str = "files";

fn shadow_values() -> impl TypedValueParser<Value = ShadowValues> {
    PossibleValuesParser::new(ShadowValues::ALL.map(|(name, _)| name)).map(|name| {
        let found = ShadowValues::ALL.iter().find(|(known, _)| *known == name);
        found.map_or(ShadowValues::Phi, |(_, values)| *values)
    })
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Outputs {
    Logits,
    Probabilities,
}

impl PredictionsArgs {
    /// Whether there is a file to audit.
    pub(super) fn are_given(&self) -> bool {
        self.predictions.is_some() || self.members.is_some()
    }

    /// Reads the predictions, says what they are, and attacks the model.
    pub(super) fn audit(
        &self,
        config: &AuditConfig,
        records: &RecordArgs,
        global: &Global,
        progress: &mut Progress,
    ) -> Result<Audited> {
        let path = self.predictions.as_deref().unwrap_or(Path::new(""));
        let defaults = Options::default();
        let [subgroups, persons] = records.own_columns();
        let mut options = Options {
            form: self.outputs.map(|outputs| match outputs {
                Outputs::Logits => OutputForm::Logits,
                Outputs::Probabilities => OutputForm::Probabilities,
            }),
            label_base: self.label_base,
            class_names: self.class_names.clone(),
            member_value: self.member_value.clone(),
            normalize: self.normalize,
            subgroups,
            persons,
            shadows: self.shadow_predictions.clone(),
            shadow_values: self.shadow_values,
            columns: BTreeMap::new(),
            max_bytes: self.max_bytes.unwrap_or(defaults.max_bytes),
        };
        self.column.iter().try_for_each(|column| options.set_column(column))?;
        let directory = match &self.out {
            Some(out) => Some(RunDirectory::create(out, self.force)?),
            None => None,
        };
        let external = match (&self.members, &self.nonmembers) {
            (Some(members), Some(others)) => external::read_sides(members, others, &options)?,
            _ => external::read(path, &options)?,
        };
        external.found.iter().for_each(|found| progress.event(&Event::Note(found.clone())));
        external.warnings.iter().for_each(|warning| progress.event(&Event::Warning(warning.clone())));
        let count = external.records();
        let (subgroups, persons) = (records.read_subgroups(count)?, records.read_persons(count)?);
        let context = if self.neural { Some(Context::new(&global.gpu_options())?) } else { None };
        if let Some(context) = &context {
            progress.event(&Event::Adapter(context.adapter().clone()));
        }
        let case = external.case(
            self.audit_seed.unwrap_or(0),
            subgroups.as_ref(),
            persons.as_ref(),
            context.as_ref(),
        )?;
        let audit = interrupt::heed(|stop| carry_out(&case, config, stop, progress))?;
        if let Some(directory) = directory {
            audit.write(&directory)?;
        }
        records.write(&case.name, || Ok(audit.scores))?;
        Ok(Audited { name: case.name, summary: audit.summary, details: audit.details })
    }
}
