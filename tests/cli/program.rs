//! Runs the program in a directory of its own, and says all that it said when something is not as expected.

use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A run of a fraction of a second: the data, the networks and the audit are as small as they can be.
const TINY: &str = "\
name = \"tiny\"
[data]
members = 60
reference = 60
synthetic = { records = 200, features = 20, classes = 4 }
[model]
hidden = [8]
[train]
epochs = 2
batch = 20
[defense.attack]
prediction_layers = [8]
label_layers = [8]
joint_layers = [8]
[audit]
epochs = 2
[audit.attack]
prediction_layers = [8]
label_layers = [8]
joint_layers = [8]
";

/// The program, its working directory a fresh one that holds nothing but the preset `tiny.toml`.
pub struct Veilgrad {
    directory: TempDir,
}

impl Veilgrad {
    pub fn new() -> Self {
        let program = Veilgrad { directory: tempfile::tempdir().expect("a directory") };
        program.write("tiny.toml", TINY);
        program
    }

    /// A place in the working directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    #[track_caller]
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[track_caller]
    pub fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    #[track_caller]
    pub fn json(&self, name: &str) -> Value {
        parse(&self.text(name), name)
    }

    /// The lines of a run's metrics.jsonl, each of which must be JSON.
    #[track_caller]
    pub fn metrics(&self, run: &str) -> Vec<Value> {
        let name = format!("{run}/metrics.jsonl");
        self.text(&name).lines().map(|line| parse(line, &name)).collect()
    }

    /// The names in a directory, sorted.
    pub fn names(&self, directory: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(directory)) else { return vec![] };
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("UTF-8")
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// The program with the words of `line` as its arguments, not yet started.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veilgrad"));
        command
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, line: &str) -> Run {
        Run::of(line, self.command(line).output().expect("started"))
    }

    /// Runs the program, which must end well.
    #[track_caller]
    pub fn succeeds(&self, line: &str) -> Run {
        self.run(line).code(0)
    }

    /// Trains the tiny preset, or what `flags` make of it, into the directory `out`.
    #[track_caller]
    pub fn trains(&self, out: &str, flags: &str) -> Run {
        self.succeeds(&format!("train --preset tiny.toml --out {out} {flags}"))
    }

    /// Trains as [`trains`](Self::trains), which must fail with `code`, say `parts`, print no result and
    /// leave nothing behind.
    #[track_caller]
    pub fn refuses(&self, code: i32, flags: &str, parts: &[&str]) -> Run {
        let run = self.run(&format!("train --preset tiny.toml --out refused {flags}"));
        let run = run.code(code).says(parts).prints_nothing();
        assert!(!self.path("refused").exists(), "left behind: {:?}\n{run}", self.names("refused"));
        run
    }
}

/// How the program ended and what it said.
pub struct Run {
    line: String,
    code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn of(line: &str, output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let Output { status, stdout, stderr } = output;
        Run { line: line.to_owned(), code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "the exit code\n{self}");
        self
    }

    /// Everything of `parts` stands on standard error.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "expected on standard error: {part:?}\n{self}");
        }
        self
    }

    /// Everything of `parts` stands on standard output.
    #[track_caller]
    pub fn prints(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stdout.contains(part), "expected on standard output: {part:?}\n{self}");
        }
        self
    }

    #[track_caller]
    pub fn prints_nothing(self) -> Self {
        assert_eq!(self.stdout, "", "standard output\n{self}");
        self
    }

    #[track_caller]
    pub fn says_nothing(self) -> Self {
        assert_eq!(self.stderr, "", "standard error\n{self}");
        self
    }

    /// Standard output, which must be JSON and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        parse(&self.stdout, &self.to_string())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { line, code, stdout, stderr } = self;
        let rule = "─".repeat(60);
        write!(f, "veilgrad {line}\nexit code {code:?}\n{rule} stdout\n{stdout}\n{rule} stderr\n{stderr}")
    }
}

#[track_caller]
fn parse(text: &str, place: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("no JSON: {e}: {text}\n{place}"))
}

/// A file of real data beside the project, if it is there; says so if not.
pub fn beside(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not tested: {} is absent", path.display());
    None
}
