//! Finds the fastest tile variant of every kernel family and shape class on the adapter at hand: each variant is
//! held against the f64 reference first, then timed beside the others at the shapes of the real networks. Also how
//! the result is kept: a TOML file for each adapter in the user's cache directory.
//!
//! Nothing here happens by itself: another variant adds up in another order, so runs would no longer repeat.

use super::check;
use super::kernels::{self, Bench, Prepared, median};
use crate::error::{Error, Result};
use crate::gpu::{AdapterSummary, Choices, Context, shape_class};
use crate::graph::{Kernel, Kind, Target, Tensor, Tile};
use crate::ops::{self, Case};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Records a batch, unless told otherwise: m, 3·m and 11·m for m = 128, the merged passes of k = 1 and k = 5.
pub const BATCHES: [usize; 3] = [128, 384, 1408];
/// A candidate's time is the median of so many rounds over all candidates of its shape.
const ROUNDS: usize = 7;
/// Another variant must be this much faster than the default to be chosen; less is noise.
const MARGIN: f64 = 1.03;

/// One variant at one shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The operation.
    pub family: String,
    /// [`shape_class`].
    pub class: String,
    /// The tensors it reads, then the one it writes.
    pub shape: String,
    pub tile: Tile,
    /// The shader's name.
    pub kernel: String,
    /// Median time of a dispatch; absent where the variant did not pass.
    pub microseconds: Option<f64>,
    /// The largest error of its conformance cases, in units of their tolerance: passed if at most 1.
    pub worst: f64,
}

/// What was found on an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub adapter: String,
    pub driver: String,
    /// The version of this program.
    pub veilgrad: String,
    /// SHA-256 of the sources of all candidates: a table of other kernels says nothing of these.
    pub kernels: String,
    /// What differs from the adapter's default.
    pub choices: Choices,
    pub candidates: Vec<Candidate>,
}

/// How the defaults do beside the choices: both as multiples of the chosen variant's time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Regret {
    /// Over the sum of all shapes' times.
    pub overall: f64,
    /// At the worst shape.
    pub worst: f64,
}

/// The operations with several variants on this adapter, and what each variant runs.
fn variants(target: Target, batch: usize) -> Vec<(Bench, Vec<(Tile, Kernel)>)> {
    let several = kernels::benches(batch).into_iter().filter_map(|bench| {
        let output = bench.output()?;
        let mut kernels: Vec<(Tile, Kernel)> = vec![];
        // The default first: of two names for one kernel it is the one to keep.
        let tiles = target.tiles().into_iter().filter(|t| *t != target.tile);
        for tile in [target.tile].into_iter().chain(tiles) {
            let kernel = bench.op.launch(&bench.inputs, &output, &Target { tile, ..target }).kernel;
            if !kernels.iter().any(|(_, k)| k.name == kernel.name) {
                kernels.push((tile, kernel));
            }
        }
        (kernels.len() > 1).then_some((bench, kernels))
    });
    several.collect()
}

