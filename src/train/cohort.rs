//! A cohort: the replicas that are trained together. Their memory on the GPU, the steps of each round, an
//! epoch.

mod read;

use super::attack_pace::AttackPace;
use super::class_weights::class_weights;
use super::evaluate::{Counting, Probe, Scorer, Weights};
use super::line::Moment;
use super::model::Model;
use super::pace::Pace;
use super::rate::Rate;
use super::recipe::Recipe;
use super::referee::Referee;
use super::resident::Resident;
use super::schedule::{Round, Schedule};
use super::snapshot::{Best, Snapshot};
use super::splits::check_sizes;
use super::steps::{Steps, TapeWords};
use super::tape::LineWriter;
use crate::dataset::{Dataset, Split, Standardization};
use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::Tensor;
use crate::ops::{AttackCounts, ClassifierCounts};
use crate::plan::{Bound, Timed};
use crate::random::{Stream, stream};
use crate::run::config::{AttackSteps, Config, Stop};
use crate::run::event::{EpochMetrics, Score};
use std::sync::atomic::AtomicBool;

/// The standard deviation of h's logit over an epoch's records under which h says the same of all.
pub const COLLAPSED: f64 = 1e-3;

/// Replicas in training.
#[derive(Debug)]
pub struct Cohort<'a> {
    context: &'a Context,
    config: &'a Config,
    recipe: &'a Recipe,
    schedule: &'a Schedule,
    models: Vec<Model>,
    resident: Resident,
    /// The models' records, by their places among the resident ones.
    places: Vec<Split>,
    classifier: Weights,
    attack: Option<Buffer>,
    classifier_counts: Buffer,
    attack_counts: Buffer,
    /// The steps of each round of the schedule.
    rounds: Vec<(Round, Steps)>,
    reference: Option<Scorer>,
    test: Option<Scorer>,
    /// Of the records that choose the epoch, where they do.
    validation: Option<Scorer>,
    probe: Option<Probe>,
    referee: Option<Referee>,
    /// The networks after the last epoch.
    snapshot: Snapshot,
}

impl<'a> Cohort<'a> {
    /// Uploads the data, compiles the steps and draws the first weights.
    ///
    /// # Errors
    /// A recipe of several stages; sets of records that are too small, or records that the data do not have;
    /// sizes beyond the adapter's limits or memory; a shader that does not build.
    pub fn new(
        context: &'a Context,
        config: &'a Config,
        recipe: &'a Recipe,
        schedule: &'a Schedule,
        dataset: &Dataset,
        models: Vec<Model>,
    ) -> Result<Self> {
        if models.is_empty() {
            return Err(Error::usage("cohort").expected("at least one model").found("none"));
        }
        for Model { split, .. } in &models {
            check_sizes(config, split)?;
            split.check(dataset.records())?;
        }
        let replicas = models.len();
        let lines: Vec<Standardization> = models.iter().filter_map(|m| m.standardization.clone()).collect();
        let used = models.iter().flat_map(|Model { split, .. }| {
            [&split.members[..], &split.reference, &split.validation, &split.test]
        });
        let resident = Resident::upload_used(context, dataset, &lines, recipe.pad, used)?;
        let weights: Vec<Vec<f32>> =
            models.iter().filter_map(|m| class_weights(config, dataset, &m.split.members)).collect();
        let resident = resident.sparse(recipe.sparse).weighted(context, &weights)?;
        let place = |Model { split, .. }: &Model| -> Result<Split> {
            Ok(Split {
                members: resident.places(&split.members)?,
                reference: resident.places(&split.reference)?,
                validation: resident.places(&split.validation)?,
                test: resident.places(&split.test)?,
            })
        };
        let places = models.iter().map(place).collect::<Result<_>>()?;
        resident.check_classes(recipe.classes)?;
        let allocate = |label: &str, tensor: Tensor| context.allocate(label, &tensor, replicas);
        let state = allocate("classifier", recipe.classifier.state())?;
        let statistics = recipe.classifier.network.parameters().statistics();
        let statistics = statistics.map(|tensor| allocate("running statistics", tensor)).transpose()?;
        let adversary = recipe.adversary.as_ref();
        let mut cohort = Cohort {
            classifier: Weights { state, statistics },
            attack: adversary.map(|adversary| allocate("attack", adversary.state())).transpose()?,
            classifier_counts: context.allocate_words("counts", replicas * ClassifierCounts::WIDTH)?,
            attack_counts: context.allocate_words("counts", replicas * AttackCounts::WIDTH)?,
            context,
            config,
            recipe,
            schedule,
            models,
            resident,
            places,
            rounds: vec![],
            reference: None,
            test: None,
            validation: None,
            probe: None,
            referee: None,
            snapshot: Snapshot::default(),
        };
        for (i, &round) in schedule.rounds.iter().enumerate() {
            let steps = cohort.steps(round, schedule.most_runs(i).max(1))?;
            cohort.rounds.push((round, steps));
        }
        let limit = config.train.evaluate_limit;
        cohort.reference = cohort.scorer(|split| &split.reference, limit, Counting::Records)?;
        cohort.test = cohort.scorer(|split| &split.test, limit, Counting::Records)?;
        if config.train.stop == Stop::Validation {
            cohort.validation = cohort.scorer(|split| &split.validation, usize::MAX, Counting::Weights)?;
        }
        cohort.probe = cohort.probe()?;
        cohort.referee = cohort.referee(dataset)?;
        cohort.restore(cohort.start())?;
        Ok(cohort)
    }

