//! What was typed is not acceptable: exit code 2, the key or flag and the remedy, nothing begun.

use crate::program::Veilgrad;

#[test]
fn more_members_and_reference_records_than_there_are() {
    let program = Veilgrad::new();
    program.refuses(
        2,
        "--members 150 --reference 60",
        &["at most 200 records", "150 members + 60 reference records", "ask for fewer"],
    );
    // All of them in D and D′ leaves none to test on.
    program.refuses(2, "--members 100 --reference 100", &["at least 1 for testing"]);
}

#[test]
fn a_batch_larger_than_the_members() {
    let program = Veilgrad::new();
    program.refuses(2, "--batch 61", &["train.batch: expected at most", "60", "found 61", "smaller"]);
    program.refuses(
        2,
        "--reference 19 --lambda 1",
        &["data.reference: expected at least", "20", "found 19", "D′ larger"],
    );
}

#[test]
fn a_batch_larger_than_the_members_of_a_given_split() {
    let program = Veilgrad::new();
    program.trains("given", "--members 30");
    program.refuses(
        2,
        "--split given/split.npz --batch 31",
        &["train.batch: expected at most 30", "found 31", "--batch"],
    );
}

#[test]
fn an_unknown_preset_is_answered_with_the_nearest() {
    let program = Veilgrad::new();
    let parts = ["preset locaton30: expected", "did you mean `location30`?"];
    program.run("train --preset locaton30").code(2).says(&parts).prints_nothing();
    program.run("presets locaton30").code(2).says(&parts).prints_nothing();
    program.run("train --preset missing.toml").code(1).says(&["missing.toml: No such file"]);
    assert_eq!(program.names("."), ["tiny.toml"]);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    let program = Veilgrad::new();
    program.refuses(2, "--set train.epoch=3", &["--set train.epoch=3: no such key", "`train.epochs`?"]);
    program.write("mine.toml", "[train]\nepochs = 3\n\n[defense]\nlamda = 1\n");
    let parts = ["mine.toml:5: defense.lamda: no such key", "`defense.lambda`?"];
    program.run("train --preset mine.toml --out refused").code(2).says(&parts).prints_nothing();
    assert!(!program.path("refused").exists());
}

#[test]
fn a_lambda_below_0_or_not_finite() {
    let program = Veilgrad::new();
    for (typed, found) in [("-1", "-1"), ("0,-0.5", "-0.5"), ("NaN", "NaN"), ("inf", "inf")] {
        let parts = ["defense.lambda: expected a finite number, 0 or more", &format!("found {found}")];
        program.refuses(2, &format!("--lambda {typed}"), &parts);
    }
}

#[test]
fn a_list_for_a_structural_key_names_it() {
    let program = Veilgrad::new();
    for (typed, place) in [
        ("--epochs 1,2", "--epochs 1,2: "),
        ("--batch 10,20", "--batch 10,20: "),
        ("--attack-steps 1,5", "--attack-steps 1,5: "),
        ("--set model.hidden=[[8],[16]]", "--set model.hidden=[[8],[16]]: "),
        ("--set audit.epochs=[1,2]", "--set audit.epochs=[1,2]: "),
    ] {
        program.refuses(2, typed, &[place, "structural key", "lists are for", "defense.lambda, train.seed"]);
    }
}

#[test]
fn other_values_out_of_their_range() {
    let program = Veilgrad::new();
    for (typed, key) in [
        ("--epochs 0", "train.epochs: expected at least 1"),
        ("--members 0", "data.members: expected at least 1"),
        ("--learning-rate 0", "model.learning_rate: expected a finite number above 0"),
        ("--dropout 1", "model.dropout: expected at least 0 and less than 1"),
        ("--weight-decay -1", "model.weight_decay: expected a finite number, 0 or more"),
        ("--set data.synthetic.noise=0.6", "synthetic.noise: expected a probability from 0 to 0.5"),
        ("--epochs many", "--epochs many: "),
        ("--set epochs", "--set epochs: expected KEY=VALUE"),
    ] {
        program.refuses(2, typed, &[key]);
    }
}

#[test]
fn a_preset_without_its_data() {
    let program = Veilgrad::new();
    let parts = ["data.path: expected", "Location30", "found no data", "--data PATH"];
    program.run("train --preset location30").code(2).says(&parts).prints_nothing();
    assert_eq!(program.names("."), ["tiny.toml"]);
}
