//! Features and labels from arrays, streamed: a matrix is packed while it is read, never held as it is
//! stored.
//!
//! Not the npy format itself (npy, array) and not which array is which (matrices).

use super::super::features::{Builder, Features, Wide};
use super::super::labels::RawLabels;
use super::npy::{Elements, Header};
use crate::error::{Error, Result};
use std::io::Read;

/// A matrix, and its column of labels if it has one.
pub(super) struct Matrix {
    pub(super) features: Features,
    pub(super) labels: RawLabels,
    /// Element type and shape, in words.
    pub(super) note: String,
}

/// Reads features (N × F; N alone is N × 1, further axes are taken as one) after `header`; column
/// `label`, if given, holds the labels instead.
///
/// # Errors
/// No record or no feature, a value that is NaN, infinite or beyond f32, an incomplete file.
pub(super) fn read(reader: impl Read, header: &Header, label: Option<usize>, place: &str) -> Result<Matrix> {
    let (records, columns) = extent(header, place)?;
    if let Some(label) = label.filter(|l| *l >= columns) {
        return Err(Error::usage("--label-column")
            .expected(format!("a column from 0 to {} of {place}", columns - 1))
            .found(label.to_string()));
    }
    let width = columns - usize::from(label.is_some());
    if width == 0 {
        return Err(Error::data(place)
            .expected("features and labels")
            .found(format!("an array of shape {:?}", header.shape))
            .advice("put the labels beside it, as labels.npy or Y.npy"));
    }
    // Labels in a byte matrix do not make its features any wider.
    let wide = if header.dtype.is_byte() { Wide::Bytes } else { Wide::Floats };
    let elements = Elements::new(reader, header.dtype, place);
    let (features, labels) = if header.fortran && header.shape.len() > 1 {
        by_columns(
            elements,
            (records, columns),
            label,
            Builder::zeros(records, width, wide).expecting(records, place),
        )?
    } else {
        by_rows(elements, (records, columns), label, Builder::new(width, wide).expecting(records, place))?
    };
    let axes: Vec<String> = header.shape.iter().map(usize::to_string).collect();
    Ok(Matrix { features, labels, note: format!("{} array of {}", header.dtype.name(), axes.join("×")) })
}

/// (N, columns).
fn extent(header: &Header, place: &str) -> Result<(usize, usize)> {
    let wanted = |found: String| {
        Error::data(place).expected("a matrix of records by features").found(format!("the shape {found}"))
    };
    let shape = format!("{:?}", header.shape);
    let (records, rest) = match header.shape.split_first() {
        Some((records, rest)) => (*records, rest),
        None => return Err(wanted(shape)),
    };
    if records == 0 || header.count == 0 || u32::try_from(records).is_err() {
        return Err(wanted(shape));
    }
    if header.fortran && rest.len() > 1 {
        return Err(wanted(format!("{shape} in Fortran order"))
            .advice("save it with np.ascontiguousarray, or as two axes"));
    }
    Ok((records, rest.iter().product()))
}

fn by_rows(
    mut elements: Elements<'_, impl Read>,
    (records, columns): (usize, usize),
    label: Option<usize>,
    mut builder: Builder,
) -> Result<(Features, RawLabels)> {
    let mut labels = RawLabels::default();
    let (mut values, mut row) = (Vec::new(), Vec::with_capacity(columns));
    // Several short rows a read, one long one: 64 Ki elements or so.
    let at_once = ((1 << 16) / columns).max(1);
    let mut i = 0;
    while i < records {
        let rows = at_once.min(records - i);
        elements.read(rows * columns, &mut values)?;
        for stored in values.chunks_exact(columns) {
            row.clear();
            row.extend(stored.iter().map(|value| *value as f32));
            if let Some(label) = label {
                labels.push_number(stored[label], || record(elements.place, i))?;
                row.remove(label);
            }
            // One question a row, since nearly always the answer is that all are finite.
            if !row.iter().all(|value| value.is_finite()) {
                for (j, value) in stored.iter().enumerate().filter(|(j, _)| Some(*j) != label) {
                    finite(*value, elements.place, i, j)?;
                }
            }
            builder.push(&row)?;
            i += 1;
        }
    }
    elements.finish()?;
    Ok((builder.finish(), labels))
}

