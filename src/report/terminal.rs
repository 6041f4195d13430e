//! A run's summary as text for a terminal, or for lines of so many columns: the models, the attacks on them side by
//! side, and what to think of the numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::class;
use super::labels::{NONE, Setting, label, readable, shown_settings};
use super::lines::filled;
use super::remarks::{remarks, wrapped};
use super::table::{self, Side};
use super::verdict::verdict;
use crate::audit::results::attacks::Attacks;
use crate::audit::results::summary::{ReplicaSummary, Summary};
use crate::statistics::intervals::over_seeds;
use crate::statistics::judgment::AttackResult;

/// Models are listed one by one up to this many; beyond, only the groups of seeds are.
const MOST_MODELS: usize = 24;

/// Columns of the attacks' names, and of what is known of a group: accuracy with its interval, AUC, a rate.
const NAMES: usize = 26;
const NUMBERS: usize = 37;

/// Sentences are easier to read in shorter lines than tables are.
const PROSE: usize = 80;

/// Replicas that differ in nothing but the seed.
struct Group<'a> {
    label: String,
    replicas: Vec<&'a ReplicaSummary>,
}

/// The whole text in at most `columns`, with a line break at its end.
pub fn summary(summary: &Summary, columns: usize) -> String {
    let shown = shown_settings(&summary.replicas);
    let groups = groups(&summary.replicas, &shown);
    let several = groups.iter().any(|group| group.replicas.len() > 1);
    let mut parts = vec![heading(summary), models(summary, &shown, columns)];
    parts.extend(verdicts(summary, &shown, columns));
    if several {
        parts.push(format!(
            "Means over seeds, ± half of the 95% interval (Student's t)\n{}",
            means(&groups, columns)
        ));
    }
    parts.push(attacks("Attacks on the members (D)", &groups, columns, |r| &r.attacks));
    if summary.replicas.iter().any(|r| !r.attacks_on_reference.is_empty()) {
        parts.push(attacks("Attacks on the reference set (D′)", &groups, columns, |r| {
            &r.attacks_on_reference
        }));
    }
    if summary.replicas.iter().any(|r| r.persons.is_some()) {
        static NONE_RUN: Attacks = Attacks::new();
        parts.push(attacks("Attacks on persons, each by all records of theirs", &groups, columns, |r| {
            r.persons.as_ref().map_or(&NONE_RUN, |persons| &persons.attacks)
        }));
    }
    parts.extend(remarks(&summary.replicas, &shown));
    parts.push(legend(several, is_compared(summary)));
    parts.join("\n\n") + "\n"
}

fn heading(summary: &Summary) -> String {
    let data = &summary.dataset;
    let features = data.features.map_or(String::new(), |features| format!("{features} features, "));
    let adapter = summary.adapter.as_ref();
    let adapter =
        adapter.map_or(String::new(), |a| format!("on {} ({}, {}), ", a.name, a.backend, class(a.kind)));
    format!(
        "{}: {} records, {features}{} classes\n{adapter}{:.1} s",
        data.name, data.records, data.classes, summary.seconds
    )
}

fn groups<'a>(replicas: &'a [ReplicaSummary], shown: &[Setting]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group> = Vec::new();
    for replica in replicas {
        let but_seed: Vec<Setting> = shown.iter().copied().filter(|&(name, _)| name != "seed").collect();
        let label = label(replica.settings.as_ref(), &but_seed);
        match groups.iter_mut().find(|group| group.label == label) {
            Some(group) => group.replicas.push(replica),
            None => groups.push(Group { label, replicas: vec![replica] }),
        }
    }
    groups
}

