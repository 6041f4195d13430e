//! Progress on standard error: a bar on a terminal, else a line an epoch.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use super::output::note;
use crate::report::class;
use crate::run::event::{EpochMetrics, Event, Observer, Phase, Task};

/// Values of as many replicas stand in a line; of more, the range.
const IN_A_LINE: usize = 4;

/// Parts of an epoch on the bar: its steps are not the same number in every epoch of every schedule.
const PARTS: u64 = 1000;

/// Shows events as they come.
pub(super) struct Progress {
    quiet: bool,
    /// Only on a terminal.
    bar: Option<ProgressBar>,
    epochs: usize,
    groups: usize,
    /// The group of replicas in training, from 0, and the last epoch heard of it.
    group: usize,
    epoch: usize,
    /// Of a reproduction: the fraction that is done and a text on it, above the bar.
    overall: (f64, String),
}

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(ProgressBar::hidden);
        Progress { quiet, bar, epochs: 0, groups: 1, group: 0, epoch: 0, overall: (0.0, String::new()) }
    }

    /// Removes the bar, so that results follow on a clean line.
    pub(super) fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(|| note(text)),
            None => note(text),
        }
    }

    /// Starts a bar of `length`, its text `template`.
    fn start_bar(&mut self, length: u64, template: &str) {
        let Some(bar) = &mut self.bar else { return };
        bar.finish_and_clear();
        *bar = ProgressBar::new(length).with_prefix(self.overall.1.clone());
        let above = if self.overall.1.is_empty() { "" } else { "{prefix}\n" };
        // A template that does not parse would be a slip here: the default style shows then.
        if let Ok(style) = ProgressStyle::with_template(&format!("{above}{template}")) {
            bar.set_style(style);
        }
    }

    /// Epochs begin anew with each group of replicas.
    fn reach(&mut self, epoch: usize) {
        if epoch < self.epoch {
            self.group += 1;
        }
        self.epoch = epoch;
    }

    fn epoch_done(&mut self, metrics: &[EpochMetrics]) {
        let Some(first) = metrics.first() else { return };
        self.reach(first.epoch);
        let text = numbers(metrics);
        match &self.bar {
            Some(bar) => bar.set_message(text),
            None => self.say(&format!(
                "epoch {:>3}/{}{}  {:.1} s  {text}",
                first.epoch,
                self.epochs,
                self.of_groups(),
                first.seconds
            )),
        }
    }

    fn of_groups(&self) -> String {
        match self.groups {
            0 | 1 => String::new(),
            groups => format!(", group {}/{groups}", self.group + 1),
        }
    }
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
            Event::Planned(_) => {}
            Event::Started { replicas, groups, epochs, steps, dispatches, tiles, .. } => {
                (self.epochs, self.groups) = (*epochs, *groups);
                let models = if *replicas == 1 { "1 model".to_owned() } else { format!("{replicas} models") };
                let split = if *groups > 1 { format!(" in {groups} groups") } else { String::new() };
                self.say(&format!(
                    "training {models}{split}: {epochs} epochs of {steps} steps, {dispatches} dispatches a step, \
                     {tiles} kernels"
                ));
                self.start_bar(
                    (groups * epochs) as u64 * PARTS,
                    "{elapsed} {wide_bar} {percent}% {eta} left  {msg}",
                );
            }
            Event::Resumed { epoch, skipped, .. } => {
                for name in skipped {
                    self.say(&format!("checkpoint {name} is damaged: the one before it is used"));
                }
                self.say(&format!("continuing after epoch {epoch}"));
            }
            Event::Progress { task: Task { group, phase: Phase::Training, .. }, done } => {
                let epochs = self.epochs as f64 * (*group as f64 + done);
                if let Some(bar) = &self.bar {
                    bar.set_position((epochs * PARTS as f64) as u64);
                }
            }
            Event::Epoch { metrics, .. } => self.epoch_done(metrics),
            Event::Progress { task: Task { phase: Phase::Attack(name), .. }, done } => {
                if *done == 0.0 {
                    self.start_bar(PARTS, "{elapsed} {wide_bar} {percent}%  {msg}");
                    if self.bar.is_none() {
                        self.say(&format!("attack: {}", name.replace('_', " ")));
                    }
                }
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("attack: {}", name.replace('_', " ")));
                    bar.set_position((done * PARTS as f64) as u64);
                }
            }
            Event::Overall { name, done, seconds_left } => {
                let left = indicatif::HumanDuration(std::time::Duration::from_secs(*seconds_left as u64));
                let text = format!("{name}: {:.1}% of all, about {left:#} left", 100.0 * done);
                match &self.bar {
                    Some(bar) => bar.set_prefix(text.clone()),
                    // A line a percent: an attack reports much more often.
                    None if *done >= self.overall.0 + 0.01 => self.say(&format!("  {text}")),
                    None => return,
                }
                self.overall = (*done, text);
            }
            Event::Note(text) => self.say(text),
            // Heard even by those who asked for quiet: it changes what the results mean.
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
    let columns: [(&str, Value); 5] = [
        ("loss", |m| Some(m.loss)),
        ("train", |m| Some(m.train_accuracy)),
        ("test", |m| m.test_accuracy),
        ("gain", |m| m.gain),
        ("attack", |m| m.attack_accuracy),
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
    fn groups_are_counted_by_epochs_beginning_anew() {
        let mut progress = Progress::new(true);
        for epoch in [1, 1, 2, 3, 1, 2, 1] {
            progress.reach(epoch);
        }
        assert_eq!(progress.group, 2);
    }
}
