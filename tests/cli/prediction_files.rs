//! The audit of files of predictions as other programs write them: one model in every kind gives the same
//! numbers, and what is not read has a remedy.

use crate::program::Veilgrad;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::io::Write;
use veilgrad::dataset::npz;
use veilgrad::random::{Stream, below, normal, stream};

const N: usize = 120;

/// Two classes: p of class 1, and its log-odds; the first half are members, of which the model is surer.
struct Model {
    odds: Vec<f64>,
    labels: Vec<i64>,
}

fn model() -> Model {
    let mut rng = stream(7, Stream::Synthetic);
    let labels: Vec<i64> = (0..N).map(|_| i64::from(below(&mut rng, 2))).collect();
    let odds = (0..N)
        .map(|i| (2 * labels[i] - 1) as f64 * if i < N / 2 { 4.0 } else { 1.0 } + normal(&mut rng))
        .collect();
    Model { odds, labels }
}

impl Model {
    fn p(&self, i: usize) -> f64 {
        1.0 / (1.0 + (-self.odds[i]).exp())
    }

    /// A table with a header and a line that `line` makes of each record.
    fn table(&self, header: &str, line: impl Fn(usize, i64, bool, f64) -> String) -> String {
        let lines = (0..N).map(|i| line(i, self.labels[i], i < N / 2, self.p(i)));
        std::iter::once(header.to_owned()).chain(lines).map(|line| line + "\n").collect()
    }
}

fn area(summary: &Value, attack: &str) -> f64 {
    summary["replicas"][0]["attacks"][attack]["auc"].as_f64().expect("an area")
}

fn numbers(program: &Veilgrad, arguments: &str) -> [f64; 2] {
    let summary = program.succeeds(&format!("audit {arguments} --json")).json();
    ["confidence", "entropy"].map(|attack| area(&summary, attack))
}

#[test]
fn one_model_in_the_tables_of_many_programs_gives_the_same_numbers() {
    let (program, model) = (Veilgrad::new(), model());
    let plain =
        model.table("label,member,p_0,p_1", |_, y, m, p| format!("{y},{},{},{p}", i32::from(m), 1.0 - p));
    let mut gzip = GzEncoder::new(vec![], Compression::fast());
    gzip.write_all(plain.as_bytes()).expect("compressed");
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let kinds: Vec<(&str, Vec<u8>)> = vec![
        ("plain.csv", plain.clone().into()),
        ("gzip.csv.gz", gzip.finish().expect("compressed")),
        ("utf16.csv", utf16),
        ("mark.csv", format!("\u{feff}{plain}").into()),
        ("tabs.tsv", plain.replace(',', "\t").into()),
        ("spaces.csv", plain.replace(',', " , ").into()),
        ("quoted.csv", plain.replace("label,member", "\"label\",\"member\"").into()),
        (
            "comma.csv",
            model
                .table("label;member;p_0;p_1", |_, y, m, p| format!("{y};{};{};{p}", i32::from(m), 1.0 - p))
                .replace('.', ",")
                .into(),
        ),
        (
            "words.csv",
            model
                .table("target,split,prob_no,prob_yes", |_, y, m, p| {
                    let (split, name) = (if m { "train" } else { "test" }, ["no", "yes"][y as usize]);
                    format!("{name},{split},{},{p}", 1.0 - p)
                })
                .into(),
        ),
        (
            "truth.csv",
            model
                .table("y_true,is_member,y_prob,age,x_1,x_2", |i, y, m, p| {
                    format!("{y}.0,{},{p},{i},1,2", if m { "True" } else { "False" })
                })
                .into(),
        ),
        (
            "onehot.csv",
            model
                .table("label_0,label_1,member,proba(0),proba(1)", |_, y, m, p| {
                    format!("{},{y},{},{},{p}", 1 - y, if m { "yes" } else { "no" }, 1.0 - p)
                })
                .into(),
        ),
    ];
    let expected = numbers_of(&program, &kinds[0]);
    for kind in &kinds[1..] {
        assert_eq!(numbers_of(&program, kind), expected, "{}", kind.0);
    }
    let both = model.table("label,member,p0,p1,logit_0,logit_1", |i, y, m, p| {
        format!("{y},{},{},{p},0,{}", i32::from(m), 1.0 - p, model.odds[i])
    });
    program.write("both.csv", both);
    program.succeeds("audit --predictions both.csv").says(&["not used: p0, p1", "logits, as the name says"]);
    let chosen = numbers(&program, "--predictions both.csv --outputs probabilities");
    assert_eq!(chosen, expected);
}

