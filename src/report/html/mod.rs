//! A report as one HTML file, which needs no network and no script: tables, figures, what spoils a number.
//!
//! Not the numbers, which the audit wrote, and not their export for machines ([`super::export`]).

mod closing;
mod escape;
mod figures;
mod frontier;
mod model;
mod plot;
mod reproduced;
mod roofline;
mod sections;
mod table;

use super::labels::shown_settings;
use super::reproduction::Reproduction;
use super::run::Run;
use crate::audit::results::summary::ReplicaSummary;
use crate::error::Result;
use escape::escape;
use model::models;
pub use roofline::roofline;

const STYLE: &str = include_str!("style.css");

/// Models with figures of their own; the numbers of further ones are in the tables.
const MOST_FIGURES: usize = 12;

/// The page; without a `title` it has one by what it shows.
///
/// # Errors
/// None that numbers and text can cause.
pub fn page(title: Option<&str>, runs: &[Run], reproductions: &[Reproduction]) -> Result<String> {
    let title = title.unwrap_or(match runs {
        [] => "The paper's tables",
        _ => "Membership privacy audit",
    });
    let all: Vec<ReplicaSummary> = runs.iter().flat_map(|run| run.summary.replicas.iter().cloned()).collect();
    let shown = shown_settings(&all);
    let models = models(runs, &shown);
    let tables = reproduced::reproduced(reproductions);
    let mut body = vec![sections::head(title, runs, &models, &tables)];
    for (number, table) in tables.iter().enumerate() {
        body.push(reproduced::section(number, table)?);
    }
    body.push(reproduced::frontiers(&tables)?);
    if !models.is_empty() {
        body.extend([
            sections::remarks(&all, &shown),
            sections::utility_and_privacy(&models),
            sections::comparison(&models)?,
        ]);
    }
    for (number, model) in models.iter().enumerate().take(MOST_FIGURES) {
        body.push(sections::model(number, model)?);
    }
    if models.len() > MOST_FIGURES {
        body.push(format!(
            "<p class=\"note\">Figures are of the first {MOST_FIGURES} of {} models. The numbers of all are \
             in the table \
             above, and in what <code>veilgrad report --csv DIR</code> and <code>--json</code> write.</p>",
            models.len()
        ));
    }
    if !models.is_empty() {
        body.push(closing::not_resolvable(&models));
    }
    body.push(closing::provenance(runs, reproductions));
    body.push(closing::reading(!models.is_empty(), !tables.is_empty()));
    Ok(shell(title, &body.join("\n")))
}

/// A whole page around its body.
fn shell(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"veilgrad \
         {}\">\n\
         <link rel=\"icon\" \
         href=\"data:,\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n\
         </main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        escape(title),
    )
}

#[cfg(test)]
mod tests {
    use super::super::reproduction::tests::reproduction;
    use super::super::run::tests::run;
    use super::*;

    #[test]
    fn the_page_is_whole_and_asks_for_nothing_from_elsewhere() {
        let page = page(Some("An <audit>"), &[run("a & b")], &[reproduction("c & d")]).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        for part in [
            "An &lt;audit&gt;",
            "a &amp; b",
            "ROC",
            "inference gain",
            "Generalization error by class",
            "not resolvable",
            "c &amp; d",
            "href=\"#table-1\"",
            "What differs from the published table",
        ] {
            assert!(page.contains(part), "{part}");
        }
        for foreign in ["http:", "https:", "<script", "url(", "@import", "src="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        for tag in ["figure", "table", "section", "ul", "svg", "div"] {
            let (open, close) = (format!("<{tag}"), format!("</{tag}>"));
            let opened =
                page.matches(&format!("{open}>")).count() + page.matches(&format!("{open} ")).count();
            assert_eq!(opened, page.matches(&close).count(), "{tag}");
        }
    }

    #[test]
    fn of_many_models_some_have_figures_and_it_is_said() {
        let mut many = run("many");
        let model = many.summary.replicas[0].clone();
        many.summary.replicas = (0..40).map(|_| model.clone()).collect();
        let page = page(None, &[many], &[]).unwrap();
        assert!(page.contains("Figures are of the first 12 of 40 models"));
        assert!(page.contains("<title>Membership privacy audit</title>") && !page.contains("Table"));
    }

    #[test]
    fn a_page_of_tables_alone_speaks_of_nothing_else() {
        let page = page(None, &[], &[reproduction("tables")]).unwrap();
        assert!(page.contains("<title>The paper&#39;s tables</title>") && page.contains("id=\"table-1\""));
        for absent in ["0 models", "Utility and privacy", "Not resolvable", "href=\"#results\"", "TPR@1%"] {
            assert!(!page.contains(absent), "{absent}");
        }
    }
}
