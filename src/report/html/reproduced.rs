//! The reproduced tables of the page: what the paper has beside ours, how the ends differ, what departs from
//! the paper.
//!
//! Not their figures (`figures`); their words are the terminal's ([`super::super::comparison_text`]).

use std::fmt::Write;
use std::path::Path;

use super::escape::escape;
use super::figures;
use super::frontier;
use super::table::Set::{Left, Number};
use super::table::table;
use crate::error::Result;
use crate::report::comparison::{Change, Comparison};
use crate::report::comparison_text::{
    DIFFERS, Pairs, TO_BE_KNOWN, beside, cells, columns, from_to, legend, made_by, pairs, percent, verdict,
    verdicts,
};
use crate::report::labels::count;
use crate::report::reproduction::{RUNS, Reproduction};
use crate::report::table::Side;

/// A table of one of the reproductions.
pub(super) struct Reproduced<'a> {
    /// By its title and data, and its directory where there are several.
    heading: String,
    table: &'a Comparison,
}

/// The tables of all `reproductions`, in their order.
pub(super) fn reproduced(reproductions: &[Reproduction]) -> Vec<Reproduced<'_>> {
    let mut all = vec![];
    for reproduction in reproductions {
        for table in &reproduction.tables {
            let from = match reproductions.len() {
                1 => String::new(),
                _ => format!(" ({})", reproduction.directory),
            };
            let heading = format!("{}: {}{from}", table.title, table.dataset.name);
            all.push(Reproduced { heading, table });
        }
    }
    all
}

/// A sentence for each table whose rows are a scale, for the page's head.
pub(super) fn lead(tables: &[Reproduced]) -> String {
    let mut html = String::new();
    for (number, Reproduced { heading, table }) in tables.iter().enumerate() {
        let Some(ends) = &table.ends else { continue };
        let change = |change: &Change| {
            format!(
                "from {:.1} to <strong>{:.1}%</strong> ({})",
                100.0 * change.from,
                100.0 * change.to,
                verdict(change)
            )
        };
        let _ = write!(
            html,
            "<li>Table {}, {}. {} the neural attack goes {}, the strongest {}.</li>",
            number + 1,
            escape(heading),
            escape(&from_to(ends)),
            change(&ends.neural),
            change(&ends.strongest)
        );
    }
    html
}

/// Everything of one table.
pub(super) fn section(number: usize, reproduced: &Reproduced) -> Result<String> {
    let Reproduced { heading, table } = reproduced;
    let mut html = format!("<section id=\"table-{0}\"><h2>Table {0}: {1}</h2>", number + 1, escape(heading));
    let data = &table.dataset;
    let features = data.features.map_or(String::new(), |f| format!("{f} features, "));
    let _ = write!(
        html,
        "<p class=\"soft\">{}: {} records, {features}{} classes (preset {}); {}. {}</p>",
        escape(&data.name),
        data.records,
        data.classes,
        escape(&table.preset),
        escape(&beside(table)),
        escape(&legend(table))
    );
    if !table.notes.is_empty() {
        let _ =
            write!(html, "<div class=\"note\"><strong>{TO_BE_KNOWN}</strong>{}</div>", list(&table.notes));
    }
    html.push_str(&numbers(table));
    html.push_str(&seed_by_seed(table));
    if let Some(ends) = &table.ends {
        let _ = write!(html, "<h3>{}</h3>{}", escape(&from_to(ends)), list(&verdicts(ends)));
    }
    let shown = [figures::attacks_by_row(table)?, figures::accuracies_by_row(table)?];
    let shown: String = shown.into_iter().flatten().collect();
    if !shown.is_empty() {
        let _ = write!(html, "<div class=\"figures\">{shown}</div>");
    }
    if !table.differs.is_empty() {
        let _ = write!(html, "<h3>{DIFFERS}</h3>{}", list(&table.differs));
    }
    let _ = write!(html, "<p class=\"soft\">{}</p>", escape(&made_by(table)));
    Ok(html + "</section>")
}

