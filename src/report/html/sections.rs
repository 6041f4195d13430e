//! The page's head, its comparison of all models, and everything of one: words and tables.
//!
//! Not the figures (`figures`), nor the last sections (`closing`).

use std::fmt::Write;

use super::escape::escape;
use super::figures;
use super::model::Model;
use super::reproduced::{self, Reproduced};
use super::table::Set::{Left, Number, Words};
use super::table::{rate, table};
use crate::audit::results::attacks::Attacks;
use crate::audit::results::records::RecordsFound;
use crate::audit::results::summary::ReplicaSummary;
use crate::error::Result;
use crate::report::csv_table::safe;
use crate::report::labels::{NONE, Setting, count, readable};
use crate::report::remarks;
use crate::report::run::Run;
use crate::report::verdict::verdict;
use crate::statistics::judgment::AttackResult;

pub(super) fn head(title: &str, runs: &[Run], models: &[Model], tables: &[Reproduced]) -> String {
    let mut html = format!("<h1>{}</h1>", escape(title));
    let mut about = vec![];
    if !tables.is_empty() {
        about.push(count(tables.len(), "reproduced table"));
    }
    if let Some(first) = runs.first() {
        about.push(format!(
            "{} of {}, audited by veilgrad {}",
            count(models.len(), "model"),
            count(runs.len(), "run"),
            escape(&first.summary.version)
        ));
    }
    let _ = write!(html, "<p class=\"soft\">{}</p><nav>", about.join("; "));
    for number in 0..tables.len() {
        let _ = write!(html, "<a href=\"#table-{0}\">Table {0}</a>", number + 1);
    }
    if !models.is_empty() {
        html.push_str("<a href=\"#results\">Results</a>");
        for number in 0..models.len().min(super::MOST_FIGURES) {
            let _ = write!(html, "<a href=\"#model-{0}\">Model {0}</a>", number + 1);
        }
        html.push_str("<a href=\"#unresolved\">Not resolvable</a>");
    }
    html.push_str("<a href=\"#provenance\">Set-up</a><a href=\"#reading\">How to read it</a></nav>");
    let mut lead = reproduced::lead(tables);
    for (number, model) in models.iter().enumerate() {
        let (label, verdict) = (escape(&model.label), escape(&verdict(model.summary)));
        let _ = write!(lead, "<li>Model {}, {label}: {verdict}.</li>", number + 1);
    }
    if !lead.is_empty() {
        let _ = write!(html, "<ul class=\"lead\">{lead}</ul>");
    }
    html
}

/// What spoils a number.
pub(super) fn remarks(replicas: &[ReplicaSummary], shown: &[Setting]) -> String {
    let found: Vec<(String, Vec<String>)> = remarks::list(replicas, shown)
        .into_iter()
        // They have a section of their own.
        .filter(|(remark, _)| !remark.starts_with("not resolvable"))
        .collect();
    if found.is_empty() {
        return String::new();
    }
    let mut html =
        "<div class=\"note\"><strong>To be known before the numbers are believed</strong><ul>".to_owned();
    for (remark, subjects) in found {
        let _ = write!(html, "<li>{}: {}</li>", escape(&remark), escape(&subjects.join(", ")));
    }
    html + "</ul></div>"
}

