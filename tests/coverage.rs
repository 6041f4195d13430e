//! How often the audit's intervals cover the truth, and how often it finds a leak where there is none.
//!
//! Not run with the other tests, which have small versions of the same: these take minutes (`make
//! test-coverage`). Each prints its table and fails below its bounds.

use std::sync::atomic::AtomicBool;

use veilgrad::audit::carry_out;
use veilgrad::audit::evidence::{AttackedRecords, AuditCase, AuditedModel, BlindBy, Evidence, measured};
use veilgrad::audit::results::attacks::most_accurate;
use veilgrad::audit::results::summary::ReplicaSummary;
use veilgrad::dataset::DatasetSummary;
use veilgrad::random::{Stream, below, normal, stream};
use veilgrad::run::config::AuditConfig;
use veilgrad::run::predictions::{MEMBER, ReplicaPredictions, TEST};
use veilgrad::statistics::halves::Halves;
use veilgrad::statistics::judgment::{Terms, evaluate};
use veilgrad::statistics::quantiles::{normal_critical, normal_tail};
use veilgrad::statistics::thresholds::{best_threshold, oriented};

/// Of 1,000 intervals of 95% at least these cover; of a TPR, whose threshold is estimated too, the second.
const LEAST: [usize; 2] = [930, 910];

/// The lowest and the highest of the five levels of tied scores.
const LEVELS: [f64; 2] = [-1.0, 3.0];

/// Scores of members N(shift, 1) and of others N(0, 1), tied by rounding to five levels or not.
#[derive(Clone, Copy)]
struct Population {
    shift: f64,
    tied: bool,
}

impl Population {
    /// The share of N(mean, 1) with a score of at least `threshold`.
    fn accepted(self, threshold: f64, mean: f64) -> f64 {
        match self.tied {
            false => normal_tail(threshold - mean),
            true if threshold <= LEVELS[0] => 1.0,
            true if threshold > LEVELS[1] => 0.0,
            true => normal_tail(threshold.ceil() - 0.5 - mean),
        }
    }

    fn auc(self) -> f64 {
        if !self.tied {
            return 1.0 - normal_tail(self.shift / 2f64.sqrt());
        }
        // The trapezoids of the curve between levels.
        let point = |i: i32| {
            let level = LEVELS[0] + f64::from(i);
            [self.accepted(level, 0.0), self.accepted(level, self.shift)]
        };
        (0..5).map(|i| (point(i), point(i + 1))).map(|([a, b], [c, d])| 0.5 * (a - c) * (b + d)).sum()
    }

    fn tpr_at_fpr(self, alpha: f64) -> f64 {
        match self.tied {
            false => normal_tail(normal_critical(alpha) - self.shift),
            // The straight line between the levels on either side of it.
            true => {
                let point = |i: i32| {
                    let level = LEVELS[0] + f64::from(i);
                    [self.accepted(level, 0.0), self.accepted(level, self.shift)]
                };
                let above = (0..6).find(|&i| point(i)[0] <= alpha).expect("the sixth accepts nobody");
                let ([a, b], [c, d]) = (point(above), point(above - 1));
                b + (alpha - a) / (c - a) * (d - b)
            }
        }
    }

    fn sample(self, n: usize, seed: u64) -> Halves {
        let mut rng = stream(seed, Stream::Audit);
        let tie = |x: f64| if self.tied { x.round().clamp(LEVELS[0], LEVELS[1]) } else { x };
        let mut draw = |mean: f64| -> Vec<f64> { (0..n).map(|_| tie(normal(&mut rng) + mean)).collect() };
        let (members, others) = (draw(self.shift), draw(0.0));
        Halves::split(n, n, seed).unwrap().pick(&members, &others)
    }
}

/// Of 1,000 samples, how many intervals of AUC, accuracy and TPR at 1% FPR cover; the last is `None` where
/// that rate is not resolvable.
fn covered(population: Population, n: usize) -> ([usize; 2], Option<usize>) {
    let terms = Terms { seed: 0, base_rate: 0.1, delta: 1e-5 };
    let within = |[low, high]: [f64; 2], truth: f64| {
        assert!(low < high, "an interval of no width: [{low}, {high}]");
        usize::from(low <= truth + 1e-12 && truth <= high + 1e-12)
    };
    let (mut found, mut of_rate) = ([0; 2], None);
    for seed in 0..1000 {
        let halves = population.sample(n, seed);
        let result = evaluate(&halves, &terms).unwrap();
        let (used, reversed) = oriented(halves).unwrap();
        let threshold = best_threshold(&used).unwrap();
        // −s ≥ t accepts s ≤ −t. Of tied scores −t is a level, and s ≤ −t all but the next ones.
        let accepted = |mean: f64| match (reversed, population.tied) {
            (false, _) => population.accepted(threshold, mean),
            (true, false) => 1.0 - population.accepted(-threshold, mean),
            (true, true) => 1.0 - population.accepted(1.0 - threshold, mean),
        };
        let accuracy = 0.5 * (accepted(population.shift) + 1.0 - accepted(0.0));
        let auc = if reversed { 1.0 - population.auc() } else { population.auc() };
        found[0] += within(result.ci95.auc, auc);
        found[1] += within(result.ci95.accuracy, accuracy);
        if let Some(interval) = result.ci95.tpr.at_0_01.filter(|_| !reversed) {
            *of_rate.get_or_insert(0) += within(interval, population.tpr_at_fpr(0.01));
        } else if let Some(of_rate) = &mut of_rate {
            // Of a score that was turned round the rate is another, counted as covered.
            *of_rate += 1;
        }
    }
    (found, of_rate)
}

