//! The shadow-model attack (Shokri et al. 2017, "Membership inference attacks against machine learning models"):
//! one attack network a class, trained on what shadow models say of records that they were trained on and of
//! others.
//!
//! Not the shadow models ([`crate::audit::shadows`]). All classes' networks are replicas of one training.

use super::neural::{self, Lesson};
use super::scores::Form;
use crate::audit::run::Job;
use crate::audit::shadows::Shadows;
use crate::error::Result;
use crate::nn::Initialisation;
use crate::random::{Stream, shuffle, stream};
use crate::run::config::AuditAttackConfig;
use crate::run::event::{Event, Observer};
use crate::run::predictions::ReplicaPredictions;
use std::collections::HashMap;

/// The authors' network: one hidden layer. The label is the same throughout a class, so its branch is a bias.
const HIDDEN: usize = 64;

/// Examples of a class, of either kind, at most: more make it slower and hardly better.
const EXAMPLES: usize = 2048;

/// The logit of membership of each of the pool's rows, from the target's outputs on them.
///
/// # Errors
/// As [`Shadows::each`] and [`neural::train`].
pub fn scores(
    job: &Job,
    shadows: &Shadows,
    target: &ReplicaPredictions,
    seed: u64,
    observer: &mut dyn Observer,
) -> Result<Vec<f64>> {
    let classes = target.classes;
    let rows = &shadows.pool.rows;
    let places: HashMap<u32, usize> = target.rows.iter().copied().zip(0..).collect();
    // By class: the target's records, asked about, then examples of members and of others.
    let mut asked: Vec<Vec<usize>> = vec![vec![]; classes];
    for (i, row) in rows.iter().enumerate() {
        asked[target.labels[places[row]] as usize].push(i);
    }
    let mut lessons: Vec<Lesson> = asked
        .iter()
        .enumerate()
        .map(|(class, records)| Lesson {
            outputs: records.iter().flat_map(|&i| output(target, places[&rows[i]]).iter().copied()).collect(),
            form: Form::Logits,
            classes,
            labels: vec![class as u32; records.len()],
            known: [vec![], vec![]],
            seed,
        })
        .collect();
    // Which of a class's examples are kept is drawn before any is read: a share of each model's.
    let mut rng = stream(seed, Stream::Shadows);
    shadows.each(|said, found| {
        let mut order: Vec<u32> = (0..shadows.pool.pooled as u32).collect();
        shuffle(&mut order, &mut rng);
        let mut taken = vec![[0; 2]; classes];
        for (place, kept) in order.into_iter().map(|i| found[i as usize]) {
            let lesson = &mut lessons[said.labels[place] as usize];
            let taken = &mut taken[said.labels[place] as usize][usize::from(!kept)];
            if *taken < EXAMPLES.div_ceil(shadows.models()) {
                *taken += 1;
                lesson.known[usize::from(!kept)].push(lesson.labels.len() as u32);
                lesson.labels.push(said.labels[place]);
                lesson.outputs.extend(output(said, place));
            }
        }
        Ok(())
    })?;
    let mut config = job.config.audit.clone();
    config.attack = AuditAttackConfig {
        prediction_layers: vec![HIDDEN],
        label_layers: vec![1],
        joint_layers: vec![],
        initialisation: Initialisation::He,
    };
    // A class without examples of both kinds has no network: its records are in no half that is scored.
    let (taught, lessons): (Vec<usize>, Vec<Lesson>) =
        lessons.into_iter().enumerate().filter(|(_, l)| l.known.iter().all(|k| !k.is_empty())).unzip();
    let mut progress = |done: usize, total: usize| {
        observer.event(&Event::attack(&job.directory.name(), "shadow-model attack", done, total));
    };
    let found = neural::train(job.context, &config, &lessons, job.stop, &mut progress)?;
    // Where a class has no network: no opinion.
    let mut scores = vec![0.0; rows.len()];
    for (class, found) in taught.into_iter().zip(found) {
        asked[class].iter().zip(found).for_each(|(&i, score)| scores[i] = score);
    }
    Ok(scores)
}

fn output(said: &ReplicaPredictions, place: usize) -> &[f32] {
    &said.logits[place * said.classes..][..said.classes]
}
