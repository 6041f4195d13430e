//! A reproduced table as text for a terminal, as Markdown and as CSV.

use super::class;
use super::comparison::{Change, Comparison, Ends, Measured, Row};
use super::labels::{NONE, readable};
use super::table::{self, Side};
use crate::error::{Error, Result};

/// Columns of the text: accuracies in percent, as the paper has them.
pub(super) const HEADER: [(&str, Side); 10] = [
    ("", Side::Left),
    ("train", Side::Left),
    ("paper", Side::Right),
    ("test", Side::Left),
    ("paper", Side::Right),
    ("Δ", Side::Right),
    ("neural attack", Side::Left),
    ("paper", Side::Right),
    ("Δ", Side::Right),
    ("strongest attack", Side::Left),
];

/// The whole text, with a line break at its end.
pub fn text(table: &Comparison) -> String {
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| cells(row, "\n")).collect();
    let mut parts = vec![heading(table), table::text(&HEADER, &rows), legend(table)];
    parts.extend(lists(table, "  "));
    parts.join("\n\n") + "\n"
}

/// The same as Markdown, with a line break at its end.
pub fn markdown(table: &Comparison) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![line(HEADER.map(|(name, _)| name.to_owned()).to_vec())];
    let side = |side: Side| if side == Side::Left { "---" } else { "---:" };
    lines.push(line(HEADER.map(|(_, s)| side(s).to_owned()).to_vec()));
    // A bar would end the cell.
    lines.extend(
        table
            .rows
            .iter()
            .map(|row| line(cells(row, ", ").into_iter().map(|cell| cell.replace('|', "\\|")).collect())),
    );
    let mut parts =
        vec![format!("## {}", heading(table).replace('\n', "\n\n")), lines.join("\n"), legend(table)];
    parts.extend(lists(table, "- "));
    parts.join("\n\n") + "\n"
}

/// A line a row of each table; rates as fractions.
///
/// # Errors
/// None: it is written to memory.
pub fn csv<'a>(tables: impl IntoIterator<Item = &'a Comparison>) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::data("csv").found(e.to_string());
    let mut writer = csv::Writer::from_writer(vec![]);
    let mut header: Vec<String> =
        ["table", "preset", "data", "published_data", "row", "seeds"].map(str::to_owned).to_vec();
    for name in ["train", "test", "neural"] {
        let columns = ["", "_low", "_high", "_published", "_difference"];
        header.extend(columns.map(|end| format!("{name}{end}")));
    }
    for name in ["strongest", "gap", "on_reference"] {
        header.extend(["", "_low", "_high"].map(|end| format!("{name}{end}")));
    }
    header.extend(["strongest_attack", "on_reference_attack"].map(str::to_owned));
    writer.write_record(&header).map_err(failed)?;
    let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.6}"));
    let interval =
        |m: &Measured| [number(m.mean), number(m.ci95.map(|ci| ci[0])), number(m.ci95.map(|ci| ci[1]))];
    let rows = tables.into_iter().flat_map(|table| table.rows.iter().map(move |row| (table, row)));
    for (table, row) in rows {
        let mut record = vec![table.table.clone(), table.preset.clone(), table.dataset.name.clone()];
        record.extend([table.published_dataset.clone().unwrap_or_default(), row.label.clone()]);
        record.push(table.seeds.to_string());
        for measured in [&row.train, &row.test, &row.neural] {
            record.extend(interval(measured));
            record.extend([number(measured.published), number(measured.difference)]);
        }
        let none = Measured::default();
        for measured in [&row.strongest, &row.gap, row.on_reference.as_ref().unwrap_or(&none)] {
            record.extend(interval(measured));
        }
        record.extend([row.strongest_attack.clone(), row.on_reference_attack.clone().unwrap_or_default()]);
        writer.write_record(&record).map_err(failed)?;
    }
    writer.into_inner().map_err(|e| Error::data("csv").found(e.to_string()))
}

fn heading(table: &Comparison) -> String {
    format!(
        "{}: {} (preset {}); {}\n{}",
        table.title,
        table.dataset.name,
        table.preset,
        beside(table),
        made_by(table)
    )
}

/// What stands beside the numbers.
pub(super) fn beside(table: &Comparison) -> String {
    match &table.published_dataset {
        Some(name) => format!("published numbers: {name}"),
        None => "no published numbers".to_owned(),
    }
}

/// Program and adapter.
pub(super) fn made_by(table: &Comparison) -> String {
    let adapter = table.adapter.as_ref();
    let adapter = adapter.map_or(String::new(), |a| {
        format!(", on {} ({}, {}, {})", a.name, a.backend, class(a.kind), a.driver)
    });
    format!("veilgrad {}{adapter}", table.version)
}

