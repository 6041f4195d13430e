//! The report as a reader sees it: in a real browser, without a network, on a desktop and on a phone.

use crate::browser::{look, seen_in};
use crate::program::Veilgrad;

/// Two runs and the audit of a file, so that every section of a page is there.
fn audited() -> Veilgrad {
    let program = Veilgrad::new();
    program.trains("plain", "--lambda 0 --seed 0,1");
    program.trains("defended", "--lambda 1");
    program.succeeds("predict plain -o said.npz");
    program.succeeds("audit --predictions said.npz --out said");
    program
}

#[test]
fn a_page_renders_in_light_and_dark_on_desktop_and_phone() {
    let program = audited();
    program
        .succeeds("report plain defended said -o report.html")
        .prints(&["report.html: 4 models of 3 runs"]);
    let page = program.text("report.html");
    let mut grounds = vec![];
    for (width, dark) in [(1100, false), (1100, true), (360, false), (360, true)] {
        let seen = look(&page, width, dark);
        assert_eq!(seen.console, [""; 0], "{width} px");
        assert_eq!((seen.client, seen.scroll), (width, width), "the page is wider than {width} px: {seen:?}");
        // The plane, the classes, and of each model ROC and histograms; of trained ones accuracies, of one
        // the gain.
        assert_eq!(seen.plots, 2 + 4 * 3 + 3 + 1, "{seen:?}");
        assert!(seen.narrowest > 0.75 * f64::from(width.min(400)), "{seen:?}");
        assert_eq!(seen.uncolored, 0, "strokes that the style sheet does not know: {seen:?}");
        assert!(seen.height > 2000 && seen.text.contains("How to read it"), "{seen:?}");
        grounds.push(seen.background);
    }
    assert_ne!(grounds[0], grounds[1], "light and dark are alike");
    assert_eq!(grounds[0], grounds[2]);
}

#[test]
fn the_paper_s_tables_are_on_a_page_like_any_other() {
    let program = Veilgrad::new();
    let line = "reproduce lambda --dataset tiny.toml --seeds 2 --out tables";
    program.succeeds(line).prints(&["; the tables on one page: tables/report.html"]);
    // As the preset of a data set that numbers are published of has them.
    let mut table = program.json("tables/lambda-tiny.json");
    table["published_dataset"] = "Purchase100".into();
    table["rows"][1]["test"]["published"] = 0.783.into();
    table["rows"][4]["label"] = "a row with quite a long name (λ 10)".into();
    program.write("tables/lambda-other.json", serde_json::to_vec(&table).expect("JSON"));
    program.succeeds("report tables -o page.html").prints(&["page.html: 2 tables"]);
    program.succeeds(line);
    assert!(program.text("page.html") == program.text("tables/report.html"), "report and reproduce differ");
    program
        .succeeds("report tables/lambda-tiny.json tables/runs/tiny-lambda -o both.html")
        .prints(&["both.html: 8 models of 1 run, 1 table"]);
    // Of each table two, and of all of them the frontier; of the run the plane and the classes, and of each model ROC, histograms, accuracies,
    // gain.
    for (name, plots) in [("page.html", 2 * 2 + 1), ("both.html", 2 + 1 + 2 + 8 * 5)] {
        for (width, dark) in [(1100, false), (360, true)] {
            let seen = look(&program.text(name), width, dark);
            assert_eq!(seen.console, [""; 0], "{name}");
            assert_eq!(
                (seen.client, seen.scroll),
                (width, width),
                "{name} is wider than {width} px: {seen:?}"
            );
            assert_eq!((seen.plots, seen.uncolored), (plots, 0), "{name}: {seen:?}");
            assert!(seen.narrowest > 0.75 * f64::from(width.min(400)), "{seen:?}");
            assert!(seen.text.contains("Tables: each row is a setting"), "{seen:?}");
        }
    }
    let document = program.succeeds("report tables --json").json();
    assert_eq!(document["reproductions"][0]["tables"][1], program.json("tables/lambda-tiny.json"));
    assert_eq!(document["reproductions"][0]["runs"][0], "tiny-lambda");
    program.succeeds("report tables --csv csv");
    assert_eq!(program.names("csv"), ["reproduced.csv"]);
    assert_eq!(program.text("csv/reproduced.csv").lines().count(), 1 + 2 * 5);
    // A damaged table hides neither the others nor itself.
    program.write("tables/lambda-other.json", "{\"table\":");
    program.run("report tables").code(1).says(&["lambda-other.json: expected a table", "found EOF", "again"]);
    program.run(line).code(1).prints(&["λ 10"]).says(&["lambda-other.json: expected a table"]);
}

#[test]
fn what_would_spoil_a_page_is_seen() {
    let plain = "<!DOCTYPE html><title>t</title><p>text";
    let seen = look(plain, 360, false);
    assert_eq!((seen.scroll, seen.plots, seen.console.len()), (360, 0, 0), "{seen:?}");
    let wide = look(&format!("{plain}<div style='width:600px'>wide</div>"), 360, false);
    assert!(wide.scroll >= 600, "{wide:?}");
    let broken = look(&format!("{plain}<script>missing()</script>"), 360, false);
    assert!(broken.console.iter().any(|line| line.contains("missing")), "{broken:?}");
    let uncolored =
        look(&format!("{plain}<svg class=plot><path stroke='#010009' d='M0 0h9'/></svg>"), 360, false);
    assert_eq!((uncolored.plots, uncolored.uncolored), (1, 1), "{uncolored:?}");
    assert!(seen_in("nothing").is_none());
}

#[test]
fn everything_is_there_for_machines_too() {
    let program = audited();
    let document = program.succeeds("report plain said --json").json();
    assert_eq!(document["schema"], 1);
    assert_eq!(document["runs"][0]["summary"], program.json("plain/summary.json"));
    assert_eq!(document["runs"][0]["details"], program.json("plain/details.json"));
    assert_eq!(document["runs"][0]["metrics"].as_array().map(Vec::len), Some(4));
    assert_eq!(document["runs"][1]["config"], serde_json::Value::Null);
    assert!(!program.path("report.html").exists());
    program.succeeds("report plain said --csv tables");
    let names = ["attacks.csv", "epochs.csv", "groups.csv", "histograms.csv", "models.csv", "roc.csv"];
    assert_eq!(program.names("tables"), names);
    assert_eq!(program.text("tables/models.csv").lines().count(), 1 + 3);
    program
        .run("report nowhere")
        .code(1)
        .says(&["nowhere: expected an audit's summary.json, found nothing at all"]);
    program.run("report .").code(1).says(&["audit --predictions"]);
}
