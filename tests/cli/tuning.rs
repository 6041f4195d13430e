//! Which kernel variants a run uses: the stored table's, and those of the run that is repeated.

use crate::program::{Run, Veilgrad};

/// The program with a user's cache directory that only this test has.
fn start(program: &Veilgrad, line: &str) -> Run {
    let mut command = program.command(line);
    command.env("XDG_CACHE_HOME", program.path("cache")).env("LOCALAPPDATA", program.path("cache"));
    command.env("HOME", program.path("cache"));
    Run::of(line, command.output().expect("started"))
}

fn run(program: &Veilgrad, line: &str) -> Run {
    start(program, line).code(0)
}

#[test]
fn a_tuned_table_is_used_recorded_and_repeated() {
    let program = Veilgrad::new();
    run(&program, "train --preset tiny.toml --out untuned -v")
        .says(&["kernel variants: the adapter's defaults"]);

    let report = run(&program, "tune --op dense --batch 20 --export table.toml --json").json();
    let candidates = report["table"]["candidates"].as_array().expect("a list");
    assert!(candidates.len() > 20, "{report:#}");
    for candidate in candidates {
        assert!(candidate["worst"].as_f64().is_some_and(|worst| worst <= 1.0), "{candidate:#}");
        assert_eq!(candidate["family"], "dense", "{candidate:#}");
        assert!(candidate["microseconds"].as_f64().is_some_and(|time| time > 0.0), "{candidate:#}");
    }
    let stored = report["stored"].as_str().expect("a path");
    assert_eq!(std::fs::read_to_string(stored).expect("stored"), program.text("table.toml"));

    // Whatever was chosen, another variant for the tiny networks' layers.
    let mut table: toml::Table = program.text("table.toml").parse().expect("TOML");
    let own = candidates[0]["tile"].as_str().expect("a tile");
    let other = if own == "register" { "workgroup" } else { "register" };
    let entries = ["S×S", "M×S"].map(|class| format!("dense {class} {other}"));
    table["choices"] = toml::Value::from(entries.to_vec());
    std::fs::write(stored, table.to_string()).expect("written");
    let tuned = "train --preset tiny.toml --out tuned";
    run(&program, tuned).says(&["kernel variants: tuned, ", "but for 2 shape classes"]);
    let recorded: toml::Table = program.text("tuned/run.toml").parse().expect("TOML");
    assert_eq!(recorded["tuning"]["choices"].as_array().map(Vec::len), Some(2), "{recorded}");
    let same = |a: &str, b: &str| {
        program.read(&format!("{a}/models/replica-0.safetensors"))
            == program.read(&format!("{b}/models/replica-0.safetensors"))
    };
    assert!(!same("tuned", "untuned"), "the same sums in another order, to the bit");

    let repeat = "train --preset tuned/run.toml --out repeated --untuned";
    run(&program, repeat).says(&["as recorded with the run"]);
    assert!(same("repeated", "tuned"));
    run(&program, "train --preset tiny.toml --out plain --untuned");
    assert!(same("plain", "untuned"));

    table["kernels"] = toml::Value::from("0");
    std::fs::write(stored, table.to_string()).expect("written");
    let stale = "train --preset tiny.toml --out stale";
    run(&program, stale).says(&["is not used", "other versions of the kernels", "veilgrad tune"]);
    assert!(same("stale", "untuned"));
}

#[test]
fn an_operation_without_a_choice_is_refused_with_those_that_have_one() {
    let program = Veilgrad::new();
    let refused = start(&program, "tune --op dense,softmax").code(2);
    refused.says(&["--op", "adam", "dense_dw", "softmax"]).prints_nothing();
}
