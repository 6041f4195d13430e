//! The audit of files of predictions: every form of them, what is found in them, what is asked for.

use crate::program::Veilgrad;
use serde_json::Value;
use veilgrad::dataset::{npy, npz};
use veilgrad::random::{Stream, below, normal, stream};

const CLASSES: usize = 5;
const N: usize = 400;

/// A model of 400 records that is surer of its members, which are the first half.
struct Model {
    logits: Vec<f32>,
    labels: Vec<i64>,
    membership: Vec<u8>,
}

fn model() -> Model {
    let mut rng = stream(5, Stream::Synthetic);
    let (mut logits, mut labels) = (vec![], vec![]);
    for i in 0..N {
        let label = below(&mut rng, CLASSES as u32);
        for c in 0..CLASSES {
            let lift = if c as u32 != label {
                0.0
            } else if i < N / 2 {
                4.0
            } else {
                1.5
            };
            logits.push((normal(&mut rng) + lift) as f32);
        }
        labels.push(i64::from(label));
    }
    Model { logits, labels, membership: (0..N).map(|i| u8::from(i < N / 2)).collect() }
}

impl Model {
    fn probabilities(&self) -> Vec<f32> {
        let row = |z: &[f32]| {
            let total: f32 = z.iter().map(|z| z.exp()).sum();
            z.iter().map(|z| z.exp() / total).collect::<Vec<f32>>()
        };
        self.logits.chunks(CLASSES).flat_map(row).collect()
    }

    fn save(&self, program: &Veilgrad, name: &str, outputs: &str, values: &[f32]) {
        npz::save(&program.path(name), |w| {
            w.write(outputs, &[N, CLASSES], values)?;
            w.write("labels", &[N], &self.labels)?;
            w.write("membership", &[N], &self.membership)
        })
        .expect("saved");
    }
}

fn attacks(summary: &Value) -> &Value {
    &summary["replicas"][0]["attacks"]
}

#[test]
fn one_model_in_every_form_gives_the_same_numbers() {
    let (program, model) = (Veilgrad::new(), model());
    model.save(&program, "a.npz", "logits", &model.logits);
    std::fs::create_dir(program.path("set")).expect("made");
    let npy = |name: &str| std::fs::File::create(program.path(&format!("set/{name}.npy"))).expect("made");
    npy::write(&mut npy("logits"), &[N, CLASSES], &model.logits).expect("written");
    npy::write(&mut npy("labels"), &[N], &model.labels).expect("written");
    npy::write(&mut npy("membership"), &[N], &model.membership).expect("written");
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let wide: Vec<u8> = model.labels.iter().flat_map(|v| v.to_le_bytes()).collect();
    let logits = bytes(&model.logits);
    let view = |dtype, shape: &[usize], data| {
        safetensors::tensor::TensorView::new(dtype, shape.to_vec(), data).expect("a tensor")
    };
    let tensors = [
        ("logits", view(safetensors::Dtype::F32, &[N, CLASSES], &logits[..])),
        ("labels", view(safetensors::Dtype::I64, &[N], &wide)),
        ("membership", view(safetensors::Dtype::U8, &[N], &model.membership)),
    ];
    program.write("a.safetensors", safetensors::serialize(tensors, None).expect("serialized"));
    let mut csv = "label,membership,logit_0,logit_1,logit_2,logit_3,logit_4\n".to_owned();
    for (i, z) in model.logits.chunks(CLASSES).enumerate() {
        let z: Vec<String> = z.iter().map(f32::to_string).collect();
        let member = if model.membership[i] == 1 { "train" } else { "test" };
        csv.push_str(&format!("{},{member},{}\n", model.labels[i], z.join(",")));
    }
    program.write("a.csv", csv);
    let mut results = vec![];
    for file in ["a.npz", "set", "set/logits.npy", "a.safetensors", "a.csv"] {
        let run = program.succeeds(&format!("audit --predictions {file} --json"));
        let run = run.says(&[
            "400 records of 5 classes: 200 members, 200 non-members",
            "0-based, since 0 is among them",
        ]);
        results.push(run.json()["replicas"].clone());
    }
    assert!(results.iter().all(|r| r == &results[0]), "{results:#?}");
    let confidence = &results[0][0]["attacks"]["confidence"];
    assert!(confidence["ci95"]["auc"][0].as_f64() > Some(0.6), "{confidence:#}");
    assert_eq!(confidence["members"], 100);
    assert_eq!(results[0][0]["attacks"]["gap"]["tpr_at_fpr_0.01"], Value::Null);
}

