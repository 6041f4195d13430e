//! A reproduced table as text for a terminal, as Markdown and as CSV.

use super::class;
use super::comparison::{Change, Comparison, Ends, Measured, Row};
use super::labels::{NONE, readable};
use super::table::{self, Side};
use crate::error::{Error, Result};

/// Whether a table has published numbers, and differences from them, of each of [`Row::compared`].
fn published(table: &Comparison) -> [[bool; 2]; 3] {
    [0, 1, 2].map(|quantity| {
        let measured = || table.rows.iter().map(|row| row.compared()[quantity]);
        let differs = |(_, m, meant): (&str, &Measured, bool)| meant && m.difference.is_some();
        [measured().any(|(_, m, _)| m.published.is_some()), measured().any(differs)]
    })
}

/// Whether the attack by the authors' protocol was made: the neural attack is then a column of its own.
fn by_the_authors(table: &Comparison) -> bool {
    table.rows.first().is_some_and(|row| row.as_published.is_some())
}

/// Columns of the text: accuracies in percent, as the paper has them; what is published is headed by its
/// source.
pub(super) fn columns(table: &Comparison) -> Vec<(&str, Side)> {
    let mut columns = vec![("", Side::Left)];
    let quantities = table.rows.first().into_iter().flat_map(Row::compared);
    for ((name, ..), [beside, differs]) in quantities.zip(published(table)) {
        columns.push((name, Side::Left));
        columns.extend(beside.then_some((table.source.as_str(), Side::Right)));
        columns.extend(differs.then_some(("Δ", Side::Right)));
    }
    if by_the_authors(table) {
        columns.push(("neural, ours", Side::Left));
    }
    columns.extend([("strongest", Side::Left), ("on D′", Side::Left)]);
    columns
}

/// The whole text, its table in at most `width` columns, with a line break at its end.
pub fn text(table: &Comparison, width: usize) -> String {
    let rows: Vec<Vec<String>> = cells(table, "\n");
    let mut parts = vec![heading(table), table::text(&columns(table), &rows, width), legend(table)];
    if let Some(pairs) = pairs(table) {
        parts.push(format!("{}:\n\n{}", pairs.title, table::text(&pairs.columns, &pairs.rows, width)));
    }
    parts.extend(lists(table, "  "));
    parts.join("\n\n") + "\n"
}

/// The same as Markdown, with a line break at its end.
pub fn markdown(table: &Comparison) -> String {
    let heading = format!("## {}", heading(table).replace('\n', "\n\n"));
    let mut parts = vec![heading, markdown_table(&columns(table), cells(table, ", ")), legend(table)];
    if let Some(Pairs { title, columns, rows }) = pairs(table) {
        parts.extend([format!("{title}:"), markdown_table(&columns, rows)]);
    }
    parts.extend(lists(table, "- "));
    parts.join("\n\n") + "\n"
}

fn markdown_table(columns: &[(&str, Side)], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![line(columns.iter().map(|(name, _)| (*name).to_owned()).collect())];
    let side = |side: Side| if side == Side::Left { "---" } else { "---:" };
    lines.push(line(columns.iter().map(|(_, s)| side(*s).to_owned()).collect()));
    // A bar would end the cell.
    lines.extend(
        rows.into_iter().map(|row| line(row.into_iter().map(|cell| cell.replace('|', "\\|")).collect())),
    );
    lines.join("\n")
}

