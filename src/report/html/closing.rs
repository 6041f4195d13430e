//! The page's last sections: what is not resolvable, the set-up, how to read it all.

use std::fmt::Write;

use super::escape::escape;
use super::model::Model;
use super::reproduced;
use super::table::Set::{Left, Words};
use super::table::table;
use crate::report::class;
use crate::report::export::metrics;
use crate::report::labels::{metric, readable};
use crate::report::reproduction::Reproduction;
use crate::report::run::Run;

/// Members and non-members scored, the attacks on so many, and the metrics that they lack.
type Lacking = ((usize, usize), Vec<String>, Vec<&'static str>);

/// Metrics that so few records cannot give.
pub(super) fn not_resolvable(models: &[Model]) -> String {
    let mut html = "<section id=\"unresolved\"><h2>Not resolvable</h2>".to_owned();
    let mut lines: Vec<String> = vec![];
    for (number, model) in models.iter().enumerate() {
        for (records, attacks) in [("D", &model.summary.attacks), ("D′", &model.summary.attacks_on_reference)]
        {
            // Attacks on as many records lack the same metrics.
            let mut by_size: Vec<Lacking> = vec![];
            for (name, result) in attacks {
                let lacking: Vec<&str> = metrics(result)
                    .into_iter()
                    .filter(|(metric, value, _)| value.is_none() && *metric != "precision")
                    .map(|(metric, ..)| metric)
                    .collect();
                let size = (result.members, result.nonmembers);
                match by_size.iter_mut().find(|(s, _, l)| *s == size && *l == lacking) {
                    Some((_, names, _)) => names.push(readable(name)),
                    None if lacking.is_empty() => {}
                    None => by_size.push((size, vec![readable(name)], lacking)),
                }
            }
            for ((m, n), names, lacking) in by_size {
                let of =
                    if names.len() == attacks.len() { "every attack".to_owned() } else { names.join(", ") };
                lines.push(format!(
                    "Model {}, {records}, {of}: {} (with {m} members and {n} non-members scored)",
                    number + 1,
                    lacking.iter().map(|key| metric(key)).collect::<Vec<_>>().join(", ")
                ));
            }
        }
    }
    if lines.is_empty() {
        return html + "<p>Nothing: there are records enough for every rate.</p></section>";
    }
    html.push_str(
        "<p>A rate at a given error rate is given only where at least ten records may be wrong. With too \
         few records these are unknown, not zero:</p><ul>",
    );
    for line in lines {
        let _ = write!(html, "<li>{}</li>", escape(&line));
    }
    html + "</ul></section>"
}

/// Data, adapter, settings.
pub(super) fn provenance(runs: &[Run], reproductions: &[Reproduction]) -> String {
    let mut html = "<section id=\"provenance\"><h2>Set-up</h2>".to_owned();
    reproductions.iter().for_each(|reproduction| html.push_str(&reproduced::provenance(reproduction)));
    for run in runs {
        let (summary, data) = (&run.summary, &run.summary.dataset);
        let adapter = match &summary.adapter {
            Some(a) => format!("{} ({}, {}, {})", a.name, a.backend, class(a.kind), a.driver),
            None => "none was needed: predictions of another program".to_owned(),
        };
        let features = data.features.map_or(String::new(), |f| format!("{f} features, "));
        let rows = [
            ("directory", run.directory.clone()),
            ("data", format!("{}: {} records, {features}{} classes", data.name, data.records, data.classes)),
            ("adapter", adapter),
            ("time", format!("{:.1} s", summary.seconds)),
            ("version", format!("veilgrad {}, summary schema {}", summary.version, summary.schema)),
        ];
        let rows: Vec<Vec<String>> = rows.iter().map(|(k, v)| vec![escape(k), escape(v)]).collect();
        let _ =
            write!(html, "<h3>{}</h3>{}", escape(&run.name), table(&[("", Left), ("", Words)], &rows, None));
        if !summary.notes.is_empty() {
            html.push_str("<ul>");
            summary.notes.iter().for_each(|note| {
                let _ = write!(html, "<li>{}</li>", escape(note));
            });
            html.push_str("</ul>");
        }
        if let Some(config) = &run.config {
            let _ = write!(
                html,
                "<details><summary>Configuration (run.toml)</summary><pre>{}</pre></details>",
                escape(config)
            );
        }
    }
    html + "</section>"
}

/// How models and tables are to be read, where there are any.
pub(super) fn reading(models: bool, tables: bool) -> String {
    const MODELS: &str = "<li>TPR@1%: the share of members found at a false positive rate of 1%, one false alarm in a \
         hundred non-members; TNR@1%: the share of non-members cleared where one member in a hundred is. \
         Precision: were members as frequent as the audit's base rate.</li><li>ε at least: with 95% \
         confidence no training that is differentially private with a smaller ε allows this attack. 0 \
         shows nothing.</li><li>Intervals of a model: exact limits for rates and for TPR at a given FPR, score \
         intervals for AUC; an attack that was chosen as the strongest has an interval that knows of the \
         choice.</li>";
    const TABLES: &str = "<li>Tables: each row is a setting, trained from several seeds; ± is half the 95% interval over \
         them (Student's t), and of one seed there is none. The strongest attack is the one with the \
         highest mean; the paper has the neural attack alone. Numbers of other data or sizes than the \
         paper's stand beside its own to compare how they change from row to row, not each with \
         each.</li><li>The paper: Nasr, Shokri and Houmansadr, Machine Learning with Membership Privacy \
         using Adversarial Regularization, CCS 2018. Defenses of other kinds are no table of it; the \
         numbers beside those are from Kaplan et al., A Cautionary Tale, PETS 2024.</li>";
    format!(
        "<section id=\"reading\"><h2>How to read it</h2><ul>{}<li>The attacker knows half of the members \
         and as many non-members. Attacks are trained and thresholds chosen on those; accuracies are from \
         the other records, AUC and rates too where the attack learnt from the known half, else from all.</li><li>An attack's accuracy is ½(TPR + TNR).</li>{}<li>An attack that finds \
         little is no proof of privacy: a stronger one may find more. The gap attack (a member if \
         classified right) is the floor; one below it was misled.</li></ul></section>",
        if tables { TABLES } else { "" },
        if models { MODELS } else { "" }
    )
}
