//! Finds the fastest variant of every operation and shape class on the adapter at hand: each variant is held
//! against the f64 reference first, then timed beside the others at the shapes of the real networks. Not how
//! the result is kept: that is [`super::tuning_table`].
//!
//! Nothing here happens by itself: another variant adds up in another order, so runs would no longer repeat.

use super::check;
use super::kernels::{self, Prepared, median};
use super::shapes::{self, Bench};
use super::tuning_table::{Candidate, TuningTable, by_shape, run_by};
use crate::error::{Error, Result};
use crate::gpu::{Choices, Context, shape_class};
use crate::graph::{Kernel, Launch, Target, Tensor};
use crate::ops::{self, Case};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Records a batch, unless told otherwise: m, 3·m and 11·m for m = 128, the merged passes of k = 1 and k = 5.
pub const BATCHES: [usize; 3] = [128, 384, 1408];
/// A candidate's time is the median of so many rounds over all candidates of its shape.
const ROUNDS: usize = 7;
/// Another variant must be this much faster than the default to be chosen; less is noise.
const MARGIN: f64 = 1.03;

/// An operation at one shape, and the variants that it can run there.
struct Contest {
    bench: Bench,
    output: Tensor,
    /// The adapter's default first.
    variants: Vec<(&'static str, Kernel)>,
}

impl Contest {
    fn family(&self) -> &'static str {
        self.bench.op.name()
    }

    /// The tensors that it reads, then the one it writes.
    fn shape(&self) -> String {
        let tensors = self.bench.inputs.iter().chain([&self.output]);
        tensors.map(|t| format!("{}×{}", t.rows, t.cols)).collect::<Vec<_>>().join(" ")
    }
}

/// The shapes of the real networks at which this adapter has a choice.
fn contests(target: &Target, batch: usize) -> Vec<Contest> {
    let several = shapes::benches(batch).into_iter().filter_map(|bench| {
        let output = bench.output()?;
        let launch = bench.op.launch(&bench.inputs, &output);
        let default = launch.default_variant(target)?.name;
        let mut variants: Vec<_> = launch.runnable(target).map(|v| (v.name, v.kernel)).collect();
        variants.sort_by_key(|(name, _)| *name != default);
        (variants.len() > 1).then_some(Contest { bench, output, variants })
    });
    several.collect()
}

/// The operations that can be tuned on this adapter.
fn families(target: &Target) -> Vec<&'static str> {
    let mut names: Vec<_> = contests(target, BATCHES[0]).iter().map(Contest::family).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The identity of all candidates' sources: a table of other kernels says nothing of these.
