//! Replicas trained together: their memory on the GPU, their plans, an epoch, a state to save.

use super::evaluate::{Probe, Scorer, Weights};
use super::game::{Game, PhaseGraph, Slots};
use super::pace::Pace;
use super::rate::Rate;
use super::resident::Resident;
use super::schedule::{Phase, Schedule};
use super::tape::{Lines, Now};
use crate::dataset::{Dataset, Split, Standardisation};
use crate::error::Result;
use crate::gpu::{Buffer, Context};
use crate::graph::Tensor;
use crate::ops::{ATTACK_COUNTS, CLASSIFIER_COUNTS};
use crate::plan::{Bound, Plan};
use crate::random::{Stream, stream};
use crate::run::config::{Config, Replica};
use crate::run::event::EpochMetrics;
use std::sync::atomic::AtomicBool;

/// The standard deviation of h's logit over an epoch's records under which h says the same of all.
pub const COLLAPSED: f64 = 1e-3;

/// A replica of a group: its settings and its records.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its number in the run.
    pub number: usize,
    pub settings: Replica,
    pub split: Split,
    pub standardisation: Option<Standardisation>,
}

/// Everything of a group that a checkpoint holds, the epoch aside.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// `[R, rows, P]` of the classifier's optimiser.
    pub classifier: Vec<f32>,
    /// The same of the attack network; empty without a game.
    pub attack: Vec<f32>,
    /// `[R, 2, ΣC]`: the classifier's running statistics; empty without batch normalisation.
    pub statistics: Vec<f32>,
    /// For each replica the step at which it was frozen.
    pub frozen: Vec<Option<u64>>,
}

/// A phase, ready to run.
#[derive(Debug)]
struct PhasePlan {
    phase: Phase,
    plan: Plan,
    rows: Buffer,
    scalars: Buffer,
    keys: Option<Buffer>,
    counter: Buffer,
    /// Lines of the tapes.
    steps: usize,
    per_submission: usize,
}

/// Replicas in training.
#[derive(Debug)]
pub struct Group<'a> {
    context: &'a Context,
    config: &'a Config,
    game: &'a Game,
    schedule: &'a Schedule,
    pub members: Vec<Member>,
    resident: Resident,
    classifier: Weights,
    attack: Option<Buffer>,
    classifier_counts: Buffer,
    attack_counts: Buffer,
    phases: Vec<PhasePlan>,
    /// Test and reference records.
    scorers: Vec<(Set, Scorer)>,
    probe: Option<Probe>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Reference,
    Test,
}

impl<'a> Group<'a> {
    /// Uploads the data, makes plans and draws the first weights.
    ///
    /// # Errors
    /// Sizes beyond the adapter's limits or memory; a shader that does not build.
    pub fn new(
        context: &'a Context,
        config: &'a Config,
        game: &'a Game,
        schedule: &'a Schedule,
        dataset: &Dataset,
        members: Vec<Member>,
    ) -> Result<Self> {
        let replicas = members.len();
        let lines: Vec<Standardisation> = members.iter().filter_map(|m| m.standardisation.clone()).collect();
        let resident = Resident::upload(context, dataset, &lines, game.pad)?;
        let played = schedule.phases.iter().any(|p| p.attack > 0);
        let network = game.classifier.network();
        let tensor = game.classifier_optimizer.state(network.parameters());
        let state = context.allocate("classifier", &tensor, replicas)?;
        let allocate = |tensor: Tensor| context.allocate("running statistics", &tensor, replicas);
        let statistics = network.statistics().map(allocate).transpose()?;
        let classifier = Weights { state, statistics };
        let tensor = game.attack_optimizer.state(game.attack.network.parameters());
        let attack = match played {
            true => Some(context.allocate("attack", &tensor, replicas)?),
            false => None,
        };
        let mut group = Group {
            classifier_counts: context.allocate_words("counts", replicas * CLASSIFIER_COUNTS)?,
            attack_counts: context.allocate_words("counts", replicas * ATTACK_COUNTS)?,
            context,
            config,
            game,
            schedule,
            resident,
            classifier,
            attack,
            phases: vec![],
            scorers: vec![],
            probe: None,
            state: State::default(),
            members,
        };
        for (i, &phase) in schedule.phases.iter().enumerate() {
            let steps = schedule.most_runs(i).max(1);
            let plan = group.phase_plan(phase, steps)?;
            group.phases.push(plan);
        }
        group.evaluation()?;
        let start = group.start();
        group.restore(start);
        Ok(group)
    }

