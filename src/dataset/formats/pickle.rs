//! Python pickles, refused with a way to convert them.
//!
//! Not a reader of them: loading a pickle runs whatever code its author put in it.

use super::source::Source;
use crate::error::{Error, Result};
use std::path::Path;

/// Refuses a file whose name says that it is a pickle.
pub(super) fn refuse_by_name(path: &Path) -> Result<()> {
    if is_named(path) { Err(refusal(path, &path.display().to_string())) } else { Ok(()) }
}

/// Whether a file's name says that it is a pickle.
pub(super) fn is_named(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("p" | "pkl" | "pickle"))
}

/// Refuses bytes that begin as pickles of protocols 2 to 5 do.
pub(super) fn refuse_by_bytes(source: &Source, head: &[u8]) -> Result<()> {
    match head {
        [0x80, 2..=5, ..] => Err(refusal(&source.path, &source.place)),
        _ => Ok(()),
    }
}

pub(super) fn refusal(path: &Path, place: &str) -> Error {
    let arrays = "x, y = (d['features'], d['labels']) if isinstance(d, dict) else d[:2]";
    let target = python(&path.with_extension("npz"));
    refused(path, place, &format!("{arrays}; np.savez({target}, features=x, labels=y)"))
}

/// The refusal of a pickle where a model's predictions are expected.
pub(super) fn refused_predictions(path: &Path, place: &str) -> Error {
    let [frame, arrays] = ["csv", "npz"].map(|ending| python(&path.with_extension(ending)));
    let named = "d if isinstance(d, dict) else dict(zip(('logits', 'labels', 'membership'), d))";
    refused(
        path,
        place,
        &format!(
            "d.to_csv({frame}, index=False) if hasattr(d, 'to_csv') else np.savez({arrays}, **{{k: \
             np.array(list(v)) for k, v in ({named}).items()}})"
        ),
    )
}

fn refused(path: &Path, place: &str, save: &str) -> Error {
    let load = format!("pickle.load(open({}, 'rb'))", python(path));
    Error::data(place).expected("an array format that holds no code").found("a Python pickle").advice(
        format!(
            "if you trust where it comes from, convert it, in a Python that has the packages it was made \
             with, then give the new file (adapt the names if the pickle holds others):\n  python3 -c \
             \"import pickle, numpy as np; d = {load}; {save}\""
        ),
    )
}

/// The error for an array of Python objects within an npy or npz file.
pub(in crate::dataset) fn objects(path: &Path, place: &str) -> Error {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let target = python(&path.with_file_name(format!("{name}-plain.npz")));
    let source = python(path);
    let keys = if path.extension().is_some_and(|e| e == "npy") {
        format!("np.savez({target}, features=np.stack(d[:, 0]), labels=d[:, 1].astype('int64'))")
    } else {
        format!("np.savez({target}, **{{k: np.array(d[k].tolist()) for k in d.files}})")
    };
    Error::data(place)
        .expected("an array of numbers")
        .found("an array of Python objects, which is a pickle")
        .advice(format!(
            "if you trust where it comes from, convert it, then give the new file (adapt the names if \
             it holds others):\n  python3 -c \"import numpy as np; d = np.load({source}, \
             allow_pickle=True); {keys}\""
        ))
}

/// A path as a Python string literal that survives the double quotes of a shell.
pub(crate) fn python(path: &Path) -> String {
    let mut literal = String::from("'");
    for c in path.display().to_string().chars() {
        match c {
            '\\' => literal.push_str(r"\\\\"),
            '\'' => literal.push_str(r"\\'"),
            '"' | '$' | '`' => literal.extend(['\\', c]),
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_are_refused_with_the_conversion() {
        for name in ["a.p", "a.pkl", "b/a.PICKLE"] {
            let message = refuse_by_name(Path::new(name)).expect_err("refused").to_string();
            assert!(message.contains("python3 -c") && message.contains("a.npz"), "{message}");
        }
        refuse_by_name(Path::new("a.npz")).expect("an npz file");
        let source = Source::file(Path::new("x.bin"), false, 1);
        refuse_by_bytes(&source, b"\x80\x04\x95").expect_err("protocol 4");
        refuse_by_bytes(&source, b"1,2").expect("text");
    }

    #[test]
    fn quotes_in_a_path_are_escaped_for_python_and_the_shell() {
        assert_eq!(python(Path::new("it's")), r"'it\\'s'");
        assert_eq!(python(Path::new("a$b")), r"'a\$b'");
    }
}
