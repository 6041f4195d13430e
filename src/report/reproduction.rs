//! The tables of a reproduction that a report is about, as its directory holds them.
//!
//! Not the table itself ([`super::comparison`]), and not the runs below it: each is a run like any other
//! ([`super::run`]).

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::comparison::{Comparison, SCHEMA, first_schema};
use crate::error::{Error, Result};
use crate::run::directory::{CONFIG, SUMMARY};

/// Where a reproduction keeps its runs.
pub const RUNS: &str = "runs";

/// A reproduction's tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reproduction {
    /// As the directory, or the table's file, was given.
    pub directory: String,
    /// The names of the run directories in its `runs`; none beside a single file.
    pub runs: Vec<String>,
    /// By their files' names.
    pub tables: Vec<Comparison>,
}

impl Reproduction {
    /// What `path` holds: a directory's tables, or the table that a file is. `None`: nothing of a
    /// reproduction, but perhaps of a run. Other JSON files of a directory are passed over.
    ///
    /// # Errors
    /// A file that is no table; in a directory, one that is damaged, or of another version.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let directory = path.display().to_string();
        if path.is_file() {
            let table = read(path)?.ok_or_else(|| {
                Error::data(directory.clone())
                    .expected("a table that `veilgrad reproduce` wrote")
                    .found("JSON without the key `table`")
                    .advice(
                        "give one of its NAME-PRESET.json, or the directory of a reproduction, a run or \
                    an audit",
                    )
            })?;
            return Ok(Some(Reproduction { directory, runs: vec![], tables: vec![table] }));
        }
        if !path.is_dir() || path.join(CONFIG).is_file() || path.join(SUMMARY).is_file() {
            return Ok(None);
        }
        let files = entries(path)?.into_iter().filter(|file| file.extension().is_some_and(|e| e == "json"));
        let tables: Vec<Comparison> =
            files.filter_map(|file| read(&file).transpose()).collect::<Result<_>>()?;
        let below = path.join(RUNS);
        let runs = if below.is_dir() { entries(&below)? } else { vec![] };
        let runs = runs.iter().filter(|run| run.join(CONFIG).is_file()).filter_map(|run| run.file_name());
        let runs = runs.map(|name| name.to_string_lossy().into_owned()).collect();
        Ok((!tables.is_empty()).then_some(Reproduction { directory, runs, tables }))
    }
}

/// What is in a directory, in the order of its names.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| Error::io(directory, &e);
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths =
        entries.map(|entry| Ok(entry.map_err(failed)?.path())).collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

/// The table in `file`; `None`: JSON, but of something else.
fn read(file: &Path) -> Result<Option<Comparison>> {
    const AGAIN: &str =
        "start the same `veilgrad reproduce` again: it makes its tables anew and trains nothing twice";
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(file, &e))?;
    let error = || Error::data(file.display().to_string());
    let damaged = |e: serde_json::Error| {
        error().expected("a table that `veilgrad reproduce` wrote").found(e.to_string()).advice(AGAIN)
    };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
    if !value.as_object().is_some_and(|object| object.contains_key("table")) {
        return Ok(None);
    }
    let schema = value["schema"].as_u64().unwrap_or(u64::from(first_schema()));
    if schema != u64::from(SCHEMA) {
        return Err(error()
            .expected(format!("a table of schema {SCHEMA}"))
            .found(format!(
                "schema {schema}, written by veilgrad {}",
                value["version"].as_str().unwrap_or("?")
            ))
            .advice(format!("use that version, or {AGAIN}")));
    }
    // From the text, not from the value: errors then name line and column.
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::comparison_text::tests::table;
    use super::*;
    use std::fs;

    /// Of one table with something in every place.
    pub fn reproduction(directory: &str) -> Reproduction {
        Reproduction {
            directory: directory.to_owned(),
            runs: vec!["retail100-lambda".to_owned()],
            tables: vec![table()],
        }
    }

    fn json(edit: impl FnOnce(&mut serde_json::Value)) -> String {
        let mut value = serde_json::to_value(table()).unwrap();
        edit(&mut value);
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn tables_are_read_back_in_the_order_of_their_names_and_other_json_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        assert_eq!(Reproduction::find(directory.path()), Ok(None));
        assert_eq!(Reproduction::find(&place("absent")), Ok(None));
        fs::write(place("b-x.json"), json(|t| t["title"] = "second".into())).unwrap();
        fs::write(place("a-x.json"), json(|_| ())).unwrap();
        fs::write(place("mine.json"), "[1]").unwrap();
        fs::write(place("a-x.csv"), "no table").unwrap();
        fs::create_dir_all(place("runs/x-lambda")).unwrap();
        fs::create_dir_all(place("runs/other")).unwrap();
        fs::write(place("runs/x-lambda/run.toml"), "").unwrap();
        let found = Reproduction::find(directory.path()).unwrap().unwrap();
        assert_eq!(found.tables[0], table());
        assert_eq!((found.tables.len(), found.tables[1].title.as_str()), (2, "second"));
        assert_eq!(found.runs, ["x-lambda"]);
        let one = Reproduction::find(&place("b-x.json")).unwrap().unwrap();
        assert_eq!((one.tables.len(), one.runs.len()), (1, 0));
        // A run's directory is a run's, whatever lies there.
        fs::write(place("run.toml"), "").unwrap();
        assert_eq!(Reproduction::find(directory.path()), Ok(None));
    }

    #[test]
    fn what_is_no_table_of_this_version_says_what_was_found_and_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("l2-x.json");
        let whole = json(|_| ());
        for (text, parts) in [
            (whole[..whole.len() / 2].to_owned(), ["EOF", "again"]),
            (json(|t| t["seeds"] = "three".into()), ["\"three\"", "line "]),
            (json(|t| drop(t.as_object_mut().unwrap().remove("rows"))), ["missing field `rows`", "again"]),
            (json(|t| t["schema"] = 9.into()), ["expected a table of schema 1, found schema 9", "0.1.0"]),
        ] {
            fs::write(&file, text).unwrap();
            for path in [file.as_path(), directory.path()] {
                let error = Reproduction::find(path).unwrap_err().to_string();
                assert!(error.contains("l2-x.json: expected a table"), "{error}");
                assert!(parts.iter().all(|part| error.contains(part)), "{error}");
            }
        }
        fs::write(&file, "{}").unwrap();
        let error = Reproduction::find(&file).unwrap_err().to_string();
        assert!(error.contains("without the key `table`; give one of"), "{error}");
    }

    #[test]
    fn a_table_from_before_there_were_versions_is_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("l2-x.json");
        fs::write(&file, json(|t| drop(t.as_object_mut().unwrap().remove("schema")))).unwrap();
        assert_eq!(Reproduction::find(&file).unwrap().unwrap().tables, [table()]);
    }
}
