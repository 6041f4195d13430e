//! Training as a whole, on tiny data: agreement with the f64 reference of the whole algorithm,
//! determinism, independence of replicas, resuming, every schedule and option.

mod company;
mod merge;
mod ones;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use veilgrad::dataset::{Dataset, Features, Synthetic, synthetic};
use veilgrad::error::{Kind, Result};
use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::{Array, Kind as NodeKind, NodeId, Values};
use veilgrad::nn::{Optimizer, RecordShape};
use veilgrad::ops::Format;
use veilgrad::plan::{Bound, Plan};
use veilgrad::run::RunDirectory;
use veilgrad::run::config::{Config, Layer, Sparse};
use veilgrad::run::event::{Event, Observer};
use veilgrad::train::resident::ResidentLayout;
use veilgrad::train::schedule::Round;
use veilgrad::train::{Job, Outcome, Recipe};

const SMALL: &str = r#"
[data]
members = 60
reference = 50
[model]
hidden = [24, 17]
[train]
epochs = 4
batch = 10
[defense]
lambda = 1.0
attack_steps = 2
[defense.attack]
prediction_layers = [16, 12]
label_layers = [9, 8]
joint_layers = [11]
"#;

fn context() -> Context {
    Context::new(&Options::default()).expect("a GPU adapter")
}

fn config(changes: &[&str]) -> Config {
    let mut layers = vec![Layer::text("small", SMALL)];
    layers.extend(changes.iter().map(|change| Layer::set(change).unwrap()));
    Config::resolve(&layers).unwrap()
}

fn data() -> Dataset {
    let spec = Synthetic { records: 150, features: 37, classes: 5, noise: 0.3, ..Synthetic::default() };
    synthetic(&spec).unwrap()
}

/// The data's, on the GPU.
fn layout() -> ResidentLayout {
    ResidentLayout {
        format: Format::Bits,
        records: 150,
        part: 150,
        width: 37,
        standardized: false,
        images: None,
        ones: None,
        sparse: Sparse::Auto,
        weighted: None,
    }
}

/// A run's files.
struct Run {
    outcome: Outcome,
    /// By name.
    tensors: BTreeMap<String, Vec<u8>>,
    model: Vec<u8>,
    metrics: Vec<veilgrad::run::event::EpochMetrics>,
}

fn files(path: &Path, outcome: Outcome) -> Run {
    let directory = RunDirectory::open(path).unwrap();
    let (mut model, mut tensors) = (vec![], BTreeMap::new());
    for number in (0..).take_while(|number| directory.model(*number).exists()) {
        let bytes = std::fs::read(directory.model(number)).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let named = |(name, view): (&str, safetensors::tensor::TensorView)| {
            (format!("replica.{number}.{name}"), view.data().to_vec())
        };
        tensors.extend(file.iter().map(named));
        model.extend(bytes);
    }
    Run { outcome, tensors, metrics: directory.read_metrics().unwrap(), model }
}

