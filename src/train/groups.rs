//! Which replicas are trained together: as many as the adapter's limits allow, and where its memory holds
//! fewer, half as many. Results do not depend on it.

use super::checkpoint::Stretch;
use super::model::Model;
use super::snapshot::Snapshot;
use std::collections::VecDeque;

/// Replicas that are trained together.
#[derive(Debug)]
pub(super) struct Group<'m> {
    pub models: &'m [Model],
    /// Epochs that are done, and the networks after them.
    pub found: Option<(usize, Snapshot)>,
    /// The task that was planned for it and for those that it was divided from.
    pub task: usize,
    /// Where its part of the task begins and ends, from 0 to 1.
    pub part: [f64; 2],
}

impl<'m> Group<'m> {
    /// How much of the task is done where `done` of the group is.
    pub fn of_task(&self, done: f64) -> f64 {
        self.part[0] + done * (self.part[1] - self.part[0])
    }

    /// Epochs that are done.
    pub fn epochs(&self) -> usize {
        self.found.as_ref().map_or(0, |(epochs, _)| *epochs)
    }

    /// In groups of at most `most`.
    fn divided(self, most: usize) -> Vec<Group<'m>> {
        if self.models.len() <= most {
            return vec![self];
        }
        let all = self.models.len() as f64;
        let chunks = self.models.chunks(most).enumerate();
        let chunk = |(i, models): (usize, &'m [Model])| {
            let which = i * most..i * most + models.len();
            let found = self.found.as_ref();
            Group {
                models,
                found: found.map(|(epochs, snapshot)| (*epochs, snapshot.of_replicas(which.clone()))),
                task: self.task,
                part: [which.start, which.end].map(|place| self.of_task(place as f64 / all)),
            }
        };
        chunks.map(chunk).collect()
    }
}

/// The groups that wait for their turn.
#[derive(Debug)]
pub(super) struct Groups<'m>(VecDeque<Group<'m>>);

impl<'m> Groups<'m> {
    /// Groups of at most `size` models, which have consecutive numbers, each going on from what is kept of it.
    pub fn new(models: &'m [Model], kept: Vec<Stretch>, size: usize) -> Self {
        let first = models.first().map_or(0, |model| model.number);
        let stretches = kept.into_iter().flat_map(|Stretch { replicas, found }| {
            let models = &models[replicas.start - first..replicas.end - first];
            Group { models, found, task: 0, part: [0.0, 1.0] }.divided(size)
        });
        let numbered = stretches.enumerate().map(|(task, group)| Group { task, part: [0.0, 1.0], ..group });
        Groups(numbered.collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Group<'m>> {
        self.0.iter()
    }

    /// The next.
    pub fn take(&mut self) -> Option<Group<'m>> {
        self.0.pop_front()
    }

    /// Puts back a group that found no room, in halves, with every other as small: what did not fit once will
    /// not the next time.
    pub fn divide(&mut self, group: Group<'m>) {
        let most = group.models.len().div_ceil(2);
        self.0.push_front(group);
        self.0 = std::mem::take(&mut self.0).into_iter().flat_map(|group| group.divided(most)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Split;
    use crate::run::config::Config;

    #[test]
    fn what_finds_no_room_is_halved_and_all_others_too() {
        let settings = Config::resolve(&[]).unwrap().replicas()[0];
        let split = Split::default();
        let model = |number| Model { number, settings, split: split.clone(), standardization: None };
        let models: Vec<Model> = (0..10).map(model).collect();
        let kept = Snapshot { classifier: (0..10).map(|x| x as f32).collect(), ..Snapshot::default() };
        let kept = Snapshot { frozen: vec![None; 10], ..kept };
        let mut groups = Groups::new(&models, vec![Stretch { replicas: 0..10, found: Some((3, kept)) }], 8);
        let sizes = |groups: &Groups| groups.iter().map(|g| g.models.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&groups), [8, 2]);
        let first = groups.take().unwrap();
        groups.divide(first);
        assert_eq!(sizes(&groups), [4, 4, 2]);
        let first = groups.take().unwrap();
        groups.divide(first);
        assert_eq!(sizes(&groups), [2, 2, 2, 2, 2]);
        let tasks: Vec<usize> = groups.iter().map(|g| g.task).collect();
        assert_eq!(tasks, [0, 0, 0, 0, 1]);
        let ends: Vec<f64> = groups.iter().map(|g| g.of_task(1.0)).collect();
        assert_eq!(ends, [0.25, 0.5, 0.75, 1.0, 1.0]);
        let values: Vec<f32> = groups.iter().flat_map(|g| g.found.clone().unwrap().1.classifier).collect();
        assert_eq!(values, (0..10).map(|x| x as f32).collect::<Vec<_>>());
        assert!(groups.iter().all(|g| g.epochs() == 3));
    }
}
