//! The attacks on a model of which only predictions are known.

use super::inspect::External;
use super::shadows;
use crate::audit::attacks::blind;
use crate::audit::attacks::neural::{self, CONTROL, Lesson};
use crate::audit::attacks::threshold::{Scored, threshold_attacks};
use crate::audit::results::describe::{self, Records};
use crate::audit::results::details::{self, Details};
use crate::audit::results::result::{Terms, all_results, strongest};
use crate::audit::results::score_file::Scores;
use crate::audit::results::subgroups::Subgroups;
use crate::audit::results::summary::{SCHEMA, Summary};
use crate::audit::run::{self, measured};
use crate::audit::subject::Subject;
use crate::dataset::DatasetSummary;
use crate::error::Result;
use crate::gpu::Context;
use crate::run::config::AuditConfig;
use crate::run::event::{Event, Observer};
use crate::run::predictions::{MEMBER, REFERENCE, TEST};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What the audit of a file needs.
pub struct Job<'a> {
    pub external: &'a External,
    pub config: &'a AuditConfig,
    /// Draws what the attacker knows.
    pub seed: u64,
    /// Groups of records from a file of their own; the predictions' otherwise.
    pub subgroups: Option<&'a Subgroups>,
    /// To train the neural attack on, if it is wanted.
    pub context: Option<&'a Context>,
    pub stop: &'a AtomicBool,
}

/// Every attack that the predictions allow.
///
/// # Errors
/// As [`threshold_attacks`]; shadow models' predictions that do not fit; the adapter's, where the neural attack is run.
pub fn run(job: &Job, observer: &mut dyn Observer) -> Result<(Summary, Details, Vec<Scores>)> {
    let started = Instant::now();
    let Job { external, config, seed, .. } = *job;
    let predictions = &external.predictions;
    let terms = config.terms(seed);
    let mut notes: Vec<String> = external.found.iter().chain(&external.warnings).cloned().collect();
    let subject = |code: u8| {
        let (members, others) = (predictions.of(code), predictions.of(TEST));
        Subject::new(members, others, external.form, predictions.classes, seed)
    };
    let mut replica = measured(None, predictions);
    replica.attack_trained = true;
    if predictions.membership.iter().filter(|m| **m == REFERENCE).count() >= 4 {
        let subject = subject(REFERENCE)?;
        let [records, others] = subject.predictions()?;
        replica.attacks_on_reference =
            all_results(&threshold_attacks(&records, &others, &subject.halves)?, &terms)?;
    }
    let subject = subject(MEMBER)?;
    let [members, others] = subject.predictions()?;
    let mut scored = threshold_attacks(&members, &others, &subject.halves)?;
    let groups = [&members, &others].map(|p| blind::Group { rows: &[], labels: p.labels() });
    let blind = blind::attack(None, predictions.classes, groups[0], groups[1], &subject.halves)?;
    replica.blind = Some(blind.result(&terms)?);
    if let Some(context) = job.context {
        let (attack, control) = neural(job, context, &subject, &terms, observer)?;
        replica.control_accuracy = Some(control);
        replica.attack_trained = control > CONTROL;
        scored.push(attack);
    }
    let (by_shadows, said) = shadows::attacks(external, &subject.halves)?;
    scored.extend(by_shadows);
    notes.extend(said);
    replica.attacks = all_results(&scored, &terms)?;
    run::doubt_untrained(replica.attack_trained, &mut replica.attacks);
    replica.notes = run::notes(0, &replica);
    let best = strongest(&replica.attacks).map(|(name, _)| name.to_owned());
    let rows = [predictions.rows_of(MEMBER), predictions.rows_of(TEST)];
    let class_names: Vec<String> = (0..predictions.classes).map(|c| c.to_string()).collect();
    let places = |code: u8| -> Vec<u32> {
        (0..predictions.rows.len() as u32).filter(|&i| predictions.membership[i as usize] == code).collect()
    };
    let subgroups = job.subgroups.or(external.subgroups.as_ref());
    let subgroups = subgroups.map(|groups| groups.of(&places(MEMBER), &places(TEST)));
    let records = Records { rows: &rows[0], class_names: &class_names, subgroups };
    let detail = describe::replica(None, &subject, &scored, best.as_deref(), &records)?;
    let scores = Scores::new(&subject, &scored, best.as_deref(), &rows)?;
    let summary = Summary {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_string(),
        adapter: job.context.map(|context| context.adapter().into()),
        dataset: DatasetSummary {
            name: external.name.clone(),
            records: predictions.rows.len(),
            features: None,
            classes: predictions.classes,
        },
        notes,
        replicas: vec![replica],
        seconds: started.elapsed().as_secs_f64(),
    };
    Ok((summary, Details { schema: details::SCHEMA, replicas: vec![detail] }, vec![scores]))
}

/// The neural attack, and its accuracy where a signal is planted.
fn neural(
    job: &Job,
    context: &Context,
    subject: &Subject,
    terms: &Terms,
    observer: &mut dyn Observer,
) -> Result<(Scored, f64)> {
    let external = job.external;
    let mut progress = |done: usize, total: usize| {
        observer.event(&Event::attack(&external.name, "neural attack", done, total));
    };
    let lessons = [Lesson::from(subject), neural::plant(subject)];
    let found = neural::train(context, job.config, &lessons, job.stop, &mut progress)?;
    let scored = |scores: &[f64]| {
        let (members, others) = scores.split_at(subject.members);
        Scored::new("neural", &subject.halves, members, others)
    };
    Ok((scored(&found[0])?, scored(&found[1])?.result(terms)?.accuracy))
}
