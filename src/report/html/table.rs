//! The look of the page's tables.
//!
//! Not what stands in them; their cells are HTML.

use std::fmt::Write;

use super::escape::escape;
use crate::report::labels::NONE;

/// A rate, and its interval if there is one.
pub(super) fn rate(value: Option<f64>, interval: Option<[f64; 2]>) -> String {
    match (value, interval) {
        (Some(value), Some([low, high])) => {
            format!("{value:.3} <span class=\"ci\">[{low:.3}, {high:.3}]</span>")
        }
        (Some(value), None) => format!("{value:.3}"),
        (None, _) => NONE.to_owned(),
    }
}

/// How a column is set.
#[derive(Debug, Clone, Copy)]
pub(super) enum Set {
    Left,
    Number,
    /// Broken into lines.
    Words,
}
/// A table: columns, rows of HTML, which of them stands out.
pub(super) fn table(columns: &[(&str, Set)], rows: &[Vec<String>], best: Option<usize>) -> String {
    let class = |set: Set| match set {
        Set::Left => "",
        Set::Number => " class=\"number\"",
        Set::Words => " class=\"words\"",
    };
    let mut html = "<div class=\"wide\"><table><thead><tr>".to_owned();
    for (name, set) in columns {
        let _ = write!(html, "<th{}>{}</th>", class(*set), escape(name));
    }
    html.push_str("</tr></thead><tbody>");
    for (i, row) in rows.iter().enumerate() {
        html.push_str(if best == Some(i) { "<tr class=\"best\">" } else { "<tr>" });
        for (cell, (_, set)) in row.iter().zip(columns) {
            let _ = write!(html, "<td{}>{cell}</td>", class(*set));
        }
        html.push_str("</tr>");
    }
    html + "</tbody></table></div>"
}
