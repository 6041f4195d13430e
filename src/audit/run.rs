//! The audit of a finished run: every attack on every replica, on D and on D′, into `summary.json`,
//! `details.json` and `scores.npz`.

use super::attacks::neural::{self, CONTROL, Lesson, plant};
use super::attacks::scores::Form;
use super::attacks::threshold::{Scored, threshold_attacks};
use super::attacks::{blind, label_only, shadow_model};
use super::results::describe::{self, Records};
use super::results::details::{self, Details, ReplicaDetails};
use super::results::result::{AttackResult, Attacks, all_results, strongest};
use super::results::score_file::{self, Scores};
use super::results::subgroups::Subgroups;
use super::results::summary::{ReplicaSummary, SCHEMA, Summary};
use super::shadows::Shadows;
use super::subject::Subject;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::release::predict::TrainedClassifier;
use crate::run::RunDirectory;
use crate::run::config::{Config, Replica};
use crate::run::directory::{MODEL, SCORES};
use crate::run::event::{Event, Observer};
use crate::run::model_file::ModelFile;
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use crate::train::cohort::COLLAPSED;
use crate::train::privacy::Guarantee;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What an audit needs.
#[derive(Debug)]
pub struct Job<'a> {
    pub config: &'a Config,
    pub directory: &'a RunDirectory,
    pub context: &'a Context,
    /// The run's data, where they can be read: the blind attack needs them.
    pub dataset: Option<&'a Dataset>,
    /// Groups of records to be told apart in the results.
    pub subgroups: Option<&'a Subgroups>,
    /// Set from outside (Ctrl-C): stop soon.
    pub stop: &'a AtomicBool,
}

/// Attacks the models of the job's directory and writes its `summary.json`, `details.json` and `scores.npz`.
///
/// # Errors
/// A run without predictions, too few records for an audit, a lost device;
/// [`Kind::Interrupted`](crate::error::Kind::Interrupted) once `stop` is set.
pub fn run(job: &Job, observer: &mut dyn Observer) -> Result<Summary> {
    let Job { config, directory, context, .. } = *job;
    let started = Instant::now();
    let predictions = directory.read_predictions()?;
    let facts = ModelFile::read(&directory.file(MODEL))?.facts;
    let metrics = directory.read_metrics()?;
    let settings = config.replicas();
    if predictions.len() != settings.len() {
        return Err(Error::data(directory.path().display().to_string())
            .expected(format!("predictions of {} replicas, as run.toml says", settings.len()))
            .found(predictions.len().to_string())
            .advice("the directory's files do not belong together: train anew"));
    }
    let mut replicas: Vec<ReplicaSummary> =
        settings.iter().zip(&predictions).map(|(s, p)| measured(Some(*s), p)).collect();
    for (r, replica) in replicas.iter_mut().enumerate() {
        let last = metrics.iter().rfind(|m| m.replica == r);
        replica.collapsed = last.and_then(|m| m.collapsed).unwrap_or(false);
        replica.frozen_at_step = last.and_then(|m| m.frozen_at_step);
    }
    let mut details = Details { schema: details::SCHEMA, replicas: vec![] };
    let mut scores = vec![];
    // Whether each replica's attack passed its positive control, which is run on D.
    let mut passed = vec![true; replicas.len()];
    for target in [MEMBER, REFERENCE] {
        let enough = |p: &ReplicaPredictions| [target, TEST].iter().all(|&set| p.rows_of(set).len() >= 4);
        if predictions.iter().all(enough) {
            let found = attack(job, (&settings, &predictions), target, &passed, observer)?;
            for (r, (replica, mut found)) in replicas.iter_mut().zip(found).enumerate() {
                if target == REFERENCE {
                    replica.attacks_on_reference = found.results(job)?;
                    continue;
                }
                replica.blind = blind(job, &predictions[r], &found.subject)?;
                extend(job, r, &predictions[r], &mut found, observer)?;
                replica.attacks = found.results(job)?;
                replica.control_accuracy = found.control;
                replica.attack_trained = found.trained;
                passed[r] = found.control.is_none_or(|c| c > CONTROL);
                let best = strongest(&replica.attacks).map(|(name, _)| name);
                details.replicas.push(detail(job, &predictions[r], &facts.class_names, best, &found)?);
                let rows = [MEMBER, TEST].map(|code| predictions[r].rows_of(code));
                scores.push(Scores::new(&found.subject, &found.scored, best, &rows)?);
            }
        } else if target == MEMBER {
            return Err(Error::data("audit")
                .expected("at least 4 members and 4 test records")
                .found("fewer")
                .advice("keep more records for testing (--test)"));
        }
    }
    for (r, replica) in replicas.iter_mut().enumerate() {
        replica.notes = notes(r, replica);
        let members = predictions[r].rows_of(MEMBER).len();
        let guarantee = Guarantee::of(config, &settings[r], members);
        replica.notes.extend(guarantee.map(|guarantee| format!("replica {r}: {guarantee}")));
    }
    // Replicas of a group share their epochs' seconds: each epoch of a group counts once.
    let epochs: BTreeSet<(usize, u64)> = metrics.iter().map(|m| (m.epoch, m.seconds.to_bits())).collect();
    let trained: f64 = epochs.into_iter().map(|(_, seconds)| f64::from_bits(seconds)).sum();
    let summary = Summary {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_string(),
        adapter: Some(context.adapter().into()),
        dataset: facts.dataset,
        notes: vec![],
        replicas,
        seconds: trained + started.elapsed().as_secs_f64(),
    };
    score_file::save(&directory.file(SCORES), &scores)?;
    directory.write_details(&details)?;
    directory.write_summary(&summary)?;
    Ok(summary)
}

