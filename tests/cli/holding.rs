//! Runs that cannot be mixed up: other data, a second program, damaged files, a disk without room.

use crate::program::{Run, Veilgrad};
use std::fmt::Write;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const TABLE: &str = "train --preset tiny.toml --data table.csv --label-column y --out run";

/// 200 records with a category and a number, in this order, changed by `change` (record, age, town).
fn table(order: impl Iterator<Item = usize>, change: impl Fn(usize, &mut usize, &mut &str)) -> String {
    let mut text = "age,town,y\n".to_owned();
    for i in order {
        let (mut age, mut town) = (20 + i * 7 % 60, if i % 3 == 0 { "Ulm" } else { "Bonn" });
        change(i, &mut age, &mut town);
        writeln!(text, "{age},{town},{}", ["no", "yes"][usize::from(i % 4 < 2)]).expect("written");
    }
    text
}

fn whole() -> String {
    table(0..200, |_, _, _| {})
}

/// Starts a command and waits until there is a checkpoint in the run `directory`.
fn start(program: &Veilgrad, line: &str, directory: &str) -> Child {
    let mut child = program.command(line).spawn().expect("started");
    let began = Instant::now();
    while newest_checkpoint(program, directory).is_none() {
        if let Some(status) = child.try_wait().expect("waited") {
            panic!("ended without a checkpoint: {status}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn newest_checkpoint(program: &Veilgrad, directory: &str) -> Option<String> {
    let is_whole = |name: &String| name.starts_with("checkpoint") && !name.ends_with(".partial");
    program.names(directory).into_iter().filter(is_whole).max()
}

fn stop(child: Child, signal: &str) -> Run {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "kill {signal}");
    Run::of("stopped", child.wait_with_output().expect("ended"))
}

#[test]
fn a_run_refuses_other_data_and_says_what_changed() {
    let program = Veilgrad::new();
    program.write("table.csv", whole());
    let line = format!("{TABLE} --set train.epochs=4000");
    stop(start(&program, &line, "run"), "-KILL");
    program.write("run/run.toml", program.text("run/run.toml").replace("epochs = 4000", "epochs = 1"));
    let changes = [
        (table((0..200).rev(), |_, _, _| {}), "the same records in another order"),
        (
            table(0..200, |i, age, _| *age += usize::from(i == 8)),
            "column \"age\" changed, within records 8 to 11",
        ),
        (
            table(0..200, |i, _, town| {
                if i == 9 {
                    *town = "Bonn"
                }
            }),
            "column \"town\" changed, within records 8",
        ),
        (table(0..198, |_, _, _| {}), "198 records instead of 200 (2 removed; the first 196 are the same)"),
        (table(0..201, |_, _, _| {}), "201 records instead of 200 (1 added; the first 200 are the same)"),
        (whole().replacen("no\n", "yes\n", 1), "labels changed"),
    ];
    for (text, found) in &changes {
        program.write("table.csv", text);
        let run = program.run("train --resume run").code(1);
        run.says(&["found other data: ", found, "--accept-changed-data"]).prints_nothing();
    }
    program.write("table.csv", whole());
    program.succeeds("train --resume run");
    // The audit of a finished run, and its shadow models.
    program.succeeds("audit run --shadows 2");
    program.write("table.csv", &changes[0].0);
    program.run("audit run").code(1).says(&["the same records in another order"]).prints_nothing();
    let line = "audit run --shadows 2 --accept-changed-data";
    program.succeeds(line).says(&["run: its data have changed", "shadows-0: its data have changed"]);
    // A model's file tells nothing of the data; predicting goes by the columns alone.
    program.succeeds("predict run table.csv -o out.csv");
    let model = program.read("run/models/replica-0.safetensors");
    let hash = program.json("run/fingerprint.json")["data"].as_str().expect("a hash").to_owned();
    assert!(!String::from_utf8_lossy(&model).contains(&hash[..16]));
}

#[test]
fn a_second_program_is_told_who_holds_the_run() {
    let program = Veilgrad::new();
    let line = "train --preset tiny.toml --out run --epochs 4000";
    let first = start(&program, line, "run");
    let holder = format!("held by process {} on ", first.id());
    for second in ["train --resume run", "train --preset tiny.toml --out run --force"] {
        let parts = [&*holder, "since 20", "wait for that program or end it"];
        program.run(second).code(1).says(&parts).prints_nothing();
    }
    stop(first, "-KILL");
    assert!(program.path("run/lease.json").exists(), "killed, it cannot have given it up");
    // A machine whose locks are not seen here.
    let lease = |host: &str| format!(r#"{{"host":"{host}","process":77,"since":0,"token":"1"}}"#);
    program.write("run/lease.json", lease("another.example"));
    let parts = ["held by process 77 on another.example, since 1970-01-01T00:00:00Z"];
    program.run("train --resume run").code(1).says(&parts).prints_nothing();
    let file = std::fs::OpenOptions::new().write(true).open(program.path("run/lease.json")).expect("opened");
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(90)).expect("set");
    program.write("run/run.toml", program.text("run/run.toml").replace("epochs = 4000", "epochs = 1"));
    program
        .succeeds("train --resume run")
        .says(&["was held by process 77 on another.example", "nothing was heard"]);
    assert!(!program.path("run/lease.json").exists());
}

#[test]
fn damaged_files_of_a_run_are_repaired_and_said() {
    let program = Veilgrad::new();
    program.trains("whole", "");
    program.trains("run", "");
    let lines = program.text("run/metrics.jsonl");
    program.write("run/metrics.jsonl", format!("{lines}{lines}not metrics\n"));
    for name in ["predictions.npz", "split.npz", "schema.toml", "data.json"] {
        let bytes = program.read(&format!("run/{name}"));
        program.write(&format!("run/{name}"), &bytes[..bytes.len() / 2]);
    }
    let left_out = "left out 2 doubled lines and 1 line that cannot be read";
    program.succeeds("train --resume run").says(&["predictions.npz: ", "made anew", left_out]);
    assert_eq!(program.text("run/metrics.jsonl"), lines);
    for name in ["predictions.npz", "split.npz", "schema.toml", "data.json", "models/replica-0.safetensors"] {
        let (run, whole) = (program.read(&format!("run/{name}")), program.read(&format!("whole/{name}")));
        assert!(run == whole, "{name} is another");
    }
}

/// A device that is always full stands for the disk, at the checkpoint after those that are there.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_without_room_is_one_error_and_nothing_is_lost() {
    let program = Veilgrad::new();
    let line = "train --preset tiny.toml --out run --epochs 4000";
    stop(start(&program, line, "run"), "-KILL");
    program.write("run/run.toml", program.text("run/run.toml").replace("epochs = 4000", "epochs = 300"));
    let newest = newest_checkpoint(&program, "run").expect("a checkpoint");
    let epoch: usize = newest.rsplit("epoch").next().and_then(|e| e.parse().ok()).expect("an epoch");
    let next = format!("run/checkpoint-group000-epoch{:06}", epoch + 1);
    let _ = std::fs::remove_file(program.path(&format!("{next}.partial")));
    std::os::unix::fs::symlink("/dev/full", program.path(&format!("{next}.partial"))).expect("linked");
    let parts =
        [&*next, "No space left", "free some space", "finished epochs are kept", "train --resume run"];
    let run = program.run("train --resume run").code(1).says(&parts).prints_nothing();
    assert_eq!(run.stderr.matches("error:").count(), 1, "{run}");
    assert!(program.names("run").contains(&newest), "{:?}", program.names("run"));
    program.succeeds("train --resume run");
    program.trains("whole", "--epochs 300");
    for name in ["models/replica-0.safetensors", "predictions.npz", "split.npz"] {
        let (run, whole) = (program.read(&format!("run/{name}")), program.read(&format!("whole/{name}")));
        assert!(run == whole, "{name} is another");
    }
    assert_eq!(program.metrics("run").len(), 300);
}

#[test]
fn shadow_models_that_were_stopped_go_on_with_the_same_command() {
    let program = Veilgrad::new();
    program.trains("run", "--epochs 200 --set train.evaluate_limit=20");
    program.trains("whole", "--epochs 200 --set train.evaluate_limit=20");
    let line = "audit run --shadows 2";
    let child = start(&program, line, "run/shadows-0");
    let run = stop(child, "-TERM").code(143);
    run.says(&["continue with `veilgrad audit run --shadows 2`"]).prints_nothing();
    program.succeeds(line).says(&["continuing after epoch"]);
    program.succeeds("audit whole --shadows 2");
    for name in ["shadows-0/predictions.npz", "scores.npz"] {
        let (run, whole) = (program.read(&format!("run/{name}")), program.read(&format!("whole/{name}")));
        assert!(run == whole, "{name} is another");
    }
}
