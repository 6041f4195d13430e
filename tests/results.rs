//! Every result in `results/` is one that this version reads: summaries of any schema, tables of
//! reproductions.

use serde_json::Value;
use std::path::{Path, PathBuf};
use veilgrad::audit::results::older::AnySummary;
use veilgrad::audit::results::summary::Summary;
use veilgrad::report::reproduction::Reproduction;
use veilgrad::report::run::Run;

/// The JSON files below `results/`, parsed.
fn documents() -> Vec<(PathBuf, Value)> {
    let mut found = vec![];
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("results")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a directory").map(|e| e.expect("an entry").path()));
        } else if path.extension().is_some_and(|e| e == "json") {
            let text = std::fs::read_to_string(&path).expect("a text file");
            found.push((path.clone(), serde_json::from_str(&text).expect("JSON")));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn every_summary_is_read() {
    let mut schemas = vec![];
    for (path, document) in documents() {
        if document.get("replicas").is_none_or(|replicas| !replicas.is_array())
            || document["schema"].is_null()
        {
            continue;
        }
        let read: Result<AnySummary, _> = serde_json::from_value(document.clone());
        let summary = Summary::from(read.unwrap_or_else(|e| panic!("{}: {e}", path.display())));
        let models = document["replicas"].as_array().map_or(0, Vec::len);
        assert_eq!(summary.replicas.len(), models, "{}", path.display());
        for replica in &summary.replicas {
            for (name, attack) in &replica.attacks {
                assert!((attack.advantage - (2.0 * attack.accuracy - 1.0)).abs() < 1e-12, "{name}");
            }
        }
        schemas.push(document["schema"].as_u64());
    }
    assert!(schemas.contains(&Some(1)) && schemas.contains(&Some(2)), "{schemas:?}");
}

#[test]
fn the_headline_run_makes_a_report() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/location30");
    let run = Run::read(&directory).unwrap();
    assert_eq!((run.summary.replicas.len(), run.details), (6, None));
}

#[test]
fn every_table_of_a_reproduction_is_read() {
    let mut read = 0;
    for (path, document) in documents() {
        if document.get("table").is_some() {
            let found = Reproduction::find(&path).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(found.map(|reproduction| reproduction.tables.len()), Some(1), "{}", path.display());
            read += 1;
        }
    }
    assert!(read >= 10, "{read}");
}