/// The rows after the first beside it, seed by seed.
pub(super) struct Pairs {
    pub(super) title: String,
    pub(super) columns: Vec<(&'static str, Side)>,
    pub(super) rows: Vec<Vec<String>>,
}

/// `None` of a single row, or without numbers.
pub(super) fn pairs(table: &Comparison) -> Option<Pairs> {
    let (first, others) = table.rows.split_first()?;
    let quantities = first.quantities();
    let columns = quantities.iter().map(|(name, _)| (*name, Side::Left));
    let row = |row: &Row| {
        let mut cells = vec![row.label.clone()];
        let pairs = quantities.iter().zip(row.quantities()).map(|((_, first), (_, this))| this.less(first));
        cells.extend(pairs.map(|pairs| match pairs.map(|m| (m.mean, m.half_width())) {
            Some((Some(mean), Some(half))) => format!("{:+.1} ± {:.1}", 100.0 * mean, 100.0 * half),
            Some((Some(mean), None)) => format!("{:+.1}", 100.0 * mean),
            _ => NONE.to_owned(),
        }));
        cells
    };
    let found = !others.is_empty() && first.test.mean.is_some();
    found.then(|| Pairs {
        title: match table.seeds {
            1 => format!("Against {}, of the same seed, in points", first.label),
            _ => format!("Against {}, the same seeds as pairs, in points", first.label),
        },
        columns: [("", Side::Left)].into_iter().chain(columns).collect(),
        rows: others.iter().map(row).collect(),
    })
}

/// A line a row of each table; rates as fractions.
///
/// # Errors
/// None: it is written to memory.
pub fn csv<'a>(tables: impl IntoIterator<Item = &'a Comparison>) -> Result<Vec<u8>> {
    let failed = |e: csv::Error| Error::data("csv").found(e.to_string());
    let mut writer = csv::Writer::from_writer(vec![]);
    let mut header: Vec<String> =
        ["table", "preset", "data", "source", "published_data", "row", "seeds"].map(str::to_owned).to_vec();
    for name in ["train", "test", "neural", "as_published"] {
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
        record.push(table.source.clone());
        record.extend([table.published_dataset.clone().unwrap_or_default(), row.label.clone()]);
        record.push(table.seeds.to_string());
        let none = Measured::default();
        for measured in [&row.train, &row.test, &row.neural, row.as_published.as_ref().unwrap_or(&none)] {
            record.extend(interval(measured));
            record.extend([number(measured.published), number(measured.difference)]);
        }
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

/// The rows under [`columns`]; `between` stands between a strongest attack's accuracy and its name, and where
/// it is a line break, long words are spread over several lines.
pub(super) fn cells(table: &Comparison, between: &str) -> Vec<Vec<String>> {
    let published = published(table);
    let paper = |m: &Measured| m.published.map_or(NONE.to_owned(), |v| format!("{:.1}", 100.0 * v));
    let difference = |m: &Measured| m.difference.map_or(NONE.to_owned(), |v| format!("{:+.1}", 100.0 * v));
    let lines = between == "\n";
    let spread = |text: String| if lines { text.replace(" per ", "\nper ") } else { text };
    let named = |m: &Measured, name: &str| format!("{}{between}{}", percent(m), spread(readable(name)));
    let cells = |row: &Row| {
        let mut cells = vec![if lines { row.label.replace(" (", "\n(") } else { row.label.clone() }];
        for ((_, measured, _), [beside, differs]) in row.compared().into_iter().zip(published) {
            cells.push(percent(measured));
            cells.extend(beside.then(|| paper(measured)));
            cells.extend(differs.then(|| difference(measured)));
        }
        cells.extend(by_the_authors(table).then(|| percent(&row.neural)));
        cells.push(named(&row.strongest, &row.strongest_attack));
        cells.push(match (&row.on_reference, &row.on_reference_attack) {
            (Some(measured), Some(attack)) => named(measured, attack),
            _ => NONE.to_owned(),
        });
        cells
    };
    table.rows.iter().map(cells).collect()
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
    let published = published(table);
    let beside = published.iter().any(|[beside, _]| *beside);
    let difference =
        if published.iter().any(|[_, differs]| *differs) { "Δ: ours minus the published. " } else { "" };
    let protocol = match (by_the_authors(table), beside) {
        (true, _) => {
            "\nNeural, as published: by the authors' protocol, as the published numbers are (trained on D′ as\n\
             non-members, the best epoch on the scored records). Neural, ours: against test records, the last epoch."
        }
        (false, true) => {
            "\nThe neural attack is by our protocol (against test records, scored on the other halves at its last\n\
             epoch), a published one by its authors'."
        }
        (false, false) => "",
    };
    format!(
        "{seeds}; accuracies in percent, 50 is a guessing attacker.\n\
         {difference}Strongest: of all attacks on D; then of all on D′.{protocol}"
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

pub(super) fn verdict(change: &Change) -> String {
    if let Some([low, high]) = change.difference_ci95 {
        let size = format!("{:.1} ± {:.1}", 50.0 * (low + high).abs(), 50.0 * (high - low));
        return match (high < 0.0, low > 0.0) {
            (true, _) => format!("it falls by {size} (the same seeds as pairs)"),
            (_, true) => format!("it rises by {size} (the same seeds as pairs)"),
            _ => format!("a difference of {size} (the same seeds as pairs): chance makes as much"),
        };
    }
    let words = match change.falls_by_more_than_intervals {
        Some(true) => "the intervals do not touch",
        Some(false) if change.to < change.from => "the intervals touch",
        Some(false) => "it does not fall",
        None => "one seed: no intervals",
    };
    words.to_owned()
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
            let of = |mean: f64, published| {
                // Of other seeds the higher ones in every row: pairs differ by more than nothing.
                let apart = if attack > 0.6 { [-0.01, 0.0, 0.01] } else { [0.0, -0.01, 0.01] };
                Measured::new(apart.map(|by| mean + by).to_vec(), published)
            };
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
            source: "paper".into(),
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
        let text = text(&table(), 110);
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        for part in ["80.0 ± 2.5", "77.5", "+2.5", "per class", "70.0 to 55.0; it falls by 15.0 ± 2.5"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn markdown_has_as_many_cells_in_every_line() {
        let text = markdown(&table());
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 4 + 3);
        for (number, line) in lines.into_iter().enumerate() {
            let bars = line.replace("\\|", "").matches('|').count();
            let columns = if number < 4 { columns(&table()).len() } else { 4 };
            assert_eq!(bars, columns + 1, "{line}");
        }
    }

    #[test]
    fn rows_stand_against_the_first_seed_by_seed() {
        let mut table = table();
        let text = text(&table, 110);
        // Test 80.0 in both, of unlike seeds: differences 1, −1 and 0 points; t(2; 0.975) · 1 / √3 = 2.48.
        for part in ["Against |D′| 500, the same seeds as pairs", "+0.0 ± 2.5", "-15.0 ± 2.5"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        table.rows.truncate(1);
        assert!(!markdown(&table).contains("Against"), "nothing stands beside a single row");
    }

    /// Kaplan et al. publish no attack by the authors' protocol: an empty column stood beside ours.
    #[test]
    fn a_quantity_without_a_published_number_has_no_column_for_one() {
        let mut table = table();
        for row in &mut table.rows {
            (row.neural.published, row.neural.difference) = (None, None);
        }
        let heads: Vec<&str> = columns(&table).into_iter().map(|(name, _)| name).collect();
        assert_eq!(heads, ["", "train", "test", "paper", "Δ", "neural", "strongest", "on D′"]);
    }

    /// A difference between data sets is none of a program's.
    #[test]
    fn columns_name_their_source_and_there_are_differences_of_the_same_data_alone() {
        let mut other = table();
        other.source = "Kaplan et al.".into();
        for row in &mut other.rows {
            [&mut row.train, &mut row.test, &mut row.neural].into_iter().for_each(|m| m.difference = None);
        }
        let text = text(&other, 110);
        assert_eq!(text.matches("Kaplan et al.").count(), 2, "of test and attack: {text}");
        assert!(!text.contains('Δ') && text.contains("on D′"), "{text}");
        for row in &mut other.rows {
            [&mut row.train, &mut row.test, &mut row.neural].into_iter().for_each(|m| m.published = None);
        }
        assert!(!markdown(&other).contains("Kaplan"), "nothing is published");
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