fn start(
    config: &Config,
    path: &Path,
    resume: bool,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome> {
    let directory = if resume { RunDirectory::open(path)? } else { RunDirectory::create(path, false)? };
    let (context, dataset) = (context(), data());
    let job =
        Job { config, dataset: &dataset, context: &context, directory: &directory, resume, stop, part: None };
    veilgrad::train::run(&job, observer)
}

fn train(changes: &[&str]) -> Run {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("run");
    let outcome = start(&config(changes), &path, false, &mut (), &AtomicBool::new(false)).unwrap();
    files(&path, outcome)
}

/// The tensors of one replica, its number taken off the names.
fn replica(run: &Run, number: usize) -> BTreeMap<String, Vec<u8>> {
    let prefix = format!("replica.{number}.");
    let of =
        |(name, data): (&String, &Vec<u8>)| Some((name.strip_prefix(&prefix)?.to_string(), data.clone()));
    run.tensors.iter().filter_map(of).collect()
}

#[test]
fn twenty_min_max_steps_agree_with_the_f64_reference() {
    let (context, config, dataset) = (context(), config(&["model.dropout=0.2"]), data());
    let Features::Bits { words, .. } = &dataset.features else { panic!("bits") };
    let layout = layout();
    let recipe = Recipe::from_config(&config, RecordShape::plain(37), 5).unwrap();
    let round = Round { attack: 2, classifier: 1, penalized: true };
    let steps = 20;
    let nodes = recipe.graph(round, layout, steps).unwrap();
    let graph = &nodes.graph;

    // Tapes: any records, real learning rates, λ = 1.
    let rows: Vec<u32> = (0..steps * (5 * 10 + 1)).map(|i| (i * 7 % 150) as u32).collect();
    let line_of = &nodes.line;
    let mut scalars = vec![];
    for step in 0..steps as u64 {
        let mut line = vec![0.0; line_of.tensor().elements()];
        for j in 0..2 {
            let words = Optimizer::Adam.scalars(1e-3, 0.0, 2 * step + j + 1, true);
            line[line_of.attack(j as usize)..][..4].copy_from_slice(&words);
        }
        line[line_of.classifier(0)..][..4].copy_from_slice(&Optimizer::Adam.scalars(
            1e-3,
            1e-4,
            step + 1,
            true,
        ));
        line[line_of.place("game penalty", "λ").unwrap()] = 1.0;
        line[line_of.place("dropout", "rate").unwrap()] = 0.2;
        scalars.extend(line.iter().map(|v| v.to_bits()));
    }
    let keys: Vec<u32> = (0..steps as u32).flat_map(|step| [99, step]).collect();
    let mut rng = veilgrad::random::stream(1, veilgrad::random::Stream::Split);
    let adversary = &recipe.adversary.as_ref().unwrap().network;
    let f =
        recipe.classifier.network.parameters().start(config.model.initialisation, Optimizer::Adam, &mut rng);
    let h = adversary.parameters.start(config.defense.attack.initialisation, Optimizer::Adam, &mut rng);

    let attack = nodes.attack.unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    let contents: Vec<(NodeId, Vec<u32>)> = vec![
        (nodes.data.features[0], words.clone()),
        (nodes.data.labels, dataset.labels.clone()),
        (nodes.tapes.rows, rows),
        (nodes.tapes.scalars.unwrap(), scalars),
        (nodes.tapes.keys.unwrap(), keys),
        (nodes.tapes.counter, vec![0]),
        (nodes.classifier.state, bits(&f)),
        (nodes.classifier.counts, vec![0; 4]),
        (attack.state, bits(&h)),
        (attack.counts, vec![0; 8]),
    ];
    let (mut bound, mut values) = (Bound::new(), Values::new());
    for (id, words) in contents {
        let tensor = graph.tensor(id);
        let buffer = context.upload(&graph.node(id).label, &words).unwrap();
        bound.insert(id, buffer);
        let memory: Vec<f64> = words
            .iter()
            .map(|&w| match tensor.dtype {
                veilgrad::graph::DType::F32 => f64::from(f32::from_bits(w)),
                veilgrad::graph::DType::U32 => f64::from(w),
            })
            .collect();
        values.insert(id, Array::from_memory(&memory, &tensor));
    }
    let plan = Plan::compile(&context, graph, 1, &bound, &[]).unwrap();
    let ends = [
        (nodes.classifier.state, nodes.classifier.state_after),
        (nodes.classifier.counts, nodes.classifier.counts_after),
        (attack.state, attack.state_after),
        (attack.counts, attack.counts_after),
    ];
    let outputs: Vec<NodeId> = ends.iter().map(|e| e.1).collect();
    let close = |found: f32, expected: f64, bound: f64, what: &str| {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= bound * expected.abs().max(1e-3), "{what}: {found} on the GPU, {expected} in f64");
    };
    for step in 0..steps {
        plan.submit(&context, 1);
        let after = graph.evaluate(&values, &outputs).unwrap();
        for (start, end) in ends {
            values.insert(start, after[&end].clone());
        }
        values.insert(nodes.tapes.counter, Array::scalar((step + 1) as f64));
        let counts = context.read_f32(&bound[&nodes.classifier.counts], 4).unwrap();
        let expected = &values[&nodes.classifier.counts].data;
        close(counts[0], expected[0], 1e-4, "classifier loss");
        assert_eq!(f64::from(counts[2]), expected[2]);
        let counts = context.read_f32(&bound[&attack.counts], 8).unwrap();
        close(counts[0], values[&attack.counts].data[0], 1e-4, "attack gain");
    }
    for (name, id, length) in
        [("classifier", nodes.classifier.state, f.len() / 3), ("attack", attack.state, h.len() / 3)]
    {
        let found = context.read_f32(&bound[&id], length).unwrap();
        // Adam divides rounding by rounding where a gradient is nearly 0: a step is 1e-3 either way.
        let off = found.iter().zip(values[&id].row(0)).filter(|(a, b)| (f64::from(**a) - **b).abs() > 1e-4);
        assert!(off.count() * 100 <= length, "{name}: more than 1 in 100 parameters off");
    }
}

