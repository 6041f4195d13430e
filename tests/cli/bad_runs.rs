//! Runs that cannot be made, or go wrong on the way: exit code 1, the reason, and nothing lost.
//!
//! Not tested here: running out of GPU memory. A software adapter has the system's own memory, and
//! its driver crashes when that ends; to fill a real GPU's would disturb whatever else it is doing.

use crate::program::Veilgrad;
use serde_json::Value;

#[test]
fn a_limit_of_the_adapter_is_named_with_how_much_is_too_much() {
    let program = Veilgrad::new();
    let devices = program.succeeds("devices --json").json();
    let taken = devices.as_array().into_iter().flatten().find(|d| d["default"] == true).expect("an adapter");
    let size = |key: &str| taken[key].as_u64().expect("a size");
    let limit = size("max_binding_bytes").min(size("max_buffer_bytes"));
    // Its weights, biases and Adam's moments: three times 24 and some values a unit, of 4 bytes.
    let width = limit / 288 * 2;
    program.refuses(
        1,
        &format!("--set model.hidden=[{width}]"),
        &[
            " of the adapter: ",
            "max_",
            &format!("expected at most {limit} bytes"),
            "times as much",
            "lower",
            "the width of the layers",
        ],
    );
}

#[test]
fn a_replica_whose_loss_is_nan_is_frozen_and_the_others_finish() {
    let program = Veilgrad::new();
    let flags = "--set model.activation=relu --epochs 3";
    let line = format!("train --preset tiny.toml --out both {flags} --learning-rate 0.01,1e38 --json");
    let run = program.run(&line).code(1).says(&[
        "warning: replica 1",
        "not finite at step",
        "error: training: expected finite losses",
        "replica 1 (λ 0, seed 0) at step ",
        "lower the learning rate",
    ]);
    assert!(!run.stderr.contains("replica 0 ("), "{run}");
    let summary = run.json();
    assert_eq!(program.json("both/summary.json"), summary);
    let replicas = summary["replicas"].as_array().expect("a list");
    assert_eq!(replicas[0]["frozen_at_step"], Value::Null);
    let step = replicas[1]["frozen_at_step"].as_u64().expect("a step");
    assert!((1..9).contains(&step), "of 3 epochs of 3 steps: {step}");

    // Kept: finite parameters of both, and of the one exactly what it is without the other.
    program.trains("alone", &format!("{flags} --learning-rate 0.01"));
    let tensors = |run: &str, replica: usize| {
        let bytes = program.read(&format!("{run}/models/replica-{replica}.safetensors"));
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("a model");
        let own =
            |(name, view): (&str, safetensors::tensor::TensorView)| (name.to_owned(), view.data().to_vec());
        file.iter().map(own).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (kept, frozen, alone) = (tensors("both", 0), tensors("both", 1), tensors("alone", 0));
    assert!(!alone.is_empty() && frozen.len() == alone.len(), "{:?}", frozen.keys());
    for (name, data) in kept.iter().chain(&frozen) {
        let values = data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        assert!(values.into_iter().all(f32::is_finite), "{name}");
    }
    assert!(kept == alone, "it is another");
    // Auditing it again fails no more: the models are what they are.
    program.succeeds("audit both").prints(&["not finite"]);
}

#[test]
fn an_output_directory_that_cannot_be_written() {
    let program = Veilgrad::new();
    program.write("file", "mine");
    let train = |out: &str| program.run(&format!("train --preset tiny.toml --out {out}")).code(1);
    train("file").says(&["file: expected a new or empty directory, found a file", "--out"]).prints_nothing();
    train("file/run").says(&["file/run: "]).prints_nothing();
    assert_eq!(program.text("file"), "mine");
    // Where even the superuser makes no directory.
    #[cfg(target_os = "linux")]
    train("/proc/veilgrad").says(&["/proc/veilgrad: "]).prints_nothing();
}

#[test]
fn an_existing_run_is_replaced_only_by_force() {
    let program = Veilgrad::new();
    program.trains("run", "");
    program.write("run/notes.txt", "mine");
    let files = || -> Vec<_> {
        let models = program.names("run/models").into_iter().map(|name| format!("models/{name}"));
        let names = program.names("run").into_iter().filter(|name| name != "models").chain(models);
        names.map(|name| (program.read(&format!("run/{name}")), name)).collect()
    };
    let before = files();
    let line = "train --preset tiny.toml --out run --seed 1";
    let parts = ["run: expected a new or empty directory, found a run", "--out", "--force"];
    program.run(line).code(1).says(&parts).prints_nothing();
    assert!(files() == before, "something changed");

    // A run that cannot begin replaces nothing.
    program.run(&format!("{line} --force --data missing.csv")).code(1).says(&["missing.csv"]);
    program.run(&format!("{line} --force --members 500")).code(2).says(&["at most 200 records"]);
    program.run(&format!("{line} --force --set model.hidden=[1000000000]")).code(1).says(&["of the adapter"]);
    assert!(files() == before, "something changed");

    program.trains("run", "--seed 1 --force --epochs 1");
    assert_eq!(program.metrics("run").len(), 1);
    assert_eq!(program.json("run/summary.json")["replicas"][0]["seed"], 1);
    assert_eq!(program.text("run/notes.txt"), "mine");
    assert!(!program.names("run").contains(&"checkpoint-group000-epoch000002".to_owned()), "of the old run");
}

#[test]
fn a_split_that_does_not_fit() {
    let program = Veilgrad::new();
    let split = |members: &[i64], reference: &[i64], test: &[i64]| {
        let mut writer = veilgrad::dataset::npz::Writer::new(std::io::Cursor::new(Vec::new()));
        for (key, list) in [("members", members), ("reference", reference), ("test", test)] {
            writer.write(key, &[list.len()], list).expect("written");
        }
        program.write("split.npz", writer.finish().expect("finished").into_inner());
    };
    let list = |range: std::ops::Range<i64>| range.collect::<Vec<_>>();
    split(&list(0..60), &list(59..100), &list(100..200));
    program.refuses(1, "--split split.npz", &["split", "record 59 in both members and reference"]);
    split(&list(0..60), &list(60..100), &list(100..201));
    program.refuses(1, "--split split.npz", &["split", "below 200", "record 200 in test"]);
}

#[test]
fn what_is_no_run_cannot_be_audited_or_continued() {
    let program = Veilgrad::new();
    let parts = ["expected a run's directory, with its run.toml", "veilgrad train"];
    for line in ["audit missing", "train --resume missing", "audit .", "train --resume tiny.toml"] {
        program.run(line).code(1).says(&parts).prints_nothing();
    }
    program.run("train --resume run --epochs 3").code(2).says(&["--resume <DIR>", "cannot be used with"]);
}

#[test]
fn damaged_files_of_a_run_are_named() {
    let program = Veilgrad::new();
    program.trains("run", "");
    let damaged = |name: &str, check: &dyn Fn()| {
        let whole = program.read(&format!("run/{name}"));
        program.write(&format!("run/{name}"), &whole[..whole.len() / 2]);
        check();
        program.write(&format!("run/{name}"), whole);
    };
    for name in ["predictions.npz", "data.json"] {
        damaged(name, &|| {
            program.run("audit run").code(1).says(&[name]).prints_nothing();
        });
    }
    damaged("models/replica-0.safetensors", &|| {
        program.run("predict run -o p.csv").code(1).says(&["replica-0.safetensors"]).prints_nothing();
    });
    damaged("summary.json", &|| {
        let parts = ["summary.json", "veilgrad audit run"];
        program.run("train --resume run").code(1).says(&parts).prints_nothing();
    });
    let config = program.text("run/run.toml");
    let line = 1 + config.lines().position(|line| line.starts_with("epochs = ")).expect("a key");
    for (damage, found) in [("epoch = ", "train.epoch: no such key"), ("epochs ", "expected TOML")] {
        program.write("run/run.toml", config.replacen("\nepochs = ", &format!("\n{damage}"), 1));
        let parts = [&format!("run.toml:{line}"), found];
        program.run("audit run").code(2).says(&parts).prints_nothing();
    }
    program.write("run/run.toml", config);
    program.succeeds("audit run");
}