#[test]
fn probabilities_labels_from_one_and_swapped_membership_are_found_out() {
    let (program, mut model) = (Veilgrad::new(), model());
    let p = model.probabilities();
    model.labels.iter_mut().for_each(|label| *label += 1);
    model.save(&program, "p.npz", "predictions", &p);
    program.succeeds("audit --predictions p.npz").says(&[
        "predictions: probabilities, since all are from 0 to 1 and rows sum to 1",
        "labels 1 to 5: 1-based, since 5 is among them",
    ]);
    // Rows that do not sum to 1: halved, and called what they are not.
    let half: Vec<f32> = p.iter().map(|p| p / 2.0).collect();
    model.save(&program, "half.npz", "probabilities", &half);
    let said = ["400 rows that do not, by 0.5000 at most", "--normalize"];
    program.run("audit --predictions half.npz").code(1).says(&said);
    program.succeeds("audit --predictions half.npz --normalize").says(&["each row is divided by its sum"]);
    model.save(&program, "either.npz", "outputs", &half);
    program
        .run("audit --predictions either.npz")
        .code(1)
        .says(&["--outputs logits or --outputs probabilities"]);
    model.save(&program, "called.npz", "logits", &p);
    program.run("audit --predictions called.npz").code(1).says(&["logits by their name", "--outputs"]);
    program.succeeds("audit --predictions called.npz --outputs probabilities");
    // Neither class 0 nor class 5.
    let z = model.logits.clone();
    model.labels.iter_mut().for_each(|label| *label = (*label).clamp(1, 4));
    model.save(&program, "base.npz", "logits", &z);
    program
        .run("audit --predictions base.npz")
        .code(1)
        .says(&["if from 0, ", "--label-base 0 or --label-base 1"]);
    program.succeeds("audit --predictions base.npz --label-base 1").says(&["1-based, as given"]);
    // 0 marks the members.
    model.membership.iter_mut().for_each(|m| *m = 1 - *m);
    model.save(&program, "swapped.npz", "logits", &z);
    let line = "audit --predictions swapped.npz --label-base 1";
    program.run(line).code(1).says(&["surer of the others'", "--member-value 0"]);
    program.succeeds(&format!("{line} --member-value 0")).says(&["membership: 0 is a member, 1 not"]);
    program.succeeds(&format!("{line} --member-value 1"));
}

#[test]
fn what_is_wrong_is_named() {
    let (program, mut model) = (Veilgrad::new(), model());
    program.write("a.pkl", b"\x80\x04\x95");
    program.run("audit --predictions a.pkl").code(1).says(&[
        "pickle",
        "python3 -c",
        "('logits', 'labels', 'membership')",
    ]);
    program.write("a.txt", "no predictions");
    program.run("audit --predictions a.txt").code(1).says(&["a column of labels"]);
    program.run("audit").code(2).says(&["--predictions"]);
    program.run("audit runs/x --predictions a.npz").code(2).says(&["cannot be used"]);
    program.run("audit runs/x --normalize").code(2).says(&["cannot be used"]);
    program.run("audit --normalize").code(2).says(&["--predictions"]);
    program.run("audit --predictions none.npz").code(1).says(&["none.npz"]);
    npz::save(&program.path("few.npz"), |w| w.write("logits", &[N, CLASSES], &model.logits)).expect("saved");
    program
        .run("audit --predictions few.npz")
        .code(1)
        .says(&["an array of labels, called labels, ", "found logits"]);
    // A member among the non-members.
    let z: Vec<f32> = model.logits[..CLASSES].to_vec();
    model.logits[(N - 1) * CLASSES..].copy_from_slice(&z);
    model.labels[N - 1] = model.labels[0];
    let z = model.logits.clone();
    model.save(&program, "twice.npz", "logits", &z);
    program
        .succeeds("audit --predictions twice.npz")
        .says(&["1 non-members have the label and to the bit the outputs"]);
    model.logits[7] = f32::NAN;
    let z = model.logits.clone();
    model.save(&program, "nan.npz", "logits", &z);
    program
        .run("audit --predictions nan.npz")
        .code(1)
        .says(&["record 1: expected finite numbers", "found NaN"]);
}