    fn phase_plan(&self, phase: Phase, steps: usize) -> Result<PhasePlan> {
        let replicas = self.members.len();
        let nodes: PhaseGraph = self.game.graph(phase, self.resident.layout, steps)?;
        let mut bound = Bound::new();
        self.resident.bind(&nodes.data, &mut bound);
        let mut allocate = |node| -> Result<Buffer> {
            let node_ref = nodes.graph.node(node);
            let buffer = self.context.allocate(&node_ref.label, &node_ref.tensor, replicas)?;
            bound.insert(node, buffer.clone());
            Ok(buffer)
        };
        let rows = allocate(nodes.rows)?;
        let scalars = allocate(nodes.scalars)?;
        let keys = nodes.keys.map(&mut allocate).transpose()?;
        let counter = allocate(nodes.counter)?;
        bound.insert(nodes.classifier.state, self.classifier.state.clone());
        bound.extend(nodes.statistics.map(|s| s[0]).zip(self.classifier.statistics.clone()));
        bound.insert(nodes.classifier.counts, self.classifier_counts.clone());
        if let (Some(h), Some(attack)) = (nodes.attack, &self.attack) {
            bound.insert(h.state, attack.clone());
            bound.insert(h.counts, self.attack_counts.clone());
        }
        let plan = Plan::compile(self.context, &nodes.graph, replicas, &bound, &[])?;
        Ok(PhasePlan { phase, plan, rows, scalars, keys, counter, steps, per_submission: 1 })
    }

    /// The plans that look at the networks after an epoch.
    fn evaluation(&mut self) -> Result<()> {
        let limit = self.config.train.evaluate_limit;
        let first = |records: &[u32]| records[..records.len().min(limit)].to_vec();
        let sets = [(Set::Reference, 0), (Set::Test, 1)];
        for (set, which) in sets {
            let records: Vec<Vec<u32>> =
                self.members.iter().map(|m| first([&m.split.reference, &m.split.test][which])).collect();
            if records.iter().any(|r| !r.is_empty()) {
                let (game, resident) = (self.game, &self.resident);
                let scorer = Scorer::new(self.context, game, resident, &self.classifier, &records)?;
                self.scorers.push((set, scorer));
            }
        }
        if let Some(attack) = &self.attack {
            let m = self.game.batch;
            let rows: Vec<Vec<u32>> = self
                .members
                .iter()
                .map(|r| [&r.split.members[..m], &r.split.reference[..m]].concat())
                .collect();
            let probe = Probe::new(self.context, self.game, &self.resident, &self.classifier, attack, &rows)?;
            self.probe = Some(probe);
        }
        Ok(())
    }

    /// Freshly drawn weights.
    fn start(&self) -> State {
        let game = self.game;
        let mut state = State { frozen: vec![None; self.members.len()], ..State::default() };
        let (model, attack) = (&self.config.model, &self.config.defense.attack);
        for member in &self.members {
            let rng = |network| stream(member.settings.seed, Stream::Initialisation { network });
            let network = game.classifier.network();
            let draw = network.start(model.initialisation, game.classifier_optimizer, &mut rng(0));
            state.classifier.extend(draw);
            state.statistics.extend(network.start_statistics());
            if self.attack.is_some() {
                let network = &game.attack.network;
                let draw = network.start(attack.initialisation, game.attack_optimizer, &mut rng(1));
                state.attack.extend(draw);
            }
        }
        state
    }

    /// Puts the networks into `state`.
    pub fn restore(&mut self, state: State) {
        self.context.write_f32(&self.classifier.state, 0, &state.classifier);
        if let Some(statistics) = &self.classifier.statistics {
            self.context.write_f32(statistics, 0, &state.statistics);
        }
        if let Some(attack) = &self.attack {
            self.context.write_f32(attack, 0, &state.attack);
        }
        self.state = state;
    }

    /// The networks after the last epoch.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Dispatches of a run of each phase.
    pub fn dispatches(&self) -> Vec<usize> {
        self.phases.iter().map(|p| p.plan.dispatches()).collect()
    }

    /// Seconds of each dispatch of a phase's run ([`Plan::profile`]); the networks are left as they were.
    ///
    /// # Errors
    /// A lost device.
    pub fn profile(&mut self, phase: usize, repeats: usize) -> Result<Vec<(String, f64)>> {
        self.context.write(&self.phases[phase].counter, 0, &vec![0; self.members.len()]);
        let seconds = self.phases[phase].plan.profile(self.context, repeats)?;
        self.restore(self.state.clone());
        Ok(seconds)
    }

