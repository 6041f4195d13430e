//! Private training's noise: nothing that a run leaves on disk gives it away, unless it was asked to repeat it.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use veilgrad::dataset::{Synthetic, synthetic};
use veilgrad::gpu::{Context, Options};
use veilgrad::graph::{Array, Op};
use veilgrad::ops::Noise;
use veilgrad::run::RunDirectory;
use veilgrad::run::config::{Config, Layer, Replica};
use veilgrad::train::Job;
use veilgrad::train::privacy::Secrets;

/// One step of plain gradient descent on 10 members, with noise of deviation 100 on a gradient of length 1 at
/// most: the step is the noise, to a hundredth.
const ONE_STEP: &str = r#"
[data]
members = 10
reference = 10
[model]
hidden = [24]
optimizer = "sgd"
momentum = 0.0
learning_rate = 1.0
[train]
epochs = 1
batch = 10
seed = 5
[defense.private]
clip = 1.0
noise = 1e3
"#;

const DEVIATION: f64 = 100.0;

/// Elements of the first layer's first row that are compared: a block of the cipher.
const BLOCK: usize = 16;

/// Trains into `path`, and gives the first weights after it.
fn train(path: &Path, changes: &[&str]) -> Vec<f64> {
    let mut layers = vec![Layer::text("one step", ONE_STEP)];
    layers.extend(changes.iter().map(|change| Layer::set(change).unwrap()));
    let config = Config::resolve(&layers).unwrap();
    let spec = Synthetic { records: 60, features: 37, classes: 5, noise: 0.3, ..Synthetic::default() };
    let dataset = synthetic(&spec).unwrap();
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    let directory = RunDirectory::create(path, false).unwrap();
    let stop = AtomicBool::new(false);
    let job = Job {
        config: &config,
        dataset: &dataset,
        context: &context,
        directory: &directory,
        resume: false,
        stop: &stop,
        part: None,
    };
    veilgrad::train::run(&job, &mut ()).unwrap();
    let model = std::fs::read(directory.model(0)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&model).unwrap();
    let first = tensors.tensor("classifier.layers.0.weight").unwrap();
    // The file has a row an output, memory a row an input: a memory row is a column of the file.
    assert_eq!(first.shape(), [24, 37]);
    let column = first.data().chunks_exact(4).step_by(37).take(BLOCK);
    column.map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap()))).collect()
}

/// The noise of the first layer's first elements in the first step under `key`.
fn noise(key: [u32; 8]) -> Vec<f64> {
    let key: Vec<f64> = key.into_iter().chain([1]).map(f64::from).collect();
    let inputs = [Array::zeros(1, BLOCK), Array::new(1, Noise::KEY, key), Array::scalar(1.0)];
    Noise { layer: 0 }.reference(&inputs.each_ref()).data
}

/// The files below `path`, all in one.
fn everything(path: &Path) -> Vec<Vec<u8>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(everything(&path)) } else { files.push(std::fs::read(path).unwrap()) }
    }
    files
}

/// Whether the noise in the step from `start` to `end` can be made again from the files below `path`: taking
/// every 32 bytes for a key, and every 8 bytes and every number in a text for a seed.
fn found_again(path: &Path, start: &[f64], end: &[f64]) -> bool {
    let drawn: Vec<f64> = start.iter().zip(end).map(|(start, end)| (start - end) / DEVIATION).collect();
    let is_it = |key: [u32; 8]| noise(key).iter().zip(&drawn).all(|(a, b)| (a - b).abs() < 0.05);
    let of_seed = |seed: u64| {
        let replica = Replica { seed: 5, ..Replica::default() };
        is_it(Secrets::Repeated(seed).draw(&replica).unwrap())
    };
    let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let files = everything(path);
    assert!(files.len() >= 4, "{} files", files.len());
    files.iter().any(|file| {
        let text = String::from_utf8_lossy(file);
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
        numbers.any(of_seed)
            || file.windows(8).any(|bytes| of_seed(u64::from_le_bytes(bytes.try_into().unwrap())))
            || file.windows(32).any(|key| is_it(std::array::from_fn(|i| word(&key[4 * i..4 * i + 4]))))
    })
}

#[test]
fn the_noise_cannot_be_made_again_from_what_is_on_disk() {
    let at = tempfile::tempdir().unwrap();
    let place = |name: &str| at.path().join(name);
    let start = train(&place("start"), &["defense.private.noise=0", "defense.private.clip=1e-9"]);
    let secret = train(&place("secret"), &[]);
    let again = train(&place("again"), &[]);
    let spread =
        |end: &[f64]| start.iter().zip(end).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / BLOCK as f64;
    for end in [&secret, &again] {
        let spread = spread(end).sqrt() / DEVIATION;
        assert!((0.4..1.9).contains(&spread), "the step is the noise: {spread}");
    }
    assert_ne!(secret, again, "no run draws the noise of another");
    assert!(!found_again(&place("secret"), &start, &secret));
    // The search does find what is there: a run that was asked to repeat its noise.
    let told = ["defense.private.noise_seed=777"];
    let repeated = train(&place("repeated"), &told);
    assert_eq!(repeated, train(&place("same"), &told));
    assert!(found_again(&place("repeated"), &start, &repeated));
}
