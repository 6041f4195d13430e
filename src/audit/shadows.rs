//! Shadow models: models like the target, trained on known records, from which an attacker learns what membership
//! looks like.
//!
//! Not the attacks on the target ([`super::attacks::lira`], [`super::attacks::rmia`], [`super::attacks::shadow_model`]) but what they learn
//! from. The pool is D and as many test records; shadow models come in pairs, one trained on a random half of the
//! pool and one on the other half, so that every record is in exactly N/2 of them. They are trained as the target
//! was, its defense and its D′ included: the attacker knows how the model was made (adaptive shadows).
//!
//! They are a run like any other, in `shadows-R` below the target's, and are trained once.

use std::collections::HashMap;

use super::attacks::scores::{self, Predictions};
use super::attacks::threshold::Scored;
use super::attacks::{lira, rmia};
use super::run::Job;
use super::subject::Subject;
use crate::dataset::{Dataset, Split, save_splits};
use crate::error::{Error, Result};
use crate::random::{Stream, shuffle, stream};
use crate::run::RunDirectory;
use crate::run::config::{Config, Replica, Sweep, TuningConfig};
use crate::run::event::{Event, Observer};
use crate::run::predictions::{MEMBER, REFERENCE, ReplicaPredictions, TEST};
use crate::statistics::halves::Halves;
use rand_chacha::rand_core::Rng;

/// Records of RMIA's population at most: its authors' number.
const POPULATION: usize = 2500;

/// The records that are asked about, by their numbers in the data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The target's members, then the pool's test records, then the population.
    pub rows: Vec<u32>,
    /// How many of them are in the pool: any of these a shadow model may be trained on.
    pub pooled: usize,
    /// The subject's halves, of its non-members those in the pool alone.
    pub halves: Halves<u32>,
}

impl Pool {
    /// D (`members`), as many of the test records (`test`), all those that the attacker knows among them, and a
    /// population of records that no model is trained on, `others` if the rest of the test records is too few.
    fn new(members: &[u32], test: &[u32], others: &[u32], halves: &Halves<u32>, seed: u64) -> Self {
        let mut halves = halves.clone();
        let mut rng = stream(seed, Stream::Shadows);
        let mut spare = halves.scored_nonmembers.clone();
        shuffle(&mut spare, &mut rng);
        let wanted = members.len().min(test.len()) - halves.known_nonmembers.len();
        // Two halves of one size: an odd pool loses a record.
        let odd = (members.len() + halves.known_nonmembers.len() + wanted) % 2;
        let left = spare.split_off(wanted - odd);
        spare.sort_unstable();
        halves.scored_nonmembers = spare;
        let at = |indices: &[u32]| -> Vec<u32> { indices.iter().map(|&i| test[i as usize]).collect() };
        let mut rows = [members, &at(&halves.known_nonmembers), &at(&halves.scored_nonmembers)].concat();
        let pooled = rows.len();
        rows.extend(at(&left).iter().chain(others).take(POPULATION));
        Pool { rows, pooled, halves }
    }

    /// An attack from a score of each of the rows.
    ///
    /// # Errors
    /// As [`Scored::new`].
    pub fn scored(&self, name: &str, scores: &[f64]) -> Result<Scored> {
        let members = self.halves.known_members.len() + self.halves.scored_members.len();
        let (members, others) = scores.split_at(members);
        // Back to the places that the halves speak of: all test records.
        let tested = self.halves.known_nonmembers.iter().chain(&self.halves.scored_nonmembers);
        let length = tested.clone().max().map_or(0, |&most| most as usize + 1);
        let mut nonmembers = vec![f64::NAN; length];
        tested.zip(others).for_each(|(&i, &score)| nonmembers[i as usize] = score);
        Scored::new(name, &self.halves, members, &nonmembers)
    }

    /// RMIA's population, as places in [`rows`](Self::rows).
    fn population(&self) -> Vec<u32> {
        (self.pooled as u32..self.rows.len() as u32).collect()
    }
}

/// A target's shadow models, trained.
#[derive(Debug)]
pub struct Shadows {
    pub pool: Pool,
    directory: RunDirectory,
    /// N.
    models: usize,
}

