//! The audit: every attack on every model of a case, on D and on D′, whoever trained the models.
//!
//! Not where the evidence comes from, nor where the results go.

use super::attacks::ALL;
use super::attacks::attack::{MembershipAttack, NetworkTraining, Outcome, Tools};
use super::attacks::blind::{self, BlindRecords};
use super::attacks::scored::Scored;
use super::evidence::{AttackedRecords, AuditCase, AuditedModel, BlindBy, Evidence};
use super::results::attacks::{Attacks, all_results};
use super::results::describe;
use super::results::describe_shadows::shadow_summary;
use super::results::details::{self, Details};
use super::results::masked;
use super::results::notes::{exposed_note, notes};
use super::results::per_person;
use super::results::records::{RecordsFound, ReplicaScores};
use super::results::score_file;
use super::results::strongest::strongest_of;
use super::results::summary::{Adapter, SCHEMA, Summary};
use super::results::utility::utility;
use crate::error::Result;
use crate::run::RunDirectory;
use crate::run::config::AuditConfig;
use crate::run::directory::SCORES;
use crate::run::event::Observer;
use crate::statistics::judgment::{AttackResult, Terms};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What an audit came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// For `summary.json`.
    pub summary: Summary,
    /// For `details.json`.
    pub details: Details,
    /// A model each.
    pub scores: Vec<ReplicaScores>,
}

impl Audit {
    /// Writes `summary.json`, `details.json` and `scores.npz`.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, directory: &RunDirectory) -> Result<()> {
        score_file::save(&directory.file(SCORES), &self.scores)?;
        directory.write_details(&self.details)?;
        directory.write_summary(&self.summary)
    }
}