#[test]
fn hoisting_merges_the_forward_passes_and_changes_no_value() {
    let config = config(&["defense.attack_steps=3"]);
    let recipe = Recipe::from_config(&config, RecordShape::plain(37), 5).unwrap();
    let layout = layout();
    let nodes = recipe.graph(Round { attack: 3, classifier: 1, penalized: true }, layout, 2).unwrap();
    let (hoisted, moved) = nodes.graph.hoist(4096);
    let gathers = |graph: &veilgrad::graph::Graph| {
        let is = |k: &NodeKind| matches!(k, NodeKind::Compute(op) if op.name() == "gather_rows");
        graph.nodes().iter().filter(|n| is(&n.kind)).count()
    };
    assert_eq!((gathers(&nodes.graph), gathers(&hoisted)), (4, 1));
    // Any contents will do.
    let mut given = Values::new();
    for id in nodes.graph.ids() {
        let node = nodes.graph.node(id);
        if matches!(node.kind, NodeKind::Input | NodeKind::State) {
            let value = |r: usize, c: usize| match node.label.as_str() {
                "labels" | "tape of rows" => ((r * 31 + c * 7) % 5) as f64,
                "features" => ((r * 2_654_435_761 + c * 40_503) % 4_294_967_296) as f64,
                "step counter" => 1.0,
                "tape of scalars" => f64::from((0.001 * (1 + c % 5) as f32).to_bits()),
                _ => 0.01 * ((r * 17 + c * 13) % 41) as f64 - 0.2 + if r == 2 { 0.3 } else { 0.0 },
            };
            given.insert(id, Array::from_fn(node.tensor.rows, node.tensor.cols, value));
        }
    }
    let outputs = [nodes.classifier.state_after, nodes.attack.unwrap().state_after];
    let before = nodes.graph.evaluate(&given, &outputs).unwrap();
    let given = given.into_iter().map(|(id, v)| (moved[id.index()], v)).collect();
    let after = hoisted.evaluate(&given, &outputs.map(|o| moved[o.index()])).unwrap();
    for output in outputs {
        assert_eq!(before[&output], after[&moved[output.index()]]);
    }
}

#[test]
fn with_lambda_0_the_game_trains_the_classifier_of_plain_training() {
    let game = train(&["defense.lambda=[0.0,1.0]"]);
    let plain = train(&["defense.lambda=0.0"]);
    let classifier = |run: &Run| -> BTreeMap<String, Vec<u8>> {
        replica(run, 0).into_iter().filter(|(name, _)| name.starts_with("classifier")).collect()
    };
    assert_eq!(classifier(&game), classifier(&plain));
    assert!(plain.metrics.iter().all(|m| m.gain.is_none()));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    assert_eq!(train(&[]).model, train(&[]).model);
    assert_ne!(train(&[]).tensors, train(&["train.seed=1"]).tensors);
}