impl Shadows {
    /// Trains the shadow models of replica `number`, unless they are there.
    ///
    /// # Errors
    /// As [`crate::train::run`]; no records left that no model is trained on.
    pub fn train(
        job: &Job,
        dataset: &Dataset,
        number: usize,
        (settings, target): (Replica, &ReplicaPredictions),
        subject: &Subject,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let (members, test) = (target.rows_of(MEMBER), target.rows_of(TEST));
        let reference = target.rows_of(REFERENCE);
        let defended = settings.lambda > 0.0 || settings.reference_weight > 0.0;
        // Nobody was trained on D′ where there is no defense.
        let others: &[u32] = if defended { &[] } else { &reference };
        let pool = Pool::new(&members, &test, others, &subject.halves, settings.seed);
        if pool.rows.len() == pool.pooled {
            return Err(Error::data("shadow models")
                .expected("records beside members and as many test records, for RMIA's population")
                .found(format!("{} members, {} test records and none else", members.len(), test.len()))
                .advice("train on fewer members, so that more records are left for testing"));
        }
        let models = job.config.audit.shadows;
        let path = job.directory.file(&format!("shadows-{number}"));
        let split_file = job.directory.file(&format!("shadows-{number}-split.npz"));
        let reference = if defended { reference } else { vec![] };
        let splits = halves_of(&pool, &reference, models, settings.seed);
        let (config, seeds) = (job.config, seeds(models, settings.seed));
        let mut config = shadow_config(config, settings, seeds, &split_file.display().to_string());
        // As it stands in the shadow run's configuration, which is compared with this one.
        config.tuning = TuningConfig::of(job.context);
        let directory = match RunDirectory::open(&path) {
            Ok(found) if found.read_config().is_ok_and(|c| c == config) => found,
            _ => {
                save_splits(&split_file, &splits)?;
                RunDirectory::create(&path, true)?
            }
        };
        if directory.is_trained() && directory.read_splits().is_ok_and(|s| s == splits) {
            observer.event(&Event::Note(format!("shadow models of replica {number}: {}", path.display())));
        } else {
            observer.event(&Event::Note(format!(
                "{models} shadow models of replica {number} are trained, in {}",
                path.display()
            )));
            let begun = directory.read_config().is_ok();
            let job = crate::train::Job {
                config: &config,
                dataset,
                context: job.context,
                directory: &directory,
                resume: begun && !directory.is_trained(),
                stop: job.stop,
            };
            crate::train::run(&job, observer)?;
        }
        Ok(Shadows { pool, directory, models })
    }

    /// N.
    pub fn models(&self) -> usize {
        self.models
    }

    /// What each shadow model says, one model in memory at a time: `hear` gets its outputs and, for each record
    /// of the pool's rows, the place among them and whether it was trained on.
    ///
    /// # Errors
    /// A damaged file; those of `hear`.
    pub fn each(
        &self,
        mut hear: impl FnMut(&ReplicaPredictions, &[(usize, bool)]) -> Result<()>,
    ) -> Result<()> {
        for model in 0..self.models {
            let said = self.directory.read_replica(model)?;
            let places: HashMap<u32, usize> = said.rows.iter().copied().zip(0..).collect();
            let mut found = vec![];
            for row in &self.pool.rows {
                let place = *places.get(row).ok_or_else(|| {
                    Error::data(self.directory.path().display().to_string())
                        .expected(format!("predictions of record {row}"))
                        .found("none")
                        .advice("remove this directory: the shadow models are then trained anew")
                })?;
                found.push((place, said.membership[place] == MEMBER));
            }
            hear(&said, &found)?;
        }
        Ok(())
    }

    /// LiRA's and RMIA's scores, by name, of each of the pool's rows, from the target's own outputs on them.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    pub fn likelihoods(&self, target: &ReplicaPredictions) -> Result<Vec<(&'static str, Vec<f64>)>> {
        let n = self.pool.rows.len();
        let (mut lira, mut rmia) = (lira::Statistics::new(n), rmia::Statistics::new(n));
        self.each(|said, places| {
            let phi = confidences(said)?;
            let (keep, phi): (Vec<bool>, Vec<f64>) =
                places.iter().map(|&(place, keep)| (keep, phi[place])).unzip();
            lira.add(&keep, &phi);
            rmia.add(&keep, &phi.iter().copied().map(scores::probability).collect::<Vec<_>>());
            Ok(())
        })?;
        let places: HashMap<u32, usize> = target.rows.iter().copied().zip(0..).collect();
        let own = confidences(target)?;
        let phi: Vec<f64> = self.pool.rows.iter().map(|row| own[places[row]]).collect();
        let p: Vec<f64> = phi.iter().copied().map(scores::probability).collect();
        let population = self.pool.population();
        Ok(vec![
            ("lira_online", lira.online(&phi)),
            ("lira_offline", lira.offline(&phi)),
            ("rmia_online", rmia.online(&p, &population)),
            ("rmia_offline", rmia.offline(&p, &population)),
        ])
    }
}

