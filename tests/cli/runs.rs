//! Runs as they should go: what is in a run's directory, that it can be repeated, one's own data.

use crate::program::{Veilgrad, beside};
use serde_json::Value;
use std::collections::BTreeMap;

const FILES: [&str; 14] = [
    "checkpoint-group000-epoch000001",
    "checkpoint-group000-epoch000002",
    "data.json",
    "details.json",
    "fingerprint.json",
    "metrics.jsonl",
    "models",
    "predictions.npz",
    "run.lock",
    "run.toml",
    "schema.toml",
    "scores.npz",
    "split.npz",
    "summary.json",
];

/// Name and shape of every tensor of a run's model.
fn tensors(program: &Veilgrad, run: &str, replica: usize) -> BTreeMap<String, Vec<usize>> {
    let bytes = program.read(&format!("{run}/models/replica-{replica}.safetensors"));
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a model");
    file.iter().map(|(name, view)| (name.to_owned(), view.shape().to_vec())).collect()
}

/// Fractions are in [0, 1]; a rate that the records cannot resolve is null.
#[track_caller]
fn assert_attack(attack: &Value) {
    let fraction = |value: &Value| value.as_f64().is_some_and(|v| (0.0..=1.0).contains(&v));
    for key in ["accuracy", "auc"] {
        let [low, high] = [0, 1].map(|end| &attack["ci95"][key][end]);
        assert!([&attack[key], low, high].into_iter().all(fraction), "{key}: {attack:#}");
    }
    for key in ["tpr_at_fpr_0.001", "tpr_at_fpr_0.01"] {
        // 40 non-members of the scored half: a false alarm is one in 40.
        assert_eq!((&attack[key], &attack["ci95"][key]), (&Value::Null, &Value::Null), "{key}: {attack:#}");
    }
}

#[test]
fn a_run_leaves_its_files_and_says_the_same_as_table_and_as_json() {
    let program = Veilgrad::new();
    let run = program.trains("run", "--lambda 0,1 --seed 3,4 --json");
    let run = run.says(&[
        "adapter: ",
        "data: synthetic: ",
        "training 4 models",
        "epoch   2/2",
        "run directory: run",
    ]);
    assert_eq!(program.names("run"), FILES);
    let summary = run.json();
    assert_eq!(program.json("run/summary.json"), summary);

    let devices = program.succeeds("devices --json").json();
    let taken = devices.as_array().into_iter().flatten().find(|d| d["default"] == true).expect("an adapter");
    for key in ["name", "backend", "kind"] {
        assert_eq!(summary["adapter"][key], taken[key]);
    }
    assert_eq!(summary["version"], env!("CARGO_PKG_VERSION"));
    let dataset = serde_json::json!({"name": "synthetic", "records": 200, "features": 20, "classes": 4});
    assert_eq!(summary["dataset"], dataset);
    assert!(summary["seconds"].as_f64().is_some_and(|s| s > 0.0));
    let replicas = summary["replicas"].as_array().expect("a list");
    let settings: Vec<_> = replicas.iter().map(|r| (r["lambda"].as_f64(), r["seed"].as_u64())).collect();
    let expected = [(0.0, 3), (0.0, 4), (1.0, 3), (1.0, 4)].map(|(l, s)| (Some(l), Some(s)));
    assert_eq!(settings, expected);
    for replica in replicas {
        for key in ["train_accuracy", "reference_accuracy", "test_accuracy"] {
            assert!(replica[key].as_f64().is_some_and(|v| (0.0..=1.0).contains(&v)), "{key}: {replica:#}");
        }
        assert!(replica["collapsed"].is_boolean(), "{replica:#}");
        for key in ["attacks", "attacks_on_reference"] {
            for attack in
                ["neural", "gap", "confidence", "entropy", "modified_entropy", "modified_entropy_per_class"]
            {
                assert_attack(&replica[key][attack]);
            }
        }
    }

    // A line an epoch and replica.
    let metrics = program.metrics("run");
    let lines: Vec<_> = metrics.iter().map(|m| (m["epoch"].as_u64(), m["replica"].as_u64())).collect();
    let expected: Vec<_> = (1..3).flat_map(|e| (0..4).map(move |r| (Some(e), Some(r)))).collect();
    assert_eq!(lines, expected);
    for line in &metrics {
        for key in ["loss", "train_accuracy", "gain", "test_accuracy", "seconds"] {
            assert!(line[key].is_number(), "{key}: {line}");
        }
    }

    for replica in 0..4 {
        let tensors = tensors(&program, "run", replica);
        assert!(tensors.keys().all(|name| name.starts_with("classifier.")), "{:?}", tensors.keys());
        // Input or hidden layer, then output: 20 features, 8 units, 4 classes.
        for (name, size) in [("layers.0.weight", 160), ("layers.0.bias", 8), ("layers.1.weight", 32)] {
            let shape = tensors.get(&format!("classifier.{name}"));
            assert_eq!(shape.map(|s| s.iter().product()), Some(size), "{name}: {:?}", tensors.keys());
        }
    }

    // The audit alone says it all again.
    let again = program.succeeds("audit run --json").json();
    assert_eq!(again["replicas"], summary["replicas"]);
    let table = program.succeeds("audit run --quiet").says_nothing();
    table.prints(&["synthetic: 200 records", "λ", "neural", "modified entropy", "D′", "not resolvable"]);
    let shown = program.succeeds("train --resume run").says(&["its training has finished"]);
    assert!(shown.stdout.contains("Attacks on the members (D)"), "{shown}");
    std::fs::remove_file(program.path("run/summary.json")).expect("removed");
    program.succeeds("train --resume run --json");
    assert_eq!(program.json("run/summary.json")["replicas"], summary["replicas"]);
}