    /// The steps of `round`, with tapes of so many `lines`.
    fn steps(&self, round: Round, lines: usize) -> Result<Steps> {
        let nodes = self.recipe.graph(round, self.resident.layout, lines)?;
        let mut bound = Bound::new();
        self.resident.bind(&nodes.data, &mut bound);
        bound.insert(nodes.classifier.state, self.classifier.state.clone());
        bound.extend(nodes.statistics.map(|s| s[0]).zip(self.classifier.statistics.clone()));
        bound.insert(nodes.classifier.counts, self.classifier_counts.clone());
        if let (Some(h), Some(attack)) = (nodes.attack, &self.attack) {
            bound.insert(h.state, attack.clone());
            bound.insert(h.counts, self.attack_counts.clone());
        }
        let sizes = [self.models.len(), self.resident.layout.records];
        Steps::compile(self.context, &nodes.graph, &nodes.tapes, bound, sizes, &[])
    }

    /// Scores the first records of a set, `limit` at most, after every epoch, where any replica has some.
    fn scorer(
        &self,
        set: fn(&Split) -> &Vec<u32>,
        limit: usize,
        counting: Counting,
    ) -> Result<Option<Scorer>> {
        let first = |records: &Vec<u32>| records[..records.len().min(limit)].to_vec();
        let records: Vec<Vec<u32>> = self.places.iter().map(|split| first(set(split))).collect();
        if records.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let (resident, classifier) = (&self.resident, &self.classifier);
        Scorer::new(self.context, self.recipe, (resident, counting), classifier, &records).map(Some)
    }

    /// Looks at the attack network after every epoch, where there is one.
    fn probe(&self) -> Result<Option<Probe>> {
        let Some(attack) = &self.attack else { return Ok(None) };
        let first = |records: &Vec<u32>| records[..self.recipe.batch].to_vec();
        let rows = self.places.iter().map(|split| [first(&split.members), first(&split.reference)].concat());
        let rows: Vec<Vec<u32>> = rows.collect();
        Probe::new(self.context, self.recipe, &self.resident, &self.classifier, attack, &rows).map(Some)
    }

    /// Judges the attack network after every epoch, where there is one and records are scored at all.
    fn referee(&self, dataset: &Dataset) -> Result<Option<Referee>> {
        let Some(attack) = &self.attack else { return Ok(None) };
        let label = |record: &u32| dataset.labels[*record as usize];
        let labels = |m: &Model| Referee::records(self.config, &m.split).iter().map(label).collect();
        let records: Vec<Vec<u32>> = self.places.iter().map(|p| Referee::records(self.config, p)).collect();
        if records.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let (labels, networks) = (self.models.iter().map(labels).collect(), (&self.classifier, attack));
        Referee::new(self.context, self.recipe, &self.resident, networks, [records, labels]).map(Some)
    }

