//! What an epoch ends with: everything of it read back at once, and decided by.

use super::{COLLAPSED, Cohort};
use crate::error::Result;
use crate::gpu::Buffer;
use crate::graph::Tensor;
use crate::ops::{AttackCounts, ClassifierCounts};
use crate::run::event::{AdversaryCheck, EpochMetrics, Score};
use crate::train::snapshot::Snapshot;

impl Cohort<'_> {
    /// Reads everything of an epoch at once; replicas that are no longer finite are put back.
    pub(super) fn read(
        &mut self,
        epoch: usize,
        checks: &[Option<AdversaryCheck>],
    ) -> Result<Vec<EpochMetrics>> {
        let replicas = self.models.len();
        let f = &self.classifier;
        let mut wanted: Vec<(&Buffer, usize)> = vec![
            (&f.state, self.snapshot.classifier.len()),
            (self.attack.as_ref().unwrap_or(&f.state), self.snapshot.attack.len()),
            (f.statistics.as_ref().unwrap_or(&f.state), self.snapshot.statistics.len()),
            (&self.classifier_counts, replicas * ClassifierCounts::WIDTH),
            (&self.attack_counts, replicas * AttackCounts::WIDTH),
        ];
        let scorers = [&self.reference, &self.test, &self.validation];
        let counts = scorers.into_iter().flatten().map(|scorer| &scorer.counts);
        wanted.extend(counts.map(|counts| (counts, replicas * ClassifierCounts::WIDTH)));
        let sums = self.probe.iter().flat_map(|probe| &probe.sums);
        wanted.extend(sums.map(|buffer| (buffer, replicas * Tensor::f32(1, 1).elements())));
        let read = self.context.read(&wanted)?.into_iter();
        let mut read = read.map(|words| words.into_iter().map(f32::from_bits).collect::<Vec<f32>>());
        let mut next = || read.next().unwrap_or_default();
        let networks =
            Snapshot { classifier: next(), attack: next(), statistics: next(), ..Snapshot::default() };
        let (f_counts, h_counts) = (next(), next());
        let [reference, test, validation] = scorers.map(|scorer| scorer.as_ref().map(|_| next()));
        let sums: Vec<Vec<f32>> = read.collect();

        let counts = |r: usize| (ClassifierCounts::decode(&f_counts, r), AttackCounts::decode(&h_counts, r));
        let not_finite: Vec<Option<u64>> = (0..replicas)
            .map(|r| {
                let (f, h) = counts(r);
                [f.not_finite_at, h.not_finite_at].into_iter().flatten().min()
            })
            .collect();
        let end = self.schedule.before(epoch + 1).classifier;
        let newly = self.snapshot.advance(networks, &not_finite, end);
        let scores: Vec<Option<Score>> = (0..replicas)
            .map(|r| {
                let ClassifierCounts { loss, right, records, .. } =
                    ClassifierCounts::decode(validation.as_ref()?, r);
                Some(Score { epoch: epoch + 1, accuracy: right / records, loss: loss / records })
            })
            .collect();
        self.snapshot.keep_best(&scores);
        let accuracy = |counts: &Option<Vec<f32>>, r: usize| {
            counts.as_ref().and_then(|counts| ClassifierCounts::decode(counts, r).accuracy())
        };
        let mut metrics = vec![];
        for (r, model) in self.models.iter().enumerate() {
            let (f, h) = counts(r);
            let trained = h.records > 0.0;
            let deviation = h.logit_deviation();
            let dead = sums.iter().any(|sum| sum[r * Tensor::f32(1, 1).elements()] == 0.0);
            metrics.push(EpochMetrics {
                epoch: epoch + 1,
                replica: model.number,
                settings: model.settings,
                loss: f.loss / f.records,
                train_accuracy: f.right / f.records,
                gain: trained.then(|| h.gain / h.records),
                attack_accuracy: trained.then(|| h.right / h.records),
                attack_logit_deviation: trained.then_some(deviation),
                adversary: checks[r],
                attack_steps: self.snapshot.paces.get(r).map(|pace| pace.steps),
                reference_accuracy: accuracy(&reference, r),
                test_accuracy: accuracy(&test, r),
                validation_accuracy: scores[r].map(|score| score.accuracy),
                validation_loss: scores[r].map(|score| score.loss),
                collapsed: trained.then_some(deviation < COLLAPSED || dead),
                frozen_at_step: self.snapshot.frozen[r],
                seconds: 0.0,
            });
        }
        let classifier = end - self.schedule.before(epoch).classifier;
        for (r, pace) in self.snapshot.paces.iter_mut().enumerate() {
            if self.snapshot.frozen[r].is_none() {
                *pace = pace.next(checks[r].as_ref(), classifier, self.config.defense.attack_steps_most);
            }
        }
        // A frozen replica's training passes still move its running statistics.
        let moved = self.classifier.statistics.is_some() && self.snapshot.frozen.iter().any(Option::is_some);
        if newly || moved {
            self.put_back()?;
        }
        Ok(metrics)
    }
}