fn models(summary: &Summary, shown: &[Setting], columns: usize) -> String {
    let count = summary.replicas.len();
    let title = "Accuracy of the models";
    if count > MOST_MODELS {
        return format!("{count} models: each is listed in summary.json");
    }
    let mut header: Vec<(&str, Side)> = shown.iter().map(|&(name, _)| (name, Side::Right)).collect();
    header.extend([("train", Side::Right), ("reference", Side::Right), ("test", Side::Left)]);
    header.extend([("balanced", Side::Right), ("commonest", Side::Right)]);
    let compared = is_compared(summary);
    header.extend(compared.then_some(("logistic", Side::Right)));
    let rows: Vec<Vec<String>> = summary
        .replicas
        .iter()
        .map(|replica| {
            let mut row: Vec<String> = shown
                .iter()
                .map(|(_, text)| replica.settings.as_ref().map_or(NONE.to_owned(), text))
                .collect();
            row.push(rate(Some(replica.train_accuracy)));
            row.push(rate(replica.reference_accuracy));
            row.extend(match &replica.utility {
                Some(utility) => [
                    with_interval(utility.accuracy, utility.ci95.accuracy),
                    rate(Some(utility.balanced_accuracy)),
                    rate(Some(utility.commonest_class_accuracy)),
                ],
                None => [rate(replica.test_accuracy), rate(None), rate(None)],
            });
            let logistic = replica.utility.as_ref().and_then(|utility| utility.logistic_accuracy);
            row.extend(compared.then(|| rate(logistic)));
            row
        })
        .collect();
    format!("{title}\n{}", table::text(&header, &rows, columns))
}

/// Whether any model stands beside a logistic regression.
fn is_compared(summary: &Summary) -> bool {
    let utilities = summary.replicas.iter().filter_map(|replica| replica.utility.as_ref());
    utilities.into_iter().any(|utility| utility.logistic_accuracy.is_some())
}

/// A sentence a model, of as many models as are listed.
fn verdicts(summary: &Summary, shown: &[Setting], columns: usize) -> Option<String> {
    let models = Some(&summary.replicas).filter(|models| models.len() <= MOST_MODELS)?;
    let sentences = models.iter().map(|replica| {
        let whose = label(replica.settings.as_ref(), shown);
        filled(&format!("{whose}: {}.", verdict(replica)), "  ", "    ", columns.min(PROSE))
    });
    Some(format!("What the attacks show\n{}", sentences.collect::<String>().trim_end()))
}

fn means(groups: &[Group], columns: usize) -> String {
    let header = [
        ("", Side::Left),
        ("seeds", Side::Right),
        ("train", Side::Left),
        ("reference", Side::Left),
        ("test", Side::Left),
    ];
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            let mean = |value: fn(&ReplicaSummary) -> Option<f64>| {
                let values: Vec<f64> = group.replicas.iter().filter_map(|r| value(r)).collect();
                mean_and_half_width(&values)
            };
            vec![
                group.label.clone(),
                group.replicas.len().to_string(),
                mean(|r| Some(r.train_accuracy)),
                mean(|r| r.reference_accuracy),
                mean(|r| r.test_accuracy),
            ]
        })
        .collect();
    table::text(&header, &rows, columns)
}

/// Groups stand next to each other as far as there is room.
fn attacks(title: &str, groups: &[Group], columns: usize, of: fn(&ReplicaSummary) -> &Attacks) -> String {
    let side_by_side = (columns.saturating_sub(NAMES) / NUMBERS).max(1);
    let tables = groups.chunks(side_by_side).map(|groups| attack_table(groups, columns, of));
    let tables: Vec<String> = tables.collect();
    format!("{title}\n{}", tables.join("\n\n"))
}