fn numbers_of(program: &Veilgrad, (name, bytes): &(&str, Vec<u8>)) -> [f64; 2] {
    program.write(name, bytes);
    numbers(program, &format!("--predictions {name}"))
}

#[test]
fn one_column_is_a_model_of_two_classes() {
    let (program, model) = (Veilgrad::new(), model());
    let p: Vec<f64> = (0..N).map(|i| model.p(i)).collect();
    let two: Vec<f64> = p.iter().flat_map(|p| [1.0 - p, *p]).collect();
    let membership: Vec<u8> = (0..N).map(|i| u8::from(i < N / 2)).collect();
    let files: [(&str, &str, &[usize], &[f64]); 4] = [
        ("two.npz", "probabilities", &[N, 2], &two),
        ("flat.npz", "probabilities", &[N], &p),
        ("column.npz", "probs", &[N, 1], &p),
        ("odds.npz", "decision_function", &[N], &model.odds),
    ];
    let mut found = vec![];
    for (name, outputs, shape, values) in files {
        npz::save(&program.path(name), |w| {
            w.write(outputs, shape, values)?;
            w.write("labels", &[N], &model.labels)?;
            w.write("membership", &[N], &membership)
        })
        .expect("saved");
        found.push(numbers(&program, &format!("--predictions {name}")));
    }
    for other in &found[1..] {
        assert!((0..2).all(|i| (other[i] - found[0][i]).abs() < 1e-12), "{found:?}");
    }
    // Predicted classes are no outputs.
    npz::save(&program.path("classes.npz"), |w| {
        w.write("predictions", &[N], &model.labels)?;
        w.write("labels", &[N], &model.labels)?;
        w.write("membership", &[N], &membership)
    })
    .expect("saved");
    program.run("audit --predictions classes.npz").code(1).says(&["predicted classes", "numpy.eye"]);
    // Classes that have changed places are no members that have.
    let turned: Vec<i64> = model.labels.iter().map(|y| 1 - y).collect();
    npz::save(&program.path("turned.npz"), |w| {
        w.write("probabilities", &[N], &p)?;
        w.write("labels", &[N], &turned)?;
        w.write("membership", &[N], &membership)
    })
    .expect("saved");
    program.succeeds("audit --predictions turned.npz").says(&["less than by guessing"]);
}

#[test]
fn members_and_others_come_apart() {
    let (program, model) = (Veilgrad::new(), model());
    let half = |from: usize| {
        let of = |i: usize| format!("{},{},{}\n", model.labels[i], 1.0 - model.p(i), model.p(i));
        "label,p_0,p_1\n".to_owned() + &(from..from + N / 2).map(of).collect::<String>()
    };
    program.write("own.csv", half(0));
    program.write("others.csv", half(N / 2));
    program.write(
        "all.csv",
        model.table("label,member,p_0,p_1", |_, y, m, p| format!("{y},{},{},{p}", i32::from(m), 1.0 - p)),
    );
    let expected = numbers(&program, "--predictions all.csv");
    assert_eq!(numbers(&program, "--members own.csv --nonmembers others.csv"), expected);
    let two: Vec<f64> = (0..N).flat_map(|i| [1.0 - model.p(i), model.p(i)]).collect();
    npz::save(&program.path("sides.npz"), |w| {
        w.write("probs_train", &[N / 2, 2], &two[..N])?;
        w.write("probs_test", &[N / 2, 2], &two[N..])?;
        w.write("y_train", &[N / 2], &model.labels[..N / 2])?;
        w.write("y_test", &[N / 2], &model.labels[N / 2..])
    })
    .expect("saved");
    assert_eq!(numbers(&program, "--predictions sides.npz"), expected);
    program.run("audit --members own.csv").code(2).says(&["--nonmembers"]);
    program.run("audit --predictions own.csv").code(1).says(&["--members FILE --nonmembers FILE"]);
    program.write("bare.csv", "0.25,0.75\n0.5,0.5\n");
    program.run("audit --predictions bare.csv").code(1).says(&["paste -d,", "members.csv"]);
}