    /// GPU memory of intermediate results, in bytes.
    pub fn scratch_bytes(&self) -> u64 {
        self.phases.iter().map(|p| p.plan.scratch_bytes()).sum()
    }

    /// The uploaded data and the classifiers' states, for predictions.
    pub fn parts(&self) -> (&Resident, &Weights) {
        (&self.resident, &self.classifier)
    }

    /// Trains epoch number `epoch` (from 0) and reads back once. `done` hears of plan runs.
    ///
    /// # Errors
    /// As [`Pace::run`]; the state is then that of the epoch before.
    pub fn epoch(
        &mut self,
        epoch: usize,
        stop: &AtomicBool,
        done: &mut dyn FnMut(usize),
    ) -> Result<Vec<EpochMetrics>> {
        let started = std::time::Instant::now();
        let replicas = self.members.len();
        self.write_tapes(epoch);
        self.context.write(&self.classifier_counts, 0, &vec![0; replicas * CLASSIFIER_COUNTS]);
        self.context.write(&self.attack_counts, 0, &vec![0; replicas * ATTACK_COUNTS]);
        let mut pace = Pace::new(self.context, stop);
        let mut before = 0;
        for block in &self.schedule.epochs[epoch] {
            let PhasePlan { plan, per_submission, .. } = &mut self.phases[block.phase];
            pace.run(plan, block.runs, per_submission, &mut |runs| done(before + runs))?;
            before += block.runs;
        }
        for (_, scorer) in &mut self.scorers {
            scorer.submit(self.context, &mut pace)?;
        }
        if let Some(probe) = &self.probe {
            probe.submit(self.context);
        }
        let metrics = self.read(epoch)?;
        let seconds = started.elapsed().as_secs_f64();
        Ok(metrics.into_iter().map(|m| EpochMetrics { seconds, ..m }).collect())
    }

    /// Writes the tapes of an epoch: for every phase its runs' lines in the order they are run.
    fn write_tapes(&self, epoch: usize) {
        let replicas = self.members.len();
        let start = self.schedule.before(epoch);
        let rate = Rate::of(&self.config.model, self.schedule, epoch);
        let penalised = epoch >= self.config.defense.lambda_warmup_epochs;
        let mut rows: Vec<Vec<u32>> = vec![vec![]; self.phases.len()];
        let mut scalars: Vec<Vec<f32>> = vec![vec![]; self.phases.len()];
        let mut keys: Vec<Vec<u32>> = vec![vec![]; self.phases.len()];
        for (r, member) in self.members.iter().enumerate() {
            let active = self.state.frozen[r].is_none();
            let lambda = if penalised { member.settings.lambda } else { 0.0 };
            let now = Now { done: start, lambda, rate, active };
            let mut tape = Lines::new(self.game, &member.settings, &member.split, now);
            for block in &self.schedule.epochs[epoch] {
                let i = block.phase;
                for _ in 0..block.runs {
                    tape.line(self.phases[i].phase, &mut rows[i], &mut scalars[i], &mut keys[i]);
                }
            }
            // The tapes are as long as the longest epoch needs.
            for (i, plan) in self.phases.iter().enumerate() {
                let (line, m) = (Slots::of(plan.phase).line().elements(), self.game.batch);
                rows[i].resize((r + 1) * plan.steps * plan.phase.words(m), 0);
                scalars[i].resize((r + 1) * plan.steps * line, 0.0);
                keys[i].resize((r + 1) * plan.steps * 2 * plan.phase.classifier, 0);
            }
        }
        for (i, plan) in self.phases.iter().enumerate() {
            self.context.write(&plan.rows, 0, &rows[i]);
            self.context.write_f32(&plan.scalars, 0, &scalars[i]);
            if let Some(buffer) = &plan.keys {
                self.context.write(buffer, 0, &keys[i]);
            }
            self.context.write(&plan.counter, 0, &vec![0; replicas]);
        }
    }

