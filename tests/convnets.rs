//! Convolutional networks in training: agreement with PyTorch (golden/convnets.py made the numbers),
//! replicas, resuming.

use std::collections::BTreeMap;
use std::path::Path;
use veilgrad::dataset::npy::{Array as File, Values as Elements};
use veilgrad::dataset::{Dataset, Features, Image, Schema, npz};
use veilgrad::gpu::{Buffer, Context, Options};
use veilgrad::graph::{Array, DType, Graph, Kind, NodeId, Tensor, Values};
use veilgrad::nn::{LayerForm, Parameters, RecordShape};
use veilgrad::plan::{Bound, Plan, memory, schedule};
use veilgrad::run::config::{Config, Layer, Sparse};
use veilgrad::train::Recipe;
use veilgrad::train::resident::{ImageLayout, Resident, ResidentLayout};
use veilgrad::train::schedule::Round;

const RECORDS: usize = 40;
const CLASSES: usize = 5;
const M: usize = 8;
const STEPS: usize = 10;
/// The records that standardise.
const MEMBERS: u32 = 24;

const GAME: &str = r#"
[model]
optimizer = "sgd"
learning_rate = 0.01
weight_decay = 5e-4
[model.alexnet]
width = 0.0625
[model.densenet]
depth = 16
growth = 4
[train]
batch = 8
[defense]
lambda = 1.0
[defense.attack]
prediction_layers = [16, 8]
label_layers = [8]
joint_layers = [8]
"#;

struct Golden(BTreeMap<String, File>);