pub(super) fn utility_and_privacy(models: &[Model]) -> String {
    let columns = [
        ("", Number),
        ("model", Left),
        ("train", Number),
        ("reference", Number),
        ("test", Left),
        ("balanced", Left),
        ("always the commonest class", Left),
        ("logistic regression", Left),
        ("strongest attack on D", Words),
        ("accuracy", Left),
        ("AUC", Left),
        ("TPR@1%", Left),
        ("TPR@0.1%", Left),
        ("neural attack", Left),
        ("strongest on D′", Left),
    ];
    let rows: Vec<Vec<String>> = models
        .iter()
        .enumerate()
        .map(|(i, model)| {
            let summary = model.summary;
            let mut row = vec![(i + 1).to_string(), escape(&model.label)];
            row.extend([Some(summary.train_accuracy), summary.reference_accuracy].map(|v| rate(v, None)));
            row.extend(match &summary.utility {
                Some(u) => [
                    rate(Some(u.accuracy), Some(u.ci95.accuracy)),
                    rate(Some(u.balanced_accuracy), Some(u.ci95.balanced_accuracy)),
                    format!(
                        "{}<span class=\"ci\">{}</span>",
                        rate(Some(u.commonest_class_accuracy), None),
                        escape(&safe(u.commonest_class.clone()))
                    ),
                    rate(u.logistic_accuracy, u.ci95.logistic_accuracy),
                ],
                None => [summary.test_accuracy, None, None, None].map(|v| rate(v, None)),
            });
            row.extend(match named(summary.strongest_attack(), &summary.attacks) {
                Some((name, r)) => [
                    escape(&readable(name)),
                    rate(Some(r.accuracy), Some(r.ci95.accuracy)),
                    rate(Some(r.auc), Some(r.ci95.auc)),
                    rate(r.tpr.at_0_01, r.ci95.tpr.at_0_01),
                    rate(r.tpr.at_0_001, r.ci95.tpr.at_0_001),
                ],
                None => [NONE; 5].map(str::to_owned),
            });
            let neural = summary.attacks.get("neural");
            row.push(rate(neural.map(|r| r.accuracy), neural.map(|r| r.ci95.accuracy)));
            row.push(match named(summary.strongest_attack_on_reference(), &summary.attacks_on_reference) {
                Some((name, r)) => {
                    format!(
                        "{}<span class=\"ci\">{}</span>",
                        rate(Some(r.accuracy), Some(r.ci95.accuracy)),
                        escape(&readable(name))
                    )
                }
                None => NONE.to_owned(),
            });
            row
        })
        .collect();
    format!(
        "<section id=\"results\"><h2>Utility and privacy</h2><p class=\"soft\">Fractions from 0 to 1, 95% \
         intervals in \
         brackets. D: the records trained on. D′: the reference set, which a defense may leak. Train, reference, \
         test: the accuracy of the classifier; balanced: the mean of the classes' own accuracies on test records; \
         the commonest class: the test accuracy of always saying it, and which it is; logistic regression: of one \
         on the same members. For an \
         attack's accuracy 0.5 is guessing. {NONE}: not measured, or not resolvable.</p>{}</section>",
        table(&columns, &rows, None)
    )
}

pub(super) fn comparison(models: &[Model]) -> Result<String> {
    let figures: String =
        [figures::plane(models)?, figures::generalization(models)?].into_iter().flatten().collect();
    Ok(if figures.is_empty() { figures } else { format!("<div class=\"figures\">{figures}</div>") })
}

/// Everything of one model.
pub(super) fn model(number: usize, model: &Model) -> Result<String> {
    let mut html =
        format!("<section id=\"model-{0}\"><h2>Model {0}: {1}</h2>", number + 1, escape(&model.label));
    let summary = model.summary;
    html.push_str("<h3>Attacks on the members (D)</h3>");
    html.push_str(&attacks(&summary.attacks, summary.strongest_attack()));
    let mut shown = vec![figures::roc(model)?];
    if let Some(details) = model.details {
        shown.push(figures::histogram(
            "Confidence",
            "probability of the true class",
            &details.confidence,
            "Where the two differ a threshold tells them apart.",
        )?);
        shown.push(figures::histogram(
            "Prediction entropy",
            "entropy / log C",
            &details.entropy,
            "0%: sure of one class; 100%: all classes alike.",
        )?);
    }
    shown.push(figures::accuracies(&model.metrics)?);
    shown.push(figures::gain(&model.metrics)?);
    let shown: String = shown.into_iter().flatten().collect();
    if !shown.is_empty() {
        let _ = write!(html, "<div class=\"figures\">{shown}</div>");
    }
    if let Some(details) = model.details {
        html.push_str(&groups("Subgroups", &details.subgroups, summary));
        let classes = groups("By class", &details.classes, summary);
        if !classes.is_empty() {
            let _ = write!(
                html,
                "<details><summary>By class ({})</summary>{classes}</details>",
                details.classes.len()
            );
        }
    }
    if let Some(persons) = &summary.persons {
        let _ = write!(
            html,
            "<h3>Attacks on persons</h3><p class=\"soft\">All records of a person together: {} persons whose \
             records are members, {} others.</p>{}",
            persons.members,
            persons.nonmembers,
            attacks(&persons.attacks, None)
        );
    }
    html.push_str(&model.records.map_or(String::new(), most_exposed));
    if !summary.attacks_on_reference.is_empty() {
        let _ = write!(
            html,
            "<details><summary>Attacks on the reference set (D′)</summary>{}</details>",
            attacks(&summary.attacks_on_reference, summary.strongest_attack_on_reference())
        );
    }
    Ok(html + "</section>")
}

fn named<'s>(name: Option<&'s str>, attacks: &'s Attacks) -> Option<(&'s str, &'s AttackResult)> {
    Some((name?, attacks.get(name?)?))
}

