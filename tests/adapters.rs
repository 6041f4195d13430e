//! What becomes of training and auditing where the adapter is not as it should be: lost, out of memory,
//! small, slow. Faults that need no driver of their own: a device that is destroyed, memory and limits that
//! are held down by options.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use veilgrad::dataset::{Dataset, Features, Synthetic, synthetic};
use veilgrad::error::{Error, Kind, Result};
use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::Class;
use veilgrad::run::RunDirectory;
use veilgrad::run::config::{Config, Layer};
use veilgrad::run::event::{Event, Observer};
use veilgrad::train::Job;

const SMALL: &str = r#"
[data]
members = 60
reference = 50
test = 40
[model]
hidden = [24, 17]
[train]
seed = [0, 1, 2, 3]
epochs = 3
batch = 10
[defense]
lambda = 1.0
[defense.attack]
prediction_layers = [16]
label_layers = [8]
joint_layers = [11]
"#;

fn config() -> Config {
    Config::resolve(&[Layer::text("small", SMALL)]).unwrap()
}

/// More records than the run uses.
fn bits() -> Dataset {
    let spec = Synthetic { records: 400, features: 37, classes: 5, noise: 0.3, ..Synthetic::default() };
    synthetic(&spec).unwrap()
}

/// The same with numbers for features, scaled by each replica's own members.
fn numbers() -> Dataset {
    let bits = bits();
    let width = bits.width();
    let stride = width.next_multiple_of(4);
    let mut values = vec![0.0; bits.records() * stride];
    for (i, row) in values.chunks_exact_mut(stride).enumerate() {
        for (value, bit) in row.iter_mut().zip(bits.features.row(i)) {
            *value = 3.0 * bit + (i % 7) as f32 - 1.5;
        }
    }
    Dataset { features: Features::Floats { width, values }, ..bits }
}

/// Does something when an epoch is done.
struct AtEpoch<'a>(usize, &'a dyn Fn(), Vec<Event>);

impl Observer for AtEpoch<'_> {
    fn event(&mut self, event: &Event) {
        if matches!(event, Event::Epoch { metrics, .. } if metrics[0].epoch == self.0) {
            (self.1)();
        }
        self.2.push(event.clone());
    }
}

fn run(
    context: &Context,
    dataset: &Dataset,
    path: &Path,
    resume: bool,
    observer: &mut dyn Observer,
) -> Result<Vec<Vec<u8>>> {
    let directory = if resume { RunDirectory::open(path)? } else { RunDirectory::create(path, false)? };
    let (config, stop) = (config(), AtomicBool::new(false));
    let job =
        Job { config: &config, dataset, context, directory: &directory, resume, stop: &stop, part: None };
    veilgrad::train::run(&job, observer)?;
    let read = |path: &Path| std::fs::read(path).unwrap();
    let models = (0..config.replicas().len()).map(|number| read(&directory.model(number)));
    Ok(models.chain([read(&directory.file("predictions.npz"))]).collect())
}

/// A run in a fresh directory with these options; and the notes that it made.
fn trained(options: &Options, dataset: &Dataset) -> Result<(Vec<Vec<u8>>, Vec<String>)> {
    let temporary = tempfile::tempdir().unwrap();
    let context = Context::new(options).expect("a GPU adapter");
    let mut observer = AtEpoch(0, &|| {}, vec![]);
    let files = run(&context, dataset, &temporary.path().join("run"), false, &mut observer)?;
    let notes = observer.2.into_iter().filter_map(|event| match event {
        Event::Note(text) => Some(text),
        _ => None,
    });
    Ok((files, notes.collect()))
}

fn plain(dataset: &Dataset) -> Vec<Vec<u8>> {
    trained(&Options::default(), dataset).unwrap().0
}

fn lost(error: &Error) {
    assert_eq!(error.kind, Kind::Lost, "{error}");
    assert!(error.found.contains("lost"), "{error}");
}

#[test]
fn a_lost_device_ends_a_run_that_another_goes_on_with_to_the_same_bytes() {
    let temporary = tempfile::tempdir().unwrap();
    let (path, dataset) = (temporary.path().join("run"), bits());
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    let mut observer = AtEpoch(2, &|| context.destroy(), vec![]);
    lost(&run(&context, &dataset, &path, false, &mut observer).unwrap_err());
    // It stays lost, whatever is asked of it, and is dropped without a panic.
    lost(&context.wait().unwrap_err());
    lost(&context.allocate_words("more", 8).unwrap_err());
    lost(&veilgrad::lab::check::run(&context, 1, &mut |_| {}).unwrap_err());
    drop(context);
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    assert_eq!(run(&context, &dataset, &path, true, &mut ()).unwrap(), plain(&dataset));
}

#[test]
fn where_memory_does_not_hold_all_replicas_fewer_are_trained_at_once_to_the_same_bytes() {
    let dataset = bits();
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    let temporary = tempfile::tempdir().unwrap();
    let whole = run(&context, &dataset, &temporary.path().join("run"), false, &mut ()).unwrap();
    let bytes = context.usage().bytes_allocated;
    let limited = |bytes| Options { memory_bytes: Some(bytes), ..Options::default() };
    let (files, notes) = trained(&limited(bytes / 2), &dataset).unwrap();
    assert_eq!(files, whole);
    let halved: Vec<_> = notes.iter().filter(|note| note.contains("half as large groups")).collect();
    assert_eq!(halved.len(), 1, "said, and once: {notes:?}");
    let error = trained(&limited(bytes / 50), &dataset).unwrap_err();
    assert_eq!(error.kind, Kind::Memory);
    assert!(error.advice.contains("lower the batch size"), "{error}");
}