/// A row under [`HEADER`]; `between` stands between the strongest attack's accuracy and its name.
pub(super) fn cells(row: &Row, between: &str) -> Vec<String> {
    let paper = |m: &Measured| m.published.map_or(NONE.to_owned(), |v| format!("{:.1}", 100.0 * v));
    let difference = |m: &Measured| m.difference.map_or(NONE.to_owned(), |v| format!("{:+.1}", 100.0 * v));
    let strongest = format!("{}{between}{}", percent(&row.strongest), readable(&row.strongest_attack));
    vec![
        row.label.clone(),
        percent(&row.train),
        paper(&row.train),
        percent(&row.test),
        paper(&row.test),
        difference(&row.test),
        percent(&row.neural),
        paper(&row.neural),
        difference(&row.neural),
        strongest,
    ]
}

/// `81.2 ± 0.4`.
pub(super) fn percent(measured: &Measured) -> String {
    match (measured.mean, measured.half_width()) {
        (Some(mean), Some(half)) => format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * half),
        (Some(mean), None) => format!("{:.1}", 100.0 * mean),
        _ => NONE.to_owned(),
    }
}

pub(super) fn legend(table: &Comparison) -> String {
    let seeds = match table.seeds {
        1 => "One seed".to_owned(),
        n => format!("Mean of {n} seeds ± half the 95% interval (Student's t)"),
    };
    format!(
        "{seeds}; accuracies in percent, 50 is a guessing
attacker; Δ: ours minus the paper's."
    )
}

/// Above what departs from the paper, and above what spoils a number.
pub(super) const DIFFERS: &str = "What differs from the published table";
pub(super) const TO_BE_KNOWN: &str = "To be known";

/// Which rows the verdict is on.
pub(super) fn from_to(ends: &Ends) -> String {
    format!("From {} to {}", ends.first, ends.last)
}

/// Of the neural and of the strongest attack: from where to where, and whether by more than the intervals.
pub(super) fn verdicts(ends: &Ends) -> [String; 2] {
    [("neural attack", &ends.neural), ("strongest attack", &ends.strongest)].map(|(name, change)| {
        format!("{name}: {:.1} to {:.1}; {}", 100.0 * change.from, 100.0 * change.to, verdict(change))
    })
}

pub(super) fn verdict(change: &Change) -> &'static str {
    match change.falls_by_more_than_intervals {
        Some(true) => "the intervals do not touch",
        Some(false) if change.to < change.from => "the intervals touch",
        Some(false) => "it does not fall",
        None => "one seed: no intervals",
    }
}

/// The verdict on the ends, what differs, what must be known.
fn lists(table: &Comparison, bullet: &str) -> Vec<String> {
    let list = |title: &str, lines: &[String]| {
        let lines: Vec<String> = lines.iter().map(|line| format!("{bullet}{line}")).collect();
        format!("{title}:\n{}", lines.join("\n"))
    };
    let mut parts = vec![];
    if let Some(ends) = &table.ends {
        parts.push(list(&from_to(ends), &verdicts(ends)));
    }
    if !table.differs.is_empty() {
        parts.push(list(DIFFERS, &table.differs));
    }
    if !table.notes.is_empty() {
        parts.push(list(TO_BE_KNOWN, &table.notes));
    }
    // Markdown begins a list after a blank line.
    match bullet {
        "- " => parts.into_iter().map(|part| part.replacen('\n', "\n\n", 1)).collect(),
        _ => parts,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::comparison::SCHEMA;
    use super::*;

    pub(in crate::report) fn table() -> Comparison {
        let row = |label: &str, attack: f64| {
            let of = |mean: f64, published| Measured::new(vec![mean - 0.01, mean, mean + 0.01], published);
            Row {
                label: label.into(),
                train: of(0.99, None),
                test: of(0.8, Some(0.775)),
                neural: of(attack, Some(0.6)),
                strongest: of(attack + 0.05, None),
                strongest_attack: "confidence_per_class".into(),
                ..Row::default()
            }
        };
        let rows = vec![row("|D′| 500", 0.7), row("|D′| 5000", 0.55)];
        Comparison {
            schema: SCHEMA,
            table: "reference-size".into(),
            title: "Size".into(),
            preset: "retail100".into(),
            published_dataset: Some("Purchase100".into()),
            version: "0.1.0".into(),
            seeds: 3,
            ends: Ends::of(&rows),
            rows,
            differs: vec!["another data set".into()],
            ..Comparison::default()
        }
    }

    #[test]
    fn the_text_fits_a_terminal_and_gives_the_verdict() {
        let text = text(&table());
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        for part in
            ["80.0 ± 2.5", "77.5", "+2.5", "confidence per class", "70.0 to 55.0; the intervals do not touch"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn markdown_has_as_many_cells_in_every_line() {
        let text = markdown(&table());
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 4);
        for line in lines {
            let bars = line.replace("\\|", "").matches('|').count();
            assert_eq!(bars, HEADER.len() + 1, "{line}");
        }
    }

    #[test]
    fn csv_is_read_back() {
        let bytes = csv([&table(), &table()]).unwrap();
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        let at = reader.headers().unwrap().iter().position(|name| name == "neural_published").unwrap();
        let rows: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!((rows.len(), &rows[3][at]), (4, "0.600000"));
    }
}
