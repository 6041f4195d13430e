//! The paper's tables on made-up data: files, sharing of runs, refusals, and twenty kills.

use crate::program::Veilgrad;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The tiny preset with enough records for every size of D′.
const DATA: &str = "--dataset tiny.toml --set data.members=400 --set data.reference=400 \
                    --set data.synthetic.records=1300 --set defense.lambda=2";

#[test]
fn all_tables_are_made_and_made_again_without_training() {
    let program = Veilgrad::new();
    let line = format!("reproduce all {DATA} --seeds 2 --out tables");
    let run = program.succeeds(&line);
    run.prints(&["L2 0.01", "|D′| 600", "λ 10", "with (λ 2)", "From λ 0 to λ 10:", "data.members = 400"])
        .prints(&["tables and runs: tables; the tables on one page: tables/report.html"])
        .says(&["run 1/16: ", "% of all, about ", "defense: already done", "loss "]);
    let names = program.names("tables");
    let expected: Vec<String> = ["defense", "defenses", "l2", "lambda", "reference-size"]
        .iter()
        .flat_map(|table| ["csv", "json", "md"].map(|end| format!("{table}-tiny.{end}")))
        .chain(["report.html", "runs"].map(str::to_owned))
        .collect();
    assert_eq!(names, expected);
    let table = program.json("tables/lambda-tiny.json");
    let rows = table["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 5);
    for row in rows {
        assert_eq!(row["neural"]["values"].as_array().map(Vec::len), Some(2), "a value a seed: {row}");
        assert!(row["strongest"]["mean"].as_f64() >= row["neural"]["mean"].as_f64(), "{row}");
        assert!(row["test"]["published"].is_null(), "nothing is published on made-up data: {row}");
    }
    let others = program.json("tables/defenses-tiny.json");
    let labels: Vec<&str> =
        others["rows"].as_array().expect("rows").iter().filter_map(|r| r["label"].as_str()).collect();
    assert_eq!(labels.len(), 10, "{labels:?}");
    assert!(labels[9].starts_with("DP-SGD σ 1 (ε "), "{labels:?}");
    assert!(others["ends"].is_null(), "its rows are no scale: {others}");
    // The defense's rows are the λ table's, to the last digit.
    let defense = program.json("tables/defense-tiny.json");
    assert_eq!(defense["rows"][1]["neural"], rows[2]["neural"]);
    let before: Vec<Vec<u8>> = expected[..16].iter().map(|n| program.read(&format!("tables/{n}"))).collect();
    program.succeeds(&line).says(&["lambda: already done", "l2: already done"]);
    for (name, before) in expected.iter().zip(before) {
        assert!(program.read(&format!("tables/{name}")) == before, "{name} is another");
    }
    // Other settings must not be mixed in.
    let parts = ["tiny-lambda: expected a run with the settings of this command", "another --out"];
    let fewer = program.succeeds(&format!("reproduce lambda {DATA} --seeds 1 --out tables"));
    fewer.says(&["lambda: already done"]);
    let page = program.text("tables/report.html");
    assert!(page.contains("href=\"#table-5\""), "the tables of earlier commands are gone from the page");
    program.run(&format!("reproduce lambda {DATA} --set train.epochs=3 --out tables")).code(2).says(&parts);
}

#[test]
fn a_long_run_is_trained_in_parts_to_the_same_table() {
    let program = Veilgrad::new();
    let line = format!("reproduce defense {DATA} --seeds 2");
    program.succeeds(&format!("{line} --out whole")).says(&["this takes about ", "the training of 4 models"]);
    let parts = ["in parts, each kept before the next begins: tiny-defense-undefended 0, "];
    program.succeeds(&format!("{line} --longest-part 0 --out parts")).says(&parts);
    for file in ["defense-tiny.json", "runs/tiny-defense/predictions.npz", "runs/tiny-defense/scores.npz"] {
        assert!(program.read(&format!("whole/{file}")) == program.read(&format!("parts/{file}")), "{file}");
    }
    // Nothing is left: nothing is measured.
    let again = program.succeeds(&format!("{line} --longest-part 0 --out parts"));
    again.says(&["defense: already done"]);
}

#[test]
fn each_form_of_the_game_has_tables_of_its_own_on_one_frontier() {
    let program = Veilgrad::new();
    program.succeeds(&format!("reproduce defense {DATA} --form paper,authors --seeds 1 --out tables"));
    let loss = |form: &str| {
        let run = program.text(&format!("tables/runs/tiny-{form}-defense/run.toml"));
        run.lines().find(|line| line.starts_with("attack_loss")).map(str::to_owned)
    };
    assert_eq!(loss("paper").as_deref(), Some("attack_loss = \"log\""));
    assert_eq!(loss("authors").as_deref(), Some("attack_loss = \"squared\""));
    let table = program.json("tables/defense-tiny-authors.json");
    assert_eq!(table["preset"], "tiny-authors");
    for word in ["attack_loss = ", "epochs, blocks of attack steps"] {
        assert!(table["differs"].to_string().contains(word), "{table}");
    }
    let page = program.text("tables/report.html");
    assert_eq!(page.matches("Frontier: ").count(), 1);
    program.run("reproduce defense --form paper,log").code(2).says(&["expected paper or authors"]);
}

/// The authors' schedule goes by D′: sizes in one run were refused, after the first steps had been timed.
#[test]
fn the_authors_form_has_a_run_for_each_size_of_the_reference_set() {
    let program = Veilgrad::new();
    let line = format!("reproduce reference-size {DATA} --values 100,300 --seeds 1 --out tables");
    program.succeeds(&format!("{line} --form paper,authors")).says(&["the training of 4 models"]);
    for name in ["reference-size-tiny-paper", "reference-size-tiny-authors"] {
        let table = program.json(&format!("tables/{name}.json"));
        let labels: Vec<&str> =
            table["rows"].as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
        assert_eq!(labels, ["|D′| 100", "|D′| 300"], "{name}");
    }
    assert!(program.path("tables/runs/tiny-authors-reference-size-300/summary.json").exists());
}

#[test]
fn what_cannot_be_reproduced_is_refused_before_anything_is_written() {
    let program = Veilgrad::new();
    for (flags, parts) in [
        ("lamda --dataset tiny.toml", ["lamda", "lambda"]),
        ("lambda", ["--data: expected a data file", "neither"]),
        ("lambda --dataset tiny.toml --scale 2", ["--scale: expected more than 0", "found 2"]),
        ("lambda --dataset tiny.toml --scale 0.1", ["train.batch: ", "at most data.members = 6"]),
        ("lambda --dataset tiny.toml --seeds 0", ["--seeds", "0"]),
        ("reference-size --dataset tiny.toml --set defense.lambda=1", ["data.reference: ", "found 3"]),
        ("defense --dataset tiny.toml --values 1", ["--values: expected lambda, l2", "found defense"]),
        (
            "reference-size --dataset tiny.toml --set defense.lambda=1 --values 9.5",
            ["--values 9.5: expected a whole number from 0", "found 9.5"],
        ),
        ("defense --dataset tiny.toml", ["defense.lambda: expected a λ above 0", "--set"]),
        ("l2 --data absent.npz", ["absent.npz", "check the path"]),
        ("l2 --data a --data b --dataset tiny.toml", ["--dataset: expected one for each", "found 1"]),
        ("l2 --dataset tiny.toml --set train.epoch=3", ["train.epoch=3: no such key", "train.epochs"]),
    ] {
        let run = program.run(&format!("reproduce {flags} --out refused"));
        let code = if flags.contains("absent") { 1 } else { 2 };
        let run = run.code(code).says(&parts).prints_nothing();
        assert!(!program.path("refused").exists(), "left behind by {flags}\n{run}");
    }
}

#[test]
fn the_rows_of_a_table_are_the_values_asked_for_and_those_without_the_game_are_trained_without_it() {
    let program = Veilgrad::new();
    let line = format!("reproduce lambda {DATA} --values 3,0,3 --seeds 1 --out tables");
    program.succeeds(&line).says(&["the training of 2 models"]);
    let rows = program.json("tables/lambda-tiny.json")["rows"].clone();
    let labels: Vec<&str> =
        rows.as_array().unwrap().iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["λ 0", "λ 3"]);
    let gain = |run: &str| program.text(&format!("tables/runs/{run}/metrics.jsonl")).contains("\"gain\":-");
    assert!(gain("tiny-lambda") && !gain("tiny-lambda-undefended"));
    // The other table's model without the game is the same, and so is the one with it.
    let line = format!("reproduce defense {DATA} --set defense.lambda=3 --seeds 1 --out tables");
    program.succeeds(&line).says(&["defense: already done"]);
    assert!(!program.path("tables/runs/tiny-defense").exists());
    assert!(!program.path("tables/runs/tiny-defense-undefended").exists());
}

