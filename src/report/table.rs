//! The one look of all tables: columns, a line under the header, no colors, no borders.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// A column's side to which its cells are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// No limit to a table's columns: its content is never broken.
pub const UNBROKEN: usize = usize::MAX;

/// A table as text, without a line break at its end: a header cell and a side for every column, and
/// rows of as many cells. Lines are as wide as their content, and at most `columns`: cells of a wider table are
/// broken between words.
pub fn text(header: &[(&str, Side)], rows: &[Vec<String>], columns: usize) -> String {
    let mut table = Table::new();
    if let Ok(columns) = u16::try_from(columns) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(columns);
    }
    table
        .force_no_tty()
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
        .set_header(header.iter().map(|(name, _)| *name));
    for row in rows {
        table.add_row(row);
    }
    let last = header.len().saturating_sub(1);
    for (place, (column, (_, side))) in table.column_iter_mut().zip(header).enumerate() {
        // A blank more stands where other styles have a line.
        column.set_padding((0, u16::from(place < last)));
        column.set_cell_alignment(match side {
            Side::Left => CellAlignment::Left,
            Side::Right => CellAlignment::Right,
        });
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_lines_have_no_blanks_at_their_end() {
        let rows = [vec!["a".to_owned(), "10".to_owned()], vec!["long".to_owned(), "5".to_owned()]];
        let lines = ["name   λ", "────────", "a     10", "long   5"];
        assert_eq!(text(&[("name", Side::Left), ("λ", Side::Right)], &rows, UNBROKEN), lines.join("\n"));
    }

    #[test]
    fn a_table_that_is_too_wide_is_broken_within_its_cells() {
        let rows = [vec!["a".to_owned(), "some words of a sentence".to_owned()]];
        let narrow = text(&[("name", Side::Left), ("what it is", Side::Left)], &rows, 20);
        assert!(narrow.lines().all(|line| line.chars().count() <= 20), "{narrow}");
        assert_eq!(
            narrow.split_whitespace().filter(|word| !word.contains('─')).collect::<Vec<_>>(),
            "name what it is a some words of a sentence".split(' ').collect::<Vec<_>>()
        );
    }
}