/// φ of every record.
fn confidences(said: &ReplicaPredictions) -> Result<Vec<f64>> {
    Ok(scores::confidence(&Predictions::from_logits(&said.logits, said.classes, &said.labels)?))
}

/// The splits of `models` shadow models: pairs of complementary halves of the pool.
fn halves_of(pool: &Pool, reference: &[u32], models: usize, seed: u64) -> Vec<Split> {
    let mut rng = stream(seed, Stream::Shadows);
    let (pooled, population) = pool.rows.split_at(pool.pooled);
    let mut splits = vec![];
    for _ in 0..models / 2 {
        let mut order = pooled.to_vec();
        shuffle(&mut order, &mut rng);
        let (one, other) = order.split_at(pool.pooled / 2);
        // Of a small pool with D′ in the population, a record is asked about once.
        for (kept, left) in [(one, other), (other, one)] {
            splits.push(Split {
                members: kept.to_vec(),
                reference: reference.to_vec(),
                test: [left, population].concat(),
            });
        }
    }
    splits
}

/// A seed for each shadow model, none of them the target's.
fn seeds(models: usize, seed: u64) -> Vec<u64> {
    let mut rng = stream(seed, Stream::Shadows);
    (0..models).map(|_| rng.next_u64() >> 1).collect()
}

/// The target's configuration with other seeds and records, without an audit of its own.
fn shadow_config(config: &Config, settings: Replica, seeds: Vec<u64>, split: &str) -> Config {
    let mut config = config.of_replica(&settings);
    config.name = format!("{}-shadows", config.name);
    config.data.split = split.to_owned();
    config.train.seed = Sweep::many(seeds);
    config.audit.shadows = 0;
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(members: usize, test: usize) -> Pool {
        let rows = |from: usize, n: usize| -> Vec<u32> { (from as u32..(from + n) as u32).collect() };
        let halves = Halves::split(members, test, 5).unwrap();
        Pool::new(&rows(0, members), &rows(1000, test), &rows(5000, 3), &halves, 5)
    }

    #[test]
    fn the_pool_is_the_members_and_as_many_others_those_that_are_known_among_them() {
        let pool = pool(40, 90);
        assert_eq!((pool.pooled, pool.rows.len()), (80, 40 + 90 + 3));
        assert_eq!((pool.halves.known_nonmembers.len(), pool.halves.scored_nonmembers.len()), (20, 20));
        let mut all = pool.rows.clone();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), pool.rows.len(), "a record twice");
        for (place, &index) in pool.halves.known_nonmembers.iter().enumerate() {
            assert_eq!(pool.rows[40 + place], 1000 + index);
        }
    }

    #[test]
    fn every_record_is_in_half_of_the_models() {
        for (members, test) in [(40, 90), (40, 31)] {
            let pool = pool(members, test);
            let splits = halves_of(&pool, &[7000], 6, 5);
            for row in &pool.rows[..pool.pooled] {
                assert_eq!(splits.iter().filter(|s| s.members.contains(row)).count(), 3, "{row}");
            }
            let sizes: Vec<usize> = splits.iter().map(|s| s.members.len()).collect();
            assert_eq!(sizes, [pool.pooled / 2; 6]);
            splits.iter().for_each(|s| s.check(8000).unwrap());
        }
        assert_eq!(pool(40, 31).pooled, 70, "an odd pool loses a record");
    }

    #[test]
    fn seeds_differ_and_are_those_of_the_target() {
        let all = seeds(64, 3);
        assert_eq!(all[..16], seeds(16, 3));
        let mut unique = all.clone();
        unique.sort_unstable();
        unique.dedup();
        assert!(unique.len() == 64 && all.iter().all(|s| *s < 1 << 63));
        assert_ne!(all, seeds(64, 4));
    }
}