fn attack_table(groups: &[Group], columns: usize, of: fn(&ReplicaSummary) -> &Attacks) -> String {
    // One that is too narrow for all numbers has none of the rate.
    let shown = if columns < NAMES + NUMBERS { 2 } else { 3 };
    // A line a setting, so that several of them do not widen the column; the names of the columns below.
    let labels: Vec<String> = groups.iter().map(|group| group.label.replace(", ", "\n")).collect();
    let above = "\n".repeat(1 + labels.first().map_or(0, |label| label.matches('\n').count()));
    let below = |name: &str| format!("{above}{name}");
    let (attack, area, rate) = (below("attack"), below("AUC"), below("TPR@1%"));
    let labels: Vec<String> = labels.iter().map(|label| format!("{label}\naccuracy")).collect();
    let mut header = vec![(attack.as_str(), Side::Left)];
    for label in &labels {
        let all = [(label.as_str(), Side::Left), (area.as_str(), Side::Right), (rate.as_str(), Side::Right)];
        header.extend(&all[..shown]);
    }
    let names: BTreeSet<&String> =
        groups.iter().flat_map(|group| &group.replicas).flat_map(|r| of(r).keys()).collect();
    let row = |name: &String| {
        let mut row = vec![readable(name)];
        for group in groups {
            let results: Vec<&AttackResult> = group.replicas.iter().filter_map(|r| of(r).get(name)).collect();
            row.extend(cells(&results).into_iter().take(shown));
        }
        row
    };
    let rows: Vec<Vec<String>> = names.into_iter().map(row).collect();
    // Not a row: a long name would widen the column.
    let best =
        groups.iter().map(|group| format!("{} ({})", most_accurate_on_average(group, of), group.label));
    let best = wrapped(&best.collect::<Vec<_>>(), "");
    format!("{}\nmost accurate: {best}", table::text(&header, &rows, columns))
}

/// Accuracy, AUC and TPR at 1% FPR of one attack, on one replica or on average.
fn cells(results: &[&AttackResult]) -> [String; 3] {
    let accuracies: Vec<f64> = results.iter().map(|r| r.accuracy).collect();
    let areas: Vec<f64> = results.iter().map(|r| r.auc).collect();
    let rates = results.iter().map(|r| r.tpr.at_0_01).collect::<Option<Vec<f64>>>();
    let accuracy = match results {
        [one] => with_interval(one.accuracy, one.ci95.accuracy),
        _ => mean_and_half_width(&accuracies),
    };
    [accuracy, rate(over_seeds(&areas).0), rate(rates.and_then(|rates| over_seeds(&rates).0))]
}

/// The attack with the highest mean accuracy; of equals the one with the larger mean area, then the
/// first by name.
fn most_accurate_on_average(group: &Group, of: fn(&ReplicaSummary) -> &Attacks) -> String {
    let mut totals: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (name, result) in group.replicas.iter().flat_map(|r| of(r)) {
        let (accuracy, area) = totals.entry(name).or_default();
        *accuracy += result.accuracy;
        *area += result.auc;
    }
    let best = totals.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(NONE.to_owned(), |(name, _)| readable(name))
}

fn legend(several: bool, compared: bool) -> String {
    let interval = if several { "" } else { " [its 95% interval]" };
    let logistic = if compared { ";\nlogistic: of a logistic regression on the same members" } else { "" };
    format!(
        "balanced: the mean accuracy of the classes on test records;\n\
         commonest: of always saying the class that most members have{logistic}.\n\
         Attack accuracy{interval}: 0.5 is guessing, 1 finds every member.\n\
         TPR@1%: the share of members found with one false alarm in a hundred non-members."
    )
}

fn rate(value: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| format!("{value:.3}"))
}

fn with_interval(value: f64, [low, high]: [f64; 2]) -> String {
    format!("{value:.3} [{low:.3}, {high:.3}]")
}

fn mean_and_half_width(values: &[f64]) -> String {
    match over_seeds(values) {
        (Some(mean), Some([low, high])) => format!("{mean:.3} ± {:.3}", 0.5 * (high - low)),
        (mean, _) => rate(mean),
    }
}

#[cfg(test)]
mod tests {
    use super::super::labels::WIDTH;
    use super::*;
    use crate::audit::results::summary::{Adapter, SCHEMA};
    use crate::audit::results::utility::{Utility, UtilityIntervals};
    use crate::dataset::DatasetSummary;
    use crate::graph::Class;
    use crate::run::config::Replica;
    use crate::statistics::judgment::Intervals;
    use crate::statistics::levels::{TnrAtFnr, TprAtFpr};

    fn attack(accuracy: f64, tpr: Option<f64>) -> AttackResult {
        AttackResult {
            accuracy,
            advantage: 2.0 * accuracy - 1.0,
            auc: accuracy + 0.05,
            tpr: TprAtFpr { at_0_01: tpr, ..TprAtFpr::default() },
            tnr: TnrAtFnr::default(),
            precision: None,
            epsilon_lower_bound: Some(0.0),
            ci95: Intervals { accuracy: [accuracy - 0.01, accuracy + 0.01], ..Intervals::default() },
            members: 500,
            nonmembers: 500,
            curve_members: 500,
            curve_nonmembers: 500,
            ..AttackResult::default()
        }
    }

