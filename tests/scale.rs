//! Sets of shadow models as large as those of the field, made of random outputs: their merge goes through memory one
//! model at a time. Gigabytes and minutes, so it is run by name:
//!
//! `cargo test --release --test scale -- --ignored --nocapture`; VEILGRAD_SCALE=MODELS,RECORDS,CLASSES,PARTS for
//! another size than 256,60000,100,16, and TMPDIR for another place of the files, which are removed.

use rand::Rng;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;
use veilgrad::dataset::{Dataset, Split, Synthetic, synthetic};
use veilgrad::gpu::{Context, Options};
use veilgrad::random::{Stream, stream};
use veilgrad::run::RunDirectory;
use veilgrad::run::config::{Config, Sweep, TuningConfig};
use veilgrad::run::directory::{Program, TrainedPart};
use veilgrad::run::event::EpochMetrics;
use veilgrad::run::predictions::{MEMBER, ReplicaPredictions, TEST};
use veilgrad::train::{Job, PartedRun};

/// Most bytes that the process may take, of memory that other processes do not have too.
const MOST: u64 = 2_000_000_000;

fn outputs(replica: usize, split: &Split, dataset: &Dataset) -> ReplicaPredictions {
    let rows = [&split.members[..], &split.test].concat();
    let mut rng = stream(replica as u64, Stream::Shadows);
    let mut draw = || (rng.next_u32() >> 8) as f32 / (1 << 20) as f32 - 8.0;
    ReplicaPredictions {
        logits: (0..rows.len() * dataset.classes).map(|_| draw()).collect(),
        classes: dataset.classes,
        labels: rows.iter().map(|row| dataset.labels[*row as usize]).collect(),
        membership: [vec![MEMBER; split.members.len()], vec![TEST; split.test.len()]].concat(),
        rows,
    }
}

/// The most memory that this process has taken so far, in bytes (Linux).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("a number") * 1024
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}

#[test]
#[ignore = "writes twice 6 GB"]
fn merging_the_outputs_of_256_models_takes_less_than_two_gigabytes() {
    let typed = std::env::var("VEILGRAD_SCALE").unwrap_or("256,60000,100,16".to_owned());
    let sizes: Vec<usize> = typed.split(',').map(|n| n.parse().expect("a number")).collect();
    let [models, records, classes, parts] = sizes[..] else { panic!("four numbers: {typed}") };
    let context = Context::new(&Options::default()).expect("a GPU adapter");
    let data = Synthetic { records, features: 8, classes, ..Synthetic::default() };
    let dataset = synthetic(&data).expect("data");
    let mut config = Config::default();
    config.data.synthetic = data;
    config.train.seed = Sweep::many((0..models as u64).collect());
    config.tuning = TuningConfig::of(&context);
    let half = records / 2;
    let all: Vec<u32> = (0..records as u32).collect();
    let split = |replica: usize| {
        let (one, other) = all.split_at(half);
        let (members, test) = if replica.is_multiple_of(2) { (one, other) } else { (other, one) };
        Split { members: members.to_vec(), test: test.to_vec(), ..Split::default() }
    };
    let splits: Vec<Split> = (0..models).map(split).collect();
    let temporary = tempfile::tempdir().expect("a directory");
    let whole = RunDirectory::create(&temporary.path().join("run"), false).expect("a directory");
    let began = Instant::now();
    for part in 0..parts {
        let replicas = models * part / parts..models * (part + 1) / parts;
        let directory = RunDirectory::create(whole.part(&replicas).path(), false).expect("a directory");
        let program = Program::this(config.tuning.clone());
        directory.begin_part(&TrainedPart { replicas: replicas.clone(), program }).expect("begun");
        directory.write_config(&config).expect("written");
        directory.write_data(&dataset).expect("written");
        directory.write_splits(&splits[replicas.clone()]).expect("written");
        for replica in replicas.clone() {
            directory.write_model(replica, &[], &Default::default()).expect("written");
            let line = EpochMetrics { epoch: 1, replica, ..EpochMetrics::default() };
            directory.append_metrics(&[line]).expect("written");
        }
        let outputs = replicas.map(|replica| Ok(outputs(replica, &splits[replica], &dataset)));
        directory.write_predictions(outputs).expect("written");
    }
    println!(
        "{models} models × {records} records × {classes} classes in {parts} parts, made in {:.0?}",
        began.elapsed()
    );
    let (before, began, stop) = (peak(), Instant::now(), AtomicBool::new(false));
    let job = Job {
        config: &config,
        dataset: &dataset,
        context: &context,
        directory: &whole,
        resume: false,
        stop: &stop,
        part: None,
    };
    let run = PartedRun { job, splits: Some(splits.clone()), accept_changed_data: false };
    run.complete(false, &mut ()).expect("merged");
    let file = size(&whole.file("predictions.npz"));
    println!(
        "merged in {:.1?}: {:.2} GB, peak memory {} MB, {} MB before",
        began.elapsed(),
        file as f64 / 1e9,
        peak() / 1_000_000,
        before / 1_000_000
    );
    assert!(peak() < MOST);
    let last = models - 1;
    assert_eq!(whole.read_replica(last).expect("read"), outputs(last, &splits[last], &dataset));
    assert!(whole.parts().expect("listed").is_empty(), "the parts are gone");
}
