//! Progress on standard error: one bar for the whole job on a terminal, else a line an epoch, and one every 30 s.
//!
//! Not how far the job is: that is the ledger's ([`crate::run::ledger`]).

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::output::note;
use crate::lab::variants::Variants;
use crate::report::class;
use crate::run::RunDirectory;
use crate::run::event::{EpochMetrics, Event, Observer, Phase, Task, Work};
use crate::run::ledger::Ledger;

/// Values of as many replicas stand in a line; of more, the range.
const IN_A_LINE: usize = 4;

/// Without a terminal a line at least so often, as long as there is progress: somebody may be watching a log.
const SILENCE: Duration = Duration::from_secs(30);

/// Steps of the bar.
const PARTS: u64 = 1000;

/// The bar with what is done and what is left; below it what is being done.
const TEMPLATE: &str = "{elapsed} {wide_bar} {prefix}\n{wide_msg}";

/// Shows events as they come.
pub(super) struct Progress {
    quiet: bool,
    verbose: bool,
    /// When something was said last.
    said: Cell<Instant>,
    /// Only on a terminal.
    bar: Option<ProgressBar>,
    job: Option<JobAccount>,
    training: Training,
}

/// The job that was planned.
struct JobAccount {
    ledger: Ledger,
    /// When it was.
    started: Instant,
    /// The fraction of the last line about the whole of it.
    told: f64,
}

/// The training under way.
#[derive(Default)]
struct Training {
    epochs: usize,
    /// The epoch under way, from 1.
    epoch: usize,
    groups: usize,
    /// The numbers of its last epoch.
    numbers: String,
}

impl Progress {
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(ProgressBar::hidden);
        let said = Cell::new(Instant::now());
        Progress { quiet, verbose, said, bar, job: None, training: Training::default() }
    }

    /// Says whose directory it was, where that program was killed.
    pub(super) fn taken_over(&mut self, directory: &RunDirectory) {
        if let Some(before) = directory.taken_over() {
            self.event(&Event::Note(format!("{} was held by {before}", directory.path().display())));
        }
    }

    /// Says which kernel variants run: to all, where they are not the adapter's defaults.
    pub(super) fn variants(&self, variants: Variants) {
        match variants.default {
            true => self.detail(&variants.words),
            false => self.say(&variants.words),
        }
    }

    /// Removes the bar, so that results follow on a clean line.
    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        self.said.set(Instant::now());
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    /// Says what only those want to know who asked for all.
    fn detail(&self, text: &str) {
        if self.verbose {
            self.say(text);
        }
    }

    fn begin(&mut self, works: &[Work]) {
        self.job = Some(JobAccount { ledger: Ledger::new(works), started: Instant::now(), told: 0.0 });
        if let Some(bar) = &mut self.bar {
            *bar = ProgressBar::new(PARTS);
            // A template that does not parse would be a slip here: the default style shows then.
            if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
                bar.set_style(style);
            }
        }
    }

    /// So much of a task is done, now or from before.
    fn account(&mut self, task: &Task, done: f64, kept: bool) {
        // An audit of predictions has one task, and nobody plans it.
        if self.job.is_none() {
            self.begin(&[Work { task: task.clone(), cost: 1.0 }]);
        }
        if let Some(job) = &mut self.job {
            match kept {
                true => job.ledger.keep(task, done),
                false => job.ledger.report(task, done),
            }
        }
        if !kept {
            self.show_task(task);
        }
        self.show_job(task);
    }

    /// What is being done: the line below the bar.
    fn show_task(&self, task: &Task) {
        let Some(bar) = &self.bar else { return };
        let epochs = self.training.epochs;
        let what = match &task.phase {
            Phase::Attack(name) => name.replace('_', " "),
            Phase::Training => {
                format!("{}  {}", self.epoch(task, self.training.epoch, epochs), self.training.numbers)
            }
        };
        bar.set_message(what);
    }

    /// How far the whole job is: on the bar, or a line a percent where it has several runs.
    fn show_job(&mut self, task: &Task) {
        let Some(job) = &mut self.job else { return };
        let fraction = job.ledger.fraction();
        let left = left(job.ledger.seconds_left(job.started.elapsed().as_secs_f64()));
        match &self.bar {
            Some(bar) => {
                bar.set_position((fraction * PARTS as f64) as u64);
                let (percent, left) = (percent(fraction), left.unwrap_or_default());
                bar.set_prefix(if left.is_empty() { percent } else { format!("{percent} {left}") });
            }
            // A line a percent: an attack reports much more often.
            None if (job.ledger.has_several_runs() && fraction >= job.told + 0.01)
                || self.said.get().elapsed() >= SILENCE =>
            {
                job.told = fraction;
                let left = left.map_or(String::new(), |left| format!(", about {left}"));
                let line = format!("  {}: {} of all{left}", task.run, percent(fraction));
                self.say(&line);
            }
            None => {}
        }
    }

    /// The epoch of a run's training, the run named where there are several.
    fn epoch(&self, task: &Task, epoch: usize, epochs: usize) -> String {
        let several = self.job.as_ref().is_some_and(|job| job.ledger.has_several_runs());
        let run = if several { format!("{}: ", task.run) } else { String::new() };
        let group = match self.training.groups {
            0 | 1 => String::new(),
            groups => format!(", group {}/{groups}", task.group + 1),
        };
        format!("{run}epoch {epoch:>3}/{epochs}{group}")
    }

    fn epoch_done(&mut self, task: &Task, epochs: usize, metrics: &[EpochMetrics]) {
        let Some(first) = metrics.first() else { return };
        self.training.numbers = numbers(metrics);
        if self.bar.is_some() {
            self.show_task(task);
        } else {
            let epoch = self.epoch(task, first.epoch, epochs);
            self.say(&format!("{epoch}  {:.1} s  {}", first.seconds, self.training.numbers));
        }
    }
}