    fn replica(lambda: f64, seed: u64, leak: f64) -> ReplicaSummary {
        let attacks = |leak: f64| {
            Attacks::from([
                ("confidence".to_owned(), attack(leak, Some(0.125))),
                ("gap".to_owned(), attack(leak - 0.1, Some(0.0625))),
                ("modified_entropy_per_class".to_owned(), attack(leak - 0.05, Some(0.0))),
            ])
        };
        ReplicaSummary {
            settings: Some(Replica { lambda, seed, learning_rate: 1e-3, ..Replica::default() }),
            train_accuracy: 0.75 + 0.01 * seed as f64,
            reference_accuracy: Some(0.5),
            test_accuracy: Some(0.5),
            utility: Some(Utility {
                accuracy: 0.5,
                balanced_accuracy: 0.475,
                commonest_class_accuracy: 0.125,
                ci95: UtilityIntervals { accuracy: [0.45, 0.55], ..UtilityIntervals::default() },
                ..Utility::default()
            }),
            attack_trained: true,
            attacks: attacks(leak),
            attacks_on_reference: attacks(0.6),
            ..ReplicaSummary::default()
        }
    }

    fn run(replicas: Vec<ReplicaSummary>) -> Summary {
        Summary {
            schema: SCHEMA,
            version: "0.1.0".into(),
            adapter: Some(Adapter {
                name: "llvmpipe (LLVM 19.1.7, 256 bits)".into(),
                backend: "vulkan".into(),
                kind: Class::Software,
                driver: "llvmpipe".into(),
            }),
            dataset: DatasetSummary {
                name: "synthetic".into(),
                records: 3000,
                features: Some(600),
                classes: 100,
            },
            notes: vec![],
            replicas,
            seconds: 12.34,
        }
    }

    #[test]
    fn two_models_side_by_side() {
        let text = summary(&run(vec![replica(0.0, 0, 0.9), replica(1.0, 0, 0.65)]), WIDTH);
        assert_eq!(text, EXPECTED);
    }

    const EXPECTED: &str = "\
synthetic: 3000 records, 600 features, 100 classes
on llvmpipe (LLVM 19.1.7, 256 bits) (vulkan, software), 12.3 s

Accuracy of the models
λ  train  reference  test                  balanced  commonest
──────────────────────────────────────────────────────────────
0  0.750      0.500  0.500 [0.450, 0.550]     0.475      0.125
1  0.750      0.500  0.500 [0.450, 0.550]     0.475      0.125

What the attacks show
  λ 0: confidence (accuracy 0.900, 95% interval 0.890 to 0.910) tells members
    from other records; 0.5 is guessing; confidence (accuracy 0.600, 95%
    interval 0.590 to 0.610) tells records of D′ from other records; 0.5 is
    guessing.
  λ 1: confidence (accuracy 0.650, 95% interval 0.640 to 0.660) tells members
    from other records; 0.5 is guessing; confidence (accuracy 0.600, 95%
    interval 0.590 to 0.610) tells records of D′ from other records; 0.5 is
    guessing.

Attacks on the members (D)
                            λ 0                                  λ 1
attack                      accuracy                AUC  TPR@1%  accuracy                AUC  TPR@1%
────────────────────────────────────────────────────────────────────────────────────────────────────
confidence                  0.900 [0.890, 0.910]  0.950   0.125  0.650 [0.640, 0.660]  0.700   0.125
gap                         0.800 [0.790, 0.810]  0.850   0.062  0.550 [0.540, 0.560]  0.600   0.062
modified entropy per class  0.850 [0.840, 0.860]  0.900   0.000  0.600 [0.590, 0.610]  0.650   0.000
most accurate: confidence (λ 0), confidence (λ 1)

Attacks on the reference set (D′)
                            λ 0                                  λ 1
attack                      accuracy                AUC  TPR@1%  accuracy                AUC  TPR@1%
────────────────────────────────────────────────────────────────────────────────────────────────────
confidence                  0.600 [0.590, 0.610]  0.650   0.125  0.600 [0.590, 0.610]  0.650   0.125
gap                         0.500 [0.490, 0.510]  0.550   0.062  0.500 [0.490, 0.510]  0.550   0.062
modified entropy per class  0.550 [0.540, 0.560]  0.600   0.000  0.550 [0.540, 0.560]  0.600   0.000
most accurate: confidence (λ 0), confidence (λ 1)

balanced: the mean accuracy of the classes on test records;
commonest: of always saying the class that most members have.
Attack accuracy [its 95% interval]: 0.5 is guessing, 1 finds every member.
TPR@1%: the share of members found with one false alarm in a hundred non-members.
";