/// The accuracies.
pub(super) fn measured(settings: Option<Replica>, predictions: &ReplicaPredictions) -> ReplicaSummary {
    let accuracy = |membership: u8| -> Option<f64> {
        let rows = predictions.logits.chunks_exact(predictions.classes).zip(&predictions.labels);
        let asked = rows.zip(&predictions.membership).filter(|(_, found)| **found == membership);
        let (mut right, mut all) = (0usize, 0usize);
        for ((row, &label), _) in asked {
            let best = (1..row.len()).fold(0, |best, c| if row[c] > row[best] { c } else { best });
            (right, all) = (right + usize::from(best == label as usize), all + 1);
        }
        (all > 0).then(|| right as f64 / all as f64)
    };
    ReplicaSummary {
        settings,
        train_accuracy: accuracy(MEMBER).unwrap_or(f64::NAN),
        reference_accuracy: accuracy(REFERENCE),
        test_accuracy: accuracy(TEST),
        ..ReplicaSummary::default()
    }
}

/// All attacks on one replica's records of one kind.
struct Found {
    settings: Replica,
    subject: Subject,
    scored: Vec<Scored>,
    /// The neural attack's accuracy where a signal was planted; on D only.
    control: Option<f64>,
    trained: bool,
}

impl Found {
    fn results(&self, job: &Job) -> Result<Attacks> {
        let mut attacks = all_results(&self.scored, &job.config.audit.terms(self.settings.seed))?;
        doubt_untrained(self.trained, &mut attacks);
        Ok(attacks)
    }
}

/// Remarks on a neural attack that did not train.
pub(super) fn doubt_untrained(trained: bool, attacks: &mut Attacks) {
    if let (false, Some(neural)) = (trained, attacks.get_mut("neural")) {
        neural.remark("attack did not train: no evidence of privacy");
    }
}

fn attack(
    job: &Job,
    (settings, predictions): (&[Replica], &[ReplicaPredictions]),
    target: u8,
    passed: &[bool],
    observer: &mut dyn Observer,
) -> Result<Vec<Found>> {
    let Job { config, context, stop, .. } = *job;
    let classes = predictions[0].classes;
    let mut subjects = vec![];
    for (settings, predictions) in settings.iter().zip(predictions) {
        let (members, nonmembers) = (predictions.of(target), predictions.of(TEST));
        subjects.push(Subject::new(members, nonmembers, Form::Logits, classes, settings.seed)?);
    }
    // The positive control, trained beside: the same records with a signal planted.
    // One is enough: on D′ it would be the same network on records of the same kind.
    let mut lessons: Vec<Lesson> = subjects.iter().map(Lesson::from).collect();
    if target == MEMBER {
        lessons.extend(subjects.iter().map(plant));
    }
    let name = if target == MEMBER { "neural attack on D" } else { "neural attack on D′" };
    let mut progress = |done: usize, total: usize| {
        observer.event(&Event::attack(&job.directory.name(), name, done, total));
    };
    let scores = neural::train(context, &config.audit, &lessons, stop, &mut progress)?;
    let (scores, control) = scores.split_at(subjects.len());
    let mut found = vec![];
    for (i, (subject, scores)) in subjects.into_iter().zip(scores).enumerate() {
        let terms = config.audit.terms(subject.seed);
        let [members, nonmembers] = subject.predictions()?;
        let mut scored = threshold_attacks(&members, &nonmembers, &subject.halves)?;
        let neural = |scores: &[f64]| {
            let (members, nonmembers) = scores.split_at(subject.members);
            Scored::new("neural", &subject.halves, members, nonmembers)
        };
        scored.push(neural(scores)?);
        let control = match control.get(i) {
            Some(scores) => Some(neural(scores)?.result(&terms)?.accuracy),
            None => None,
        };
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / scores.len() as f64;
        let trained = passed[i] && control.is_none_or(|c| c > CONTROL) && variance.sqrt() >= COLLAPSED;
        found.push(Found { settings: settings[i], subject, scored, control, trained });
    }
    Ok(found)
}