/// What is done of a job that has not ended: never all of it.
fn percent(fraction: f64) -> String {
    format!("{:.0}%", (100.0 * fraction).floor().min(99.0))
}

/// How long the rest will take; of a job that has not ended never no time. `None` as long as nothing tells.
fn left(seconds: Option<f64>) -> Option<String> {
    let seconds = seconds?;
    if seconds == 0.0 {
        return Some("finishing".to_owned());
    }
    Some(format!("{:#} left", HumanDuration(Duration::from_secs(seconds.max(1.0) as u64))))
}

impl Observer for Progress {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Adapter(adapter) => {
                let kind = class(adapter.kind);
                self.say(&format!("adapter: {} ({}, {kind})", adapter.name, adapter.backend));
            }
            Event::Dataset { name, kind, .. } => self.say(&format!("data: {name}: {kind}")),
            Event::Preset { name, deviations } => {
                self.say(&format!("preset: {name}"));
                for deviation in deviations {
                    self.say(&format!("  deviation: {deviation}"));
                }
            }
            Event::Planned(works) => self.begin(works),
            Event::Kept { task, done } => self.account(task, *done, true),
            Event::Progress { task, done, epoch } => {
                if self.bar.is_none()
                    && let (Phase::Attack(name), 0.0) = (&task.phase, *done)
                {
                    self.say(&format!("attack: {}", name.replace('_', " ")));
                }
                self.training.epoch = epoch.unwrap_or(self.training.epoch);
                self.account(task, *done, false);
            }
            Event::Started { run, replicas, groups, epochs, steps, dispatches, tiles } => {
                if let Some(job) = &mut self.job {
                    job.ledger.share(run, *groups);
                }
                self.training = Training { epochs: *epochs, groups: *groups, ..Training::default() };
                let models = if *replicas == 1 { "1 model".to_owned() } else { format!("{replicas} models") };
                let split = if *groups > 1 { format!(" in {groups} groups") } else { String::new() };
                self.say(&format!("training {models}{split}: {epochs} epochs of {steps} steps"));
                self.detail(&format!("{dispatches} dispatches a step, {tiles} kernels"));
            }
            Event::Resumed { epoch, skipped, .. } => {
                for name in skipped {
                    self.say(&format!("checkpoint {name} is damaged: the one before it is used"));
                }
                self.say(&format!("continuing after epoch {epoch}"));
            }
            Event::Epoch { task, epochs, metrics } => self.epoch_done(task, *epochs, metrics),
            Event::Note(text) => self.say(text),
            Event::Detail(text) => self.detail(text),
            // Shown even to those who asked for quiet: it changes what the results mean.
            Event::Warning(text) => match &self.bar {
                Some(bar) => bar.suspend(|| note(&format!("warning: {text}"))),
                None => note(&format!("warning: {text}")),
            },
        }
    }
}

