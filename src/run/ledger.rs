//! How far a job is, and how long it will take: what was planned against what was reported.
//!
//! Pure data, no clock of its own; not how it is shown.

use super::event::{Phase, Task, Work};

/// The account of one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Ledger {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    work: Work,
    /// What of it is done, and what of that was done before the job began; from 0 to 1.
    done: f64,
    before: f64,
}

impl Ledger {
    /// The account of a job of these tasks, none of them begun.
    pub fn new(works: &[Work]) -> Self {
        let entry = |work: &Work| Entry { work: work.clone(), done: 0.0, before: 0.0 };
        Ledger { entries: works.iter().map(entry).collect() }
    }

    /// The training of `run` goes on in so many groups, of which only the first may have been planned: how
    /// many fit the adapter is known once it begins. The planned work is then shared by all of them.
    pub fn share(&mut self, run: &str, groups: usize) {
        let training = |entry: &Entry| entry.work.task.run == run && entry.work.task.phase == Phase::Training;
        let Some(first) = self.entries.iter().position(|entry| training(entry) && entry.done < 1.0) else {
            return;
        };
        let others_planned =
            self.entries.get(first + 1).is_some_and(|next| training(next) && next.work.task.group == 1);
        if groups < 2 || self.entries[first].work.task.group != 0 || others_planned {
            return;
        }
        let cost = self.entries[first].work.cost / groups as f64;
        self.entries[first].work.cost = cost;
        let other = |group: usize| {
            let task = Task { run: run.to_owned(), group, phase: Phase::Training };
            Entry { work: Work { task, cost }, done: 0.0, before: 0.0 }
        };
        self.entries.splice(first + 1..first + 1, (1..groups).map(other));
    }

    /// So much of `task` was done before the job began: it takes no time.
    pub fn keep(&mut self, task: &Task, done: f64) {
        if let Some(entry) = self.open_entry(task) {
            entry.before = done.clamp(0.0, 1.0);
            entry.done = entry.done.max(entry.before);
        }
    }

    /// So much of `task` is done. What was not planned does not count, and nothing is ever undone.
    pub fn report(&mut self, task: &Task, done: f64) {
        if let Some(entry) = self.open_entry(task) {
            entry.done = entry.done.max(done.min(1.0));
        }
    }