    /// Freshly drawn weights.
    fn start(&self) -> Snapshot {
        let Recipe { classifier, adversary, .. } = self.recipe;
        let replicas = self.models.len();
        let mut start = Snapshot { frozen: vec![None; replicas], ..Snapshot::default() };
        if adversary.is_some() && self.config.defense.attack_steps == AttackSteps::Auto {
            start.paces = vec![AttackPace::START; replicas];
        }
        let (model, attack) = (&self.config.model, &self.config.defense.attack);
        for Model { settings, .. } in &self.models {
            let rng = |network| stream(settings.seed, Stream::Initialization { network });
            let parameters = classifier.network.parameters();
            start.classifier.extend(parameters.start(
                model.initialisation,
                classifier.optimizer,
                &mut rng(0),
            ));
            start.statistics.extend(parameters.start_statistics());
            if let Some(adversary) = adversary {
                let parameters = &adversary.network.parameters;
                let draw = parameters.start(attack.initialisation, adversary.optimizer, &mut rng(1));
                start.attack.extend(draw);
            }
        }
        start.best = self.validation.as_ref().map(|_| Best {
            classifier: start.classifier.clone(),
            statistics: start.statistics.clone(),
            scores: vec![None; self.models.len()],
        });
        start
    }

    /// The classifiers that are kept, `[R, rows, P]`, and their running statistics, `[R, 2, ΣC]`: the best
    /// epoch's where the validation records choose it, else the last one's.
    pub fn kept(&self) -> [&[f32]; 2] {
        match &self.snapshot.best {
            Some(best) => [&best.classifier, &best.statistics],
            None => [&self.snapshot.classifier, &self.snapshot.statistics],
        }
    }

    /// The epoch that is kept of each replica, and its score, where the validation records choose it.
    pub fn scores(&self) -> &[Option<Score>] {
        self.snapshot.best.as_ref().map_or(&[], |best| &best.scores)
    }

    /// Puts the classifiers that are kept on the GPU, to be asked.
    ///
    /// # Errors
    /// A lost device.
    pub fn choose(&self) -> Result<()> {
        let [classifier, statistics] = self.kept();
        self.context.write_f32(&self.classifier.state, 0, classifier)?;
        self.classifier.statistics.iter().try_for_each(|buffer| self.context.write_f32(buffer, 0, statistics))
    }

    /// Puts the networks into the state of `snapshot`.
    ///
    /// # Errors
    /// One of other networks.
    pub fn restore(&mut self, snapshot: Snapshot) -> Result<()> {
        snapshot.check(self.models.len(), self.recipe)?;
        self.snapshot = snapshot;
        self.put_back()
    }

    /// Puts the networks into the state of the last snapshot.
    fn put_back(&self) -> Result<()> {
        self.context.write_f32(&self.classifier.state, 0, &self.snapshot.classifier)?;
        if let Some(statistics) = &self.classifier.statistics {
            self.context.write_f32(statistics, 0, &self.snapshot.statistics)?;
        }
        if let Some(attack) = &self.attack {
            self.context.write_f32(attack, 0, &self.snapshot.attack)?;
        }
        Ok(())
    }

    /// The models, in the order of everything per replica.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The networks after the last epoch.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// How the first layer works on data of bits, in words.
    pub(super) fn first_layer(&self) -> Option<String> {
        let layout = self.resident.layout;
        let ones = layout.ones?;
        let way = match layout.most_ones() {
            Some(_) => "adds the rows of its weights that a record has ones for",
            None => "multiplies by all bits of a record",
        };
        let share = 100.0 * ones.total as f64 / (ones.records * layout.width).max(1) as f64;
        Some(format!("{share:.1}% of the data's bits are ones: the first layer {way} (engine.sparse)"))
    }

    /// Dispatches of a run of each round.
    pub fn dispatches(&self) -> Vec<usize> {
        self.rounds.iter().map(|(_, steps)| steps.dispatches()).collect()
    }