#[test]
#[ignore = "minutes; make test-coverage"]
fn intervals_cover_at_every_size() {
    println!(
        "of 1,000 intervals of 95% cover\n{:>12} {:>6} {:>5} {:>5} {:>9} {:>7}",
        "records", "AUC", "tied", "AUC", "accuracy", "TPR@1%"
    );
    let mut short = vec![];
    for n in [4, 10, 20, 50, 500, 1000] {
        for auc in [0.14, 0.46, 0.5, 0.86, 0.96f64] {
            let apart = 2f64.sqrt() * normal_critical(auc.min(1.0 - auc));
            let shift = if auc < 0.5 { -apart } else { apart };
            for tied in [false, true] {
                let (found, of_rate) = covered(Population { shift, tied }, n);
                let rate = of_rate.map_or("–".to_owned(), |count| count.to_string());
                println!("{n:>5} a side {auc:>6} {tied:>5} {:>5} {:>9} {rate:>7}", found[0], found[1]);
                if found.iter().any(|count| *count < LEAST[0])
                    || of_rate.is_some_and(|count| count < LEAST[1])
                {
                    short.push((n, auc, tied, found, of_rate));
                }
            }
        }
    }
    assert!(short.is_empty(), "fewer than {LEAST:?} of 1,000: {short:?}");
}

/// The audit of a model on 500 members, whose label's logit is higher by 2 · `leak`, and 500 others.
fn audited(leak: f64, seed: u64) -> ReplicaSummary {
    let mut rng = stream(seed, Stream::Shadows);
    let mut predictions = ReplicaPredictions { classes: 10, ..ReplicaPredictions::default() };
    for code in [MEMBER, TEST] {
        for _ in 0..500 {
            let label = below(&mut rng, 10);
            let mut row: Vec<f64> = (0..10).map(|_| 2.0 * normal(&mut rng)).collect();
            row[label as usize] += 4.0 + if code == MEMBER { 2.0 * leak } else { 0.0 };
            predictions.logits.extend(row.iter().map(|z| *z as f32));
            predictions.labels.push(label);
            predictions.membership.push(code);
            predictions.rows.push(predictions.rows.len() as u32);
        }
    }
    let gpu = Err("not used".to_owned());
    let on_members = Evidence::new(&predictions, AttackedRecords::Members, seed, gpu).unwrap();
    let model = AuditedModel {
        measured: measured(None, &predictions),
        on_members,
        on_reference: None,
        blind: BlindBy::Nothing,
        subgroups: None,
        logistic: None,
        notes: vec![],
    };
    let names = vec![String::new(); 10];
    let case = AuditCase {
        name: "simulated".to_owned(),
        models: vec![model],
        class_names: &names,
        dataset: DatasetSummary::default(),
        notes: vec![],
        seconds: 0.0,
    };
    let audit = carry_out(&case, &AuditConfig::default(), &AtomicBool::new(false), &mut ()).unwrap();
    audit.summary.replicas.into_iter().next().unwrap()
}

/// Of `runs` audits: where the strongest's interval is above ½, where the most accurate attack's own interval
/// is, where an attack is called masked, and where a class is named as exposed beyond guessing.
fn accused(leak: f64, runs: u64) -> [usize; 4] {
    let mut found = [0; 4];
    for seed in 0..runs {
        let replica = audited(leak, seed);
        let masked = |note: &Option<String>| note.as_deref().is_some_and(|note| note.contains("masked"));
        for (count, holds) in found.iter_mut().zip([
            replica.strongest.as_ref().is_some_and(|strongest| strongest.ci95[0] > 0.5),
            most_accurate(&replica.attacks).is_some_and(|(_, best)| best.ci95.accuracy[0] > 0.5),
            replica.attacks.values().any(|attack| masked(&attack.note)),
            replica.exposed_groups.iter().any(|exposed| exposed.group.auc_ci95[0] > 0.5),
        ]) {
            *count += usize::from(holds);
        }
    }
    found
}

#[test]
#[ignore = "minutes; make test-coverage"]
fn leaks_are_found_and_accidents_are_not() {
    println!(
        "{:>6} {:>7} {:>18} {:>24} {:>7} {:>7}",
        "leak", "audits", "strongest above ½", "its own interval above ½", "masked", "a class"
    );
    let row = |leak: f64, runs: u64| {
        let [strongest, own, masked, class] = accused(leak, runs);
        println!("{leak:>6} {runs:>7} {strongest:>18} {own:>24} {masked:>7} {class:>7}");
        [strongest, own, masked, class]
    };
    let [by_accident, _, masked, class] = row(0.0, 2000);
    let [found, own, _, _] = row(0.3, 200);
    assert!(by_accident <= 70 && masked <= 100, "{by_accident} and {masked} of 2,000 without a leak");
    assert!(class <= 100, "a class in {class} of 2,000 without a leak");
    assert!(found >= own, "of 200 leaks {found} are found, where one attack's own interval finds {own}");
}
