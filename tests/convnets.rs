//! Convolutional networks in training: agreement with PyTorch (golden/convnets.py made the numbers), replicas,
//! resuming.

use std::collections::BTreeMap;
use std::path::Path;
use veilgrad::dataset::npy::{Array as File, Values as Elements};
use veilgrad::dataset::npz;
use veilgrad::dataset::{Dataset, Encoding, Features, Image, Resident};
use veilgrad::gpu::{Buffer, Context, Options};
use veilgrad::graph::{Graph, NodeId, Tensor};
use veilgrad::nn::{Form, Input, Network};
use veilgrad::plan::{Bound, Plan};
use veilgrad::train::config::{Config, Layer};
use veilgrad::train::game::{Game, Slots};
use veilgrad::train::schedule::Phase;

const RECORDS: usize = 40;
const CLASSES: usize = 5;
const M: usize = 8;
const STEPS: usize = 10;
/// The records that standardise.
const MEMBERS: u32 = 24;

const GAME: &str = r#"
[model]
optimizer = "sgd"
learning_rate = 0.05
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
            encoding: Encoding { columns: vec![] },
            image: Some(image),
        }
    }

    /// The state of `network`, `rows` rows of parameters and moments, from the tensors called `prefix.…`.
    fn state(&self, network: &Network, prefix: &str, rows: usize) -> Vec<f32> {
        let mut state = vec![0.0; rows * network.parameters()];
        for layer in &network.layers {
            let tensor = layer.tensor();
            let get = |end: &str| self.numbers(&format!("{prefix}.{}.{end}", layer.name));
            let weight = get("weight");
            let (inputs, window) = match layer.form {
                Form::Conv { kernel, .. } => (layer.inputs, kernel * kernel),
                _ => (layer.inputs, 1),
            };
            for row in 0..tensor.rows {
                for n in 0..tensor.cols {
                    // PyTorch: [N, Cin, k · k]; here rows of (tap, Cin), then the bias.
                    let value = match layer.form {
                        Form::Norm { .. } => get(["weight", "bias"][row])[n],
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
    let game = Game::new(&config, Input::of(&dataset, 0), CLASSES).unwrap();
    let members: Vec<u32> = (0..MEMBERS).collect();
    let standard = dataset.standardisation(&members).unwrap();
    let resident = Resident::upload(&context, &dataset, &[standard], 0).unwrap();
    let phase = Phase { attack: usize::from(played), classifier: 1, penalised: played, reference: false };
    let nodes = game.graph(phase, resident.layout, STEPS).unwrap();
    let graph = &nodes.graph;

    let lines = golden.words("rows");
    let from = if played { 0 } else { 2 * M };
    let rows =
        lines.chunks(3 * M).enumerate().flat_map(|(i, l)| [&l[from..], &[i as u32]].concat()).collect();
    let slots = Slots::of(phase);
    let mut scalars = vec![];
    for step in 1..=STEPS as u64 {
        let mut line = vec![0.0; slots.line().elements()];
        let mut put = |at: usize, words: [f32; 4]| line[at..at + 4].copy_from_slice(&words);
        if played {
            put(slots.attack(0), game.attack_optimizer.scalars(1e-3, 0.0, step, true));
        }
        put(slots.classifier(0), game.classifier_optimizer.scalars(0.05, 5e-4, step, true));
        line[slots.penalty()] = 1.0;
        scalars.extend(bits(&line));
    }
    let (f, h) = (game.classifier.network(), &game.attack.network);
    let mut bound = Bound::new();
    resident.bind(&nodes.data, &mut bound);
    let mut give = |id: NodeId, words: Vec<u32>| -> Buffer {
        let buffer = context.upload(&graph.node(id).label, &words).unwrap();
        bound.insert(id, buffer.clone());
        buffer
    };
    give(nodes.rows, rows);
    give(nodes.scalars, scalars);
    give(nodes.counter, vec![0]);
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
        context.write(&f_counts, 0, &[0; 4]);
        plan.submit(&context, 1);
        let found = context.read_f32(&f_counts, 4).unwrap()[0] / M as f32;
        near(found, *loss, 1e-3 * loss, &format!("loss of step {step}"));
        if let Some((_, counts)) = &attack {
            let gain = golden.numbers(&format!("{case}.gains"))[step];
            let found = context.read_f32(counts, 8).unwrap()[0] / (2 * M) as f32;
            context.write(counts, 0, &[0; 8]);
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
    let evaluated = game.evaluate(&mut graph, x).unwrap();
    bound.insert(evaluated.state, f_state);
    bound.extend(evaluated.statistics.zip(statistics));
    let state = graph.state("attack", game.attack_optimizer.state(h.parameters()));
    bound.insert(state, h_state);
    let weights = h.views(&mut graph, state).unwrap();
    let (s, _) = game.attack.forward(&mut graph, &weights, evaluated.z, labels).unwrap();
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