fn by_columns(
    mut elements: Elements<'_, impl Read>,
    (records, columns): (usize, usize),
    label: Option<usize>,
    mut builder: Builder,
) -> Result<(Features, RawLabels)> {
    let mut labels = RawLabels::default();
    let mut values = Vec::new();
    for j in 0..columns {
        elements.read(records, &mut values)?;
        for (i, value) in values.iter().enumerate() {
            match label {
                Some(label) if label == j => labels.push_number(*value, || record(elements.place, i))?,
                Some(label) if label < j => builder.set(i, j - 1, finite(*value, elements.place, i, j)?)?,
                _ => builder.set(i, j, finite(*value, elements.place, i, j)?)?,
            }
        }
    }
    elements.finish()?;
    Ok((builder.finish(), labels))
}

fn record(place: &str, i: usize) -> String {
    format!("{place}, record {i}")
}

fn finite(value: f64, place: &str, i: usize, j: usize) -> Result<f32> {
    let narrow = value as f32;
    if narrow.is_finite() {
        return Ok(narrow);
    }
    Err(Error::data(format!("{}, feature {j}", record(place, i)))
        .expected("a finite 32-bit number")
        .found(value.to_string())
        .advice("remove the record or fill the value in"))
}

/// Reads labels from an array of their own after `header`: N or N × 1 numbers, or N × C with a single 1 a
/// row (one-hot). For one-hot labels, C is returned too.
pub(super) fn read_labels(reader: impl Read, header: &Header, place: &str) -> Result<RawLabels> {
    let (records, columns) = match header.shape[..] {
        [records] => (records, 1),
        [records, columns] if columns > 0 => (records, columns),
        _ => {
            return Err(Error::data(place)
                .expected("one label a record, or one-hot rows")
                .found(format!("the shape {:?}", header.shape)));
        }
    };
    let mut raw = RawLabels::default();
    let mut elements = Elements::new(reader, header.dtype, place);
    let mut values = Vec::new();
    if columns == 1 {
        for i in 0..records {
            elements.read(1, &mut values)?;
            raw.push_number(values[0], || record(place, i))?;
        }
    } else if header.fortran {
        let mut rows = vec![Hot::default(); records];
        for class in 0..columns {
            elements.read(records, &mut values)?;
            rows.iter_mut().zip(&values).for_each(|(row, value)| row.see(class, *value));
        }
        for (i, row) in rows.iter().enumerate() {
            raw.push_number(row.class(columns, place, i)?, || record(place, i))?;
        }
    } else {
        for i in 0..records {
            elements.read(columns, &mut values)?;
            let mut row = Hot::default();
            values.iter().enumerate().for_each(|(class, value)| row.see(class, *value));
            raw.push_number(row.class(columns, place, i)?, || record(place, i))?;
        }
    }
    elements.finish()?;
    Ok(raw)
}

/// A row that should be one-hot: where its 1 is, how many values are not 0.
#[derive(Debug, Default, Clone)]
struct Hot {
    one: Option<u32>,
    set: u32,
}

impl Hot {
    fn see(&mut self, class: usize, value: f64) {
        self.set += u32::from(value != 0.0);
        if value == 1.0 {
            self.one = Some(class as u32);
        }
    }

