//! Kernels and steps by the clock: that they are chosen, kept and compared; not how fast they are.

use crate::program::Veilgrad;
use serde_json::Value;
use veilgrad::lab::steps::CASES;
use veilgrad::run::config::Config;
use veilgrad::run::preset;

#[test]
fn kernels_are_chosen_kept_compared_and_drawn() {
    let program = Veilgrad::new();
    let line = "bench kernels --op dense,dense_dw --shape 33x17x9 --replicas 1,2 --json --html roofline.html";
    for file in ["a.json", "b.json"] {
        let result = program.succeeds(line).json();
        let groups = result["results"].as_array().expect("a list");
        assert_eq!(groups.len(), 2, "{result:#}");
        for (group, replicas) in groups.iter().zip([1, 2]) {
            let kernels = group["kernels"].as_array().expect("a list");
            assert_eq!((group["batch"].as_u64(), kernels.len()), (Some(33), 2), "{group:#}");
            assert_eq!(kernels[0]["flops"].as_f64(), Some(f64::from(replicas * 2 * 33 * 17 * 9)));
            let time = |name: &str| kernels[0][name].as_f64().expect("a time");
            assert!(0.0 < time("min_microseconds") && time("min_microseconds") <= time("microseconds"));
            assert!(time("microseconds") <= time("max_microseconds"), "{group:#}");
        }
        program.write(file, result.to_string());
    }
    assert!(program.text("roofline.html").contains("33×17 18×9 33×9"));
    let compared = program.succeeds("bench compare a.json b.json --json").json();
    assert_eq!(compared["ratios"].as_array().map(Vec::len), Some(4), "{compared:#}");
    program
        .succeeds("bench compare a.json b.json")
        .prints(&["dense 33×17 18×9 33×9, R = 2", "geometric mean of 4"]);
    program.write("c.json", "{\"veilgrad\": 1}");
    program.run("bench compare a.json c.json").code(1).says(&["c.json", "veilgrad bench"]);
}

#[test]
fn what_there_is_not_is_named_with_what_there_is() {
    let program = Veilgrad::new();
    program.succeeds("bench kernels --list").prints(&["dense_dw", "register, workgroup"]);
    program.run("bench kernels --op dens").code(2).says(&["--op", "dense_dw", "did you mean `dense`?"]);
    program.run("bench kernels --op dense --variant registr").code(2).says(&["did you mean `register`?"]);
    program.run("bench kernels --shape 3x4").code(2).says(&["--shape", "BxKxN", "3x4"]);
    program.run("bench kernels --shape 3xfour").code(2).says(&["--shape", "128x600x1024"]);
}

#[test]
fn a_preset_s_step_is_told_by_kernel() {
    let program = Veilgrad::new();
    let result = program.succeeds("bench step --preset location30 --json").json();
    let step = &result["results"][0];
    assert_eq!(step["name"], "location30", "{result:#}");
    let kernels = step["kernels"].as_array().expect("a list");
    assert!(
        kernels.iter().all(|kernel| kernel["bytes"].as_f64().is_some_and(|bytes| bytes > 0.0)),
        "{step:#}"
    );
    assert!(kernels.iter().any(|kernel| kernel["bound"] == "arithmetic"), "{step:#}");
    program
        .run("bench step --preset location30 --set train.batch=7")
        .code(2)
        .says(&["a setting of the engine"]);
    program
        .run("bench step --preset demo")
        .code(2)
        .says(&["--preset: expected a preset of data whose shape"]);
    program.run("bench step location30").code(2).says(&["a part of one of: ", "--preset"]);
}

/// A profile takes two steps: with one, a case was timed for half a minute and then refused.
#[test]
fn every_case_has_two_steps_an_epoch() {
    for case in CASES {
        let layer = preset::find(case.preset).expect("a preset");
        let config = Config::merge(&[layer]).expect("settings");
        let batch = if case.batch > 0 { case.batch } else { config.train.batch };
        assert!(case.members >= 2 * batch, "{}: {} members, batches of {batch}", case.name, case.members);
    }
    let program = Veilgrad::new();
    let lines: String = (0..400).map(|i| format!("{},{},{}\n", i % 2, i % 3 / 2, i % 5)).collect();
    program.write("few.csv", format!("a,b,label\n{lines}"));
    program
        .run("bench step --preset location30 --data few.csv")
        .code(1)
        .says(&["at least 522 records: 4 batches and some", "400"]);
}

#[test]
fn a_step_is_timed_on_a_file_s_records_and_with_operations_apart() {
    let program = Veilgrad::new();
    // Two bits of sixteen: a first layer on lists.
    let bits =
        |i: usize| (0..16).map(|j| u8::from(j == i % 16 || j == i % 7).to_string()).collect::<Vec<_>>();
    let lines: String = (0..600).map(|i| format!("{},{}\n", bits(i).join(","), i % 3)).collect();
    program.write(
        "bits.csv",
        format!("{}\n{lines}", (0..16).map(|j| format!("b{j},")).collect::<String>() + "label"),
    );
    let time = |flags: &str| {
        let command = format!("bench step --preset location30 --data bits.csv {flags} --json");
        program.succeeds(&command).json()["results"][0].clone()
    };
    let (merged, apart) =
        (time("--set engine.sparse=on"), time("--set engine.merge=false --set engine.sparse=off"));
    assert_eq!((&merged["data"], &merged["members"]), (&"bits".into(), &295.into()), "{merged:#}");
    assert_eq!(apart["settings"].as_array().map(Vec::len), Some(2), "{apart:#}");
    let ones = |step: &Value| step["kernels"].to_string().contains("gather_ones");
    assert_eq!((ones(&merged), ones(&apart)), (true, false), "{merged:#} {apart:#}");
    assert!(merged["dispatches"].as_u64() < apart["dispatches"].as_u64(), "{merged:#} {apart:#}");
}
