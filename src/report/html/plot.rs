//! Plots as SVG: lines, bands, steps and dots on two axes, by plotters.
//!
//! Not what is plotted (`html::figures`), nor in which colors: each stroke and text has a code in the place
//! of its color (`#010001` the first series), which the page's style sheet turns into one for light and one
//! for dark.

use std::fmt::Display;
use std::ops::Range;

use plotters::prelude::*;

use crate::error::{Error, Kind, Result};

/// The plot's size, in the page's pixels at its natural width; text is legible at a phone's too. With many
/// names on its y axis it is higher.
const SIZE: (i32, i32) = (410, 290);

/// Of that, below the x axis and left of the y axis, for their labels.
const ROOM: (i32, i32) = (56, 42);

/// Above the axes, and right of them.
const MARGIN: (i32, i32) = (16, 8);

/// From a name on the y axis to the next at least.
const LINE: i32 = 30;

/// The width of a letter of a name, on average, and the most that names are given.
const LETTER: f64 = 6.3;
const WIDEST: f64 = 170.0;

/// The radius of a dot, and the height of a text.
const DOT: i32 = 5;
const HIGH: i32 = 14;

/// plotters rounds to whole units: this many to a pixel.
const FINE: i32 = 8;

/// Its font sizes come out this much smaller.
const FONT: f64 = 1.24;

const INK: RGBColor = RGBColor(1, 2, 0);
const GRID: RGBColor = RGBColor(1, 2, 1);
const AXIS: RGBColor = RGBColor(1, 2, 2);

/// Series that are told apart by color.
pub(super) const COLORS: usize = 7;

/// An axis: linear, in its own unit. A logarithmic one has logarithms as values.
pub(super) struct Axis {
    pub title: String,
    pub range: Range<f64>,
    pub labels: Labels,
}

/// What stands at an axis.
pub(super) enum Labels {
    /// Numbers, so many at most.
    Numbers(usize, fn(f64) -> String),
    /// A name at each of 1, 2, …; the range is from half below the first to half above the last.
    Names(Vec<String>),
}

impl Axis {
    /// An axis of names, the first of them on top.
    pub fn names<'a>(from_above: impl DoubleEndedIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = from_above.rev().map(str::to_owned).collect();
        let range = 0.5..names.len() as f64 + 0.5;
        Axis { title: String::new(), range, labels: Labels::Names(names) }
    }

    fn ticks(&self) -> usize {
        match &self.labels {
            Labels::Numbers(most, _) => *most,
            Labels::Names(names) => names.len(),
        }
    }

    fn label(&self, value: f64) -> String {
        match &self.labels {
            Labels::Numbers(_, format) => format(value),
            Labels::Names(_) if value.fract() != 0.0 => String::new(),
            Labels::Names(names) => names.get(value as usize - 1).cloned().unwrap_or_default(),
        }
    }
}

/// Room on the left of a plot, and its height, with this y axis.
fn layout(y: &Axis) -> (i32, i32) {
    let Labels::Names(names) = &y.labels else { return (ROOM.0, SIZE.1) };
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = 14 + (LETTER * longest as f64).min(WIDEST) as i32;
    (left, SIZE.1.max(ROOM.1 + MARGIN.1 + LINE * names.len() as i32))
}

/// Something drawn over what came before, in the color of series number `.0`; `None`: of the axes.
pub(super) enum Layer {
    /// Points, joined.
    Line(Option<usize>, Vec<(f64, f64)>),
    /// Filled between the points and the last of them, closed.
    Area(Option<usize>, Vec<(f64, f64)>),
    /// A dot with a text at its side, and the ends of its error bar.
    Dot(usize, (f64, f64), [(f64, f64); 2], String),
    /// A ring, wider than a dot.
    Ring(usize, (f64, f64)),
}