pub(super) fn digest(target: &Target) -> String {
    let mut sources = BTreeMap::new();
    for contest in contests(target, BATCHES[0]) {
        // Its constants are in its name.
        sources.extend(contest.variants.iter().map(|(_, kernel)| (kernel.to_string(), kernel.source)));
    }
    let mut hash = Sha256::new();
    for (name, source) in sources {
        hash.update(name);
        hash.update(source);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Validates every variant of the operations `only` (none: all that can be tuned) and times it at `batches`
/// records a batch. `each` is told what is done.
///
/// # Errors
/// An operation that has no choice here: names those that have. A kernel that does not build, sizes beyond
/// the adapter's limits, a lost device.
pub fn tune(
    context: &Context,
    only: &[String],
    batches: &[usize],
    seed: u64,
    each: &mut dyn FnMut(&str),
) -> Result<TuningTable> {
    let target = context.target();
    let families = families(&target);
    if let Some(unknown) = only.iter().find(|name| !families.contains(&name.as_str())) {
        return Err(Error::usage("--op")
            .expected(format!("among {}", families.join(", ")))
            .found(unknown.clone())
            .advice("these are the operations of which this adapter can run several variants"));
    }
    let wanted = |contest: &Contest| only.is_empty() || only.iter().any(|name| name == contest.family());
    let worst = validate(context, contests(&target, BATCHES[0]).iter().filter(|c| wanted(c)), seed, each)?;
    let mut candidates: Vec<Candidate> = vec![];
    for &batch in batches {
        for contest in contests(&target, batch).iter().filter(|contest| wanted(contest)) {
            let (family, shape) = (contest.family(), contest.shape());
            // An optimizer's does not depend on the batch.
            if candidates.iter().any(|c| c.family == family && c.shape == shape) {
                continue;
            }
            // A variant that differs at larger batches only was not among those above.
            let worst = |name: &str| worst.get(&(family, name)).copied().unwrap_or(f64::INFINITY);
            let passed: Vec<_> = contest.variants.iter().filter(|(name, _)| worst(name) <= 1.0).collect();
            let mut prepared = vec![];
            for (name, _) in &passed {
                prepared.push(kernels::prepare(context, &contest.bench, 1, Some(name))?);
            }
            let times = interleaved(context, &prepared)?;
            candidates.extend(contest.variants.iter().map(|(name, kernel)| Candidate {
                family: family.to_owned(),
                class: shape_class(&contest.bench.inputs, &contest.output),
                shape: shape.clone(),
                variant: (*name).to_owned(),
                kernel: kernel.to_string(),
                microseconds: passed.iter().position(|(n, _)| n == name).map(|i| 1e6 * times[i]),
                worst: worst(name),
            }));
            each(&format!("{family} {shape}"));
        }
    }
    let adapter = context.adapter();
    Ok(TuningTable {
        adapter: adapter.name.clone(),
        driver: adapter.driver.clone(),
        veilgrad: env!("CARGO_PKG_VERSION").to_owned(),
        kernels: digest(&target),
        choices: choose(&candidates),
        candidates,
    })
}

/// The largest error of each (operation, variant) in its conformance cases, in units of their tolerance.
fn validate<'a>(
    context: &Context,
    contests: impl Iterator<Item = &'a Contest>,
    seed: u64,
    each: &mut dyn FnMut(&str),
) -> Result<BTreeMap<(&'static str, &'static str), f64>> {
    let cases: Vec<Case> = ops::ALL.iter().flat_map(|(_, cases)| cases()).collect();
    let mut worst = BTreeMap::new();
    for contest in contests {
        let family = contest.family();
        let own: Vec<Case> = cases.iter().filter(|case| runs(case, family)).cloned().collect();
        for &(name, _) in &contest.variants {
            if worst.contains_key(&(family, name)) {
                continue;
            }
            let line = check::line(context, family, &own, name, seed)?;
            let error = if line.cases > 0 { line.worst } else { f64::INFINITY };
            let verdict = if error <= 1.0 { "agrees with the reference" } else { "FAILED" };
            each(&format!("{family}, {name}: {verdict}"));
            worst.insert((family, name), error);
        }
    }
    Ok(worst)
}

/// Whether the case has the operation in it, forward or backward.
fn runs(case: &Case, family: &str) -> bool {
    let launches: Vec<(_, Launch)> = case.graph().map(|graph| graph.launches()).unwrap_or_default();
    launches.iter().any(|(name, _)| *name == family)
}

/// Seconds a run of each: A B C A B C, the medians.
fn interleaved(context: &Context, prepared: &[Prepared]) -> Result<Vec<f64>> {
    let mut seconds = vec![vec![]; prepared.len()];
    for _ in 0..ROUNDS {
        for (one, seconds) in prepared.iter().zip(&mut seconds) {
            seconds.push(kernels::seconds(context, &one.plan, one.repeats)?);
        }
    }
    Ok(seconds.iter().map(|s| median(s)).collect())
}

/// For each operation and class the variant that is fastest in the geometric mean over its shapes, where it
/// is not the default. At a shape that a variant does not fit the default runs in its place.
fn choose(candidates: &[Candidate]) -> Choices {
    let mut classes: BTreeMap<(&str, &str), Vec<&[Candidate]>> = BTreeMap::new();
    for shape in by_shape(candidates) {
        classes.entry((&shape[0].family, &shape[0].class)).or_default().push(shape);
    }
    let mut choices = Choices::default();
    for ((family, class), shapes) in classes {
        // A variant that failed anywhere is out.
        let log = |candidate: &Candidate| candidate.microseconds.map_or(f64::INFINITY, f64::ln);
        let sum = |name: &str| -> f64 { shapes.iter().map(|shape| log(run_by(shape, name))).sum() };
        let default: f64 = shapes.iter().map(|shape| log(&shape[0])).sum();
        let names: BTreeSet<&str> =
            shapes.iter().flat_map(|shape| shape.iter().map(|c| c.variant.as_str())).collect();
        let best = names.into_iter().map(|name| (name, sum(name))).min_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((name, time)) = best
            && time < default - shapes.len() as f64 * MARGIN.ln()
        {
            choices.insert(family, class, name);
        }
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::super::tuning_table::Regret;
    use super::*;

    fn candidate(class: &str, shape: &str, variant: &str, microseconds: Option<f64>) -> Candidate {
        Candidate {
            family: "dense".into(),
            class: class.into(),
            shape: shape.into(),
            variant: variant.into(),
            kernel: variant.into(),
            microseconds,
            worst: 0.1,
        }
    }

    #[test]
    fn the_fastest_in_the_mean_is_chosen_and_a_failed_one_never() {
        let candidates = vec![
            candidate("L×L", "a", "outer", Some(10.0)),
            candidate("L×L", "a", "register", Some(20.0)),
            candidate("L×L", "a", "workgroup", None),
            candidate("L×L", "b", "outer", Some(10.0)),
            candidate("L×L", "b", "register", Some(2.0)),
            candidate("L×L", "b", "workgroup", Some(0.1)),
            // 1% is no reason to leave the default.
            candidate("S×S", "c", "outer", Some(10.0)),
            candidate("S×S", "c", "register", Some(9.9)),
        ];
        let choices = choose(&candidates);
        assert_eq!(Vec::from(choices.clone()), ["dense L×L register"]);
        let table = TuningTable {
            adapter: "a".into(),
            driver: "b".into(),
            veilgrad: "0".into(),
            kernels: "0".into(),
            choices,
            candidates,
        };
        // Default 10 + 10 + 10, chosen 20 + 2 + 10; at b 10 against 2.
        assert_eq!(table.regret(), Regret { overall: 30.0 / 32.0, worst: 5.0 });
        let text = toml::to_string(&table).unwrap();
        assert_eq!(toml::from_str::<TuningTable>(&text).unwrap(), table);
    }

    #[test]
    fn a_variant_that_does_not_fit_a_shape_is_judged_with_the_default_in_its_place() {
        // In one class: a shape with its own default, at which "outer" cannot run, and one at which it is the
        // default.
        let shapes = |register: f64| {
            vec![
                candidate("L×L", "a", "few", Some(10.0)),
                candidate("L×L", "a", "register", Some(register)),
                candidate("L×L", "b", "outer", Some(10.0)),
                candidate("L×L", "b", "register", Some(20.0)),
            ]
        };
        assert!(choose(&shapes(9.0)).is_empty(), "9 · 20 against 10 · 10");
        let choices = choose(&shapes(2.0));
        assert_eq!(Vec::from(choices), ["dense L×L register"], "2 · 20 against 10 · 10");
    }
}