#[test]
fn the_same_settings_give_the_same_bytes_and_run_toml_repeats_them() {
    let program = Veilgrad::new();
    let flags = "--lambda 0.5,1 --dropout 0.2 --seed 7";
    program.trains("first", flags);
    program.trains("second", flags);
    program.succeeds("train --preset first/run.toml --out repeated");
    for name in ["models/replica-0.safetensors", "run.toml", "split.npz", "predictions.npz"] {
        let first = program.read(&format!("first/{name}"));
        for other in ["second", "repeated"] {
            assert!(first == program.read(&format!("{other}/{name}")), "{other}/{name} is another");
        }
    }
    let replicas = |run: &str| program.json(&format!("{run}/summary.json"))["replicas"].clone();
    assert_eq!(replicas("first"), replicas("repeated"));

    program.trains("other", "--lambda 0.5,1 --dropout 0.2 --seed 8");
    assert!(
        program.read("first/models/replica-0.safetensors")
            != program.read("other/models/replica-0.safetensors")
    );
    assert!(program.read("first/split.npz") != program.read("other/split.npz"));
}

#[test]
fn settings_by_flag_are_settings_by_set_and_by_file() {
    let program = Veilgrad::new();
    program.trains("flags", "--epochs 1 --lambda 0,1 --learning-rate 0.01 --attack-steps 2");
    program.trains(
        "set",
        "--set train.epochs=1 --set defense.lambda=[0,1] --set model.learning_rate=0.01 \
         --set defense.attack_steps=2",
    );
    let file = program.text("tiny.toml").replace("epochs = 2\nbatch", "epochs = 1\nbatch");
    let file = file.replace("[8]\n[train]", "[8]\nlearning_rate = 0.01\n[train]");
    program.write(
        "mine.toml",
        file.replace("[defense.", "[defense]\nlambda = [0, 1]\nattack_steps = 2\n[defense."),
    );
    program.succeeds("train --preset mine.toml --out file");
    for other in ["set", "file"] {
        assert_eq!(program.text("flags/run.toml"), program.text(&format!("{other}/run.toml")));
        assert!(
            program.read("flags/models/replica-0.safetensors")
                == program.read(&format!("{other}/models/replica-0.safetensors"))
        );
    }
}