#[test]
fn text_identifiers_stay_text_and_names_are_asked_for_by_role() {
    let (program, model) = (Veilgrad::new(), model());
    let table = model.table("patient_id,outcome,cohort,risk_0,risk_1", |i, y, m, p| {
        format!("P-{i:03},{y},{},{},{p}", if m { "a" } else { "b" }, 1.0 - p)
    });
    program.write("ids.csv", table);
    program.run("audit --predictions ids.csv").code(1).says(&["a column of labels", "--column labels=NAME"]);
    let line = "audit --predictions ids.csv --column labels=outcome --column membership=cohort";
    program.run(line).code(1).says(&["--member-value a or --member-value b"]);
    program.succeeds(&format!("{line} --member-value a --records r.csv"));
    assert!(program.text("r.csv").contains("P-007"), "{}", program.text("r.csv"));
    program.run("audit --predictions ids.csv --column label=x").code(2).says(&["ROLE=NAME"]);
    program.run("audit --predictions ids.csv --column labels=x").code(2).says(&["labels=x", "outcome"]);
}

/// Eight shadow models' numbers, which a program kept as φ, losses, p_y.
#[test]
fn a_name_twice_is_refused_and_lines_are_counted_whatever_they_end_in() {
    let (program, model) = (Veilgrad::new(), model());
    let plain = model.table("label,member,p", |_, y, m, p| format!("{y},{},{p}", i32::from(m)));
    program.write(
        "twice.csv",
        model.table("label,member,p,member", |i, y, m, p| format!("{y},{},{p},{}", i32::from(m), i % 2)),
    );
    program
        .run("audit --predictions twice.csv")
        .code(1)
        .says(&["twice.csv: expected names that differ, found \"member\" as the name of columns 1 and 3"]);
    let broken = plain.replacen("0.", "x.", 9);
    let line = 1 + broken.lines().position(|line| line.contains('x')).expect("a broken line");
    for (name, end) in [("unix.csv", "\n"), ("windows.csv", "\r\n")] {
        program.write(name, broken.replace('\n', end));
        program
            .run(&format!("audit --predictions {name}"))
            .code(1)
            .says(&[&format!("{name}:{line}, column p")]);
    }
}

