//! The flags of the gate, which fails a pipeline whose model leaks.

use std::path::PathBuf;

use clap::Args;

use crate::audit::attacks::ALL;
use crate::audit::attacks::attack::MembershipAttack;
use crate::audit::results::details::Details;
use crate::audit::results::gate::{Gate, enforce, junit};
use crate::audit::results::summary::Summary;
use crate::error::{Error, Result};

#[derive(Debug, Args)]
#[command(next_help_heading = "Gate")]
pub(super) struct GateArgs {
    /// Fail, with exit code 3, if this holds: `neural.accuracy > 0.6`, `strongest.auc.low > 0.55`,
    /// `tpr_at_fpr_0.01 > 0.05` (any attack), `test_accuracy < 0.7`. May be repeated.
    #[arg(long, value_name = "CONDITION", long_help = fail_if_help())]
    fail_if: Vec<String>,
    /// A TOML file of such conditions, with reasons, over groups, and by whole intervals.
    ///
    /// A [[rule]] each: fail_if = "CONDITION"; confidence = true judges the whole 95% interval (it fails where
    /// all of it is on the wrong side, passes where none is, and is inconclusive in between); groups =
    /// "classes" or "subgroups", group = "NAME" for one of them; reason = "TEXT". A confidence before the rules
    /// is that of all.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Write what came of every condition as JUnit XML, for the build's page of tests.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// An audit that the gate looks at.
pub(super) struct Audited {
    /// Of the run or the file.
    pub(super) name: String,
    pub(super) summary: Summary,
    pub(super) details: Details,
}

/// The help of `--fail-if`, with the attacks there are.
fn fail_if_help() -> String {
    let attack = |attack: &MembershipAttack| {
        let needs = attack.needs.iter().map(|need| need.text());
        let learns = attack.learns.then_some("learns from the known half");
        let blind = (!attack.sees_label).then_some("its score does not see the label");
        let remarks: Vec<&str> = needs.chain(learns).chain(blind).collect();
        match remarks.is_empty() {
            true => attack.name.to_owned(),
            false => format!("{} ({})", attack.name, remarks.join(", ")),
        }
    };
    format!(
        "Fail, with exit code 3, if this holds for any model: `neural.accuracy > 0.6`, `tpr_at_fpr_0.01 > 0.05` \
         (of any attack), `strongest.auc > 0.6` (whichever attack is strongest; its interval knows of the \
         choice), `reference.accuracy > 0.55` (on D′), `persons.auc > 0.6`, `test_accuracy < 0.7`. `.low` and \
         `.high` after a number are the ends of its 95% interval: `auc.low > 0.55`. May be repeated.\n\n\
         The names are the keys of summary.json. A number that is not known is inconclusive, exit code 4, \
         unless another condition fails: a rate that is not resolvable (a false-positive rate α needs 10 / α \
         non-members: 1,000 for 0.01), an attack that was not run, one whose network did not train. Results \
         are printed and written all the same.\n\n\
         The attacks: {}.",
        ALL.iter().map(attack).collect::<Vec<_>>().join(", ")
    )
}

impl GateArgs {
    /// What is demanded, read before the audit begins.
    pub(super) fn gate(&self) -> Result<Gate> {
        let gate = Gate::new(&self.fail_if, self.policy.as_deref())?;
        if gate.conditions.is_empty() && self.junit.is_some() {
            return Err(Error::usage("--junit")
                .expected("conditions to write of, by --fail-if or --policy")
                .found("none"));
        }
        Ok(gate)
    }

    /// Fails where a condition holds, or cannot be judged.
    pub(super) fn check(&self, gate: &Gate, audited: &Audited) -> Result<()> {
        let verdicts = gate.judge(&audited.summary, &audited.details)?;
        if let Some(path) = &self.junit {
            let document = junit::document(&audited.name, &verdicts)?;
            std::fs::write(path, document).map_err(|e| Error::io(path, &e))?;
        }
        enforce(&verdicts)
    }
}