/// Epochs in the metrics of the run.
fn epochs(program: &Veilgrad) -> usize {
    let text = std::fs::read(program.path("killed/runs/tiny-lambda/metrics.jsonl")).unwrap_or_default();
    // λ 1, 2, 3, 10 with two seeds.
    text.iter().filter(|byte| **byte == b'\n').count() / 8
}

/// Waits until so many epochs more are done, then a while.
fn wait(program: &Veilgrad, child: &mut Child, more: usize, while_ms: u64) {
    let (began, enough) = (Instant::now(), epochs(program) + more);
    while epochs(program) < enough {
        if let Some(status) = child.try_wait().expect("waited") {
            panic!("ended before it was killed: {status}");
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no epoch");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(while_ms));
}

#[test]
fn killed_twenty_times_a_reproduction_ends_with_the_same_bytes() {
    const EPOCHS: usize = 200;
    let program = Veilgrad::new();
    let line = format!("reproduce lambda {DATA} --seeds 2 --set train.epochs={EPOCHS} --set train.batch=100");
    let mut moments = vec![];
    // Moments that look random and are the same every time: multiplicative congruence, Lehmer 1951.
    let mut random = 20_260_101u64;
    let mut draw = |below: u64| {
        random = random * 48_271 % 2_147_483_647;
        random % below
    };
    for _ in 0..20 {
        let mut child = program.command(&format!("{line} --out killed")).spawn().expect("started");
        wait(&program, &mut child, draw(3) as usize, draw(20));
        let killed = Command::new("kill").args(["-KILL", &child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        child.wait().expect("ended");
        moments.push(epochs(&program));
    }
    assert!(moments.iter().all(|epoch| *epoch < EPOCHS), "killed while it trained: {moments:?}");
    assert!(moments[19] > moments[0] + 10, "at different moments: {moments:?}");
    program.succeeds(&format!("{line} --out killed")).says(&["continuing after epoch "]);
    program.succeeds(&format!("{line} --out whole"));
    let runs = ["models/replica-0.safetensors", "predictions.npz", "split.npz", "run.toml"];
    let files = runs.map(|name| format!("runs/tiny-lambda/{name}"));
    let tables = ["md", "csv", "json"].map(|end| format!("lambda-tiny.{end}"));
    for name in files.iter().chain(&tables) {
        let (killed, whole) =
            (program.read(&format!("killed/{name}")), program.read(&format!("whole/{name}")));
        assert!(killed == whole, "{name} is another after twenty kills at epochs {moments:?}");
    }
}
