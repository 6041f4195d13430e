//! What tells without training: help, devices, presets, check; and the demonstration.

use crate::program::Veilgrad;
use serde_json::Value;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry["name"].as_str()).collect()
}

#[test]
fn help_teaches_and_is_no_failure() {
    let program = Veilgrad::new();
    program.succeeds("--help").says_nothing().prints(&["veilgrad demo", "0.5 is guessing", "Exit codes"]);
    program.succeeds("train --help").prints(&["--label-column", "--lambda 0,1,3", "--resume", "run.toml"]);
    program.succeeds("--version").prints(&[env!("CARGO_PKG_VERSION")]);
}

#[test]
fn what_cannot_be_understood_is_a_usage_error() {
    let program = Veilgrad::new();
    program.run("").code(2).says(&["Usage"]);
    program.run("trian").code(2).says(&["trian", "similar", "train"]);
    program.run("train --lambada 1").code(2).says(&["--lambada", "--lambda"]);
    program.run("train --header --no-header").code(2).says(&["cannot be used"]);
}

/// Every key that a file has is in its schema, and what the schema requires is there.
fn fits(value: &Value, schema: &Value, root: &Value, place: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).expect("a definition"),
        None => schema,
    };
    if let Some(choices) = schema["anyOf"].as_array() {
        // Optional structures: null, or the first.
        return if value.is_null() {
            assert_eq!(choices[1]["type"], "null", "{place}")
        } else {
            fits(value, &choices[0], root, place)
        };
    }
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                let place = format!("{place}.{key}");
                let of_key = &schema["properties"][key];
                let of_key = if of_key.is_null() { &schema["additionalProperties"] } else { of_key };
                assert!(of_key.is_object() || of_key == true, "{place} is in no schema: {schema:#}");
                fits(value, of_key, root, &place);
            }
            let required = schema["required"].as_array().into_iter().flatten();
            required.for_each(|key| assert!(keys.contains_key(key.as_str().unwrap()), "{place}: no {key}"));
        }
        Value::Array(items) => {
            items.iter().for_each(|item| fits(item, &schema["items"], root, &format!("{place}[]")));
        }
        _ => {
            let is = match value {
                Value::Null => "null",
                Value::Bool(_) => "boolean",
                Value::Number(_) => "number",
                _ => "string",
            };
            let types = schema["type"].to_string().replace("integer", "number");
            let known = types.contains(is) || schema["enum"].is_array() || schema["oneOf"].is_array();
            assert!(schema == true || known, "{place} is {is}, its schema {schema:#}");
        }
    }
}

#[test]
fn what_an_audit_writes_is_what_its_schemas_say() {
    let program = Veilgrad::new();
    program.succeeds("train --preset tiny.toml --seed 0,1 --lambda 1 --out run");
    let schema = |file: &str| program.succeeds(&format!("json-schema {file}")).says_nothing().json();
    for (file, name) in [("summary", "run/summary.json"), ("details", "run/details.json")] {
        let schema = schema(file);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        fits(&program.json(name), &schema, &schema, file);
    }
    let of_metrics = schema("metrics");
    for line in program.read("run/metrics.jsonl").split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
    {
        fits(&serde_json::from_slice(line).unwrap(), &of_metrics, &of_metrics, "metrics");
    }
    assert!(schema("table")["properties"]["rows"].is_object());
}

#[test]
fn each_shell_gets_completions_of_every_command() {
    let program = Veilgrad::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = program.succeeds(&format!("completions {shell}")).says_nothing();
        script.prints(&["veilgrad", "reproduce", "completions", "label-column", "fail-if"]);
    }
    program.run("completions tcsh").code(2).says(&["tcsh", "bash", "fish"]);
}

#[test]
fn the_manual_has_the_help_and_a_page_for_each_command() {
    let program = Veilgrad::new();
    let page = [".TH veilgrad 1", "\\-\\-adapter", "Exit codes", "veilgrad\\-train(1)"];
    program.succeeds("man").says_nothing().prints(&page);
    program.succeeds("man --out pages/man1").prints(&["veilgrad.1"]);
    let read = |name: &str| std::fs::read_to_string(program.path("pages/man1").join(name)).expect(name);
    assert!(read("veilgrad.1").contains("veilgrad\\-audit(1)"));
    assert!(read("veilgrad-train.1").contains("\\-\\-label\\-column"));
    assert!(read("veilgrad-completions.1").contains("powershell"));
}

#[test]
fn a_step_that_there_is_not_is_answered_with_those_that_are() {
    let program = Veilgrad::new();
    for what in ["step", "start"] {
        program.run(&format!("bench {what} purchasse")).code(2).says(&["purchasse", "purchase100 plain"]);
    }
}