    #[test]
    fn every_table_fits_the_columns_that_there_are() {
        let sweep = (0..5).flat_map(|l| (0..3).map(move |seed| replica(f64::from(l) * 1.5, seed, 0.7)));
        let one = || replica(0.0, 0, 0.7);
        for summarized in [run(sweep.collect()), run(vec![one(), replica(1.0, 0, 0.7)]), run(vec![one()])] {
            for columns in [60, 80, WIDTH, 140] {
                let text = summary(&summarized, columns);
                // The line below a header is as long as its table is wide.
                let rules: Vec<usize> =
                    text.lines().filter(|line| line.contains('─')).map(|line| line.chars().count()).collect();
                assert!(
                    rules.len() >= 3 && rules.iter().all(|&wide| wide <= columns),
                    "{columns}: {rules:?}"
                );
            }
        }
    }

    #[test]
    fn models_stand_below_each_other_where_they_do_not_fit_side_by_side() {
        let models = || run(vec![replica(0.0, 0, 0.9), replica(1.0, 0, 0.65)]);
        let tables = |columns| summary(&models(), columns).matches("most accurate: confidence").count();
        assert_eq!([60, 80, WIDTH].map(tables), [4, 4, 2], "on D and on D′");
        let rates = |columns| summary(&models(), columns).matches("AUC  TPR@1%").count();
        assert_eq!([60, 80].map(rates), [0, 4]);
    }

    #[test]
    fn seeds_are_averaged_with_students_interval() {
        let text =
            summary(&run((0..3).map(|seed| replica(1.0, seed, 0.7 + 0.01 * seed as f64)).collect()), WIDTH);
        // 0.71 ± t(2; 0.975) · 0.01 / √3.
        assert!(text.contains("0.710 ± 0.025"), "{text}");
        assert!(text.contains("most accurate: confidence (λ 1)\n"), "{text}");
    }

    #[test]
    fn what_spoils_a_number_is_said_once_with_the_models() {
        let mut replicas: Vec<_> = (0..4).map(|l| replica(f64::from(l), 0, 0.7)).collect();
        replicas[1].collapsed = true;
        replicas[2].frozen_at_step = Some(17);
        for replica in &mut replicas {
            replica.attacks.insert("neural".into(), attack(0.5, None));
            replica.attacks.get_mut("neural").unwrap().note = Some("misled; not trained".into());
        }
        for replica in &mut replicas[..3] {
            replica.attacks_on_reference.get_mut("gap").unwrap().note = Some("misled".into());
        }
        let text = summary(&run(replicas), WIDTH);
        let expected = "\
To be known
  a loss was not finite, and the model is that of the last epoch before:
    step 17 (λ 2)
  misled:
    gap on D′ (3 of 4 models), neural
  not resolvable with 500 non-members:
    TPR@1% of neural
  not trained:
    neural
  the attack network of the training collapsed: no defense was at work:
    models (λ 1)
";
        assert!(text.contains(expected), "{text}");
        assert!(!summary(&run(vec![replica(0.0, 0, 0.7)]), WIDTH).contains("To be known"));
    }

    #[test]
    fn many_models_are_not_listed() {
        let text = summary(&run((0..25).map(|seed| replica(0.0, seed, 0.7)).collect()), WIDTH);
        assert!(text.contains("25 models: each is listed in summary.json"), "{text}");
    }
}
