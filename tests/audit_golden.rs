//! The audit's scores, metrics and intervals against SciPy's and scikit-learn's, computed once by
//! `golden/audit_metrics.py`, intervals by `golden/audit_intervals.py`, and scores at the ends of their range by
//! `golden/audit_scores.py`. Not the attacks as a whole: those are tested beside their code.

use serde_json::Value;
use veilgrad::audit::attacks::scores::{self, Predictions};
use veilgrad::audit::attacks::{lira, rmia};
use veilgrad::audit::shadows::moments::{ConfidenceSums, PhiMoments};
use veilgrad::statistics::halves::Halves;
use veilgrad::statistics::judgment::{Terms, evaluate};
use veilgrad::statistics::roc::Roc;
use veilgrad::statistics::{intervals, operating_point, simultaneous};

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/audit_metrics.json")).expect("the fixture is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(|v| v.as_f64().expect("a number")).collect()
}

#[track_caller]
fn close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{what}, number {i}: found {f}, expected {e}");
    }
}

#[test]
fn scores_are_those_of_their_definitions() {
    let case = &golden()["scores"];
    let logits: Vec<f32> = numbers(&case["logits"]).iter().map(|&z| z as f32).collect();
    let labels: Vec<u32> = numbers(&case["labels"]).iter().map(|&y| y as u32).collect();
    let classes = case["classes"].as_u64().expect("a number of classes") as usize;
    let predictions = Predictions::from_logits(&logits, classes, &labels).expect("good predictions");
    close("gap", &scores::gap(&predictions), &numbers(&case["gap"]), 0.0);
    close("confidence", &scores::confidence(&predictions), &numbers(&case["confidence"]), 1e-12);
    close("entropy", &scores::entropy(&predictions), &numbers(&case["entropy"]), 1e-12);
    let modified = scores::modified_entropy(&predictions);
    close("modified entropy", &modified, &numbers(&case["modified_entropy"]), 1e-12);
}

/// Numbers of a fixture, in which null stands for −∞.
fn with_infinities(value: &Value) -> Vec<f64> {
    let number = |value: &Value| match value {
        Value::Null => f64::NEG_INFINITY,
        Value::String(_) => f64::INFINITY,
        other => other.as_f64().expect("a number"),
    };
    value.as_array().expect("a list").iter().map(number).collect()
}

#[test]
fn scores_keep_tails_and_ties_in_the_precision_in_which_outputs_came() {
    let cases: Value = serde_json::from_str(include_str!("golden/audit_scores.json")).expect("JSON");
    for case in cases.as_array().expect("a list") {
        let name = case["name"].as_str().expect("a name");
        let values = with_infinities(&case["values"]);
        let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
        let labels: Vec<u32> = numbers(&case["labels"]).iter().map(|&y| y as u32).collect();
        let classes = case["classes"].as_u64().expect("a number of classes") as usize;
        let predictions = match (case["form"].as_str(), case["single"].as_bool()) {
            (Some("logits"), _) => Predictions::from_logits(&values, classes, &labels),
            (_, Some(true)) => Predictions::from_probabilities(&single, classes, &labels),
            _ => Predictions::from_probabilities(&values, classes, &labels),
        };
        let predictions = predictions.expect("good predictions");
        for (score, key) in [
            (scores::confidence as scores::Score, "confidence"),
            (scores::entropy, "entropy"),
            (scores::modified_entropy, "modified_entropy"),
        ] {
            let (found, expected) = (score(&predictions), with_infinities(&case[key]));
            for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
                // Relative: an entropy of 1e-88 is told from one of 1e-89.
                // But φ = 0, of a p_y of one half, is a difference of two logarithms.
                let least = if key == "confidence" { 1e-15 } else { 0.0 };
                let alike = f == e || (f - e).abs() <= f64::max(1e-9 * e.abs(), least);
                assert!(alike, "{name}, {key}, record {i}: found {f}, expected {e}");
            }
        }
        if name == "equal p_y" {
            let phi = scores::confidence(&predictions);
            assert!(phi.iter().all(|other| *other == phi[0]), "{phi:?}");
        }
    }
}

#[test]
fn roc_metrics_are_scikit_learns() {
    for case in golden()["rocs"].as_array().expect("a list") {
        let roc = Roc::new(&numbers(&case["members"]), &numbers(&case["nonmembers"])).expect("good scores");
        let expected = |key: &str| case[key].as_f64();
        close("AUC", &[roc.auc()], &[expected("auc").expect("an area")], 1e-14);
        let ratio = roc.auc_variance_parts().iter().sum::<f64>() / expected("variance").expect("a variance");
        close("DeLong's variance", &[ratio], &[1.0], 1e-11);
        assert_eq!(Some(roc.best_threshold()), expected("threshold"));
        let rates = [roc.tpr_at_fpr(0.01), expected("tpr_at_fpr_0.01")].map(|rate| rate.unwrap_or(-1.0));
        close("TPR", &rates[..1], &rates[1..], 1e-14);
    }
}

