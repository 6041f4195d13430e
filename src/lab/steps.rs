//! Whole steps at the networks' real sizes: time, dispatches, submissions, memory, time by kernel; and the
//! first step after the start. Synthetic records of a preset's size stand in for its data.

use super::kernels::{Ceiling, ceiling};
use crate::dataset::{Dataset, Features, Image, Schema, Split, Synthetic, synthetic};
use crate::error::{Error, Result};
use crate::gpu::Context;
use crate::graph::Work;
use crate::nn::RecordShape;
use crate::ops::pcg4d;
use crate::plan::Timed;
use crate::run::config::{Config, Layer};
use crate::run::preset;
use crate::train::schedule::EpochBatches;
use crate::train::{Cohort, Model, Recipe, Schedule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Epochs that are timed, after one to warm up.
const EPOCHS: usize = 3;

/// Records beside members and reference records: a run wants some to test on.
const SPARE: usize = 10;

/// A step to time.
#[derive(Debug, Clone, Copy)]
pub struct StepCase<'a> {
    /// What tables and `veilgrad bench step` call it.
    pub name: &'a str,
    /// The preset whose networks and batches it has.
    pub preset: &'a str,
    /// 0: images of CIFAR's shape, of random bytes.
    pub features: usize,
    /// m; 0: the preset's.
    pub batch: usize,
    /// C.
    pub classes: usize,
    /// |D|: what makes an epoch.
    pub members: usize,
    /// k; 0: plain training.
    pub attack_steps: usize,
}

const fn case(
    name: &'static str,
    preset: &'static str,
    features: usize,
    members: usize,
    attack_steps: usize,
) -> StepCase<'static> {
    StepCase { name, preset, features, batch: 0, classes: 100, members, attack_steps }
}

const fn images(
    name: &'static str,
    preset: &'static str,
    batch: usize,
    members: usize,
    attack_steps: usize,
) -> StepCase<'static> {
    StepCase { name, preset, features: 0, batch, classes: 100, members, attack_steps }
}

/// The networks of the paper, plain and in the game.
pub const CASES: [StepCase<'static>; 9] = [
    case("purchase100 plain", "purchase100-official", 600, 20_000, 0),
    case("purchase100 min-max, k = 1", "purchase100-official", 600, 2_560, 1),
    case("purchase100 min-max, k = 5", "purchase100-official", 600, 1_280, 5),
    case("texas100 plain", "texas100-official", 6_169, 10_000, 0),
    case("texas100 min-max, k = 1", "texas100-official", 6_169, 5_120, 1),
    case("texas100 min-max, k = 5", "texas100-official", 6_169, 2_560, 5),
    images("alexnet plain", "cifar100-alexnet-official", 128, 1_280, 0),
    images("alexnet min-max, k = 1", "cifar100-alexnet-official", 128, 640, 1),
    images("densenet plain", "cifar100-densenet", 64, 128, 0),
];

/// What a case is timed under.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// Records to take instead of generated ones; the networks then have their features and classes.
    pub data: Option<&'a Dataset>,
    /// Settings of the engine: `engine.merge=false`.
    pub settings: &'a [String],
}

/// What a step takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepTime {
    /// The case's name.
    pub name: String,
    /// R: models that the times are of.
    pub replicas: usize,
    /// Models of a dispatch: all, or as many as fit the adapter's limits; then such groups take turns, as in
    /// training.
    pub group: usize,
    /// The file whose records were taken; empty: generated bits, or images of random bytes.
    #[serde(default)]
    pub data: String,
    /// Settings of the engine that are not the defaults: `engine.merge=false`.
    #[serde(default)]
    pub settings: Vec<String>,
    /// |D|.
    pub members: usize,
    /// m.
    pub batch: usize,
    /// k; 0: plain training.
    pub attack_steps: usize,
    /// Classifier steps in a timed epoch.
    pub steps_an_epoch: usize,
    /// Of each timed epoch of one group, the read-back included, evaluation not.
    pub epoch_seconds: Vec<f64>,
    /// Of all models: the median epoch's, times the groups that take turns.
    pub step_milliseconds: f64,
    /// Dispatches of k attack steps and a classifier step, recorded together.
    pub dispatches: usize,
    /// Submissions of a timed epoch, of many steps each.
    pub submissions_an_epoch: f64,
    /// Read back by the host in a timed epoch.
    pub bytes_read_an_epoch: f64,
    /// GPU memory of everything: data, parameters, tapes, intermediate results.
    pub memory_bytes: u64,
    /// Of these the intermediate results.
    pub scratch_bytes: u64,
    /// What the adapter reaches at best, just after the steps.
    pub ceiling: Ceiling,
    /// Time by kernel and shape, each dispatch alone, the longest first.
    pub kernels: Vec<Share>,
}

