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
        // The plane, the classes, and of each model ROC and histograms; of trained ones accuracies, of one the gain.
        assert_eq!(seen.plots, 2 + 4 * 3 + 3 + 1, "{seen:?}");
        assert!(seen.narrowest > 0.75 * f64::from(width.min(400)), "{seen:?}");
        assert_eq!(seen.uncoloured, 0, "strokes that the style sheet does not know: {seen:?}");
        assert!(seen.height > 2000 && seen.text.contains("How to read it"), "{seen:?}");
        grounds.push(seen.background);
    }
    assert_ne!(grounds[0], grounds[1], "light and dark are alike");
    assert_eq!(grounds[0], grounds[2]);
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
    let uncoloured =
        look(&format!("{plain}<svg class=plot><path stroke='#010009' d='M0 0h9'/></svg>"), 360, false);
    assert_eq!((uncoloured.plots, uncoloured.uncoloured), (1, 1), "{uncoloured:?}");
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
    let names =
        ["attacks.csv", "epochs.csv", "groups.csv", "histograms.csv", "models.csv", "roc.csv", "worst.csv"];
    assert_eq!(program.names("tables"), names);
    assert_eq!(program.text("tables/models.csv").lines().count(), 1 + 3);
    program
        .run("report nowhere")
        .code(1)
        .says(&["nowhere: expected an audit's summary.json, found nothing at all"]);
    program.run("report .").code(1).says(&["audit --predictions"]);
}