/// A plot, as SVG for a page; `label` says in words what it shows.
///
/// # Errors
/// None that axes of some extent can cause.
pub(super) fn svg(label: &str, x: &Axis, y: &Axis, layers: &[Layer]) -> Result<String> {
    let mut drawn = String::new();
    draw(&mut drawn, x, y, layers).map_err(|e| Error::new(Kind::Io, format!("plot of {label}")).found(e))?;
    // The page gives the size.
    let body = drawn.find('>').map_or("", |end| &drawn[end + 1..]);
    let (w, h) = (SIZE.0 * FINE, layout(y).1 * FINE);
    let label = super::escape::escape(label);
    Ok(format!(r#"<svg class="plot" role="img" aria-label="{label}" viewBox="0 0 {w} {h}">{body}"#))
}

fn draw(out: &mut String, x: &Axis, y: &Axis, layers: &[Layer]) -> Result<(), String> {
    let said = |e: &dyn Display| e.to_string();
    let (left, height) = layout(y);
    let root =
        SVGBackend::with_string(out, ((SIZE.0 * FINE) as u32, (height * FINE) as u32)).into_drawing_area();
    let font = |size: f64| ("sans-serif", size * FONT * f64::from(FINE)).into_font().color(&INK);
    let mut chart = ChartBuilder::on(&root)
        .margin_top(MARGIN.1 * FINE)
        .margin_right(MARGIN.0 * FINE)
        .x_label_area_size(ROOM.1 * FINE)
        .y_label_area_size(left * FINE)
        .build_cartesian_2d(x.range.clone(), y.range.clone())
        .map_err(|e| said(&e))?;
    chart
        .configure_mesh()
        .x_labels(x.ticks())
        .y_labels(y.ticks())
        .x_label_formatter(&|v| x.label(*v))
        .y_label_formatter(&|v| y.label(*v))
        .x_desc(x.title.as_str())
        .y_desc(y.title.as_str())
        .label_style(font(12.0))
        .axis_desc_style(font(12.5))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(FINE as u32))
        .axis_style(AXIS.stroke_width(FINE as u32))
        .set_all_tick_mark_size(4 * FINE)
        .draw()
        .map_err(|e| said(&e))?;
    let color = |series: &Option<usize>| match series {
        Some(number) => RGBColor(1, 0, (number % COLORS) as u8),
        None => AXIS,
    };
    let mut dots = vec![];
    for layer in layers {
        match layer {
            Layer::Line(series, points) => {
                let width = if series.is_some() { 2 } else { 1 } * FINE as u32;
                let path = PathElement::new(points.clone(), color(series).stroke_width(width));
                chart.draw_series([path]).map(drop)
            }
            Layer::Area(series, points) => {
                let filled = Polygon::new(points.clone(), color(series).mix(0.18).filled());
                chart.draw_series([filled]).map(drop)
            }
            Layer::Dot(series, at, bar, text) => {
                let color = color(&Some(*series));
                let bar = PathElement::new(bar.to_vec(), color.stroke_width(FINE as u32));
                let (x, y) = chart.backend_coord(at);
                dots.push(((x / FINE, y / FINE), text.as_str()));
                chart.draw_series([bar]).map_err(|e| said(&e))?;
                chart.draw_series([Circle::new(*at, DOT * FINE, color.filled())]).map(drop)
            }
            Layer::Ring(series, at) => {
                let line = color(&Some(*series)).stroke_width(2 * FINE as u32);
                chart.draw_series([Circle::new(*at, 7 * FINE, line)]).map(drop)
            }
        }
        .map_err(|e| said(&e))?;
    }
    let within = [left..SIZE.0, 0..height - ROOM.1];
    for (text, (x, y)) in texts(&dots, &within) {
        let text = Text::new(text.to_owned(), (x * FINE, y * FINE), font(12.0));
        root.draw(&text).map_err(|e| said(&e))?;
    }
    root.present().map_err(|e| said(&e))
}

/// The texts of dots, and where each begins, left and top, all in pixels: beside its dot, `within` the plot, where neither a
/// dot nor the text of one before it stands; to the right of it where there is no such place.
fn texts<'t>(dots: &[((i32, i32), &'t str)], within: &[Range<i32>; 2]) -> Vec<(&'t str, (i32, i32))> {
    let overlap = |a: &[Range<i32>; 2], b: &[Range<i32>; 2]| {
        a.iter().zip(b).all(|(a, b)| a.start < b.end && b.start < a.end)
    };
    let mut taken: Vec<[Range<i32>; 2]> =
        dots.iter().map(|((x, y), _)| [x - DOT..x + DOT, y - DOT..y + DOT]).collect();
    let place = |((x, y), text): &((i32, i32), &'t str)| {
        let width = width(text);
        let [right, left, middle] = [x + 8, x - 8 - width, x - width / 2];
        let beside = [(right, y - 7), (left, y - 7), (right, y - 17), (right, y + 3), (left, y - 17)];
        let around = [(left, y + 3), (middle, y - 22), (middle, y + 8), (middle, y - 36), (middle, y + 22)];
        let of = |at: &(i32, i32)| [at.0..at.0 + width, at.1..at.1 + HIGH];
        let free = |at: &&(i32, i32)| {
            let text = of(at);
            let inside = text.iter().zip(within).all(|(a, b)| b.start <= a.start && a.end <= b.end);
            inside && !taken.iter().any(|other| overlap(&text, other))
        };
        let at = *beside.iter().chain(&around).find(free).unwrap_or(&beside[0]);
        taken.push(of(&at));
        (*text, at)
    };
    dots.iter().filter(|(_, text)| !text.is_empty()).map(place).collect()
}

