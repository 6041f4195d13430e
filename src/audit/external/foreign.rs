//! Files of other programs that are not read, each with a command that makes of it one that is.
//!
//! Not those that data sets come in too: pickles and arrays of objects ([`crate::dataset::formats::pickle`]),
//! spreadsheets and others ([`recognize`]).

use crate::dataset::formats::pickle::python;
use crate::dataset::formats::recognize;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Of one kind of file: what it is called, the packages and the Python that convert it; `IN`, `CSV` and `NPZ`
/// stand for the file and for what is made of it.
struct Kind {
    what: &'static str,
    packages: &'static str,
    convert: &'static str,
}

const TORCH: Kind = Kind {
    what: "a file of torch.save, which is a pickle",
    packages: "torch numpy",
    convert: "import torch, numpy; d = torch.load(IN, map_location='cpu'); \
              numpy.savez(NPZ, **{k: numpy.asarray(v) for k, v in d.items()})",
};
const FEATHER: Kind = Kind {
    what: "a Feather file",
    packages: "pandas pyarrow",
    convert: "import pandas; pandas.read_feather(IN).to_csv(CSV, index=False)",
};
const HDF5: Kind = Kind {
    what: "an HDF5 file",
    packages: "h5py numpy",
    convert: "import h5py, numpy; d = h5py.File(IN); numpy.savez(NPZ, **{k: d[k][()] for k in d})",
};
const MATLAB: Kind = Kind {
    what: "a MATLAB file",
    packages: "scipy numpy",
    convert: "import scipy.io, numpy; d = scipy.io.loadmat(IN); \
              numpy.savez(NPZ, **{k: v.squeeze() for k, v in d.items() if k[0] != '_'})",
};
const JSON: Kind = Kind {
    what: "JSON",
    packages: "pandas",
    convert: "import pandas; pandas.read_json(IN).to_csv(CSV, index=False)",
};

/// Refuses the file at `path` if it is of one of these kinds.
///
/// # Errors
/// It is, or cannot be read.
pub(super) fn refuse(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut head = vec![];
    let file = File::open(path).map_err(|e| Error::io(path, &e))?;
    file.take(4096).read_to_end(&mut head).map_err(|e| Error::io(path, &e))?;
    match kind(path, &head) {
        Some(kind) => Err(refusal(path, kind)),
        None => match recognize(path, &head) {
            Some((what, advice)) => Err(refused(path, what).advice(advice)),
            None => Ok(()),
        },
    }
}

fn kind(path: &Path, head: &[u8]) -> Option<&'static Kind> {
    match head {
        [b'P', b'K', 3, 4, ..] => in_zip(path),
        [b'A', b'R', b'R', b'O', b'W', b'1', ..] | [b'F', b'E', b'A', b'1', ..] => Some(&FEATHER),
        [0x89, b'H', b'D', b'F', ..] => Some(&HDF5),
        _ if head.starts_with(b"MATLAB 5.0") => Some(&MATLAB),
        _ if matches!(head.trim_ascii_start(), [b'{' | b'[', ..]) => Some(&JSON),
        _ => None,
    }
}

fn in_zip(path: &Path) -> Option<&'static Kind> {
    let zip = zip::ZipArchive::new(BufReader::new(File::open(path).ok()?)).ok()?;
    let names: Vec<String> = zip.file_names().filter_map(|name| name.ok().map(|n| n.to_string())).collect();
    names.iter().any(|name| name.ends_with("data.pkl")).then_some(&TORCH)
}

fn refused(path: &Path, what: &str) -> Error {
    Error::data(path.display().to_string()).expected("npz, npy files, safetensors, or CSV").found(what)
}

fn refusal(path: &Path, kind: &Kind) -> Error {
    // The file's own path last: it may hold any text.
    let code = kind
        .convert
        .replace("CSV", "{csv}")
        .replace("NPZ", "{npz}")
        .replace("IN", &python(path))
        .replace("{csv}", &python(&path.with_extension("converted.csv")))
        .replace("{npz}", &python(&path.with_extension("converted.npz")));
    let packages = kind.packages;
    refused(path, kind.what).advice(format!(
        "convert it, then give the new file (it needs: pip install {packages}):\n  python3 -c \"{code}\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_files_are_refused_with_a_command() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("IN.dat");
        for (head, what) in [
            (&b"\x89HDF\r\n"[..], "HDF5"),
            (b" [{\"label\": 1}]", "JSON"),
            (b"MATLAB 5.0 MAT-file", "MATLAB"),
        ] {
            std::fs::write(&path, head).unwrap();
            let message = refuse(&path).unwrap_err().to_string();
            assert!(message.contains(what) && message.contains("python3 -c"), "{message}");
        }
        std::fs::write(&path, "label,p_0\n").unwrap();
        refuse(&path).unwrap();
    }
}