#[test]
fn without_a_directory_runs_are_numbered() {
    let program = Veilgrad::new();
    for _ in 0..2 {
        program.succeeds("train --preset tiny.toml");
    }
    assert_eq!(program.names("runs"), ["tiny-1", "tiny-2"]);
}

#[test]
fn quiet_leaves_the_result_only() {
    let program = Veilgrad::new();
    let run = program.trains("run", "--quiet").says_nothing();
    let shown = run.prints(&["synthetic: 200 records", "run directory: run"]);
    assert!(!shown.stdout.contains("epoch "), "{shown}");
}

/// Who asked for quiet must hear it too: it decides what the result is worth.
#[test]
fn noise_that_is_repeated_is_warned_of_and_an_epsilon_is_a_note() {
    let program = Veilgrad::new();
    let private = "--lambda 0 --set defense.private.clip=1 --set defense.private.noise=1";
    let run = program.trains("repeated", &format!("{private} --noise-seed 5 --quiet"));
    run.says(&["warning: nothing is private"]);
    program.trains("secret", &format!("{private} --quiet")).says_nothing();
    program.trains("told", private).says(&["differential privacy of the weights: ε = "]);
}

/// Names, text, numbers and bits; the label in the middle.
fn persons() -> String {
    let mut text = "age,town,outcome,smoker\n".to_owned();
    for i in 0..160_usize {
        let town = ["Riga", "Oslo", "Bergen"][i % 3];
        let outcome = ["well", "ill"][i * 7 % 5 % 2];
        text.push_str(&format!("{},{town},{outcome},{}\n", 20.0 + (i * 37 % 60) as f64 / 2.0, i / 3 % 2));
    }
    text
}

#[test]
fn a_persons_own_csv() {
    let program = Veilgrad::new();
    program.write("people.csv", persons());
    let flags = "--data people.csv --label-column outcome --members 50 --reference 50";
    program.trains("run", flags).says(&["label in column 2 (outcome)", "2 classes", "1 numeric"]);
    let dataset = serde_json::json!({"name": "people", "records": 160, "features": 5, "classes": 2});
    assert_eq!(program.json("run/summary.json")["dataset"], dataset);

    // Ages are standardized by the members', and how is kept with the model.
    let tensors = tensors(&program, "run", 0);
    for name in ["shift", "scale"] {
        assert_eq!(tensors.get(&format!("features.{name}")), Some(&vec![5]), "{:?}", tensors.keys());
    }
    let bytes = program.read("run/models/replica-0.safetensors");
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
    let metadata = header.metadata().clone().expect("metadata");
    assert_eq!(metadata["class_names"], "[\"ill\",\"well\"]");

    // The column by its place is the column by its name; run.toml finds the data from elsewhere.
    program.trains("place", &flags.replace("outcome", "2"));
    assert!(bytes == program.read("place/models/replica-0.safetensors"));
    std::fs::create_dir(program.path("elsewhere")).expect("made");
    let line = "train --preset ../run/run.toml --out run";
    let output = program.command(line).current_dir(program.path("elsewhere")).output().expect("started");
    crate::program::Run::of(line, output).code(0);
    assert!(bytes == program.read("elsewhere/run/models/replica-0.safetensors"));

    // Without a preset the run is called after the data.
    let tiny = "--epochs 1 --batch 10 --set model.hidden=[4] --set audit.epochs=1";
    let attack = "--set audit.attack.prediction_layers=[4] --set audit.attack.label_layers=[4]";
    program.succeeds(&format!("train {flags} {tiny} {attack} --header"));
    assert_eq!(program.names("runs"), ["people-1"]);
}

