//! The frontier of the reproduced tables: what each row keeps of its use against what the strongest attack sees.
//!
//! Not the tables ([`super::reproduced`]). A λ, an L2 factor and an ε are no scales that can be compared; what they
//! cost and what they bring is.

use super::figures::{extent, figure, share};
use super::plot::{COLORS, Layer, svg};
use crate::error::Result;
use crate::report::comparison::Comparison;

/// A figure for each data set, on which every table made from it is a line through its rows; none for a data set
/// with fewer than two rows.
pub(super) fn frontiers<'t>(tables: impl Iterator<Item = &'t Comparison>) -> Result<Vec<String>> {
    let mut by_data: Vec<(&str, Vec<&Comparison>)> = vec![];
    for table in tables {
        match by_data.iter_mut().find(|(name, _)| *name == table.dataset.name) {
            Some((_, tables)) => tables.push(table),
            None => by_data.push((&table.dataset.name, vec![table])),
        }
    }
    let figures: Result<Vec<Option<String>>> =
        by_data.into_iter().map(|(name, tables)| frontier(name, &tables)).collect();
    Ok(figures?.into_iter().flatten().collect())
}

fn frontier(data: &str, tables: &[&Comparison]) -> Result<Option<String>> {
    let mut layers = vec![];
    let mut legend = vec![];
    let (mut tests, mut leaks) = (vec![], vec![0.5]);
    let (mut rows, mut labelled) = (0, vec![]);
    for (series, table) in tables.iter().enumerate() {
        let series = series % COLORS;
        let mut line = vec![];
        for row in &table.rows {
            let (Some(test), Some(leak)) = (row.test.mean, row.strongest.mean) else { continue };
            // Student's interval knows of no bounds.
            let ends =
                |ci95: Option<[f64; 2]>, mean| ci95.unwrap_or([mean; 2]).map(|end: f64| end.clamp(0.0, 1.0));
            let ([left, right], [low, high]) = (ends(row.test.ci95, test), ends(row.strongest.ci95, leak));
            // The same models, of another table.
            let text = if labelled.contains(&(test, leak)) { String::new() } else { row.label.clone() };
            labelled.push((test, leak));
            line.push((row.label.as_str(), (test, leak)));
            layers.push(Layer::Dot(series, (test, leak), [(test, low), (test, high)], text));
            layers.push(Layer::Line(Some(series), vec![(left, leak), (right, leak)]));
            tests.extend([left, test, right]);
            leaks.extend([low, leak, high]);
        }
        rows += line.len();
        for steps in scales(&line, table.ends.is_some()) {
            layers.insert(0, Layer::Line(Some(series), steps));
        }
        legend.push((Some(series), format!("{} ({})", table.title, table.preset)));
    }
    if rows < 2 {
        return Ok(None);
    }
    let (x, y) = (extent(tests.into_iter()), extent(leaks.into_iter()));
    layers.insert(0, Layer::Line(None, vec![(x.start, 0.5), (x.end, 0.5)]));
    let plot = svg(
        &format!("test accuracy and strongest attack of every row of the tables of {data}"),
        &share("test accuracy (utility)", x),
        &share("strongest attack's accuracy", y),
        &layers,
    )?;
    let caption = "Better is right and low: of two rows with one test accuracy the lower protects more. Bars are 95% \
    intervals over the seeds; the line at 50% is guessing.";
    Ok(Some(figure(&format!("Frontier: {data}"), &plot, &legend, caption)))
}

/// The places of rows, of those labels, that are steps of a scale: all of a table of `one`, in a table of other kinds
/// those whose labels differ in numbers alone (the noise of DP-SGD, and its ε).
fn scales(rows: &[(&str, (f64, f64))], one: bool) -> Vec<Vec<(f64, f64)>> {
    if one {
        return vec![rows.iter().map(|(_, place)| *place).collect()];
    }
    let kind = |label: &str| label.replace(|c: char| c.is_ascii_digit() || c == '.', "");
    let mut scales: Vec<(String, Vec<(f64, f64)>)> = vec![];
    for (label, place) in rows {
        let kind = kind(label);
        match scales.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, places)) => places.push(*place),
            None => scales.push((kind, vec![*place])),
        }
    }
    scales.into_iter().map(|(_, places)| places).filter(|places| places.len() > 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::reproduction::tests::reproduction;

    #[test]
    fn rows_that_differ_in_numbers_alone_are_steps_of_one_scale() {
        let labels = ["without (λ 0)", "with (λ 2)", "DP-SGD σ 0.3 (ε 311)", "L2 0.001", "DP-SGD σ 1 (ε 46)"];
        let places: Vec<(f64, f64)> = (0..5).map(|place| (f64::from(place), 0.5)).collect();
        let rows: Vec<_> = labels.into_iter().zip(places.clone()).collect();
        assert_eq!(scales(&rows, true), [places]);
        assert_eq!(scales(&rows, false), [vec![(2.0, 0.5), (4.0, 0.5)]]);
    }

    #[test]
    fn tables_of_one_data_set_share_a_figure() {
        let mut first = reproduction("a").tables.remove(0);
        let mut second = first.clone();
        second.preset = "other <form>".to_owned();
        let alone = frontiers([&first].into_iter()).unwrap();
        let both = frontiers([&first, &second].into_iter()).unwrap();
        assert_eq!((alone.len(), both.len()), (1, 1));
        assert!(both[0].contains("other &lt;form&gt;") && !alone[0].contains("other"), "{}", both[0]);
        for row in &first.rows {
            assert!(alone[0].contains(&row.label), "{}: {}", row.label, alone[0]);
            let times = both[0].matches(&format!("\n{}\n", row.label)).count();
            assert_eq!(times, 1, "a model of both tables has its name once: {}", both[0]);
        }
        second.dataset.name = "other data".to_owned();
        assert_eq!(frontiers([&first, &second].into_iter()).unwrap().len(), 2);
        first.rows.truncate(1);
        assert_eq!(frontiers([&first].into_iter()).unwrap().len(), 0);
    }
}