#[test]
fn devices_lists_the_adapters_and_marks_the_one_taken() {
    let program = Veilgrad::new();
    let devices = program.succeeds("devices --json").json();
    let taken: Vec<&Value> =
        devices.as_array().into_iter().flatten().filter(|d| d["default"] == true).collect();
    let [taken] = taken[..] else { panic!("not exactly one is taken: {devices:#}") };
    for key in ["name", "backend", "kind", "driver"] {
        assert!(taken[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {taken:#}");
    }
    for key in ["max_binding_bytes", "max_buffer_bytes", "workgroup_bytes", "invocations"] {
        assert!(taken[key].as_u64().is_some_and(|n| n > 0), "{key}: {taken:#}");
    }
    let name = taken["name"].as_str().unwrap_or_default();
    let text = program.succeeds("devices").says_nothing().prints(&["(taken;", "driver: ", name]);
    assert_eq!(text.stdout.matches("(taken;").count(), 1, "{text}");

    // By number and by a part of its name.
    let number = devices.as_array().into_iter().flatten().position(|d| d["default"] == true).unwrap_or(0);
    let word = name.split_whitespace().next().unwrap_or_default().to_uppercase();
    for choice in [number.to_string(), word] {
        let chosen = program.succeeds(&format!("devices --json --adapter {choice}")).json();
        assert_eq!(chosen, devices, "--adapter {choice}");
    }
}

#[test]
fn an_adapter_that_is_not_there_is_answered_with_those_that_are() {
    let program = Veilgrad::new();
    let name = program.succeeds("devices --json").json()[0]["name"].as_str().unwrap_or_default().to_owned();
    for choice in ["99", "no-such-card"] {
        let parts = ["--adapter: expected one of 0 (", &name, choice, "veilgrad devices"];
        program.run(&format!("devices --adapter {choice}")).code(2).says(&parts).prints_nothing();
        program.refuses(2, &format!("--adapter {choice}"), &parts);
    }
}

/// Only where Vulkan is the one way to a GPU, and the loader can be told to find no driver.
#[cfg(target_os = "linux")]
#[test]
fn no_adapter_is_an_error_that_says_what_to_install() {
    let program = Veilgrad::new();
    for line in ["devices", "demo", "check", "train --preset tiny.toml --out run"] {
        let mut command = program.command(line);
        for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
            command.env(variable, "/nonexistent");
        }
        command.env_remove("VK_ADD_DRIVER_FILES");
        let run = crate::program::Run::of(line, command.output().expect("started"));
        let parts = ["no GPU adapter: expected a Vulkan", "found none", "mesa-vulkan-drivers"];
        run.code(1).says(&parts).prints_nothing();
    }
    assert_eq!(program.names("."), ["tiny.toml"], "nothing was begun");
}

#[test]
fn presets_are_listed_shown_and_usable_as_files() {
    let program = Veilgrad::new();
    let list = program.succeeds("presets --json").json();
    // Every file of data/presets, and the demonstration first.
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/data/presets")).expect("presets");
    let stem = |path: std::path::PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut expected: Vec<String> = files.filter_map(|file| stem(file.expect("a file").path())).collect();
    expected.sort();
    let mut listed = names(&list);
    assert_eq!(listed[0], "demo");
    listed.sort_unstable();
    assert_eq!(listed, expected);
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    program.succeeds("presets").says_nothing().prints(&expected);
    for name in expected {
        let shown = program.succeeds(&format!("presets {name}")).stdout;
        program.write("mine.toml", shown);
        let full = program.succeeds(&format!("presets {name} --json")).json();
        assert_eq!(full["name"], name);
        assert!(full["train"]["epochs"].as_u64().is_some_and(|n| n > 0), "{full:#}");
        let expects = full["data"]["expects"].as_str().unwrap_or_default();
        if !expects.is_empty() {
            // It is understood as a file too: all it lacks is the data.
            let run = program.run("train --preset mine.toml").code(2);
            run.says(&["data.path: expected", expects, "--data"]).prints_nothing();
        }
    }
}

#[test]
fn every_kernel_is_checked() {
    let program = Veilgrad::new();
    let report = program.succeeds("check --json").says_nothing().json();
    assert_eq!(report["passed"], true);
    let kernels = report["kernels"].as_array().expect("a list");
    assert!(kernels.len() > 20, "{report:#}");
    for kernel in kernels {
        assert!(kernel["worst"].as_f64().is_some_and(|worst| worst <= 1.0), "{kernel:#}");
        assert!(kernel["cases"].as_u64().is_some_and(|cases| cases > 0), "{kernel:#}");
    }
    let text = program.succeeds("check --checked").says(&["adapter: "]).stdout;
    assert_eq!(text.lines().count(), kernels.len(), "a line a kernel:\n{text}");
    assert!(text.lines().all(|line| line.starts_with("ok ")), "{text}");
}

/// What the demonstration is there to show.
#[test]
fn the_demo_shows_an_attack_and_a_defense() {
    let program = Veilgrad::new();
    let run = program.succeeds("demo --json").says(&["preset: demo", "deviation: ", "training 2 models"]);
    let summary = run.json();
    let strongest = |replica: &Value| -> f64 {
        let attacks = replica["attacks"].as_object().expect("attacks");
        attacks.values().filter_map(|attack| attack["accuracy"].as_f64()).fold(0.0, f64::max)
    };
    let [plain, defended] = &summary["replicas"].as_array().expect("a list")[..] else {
        panic!("not two replicas\n{run}")
    };
    assert_eq!(plain["lambda"], 0.0);
    assert!(defended["lambda"].as_f64().is_some_and(|lambda| lambda > 0.0));
    let (before, after) = (strongest(plain), strongest(defended));
    assert!(before >= 0.70 && after <= before - 0.10, "{before} without, {after} with the defense\n{run}");
    // 20 classes: guessing gets 0.05.
    let useful = |replica: &Value| replica["test_accuracy"].as_f64().unwrap_or(0.0);
    assert!(useful(defended) >= 0.5 * useful(plain), "too high a price\n{run}");
    assert_eq!(program.names("runs"), ["demo-1"]);
    assert_eq!(program.json("runs/demo-1/summary.json"), summary);
}