    fn class(&self, columns: usize, place: &str, i: usize) -> Result<f64> {
        match self.one {
            Some(class) if self.set == 1 => Ok(f64::from(class)),
            _ => Err(Error::data(record(place, i))
                .expected(format!("one-hot labels: a single 1 among {columns} values"))
                .found(format!("{} that are not 0", self.set))
                .advice("store the class numbers instead")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::labels::Known;
    use super::super::npy::{Element, write};
    use super::*;

    /// An npy file whose values are said to be in this order.
    fn npy_bytes<T: Element>(shape: &[usize], values: &[T], fortran: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, shape, values).expect("written");
        let place = bytes.windows(5).position(|w| w == b"False").expect("the order");
        bytes[place..place + 5].copy_from_slice(fortran.as_bytes());
        bytes
    }

    fn matrix(shape: &[usize], values: &[f64], fortran: bool, label: Option<usize>) -> Result<Matrix> {
        let bytes = npy_bytes(shape, values, if fortran { "True " } else { "False" });
        let mut reader = &bytes[..];
        let header = Header::read(&mut reader, "f")?.expect("numbers");
        read(reader, &header, label, "f")
    }

    fn refused(result: Result<Matrix>) -> String {
        result.err().expect("refused").to_string()
    }

    #[test]
    fn both_orders_and_a_label_column_give_the_same() {
        let rows = [[0., 5., 1., 0.5], [1., 6., 0., 2.], [0., 5., 0., -3.]];
        let c: Vec<f64> = rows.concat();
        let f: Vec<f64> = (0..4).flat_map(|j| rows.map(|row| row[j])).collect();
        let c = matrix(&[3, 4], &c, false, Some(1)).expect("C order");
        let f = matrix(&[3, 4], &f, true, Some(1)).expect("Fortran order");
        assert_eq!(c.features, f.features);
        assert_eq!(c.features.row(1), [1., 0., 2.]);
        let known = Known { base: Some(5), classes: None };
        assert_eq!(c.labels.resolve("f", known), f.labels.resolve("f", known));
        assert_eq!(c.note, "float64 array of 3×4");
    }

    #[test]
    fn further_axes_are_one() {
        let matrix = matrix(&[2, 2, 2], &[0., 1., 1., 0., 1., 1., 0., 0.], false, None).expect("read");
        assert_eq!(matrix.features, Features::Bits { words: vec![0b0110, 0b0011], width: 4 });
    }

    #[test]
    fn what_is_no_matrix_is_refused() {
        assert!(refused(matrix(&[], &[1.], false, None)).contains("shape []"));
        assert!(refused(matrix(&[0, 3], &[], false, None)).contains("shape [0, 3]"));
        assert!(refused(matrix(&[3, 1], &[1.; 3], false, Some(0))).contains("features and labels"));
        assert!(refused(matrix(&[3, 1], &[1.; 3], false, Some(1))).contains("from 0 to 0"));
        assert!(refused(matrix(&[1, 2, 1], &[1.; 2], true, None)).contains("Fortran"));
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            let message = refused(matrix(&[2, 2], &[0., 1., 1., bad], false, None));
            assert!(message.starts_with("f, record 1, feature 1: expected a finite"), "{message}");
        }
    }

    fn one_hot_labels(values: Vec<f32>, fortran: &str) -> Result<RawLabels> {
        let bytes = npy_bytes(&[2, 3], &values, fortran);
        let mut reader = &bytes[..];
        let header = Header::read(&mut reader, "f")?.expect("numbers");
        read_labels(reader, &header, "f")
    }

    #[test]
    fn one_hot_columns_are_the_same_labels() {
        // Rows 001 and 100: a column without a record is no class.
        let raw = one_hot_labels(vec![0., 1., 0., 0., 1., 0.], "True ").expect("one-hot");
        let labels = raw.resolve("f", Known::default()).expect("two classes");
        assert_eq!((labels.ids, labels.names), (vec![1, 0], vec!["0".to_owned(), "2".to_owned()]));
        let error = one_hot_labels(vec![0., 1., 0., 1., 1., 0.], "True ").expect_err("two in a row");
        assert_eq!(error.place, "f, record 1");
    }

    #[test]
    fn one_hot_labels_are_taken_row_by_row() {
        let one_hot = |values| one_hot_labels(values, "False");
        assert_eq!(one_hot(vec![0., 0., 1., 1., 0., 0.]).expect("one-hot").len(), 2);
        for bad in [vec![0., 0., 1., 0., 0., 0.], vec![0., 0., 1., 1., 1., 0.], vec![0., 0., 1., 2., 0., 0.]]
        {
            let error = one_hot(bad).expect_err("refused");
            assert_eq!(error.place, "f, record 1");
        }
    }
}