/// Dispatches of one kernel and shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Shader, entry point and result.
    pub kernel: String,
    /// Dispatches a step.
    pub count: usize,
    /// Of all of them.
    pub milliseconds: f64,
    /// Floating-point operations of all of them; 0: not counted.
    pub flops: f64,
    /// Bytes that all of them read and write.
    pub bytes: f64,
    /// What bounds them.
    pub bound: Bound,
}

/// What a kernel's time goes to, by the ceilings of the same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// Its arithmetic would take longer than its memory.
    Arithmetic,
    /// Its memory would take longer.
    Memory,
    /// Both together would take less than a tenth of its time: it waits for starts, barriers, or for its few
    /// workgroups.
    Latency,
}

impl Bound {
    /// Of arithmetic and memory as parts of the time ([`Ceiling::parts`]).
    fn of([arithmetic, memory]: [f64; 2]) -> Bound {
        match arithmetic > memory {
            _ if arithmetic + memory < 0.1 => Bound::Latency,
            true => Bound::Arithmetic,
            false => Bound::Memory,
        }
    }

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Arithmetic => "arithmetic",
            Bound::Memory => "memory",
            Bound::Latency => "latency",
        }
    }
}

/// Makes the models of `case`, or the first group of them, ready for epochs of `steps` steps, and hands them
/// over.
fn prepare<T>(
    context: &Context,
    case: &StepCase<'_>,
    under: Conditions<'_>,
    replicas: usize,
    steps: Option<usize>,
    run: impl FnOnce(&mut Cohort<'_>, &Config, [usize; 2]) -> Result<T>,
) -> Result<T> {
    let mut layers = vec![preset::find(case.preset)?];
    let played = case.attack_steps > 0;
    let lambda = if played { "defense.lambda=1.0" } else { "defense.lambda=0.0" };
    layers.push(Layer::set(lambda)?);
    layers.push(Layer::set("defense.schedule=ratio")?);
    layers.push(Layer::set(&format!("defense.attack_steps={}", case.attack_steps.max(1)))?);
    let seeds: Vec<String> = (0..replicas).map(|seed| seed.to_string()).collect();
    layers.push(Layer::set(&format!("train.seed=[{}]", seeds.join(",")))?);
    // Records are generated: the preset's own data set need not be there.
    layers.push(Layer::set("data.expects=\"\"")?);
    // Steps alone: evaluation comes after an epoch.
    layers.push(Layer::set("train.evaluate_limit=0")?);
    if case.batch > 0 {
        layers.push(Layer::set(&format!("train.batch={}", case.batch))?);
    }
    for setting in under.settings {
        if !setting.trim_start().starts_with("engine.") {
            return Err(Error::usage(format!("--set {setting}"))
                .expected("a setting of the engine, such as engine.merge=false")
                .found("another"));
        }
        layers.push(Layer::set(setting)?);
    }
    let config = Config::merge(&layers)?;

    let members = case.members;
    let generated;
    let dataset = match under.data {
        Some(data) => data,
        None => {
            let (records, classes) = (2 * members + SPARE, case.classes);
            generated = match case.features {
                0 => random_images(records, classes),
                features => synthetic(&Synthetic { records, features, classes, ..Synthetic::default() })?,
            };
            &generated
        }
    };
    let records = dataset.records();
    let whole = members / config.train.batch;
    // A profile takes two steps.
    let least = steps.unwrap_or(2);
    if whole < least {
        let needed = 2 * least * config.train.batch + SPARE;
        return Err(Error::data(&dataset.name)
            .expected(format!("at least {needed} records: {} batches and some", 2 * least))
            .found(records.to_string()));
    }
    // An epoch of one model; of many a part, yet so long that the read-back at its end weighs little.
    let steps = steps.unwrap_or((whole / replicas).max(whole.min(20)));
    let batches = EpochBatches { members: steps, reference: steps };
    let schedule = Schedule::new(&config.defense, played, EPOCHS + 1, batches);
    let recipe = Recipe::from_config(&config, RecordShape::of(dataset, 0), dataset.classes)?;
    let size = crate::train::cohort_size(context, &recipe, &schedule, dataset, replicas)?;
    let models = config
        .replicas()
        .into_iter()
        .take(size)
        .enumerate()
        .map(|(number, settings)| {
            let split = Split::random(records, [members, members, 0], None, settings.seed)?;
            Model::new(number, settings, split, dataset)
        })
        .collect::<Result<Vec<Model>>>()?;
    let mut cohort = Cohort::new(context, &config, &recipe, &schedule, dataset, models)?;
    run(&mut cohort, &config, [size, steps])
}

/// Times a step of `case` for `replicas` models.
///
/// # Errors
/// Sizes beyond the adapter's limits or memory, a lost device; fewer records than four batches; a setting that there
/// is none of, or not of the engine.
pub fn step(
    context: &Context,
    case: &StepCase<'_>,
    under: Conditions<'_>,
    replicas: usize,
) -> Result<StepTime> {
    let before = context.usage();
    // As many reference records.
    let most = |data: &Dataset| data.records().saturating_sub(SPARE) / 2;
    let members = under.data.map_or(case.members, |data| case.members.min(most(data)));
    let case = &StepCase { members, ..*case };
    prepare(context, case, under, replicas, None, |cohort, config, [size, steps]| {
        let memory_bytes = context.usage().bytes_allocated - before.bytes_allocated;
        let stop = AtomicBool::new(false);
        cohort.epoch(0, &stop, &mut |_| {})?;
        let warm = context.usage();
        let mut epoch_seconds = vec![];
        for epoch in 1..=EPOCHS {
            let started = Instant::now();
            cohort.epoch(epoch, &stop, &mut |_| {})?;
            epoch_seconds.push(started.elapsed().as_secs_f64());
        }
        let done = context.usage();
        let mut sorted = epoch_seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let step_seconds = sorted[sorted.len() / 2] / steps as f64;
        let repeats = ((1.0 / step_seconds) as usize).clamp(1, 10);
        let an_epoch = |count: u64| count as f64 / EPOCHS as f64;
        let ceiling = ceiling(context)?;
        Ok(StepTime {
            name: case.name.to_string(),
            replicas,
            group: size,
            data: under.data.map_or(String::new(), |data| data.name.clone()),
            settings: under.settings.to_vec(),
            members: case.members,
            batch: config.train.batch,
            attack_steps: case.attack_steps,
            steps_an_epoch: steps,
            step_milliseconds: 1e3 * step_seconds * replicas as f64 / size as f64,
            epoch_seconds,
            dispatches: cohort.dispatches()[0],
            submissions_an_epoch: an_epoch(done.submissions - warm.submissions),
            bytes_read_an_epoch: an_epoch(done.bytes_read - warm.bytes_read),
            memory_bytes,
            scratch_bytes: cohort.scratch_bytes(),
            kernels: shares(cohort.profile(0, repeats)?, &ceiling),
            ceiling,
        })
    })
}

/// Seconds from some moment before, at the end of each part of the way to the first step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FirstStep {
    /// The device is open.
    pub device: f64,
    /// Data, parameters and plans are on the GPU, every pipeline is made.
    pub plans: f64,
    /// The first step is done.
    pub step: f64,
}

