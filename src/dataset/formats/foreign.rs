//! Formats that are not read, known by their first bytes: what they are called, and the way in.

use super::pickle::python;
use std::path::Path;

/// First bytes, what it is, what to do.
const KNOWN: [(&[u8], &str, &str); 16] = [
    (b"PK\x05\x06", "an empty zip file", UNPACK),
    (b"PK\x07\x08", "a zip file in several parts", UNPACK),
    (b"BZh", "a bzip2 file", UNPACK),
    (b"\xfd7zXZ\0", "an xz file", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd file", UNPACK),
    (b"\x89HDF", "an HDF5 file", UNPACK),
    (b"SQLite", "an SQLite file", UNPACK),
    (b"ARROW1", "an Arrow (Feather) file", EXPORT),
    (b"<stata_dta>", "a Stata file", EXPORT),
    (b"$FL2", "an SPSS file", EXPORT),
    (b"$FL3", "an SPSS file", EXPORT),
    // Twelve zeros, then the number of the format.
    (b"\0\0\0\0\0\0\0\0\0\0\0\0\xc2\xea\x81\x60", "a SAS file", EXPORT),
    (b"RDX", "an R file", EXPORT),
    (b"{\"", "JSON", EXPORT),
    (b"[{", "JSON", EXPORT),
    (b"<", "HTML or XML", EXPORT),
];

const UNPACK: &str = "unpack it, or export it as CSV";
const EXPORT: &str = "export it as CSV or Parquet, where it was written or with pandas";

/// What the file at `path` is that begins with `head`, and what to do, if it is of a format that is not read.
pub(crate) fn recognize(path: &Path, head: &[u8]) -> Option<(&'static str, String)> {
    if let Some((_, what, advice)) = KNOWN.iter().find(|(magic, _, _)| head.starts_with(magic)) {
        return Some((what, (*advice).to_owned()));
    }
    #[cfg(not(feature = "parquet"))]
    if head.starts_with(b"PAR1") {
        return Some(("a Parquet file", parquet(path)));
    }
    let first = first_of_zip(head).unwrap_or_default();
    let excel: [&[u8]; 4] = [b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/"];
    if excel.iter().any(|start| first.starts_with(start)) {
        return Some(("a spreadsheet (Excel)", sheet(path)));
    }
    if first.starts_with(b"mimetypeapplication/vnd.oasis.opendocument") {
        return Some(("a spreadsheet (OpenDocument)", sheet(path)));
    }
    let length = head.get(26..28).map_or(0, |at| usize::from(at[0]) | usize::from(at[1]) << 8);
    let name = first.get(..length).unwrap_or_default().to_ascii_lowercase();
    if [".csv", ".tsv", ".txt", ".data", ".json", ".parquet"].iter().any(|end| name.ends_with(end.as_bytes()))
    {
        return Some(("a zip file of other files", UNPACK.to_owned()));
    }
    if head.starts_with(b"\xd0\xcf\x11\xe0") {
        return Some(("a spreadsheet (Excel 97)", sheet(path)));
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let lines = || text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let first = lines().find(|line| !line.is_empty() && !line.starts_with(b"%"))?;
    if first.len() > 9 && first[..9].eq_ignore_ascii_case(b"@relation") {
        return Some(("an ARFF file (Weka)", arff(path)));
    }
    let first = lines().find(|line| !line.is_empty() && !line.starts_with(b"#"))?;
    is_libsvm(first).then(|| ("LIBSVM (SVMlight) text", libsvm(path)))
}

/// The name of a zip file's first file and what follows it, none where this is no zip file. Only there:
/// anywhere else the bytes of a name may stand by accident in what is compressed.
fn first_of_zip(head: &[u8]) -> Option<&[u8]> {
    // The local file header: 30 bytes, the name's length at 26, then the name (APPNOTE.TXT, 4.3.7).
    head.starts_with(b"PK\x03\x04").then_some(head.get(30..)).flatten()
}

/// Whether a line reads as a label and pairs of a feature's number and its value.
fn is_libsvm(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let label = words.next().is_some_and(|word| word.split(',').all(|label| label.parse::<f64>().is_ok()));
    let mut pairs = words.map(|word| {
        let (feature, value) = word.split_once(':')?;
        let counted = feature == "qid" || feature.parse::<u64>().is_ok();
        (counted && value.parse::<f64>().is_ok()).then_some(())
    });
    // The last word may be cut where the first bytes end.
    label && matches!(pairs.next(), Some(Some(()))) && pairs.take(8).all(|pair| pair.is_some())
}

fn sheet(path: &Path) -> String {
    let target = python(&path.with_extension("csv"));
    format!(
        "save its table as CSV in the program that wrote it, or (it needs the packages pandas and openpyxl, \
         for OpenDocument odfpy, for Excel 97 xlrd):\n  python3 -c \"import pandas as pd; \
         pd.read_excel({}).to_csv({target}, index=False)\"",
        python(path)
    )
}

#[cfg(not(feature = "parquet"))]
fn parquet(path: &Path) -> String {
    let target = python(&path.with_extension("csv"));
    format!(
        "take a veilgrad that was built with its feature `parquet`, or export it as CSV:\n  python3 -c \"import \
         pandas as pd; pd.read_parquet({}).to_csv({target}, \
         index=False)\"",
        python(path)
    )
}

fn arff(path: &Path) -> String {
    let target = python(&path.with_extension("csv"));
    format!(
        "convert it, then name the class with --label-column:\n  python3 -c \"import pandas as pd; from \
         scipy.io import arff; d = pd.DataFrame(arff.loadarff({})[0]); d.map(lambda v: v.decode() if \
         isinstance(v, bytes) else v).to_csv({target}, index=False)\"",
        python(path)
    )
}

fn libsvm(path: &Path) -> String {
    let target = python(&path.with_extension("npz"));
    format!(
        "convert it, then give the new file:\n  python3 -c \"import numpy as np; from sklearn.datasets import \
         load_svmlight_file; x, y = load_svmlight_file({}); np.savez_compressed({target}, \
         features=x.toarray().astype('float32'), labels=np.unique(y, return_inverse=True)[1])\"",
        python(path)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8]) -> Option<&'static str> {
        recognize(Path::new("a.bin"), head).map(|(what, _)| what)
    }

    #[test]
    fn each_format_is_told_by_its_bytes() {
        assert_eq!(found(b"-1 1:1 2:0.5 12:1\n1 3:1\n"), Some("LIBSVM (SVMlight) text"));
        assert_eq!(found(b"# about\n1 qid:3 1:1\n"), Some("LIBSVM (SVMlight) text"));
        assert_eq!(found(b"% Iris\n\n@RELATION iris\n@ATTRIBUTE a REAL\n"), Some("an ARFF file (Weka)"));
        let zip = |rest: &[u8]| found(&[b"PK\x03\x04", &[0; 26][..], rest].concat());
        assert_eq!(zip(b"[Content_Types].xml"), Some("a spreadsheet (Excel)"));
        assert_eq!(zip(b"xl/workbook.xml"), Some("a spreadsheet (Excel)"));
        assert_eq!(
            zip(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
            Some("a spreadsheet (OpenDocument)")
        );
        let csv = [b"PK\x03\x04", &[0; 22][..], b"\x05\0\0\0a.CSV"].concat();
        assert_eq!(found(&csv), Some("a zip file of other files"));
        // Compressed bytes that happen to read as a spreadsheet's.
        assert_eq!(zip(b"features.npy\x00\x01xl/\xff[Content_Types].xml"), None);
        #[cfg(not(feature = "parquet"))]
        assert_eq!(found(b"PAR1...."), Some("a Parquet file"));
        assert_eq!(found(b"[{\"a\":1}]"), Some("JSON"));
        assert_eq!(found(b"<table>"), Some("HTML or XML"));
        assert_eq!(found(b"<stata_dta><header>"), Some("a Stata file"));
        for text in ["time 12:30 13:30\n", "1 2 3\n", "a,b\n1,12:30\n", "1 12:30:05\n", ""] {
            assert_eq!(found(text.as_bytes()), None, "{text}");
        }
    }
}