/// Carries out the audit of `case`. Progress and attacks that are not run are told to `observer`.
///
/// # Errors
/// Those of the attacks; [`Kind::Interrupted`](crate::error::Kind::Interrupted) once `stop` is set.
pub fn carry_out(
    case: &AuditCase,
    config: &AuditConfig,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Audit> {
    let started = Instant::now();
    let mut tools = Tools::new(config, stop, &case.name, observer);
    let on_members: Vec<&Evidence> = case.models.iter().map(|model| &model.on_members).collect();
    if let Some(reasons) = on_members.first().and_then(|evidence| not_run(evidence)) {
        tools.note(reasons);
    }
    let of_few = case.models.iter().find_map(|model| model.subgroups.as_ref()?.of_few());
    if let Some(of_few) = &of_few {
        tools.note(of_few.clone());
    }
    let found = attack_all(&on_members, &mut tools)?;
    let on_reference: Vec<&Evidence> = case.models.iter().filter_map(|m| m.on_reference.as_ref()).collect();
    let mut found_on_reference = attack_all(&on_reference, &mut tools)?.into_iter();

    let mut audit = Audit {
        summary: Summary {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_string(),
            adapter: on_members
                .iter()
                .find_map(|e| e.gpu.as_ref().ok())
                .map(|gpu| Adapter::from(gpu.adapter())),
            dataset: case.dataset.clone(),
            notes: case.notes.iter().cloned().chain(of_few).collect(),
            replicas: vec![],
            seconds: 0.0,
        },
        details: Details { schema: details::SCHEMA, replicas: vec![] },
        scores: vec![],
    };
    for (number, (model, found)) in case.models.iter().zip(found).enumerate() {
        let evidence = &model.on_members;
        let terms = Terms { seed: evidence.seed, base_rate: config.base_rate, delta: config.delta };
        let mut replica = model.measured.clone();
        replica.blind = blind_attack(model, &terms)?;
        let [members, test] = evidence.predictions();
        replica.utility = utility(&members, &test, case.class_names);
        if let (Some(utility), Some(logistic)) = (&mut replica.utility, &model.logistic) {
            let others = evidence.split(&evidence.rows)[1].iter();
            let right: Vec<bool> = others.map(|row| logistic.get(row).copied().unwrap_or(false)).collect();
            utility.compare(&test, &right);
        }
        replica.attacks = found.results(&terms)?;
        replica.strongest = strongest_of(&found.scored, &replica.attacks, terms.seed)?;
        replica.control_accuracy = found.training.values().find_map(|training| training.control);
        replica.planted = found.training.values().flat_map(|t| t.ladder.clone()).collect();
        replica.attack_trained = found.training.get("neural").is_none_or(NetworkTraining::succeeded);
        replica.shadows =
            evidence.shadows.as_ref().ok().map(|shadows| shadow_summary(shadows, found.tuned_a));
        if let Some(persons) = &evidence.persons {
            let mut of_persons = per_person::results(persons, evidence.members, &found.scored, &terms)?;
            for (name, result) in &mut of_persons.attacks {
                result.trained = replica.attacks.get(name).and_then(|of_records| of_records.trained);
            }
            replica.persons = Some(of_persons);
        }
        let mut records_of_reference = None;
        if let Some(evidence) = &model.on_reference
            && let Some(mut on_reference) = found_on_reference.next()
        {
            on_reference.take_controls(&found);
            replica.attacks_on_reference = on_reference.results(&terms)?;
            replica.strongest_on_reference =
                strongest_of(&on_reference.scored, &replica.attacks_on_reference, terms.seed)?;
            let best = replica.strongest_attack_on_reference();
            let found = RecordsFound::new(evidence, case.class_names, &on_reference.scored, best)?;
            records_of_reference = Some(found);
        }
        replica.notes = notes(number, &replica);
        replica.notes.extend(model.notes.iter().cloned());
        let best = replica.strongest_attack();
        let details = describe::replica(model, case.class_names, &found.scored)?;
        let exposed = details.exposed_groups();
        let stand_out = exposed.iter().map(|exposed| format!("replica {number}: {}", exposed_note(exposed)));
        let stand_out: Vec<String> = stand_out.collect();
        audit.scores.push(ReplicaScores {
            on_members: RecordsFound::new(evidence, case.class_names, &found.scored, best)?,
            on_reference: records_of_reference,
        });
        audit.details.replicas.push(details);
        replica.notes.extend(stand_out);
        replica.exposed_groups = exposed;
        for note in found.not_run {
            if !audit.summary.notes.contains(&note) {
                audit.summary.notes.push(note);
            }
        }
        audit.summary.replicas.push(replica);
    }
    audit.summary.seconds = case.seconds + started.elapsed().as_secs_f64();
    Ok(audit)
}

/// Which attacks are not run on this evidence, and why, in a line.
fn not_run(evidence: &Evidence) -> Option<String> {
    let mut by_reason: Vec<(&str, Vec<&str>)> = vec![];
    for attack in ALL {
        let Some(reason) = attack.not_run(evidence) else { continue };
        match by_reason.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, titles)) => titles.push(attack.title),
            None => by_reason.push((reason, vec![attack.title])),
        }
    }
    let parts = by_reason.iter().map(|(reason, titles)| format!("{} ({reason})", titles.join(", ")));
    (!by_reason.is_empty()).then(|| format!("not run: {}", parts.collect::<Vec<_>>().join("; ")))
}

/// What all attacks found on one model's records of one kind.
#[derive(Default)]
struct Found {
    scored: Vec<Scored>,
    /// By attack, of those that trained a network.
    training: BTreeMap<&'static str, NetworkTraining>,
    /// a of RMIA, where it was chosen.
    tuned_a: Option<f64>,
    not_run: Vec<String>,
}

impl Found {
    /// The results, with a remark on an attack whose network did not train.
    fn results(&self, terms: &Terms) -> Result<Attacks> {
        let mut attacks = all_results(&self.scored, terms)?;
        masked::flag(&self.scored, &mut attacks);
        masked::flag_beaten(&self.scored, &mut attacks);
        for (name, training) in &self.training {
            let Some(result) = attacks.get_mut(*name) else { continue };
            result.trained = Some(training.succeeded());
            if !training.succeeded() {
                result.remark("attack did not train: no evidence of privacy");
            }
        }
        Ok(attacks)
    }

