//! The tasks of an audit and what they cost, before anything is run.
//!
//! Not their carrying out.

use super::attacks::attack::{Need, Sizes};
use super::attacks::{ALL, as_published};
use super::evidence::AttackedRecords;
use super::logistic;
use super::shadows::trained;
use crate::run::RunDirectory;
use crate::run::config::Config;
use crate::run::event::{Phase, Task, Work};
use crate::statistics::halves::LEAST_RECORDS;

/// A run that will be audited.
#[derive(Debug, Clone, Copy)]
pub struct PlannedRun<'a> {
    /// Its configuration, resolved.
    pub config: &'a Config,
    /// Where it lies; shadow models that are there cost nothing.
    pub directory: &'a RunDirectory,
    /// |D|, |D′| and test records of a replica.
    pub members: usize,
    /// |D′|.
    pub reference: usize,
    /// Test records.
    pub test: usize,
    /// F.
    pub features: usize,
    /// C.
    pub classes: usize,
    /// Whether records are images.
    pub images: bool,
    /// The classifier's parameters: a forward pass costs about 2 multiply-adds each, a record's step 6.
    pub parameters: usize,
    /// What the training of a model like each replica costs, in the same unit.
    pub training: &'a [f64],
}

/// The tasks of the audit of a run, in the order in which they are carried out. A replica's shadow models are
/// a run of their own, named by its directory; where they are there they cost nothing.
pub fn work(run: &PlannedRun) -> Vec<Work> {
    let config = &run.config.audit;
    let replicas = run.config.replicas().len();
    let mut tasks = vec![];
    for number in (0..replicas).filter(|_| config.shadows > 0) {
        let name = trained::directory_name(number);
        let there = RunDirectory::open(&run.directory.file(&name)).is_ok_and(|run| run.is_trained());
        // Each is trained on half of D and of as many test records.
        let share = run.members.min(run.test) as f64 / run.members.max(1) as f64;
        let cost =
            if there { 0.0 } else { config.shadows as f64 * run.training[number] * 0.5 * (1.0 + share) };
        tasks.push(Work { task: Task { run: name, group: 0, phase: Phase::Training }, cost });
    }
    if config.logistic {
        let there =
            RunDirectory::open(&run.directory.file(logistic::DIRECTORY)).is_ok_and(|run| run.is_trained());
        let cost = if there {
            0.0
        } else {
            replicas as f64 * logistic::cost(run.members, run.features, run.classes)
        };
        let task = Task { run: logistic::DIRECTORY.to_owned(), group: 0, phase: Phase::Training };
        tasks.push(Work { task, cost });
    }
    let sizes = |members: usize, control: bool| Sizes {
        members,
        others: run.test,
        classes: run.classes,
        replicas,
        parameters: run.parameters,
        images: run.images,
        control,
    };
    let attack = |name: String, cost: f64| Work {
        task: Task { run: run.directory.name(), group: 0, phase: Phase::Attack(name) },
        cost,
    };
    for (attacked, members) in
        [(AttackedRecords::Members, run.members), (AttackedRecords::Reference, run.reference)]
    {
        let on_members = attacked == AttackedRecords::Members;
        if members < LEAST_RECORDS {
            continue;
        }
        let met = |need: &Need| match need {
            Need::Gpu => true,
            Need::Queries => on_members && config.label_only,
            Need::Shadows | Need::ShadowOutputs => on_members && config.shadows > 0,
        };
        for made in ALL.iter().filter(|attack| attack.needs.iter().all(met)) {
            let Some(cost) = made.cost else { continue };
            tasks.push(attack(made.task(attacked), cost(config, &sizes(members, on_members))));
        }
    }
    if config.as_published && run.reference >= LEAST_RECORDS {
        let cost = as_published::cost(run.config, &sizes(run.members, false));
        tasks.push(attack(as_published::TASK.to_owned(), cost));
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_named_as_its_events_will_be() {
        let temporary = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
        let mut config = Config::default();
        let planned = |config: &Config, reference: usize| {
            let run = PlannedRun {
                config,
                directory: &directory,
                members: 1000,
                reference,
                test: 4000,
                features: 20,
                classes: 10,
                images: false,
                parameters: 100_000,
                training: &[6.0 * 1e5 * 1000.0 * 20.0],
            };
            work(&run).into_iter().map(|w| (w.task.run, w.task.phase, w.cost)).collect::<Vec<_>>()
        };
        let attack = |name: &str| Phase::Attack(name.to_owned());
        let names = |tasks: &[(String, Phase, f64)]| tasks.iter().map(|t| t.1.clone()).collect::<Vec<_>>();
        assert_eq!(names(&planned(&config, 0)), [attack("neural attack on D")]);
        let both = planned(&config, 1000);
        assert_eq!(names(&both), [attack("neural attack on D"), attack("neural attack on D′")]);
        // A control is trained beside on D alone.
        assert!(both[0].2 > 1.9 * both[1].2 && both[1].2 > 0.0, "{both:?}");
        config.audit.as_published = true;
        assert_eq!(names(&planned(&config, 0)).len(), 1, "it learns from D′");
        let published = planned(&config, 1000).pop().unwrap();
        assert_eq!(published.1, attack("neural attack as published"));
        // 50 epochs: 6 multiply-adds a weight and known record, 2 a scored one, of a network of the game's form.
        let of_one = published.2 / (50.0 * (6.0 * 2.0 * 500.0 + 2.0 * (500.0 + 4000.0)));
        assert!(of_one > 1000.0 && of_one.fract() == 0.0, "{of_one}");
        config.audit.as_published = false;
        (config.audit.label_only, config.audit.shadows, config.audit.logistic) = (true, 8, true);
        let mut all = planned(&config, 0);
        // 60 epochs of 6 multiply-adds a weight and member.
        let logistic = all.remove(1);
        assert_eq!((logistic.0.as_str(), logistic.2), ("logistic", 60.0 * 6.0 * 1000.0 * 200.0));
        let expected = [
            Phase::Training,
            attack("neural attack on D"),
            attack("label-only attack on D"),
            attack("shadow-model attack on D"),
        ];
        assert_eq!(names(&all), expected);
        // Eight models, each on as many records as the target.
        assert_eq!((all[0].0.as_str(), all[0].2), ("shadows-0", 8.0 * 6.0 * 1e5 * 1000.0 * 20.0));
        // 2 · P multiply-adds of 5,000 records in 32 copies.
        assert_eq!(all[2].2, 2.0 * 1e5 * 5000.0 * 32.0);
    }
}