#[test]
fn the_gate_the_groups_and_the_files_are_those_of_any_audit() {
    let (program, model) = (Veilgrad::new(), model());
    let groups: Vec<i64> = (0..N as i64).map(|i| i % 2).collect();
    npz::save(&program.path("a.npz"), |w| {
        w.write("logits", &[N, CLASSES], &model.logits)?;
        w.write("labels", &[N], &model.labels)?;
        w.write("membership", &[N], &model.membership)?;
        w.write("site", &[N], &groups)
    })
    .expect("saved");
    let line = "audit --predictions a.npz --subgroup-column site --out audit";
    let run = program.succeeds(line);
    run.says(&[
        "not run: neural (--neural is not given); label only (a file answers no queries); LiRA online",
    ]);
    assert_eq!(program.names("audit"), ["details.json", "scores.npz", "summary.json"]);
    let details = program.json("audit/details.json");
    assert_eq!(details["replicas"][0]["subgroups"].as_array().map(Vec::len), Some(2));
    let scores = npz::read(&program.path("audit/scores.npz"), 1 << 30).expect("scores");
    for name in ["rows_0", "member_0", "known_0", "risk_0", "risk_low_0", "score_gap_0", "score_confidence_0"]
    {
        assert_eq!(scores[name].shape, [N], "{name}");
    }
    program.run(line).code(1).says(&["--force"]);
    program.succeeds(&format!("{line} --force"));
    let mut gate = program.command("audit --predictions a.npz --fail-if");
    let output = gate.arg("confidence.accuracy > 0.6").output().expect("started");
    let run = crate::program::Run::of("audit --fail-if", output).code(3);
    run.says(&["confidence.accuracy > 0.6: confidence.accuracy is 0."]);
}

/// Rows far above any count in the outputs, so that none of them can stand there by accident.
const ROWS: i64 = 7_340_000;

/// Four records a person; a name that a spreadsheet would run.
fn with_persons(program: &Veilgrad) {
    let model = model();
    let mut text = "row,label,membership,patient".to_owned();
    (0..CLASSES).for_each(|c| text += &format!(",logit_{c}"));
    for i in 0..N {
        text +=
            &format!("\n{},{},{},=Person{}", ROWS + i as i64, model.labels[i], model.membership[i], i / 4);
        (0..CLASSES).for_each(|c| text += &format!(",{}", model.logits[i * CLASSES + c]));
    }
    std::fs::write(program.path("a.csv"), text).expect("written");
}