/// The attacks on D that need more than the model's outputs: those with shadow models.
fn extend(
    job: &Job,
    number: usize,
    predictions: &ReplicaPredictions,
    found: &mut Found,
    observer: &mut dyn Observer,
) -> Result<()> {
    let settings = found.settings;
    let data = || {
        let missing =
            || Error::data("audit").expected("the run's data, to ask or train models anew").found("none");
        job.dataset.ok_or_else(missing)
    };
    if job.config.audit.label_only {
        let dataset = data()?;
        let file = ModelFile::read(&job.directory.file(MODEL))?;
        let classifier = TrainedClassifier::load(job.context, job.config, &file, number, dataset)?;
        let rows = [predictions.rows_of(MEMBER), predictions.rows_of(TEST)];
        let scores = label_only::scores(job, dataset, &classifier, &rows.concat(), settings.seed, observer)?;
        let (members, nonmembers) = scores.split_at(rows[0].len());
        found.scored.push(Scored::new("label_only", &found.subject.halves, members, nonmembers)?);
    }
    if job.config.audit.shadows > 0 {
        let dataset = data()?;
        let shadows =
            Shadows::train(job, dataset, number, (settings, predictions), &found.subject, observer)?;
        let mut scores = shadows.likelihoods(predictions)?;
        scores.push((
            "shadow_model",
            shadow_model::scores(job, &shadows, predictions, settings.seed, observer)?,
        ));
        for (name, scores) in scores {
            found.scored.push(shadows.pool.scored(name, &scores)?);
        }
    }
    Ok(())
}

/// The check that members and test records are of one kind; `None` without the data.
fn blind(job: &Job, predictions: &ReplicaPredictions, subject: &Subject) -> Result<Option<AttackResult>> {
    let Some(dataset) = job.dataset else { return Ok(None) };
    let rows = [predictions.rows_of(MEMBER), predictions.rows_of(TEST)];
    let labels = subject.labels.split_at(subject.members);
    let group = |rows, labels| blind::Group { rows, labels };
    let (members, nonmembers) = (group(&rows[0], labels.0), group(&rows[1], labels.1));
    let scored = blind::attack(Some(dataset), subject.classes, members, nonmembers, &subject.halves)?;
    Ok(Some(scored.result(&job.config.audit.terms(subject.seed))?))
}

/// What a report shows of one replica's D beside the results.
fn detail(
    job: &Job,
    predictions: &ReplicaPredictions,
    class_names: &[String],
    best: Option<&str>,
    found: &Found,
) -> Result<ReplicaDetails> {
    let rows = [predictions.rows_of(MEMBER), predictions.rows_of(TEST)];
    let subgroups = job.subgroups.map(|groups| groups.of(&rows[0], &rows[1]));
    let records = Records { rows: &rows[0], class_names, subgroups };
    describe::replica(Some(found.settings), &found.subject, &found.scored, best, &records)
}

/// What a reader must know before believing the numbers.
pub(super) fn notes(number: usize, replica: &ReplicaSummary) -> Vec<String> {
    let mut notes = vec![];
    if replica.collapsed {
        notes.push(format!(
            "replica {number}: the defense's attack network collapsed (it says the same of every record, or a \
             layer is dead): its penalty taught the classifier nothing"
        ));
    }
    if let Some(step) = replica.frozen_at_step {
        notes.push(format!("replica {number}: training diverged at step {step}; this is the state before"));
    }
    if !replica.attack_trained {
        notes.push(format!(
            "replica {number}: the neural attack did not train (it finds {:.0}% where a signal is planted): \
             its result is no evidence of privacy",
            100.0 * replica.control_accuracy.unwrap_or(0.0)
        ));
    }
    if let Some(found) = replica.blind.as_ref().filter(|found| blind::differ(found)) {
        notes.push(format!(
            "replica {number}: members and test records differ without the model (blind attack: AUC {:.3}): what \
             the attacks find is in part that the split is not fair",
            found.auc
        ));
    }
    if let Some((name, best)) = strongest(&replica.attacks)
        && let Some(neural) = replica.attacks.get("neural")
        && best.accuracy - neural.accuracy > 0.02
    {
        notes.push(format!(
            "replica {number}: {name} ({:.3}) finds more than the neural attack ({:.3})",
            best.accuracy, neural.accuracy
        ));
    }
    notes
}