/// What all tables of a data set come to, on one figure each.
pub(super) fn frontiers(tables: &[Reproduced]) -> Result<String> {
    let figures = frontier::frontiers(tables.iter().map(|reproduced| reproduced.table))?;
    Ok(match figures.is_empty() {
        true => String::new(),
        false => format!(
            "<section id=\"frontier\"><h2>Utility against privacy</h2><div class=\"figures\">{}</div></section>",
            figures.concat()
        ),
    })
}

/// The rows as the terminal has them, and what it has no room for: being classified right as an attack.
fn numbers(comparison: &Comparison) -> String {
    let side = |side: Side| if side == Side::Left { Left } else { Number };
    let mut heads: Vec<_> = columns(comparison).into_iter().map(|(name, of)| (name, side(of))).collect();
    heads.push(("gap attack", Left));
    let rows = cells(comparison, "\n").into_iter().zip(&comparison.rows);
    let rows: Vec<Vec<String>> = rows
        .map(|(cells, row)| cells.iter().chain([&percent(&row.gap)]).map(|cell| set(cell)).collect())
        .collect();
    table(&heads, &rows, None)
}

/// The rows after the first beside it; nothing of a single row.
fn seed_by_seed(comparison: &Comparison) -> String {
    let Some(Pairs { title, columns, rows }) = pairs(comparison) else { return String::new() };
    let heads: Vec<_> = columns.into_iter().map(|(name, _)| (name, Left)).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
    format!("<h3>{}</h3>{}", escape(&title), table(&heads, &rows, None))
}

/// A cell; its second line in small.
fn set(cell: &str) -> String {
    match cell.split_once('\n') {
        Some((first, second)) => format!("{} <span class=\"ci\">{}</span>", escape(first), escape(second)),
        None => escape(cell),
    }
}

fn list(lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
    format!("<ul>{items}</ul>")
}

/// Where the tables and their runs lie.
pub(super) fn provenance(reproduction: &Reproduction) -> String {
    let Reproduction { directory, runs, tables } = reproduction;
    let mut html = format!(
        "<h3>{}</h3><p>{} of <code>veilgrad reproduce</code>",
        escape(directory),
        count(tables.len(), "table")
    );
    if let Some(first) = runs.first() {
        let _ = write!(
            html,
            ", made from the runs {}. Each is a run's directory: <code>veilgrad report {}</code> shows \
             everything of it",
            escape(&runs.join(", ")),
            escape(&Path::new(directory).join(RUNS).join(first).display().to_string())
        );
    }
    html + ".</p>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::comparison::Row;
    use crate::report::labels::NONE;
    use crate::report::reproduction::tests::reproduction;

    #[test]
    fn a_table_stands_with_what_was_published_its_verdict_and_its_figures() {
        let reproductions = [reproduction("a<b"), reproduction("c")];
        let tables = reproduced(&reproductions);
        let html = section(1, &tables[0]).unwrap();
        for part in [
            "id=\"table-2\"",
            "Size:  (a&lt;b)",
            "80.0 ± 2.5",
            "+2.5",
            "confidence\nper class</span>",
            "neural attack: 70.0 to 55.0; it falls by 15.0 ± 2.5",
            "Rings: published, of Purchase100.",
            "another data set",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(html.matches("<svg").count(), 2);
        assert!(
            lead(&tables).contains(
                "the neural attack goes from 70.0 to <strong>55.0%</strong> (it falls by 15.0 ± 2.5"
            ),
            "{}",
            lead(&tables)
        );
        assert!(provenance(&reproductions[1]).contains("veilgrad report c/runs/retail100-lambda"));
    }

    #[test]
    fn what_was_not_measured_is_not_drawn() {
        let mut one = reproduction("one");
        one.tables[0]
            .rows
            .iter_mut()
            .for_each(|row| *row = Row { label: row.label.clone(), ..Row::default() });
        let html = section(0, &reproduced(&[one])[0]).unwrap();
        assert!(html.contains(NONE) && !html.contains("<svg"), "{html}");
    }
}