    /// Seconds of each dispatch of a round's run ([`Steps::profile`]); the networks are left as they were.
    ///
    /// # Errors
    /// A round that the schedule does not have; as [`Steps::profile`].
    pub fn profile(&mut self, round: usize, repeats: usize) -> Result<Vec<Timed>> {
        let rounds = self.rounds.len();
        let Some((_, steps)) = self.rounds.get_mut(round) else {
            return Err(Error::usage("profile")
                .expected(format!("a round below {rounds}"))
                .found(round.to_string()));
        };
        let seconds = steps.profile(self.context, repeats);
        self.put_back()?;
        seconds
    }

    /// GPU memory of intermediate results, in bytes.
    pub fn scratch_bytes(&self) -> u64 {
        self.rounds.iter().map(|(_, steps)| steps.scratch_bytes()).sum()
    }

    /// The uploaded data and the classifiers' states, for predictions.
    pub(super) fn parts(&self) -> (&Resident, &Weights) {
        (&self.resident, &self.classifier)
    }

    /// Trains epoch number `epoch` (from 0) and reads back once. `done` is told how many runs were submitted.
    ///
    /// # Errors
    /// An epoch that the schedule does not have. As [`Pace::run`]; the networks are then those of the epoch
    /// before.
    pub fn epoch(
        &mut self,
        epoch: usize,
        stop: &AtomicBool,
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<EpochMetrics>> {
        let started = std::time::Instant::now();
        let epochs = self.schedule.epochs.len();
        let Some(blocks) = self.schedule.epochs.get(epoch) else {
            return Err(Error::usage("epoch")
                .expected(format!("one of {epochs}, from 0"))
                .found(epoch.to_string()));
        };
        let replicas = self.models.len();
        self.write_tapes(epoch)?;
        self.context.write(&self.classifier_counts, 0, &vec![0; replicas * ClassifierCounts::WIDTH])?;
        self.context.write(&self.attack_counts, 0, &vec![0; replicas * AttackCounts::WIDTH])?;
        let mut pace = Pace::new(self.context, stop);
        let mut before = 0;
        for block in blocks {
            let (_, steps) = &mut self.rounds[block.round];
            steps.run(&mut pace, block.runs, &mut |runs| done(before + runs))?;
            before += block.runs;
        }
        let scorers = [&mut self.reference, &mut self.test, &mut self.validation];
        for scorer in scorers.into_iter().flatten() {
            scorer.submit(self.context, &mut pace)?;
        }
        if let Some(probe) = &mut self.probe {
            probe.submit(self.context, &mut pace)?;
        }
        let checks = match &mut self.referee {
            Some(referee) => referee.checks(self.context, stop)?,
            None => vec![None; replicas],
        };
        let metrics = self.read(epoch, &checks)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(metrics.into_iter().map(|m| EpochMetrics { seconds, ..m }).collect())
    }

    /// Writes the tapes of an epoch: for every round its runs' lines in the order they are run.
    fn write_tapes(&mut self, epoch: usize) -> Result<()> {
        let stage = self.recipe.stage()?;
        let updates = self.schedule.before(epoch);
        let rate = Rate::of_epoch(&self.config.model, self.schedule, epoch);
        let penalized = epoch >= self.config.defense.lambda_warmup_epochs;
        let mut words = vec![TapeWords::default(); self.rounds.len()];
        for (r, model) in self.models.iter().enumerate() {
            let (attack, active) = (self.snapshot.paces.get(r).copied(), self.snapshot.frozen[r].is_none());
            let moment = Moment { updates, penalized, rate, attack, active };
            let mut writer = LineWriter::new(self.recipe, stage, &model.settings, &self.places[r], moment)?;
            for block in &self.schedule.epochs[epoch] {
                let (round, _) = self.rounds[block.round];
                writer.begin(block);
                (0..block.runs).for_each(|_| writer.line(round, &mut words[block.round]));
            }
            for (words, (_, steps)) in words.iter_mut().zip(&self.rounds) {
                steps.fill_up(words, r + 1);
            }
        }
        for (words, (_, steps)) in words.iter().zip(&mut self.rounds) {
            steps.write(self.context, words)?;
        }
        Ok(())
    }
}