#[test]
fn rows_persons_and_risks_leave_only_where_records_asks_for_them() {
    let program = Veilgrad::new();
    with_persons(&program);
    let run =
        program.succeeds("audit --predictions a.csv --person-column patient --out audit --records r.csv");
    let summary = program.json("audit/summary.json");
    let persons = &summary["replicas"][0]["persons"];
    assert_eq!((&persons["members"], &persons["nonmembers"]), (&(N / 8).into(), &(N / 8).into()));
    let attack = &persons["attacks"]["confidence"];
    let scored = attack["members"].as_u64().expect("a count");
    assert_eq!(scored, (N / 8 - N / 16) as u64, "{attack}");

    program.succeeds("report audit -o plain.html --csv tables");
    program.succeeds("report audit -o asked.html --records again.csv");
    let printed = program.succeeds("report audit --json").stdout;
    assert!(printed.contains("\"persons\""), "{printed}");
    let tables: Vec<String> = program.names("tables").iter().map(|name| format!("tables/{name}")).collect();
    let mut public =
        vec![("the terminal".to_owned(), run.stdout.clone() + &run.stderr), ("--json".to_owned(), printed)];
    for name in ["audit/summary.json", "audit/details.json", "plain.html"]
        .map(str::to_owned)
        .into_iter()
        .chain(tables)
    {
        public.push((name.clone(), program.text(&name)));
    }
    let has_row = |text: &str| {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok());
        numbers.into_iter().any(|number: i64| (ROWS..ROWS + N as i64).contains(&number))
    };
    for (name, text) in public {
        assert!(!text.contains("Person") && !has_row(&text), "{name}");
    }
    let asked = program.text("asked.html");
    assert!(asked.contains("most exposed members") && asked.contains("=Person") && has_row(&asked));

    let text = program.text("r.csv");
    // The run's name is that of the directory, not of the file.
    assert_eq!(text.replace("\na,", "\naudit,"), program.text("again.csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("{name}"));
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), N);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(&row[at("membership")], if i < N / 2 { "member" } else { "nonmember" });
        assert!(row[at("person")].starts_with("'=Person"), "{row:?}");
        let number = |name: &str| row[at(name)].parse::<f64>().unwrap_or_else(|_| panic!("{name}: {row:?}"));
        assert!(number("risk_low") <= number("risk") && number("risk") <= number("risk_high"), "{row:?}");
        assert!(number("risk_low") >= 0.0 && number("risk_high") <= 1.0 && number("row") >= ROWS as f64);
        let said: f64 = header.iter().filter(|c| c.starts_with("member_")).map(number).sum();
        assert_eq!(said, number("say_member"));
        assert_eq!(number("attacks"), 7.0);
    }
}

#[test]
fn persons_with_records_of_both_kinds_are_an_error_that_counts_them() {
    let program = Veilgrad::new();
    with_persons(&program);
    let text = program.text("a.csv").replace("=Person0\n", "=Person99\n").replace("=Person0,", "=Person99,");
    std::fs::write(program.path("mixed.csv"), text).expect("written");
    program
        .run("audit --predictions mixed.csv --person-column patient")
        .code(1)
        .says(&["found 1 of", "persons with records of both kinds"]);
    program.run("audit --predictions a.csv --person-column nobody").code(2).says(&["--person-column"]);
    program.run("audit --predictions a.csv --subgroups a.csv").code(2).says(&["--subgroup-column or"]);
}