#[test]
fn a_group_is_made_when_the_one_before_has_given_its_memory_back() {
    let dataset = bits();
    let temporary = tempfile::tempdir().unwrap();
    // Bytes in use in training, and how many models each group had in its last epoch.
    let trained = |options: &Options, name: &str| {
        let context = Context::new(options).expect("a GPU adapter");
        let in_use = std::cell::Cell::new(0);
        let look = || in_use.set(context.bytes_in_use());
        let mut observer = AtEpoch(1, &look, vec![]);
        run(&context, &dataset, &temporary.path().join(name), false, &mut observer).unwrap();
        let last = observer.2.into_iter().filter_map(|event| match event {
            Event::Epoch { metrics, .. } if metrics[0].epoch == 3 => Some(metrics.len()),
            _ => None,
        });
        (in_use.get(), last.collect::<Vec<_>>())
    };
    let (bytes, whole) = trained(&Options::default(), "whole");
    assert_eq!(whole, [4]);
    // Not quite four models: two have room, but not beside another two, since groups share nothing.
    let limited = Options { memory_bytes: Some(bytes - 1), ..Options::default() };
    assert_eq!(trained(&limited, "halves").1, [2, 2]);
}

#[test]
fn attack_networks_that_memory_does_not_hold_at_once_are_trained_in_smaller_groups() {
    use veilgrad::audit::attacks::neural::{self, Lesson, Told};
    let lesson = |seed| Lesson {
        outputs: (0..400 * 3).map(|i| ((i * 37 + 11) % 29) as f32 / 7.0).collect(),
        classes: 3,
        labels: (0..400).map(|i| i % 3).collect(),
        known: [(0..100).collect(), (200..300).collect()],
        seed,
    };
    let lessons: Vec<Lesson> = (0..4).map(lesson).collect();
    let mut config = config().audit;
    config.epochs = 2;
    let train = |memory_bytes| {
        let context = Context::new(&Options { memory_bytes, ..Options::default() }).expect("a GPU adapter");
        let (mut epochs, mut halved) = (vec![], 0);
        let scores =
            neural::train(&context, &config, &lessons, &AtomicBool::new(false), &mut |told| match told {
                Told::Progress(done, all) => epochs.push((done, all)),
                Told::Halved(error) => {
                    assert_eq!(error.kind, Kind::Memory);
                    halved += 1;
                }
            });
        (scores, (epochs, halved), context.usage().bytes_allocated)
    };
    let (whole, (_, none), bytes) = train(None);
    let (halved, (epochs, times), _) = train(Some(bytes / 2));
    assert_eq!(halved.unwrap(), whole.unwrap());
    assert_eq!(epochs.last().map(|(done, all)| (*done, *all)), Some((8, 8)), "4 lessons of 2 epochs");
    assert!(none == 0 && times >= 1, "{none}, {times}");
    assert_eq!(train(Some(bytes / 50)).0.unwrap_err().kind, Kind::Memory);
}

#[test]
fn a_step_that_is_cut_between_waves_gives_the_same_bytes() {
    let dataset = bits();
    let options = Options { longest_submission: Some(-1.0), ..Options::default() };
    assert_eq!(trained(&options, &dataset).unwrap().0, plain(&dataset));
}

/// 400 records of 40 numbers are 64 kB, the largest other tensor is 41 kB a replica: the records of a run,
/// 150 a replica and not the same ones, lie in two parts.
#[test]
fn a_table_that_one_binding_does_not_hold_gives_the_same_bytes_in_several() {
    let dataset = numbers();
    let options = Options { tensor_bytes: Some(45_000), ..Options::default() };
    assert_eq!(trained(&options, &dataset).unwrap().0, plain(&dataset));
}

/// 200,000 records would not fit the limit; the 600 at most that four replicas use do.
#[test]
fn only_the_records_that_a_run_uses_are_uploaded() {
    let spec = Synthetic { records: 200_000, features: 37, classes: 5, noise: 0.3, ..Synthetic::default() };
    let dataset = synthetic(&spec).unwrap();
    let options = Options { memory_bytes: Some(1_500_000), ..Options::default() };
    assert!(8 * dataset.records() > 1_500_000);
    trained(&options, &dataset).unwrap();
}

#[test]
fn training_at_webgpus_default_limits_learns_the_same_and_repeats_itself() {
    let options = Options { asked: Asked::WebGpu, ..Options::default() };
    let dataset = bits();
    let small = trained(&options, &dataset).unwrap().0;
    assert_eq!(trained(&options, &dataset).unwrap().0, small);
    let context = Context::new(&options).expect("a GPU adapter");
    assert_ne!(context.target().class, Class::Software);
    // Sums in another order: the same but for rounding.
    let parameters = |bytes: &[u8]| -> Vec<f32> {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let views = file.iter().collect::<std::collections::BTreeMap<_, _>>();
        let words = views.values().flat_map(|view| view.data().to_vec().into_iter().collect::<Vec<u8>>());
        let words: Vec<u8> = words.collect();
        words.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let (a, b) = (parameters(&small[0]), parameters(&plain(&dataset)[0]));
    let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-2, "{difference}");
}
