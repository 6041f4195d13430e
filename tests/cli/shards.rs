//! Jobs that several programs share: their parts become the bytes of one program's run, whatever befalls them.

use crate::program::{Run, Veilgrad};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Shadow models that train long enough to be met on the way.
const SLOW: &str = "--set train.epochs=300";

/// The tiny preset with few records of D′.
const TABLE: &str = "reproduce lambda --dataset tiny.toml --seeds 2 --set defense.lambda=2 --out tables";

/// What must be the same, of a run of so many replicas; the metrics without their seconds.
fn bytes(program: &Veilgrad, run: &str, replicas: usize) -> Vec<(String, Vec<u8>)> {
    let models = (0..replicas).map(|r| format!("models/replica-{r}.safetensors"));
    let names = ["run.toml", "split.npz", "predictions.npz", "schema.toml", "fingerprint.json", "data.json"];
    let names = names.into_iter().map(str::to_owned).chain(models);
    let mut found: Vec<_> =
        names.map(|name| (name.clone(), program.read(&format!("{run}/{name}")))).collect();
    let mut metrics = program.metrics(run);
    metrics.iter_mut().for_each(|line| line["seconds"] = 0.into());
    metrics.sort_by_key(|line| (line["epoch"].as_u64(), line["replica"].as_u64()));
    found.push(("metrics.jsonl".to_owned(), format!("{metrics:?}").into_bytes()));
    found
}

/// An audit's files.
fn audited(program: &Veilgrad, run: &str) -> Vec<(String, Vec<u8>)> {
    let mut summary = program.json(&format!("{run}/summary.json"));
    summary["seconds"] = 0.into();
    let file = |name: &str| (name.to_owned(), program.read(&format!("{run}/{name}")));
    let mut found = vec![("summary.json".to_owned(), summary.to_string().into_bytes())];
    found.extend(["scores.npz", "details.json"].map(file));
    found
}

#[track_caller]
fn same(found: &[(String, Vec<u8>)], expected: &[(String, Vec<u8>)]) {
    assert_eq!(found.len(), expected.len());
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        assert!(found == expected, "{name} is another");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("read") {
        let entry = entry.expect("an entry").path();
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            std::fs::copy(&entry, &to).expect("copied");
        }
    }
}

/// A trained run in a working directory of its own: paths in its files are the same in all.
fn with_run(flags: &str) -> Veilgrad {
    let program = Veilgrad::new();
    program.trains("run", flags);
    program
}

fn another(program: &Veilgrad) -> Veilgrad {
    let other = Veilgrad::new();
    copy(&program.path("run"), &other.path("run"));
    other
}