    /// Where a network had no control of its own, it is that on D.
    fn take_controls(&mut self, on_members: &Found) {
        for (name, training) in &mut self.training {
            let control = on_members.training.get(name).and_then(|training| training.control);
            training.control = training.control.or(control);
            if let Some(own) = on_members.training.get(name) {
                training.ladder.clone_from(&own.ladder);
            }
        }
    }
}

/// Every attack that the evidence allows, each on all models at once. They are models of one run: what one of
/// them allows, all do.
fn attack_all(evidence: &[&Evidence], tools: &mut Tools) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = evidence.iter().map(|_| Found::default()).collect();
    let Some(first) = evidence.first() else { return Ok(found) };
    for attack in ALL.iter().filter(|attack| attack.not_run(first).is_none()) {
        let outcomes = timed(attack, first.attacked, tools, |tools| (attack.run)(attack, evidence, tools))?;
        for (found, outcome) in found.iter_mut().zip(outcomes) {
            match outcome {
                Outcome::Scored { scored, training, tuned_a } => {
                    found.scored.push(Scored { learns: attack.learns, ..scored });
                    found.tuned_a = found.tuned_a.or(tuned_a);
                    found.training.extend(training.map(|training| (attack.name, training)));
                }
                Outcome::NotRun(reason) => found.not_run.push(reason),
            }
        }
    }
    Ok(found)
}

/// Carries out an attack and, where it takes time, tells of its begin and its end.
fn timed<T>(
    attack: &MembershipAttack,
    attacked: AttackedRecords,
    tools: &mut Tools,
    carry_out: impl FnOnce(&mut Tools) -> Result<T>,
) -> Result<T> {
    if attack.cost.is_none() {
        return carry_out(tools);
    }
    tools.begin(attack.task(attacked));
    let outcome = carry_out(tools)?;
    tools.end();
    Ok(outcome)
}

/// The check that members and test records are of one kind.
fn blind_attack(model: &AuditedModel, terms: &Terms) -> Result<Option<AttackResult>> {
    let dataset = match model.blind {
        BlindBy::Nothing => return Ok(None),
        BlindBy::Labels => None,
        BlindBy::Features(dataset) => Some(dataset),
    };
    let evidence = &model.on_members;
    let (rows, labels) = (evidence.split(&evidence.rows), evidence.split(&evidence.labels));
    let [members, others] = [0, 1].map(|kind| BlindRecords { rows: rows[kind], labels: labels[kind] });
    let scored = blind::attack(dataset, evidence.classes, members, others, &evidence.halves)?;
    Ok(Some(scored.result(terms)?))
}

#[cfg(test)]
mod tests {
    use super::super::evidence::measured;
    use super::*;
    use crate::dataset::DatasetSummary;
    use crate::random::{Stream, below, stream};
    use crate::run::event::{Event, Phase, Task};
    use crate::run::predictions::{MEMBER, ReplicaPredictions, TEST};

    const CLASSES: usize = 30;

    /// 2,000 members, of which the model is right on 90%, and as many others, of which it is right on half.
    fn predictions() -> ReplicaPredictions {
        let mut rng = stream(3, Stream::Audit);
        let mut found = ReplicaPredictions { classes: CLASSES, ..ReplicaPredictions::default() };
        for (code, right) in [(MEMBER, 9), (TEST, 5)] {
            let labels: Vec<u32> = (0..2000).map(|_| below(&mut rng, CLASSES as u32)).collect();
            for (i, &label) in labels.iter().enumerate() {
                let mut row = [0f32; CLASSES];
                let hit = i % 10 < right;
                row[if hit { label as usize } else { (label as usize + 1) % CLASSES }] = 3.0;
                found.logits.extend(row);
                found.rows.push(found.rows.len() as u32);
            }
            found.membership.extend(labels.iter().map(|_| code));
            found.labels.extend(labels);
        }
        found
    }

    fn case<'a>(predictions: &'a ReplicaPredictions, class_names: &'a [String]) -> AuditCase<'a> {
        let gpu = Err("there is no GPU".to_owned());
        let on_members = Evidence::new(predictions, AttackedRecords::Members, 4, gpu);
        AuditCase {
            name: "test".to_owned(),
            models: vec![AuditedModel {
                measured: measured(None, predictions),
                on_members: on_members.unwrap(),
                on_reference: None,
                blind: BlindBy::Labels,
                subgroups: None,
                logistic: None,
                notes: vec![],
            }],
            class_names,
            dataset: DatasetSummary::default(),
            notes: vec![],
            seconds: 0.0,
        }
    }