impl Golden {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/convnets.npz");
        Golden(npz::read(&path, 1 << 24).unwrap())
    }

    fn numbers(&self, name: &str) -> Vec<f64> {
        match &self.0.get(name).unwrap_or_else(|| panic!("no {name}")).values {
            Elements::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
            Elements::F64(values) => values.clone(),
            Elements::I64(values) => values.iter().map(|v| *v as f64).collect(),
            Elements::U8(values) => values.iter().map(|v| f64::from(*v)).collect(),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn words(&self, name: &str) -> Vec<u32> {
        self.numbers(name).into_iter().map(|v| v as u32).collect()
    }

    fn dataset(&self) -> Dataset {
        let image = Image { height: 32, width: 32, channels: 3 };
        let bytes = self.words("images");
        let words = bytes.chunks(4).map(|b| b.iter().rev().fold(0, |word, byte| word << 8 | byte)).collect();
        Dataset {
            name: "golden".into(),
            kind: String::new(),
            features: Features::Bytes { words, width: image.features() },
            labels: self.words("labels"),
            classes: CLASSES,
            class_names: (0..CLASSES).map(|c| c.to_string()).collect(),
            schema: Schema::default(),
            image: Some(image),
        }
    }

    /// The state of `network`, `rows` rows of parameters and moments, from the tensors called `prefix.…`.
    fn state(&self, network: &Parameters, prefix: &str, rows: usize) -> Vec<f32> {
        let mut state = vec![0.0; rows * network.elements()];
        for layer in &network.layers {
            let tensor = layer.tensor();
            let get = |end: &str| self.numbers(&format!("{prefix}.{}.{end}", layer.name));
            let weight = get("weight");
            let (inputs, window) = match layer.form {
                LayerForm::Conv { kernel, .. } => (layer.inputs, kernel * kernel),
                _ => (layer.inputs, 1),
            };
            for row in 0..tensor.rows {
                for n in 0..tensor.cols {
                    // PyTorch: [N, Cin, k · k]; here rows of (tap, Cin), then the bias.
                    let value = match layer.form {
                        LayerForm::Norm { .. } => get(["weight", "bias"][row])[n],
                        _ if row == window * inputs => get("bias")[n],
                        _ => weight[(n * inputs + row % inputs) * window + row / inputs],
                    };
                    state[layer.offset + row * tensor.pitch() + n] = value as f32;
                }
            }
        }
        state
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Ten steps of `kind`, with the game or without, against PyTorch's.
fn agrees(kind: &str, played: bool) {
    let golden = Golden::read();
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    let layers = [Layer::text("golden", GAME), Layer::set(&format!("model.kind={kind}")).unwrap()];
    let config = Config::resolve(&layers).unwrap();
    let dataset = golden.dataset();
    let recipe = Recipe::from_config(&config, RecordShape::of(&dataset, 0), CLASSES).unwrap();
    let members: Vec<u32> = (0..MEMBERS).collect();
    let standard = dataset.standardization(&members).unwrap();
    let resident = Resident::upload(&context, &dataset, &[standard], 0).unwrap();
    let round = Round { attack: usize::from(played), classifier: 1, penalized: played };
    let nodes = recipe.graph(round, resident.layout, STEPS).unwrap();
    let graph = &nodes.graph;

    let lines = golden.words("rows");
    let from = if played { 0 } else { 2 * M };
    let rows =
        lines.chunks(3 * M).enumerate().flat_map(|(i, l)| [&l[from..], &[i as u32]].concat()).collect();
    let slots = &nodes.line;
    let adversary = recipe.adversary.as_ref().unwrap();
    let mut scalars = vec![];
    for step in 1..=STEPS as u64 {
        let mut line = vec![0.0; slots.tensor().elements()];
        let mut put = |at: usize, words: [f32; 4]| line[at..at + 4].copy_from_slice(&words);
        if played {
            put(slots.attack(0), adversary.optimizer.scalars(1e-3, 0.0, step, true));
        }
        put(slots.classifier(0), recipe.classifier.optimizer.scalars(0.01, 5e-4, step, true));
        line[slots.place("game penalty", "λ").unwrap()] = 1.0;
        scalars.extend(bits(&line));
    }
    let (f, h) = (recipe.classifier.network.parameters(), &adversary.network.parameters);
    let mut bound = Bound::new();
    resident.bind(&nodes.data, &mut bound);
    let mut give = |id: NodeId, words: Vec<u32>| -> Buffer {
        let buffer = context.upload(&graph.node(id).label, &words).unwrap();
        bound.insert(id, buffer.clone());
        buffer
    };
    give(nodes.tapes.rows, rows);
    give(nodes.tapes.scalars.unwrap(), scalars);
    give(nodes.tapes.counter, vec![0]);
    let start = golden.state(f, &format!("{kind}.start"), 2);
    let f_state = give(nodes.classifier.state, bits(&start));
    let f_counts = give(nodes.classifier.counts, vec![0; 4]);
    let statistics = nodes.statistics.map(|s| give(s[0], bits(&f.start_statistics())));
    let attack = nodes.attack.map(|attack| {
        let state = give(attack.state, bits(&golden.state(h, "attack.start", 3)));
        (state, give(attack.counts, vec![0; 8]))
    });
    let plan = Plan::compile(&context, graph, 1, &bound, &[]).unwrap();

    let case = format!("{kind}.{}", if played { "game" } else { "plain" });
    let near = |found: f32, expected: f64, bound: f64, what: &str| {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= bound, "{case}, {what}: {found}, PyTorch {expected}");
    };
    let losses = golden.numbers(&format!("{case}.losses"));
    for (step, loss) in losses.iter().enumerate() {
        context.write(&f_counts, 0, &[0; 4]).unwrap();
        plan.submit(&context, 1);
        let found = context.read_f32(&f_counts, 4).unwrap()[0] / M as f32;
        near(found, *loss, 1e-3 * loss, &format!("loss of step {step}"));
        if let Some((_, counts)) = &attack {
            let gain = golden.numbers(&format!("{case}.gains"))[step];
            let found = context.read_f32(counts, 8).unwrap()[0] / (2 * M) as f32;
            context.write(counts, 0, &[0; 8]).unwrap();
            near(found, gain, 1e-3 * gain.abs(), &format!("gain of step {step}"));
        }
    }
    let end = golden.state(f, &format!("{case}.end"), 1);
    let found = context.read_f32(&f_state, end.len()).unwrap();
    for (i, (found, expected)) in found.iter().zip(&end).enumerate() {
        near(*found, f64::from(*expected), 1e-3, &format!("parameter {i}"));
    }
    if let Some(buffer) = &statistics {
        let found = context.read_f32(buffer, f.start_statistics().len()).unwrap();
        for (name, _, values) in f.tensors(&start, &found) {
            if name.contains("running") {
                let expected = golden.numbers(&format!("{case}.end.{name}"));
                let pairs = values.iter().zip(expected);
                pairs.for_each(|(v, e)| near(*v, e, 1e-3 * e.abs().max(1.0), &name));
            }
        }
    }
    let Some((h_state, _)) = attack else { return };
    // The attack's logits of all records, by the final networks.
    let mut graph = Graph::new();
    let data = resident.layout.nodes(&mut graph);
    let mut bound = Bound::new();
    resident.bind(&data, &mut bound);
    let all = graph.input("rows", Tensor::u32(RECORDS, 1));
    bound.insert(all, context.upload("rows", &(0..RECORDS as u32).collect::<Vec<_>>()).unwrap());
    let (x, labels) = data.gather(&mut graph, all, None).unwrap();
    let evaluated = recipe.evaluate(&mut graph, x).unwrap();
    bound.insert(evaluated.state, f_state);
    bound.extend(evaluated.statistics.zip(statistics));
    let state = graph.state("attack", adversary.state());
    bound.insert(state, h_state);
    let weights = h.views(&mut graph, state).unwrap();
    let (s, _) = adversary.network.forward(&mut graph, &weights, evaluated.z, labels).unwrap();
    let plan = Plan::compile(&context, &graph, 1, &bound, &[s]).unwrap();
    plan.submit(&context, 1);
    let found = context.read_f32(&plan.place(s).unwrap().buffer, 4 * RECORDS).unwrap();
    let expected = golden.numbers(&format!("{case}.logits"));
    for (i, expected) in expected.into_iter().enumerate() {
        near(found[4 * i], expected, 1e-3, &format!("attack's logit of record {i}"));
    }
}

#[test]
fn alexnet_trains_as_pytorch_trains_it() {
    agrees("alexnet", false);
}

#[test]
fn alexnet_plays_the_game_as_pytorch_plays_it() {
    agrees("alexnet", true);
}

#[test]
fn densenet_trains_as_pytorch_trains_it() {
    agrees("densenet", false);
}

#[test]
fn densenet_plays_the_game_as_pytorch_plays_it() {
    agrees("densenet", true);
}

/// Two attack steps and a classifier step of a DenseNet, as written and with merged passes, in f64: the
/// attack steps' passes are one, the classifier's own (batch statistics) is left alone, and every state ends
/// as it does unhoisted.
#[test]
fn merging_passes_of_a_network_with_batch_statistics_changes_nothing() {
    const M: usize = 3;
    let text = "model.kind = \"densenet\"\nmodel.optimizer = \"sgd\"\ntrain.batch = 3\ndefense.lambda = 1.0
        [model.densenet]\ndepth = 10\ngrowth = 4
        [defense.attack]\nprediction_layers = [4]\nlabel_layers = [4]\njoint_layers = []";
    let config = Config::resolve(&[Layer::text("test", text)]).unwrap();
    let image = Image { height: 4, width: 4, channels: 1 };
    let shape = RecordShape { features: image.features(), image: Some(image) };
    let recipe = Recipe::from_config(&config, shape, CLASSES).unwrap();
    let (records, format) = (20, veilgrad::ops::Format::Bytes);
    let images = Some(ImageLayout { image, pad: 0 });
    let width = image.features();
    let layout = ResidentLayout {
        format,
        records,
        part: records,
        width,
        standardized: true,
        images,
        ones: None,
        sparse: Sparse::Auto,
        weighted: None,
    };
    let round = Round { attack: 2, classifier: 1, penalized: true };
    let nodes = recipe.graph(round, layout, 1).unwrap();
    let graph = &nodes.graph;

    let mut seed = 1u32;
    let mut random = || {
        seed = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
        f64::from(seed >> 8) / f64::from(1 << 24)
    };
    let bits = |value: f32| f64::from(value.to_bits());
    let slots = &nodes.line;
    let adversary = recipe.adversary.as_ref().unwrap();
    let mut scalars = vec![0.0; slots.tensor().elements()];
    for step in 0..2 {
        let words = adversary.optimizer.scalars(1e-3, 0.0, step as u64 + 1, true);
        scalars[slots.attack(step)..][..4].copy_from_slice(&words.map(bits));
    }
    let words = recipe.classifier.optimizer.scalars(0.05, 5e-4, 1, true);
    scalars[slots.classifier(0)..][..4].copy_from_slice(&words.map(bits));
    scalars[slots.place("game penalty", "λ").unwrap()] = bits(1.0);
    let mut values = Values::new();
    for id in graph.ids().filter(|&id| matches!(graph.node(id).kind, Kind::Input | Kind::State)) {
        let Tensor { rows, cols, dtype, .. } = graph.tensor(id);
        let mut value = Array::from_fn(rows, cols, |_, _| random() - 0.5);
        if dtype == DType::U32 {
            value = value.map(|v| ((v + 0.5) * 4e9).floor());
        }
        if id == nodes.tapes.rows || id == nodes.data.labels {
            let bound = if id == nodes.tapes.rows { records } else { CLASSES } as f64;
            value = value.map(|v| v % bound);
        } else if id == nodes.tapes.counter {
            value = Array::zeros(1, 1);
        } else if id == nodes.tapes.scalars.unwrap() {
            value.data.copy_from_slice(&scalars);
        } else if nodes.statistics.is_some_and(|s| s[0] == id) {
            value = value.map(f64::abs);
        } else if id == nodes.classifier.state || Some(id) == nodes.attack.map(|a| a.state) {
            // Parameters; no moments yet.
            value.data[cols..].fill(0.0);
        }
        values.insert(id, value);
    }
    let attack = nodes.attack.unwrap();
    let statistics = nodes.statistics.unwrap();
    let ends = [nodes.classifier.state_after, attack.state_after, statistics[1]];
    let (hoisted, moved) = graph.hoist(4096);
    let passes = |graph: &Graph| -> Vec<usize> {
        let pools = graph.nodes().iter().filter(|n| n.label == "pool" && matches!(n.kind, Kind::Compute(_)));
        pools.map(|n| n.tensor.rows).collect()
    };
    // Two transitions and the global pooling, a pass each.
    assert_eq!(passes(graph), [2 * M, 2 * M, 2 * M, 2 * M, 2 * M, 2 * M, M, M, M]);
    assert_eq!(passes(&hoisted), [4 * M, 4 * M, 4 * M, M, M, M]);
    let before = graph.evaluate(&values, &ends).unwrap();
    let given = values.iter().map(|(id, value)| (moved[id.index()], value.clone())).collect();
    let moved_ends = ends.map(|id| moved[id.index()]);
    let after = hoisted.evaluate(&given, &moved_ends).unwrap();
    for (old, new) in ends.iter().zip(&moved_ends) {
        assert!(before[old] != values[&graph.owner(*old)], "a step changes it");
        assert!(before[old].data.iter().all(|v| v.is_finite()) && before[old] == after[new]);
    }
}

/// A training step of a small DenseNet, what is normalized recomputed or kept: the same dispatches but for
/// the recomputed ones, and at most three quarters of the memory.
#[test]
fn small_memory_recomputes_what_fast_keeps() {
    let golden = Golden::read();
    let dataset = golden.dataset();
    let layout = ResidentLayout::of(&dataset, 0, true);
    let measure = |memory: &str| {
        let text =
            format!("model.kind = \"densenet\"\nmodel.densenet = {{ depth = 40, memory = \"{memory}\" }}");
        let config = Config::resolve(&[Layer::text("test", &text)]).unwrap();
        let recipe = Recipe::from_config(&config, RecordShape::of(&dataset, 0), CLASSES).unwrap();
        let round = Round { attack: 0, classifier: 1, penalized: false };
        let graph = recipe.graph(round, layout, 1).unwrap().graph;
        let waves = schedule::waves(&graph, &[]).unwrap();
        let bytes: usize = memory::assign(&graph, &waves, &[]).unwrap().sizes.iter().sum();
        (waves.iter().map(Vec::len).sum::<usize>(), bytes)
    };
    let (small, fast) = (measure("small"), measure("fast"));
    // Two a layer, one a transition (whose pooling reads it), one of the last norm.
    assert_eq!(small.0 - fast.0, 3 * 6 * 2 + 2 + 1);
    assert!(4 * small.1 < 3 * fast.1, "{} and {}", small.1, fast.1);
}