/// Eight shadow models, as an attacker would train them: surer of the records that they were trained on.
#[test]
fn shadow_models_in_either_layout_give_lira_and_rmia() {
    let (program, model) = (Veilgrad::new(), model());
    let mut rng = stream(6, Stream::Synthetic);
    let (mut keep, mut shadows) = (vec![], vec![]);
    // The last is the target itself; the last forty records are in no model.
    for m in 0..9_usize {
        for i in 0..N {
            let kept = if m == 8 { i < N / 2 } else { i < N - 40 && (i + i / 7 + m * (1 + i % 3)) % 2 == 0 };
            keep.push(u8::from(kept));
            for c in 0..CLASSES {
                let right = c as i64 == model.labels[i];
                let z = model.logits[i * CLASSES + c];
                let noise = normal(&mut rng) as f32;
                let lift = if right { 1.5 + if kept { 2.5 } else { 0.0 } } else { 0.0 };
                shadows.push(if m == 8 { z } else { noise + lift });
            }
        }
    }
    let one = 8 * N * CLASSES;
    npz::save(&program.path("own.npz"), |w| {
        w.write("logits", &[N, CLASSES], &model.logits)?;
        w.write("labels", &[N], &model.labels)?;
        w.write("membership", &[N], &model.membership)?;
        w.write("shadow_logits", &[8, N, 1, CLASSES], &shadows[..one])?;
        w.write("shadow_keep", &[8, N], &keep[..8 * N])
    })
    .expect("saved");
    npz::save(&program.path("stacked.npz"), |w| {
        w.write("logits", &[9, N, 1, CLASSES], &shadows)?;
        w.write("keep", &[9, N], &keep)?;
        w.write("labels", &[N], &model.labels)
    })
    .expect("saved");
    // A directory a model, and φ in the place of logits.
    model.save(&program, "alone.npz", "logits", &model.logits);
    for m in 0..8 {
        let place = program.path(&format!("exp/experiment-{m}_8"));
        std::fs::create_dir_all(place.join("scores")).expect("made");
        let phi: Vec<f64> = (0..N)
            .map(|i| {
                let row = &shadows[(m * N + i) * CLASSES..][..CLASSES];
                let y = model.labels[i] as usize;
                let others =
                    row.iter().enumerate().filter(|(c, _)| *c != y).map(|(_, z)| f64::from(*z).exp());
                f64::from(row[y]) - others.sum::<f64>().ln()
            })
            .collect();
        let file = |name: &str| std::fs::File::create(place.join(name)).expect("made");
        npy::write(&mut file("keep.npy"), &[N], &keep[m * N..][..N]).expect("written");
        npy::write(&mut file("scores/0000000100.npy"), &[N, 1], &phi).expect("written");
    }
    let mut found = vec![];
    for arguments in ["own.npz", "stacked.npz", "alone.npz --shadow-predictions exp"] {
        let run = program.succeeds(&format!("audit --predictions {arguments} --json"));
        let summary = run.json();
        assert!(summary["notes"].to_string().contains("8 shadow models"), "{run}");
        for name in ["lira_online", "lira_offline", "rmia_online", "rmia_offline"] {
            let auc = attacks(&summary)[name]["auc"].as_f64();
            assert!(auc > Some(0.6), "{arguments}, {name}: {auc:?}\n{run}");
        }
        found.push(attacks(&summary).clone());
    }
    for name in ["lira_online", "rmia_online"] {
        let area = |i: usize| found[i][name]["auc"].as_f64().expect("an area");
        assert!((area(0) - area(1)).abs() < 1e-12 && (area(0) - area(2)).abs() < 1e-3, "{name}: {found:#?}");
    }
    program
        .run("audit --predictions alone.npz --shadow-predictions alone.npz")
        .code(1)
        .says(&["shadow_keep", "found labels, logits, membership"]);
}

#[test]
fn what_predict_releases_can_be_audited() {
    let program = Veilgrad::new();
    program.trains("run", "--lambda 1");
    for (file, flags) in [("a.npz", ""), ("b.csv", "--top-k 2 --round 2 --temperature 2")] {
        program.succeeds(&format!("predict run -o {file} {flags}"));
        let run = program.succeeds(&format!("audit --predictions {file} --json --member-value 1"));
        let summary = run.json();
        // D′ has a code of its own.
        assert!(!summary["replicas"][0]["attacks_on_reference"]["gap"].is_null(), "{run}");
        assert_eq!(
            summary["replicas"][0]["train_accuracy"],
            program.json("run/summary.json")["replicas"][0]["train_accuracy"]
        );
    }
}

/// One output for all records, and one label: nothing to learn from, so the network says the same of every
/// record, though its control learns well.
#[test]
fn an_attack_network_that_collapsed_on_a_file_did_not_train() {
    let (program, mut model) = (Veilgrad::new(), model());
    model.labels.fill(0);
    let same = [1.0, 0.5, 0.0, -0.5, -1.0].repeat(N);
    model.save(&program, "same.npz", "logits", &same);
    let summary = program.succeeds("audit --predictions same.npz --neural --json").json();
    let replica = &summary["replicas"][0];
    assert!(replica["control_accuracy"].as_f64() > Some(0.9), "{replica:#}");
    assert_eq!(replica["attack_trained"], false, "{replica:#}");
    assert!(replica["notes"].to_string().contains("it says the same of every record"), "{replica:#}");
    let note = replica["attacks"]["neural"]["note"].as_str().unwrap_or_default();
    assert!(note.contains("attack did not train"), "{replica:#}");
}