/// The identity of all candidates' sources.
fn digest(target: Target) -> String {
    let mut sources = BTreeMap::new();
    for (_, kernels) in variants(target, BATCHES[0]) {
        sources.extend(kernels.into_iter().map(|(_, kernel)| (kernel.name, kernel.source)));
    }
    let mut hash = Sha256::new();
    for (name, source) in sources {
        hash.update(name);
        hash.update(source);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Validates every variant and times it at `batches` records a batch. `each` hears of what is being done.
///
/// # Errors
/// A kernel that does not build, sizes beyond the adapter's limits, a lost device.
pub fn tune(context: &Context, batches: &[usize], seed: u64, each: &mut dyn FnMut(&str)) -> Result<Table> {
    let target = context.target();
    let cases: Vec<Case> = ops::ALL.iter().flat_map(|(_, cases)| cases()).collect();
    // The largest error of each family and variant.
    let mut worst: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for (bench, kernels) in variants(target, BATCHES[0]) {
        let family = bench.op.name();
        let own: Vec<Case> = cases.iter().filter(|case| runs(case, family)).cloned().collect();
        for (tile, _) in kernels {
            if worst.contains_key(&(family, tile.name())) {
                continue;
            }
            let line = check::line(context, family, &own, tile, seed)?;
            let error =
                line.map_or(f64::INFINITY, |line| if line.cases > 0 { line.worst } else { f64::INFINITY });
            let verdict = if error <= 1.0 { "agrees with the reference" } else { "FAILED" };
            each(&format!("{family}, {}: {verdict}", tile.name()));
            worst.insert((family, tile.name()), error);
        }
    }
    let mut candidates = vec![];
    for &batch in batches {
        for (bench, kernels) in variants(target, batch) {
            let family = bench.op.name();
            let output = bench.output().unwrap_or(bench.inputs[0]);
            let shape = shape_text(&bench.inputs, &output);
            // An optimiser's does not depend on the batch.
            if candidates.iter().any(|c: &Candidate| c.family == family && c.shape == shape) {
                continue;
            }
            // A variant that differs at larger batches only was not among those above.
            let worst = |tile: Tile| worst.get(&(family, tile.name())).copied().unwrap_or(f64::INFINITY);
            let passed: Vec<_> = kernels.iter().filter(|(tile, _)| worst(*tile) <= 1.0).collect();
            let mut prepared = vec![];
            for (tile, _) in &passed {
                prepared.push(kernels::prepare(context, &bench, 1, Some(Target { tile: *tile, ..target }))?);
            }
            let times = interleaved(context, &prepared)?;
            let found = kernels.iter().map(|(tile, kernel)| Candidate {
                family: family.to_owned(),
                class: shape_class(&bench.inputs, &output),
                shape: shape.clone(),
                tile: *tile,
                kernel: kernel.name.to_owned(),
                microseconds: passed.iter().position(|(t, _)| t == tile).map(|i| 1e6 * times[i]),
                worst: worst(*tile),
            });
            candidates.extend(found);
            each(&format!("{family} {shape}"));
        }
    }
    let adapter = context.adapter();
    Ok(Table {
        adapter: adapter.name.clone(),
        driver: adapter.driver.clone(),
        veilgrad: env!("CARGO_PKG_VERSION").to_owned(),
        kernels: digest(target),
        choices: choose(&candidates, target.tile),
        candidates,
    })
}

/// Whether the case has the operation in it, forward or backward.
fn runs(case: &Case, family: &str) -> bool {
    let nodes = check::case_graph(case).map(|case| case.graph.nodes().to_vec()).unwrap_or_default();
    nodes.iter().any(|node| match &node.kind {
        Kind::Compute(op) | Kind::Update(op) => op.name() == family,
        _ => false,
    })
}

fn shape_text(inputs: &[Tensor], output: &Tensor) -> String {
    let shapes = inputs.iter().chain([output]).map(|t| format!("{}×{}", t.rows, t.cols));
    shapes.collect::<Vec<_>>().join(" ")
}

/// Seconds a run of each: A B C A B C, the medians.
fn interleaved(context: &Context, prepared: &[Prepared]) -> Result<Vec<f64>> {
    let mut seconds = vec![vec![]; prepared.len()];
    for _ in 0..ROUNDS {
        for (one, seconds) in prepared.iter().zip(&mut seconds) {
            let started = Instant::now();
            context.wait_for(&one.plan.submit(context, one.repeats))?;
            seconds.push(started.elapsed().as_secs_f64() / one.repeats as f64);
        }
    }
    Ok(seconds.iter().map(|s| median(s)).collect())
}

/// For each family and class the variant that is fastest in the geometric mean over its shapes, where it is not
/// the default.
fn choose(candidates: &[Candidate], default: Tile) -> Choices {
    // The sum of log times by the tile's name; a variant that failed anywhere is out.
    type Sums<'a> = BTreeMap<&'a str, (Tile, f64)>;
    let mut classes: BTreeMap<(&str, &str), Sums<'_>> = BTreeMap::new();
    for one in candidates {
        let sums = classes.entry((&one.family, &one.class)).or_default();
        let log = one.microseconds.map_or(f64::INFINITY, f64::ln);
        sums.entry(one.tile.name()).or_insert((one.tile, 0.0)).1 += log;
    }
    let mut choices = Choices::default();
    for ((family, class), sums) in classes {
        let shapes =
            candidates.iter().filter(|c| c.family == family && c.class == class && c.tile == default);
        let count = shapes.count().max(1) as f64;
        let own = sums.get(default.name()).map_or(f64::INFINITY, |s| s.1);
        if let Some(&(tile, sum)) = sums.values().min_by(|a, b| a.1.total_cmp(&b.1))
            && tile != default
            && sum < own - count * MARGIN.ln()
        {
            choices.insert(family, class, tile);
        }
    }
    choices
}

impl Table {
    /// How much slower the defaults are, `default` being the adapter's variant. 1: as fast.
    pub fn regret(&self, default: Tile) -> Regret {
        let mut regret = Regret { overall: 1.0, worst: 1.0 };
        let mut sums = [0.0, 0.0];
        for own in self.candidates.iter().filter(|c| c.tile == default) {
            let chosen = self.chosen(own, default);
            let (Some(a), Some(b)) = (own.microseconds, chosen.microseconds) else { continue };
            sums[0] += a;
            sums[1] += b;
            regret.worst = f64::max(regret.worst, a / b);
        }
        if sums[1] > 0.0 {
            regret.overall = sums[0] / sums[1];
        }
        regret
    }

    /// The candidate that runs in the place of `own`, the default's at some shape.
    fn chosen<'a>(&'a self, own: &'a Candidate, default: Tile) -> &'a Candidate {
        let tile = self.choices.of(&own.family, &own.class).unwrap_or(default);
        let same = |c: &&Candidate| c.family == own.family && c.shape == own.shape && c.tile == tile;
        self.candidates.iter().find(same).unwrap_or(own)
    }

    /// Writes the table as TOML, and the directories above it.
    ///
    /// # Errors
    /// The file system's.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).map_err(|e| Error::usage("tuning table").found(e.to_string()))?;
        if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, &e))?;
        }
        std::fs::write(path, text).map_err(|e| Error::io(path, &e))
    }
}