/// From the start of a program to its first finished step, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StartTime {
    /// The case.
    pub name: String,
    /// Until the first step's end was heard of, all caches empty.
    pub cold_seconds: f64,
    /// The same with full caches, the median.
    pub warm_seconds: f64,
    /// What the cold start said of itself.
    pub cold_parts: FirstStep,
    /// What the median warm start said of itself.
    pub warm_parts: FirstStep,
}

/// Trains `case` for one step, and says when what was done, from `started` on.
///
/// # Errors
/// As [`step`].
pub fn first_step(context: &Context, case: &StepCase<'_>, started: Instant) -> Result<FirstStep> {
    let device = started.elapsed().as_secs_f64();
    prepare(context, case, Conditions::default(), 1, Some(1), |cohort, _, _| {
        let plans = started.elapsed().as_secs_f64();
        cohort.epoch(0, &AtomicBool::new(false), &mut |_| {})?;
        Ok(FirstStep { device, plans, step: started.elapsed().as_secs_f64() })
    })
}

/// Images of CIFAR's shape.
fn random_images(records: usize, classes: usize) -> Dataset {
    let image = Image { height: 32, width: 32, channels: 3 };
    let word = |i: usize| pcg4d([i as u32, 0, 0, 0])[0];
    let words = (0..records * image.features() / 4).map(word).collect();
    Dataset {
        name: "random images".to_string(),
        kind: String::new(),
        features: Features::Bytes { words, width: image.features() },
        labels: (0..records).map(|i| (i % classes) as u32).collect(),
        classes,
        class_names: (0..classes).map(|c| c.to_string()).collect(),
        schema: Schema::default(),
        image: Some(image),
    }
}

fn shares(profile: Vec<Timed>, ceiling: &Ceiling) -> Vec<Share> {
    let mut shares: Vec<Share> = vec![];
    for Timed { label, seconds, work } in profile {
        let bound = Bound::of(ceiling.parts(work, seconds));
        let known = shares.iter().position(|share| share.kernel == label);
        let place = known.unwrap_or_else(|| {
            shares.push(Share { kernel: label, count: 0, milliseconds: 0.0, flops: 0.0, bytes: 0.0, bound });
            shares.len() - 1
        });
        let share = &mut shares[place];
        share.count += 1;
        share.milliseconds += 1e3 * seconds;
        share.flops += work.flops;
        share.bytes += work.bytes;
        // Of all of them, not of the last.
        let work = Work { flops: share.flops, bytes: share.bytes };
        share.bound = Bound::of(ceiling.parts(work, share.milliseconds / 1e3));
    }
    shares.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
    shares
}