/// Waits until the part of `run` has a checkpoint.
fn begun(program: &Veilgrad, child: &mut Child, part: &str) {
    let began = Instant::now();
    let checkpoint = |name: &String| name.starts_with("checkpoint") && !name.ends_with(".partial");
    while !program.names(part).iter().any(checkpoint) {
        if let Some(status) = child.try_wait().expect("waited") {
            panic!("ended without a checkpoint: {status}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no checkpoint in {part}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "kill {signal}");
}

fn kill(mut child: Child) {
    send(&child, "-KILL");
    child.wait().expect("ended");
}

#[test]
fn three_shards_of_an_audit_are_the_run_of_one_program() {
    let whole = with_run("--lambda 0,1");
    let parts = another(&whole);
    whole.succeeds("audit run --shadows 4");
    let plan = parts.succeeds("audit run --shadows 4 --shard 0/3 --plan");
    // Two targets with four models each, in thirds of about the same cost.
    plan.prints(&["0/3  shadows-0", "2/3  shadows-1", "the longest shard: "]);
    assert!(!parts.path("run/shadows-0").exists(), "a plan trains nothing");
    let planned = parts.succeeds("audit run --shadows 4 --shard auto/3 --plan --json").stdout;
    let planned: serde_json::Value = serde_json::from_str(&planned).expect("JSON");
    let planned = planned.as_array().expect("parts");
    let models: u64 = planned
        .iter()
        .map(|part| part["replicas"][1].as_u64().unwrap() - part["replicas"][0].as_u64().unwrap())
        .sum();
    assert_eq!(models, 8);
    assert!(planned.iter().all(|p| p["seconds"].as_f64() > Some(0.0) && p["bytes"].as_u64() > Some(0)));
    for shard in [2, 0, 1] {
        parts.succeeds(&format!("audit run --shadows 4 --shard {shard}/3")).prints_nothing();
    }
    assert!(!parts.path("run/shadows-0/predictions.npz").exists(), "nobody has merged");
    parts.succeeds("audit run --shadows 4 --shard 1/3").says(&["already done"]);
    parts.succeeds("audit run --shadows 4").says(&["4 of 4 models are there in parts", "parts merged"]);
    for set in ["run/shadows-0", "run/shadows-1"] {
        same(&bytes(&parts, set, 4), &bytes(&whole, set, 4));
        assert!(!parts.path(&format!("{set}/parts")).exists(), "taken over and left");
    }
    same(&audited(&parts, "run"), &audited(&whole, "run"));
    parts.succeeds("audit run --shadows 4 --shard 1/3").says(&["the run is whole"]);
    parts.succeeds("audit run --shadows 4").says(&["shadow models: "]);
    same(&audited(&parts, "run"), &audited(&whole, "run"));
}

#[test]
fn three_shards_of_a_table_are_the_table_of_one_program() {
    let (whole, parts) = (Veilgrad::new(), Veilgrad::new());
    whole.succeeds(TABLE);
    parts.succeeds(&format!("{TABLE} --shard 0/3 --plan")).prints(&["2/3  tiny-lambda"]);
    // One is missing, one was made in other parts.
    for shard in ["0/3", "1/5"] {
        parts.succeeds(&format!("{TABLE} --shard {shard}")).prints_nothing();
    }
    let merged = parts.succeeds(TABLE);
    merged.says(&["models are there in parts", "parts merged"]);
    same(&bytes(&parts, "tables/runs/tiny-lambda", 8), &bytes(&whole, "tables/runs/tiny-lambda", 8));
    same(&audited(&parts, "tables/runs/tiny-lambda"), &audited(&whole, "tables/runs/tiny-lambda"));
    for end in ["md", "csv", "json"] {
        let name = format!("tables/lambda-tiny.{end}");
        assert!(parts.read(&name) == whole.read(&name), "{name} is another");
    }
    parts.succeeds(&format!("{TABLE} --shard 2/3")).says(&["tiny-lambda: already done", "nothing to train"]);
}

#[test]
fn a_shard_that_is_killed_goes_on_and_two_of_one_do_not_meet() {
    let whole = with_run(SLOW);
    let parts = another(&whole);
    let part = "run/shadows-0/parts/0000-0002";
    let line = "audit run --shadows 4 --shard 0/2";
    let mut first = parts.command(line).spawn().expect("started");
    begun(&parts, &mut first, part);
    // It does not end meanwhile.
    send(&first, "-STOP");
    // The same part, and whoever merges, are told who has it; another part is trained beside it.
    let holder = format!("held by process {} on ", first.id());
    parts.run(line).code(1).says(&[&holder]);
    parts.run("audit run --shadows 4").code(1).says(&[&holder]);
    parts.succeeds("audit run --shadows 4 --shard 1/2");
    kill(first);
    assert!(!parts.path(&format!("{part}/predictions.npz")).exists());
    parts.succeeds(line).says(&["continuing after epoch "]);
    parts.succeeds("audit run --shadows 4").says(&["4 of 4 models are there in parts"]);
    whole.succeeds("audit run --shadows 4");
    same(&bytes(&parts, "run/shadows-0", 4), &bytes(&whole, "run/shadows-0", 4));
    same(&audited(&parts, "run"), &audited(&whole, "run"));
}

#[test]
fn a_part_that_was_begun_is_gone_on_with_by_whoever_merges() {
    let whole = with_run(SLOW);
    let parts = another(&whole);
    let mut first = parts.command("audit run --shadows 4 --shard 1/2").spawn().expect("started");
    begun(&parts, &mut first, "run/shadows-0/parts/0002-0004");
    kill(first);
    assert!(!parts.path("run/shadows-0/parts/0002-0004/predictions.npz").exists());
    parts.succeeds("audit run --shadows 4").says(&["0 of 4 models are there", "continuing after epoch "]);
    whole.succeeds("audit run --shadows 4");
    same(&bytes(&parts, "run/shadows-0", 4), &bytes(&whole, "run/shadows-0", 4));
}

#[test]
fn parts_of_unlike_machines_are_merged_only_where_that_is_asked_for_and_said() {
    let program = with_run("");
    program.succeeds("audit run --shadows 4 --shard 0/2");
    program.succeeds("audit run --shadows 4 --shard 1/2");
    let record = "run/shadows-0/parts/0002-0004/part.json";
    let honest = program.text(record);
    let version = env!("CARGO_PKG_VERSION");
    for (from, to) in [(version, "0.0.9"), ("\"adapter\": \"", "\"adapter\": \"Other adapter, 1.0 of ")] {
        assert!(honest.contains(from), "{honest}");
        program.write(record, honest.replace(from, to));
        let refused = program.run("audit run --shadows 4").code(2);
        let to = to.trim_start_matches("\"adapter\": \"");
        refused.says(&["expected parts that were trained as this program would", "2–3 on", to, "--mixed"]);
    }
    // Nothing is lost by a refusal.
    program.succeeds("audit run --shadows 4 --mixed");
    let notes = program.json("run/summary.json")["replicas"][0]["notes"].to_string();
    assert!(notes.contains("unlike machines") && notes.contains("2–3 on Other adapter, 1.0"), "{notes}");
    program.succeeds("audit run --shadows 4");
    let again = program.json("run/summary.json")["replicas"][0]["notes"].to_string();
    assert_eq!(again, notes, "and so for ever");
    // The whole set of another machine.
    let config = program.text("run/shadows-0/run.toml");
    program.write("run/shadows-0/run.toml", config.replace("adapter = \"", "adapter = \"Other, 2.0 of "));
    let refused = program.run("audit run --shadows 4").code(2);
    refused.says(&["expected shadow models that were trained on this adapter", "Other, 2.0", "--mixed"]);
    program.succeeds("audit run --shadows 4 --mixed").says(&["trained on another machine: Other, 2.0"]);
    let notes = program.json("run/summary.json")["replicas"][0]["notes"].to_string();
    assert!(notes.contains("shadows-0: trained on another machine: Other, 2.0"), "{notes}");
}

#[test]
fn parts_of_other_settings_are_refused_and_kept() {
    let program = with_run("");
    program.succeeds("audit run --shadows 4 --shard 0/2");
    let refused = program.run("audit run --shadows 6").code(2);
    refused.says(&["expected a part of this run", "found one with others", "remove run/shadows-0/parts"]);
    assert!(program.path("run/shadows-0/parts/0000-0002/predictions.npz").exists());
}

#[test]
fn the_task_of_every_scheduler_is_its_part() {
    let program = with_run("");
    let variables = [
        "SLURM_ARRAY_TASK_ID",
        "JOB_COMPLETION_INDEX",
        "AWS_BATCH_JOB_ARRAY_INDEX",
        "PBS_ARRAY_INDEX",
        "SGE_TASK_ID",
    ];
    for variable in variables {
        for (typed, number) in [("auto/9", "4"), ("auto1/9", "5")] {
            let line = format!("audit run --shadows 2 --shard {typed}");
            let mut command = program.command(&line);
            for other in variables {
                command.env_remove(other);
            }
            let output = command.env(variable, number).output().expect("started");
            // Of 9 parts of 2 models the fifth has none.
            Run::of(&line, output).code(0).says(&["shard 4/9: nothing to train"]);
        }
    }
}

#[test]
fn what_is_no_shard_is_refused_before_anything_is_written() {
    let program = with_run("");
    for (flags, code, parts) in [
        ("--shadows 4 --shard 4/4", 2, &["--shard", "from 0/4 to 3/4"][..]),
        ("--shadows 4 --shard 3", 2, &["--shard", "such as 3/16"]),
        ("--shadows 4 --shard 1/0", 2, &["at least one part"]),
        ("--shadows 4 --shard auto/4", 2, &["SLURM_ARRAY_TASK_ID", "found none of them", "--shard 0/16"]),
        ("--shard 0/4", 2, &["--shadows N", "found none"]),
    ] {
        let line = format!("audit run {flags}");
        let mut command = program.command(&line);
        let output = command.env_remove("SLURM_ARRAY_TASK_ID").output().expect("started");
        Run::of(&line, output).code(code).says(parts).prints_nothing();
    }
    program.write("p.csv", "a,b,label,member\n");
    program.run("audit --predictions p.csv --shard 0/2").code(2).says(&["a run's DIR"]);
    assert!(!program.path("run/shadows-0").exists());
}