/// What there is for an adapter.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// Nobody has tuned here.
    Nothing,
    Table(PathBuf, Table),
    /// A file that is of no use, and why.
    Unusable(PathBuf, String),
}

/// The table that an earlier [`tune`] kept for this adapter and driver.
pub fn stored(adapter: &AdapterSummary) -> Stored {
    let Some(path) = place(adapter) else { return Stored::Nothing };
    let text = match std::fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Stored::Nothing,
        Err(e) => return Stored::Unusable(path, e.to_string()),
        Ok(text) => text,
    };
    match toml::from_str::<Table>(&text) {
        Err(e) => Stored::Unusable(path, e.message().to_owned()),
        Ok(table) if table.kernels != digest(adapter.target()) => {
            Stored::Unusable(path, "it was measured with other versions of the kernels".to_owned())
        }
        Ok(table) => Stored::Table(path, table),
    }
}

/// Where the table of an adapter is kept: the user's cache directory (on Linux `$XDG_CACHE_HOME/veilgrad` or
/// `~/.cache/veilgrad`). `None`: there is no home directory.
pub fn place(adapter: &AdapterSummary) -> Option<PathBuf> {
    let directories = directories::ProjectDirs::from("", "", "veilgrad")?;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = format!("{} {}", adapter.name, adapter.driver).chars().map(plain).collect();
    let words: Vec<&str> = name.split('-').filter(|w| !w.is_empty()).collect();
    Some(directories.cache_dir().join("tuning").join(format!("{}.toml", words.join("-"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(class: &str, shape: &str, tile: Tile, microseconds: Option<f64>) -> Candidate {
        Candidate {
            family: "dense".into(),
            class: class.into(),
            shape: shape.into(),
            tile,
            kernel: tile.name().into(),
            microseconds,
            worst: 0.1,
        }
    }

    #[test]
    fn the_fastest_in_the_mean_is_chosen_and_a_failed_one_never() {
        let candidates = vec![
            candidate("L×L", "a", Tile::Outer, Some(10.0)),
            candidate("L×L", "a", Tile::Register, Some(20.0)),
            candidate("L×L", "a", Tile::Workgroup, None),
            candidate("L×L", "b", Tile::Outer, Some(10.0)),
            candidate("L×L", "b", Tile::Register, Some(2.0)),
            candidate("L×L", "b", Tile::Workgroup, Some(0.1)),
            // 1% is no reason to leave the default.
            candidate("S×S", "c", Tile::Outer, Some(10.0)),
            candidate("S×S", "c", Tile::Register, Some(9.9)),
        ];
        let choices = choose(&candidates, Tile::Outer);
        assert_eq!(Vec::from(choices.clone()), ["dense L×L register"]);
        let table = Table {
            adapter: "a".into(),
            driver: "b".into(),
            veilgrad: "0".into(),
            kernels: "0".into(),
            choices,
            candidates,
        };
        // Default 10 + 10 + 10, chosen 20 + 2 + 10; at b 10 against 2.
        assert_eq!(table.regret(Tile::Outer), Regret { overall: 30.0 / 32.0, worst: 5.0 });
        let text = toml::to_string(&table).unwrap();
        assert_eq!(toml::from_str::<Table>(&text).unwrap(), table);
    }
}