    fn names(attacks: impl Iterator<Item = &'static MembershipAttack>) -> Vec<&'static str> {
        let mut names: Vec<&str> = attacks.map(|attack| attack.name).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_gap_attack_is_the_generalization_gap() {
        let (predictions, class_names) = (predictions(), vec![String::new(); CLASSES]);
        let (stop, config) = (AtomicBool::new(false), AuditConfig::default());
        let audit = carry_out(&case(&predictions, &class_names), &config, &stop, &mut ()).unwrap();
        let replica = &audit.summary.replicas[0];
        let attacks = &replica.attacks;
        let of_outputs_alone = names(ALL.iter().filter(|attack| attack.needs.is_empty()));
        assert_eq!(attacks.keys().collect::<Vec<_>>(), of_outputs_alone);
        // ½(0.9 + 0.5).
        assert!((attacks["gap"].accuracy - 0.7).abs() < 0.02, "{:?}", attacks["gap"]);
        assert_eq!(attacks["gap"].accuracy, attacks["confidence"].accuracy);
        // Its entropy is the same right or wrong, so that attack guesses, and was never meant to see the
        // label.
        assert!((attacks["entropy"].auc - 0.5).abs() < 0.03, "{:?}", attacks["entropy"]);
        assert!(attacks["entropy"].note.is_none() && attacks["gap"].note.is_none());
        // All records of what learns nothing, the scored half of what does.
        assert_eq!((attacks["gap"].curve_members, attacks["gap"].members), (2000, 1000));
        assert_eq!(attacks["confidence_per_class"].curve_nonmembers, 1000);
        // No network was trained, so none failed.
        assert_eq!((replica.attack_trained, replica.control_accuracy), (true, None));
        assert_eq!((audit.scores.len(), audit.details.replicas[0].curves.len()), (1, attacks.len()));
    }

    #[test]
    fn attacks_that_are_not_run_are_told_once_with_the_reason() {
        let (predictions, class_names) = (predictions(), vec![String::new(); CLASSES]);
        let case = case(&predictions, &class_names);
        let line = not_run(&case.models[0].on_members).unwrap();
        assert!(line.starts_with("not run: neural (there is no GPU); label only"), "{line}");
        let titles = ALL.iter().filter(|attack| !attack.needs.is_empty()).map(|attack| attack.title);
        titles.for_each(|title| assert_eq!(line.matches(title).count(), 1, "{title}: {line}"));
    }

    #[test]
    fn an_attack_that_takes_time_tells_of_its_begin_and_its_end_once() {
        struct Recorded(Vec<(Task, f64)>);
        impl Observer for Recorded {
            fn event(&mut self, event: &Event) {
                if let Event::Progress { task, done, .. } = event {
                    self.0.push((task.clone(), *done));
                }
            }
        }
        let (stop, config) = (AtomicBool::new(false), AuditConfig::default());
        let neural = super::super::attacks::find("neural").unwrap();
        for parts in [0, 2, 4] {
            let mut recorded = Recorded(vec![]);
            let mut tools = Tools::new(&config, &stop, "run", &mut recorded);
            let carry_out = |tools: &mut Tools| {
                (1..=parts).for_each(|done| tools.progress(done, 4));
                Ok(())
            };
            timed(neural, AttackedRecords::Reference, &mut tools, carry_out).unwrap();
            let done: Vec<f64> = recorded.0.iter().map(|(_, done)| *done).collect();
            assert_eq!((done[0], done[done.len() - 1]), (0.0, 1.0), "{done:?}");
            assert_eq!(done.iter().filter(|done| **done == 1.0).count(), 1, "{done:?}");
            let phase = Phase::Attack("neural attack on D′".to_owned());
            assert!(recorded.0.iter().all(|(task, _)| (task.run.as_str(), &task.phase) == ("run", &phase)));
        }
    }
}