    /// Reads everything of an epoch at once; replicas that are no longer finite are put back.
    fn read(&mut self, epoch: usize) -> Result<Vec<EpochMetrics>> {
        let replicas = self.members.len();
        let f_words = self.state.classifier.len();
        let h_words = self.state.attack.len();
        let f = &self.classifier;
        let mut wanted: Vec<(&Buffer, usize)> = vec![
            (&f.state, f_words),
            (self.attack.as_ref().unwrap_or(&f.state), h_words),
            (f.statistics.as_ref().unwrap_or(&f.state), self.state.statistics.len()),
            (&self.classifier_counts, replicas * CLASSIFIER_COUNTS),
            (&self.attack_counts, replicas * ATTACK_COUNTS),
        ];
        wanted.extend(self.scorers.iter().map(|(_, s)| (&s.counts, replicas * CLASSIFIER_COUNTS)));
        let sums = self.probe.iter().flat_map(|p| &p.sums);
        wanted.extend(sums.map(|buffer| (buffer, replicas * 4)));
        let read: Vec<Vec<f32>> = self
            .context
            .read(&wanted)?
            .into_iter()
            .map(|words| words.into_iter().map(f32::from_bits).collect())
            .collect();
        let [classifier, attack, statistics, f_counts, h_counts, rest @ ..] = &read[..] else {
            unreachable!("five buffers were asked for")
        };
        let (scores, sums) = rest.split_at(self.scorers.len());
        let next = State {
            classifier: classifier.clone(),
            attack: attack.clone(),
            statistics: statistics.clone(),
            frozen: self.state.frozen.clone(),
        };
        let newly = self.freeze(epoch, next, f_counts, h_counts);
        let of = |counts: &[f32], r: usize, width: usize| -> Vec<f64> {
            counts[r * width..(r + 1) * width].iter().map(|v| f64::from(*v)).collect()
        };
        let mut metrics = vec![];
        for (r, member) in self.members.iter().enumerate() {
            let f = of(f_counts, r, CLASSIFIER_COUNTS);
            let h = of(h_counts, r, ATTACK_COUNTS);
            let score = |set: Set| {
                let at = self.scorers.iter().position(|(s, _)| *s == set)?;
                let counts = of(&scores[at], r, CLASSIFIER_COUNTS);
                (counts[2] > 0.0).then(|| counts[1] / counts[2])
            };
            let trained = h[2] > 0.0;
            let deviation = (h[4] / h[2] - (h[3] / h[2]).powi(2)).max(0.0).sqrt();
            let dead = sums.iter().any(|sum| sum[4 * r] == 0.0);
            metrics.push(EpochMetrics {
                epoch: epoch + 1,
                replica: member.number,
                settings: member.settings,
                loss: f[0] / f[2],
                train_accuracy: f[1] / f[2],
                gain: trained.then(|| h[0] / h[2]),
                attack_accuracy: trained.then(|| h[1] / h[2]),
                attack_logit_deviation: trained.then_some(deviation),
                reference_accuracy: score(Set::Reference),
                test_accuracy: score(Set::Test),
                collapsed: trained.then_some(deviation < COLLAPSED || dead),
                frozen_at_step: self.state.frozen[r],
                seconds: 0.0,
            });
        }
        // A frozen replica's training passes still move its running statistics.
        if newly || (self.classifier.statistics.is_some() && self.state.frozen.iter().any(Option::is_some)) {
            self.restore(self.state.clone());
        }
        Ok(metrics)
    }

    /// Takes over `next`, except for replicas whose losses or parameters are not finite: those keep
    /// their last state and are frozen. Returns whether there are new ones.
    fn freeze(&mut self, epoch: usize, mut next: State, f_counts: &[f32], h_counts: &[f32]) -> bool {
        let replicas = self.members.len();
        let end = self.schedule.before(epoch + 1).classifier;
        let mut newly = false;
        for r in 0..replicas {
            let flags =
                [f_counts[r * CLASSIFIER_COUNTS + 3], h_counts[r * ATTACK_COUNTS + 5]].map(|f| f as u64);
            let first = flags.into_iter().filter(|f| *f > 0).min();
            let part = |values: &[f32]| values.len() / replicas * r..values.len() / replicas * (r + 1);
            let (f, h, s) = (part(&next.classifier), part(&next.attack), part(&next.statistics));
            let numbers = [&next.classifier[f.clone()], &next.attack[h.clone()], &next.statistics[s.clone()]];
            let finite = numbers.into_iter().flatten().all(|v| v.is_finite());
            if next.frozen[r].is_none() && first.is_none() && finite {
                continue;
            }
            if next.frozen[r].is_none() {
                // Parameters that are not finite after finite losses: the epoch's last step did it.
                next.frozen[r] = Some(first.map_or(end, |step| step) - 1);
                newly = true;
            }
            next.classifier[f.clone()].copy_from_slice(&self.state.classifier[f]);
            next.attack[h.clone()].copy_from_slice(&self.state.attack[h]);
            next.statistics[s.clone()].copy_from_slice(&self.state.statistics[s]);
        }
        self.state = next;
        newly
    }
}