/// Loss, accuracies and gain of an epoch, those that were measured.
fn numbers(metrics: &[EpochMetrics]) -> String {
    type Value = fn(&EpochMetrics) -> Option<f64>;
    let columns: [(&str, Value); 7] = [
        ("loss", |m| Some(m.loss)),
        ("train", |m| Some(m.train_accuracy)),
        ("test", |m| m.test_accuracy),
        ("gain", |m| m.gain),
        ("attack", |m| m.attack_accuracy),
        ("after it", |m| m.adversary.map(|check| check.attack_accuracy)),
        ("threshold", |m| m.adversary.map(|check| check.threshold_accuracy)),
    ];
    let mut parts = Vec::new();
    for (name, value) in columns {
        let values: Vec<Option<f64>> = metrics.iter().map(value).collect();
        if values.iter().any(Option::is_some) {
            parts.push(format!("{name} {}", several(&values)));
        }
    }
    parts.join("  ")
}

fn several(values: &[Option<f64>]) -> String {
    let text = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
    if values.len() <= IN_A_LINE {
        return values.iter().map(|&value| text(value)).collect::<Vec<_>>().join(" / ");
    }
    let found = || values.iter().flatten().copied();
    // `min` and `max` pass over NaN: a replica that diverged leaves the others' range.
    format!("{} to {}", text(found().reduce(f64::min)), text(found().reduce(f64::max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_replicas_are_listed_and_many_ranged() {
        assert_eq!(several(&[Some(1.0), None]), "1.000 / –");
        assert_eq!(several(&[Some(2.0), Some(1.0), None, Some(f64::NAN), Some(3.0)]), "1.000 to 3.000");
    }

    #[test]
    fn what_was_not_measured_is_left_out() {
        let metrics = EpochMetrics { loss: 1.5, train_accuracy: 0.25, ..EpochMetrics::default() };
        assert_eq!(numbers(&[metrics]), "loss 1.500  train 0.250");
    }

    #[test]
    fn what_is_left_is_never_all_done_nor_no_time() {
        assert_eq!([0.0, 0.019, 0.999, 1.0].map(percent), ["0%", "1%", "99%", "99%"]);
        assert_eq!(left(None), None);
        assert_eq!(left(Some(0.001)).as_deref(), Some("1s left"));
        assert_eq!(left(Some(45.5)).as_deref(), Some("45s left"));
        assert_eq!(left(Some(0.0)).as_deref(), Some("finishing"));
    }

    #[test]
    fn an_epoch_names_its_group_and_where_there_are_several_its_run() {
        let task = |run: &str, group| Task { run: run.to_owned(), group, phase: Phase::Training };
        let mut progress = Progress::new(true, false);
        let work = |run| Work { task: task(run, 0), cost: 1.0 };
        progress.begin(&[work("run")]);
        assert_eq!(progress.epoch(&task("run", 0), 2, 40), "epoch   2/40");
        progress.training.groups = 3;
        progress.begin(&[work("run"), work("shadows-0")]);
        assert_eq!(progress.epoch(&task("shadows-0", 1), 2, 5), "shadows-0: epoch   2/5, group 2/3");
    }

    #[test]
    fn the_epoch_under_way_is_the_one_that_is_told() {
        let task = |group| Task { run: "run".to_owned(), group, phase: Phase::Training };
        let mut progress = Progress::new(true, false);
        let metrics = vec![EpochMetrics { epoch: 2, ..EpochMetrics::default() }];
        progress.event(&Event::Epoch { task: task(0), epochs: 3, metrics });
        for (group, epoch) in [(0, 3), (1, 1)] {
            progress.event(&Event::Progress { task: task(group), done: 0.9, epoch: Some(epoch) });
            assert_eq!(progress.training.epoch, epoch);
        }
    }
}
