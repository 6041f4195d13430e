//! An audit without a file: a model's outputs, labels and membership in memory → every attack that needs no more →
//! numbers with their intervals.
//!
//! The model is made up: it is surer of the 1,000 records that it was trained on than of 1,000 others.

use std::sync::atomic::AtomicBool;
use veilgrad::audit::attacks::title;
use veilgrad::audit::carry_out;
use veilgrad::audit::evidence::{AttackedRecords, AuditCase, AuditedModel, BlindBy, Evidence, measured};
use veilgrad::audit::outputs::{ModelRecords, OutputForm, Outputs};
use veilgrad::audit::results::summary::ReplicaSummary;
use veilgrad::dataset::DatasetSummary;
use veilgrad::error::Result;
use veilgrad::random::{Stream, below, normal, stream};
use veilgrad::run::config::AuditConfig;
use veilgrad::run::predictions::{MEMBER, TEST};

const RECORDS: usize = 2_000;
const CLASSES: usize = 10;

/// Audits a model whose members' logit of the true class lies `shift` above that of others, in deviations.
pub fn audit(shift: f64) -> Result<ReplicaSummary> {
    // [N, C] logits, [N] labels, [N] membership, [N] numbers of the records: put your own here.
    let mut rng = stream(1, Stream::Synthetic);
    let labels: Vec<u32> = (0..RECORDS).map(|_| below(&mut rng, CLASSES as u32)).collect();
    let membership: Vec<u8> = (0..RECORDS).map(|i| if i < RECORDS / 2 { MEMBER } else { TEST }).collect();
    let rows: Vec<u32> = (0..RECORDS as u32).collect();
    let mut logits = vec![];
    for (label, of) in labels.iter().zip(&membership) {
        for class in 0..CLASSES as u32 {
            let of_label = if *of == MEMBER { 2.0 + shift } else { 2.0 };
            let mean = if class == *label { of_label } else { 0.0 };
            logits.push((mean + normal(&mut rng)) as f32);
        }
    }

    let outputs = Outputs::new(OutputForm::Logits, &logits, CLASSES);
    let records = ModelRecords { outputs, rows: &rows, labels: &labels, membership: &membership };
    let class_names: Vec<String> = (0..CLASSES).map(|class| class.to_string()).collect();
    // The attacker knows half of either side, drawn by the seed; without a GPU no attack network is trained.
    let without_gpu = Err("no GPU is used".to_owned());
    let case = AuditCase {
        name: "in memory".to_owned(),
        models: vec![AuditedModel {
            measured: measured(None, records),
            on_members: Evidence::new(records, AttackedRecords::Members, 0, without_gpu)?,
            on_reference: None,
            blind: BlindBy::Labels,
            subgroups: None,
            logistic: None,
            notes: vec![],
        }],
        class_names: &class_names,
        dataset: DatasetSummary {
            name: "in memory".to_owned(),
            records: RECORDS,
            features: None,
            classes: CLASSES,
        },
        notes: vec![],
        seconds: 0.0,
    };
    let stop = AtomicBool::new(false);
    let mut audit = carry_out(&case, &AuditConfig::default(), &stop, &mut ())?;
    Ok(audit.summary.replicas.remove(0))
}

pub fn main() -> Result<()> {
    for shift in [0.0, 1.0] {
        let model = audit(shift)?;
        println!("members are surer by {shift}:");
        for (name, result) in &model.attacks {
            let [low, high] = result.ci95.auc;
            println!("  {:<28} AUC {:.3} [{low:.3}, {high:.3}]", title(name), result.auc);
        }
    }
    Ok(())
}
