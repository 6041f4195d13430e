//! The published Location30 and two stand-ins of its kind, where they are beside the project.

use crate::files::{load, tgz, write};
use std::io::Read;
use std::path::{Path, PathBuf};
use veilgrad::dataset::{Dataset, Features};

/// The file, if it is there; says so if not.
fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not tested: {} is absent", path.display());
    None
}

/// (records, features, classes, records of the smallest and largest class).
fn shape(data: &Dataset) -> (usize, usize, usize, usize, usize) {
    let mut counts = vec![0; data.classes];
    data.labels.iter().for_each(|l| counts[*l as usize] += 1);
    let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
    (data.records(), data.width(), data.classes, least.unwrap_or(0), most.unwrap_or(0))
}

#[test]
fn location30_as_published_and_without_quotes() {
    let Some(path) = beside("dataset_location.tgz") else { return };
    let data = load(&path).expect("loaded");
    assert_eq!(shape(&data), (5010, 446, 30, 97, 308));
    assert!(data.kind.contains("labels 1 to 30 (1-based)"), "{}", data.kind);
    assert_eq!((data.labels[0], data.class_names[12].as_str()), (12, "13"));
    assert_eq!(data.row(0)[..4], [0.0, 1.0, 0.0, 1.0]);

    let bytes = std::fs::read(&path).expect("read");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&bytes[..]));
    let mut member = archive.entries().expect("an archive").next().expect("a member").expect("whole");
    let mut text = String::new();
    member.read_to_string(&mut text).expect("text");
    assert!(text.starts_with('"'));
    let plain = tgz(&[("bangkok", text.replace('"', "").as_bytes())]);
    let plain = write(&[("dataset_location.tgz", &plain)], |dir| load(&dir.join("dataset_location.tgz")));
    assert_eq!(plain.expect("unquoted"), data);
}

#[test]
fn retail100_and_hospital100() {
    for (name, expected) in
        [("retail100", (50_731, 600, 100, 1, 4495)), ("hospital100", (60_097, 1117, 100, 124, 5233))]
    {
        let Some(path) = beside(&format!("{name}.npz")) else { continue };
        let data = load(&path).expect("loaded");
        assert_eq!((data.name.as_str(), shape(&data)), (name, expected));
        assert!(matches!(data.features, Features::Bits { .. }), "{}", data.kind);
    }
}