#[test]
fn a_diverging_replica_is_frozen_and_the_others_do_not_notice() {
    let run = train(&["model.learning_rate=[0.001,1e38]", "model.activation=relu"]);
    let [(number, step)] = run.outcome.frozen[..] else { panic!("{:?}", run.outcome.frozen) };
    assert_eq!(number, 1);
    assert!((1..6).contains(&step), "in the first epoch of 6 steps: {step}");
    let alone = train(&["model.learning_rate=0.001", "model.activation=relu"]);
    assert_eq!(replica(&run, 0), replica(&alone, 0));
    let finite = |data: &Vec<u8>| {
        data.chunks_exact(4).all(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]).is_finite())
    };
    assert!(replica(&run, 1).values().all(finite), "it stays at its last good state");
}

/// Sets the flag when an epoch is done, as Ctrl-C would.
struct StopAfter<'a>(usize, &'a AtomicBool, Vec<Event>);

impl Observer for StopAfter<'_> {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Epoch { metrics, .. } if metrics[0].epoch == self.0) {
            self.1.store(true, Ordering::SeqCst);
        }
        self.2.push(event.clone());
    }
}

/// The files of the three models, seeds 3 to 5, that a run on `data` with `setting` leaves, and what it told.
fn three_models(context: &Context, data: &Dataset, setting: &str) -> ([Vec<u8>; 3], Vec<Event>) {
    let temporary = tempfile::tempdir().unwrap();
    let config = config(&[setting, "train.seed=[3,4,5]", "train.epochs=2"]);
    let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
    let stop = AtomicBool::new(false);
    let job = Job {
        config: &config,
        dataset: data,
        context,
        directory: &directory,
        resume: false,
        stop: &stop,
        part: None,
    };
    let mut observer = StopAfter(usize::MAX, &stop, vec![]);
    veilgrad::train::run(&job, &mut observer).unwrap();
    ([0, 1, 2].map(|r| std::fs::read(directory.model(r)).unwrap()), observer.2)
}

#[test]
fn an_interrupted_run_ends_with_the_bytes_of_an_uninterrupted_one() {
    let changes = ["train.seed=[0,1]", "model.dropout=0.1", "defense.schedule=coin", "defense.coin_ratio=2"];
    let whole = train(&changes);
    for damage in [false, true] {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("run");
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter(3, &stop, vec![]);
        let error = start(&config(&changes), &path, false, &mut observer, &stop).unwrap_err();
        assert_eq!(error.kind, Kind::Interrupted);
        let newest = path.join("checkpoint-group000-epoch000003");
        let mut bytes = std::fs::read(&newest).expect("a checkpoint an epoch");
        if damage {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
            std::fs::write(&newest, bytes).unwrap();
        }
        let config = RunDirectory::open(&path).unwrap().read_config().unwrap();
        let stop = AtomicBool::new(false);
        let mut observer = StopAfter(0, &stop, vec![]);
        let outcome = start(&config, &path, true, &mut observer, &stop).unwrap();
        let resumed = observer.2.iter().find_map(|e| match e {
            Event::Resumed { epoch, skipped, .. } => Some((*epoch, skipped.len())),
            _ => None,
        });
        assert_eq!(resumed, Some(if damage { (2, 1) } else { (3, 0) }));
        let resumed = files(&path, outcome);
        assert_eq!(resumed.model, whole.model);
        let epochs = |run: &Run| {
            run.metrics.iter().map(|m| (m.epoch, m.replica, m.loss.to_bits())).collect::<Vec<_>>()
        };
        assert_eq!(epochs(&resumed), epochs(&whole), "no line twice, none lost");
    }
}

