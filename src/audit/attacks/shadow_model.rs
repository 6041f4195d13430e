//! The shadow-model attack (Shokri et al. 2017, "Membership inference attacks against machine learning
//! models"): one attack network a class, trained on what shadow models make of records that they were trained
//! on and of others.
//!
//! Not the shadow models ([`crate::audit::shadows`]). All classes' networks are replicas of one training.

use super::attack::{MembershipAttack, NetworkTraining, Outcome, Sizes, Tools};
use super::by_shadows;
use super::neural::{self, Lesson, Told};
use super::neural_attack::network_cost;
use crate::audit::evidence::{Evidence, needed};
use crate::audit::shadows::{OutputRows, Shadows};
use crate::error::{Error, Result};
use crate::nn::Initialization;
use crate::random::{Stream, shuffle, stream};
use crate::run::config::{AuditAttackConfig, AuditConfig};

/// The authors' network: one hidden layer. The label is the same throughout a class, so its branch is a bias.
const HIDDEN: usize = 64;

/// Examples of a class, of either kind, at most: more make it slower and hardly better.
const EXAMPLES: usize = 2048;

/// The logit of membership of each record that shadow models are asked about.
///
/// # Errors
/// As [`ShadowModels::each`](crate::audit::shadows::ShadowModels::each) and [`neural::train`].
pub(super) fn run(
    attack: &MembershipAttack,
    evidence: &[&Evidence],
    tools: &mut Tools,
) -> Result<Vec<Outcome>> {
    let config = network(tools.config);
    let mut outcomes = vec![];
    for (i, model) in evidence.iter().enumerate() {
        let shadows = needed(&model.shadows)?;
        let (taught, lessons) = lessons(shadows, model)?;
        let (context, stop) = (needed(&model.gpu)?, tools.stop);
        let found = neural::train(context, &config, &lessons, stop, &mut |told| match told {
            Told::Progress(done, total) => tools.progress(i * total + done, evidence.len() * total),
            Told::Halved(error) => tools.halved(error),
        })?;
        // Where a class has no network: no opinion.
        let mut scores = vec![0.0; shadows.target.labels.len()];
        for (records, found) in taught.iter().zip(found) {
            records.iter().zip(found).for_each(|(&place, score)| scores[place] = score);
        }
        let training = NetworkTraining {
            control: None,
            ladder: vec![],
            finds_itself: false,
            deviation: deviation_within(&taught, &scores),
        };
        outcomes.push(by_shadows::outcome(attack, model, &scores)?.with_training(training));
    }
    Ok(outcomes)
}

/// The standard deviation of the scores about their class's mean: networks that all say the same of every record
/// of theirs still differ from each other.
fn deviation_within(classes: &[Vec<usize>], scores: &[f64]) -> f64 {
    let mut squares = 0.0;
    for records in classes {
        let mean = records.iter().map(|&place| scores[place]).sum::<f64>() / records.len().max(1) as f64;
        squares += records.iter().map(|&place| (scores[place] - mean).powi(2)).sum::<f64>();
    }
    let records: usize = classes.iter().map(Vec::len).sum();
    (squares / records.max(1) as f64).sqrt()
}

/// Multiply-adds of training a network a class.
pub(super) fn cost(config: &AuditConfig, sizes: &Sizes) -> f64 {
    let pooled = 2 * sizes.members.min(sizes.others);
    let examples = (config.shadows * pooled / 2 / sizes.classes).min(EXAMPLES);
    let networks = (sizes.replicas * sizes.classes) as f64;
    networks * network_cost(&network(config), sizes.classes, examples, pooled / sizes.classes)
}

/// The audit's configuration with the authors' network.
fn network(config: &AuditConfig) -> AuditConfig {
    let attack = AuditAttackConfig {
        prediction_layers: vec![HIDDEN],
        label_layers: vec![1],
        joint_layers: vec![],
        initialisation: Initialization::He,
    };
    AuditConfig { attack, ..config.clone() }
}

/// The lesson of each class that has examples of both kinds, and the places of the records that it is about.
/// The records of another class are in no half that is scored.
fn lessons(shadows: &Shadows, evidence: &Evidence) -> Result<(Vec<Vec<usize>>, Vec<Lesson>)> {
    let (target, classes) = (&shadows.target, evidence.classes);
    let own = outputs(target.outputs.as_ref())?;
    // By class: the target's records, asked about, then examples of members and of others.
    let mut asked: Vec<Vec<usize>> = vec![vec![]; classes];
    target.labels.iter().enumerate().for_each(|(place, &label)| asked[label as usize].push(place));
    let mut lessons: Vec<Lesson> = asked
        .iter()
        .enumerate()
        .map(|(class, records)| Lesson {
            outputs: records.iter().flat_map(|&place| own.row(place)).copied().collect(),
            classes,
            labels: vec![class as u32; records.len()],
            known: [vec![], vec![]],
            seed: evidence.seed,
        })
        .collect();
    // Which of a class's examples are kept is drawn before any is read: a share of each model's.
    let most = EXAMPLES.div_ceil(shadows.models.models());
    let mut rng = stream(evidence.seed, Stream::Shadows);
    shadows.models.each(&mut |model| {
        let outputs = outputs(model.outputs.as_ref())?;
        let mut order: Vec<u32> = (0..target.pooled as u32).collect();
        shuffle(&mut order, &mut rng);
        let mut taken = vec![[0; 2]; classes];
        for place in order.into_iter().map(|place| place as usize) {
            let (label, kind) = (target.labels[place], usize::from(!model.trained_on[place]));
            let (lesson, taken) = (&mut lessons[label as usize], &mut taken[label as usize][kind]);
            if *taken < most {
                *taken += 1;
                lesson.known[kind].push(lesson.labels.len() as u32);
                lesson.labels.push(label);
                lesson.outputs.extend(outputs.row(place));
            }
        }
        Ok(())
    })?;
    let both = |lesson: &Lesson| lesson.known.iter().all(|kind| !kind.is_empty());
    Ok(asked.into_iter().zip(lessons).filter(|(_, lesson)| both(lesson)).unzip())
}

fn outputs<'o, 'm>(found: Option<&'o OutputRows<'m>>) -> Result<&'o OutputRows<'m>> {
    found.ok_or_else(|| Error::data("shadow models").expected("their outputs").found("φ alone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_that_say_one_thing_each_have_not_trained() {
        let classes = [vec![0, 2], vec![1, 3]];
        assert_eq!(deviation_within(&classes, &[5.0, -5.0, 5.0, -5.0]), 0.0);
        assert_eq!(deviation_within(&classes, &[5.0, -5.0, 7.0, -5.0]), 0.5f64.sqrt());
        assert_eq!(deviation_within(&[], &[]), 0.0);
    }
}
