//! What the names of data files say: which labels belong to which features, which data set was published,
//! what it is called.
//!
//! Not what is in the files.

use std::path::Path;

/// The names that the labels of the features file `name` may have.
pub(super) fn partners(name: &str) -> Vec<String> {
    let (stem, extension) = match name.split_once('.') {
        Some((stem, extension)) => (stem, format!(".{extension}")),
        None => (name, String::new()),
    };
    let mut stems = Vec::new();
    match stem {
        "X" => stems.extend(["Y", "y"].map(str::to_owned)),
        "x" => stems.push("y".to_owned()),
        _ => {
            for features in ["features", "feats"] {
                if let Some(start) = stem.strip_suffix(features) {
                    stems.push(format!("{start}labels"));
                }
            }
        }
    }
    stems.iter().map(|stem| format!("{stem}{extension}")).collect()
}

/// The first few of `names`, for a message.
pub(in crate::dataset) fn list(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// The number of classes, where the published data set that a file is named after has a fixed one:
/// Purchase100, Texas100 and Location30, told by name and number of features.
pub(super) fn published_classes(place: &str, width: usize) -> Option<usize> {
    let place = place.to_lowercase();
    [("purchase", 600, 100), ("texas", 6169, 100), ("location", 446, 30), ("bangkok", 446, 30)]
        .iter()
        .find(|(name, features, _)| place.contains(name) && *features == width)
        .map(|(_, _, classes)| *classes)
}

/// What a data set is called: the file's name without its endings.
pub(crate) fn data_set(path: &Path) -> String {
    let name = path.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let mut stem: &str = &name;
    for ending in [".gz", ".tgz", ".tar", ".npz", ".npy", ".csv", ".tsv", ".txt"] {
        stem = stem.strip_suffix(ending).unwrap_or(stem);
    }
    stem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_found_by_name() {
        assert_eq!(partners("X.npy"), ["Y.npy", "y.npy"]);
        assert_eq!(partners("texas100-features.npy"), ["texas100-labels.npy"]);
        assert_eq!(partners("feats"), ["labels"]);
        assert!(partners("purchase.csv").is_empty());
    }

    #[test]
    fn published_sets_are_known_by_name_and_width() {
        assert_eq!(published_classes("/a/dataset_purchase", 600), Some(100));
        assert_eq!(published_classes("dataset_texas.tgz[texas/100/feats]", 6169), Some(100));
        assert_eq!(published_classes("my_locations.csv", 12), None);
    }

    #[test]
    fn names_lose_their_endings() {
        assert_eq!(data_set(Path::new("/a/dataset_location.tgz")), "dataset_location");
        assert_eq!(data_set(Path::new("b/retail100.npz")), "retail100");
        assert_eq!(data_set(Path::new("c.csv.gz")), "c");
    }
}
