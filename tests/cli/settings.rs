//! `veilgrad settings`: every setting can be looked up, and what is listed is what there is.

use crate::program::Veilgrad;

#[test]
fn every_setting_of_a_run_is_listed_and_its_default_accepted() {
    let program = Veilgrad::new();
    let list = program.succeeds("settings --json").says_nothing().json();
    let list = list.as_array().expect("a list");
    let text = program.succeeds("settings").says_nothing().stdout;
    for setting in list {
        let key = setting["key"].as_str().expect("a key");
        for part in ["meaning", "range"] {
            assert!(setting[part].as_str().is_some_and(|words| !words.is_empty()), "{part}: {setting:#}");
        }
        assert!(text.contains(&format!("{key} = ")), "{key} is not in the text");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80 || !line.trim().contains(' ')), "{text}");
    let lists: Vec<&str> =
        list.iter().filter(|s| s["list"] == true).filter_map(|s| s["key"].as_str()).collect();
    assert!(lists.len() >= 13 && lists.contains(&"defense.lambda"), "{lists:?}");
}

#[test]
fn a_word_finds_settings_and_one_of_none_is_answered_with_the_nearest() {
    let program = Veilgrad::new();
    let found = program.succeeds("settings SHADOW").stdout;
    assert!(found.contains("audit.shadows = 0") && !found.contains("train.epochs"), "{found}");
    let parts = ["veilgrad settings lamda: ", "did you mean `defense.lambda`?"];
    program.run("settings lamda").code(2).says(&parts).prints_nothing();
    program.succeeds("settings --markdown").prints(&[
        "# Settings",
        "## defense.private",
        "| `train.epochs` |",
    ]);
}
