//! Runs that are stopped on the way: Ctrl-C, kill -9, a damaged checkpoint. What was done stays readable,
//! and continuing ends with the bytes of a run that was not stopped.

use crate::program::{Run, Veilgrad};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Long enough to be stopped on the way, by far; 5 s if it is not.
const FLAGS: &str = "--epochs 120 --lambda 0,1 --dropout 0.1 --set train.evaluate_limit=20";

/// Starts a run into `run` and returns once it has finished two epochs.
fn start(program: &Veilgrad) -> Child {
    let line = format!("train --preset tiny.toml --out run {FLAGS}");
    let mut child = program.command(&line).spawn().expect("started");
    let began = Instant::now();
    while program.names("run").iter().filter(|name| is_checkpoint(name)).count() < 2 {
        if let Some(status) = child.try_wait().expect("waited") {
            panic!("ended without two checkpoints: {status}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no two checkpoints: {:?}", program.names("run"));
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

fn is_checkpoint(name: &str) -> bool {
    name.starts_with("checkpoint") && !name.ends_with(".partial")
}

/// Sends `signal`, such as -INT, and waits for the end.
fn stop(child: Child, signal: &str) -> Run {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
    assert!(sent.success(), "kill {signal}");
    let line = format!("train, stopped by {signal}");
    Run::of(&line, child.wait_with_output().expect("ended"))
}

/// The run in `run` was stopped on the way, and can be read.
fn assert_stopped(program: &Veilgrad) {
    let names = program.names("run");
    assert!(!names.iter().any(|name| name == "models"), "it had ended: {names:?}");
    // Killed while it wrote a line, the last one may be cut short.
    let text = program.text("run/metrics.jsonl");
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines: Vec<serde_json::Value> =
        whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.len() >= 4 && lines.len() < 240, "{} lines of two epochs or more", lines.len());
    assert!(lines.iter().all(|line| line["loss"].is_number()));
    let parts = ["predictions.npz", "has not come to its end", "veilgrad train --resume run"];
    program.run("audit run").code(1).says(&parts).prints_nothing();
}

/// Continues the run in `run`, which must end as one that nobody stopped.
fn finish(program: &Veilgrad, parts: &[&str]) {
    program.succeeds("train --resume run").says(parts);
    program.trains("whole", FLAGS);
    for name in ["models/replica-0.safetensors", "predictions.npz", "split.npz", "run.toml"] {
        let (run, whole) = (program.read(&format!("run/{name}")), program.read(&format!("whole/{name}")));
        assert!(run == whole, "{name} is another than without the interruption");
    }
    let metrics = |run: &str| {
        let mut lines = program.metrics(run);
        for line in &mut lines {
            line["seconds"].take();
        }
        lines
    };
    assert_eq!(metrics("run"), metrics("whole"), "no line twice, none lost");
    assert_eq!(program.names("run"), program.names("whole"), "nothing is left over");
    let replicas = |run: &str| program.json(&format!("{run}/summary.json"))["replicas"].clone();
    assert_eq!(replicas("run"), replicas("whole"));
}

#[test]
fn ctrl_c_leaves_a_run_that_can_be_read_and_continued() {
    let program = Veilgrad::new();
    let run = stop(start(&program), "-INT").code(130);
    run.says(&["stopping where", "error: interrupted", "veilgrad train --resume run"]).prints_nothing();
    assert_stopped(&program);
    assert!(!program.names("run").iter().any(|name| name.ends_with(".partial")));
    finish(&program, &["continuing after epoch ", "epoch 120/120"]);
}

/// A scheduler's request to end, a terminal that hangs up: as Ctrl-C.
#[test]
fn other_signals_leave_a_run_that_can_be_continued() {
    for (signal, code) in [("-TERM", 143), ("-HUP", 129)] {
        let program = Veilgrad::new();
        let run = stop(start(&program), signal).code(code);
        run.says(&["stopping where", "veilgrad train --resume run"]).prints_nothing();
        assert_stopped(&program);
        if signal == "-TERM" {
            finish(&program, &["continuing after epoch "]);
        }
    }
}

#[test]
fn a_killed_run_is_continued() {
    let program = Veilgrad::new();
    stop(start(&program), "-KILL").prints_nothing();
    assert_stopped(&program);
    finish(&program, &["continuing after epoch ", "epoch 120/120"]);
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_used() {
    let program = Veilgrad::new();
    stop(start(&program), "-KILL").prints_nothing();
    let checkpoints: Vec<String> = program.names("run").into_iter().filter(|n| is_checkpoint(n)).collect();
    let [.., before, newest] = &checkpoints[..] else { panic!("{checkpoints:?}") };
    let mut bytes = program.read(&format!("run/{newest}"));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    program.write(&format!("run/{newest}"), bytes);
    let epoch: usize = before.rsplit("epoch").next().and_then(|e| e.parse().ok()).expect("an epoch");
    let damaged = format!("checkpoint {newest} is damaged");
    finish(&program, &[&damaged, &format!("continuing after epoch {epoch}\n")]);
}

/// Killed at other moments: each leaves the files that were written until then.
#[test]
fn a_run_is_continued_from_whatever_is_there() {
    let program = Veilgrad::new();
    program.trains("whole", "--lambda 0,1");
    let epochs = ["checkpoint-group000-epoch000001", "checkpoint-group000-epoch000002"];
    for (moment, files) in [
        ("before the split was written", vec!["run.toml"]),
        ("before the first checkpoint", vec!["run.toml", "split.npz"]),
        ("between metrics and checkpoint", vec!["run.toml", "split.npz", "metrics.jsonl", epochs[0]]),
        (
            "before the model was written",
            vec!["run.toml", "split.npz", "metrics.jsonl", epochs[0], epochs[1]],
        ),
        (
            "before the predictions were written",
            vec![
                "run.toml",
                "split.npz",
                "metrics.jsonl",
                epochs[0],
                epochs[1],
                "models/replica-0.safetensors",
            ],
        ),
    ] {
        std::fs::create_dir(program.path("run")).expect("made");
        for name in files {
            std::fs::create_dir_all(program.path("run/models")).expect("made");
            program.write(&format!("run/{name}"), program.read(&format!("whole/{name}")));
        }
        program.write("run/predictions.npz.partial", "half of it");
        program.succeeds("train --resume run");
        for name in ["models/replica-0.safetensors", "predictions.npz", "split.npz"] {
            let (run, whole) = (program.read(&format!("run/{name}")), program.read(&format!("whole/{name}")));
            assert!(run == whole, "stopped {moment}: {name} is another");
        }
        assert_eq!(program.names("run"), program.names("whole"), "stopped {moment}");
        assert_eq!(program.metrics("run").len(), 4, "stopped {moment}");
        std::fs::remove_dir_all(program.path("run")).expect("removed");
    }
}

/// A software driver's memory is in files: under a limit on their size the system ended the program.
#[test]
#[cfg(target_os = "linux")]
fn a_limit_on_the_size_of_files_is_an_error_and_no_end() {
    use std::os::unix::process::ExitStatusExt;
    let program = env!("CARGO_BIN_EXE_veilgrad");
    let command = format!("ulimit -f 8; exec {program} check -q");
    let output = std::process::Command::new("sh").args(["-c", &command]).output().expect("started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), None, "{stderr}");
    // An adapter with memory of its own does not mind.
    assert!(output.status.success() || stderr.contains("ulimit -f unlimited"), "{stderr}");
}
