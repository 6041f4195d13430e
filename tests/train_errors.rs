//! What kernels would read beyond the end of is refused where it comes in: each by an error, none by a panic.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use veilgrad::dataset::{Dataset, Features, Split, Standardization, Synthetic, synthetic};
use veilgrad::error::{Error, Result};
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::Tensor;
use veilgrad::nn::RecordShape;
use veilgrad::nn::networks::mlp::Mlp;
use veilgrad::ops::{Activation, PADDING};
use veilgrad::plan::Bound;
use veilgrad::run::config::{Config, Layer};
use veilgrad::train::evaluate::{Counting, Probe, Scorer, Weights, logits};
use veilgrad::train::recipe::Stage;
use veilgrad::train::resident::Resident;
use veilgrad::train::steps::{ScoreTable, Steps, TapeWords, Tapes};
use veilgrad::train::{Cohort, Model, Recipe, Schedule, Snapshot, terms};

const SETTINGS: &str = "
data.members = 60
data.reference = 50
model.hidden = [8]
train.epochs = 1
train.batch = 10
defense.lambda = 1.0
defense.attack = { prediction_layers = [8], label_layers = [8], joint_layers = [] }
";

const CLASSES: usize = 5;

fn context() -> Context {
    Context::new(&Options::default()).expect("a GPU adapter")
}

fn config() -> Config {
    Config::resolve(&[Layer::text("test", SETTINGS)]).unwrap()
}

fn data() -> Dataset {
    synthetic(&Synthetic { records: 150, features: 37, classes: CLASSES, ..Synthetic::default() }).unwrap()
}

fn recipe() -> Recipe {
    Recipe::from_config(&config(), RecordShape::of(&data(), 0), CLASSES).unwrap()
}

fn split() -> Split {
    Split::random(150, [60, 50, 0], None, 0).unwrap()
}

#[track_caller]
fn refused<T>(result: Result<T>, part: &str) {
    let Err(error) = result else { panic!("not refused: {part}") };
    assert!(error.to_string().contains(part), "{error}");
}

/// Makes a cohort of one model that is trained on these records.
fn cohort(recipe: &Recipe, dataset: &Dataset, split: Split) -> Result<Vec<usize>> {
    let (context, config) = (context(), config());
    let schedule = Schedule::from_config(&config, 60, &[50]).unwrap();
    let model = Model { number: 0, settings: config.replicas()[0], split, standardization: None };
    Cohort::new(&context, &config, recipe, &schedule, dataset, vec![model]).map(|cohort| cohort.dispatches())
}

#[test]
fn labels_beyond_the_classes() {
    let mut dataset = data();
    dataset.labels[7] = CLASSES as u32;
    refused(Resident::upload(&context(), &dataset, &[], 0), "labels below 5");
    dataset.labels[7] = PADDING;
    refused(Resident::upload(&context(), &dataset, &[], 0), "labels below 5");
}

#[test]
fn classes_beyond_the_network() {
    let mut dataset = data();
    dataset.classes = CLASSES + 1;
    dataset.labels[0] = CLASSES as u32;
    refused(cohort(&recipe(), &dataset, split()), "at most 5 classes");
}

#[test]
fn features_and_standardizations_of_another_size_than_the_records() {
    let mut dataset = data();
    let Features::Bits { words, .. } = &mut dataset.features else { panic!("bits") };
    words.pop();
    refused(Resident::upload(&context(), &dataset, &[], 0), "300 words");
    let line = Standardization { shift: vec![0.0; 37], scale: vec![1.0; 36] };
    refused(Resident::upload(&context(), &data(), &[line], 0), "37 shifts and scales");
}

#[test]
fn records_beyond_the_data() {
    cohort(&recipe(), &data(), split()).unwrap();
    type Set = fn(&mut Split) -> &mut Vec<u32>;
    let sets: [Set; 3] = [|s| &mut s.members, |s| &mut s.reference, |s| &mut s.test];
    for set in sets {
        for row in [150, PADDING] {
            let mut split = split();
            set(&mut split)[3] = row;
            refused(Model::new(0, config().replicas()[0], split.clone(), &data()), "below 150");
            refused(cohort(&recipe(), &data(), split), "below 150");
        }
    }
}

#[test]
fn sets_smaller_than_a_batch() {
    let fewer = |set: fn(&mut Split) -> &mut Vec<u32>| {
        let mut split = split();
        set(&mut split).truncate(9);
        cohort(&recipe(), &data(), split)
    };
    refused(fewer(|split| &mut split.members), "train.batch");
    refused(fewer(|split| &mut split.reference), "data.reference");
}

#[test]
fn records_beyond_the_data_in_evaluation() {
    let (context, recipe) = (context(), recipe());
    let resident = Resident::upload(&context, &data(), &[], 0).unwrap();
    let state = context.allocate("classifier", &recipe.classifier.state(), 1).unwrap();
    let attack = context.allocate("attack", &recipe.adversary.as_ref().unwrap().state(), 1).unwrap();
    let weights = Weights { state, statistics: None };
    let stop = AtomicBool::new(false);
    let all = |rows: Vec<u32>| -> [Result<()>; 3] {
        let rows = [rows];
        [
            logits(&context, &recipe, &resident, &weights, &rows, &stop).map(|_| ()),
            Scorer::new(&context, &recipe, (&resident, Counting::Records), &weights, &rows).map(|_| ()),
            Probe::new(&context, &recipe, &resident, &weights, &attack, &rows).map(|_| ()),
        ]
    };
    all(vec![0, 149, PADDING]).into_iter().for_each(|result| result.unwrap());
    all(vec![0, 150]).into_iter().for_each(|result| refused(result, "below 150"));
}

