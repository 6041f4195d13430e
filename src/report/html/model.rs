//! The models that a page is about, each with all that is known of it.

use crate::audit::results::details::ReplicaDetails;
use crate::audit::results::records::RecordsFound;
use crate::audit::results::summary::ReplicaSummary;
use crate::report::labels::{Setting, label};
use crate::report::run::Run;
use crate::run::event::EpochMetrics;

/// A model of one of the runs.
pub(super) struct Model<'a> {
    /// By its settings, and its run where there are several.
    pub(super) label: String,
    pub(super) summary: &'a ReplicaSummary,
    pub(super) details: Option<&'a ReplicaDetails>,
    pub(super) metrics: Vec<&'a EpochMetrics>,
    /// Where `--records` asks for them.
    pub(super) records: Option<&'a RecordsFound>,
}

/// The models of all `runs`, named by the `shown` settings.
pub(super) fn models<'a>(runs: &'a [Run], shown: &[Setting]) -> Vec<Model<'a>> {
    let mut models = vec![];
    for run in runs {
        for (r, summary) in run.summary.replicas.iter().enumerate() {
            let own = label(summary.settings.as_ref(), shown);
            let label = match (&summary.settings, runs.len()) {
                (None, _) => run.name.clone(),
                (Some(_), 1) => own,
                (Some(_), _) => format!("{own} ({})", run.name),
            };
            models.push(Model {
                label,
                summary,
                details: run.details.as_ref().and_then(|d| d.replicas.get(r)),
                metrics: run.metrics.iter().filter(|m| m.replica == r).collect(),
                records: run.records.as_ref().and_then(|all| all.get(r)).map(|scores| &scores.on_members),
            });
        }
    }
    models
}