/// Every attack: the strongest first and marked, then by accuracy.
fn attacks(attacks: &Attacks, strongest: Option<&str>) -> String {
    let columns = [
        ("attack", Left),
        ("accuracy", Left),
        ("AUC", Left),
        ("TPR@1%", Left),
        ("TPR@0.1%", Left),
        ("TPR@0.01%", Left),
        ("TNR@1%", Left),
        ("precision", Left),
        ("ε at least", Number),
        ("remark", Words),
    ];
    let mut sorted: Vec<(&String, &AttackResult)> = attacks.iter().collect();
    sorted.sort_by(|a, b| {
        let key = |(name, result): (&String, &AttackResult)| {
            (Some(name.as_str()) == strongest, result.accuracy, result.auc)
        };
        key(*b).partial_cmp(&key(*a)).unwrap_or(std::cmp::Ordering::Equal)
    });
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .map(|(name, r)| {
            let ci = &r.ci95;
            vec![
                escape(&readable(name)),
                rate(Some(r.accuracy), Some(ci.accuracy)),
                rate(Some(r.auc), Some(ci.auc)),
                rate(r.tpr.at_0_01, ci.tpr.at_0_01),
                rate(r.tpr.at_0_001, ci.tpr.at_0_001),
                rate(r.tpr.at_0_0001, ci.tpr.at_0_0001),
                rate(r.tnr.at_0_01, ci.tnr.at_0_01),
                rate(r.precision, ci.precision),
                r.epsilon_lower_bound.map_or(NONE.to_owned(), |epsilon| format!("{epsilon:.2}")),
                escape(r.note.as_deref().unwrap_or("")),
            ]
        })
        .collect();
    table(&columns, &rows, strongest.filter(|_| !rows.is_empty()).map(|_| 0))
}

/// The strongest attack on each group.
fn groups(
    title: &str,
    groups: &[crate::audit::results::details::GroupResult],
    summary: &ReplicaSummary,
) -> String {
    let Some(name) = summary.strongest_attack().filter(|_| !groups.is_empty()) else {
        return String::new();
    };
    let attack = readable(name);
    let (accuracy, area) = (format!("{attack}: accuracy"), "AUC");
    let columns = [
        ("group", Left),
        ("members", Number),
        ("non-members", Number),
        ("train", Number),
        ("test", Number),
        (accuracy.as_str(), Left),
        (area, Left),
    ];
    let few = || "not resolvable".to_owned();
    let rows: Vec<Vec<String>> = groups
        .iter()
        .map(|group| {
            let found = group.attacks.get(name);
            vec![
                escape(&group.name),
                group.members.to_string(),
                group.nonmembers.to_string(),
                rate(group.train_accuracy, None),
                rate(group.test_accuracy, None),
                found.map_or(few(), |f| rate(Some(f.accuracy), Some(f.accuracy_ci95))),
                found.map_or(few(), |f| rate(Some(f.auc), Some(f.auc_ci95))),
            ]
        })
        .collect();
    format!("<h3>{}</h3>{}", escape(title), table(&columns, &rows, None))
}

/// Members in the list of the most exposed.
const LISTED: usize = 20;

/// The list of the most exposed members: only where `--records` asks for it.
fn most_exposed(records: &RecordsFound) -> String {
    let listed = records.most_exposed(LISTED);
    let Some(attack) = records.risk_attack.as_ref().filter(|_| !listed.is_empty()) else {
        return String::new();
    };
    let columns = [
        ("record", Number),
        ("name", Left),
        ("person", Left),
        ("class", Left),
        ("risk", Left),
        ("attacks that say member", Left),
    ];
    let text = |texts: &Option<Vec<String>>, i: usize| {
        texts.as_ref().map_or(NONE.to_owned(), |texts| escape(&safe(texts[i].clone())))
    };
    let row = |&i: &usize| {
        let agreement = records.agreement(i);
        vec![
            records.rows[i].to_string(),
            text(&records.ids, i),
            text(&records.persons, i),
            escape(&safe(records.class(i))),
            rate(records.risks[i].map(|risk| risk.value), records.risks[i].map(|risk| [risk.low, risk.high])),
            format!("{} of {}", agreement.members, agreement.attacks),
        ]
    };
    let rows: Vec<Vec<String>> = listed.iter().map(row).collect();
    format!(
        "<details><summary>The {} most exposed members</summary><p class=\"soft\">This list names records of \
         persons: it stands here because --records was given. By {}. Risk: the probability, at even odds, that \
         a record with such a score is a member, learnt from other records than this one, with the 95% interval \
         for one record.</p>{}</details>",
        rows.len(),
        escape(&readable(attack)),
        table(&columns, &rows, None)
    )
}