#[test]
fn intervals_are_scipys() {
    for case in golden()["clopper_pearson"].as_array().expect("a list") {
        let case = numbers(case);
        let found = intervals::clopper_pearson(case[0] as usize, case[1] as usize);
        close("Clopper–Pearson", &found, &case[2..], 1e-12);
    }
    for case in golden()["over_seeds"].as_array().expect("a list") {
        let (_, interval) = intervals::over_seeds(&numbers(&case["values"]));
        close("Student's t", &interval.expect("two seeds or more"), &numbers(&case["interval"]), 1e-12);
    }
}

#[test]
fn precision_epsilon_and_intervals_are_those_of_their_definitions() {
    for case in golden()["at_errors"].as_array().expect("a list") {
        let halves = Halves {
            known_members: numbers(&case["known"][0]),
            known_nonmembers: numbers(&case["known"][1]),
            scored_members: numbers(&case["scored"][0]),
            scored_nonmembers: numbers(&case["scored"][1]),
        };
        let number = |key: &str| case[key].as_f64().expect("a number");
        let terms = Terms { seed: 0, base_rate: number("base_rate"), delta: number("delta") };
        let found = evaluate(&halves, &terms).expect("good scores");
        close("advantage", &[found.advantage], &[number("advantage")], 1e-12);
        close("precision", &[found.precision.expect("somebody is accused")], &[number("precision")], 1e-12);
        let interval = found.ci95.precision.expect("an interval");
        close("precision's interval", &interval, &numbers(&case["precision_ci95"]), 1e-9);
        close("accuracy's interval", &found.ci95.accuracy, &numbers(&case["accuracy_ci95"]), 1e-9);
        close("AUC's interval", &found.ci95.auc, &numbers(&case["auc_ci95"]), 1e-9);
        close(
            "epsilon",
            &[found.epsilon_lower_bound.expect("a number")],
            &[number("epsilon_lower_bound")],
            1e-9,
        );
    }
}

#[test]
fn true_negatives_are_scikit_learns() {
    let case = &golden()["true_negatives"];
    let roc = Roc::new(&numbers(&case["members"]), &numbers(&case["nonmembers"])).expect("good scores");
    let expected = case["tnr_at_fnr_0.01"].as_f64().expect("a rate");
    close("TNR", &[roc.mirrored().tpr_at_fpr(0.01).expect("resolvable")], &[expected], 1e-12);
}

#[test]
fn lira_and_rmia_are_those_of_their_definitions() {
    for case in golden()["shadows"].as_array().expect("a list") {
        let target = numbers(&case["target"]);
        let n = target.len();
        let keep: Vec<bool> = numbers(&case["keep"]).iter().map(|&k| k == 1.0).collect();
        let phi = numbers(&case["phi"]);
        let probability =
            |phi: &[f64]| phi.iter().map(|phi| 1.0 / (1.0 + (-phi).exp())).collect::<Vec<f64>>();
        let (mut moments, mut sums) = (PhiMoments::new(n), ConfidenceSums::new(n));
        for (keep, phi) in keep.chunks(n).zip(phi.chunks(n)) {
            moments.add(keep, phi);
            sums.add(keep, &probability(phi));
        }
        let population: Vec<u32> = numbers(&case["population"]).iter().map(|&i| i as u32).collect();
        let p = probability(&target);
        for (name, found) in [
            ("lira_online", lira::online(&moments, &target).expect("models enough")),
            ("lira_offline", lira::offline(&moments, &target).expect("models enough")),
            ("rmia_online", rmia::online(&sums, &p, &population)),
            ("rmia_offline", rmia::offline(&sums, &p, &population, 0.33)),
        ] {
            let expected = numbers(&case[name]);
            close(name, &found[..expected.len()], &expected, 1e-9);
        }
    }
}

fn golden_intervals() -> Value {
    serde_json::from_str(include_str!("golden/audit_intervals.json")).expect("JSON")
}

#[test]
fn rates_at_a_false_positive_rate_have_the_intervals_of_their_definition() {
    for case in golden_intervals()["operating_points"].as_array().expect("a list") {
        let roc = Roc::new(&numbers(&case["members"]), &numbers(&case["nonmembers"])).expect("good scores");
        let found = operating_point::tpr_at_fpr(&roc, case["alpha"].as_f64().expect("a rate"));
        close("TPR's interval", &found.expect("resolvable"), &numbers(&case["interval"]), 1e-9);
    }
}

/// 20,000 draws: the quantile's own standard error is 0.015.
#[test]
fn simultaneous_intervals_reach_as_far_as_the_multivariate_normal_says() {
    for case in golden_intervals()["simultaneous"].as_array().expect("a list") {
        let influences: Vec<Vec<f64>> =
            case["influences"].as_array().expect("a list").iter().map(numbers).collect();
        let reached = simultaneous::reach(&influences, intervals::TAIL, 7).critical_value;
        close("critical value", &[reached], &[case["critical_value"].as_f64().expect("a number")], 0.045);
    }
}