#[test]
fn a_given_split_is_used() {
    let program = Veilgrad::new();
    program.trains("drawn", "--seed 5");
    program.trains("given", "--seed 5 --split drawn/split.npz");
    program.trains("other", "--seed 6 --split drawn/split.npz");
    assert!(
        program.read("drawn/models/replica-0.safetensors")
            == program.read("given/models/replica-0.safetensors")
    );
    for run in ["given", "other"] {
        assert!(program.read("drawn/split.npz") == program.read(&format!("{run}/split.npz")), "{run}");
    }
    // A list each for two replicas.
    program.trains("two", "--seed 5,6");
    program.trains("both", "--seed 5,6 --split two/split.npz");
    assert!(
        program.read("two/models/replica-0.safetensors") == program.read("both/models/replica-0.safetensors")
    );
    let parts = ["data.split: expected one split, or 3 of them", "found 2"];
    program.refuses(2, "--seed 5,6,7 --split two/split.npz", &parts);
}

#[test]
fn checked_kernels_train_to_the_same_model_on_the_same_adapter() {
    let program = Veilgrad::new();
    program.trains("plain", "--lambda 1");
    program.trains("checked", "--lambda 1 --checked");
    assert!(
        program.read("plain/models/replica-0.safetensors")
            == program.read("checked/models/replica-0.safetensors")
    );
}

#[test]
fn location30_as_published() {
    let Some(path) = beside("dataset_location.tgz") else { return };
    let program = Veilgrad::new();
    std::fs::copy(path, program.path("dataset_location.tgz")).expect("copied");
    let layers = |key: &str| {
        ["prediction_layers", "label_layers", "joint_layers"]
            .map(|part| format!("--set {key}.attack.{part}=[8]"))
            .join(" ")
    };
    let run = program.succeeds(&format!(
        "train --preset location30 --data dataset_location.tgz --out run --epochs 2 --lambda 0,1 --json \
         --set model.hidden=[32] --set audit.epochs=1 {} {}",
        layers("defense"),
        layers("audit")
    ));
    let run = run.says(&["preset: location30", "labels 1 to 30 (1-based), 30 classes", "training 2 models"]);
    let summary = run.json();
    let dataset =
        serde_json::json!({"name": "dataset_location", "records": 5010, "features": 446, "classes": 30});
    assert_eq!(summary["dataset"], dataset);
    for replica in summary["replicas"].as_array().expect("a list") {
        let accuracy = replica["test_accuracy"].as_f64().expect("test records");
        assert!(accuracy > 0.1, "guessing the commonest of 30 classes gets 0.06\n{run}");
        assert_eq!(replica["attacks"]["gap"]["members"], 750);
    }
}

/// Epochs of shadow models were shown as the run's own, and the share that was done as all of it.
#[test]
fn lines_of_progress_name_the_run_and_never_say_that_all_is_done() {
    let program = Veilgrad::new();
    let run = program.trains("run", "--lambda 0,1 --set audit.shadows=4");
    let run = run.says(&["run: epoch   2/2", "shadows-0: epoch   1/2", "shadows-1: epoch   2/2", "% of all"]);
    assert!(!run.stderr.contains("100%") && !run.stderr.contains(" 0s"), "{run}");
    let mut shares = run.stderr.lines().filter_map(|line| line.split_once("% of all")?.0.rsplit(' ').next());
    let shares: Vec<u32> = shares.by_ref().map(|share| share.parse().expect("a number")).collect();
    assert!(shares.is_sorted() && shares.len() > 3, "{shares:?}\n{run}");
    assert!(shares[0] < 50 && *shares.last().expect("one") > 50, "{shares:?}\n{run}");
    // Of a single run: a line an epoch, and no share.
    let alone = program.trains("alone", "").stderr;
    assert!(alone.contains("\nepoch   1/2") && !alone.contains("% of all"), "{alone}");
}