/// About that of a text, in pixels.
fn width(text: &str) -> i32 {
    (LETTER * text.chars().count() as f64).ceil() as i32
}

/// Points as steps: each value holds until the next x.
pub(super) fn steps(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = vec![];
    for (x, y) in points {
        if let Some(&(_, before)) = steps.last() {
            steps.push((x, before));
        }
        steps.push((x, y));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_words_and_codes_for_colors_and_nothing_else() {
        let axis = |title: &str| Axis {
            title: title.to_owned(),
            range: 0.0..1.0,
            labels: Labels::Numbers(3, |v| format!("{v:.1}")),
        };
        let layers = [
            Layer::Line(Some(2), vec![(0.0, 0.0), (1.0, 1.0)]),
            Layer::Area(None, vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]),
            Layer::Dot(0, (0.5, 0.5), [(0.5, 0.4), (0.5, 0.6)], "7".to_owned()),
            Layer::Ring(1, (0.2, 0.3)),
        ];
        let svg = svg("a < b", &axis("rate"), &axis("share"), &layers).unwrap();
        assert!(
            svg.starts_with("<svg class=\"plot\" role=\"img\" aria-label=\"a &lt; b\" viewBox=\""),
            "{svg}"
        );
        for part in ["rate", "share", "#010002", "#010000", "0.5", ">\n7\n<"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        for color in svg.split('#').skip(1) {
            assert!(color.starts_with("0100") || color.starts_with("01020"), "a color of its own: #{color}");
        }
    }

    #[test]
    fn every_name_stands_at_its_axis_once_the_first_on_top() {
        for count in 1..=24 {
            let names: Vec<String> = (0..count).map(|i| format!("<row {i}>")).collect();
            let (x, y) = (
                Axis {
                    title: "x".to_owned(),
                    range: 0.0..1.0,
                    labels: Labels::Numbers(3, |v| v.to_string()),
                },
                Axis::names(names.iter().map(String::as_str)),
            );
            let svg = svg("names", &x, &y, &[]).unwrap();
            let places: Vec<f64> = (0..count)
                .map(|i| {
                    let (before, after) = svg.split_once(&format!("\n&lt;row {i}&gt;\n")).expect("a name");
                    assert!(!after.contains(&format!("\n&lt;row {i}&gt;\n")), "{i} of {count} twice");
                    let (_, y) = before.rsplit_once(" y=\"").expect("a place");
                    y.split('"').next().and_then(|y| y.parse().ok()).expect("a number")
                })
                .collect();
            assert!(places.is_sorted(), "{count}: {places:?}");
        }
    }

    /// On the frontier of ten rows texts lay over each other, and were cut off on the right.
    #[test]
    fn texts_of_dots_are_within_the_plot_and_apart() {
        let within = [56..410, 0..248];
        let rows = [
            ((330, 30), "confidence penalty 0.5"),
            ((338, 31), "label smoothing 0.2"),
            ((341, 55), "without (λ 0)"),
            ((341, 68), "L2 0.001"),
            ((390, 95), "WERM 0.5"),
            ((341, 55), "λ 0"),
            ((58, 246), "the corner"),
        ];
        let found = texts(&rows, &within);
        let boxes: Vec<[Range<i32>; 2]> =
            found.iter().map(|(text, (x, y))| [*x..x + width(text), *y..y + HIGH]).collect();
        for (i, [x, y]) in boxes.iter().enumerate() {
            let inside = [x, y].into_iter().zip(&within).all(|(a, b)| b.start <= a.start && a.end <= b.end);
            assert!(inside, "{}: {x:?} {y:?}", rows[i].1);
            for (j, [other_x, other_y]) in boxes[..i].iter().enumerate() {
                let apart = x.end <= other_x.start
                    || other_x.end <= x.start
                    || y.end <= other_y.start
                    || other_y.end <= y.start;
                assert!(apart, "{} and {}", rows[i].1, rows[j].1);
            }
        }
    }

    #[test]
    fn steps_hold_their_value() {
        assert_eq!(steps([(0.0, 1.0), (2.0, 3.0)]), [(0.0, 1.0), (2.0, 1.0), (2.0, 3.0)]);
    }
}