#[test]
fn every_choice_of_the_game_trains() {
    for changes in [
        &["defense.schedule=blocks", "defense.block_attack_steps=15"][..],
        &["defense.schedule=coin", "defense.coin_ratio=3"],
        &["defense.attack_loss=squared", "defense.penalty=linear", "defense.attack_input=logits"],
        &["defense.penalty=squared", "defense.label_encoding=plus_minus_one"],
        &["defense.attack_input=sorted_logits", "defense.top_k=3"],
        &["model.optimizer=sgd", "model.learning_rate=0.1", "model.weight_decay=0.001", "model.dropout=0.3"],
        &["model.activation=sigmoid", "model.initialisation=xavier", "model.hidden=[]"],
        &[
            "defense.lambda_warmup_epochs=2",
            "defense.attack.optimizer=sgd",
            "defense.attack.learning_rate=0.01",
        ],
        &["model.class_weights=balanced", "defense.reference_weight=0.3"],
        &["model.label_smoothing=0.1", "model.confidence_penalty=0.1", "defense.reference_weight=0.3"],
    ] {
        let run = train(changes);
        let (first, last) = (&run.metrics[0], &run.metrics[3]);
        assert!(last.loss.is_finite() && run.outcome.frozen.is_empty(), "{changes:?}: {last:?}");
        assert!(last.loss < first.loss, "{changes:?}: loss {} then {}", first.loss, last.loss);
        assert!(last.gain.is_some_and(|g| g.is_finite() && g > -2.0), "{changes:?}: {last:?}");
    }
}

#[test]
fn an_attack_network_that_starts_dead_is_called_collapsed() {
    let run = train(&["defense.attack.initialisation={normal = 1e-9}", "defense.attack.learning_rate=1e-9"]);
    assert!(run.metrics.iter().all(|m| m.collapsed == Some(true)), "{:?}", run.metrics);
    let run = train(&["defense.attack.learning_rate=0.01"]);
    assert_eq!(run.metrics[3].collapsed, Some(false));
}

/// Clipping to a bound that nobody reaches multiplies by exactly 1, and no noise adds exactly 0.
#[test]
fn private_training_with_a_loose_bound_and_no_noise_is_plain_training() {
    let plain = train(&["defense.lambda=0.0"]);
    let private = |clip: &str, noise: &str| {
        let set = [format!("defense.private.clip={clip}"), format!("defense.private.noise={noise}")];
        train(&["defense.lambda=0.0", &set[0], &set[1], "defense.private.noise_seed=1"])
    };
    assert_eq!(private("1e6", "0").tensors, plain.tensors);
    let (tight, noisy) = (private("0.01", "0"), private("0.01", "[0.5, 2]"));
    assert_ne!(tight.tensors, plain.tensors);
    assert_eq!(replica(&noisy, 1), replica(&private("0.01", "2"), 0), "in company as alone");
    assert_ne!(replica(&noisy, 0), replica(&noisy, 1));
}

/// With all the weight on D but a trace, D′ is learnt like test records; with half of it, like members.
#[test]
fn weighted_risk_learns_the_reference_set() {
    let learnt = |weight: &str| {
        let weight = format!("defense.reference_weight={weight}");
        let run = train(&[&weight, "defense.lambda=0.0", "train.epochs=30", "model.learning_rate=0.01"]);
        let last = run.metrics[29].clone();
        (last.train_accuracy, last.reference_accuracy.unwrap(), last.test_accuracy.unwrap())
    };
    let (members, reference, test) = learnt("0.5");
    assert!(members > 0.95 && reference > 0.95 && test < 0.9, "{members} {reference} {test}");
    let (members, reference, _) = learnt("1e-9");
    assert!(members > 0.95 && reference < 0.9, "{members} {reference}");
}

#[test]
fn a_plain_run_learns_its_members() {
    let run = train(&["defense.lambda=0.0", "train.epochs=30", "model.learning_rate=0.01"]);
    assert!(run.metrics[29].train_accuracy > 0.95, "{:?}", run.metrics[29]);
}