#[test]
fn memory_of_fewer_replicas() {
    let (context, recipe) = (context(), recipe());
    let resident = Resident::upload(&context, &data(), &[], 0).unwrap();
    let state = context.allocate("classifier", &recipe.classifier.state(), 1).unwrap();
    let weights = Weights { state, statistics: None };
    let rows = [vec![1], vec![2]];
    refused(
        Scorer::new(&context, &recipe, (&resident, Counting::Records), &weights, &rows),
        "for 2 replicas",
    );
}

/// Steps of three lines, a record and a word each, for two replicas.
fn three_steps(context: &Context) -> Steps {
    let mut graph = veilgrad::graph::Graph::new();
    let (mut tapes, _) = Tapes::new(&mut graph, 3, 1, 1).unwrap();
    tapes.scalars(&mut graph, Tensor::f32(1, 4)).unwrap();
    tapes.keys(&mut graph, 2).unwrap();
    tapes.advance(&mut graph).unwrap();
    Steps::compile(context, &graph, &tapes, Bound::new(), [2, 10], &[]).unwrap()
}

#[test]
fn more_runs_than_lines() {
    let context = context();
    let mut steps = three_steps(&context);
    let stop = AtomicBool::new(false);
    let mut pace = veilgrad::train::Pace::new(&context, &stop);
    let mut run = |steps: &mut Steps, runs| steps.run(&mut pace, runs, &mut |_| {});
    refused(run(&mut steps, 1), "at most 0 more");
    let words = TapeWords { rows: vec![9; 12], scalars: vec![0.0; 24], keys: vec![0; 12] };
    steps.write(&context, &words).unwrap();
    run(&mut steps, 2).unwrap();
    refused(run(&mut steps, 2), "at most 1 more");
    run(&mut steps, 1).unwrap();
    steps.rewind(&context).unwrap();
    run(&mut steps, 3).unwrap();
}

#[test]
fn tapes_of_another_length_and_records_on_them_beyond_the_data() {
    let context = context();
    let mut steps = three_steps(&context);
    let words = TapeWords { rows: vec![9; 12], scalars: vec![0.0; 24], keys: vec![0; 12] };
    let mut write = |words: TapeWords| steps.write(&context, &words);
    refused(write(TapeWords { rows: vec![9; 11], ..words.clone() }), "tape of rows: expected 12 words");
    refused(
        write(TapeWords { scalars: vec![0.0; 25], ..words.clone() }),
        "tape of scalars: expected 24 words",
    );
    refused(write(TapeWords { keys: vec![], ..words.clone() }), "tape of keys: expected 12 words");
    let mut rows = words.rows.clone();
    // The second word of a line is no record.
    rows[5] = 10;
    write(TapeWords { rows: rows.clone(), ..words.clone() }).unwrap();
    for row in [10, PADDING] {
        rows[4] = row;
        refused(write(TapeWords { rows: rows.clone(), ..words.clone() }), "below 10");
    }
}

#[test]
fn more_records_than_a_table_holds() {
    let context = context();
    let mut graph = veilgrad::graph::Graph::new();
    let (tapes, rows) = Tapes::scoring(&mut graph, 2, 3).unwrap();
    let one_hot = veilgrad::ops::OneHot { classes: 4, low: 0.0, high: 1.0 };
    let result = graph.apply(one_hot, &[rows]).unwrap();
    let mut table = ScoreTable::compile(&context, graph, &tapes, result, Bound::new(), [1, 4]).unwrap();
    let stop = AtomicBool::new(false);
    let found = table.fill(&context, &[vec![0, 1, 2, 3]], &stop).unwrap();
    let identity: Vec<f32> = (0..16).map(|i| if i % 5 == 0 { 1.0 } else { 0.0 }).collect();
    assert_eq!(found, [identity]);
    refused(table.fill(&context, &[vec![0; 7]], &stop), "at most 6 records");
}

#[test]
fn a_snapshot_of_other_networks_and_an_epoch_beyond_the_schedule() {
    let (context, config, recipe, dataset) = (context(), config(), recipe(), data());
    let schedule = Schedule::from_config(&config, 60, &[50]).unwrap();
    let model = Model::new(0, config.replicas()[0], split(), &dataset).unwrap();
    let mut cohort = Cohort::new(&context, &config, &recipe, &schedule, &dataset, vec![model]).unwrap();
    refused(cohort.restore(Snapshot::default()), "1 replicas of");
    let stop = AtomicBool::new(false);
    refused(cohort.epoch(1, &stop, &mut |_| {}), "one of 1, from 0");
    refused(cohort.profile(1, 1), "a round below 1");
    cohort.epoch(0, &stop, &mut |_| {}).unwrap();
}

#[test]
fn a_recipe_of_two_stages_or_with_a_release_step() {
    let mut two = recipe();
    two.stages.push(Stage::new(terms::wanted(&config())));
    refused(cohort(&two, &data(), split()), "expected one stage of training, found 2 stages");
    let mut none = recipe();
    none.stages.clear();
    refused(cohort(&none, &data(), split()), "found 0 stages");
    let mut released = recipe();
    released.release = Some("rounding".to_string());
    refused(cohort(&released, &data(), split()), "no release step");
}

#[test]
fn a_network_of_ones_own_that_is_too_narrow_for_the_data() {
    let network = Mlp::new(36, &[8], CLASSES, Activation::Tanh);
    let error: Error = cohort(&Recipe::new(&config(), Arc::new(network)), &data(), split()).unwrap_err();
    assert!(error.to_string().contains("dense"), "{error}");
}