#[test]
fn shadow_models_numbers_are_what_they_are_said_to_be_or_named() {
    let (program, model) = (Veilgrad::new(), model());
    let mut rng = stream(9, Stream::Synthetic);
    let (mut phi, mut keep) = (vec![], vec![]);
    for m in 0..8 {
        for i in 0..N {
            let kept = (i / (1 << (m / 2 % 4)) + m) % 2 == 0;
            let ease = (2 * model.labels[i] - 1) as f64 * model.odds[i] - if i < N / 2 { 3.0 } else { 0.0 };
            phi.push(ease + 3.0 * f64::from(u8::from(kept)) + 0.3 * normal(&mut rng));
            keep.push(u8::from(kept));
        }
    }
    let z: Vec<f64> = model.odds.iter().flat_map(|z| [0.0, *z]).collect();
    let membership: Vec<u8> = (0..N).map(|i| u8::from(i < N / 2)).collect();
    let save = |file: &str, name: &str, values: &[f64], keep: &[u8]| {
        let shape: &[usize] = if values.len() == 16 * N { &[8, N, 2] } else { &[8, N] };
        npz::save(&program.path(file), |w| {
            w.write("logits", &[N, 2], &z)?;
            w.write("labels", &[N], &model.labels)?;
            w.write("membership", &[N], &membership)?;
            w.write(name, shape, values)?;
            w.write("shadow_keep", &[8, N], keep)
        })
        .expect("saved");
    };
    let p: Vec<f64> = phi.iter().map(|phi| 1.0 / (1.0 + (-phi).exp())).collect();
    let loss: Vec<f64> = p.iter().map(|p| -p.ln()).collect();
    let outputs: Vec<f64> = (0..8 * N)
        .flat_map(|at| if model.labels[at % N] == 1 { [1.0 - p[at], p[at]] } else { [p[at], 1.0 - p[at]] })
        .collect();
    let mut bad = phi.clone();
    bad[3 * N + 5] = f64::NAN;
    let inverted: Vec<u8> = keep.iter().map(|k| 1 - k).collect();
    save("phi.npz", "shadow_scores", &phi, &keep);
    save("loss.npz", "shadow_scores", &loss, &keep);
    save("p.npz", "shadow_scores", &p, &keep);
    save("as_logits.npz", "shadow_logits", &outputs, &keep);
    save("outputs.npz", "shadow_probabilities", &outputs, &keep);
    save("bad.npz", "shadow_scores", &bad, &keep);
    save("inverted.npz", "shadow_scores", &phi, &inverted);
    save("misnamed.npz", "shadow_score", &phi, &keep);
    let lira = |arguments: &str| {
        let summary = program.succeeds(&format!("audit --predictions {arguments} --json")).json();
        area(&summary, "lira_online")
    };
    let expected = lira("phi.npz");
    for arguments in [
        "loss.npz --shadow-values loss",
        "p.npz --shadow-values p",
        "as_logits.npz --shadow-values probabilities",
        "outputs.npz",
    ] {
        assert!((lira(arguments) - expected).abs() < 1e-6, "{arguments}");
    }
    let refused = |file: &str, parts: &[&str]| {
        program.run(&format!("audit --predictions {file}")).code(1).says(parts);
    };
    refused("loss.npz", &["--shadow-values loss"]);
    refused("p.npz", &["the label's probability", "--shadow-values p"]);
    refused("as_logits.npz", &["--shadow-values probabilities"]);
    refused("bad.npz", &["bad.npz[shadow_scores], shadow model 3, record 5", "NaN"]);
    refused("inverted.npz", &["shadow_keep is to be 1"]);
    program.succeeds("audit --predictions misnamed.npz").says(&["shadow_score (is shadow_scores meant?)"]);
}

#[test]
fn a_bomb_is_refused_with_sizes() {
    let program = Veilgrad::new();
    // 4,000,000 zeros in some kilobytes.
    let mut gzip = GzEncoder::new(vec![], Compression::best());
    gzip.write_all(b"label,member,p_0,p_1\n").expect("written");
    (0..1000).for_each(|_| gzip.write_all(&[b'0'; 4000]).expect("written"));
    program.write("bomb.csv.gz", gzip.finish().expect("written"));
    program
        .run("audit --predictions bomb.csv.gz --max-bytes 1000000")
        .code(1)
        .says(&["at most 1000000 bytes", "--max-bytes"]);
    program.write("head.parquet", b"PAR1\x15\x04\x15");
    let what = if cfg!(feature = "parquet") { "truncated or corrupt" } else { "feature `parquet`" };
    program.run("audit --predictions head.parquet").code(1).says(&["head.parquet", what]);
}

#[cfg(feature = "parquet")]
#[test]
fn predictions_in_parquet_are_those_in_csv() {
    let program = Veilgrad::new();
    let audited = |name: &str| {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files").join(name);
        program.write(name, std::fs::read(file).expect("read"));
        program.succeeds(&format!("audit --predictions {name} --out {name}.out --quiet"));
        program.read(&format!("{name}.out/scores.npz"))
    };
    assert!(audited("predictions.parquet") == audited("predictions.csv"));
}