    /// Of equal tasks the first that is not done.
    fn open_entry(&mut self, task: &Task) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.work.task == *task && entry.done < 1.0)
    }

    fn sum(&self, part: impl Fn(&Entry) -> f64) -> f64 {
        self.entries.iter().map(|entry| entry.work.cost * part(entry)).sum()
    }

    /// The fraction of all work that is done, from 0 to 1; 1 is reached when nothing is left and not before.
    pub fn fraction(&self) -> f64 {
        let (left, total) = (self.sum(|entry| 1.0 - entry.done), self.sum(|_| 1.0));
        if left > 0.0 { (1.0 - left / total).min(1.0 - f64::EPSILON) } else { 1.0 }
    }

    /// The seconds that the rest will take if it goes on as fast as the job's own work did in its first
    /// `elapsed` seconds; `None` as long as nothing tells.
    pub fn seconds_left(&self, elapsed: f64) -> Option<f64> {
        let own = self.sum(|entry| entry.done - entry.before);
        (own > 0.0).then(|| elapsed * self.sum(|entry| 1.0 - entry.done) / own)
    }

    /// Whether there is more than one run in the job.
    pub fn has_several_runs(&self) -> bool {
        let run = |entry: &Entry| entry.work.task.run.clone();
        self.entries.first().is_some_and(|first| self.entries.iter().any(|entry| run(entry) != run(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(run: &str, group: usize, phase: Phase) -> Task {
        Task { run: run.to_owned(), group, phase }
    }

    fn training(run: &str) -> Task {
        task(run, 0, Phase::Training)
    }

    fn attack(run: &str) -> Task {
        task(run, 0, Phase::Attack("neural".to_owned()))
    }

    fn ledger(works: &[(Task, f64)]) -> Ledger {
        Ledger::new(&works.iter().cloned().map(|(task, cost)| Work { task, cost }).collect::<Vec<_>>())
    }

    /// It said "100% 0s left" while shadow models were trained: their epochs were taken for the run's own.
    #[test]
    fn shadow_models_are_a_part_of_the_job() {
        let mut ledger =
            ledger(&[(training("run"), 10.0), (training("shadows-0"), 80.0), (attack("run"), 10.0)]);
        assert_eq!((ledger.fraction(), ledger.seconds_left(0.0)), (0.0, None));
        ledger.report(&training("run"), 1.0);
        assert!((ledger.fraction() - 0.1).abs() < 1e-12);
        assert!((ledger.seconds_left(5.0).unwrap() - 45.0).abs() < 1e-9);
        ledger.report(&training("shadows-0"), 0.5);
        assert!((ledger.fraction() - 0.5).abs() < 1e-12);
        // 50 of 100 in 25 seconds.
        assert!((ledger.seconds_left(25.0).unwrap() - 25.0).abs() < 1e-9);
    }

    /// It said "0% 4h left" during an audit of a minute: the bar of each attack began anew.
    #[test]
    fn an_attack_begins_where_training_ended() {
        let mut ledger = ledger(&[(training("run"), 90.0), (attack("run"), 10.0)]);
        ledger.report(&training("run"), 1.0);
        ledger.report(&attack("run"), 0.0);
        assert!((ledger.fraction() - 0.9).abs() < 1e-12);
        assert!((ledger.seconds_left(90.0).unwrap() - 10.0).abs() < 1e-9);
    }

    /// Shadow models are planned before it is known how many fit the adapter at once.
    #[test]
    fn a_training_in_groups_is_done_when_all_of_them_are() {
        let mut ledger = ledger(&[(training("shadows-0"), 90.0), (attack("run"), 10.0)]);
        ledger.share("another", 3);
        ledger.share("shadows-0", 3);
        for (group, expected) in [(0, 0.3), (1, 0.6), (2, 0.9)] {
            ledger.report(&task("shadows-0", group, Phase::Training), 1.0);
            assert!((ledger.fraction() - expected).abs() < 1e-12, "{group}: {}", ledger.fraction());
        }
        // Told again, as on resuming, it changes nothing.
        ledger.share("shadows-0", 3);
        assert!((ledger.fraction() - 0.9).abs() < 1e-12);
    }

    #[test]
    fn what_was_done_before_counts_as_done_and_not_for_the_rate() {
        let mut ledger =
            ledger(&[(training("finished"), 60.0), (training("resumed"), 20.0), (attack("resumed"), 20.0)]);
        ledger.keep(&training("finished"), 1.0);
        ledger.keep(&training("resumed"), 0.5);
        assert!((ledger.fraction() - 0.7).abs() < 1e-12);
        assert_eq!(ledger.seconds_left(3.0), None, "nothing of its own is done");
        ledger.report(&training("resumed"), 0.75);
        // 5 in 10 seconds, 25 are left.
        assert!((ledger.seconds_left(10.0).unwrap() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn equal_tasks_are_done_one_after_another() {
        let mut ledger = ledger(&[(attack("run"), 1.0), (attack("run"), 1.0)]);
        for (done, expected) in [(0.0, 0.0), (0.5, 0.25), (1.0, 0.5), (0.5, 0.75), (1.0, 1.0), (0.5, 1.0)] {
            ledger.report(&attack("run"), done);
            assert_eq!(ledger.fraction(), expected);
        }
    }

    #[test]
    fn it_is_done_when_everything_is_and_never_goes_back() {
        let many: Vec<(Task, f64)> = (0..7).map(|group| (task("run", group, Phase::Training), 0.1)).collect();
        let mut ledger = ledger(&many);
        let mut before = 0.0;
        for (task, _) in &many {
            for done in [0.3, 0.1, 0.999_999_999, 1.0] {
                assert!(ledger.fraction() < 1.0 && ledger.seconds_left(1.0) != Some(0.0));
                ledger.report(task, done);
                assert!(ledger.fraction() >= before);
                before = ledger.fraction();
            }
        }
        assert_eq!((ledger.fraction(), ledger.seconds_left(9.0)), (1.0, Some(0.0)));
        ledger.report(&training("another"), 0.5);
        assert_eq!(ledger.fraction(), 1.0, "what was not planned does not count");
    }

    #[test]
    fn runs_are_told_apart() {
        assert!(!ledger(&[]).has_several_runs());
        assert!(!ledger(&[(training("run"), 1.0), (attack("run"), 1.0)]).has_several_runs());
        assert!(ledger(&[(training("run"), 1.0), (training("shadows-0"), 1.0)]).has_several_runs());
    }
}
