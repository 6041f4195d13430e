//! NumPy's npy format: the header, and whole arrays in and out.
//!
//! Not data sets (matrix streams those), not archives of arrays (npz), not the elements (array).
//!
//! The format is NumPy Enhancement Proposal 1: a magic string, a version, the header's length, a Python
//! dictionary with `descr`, `fortran_order` and `shape`, then the elements.

pub use super::array::{Array, Element, Values};

use super::array::Dtype;
use super::source::{damaged, read_error};
use crate::error::{Error, Result};
use std::io::{Read, Write};

/// What stands before the elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: Dtype,
    /// The first axis runs fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Elements: the product of the shape; their bytes fit a u64.
    pub(super) count: u64,
    /// Bytes of the header itself.
    length: u64,
}

impl Header {
    /// Of elements that follow at once, in C order: another format's.
    pub(super) fn bare(dtype: Dtype, shape: Vec<usize>) -> Option<Self> {
        let count = count(&shape)?;
        count.checked_mul(dtype.size as u64)?;
        Some(Header { dtype, fortran: false, shape, count, length: 0 })
    }
}

/// Elements of an array of this `shape`, where a u64 holds their number. An array without elements has axes that
/// bytes in the file do not bound, and who walks along one of them would not come to its end: there are at most
/// [`MOST_EMPTY`] places along the others.
fn count(shape: &[usize]) -> Option<u64> {
    let places = shape.iter().try_fold(1_u64, |product, axis| product.checked_mul((*axis).max(1) as u64))?;
    let is_empty = shape.contains(&0);
    (!is_empty || places <= MOST_EMPTY).then_some(if is_empty { 0 } else { places })
}

const MOST_EMPTY: u64 = 1 << 24;

/// Headers are some hundred bytes; a longer one is damage, not worth its memory.
const LONGEST_HEADER: usize = 1 << 16;

impl Header {
    /// Reads the header and leaves `reader` at the first element. `None` for an array of Python objects.
    ///
    /// # Errors
    /// A damaged header, elements that are no numbers.
    pub(super) fn read(reader: &mut impl Read, place: &str) -> Result<Option<Self>> {
        match Self::read_any(reader, place)? {
            Some(header) if header.dtype.is_text() => Err(Error::data(place)
                .expected("elements of type float16, float32, float64, bool or an integer type")
                .found("text")
                .advice("convert the array with .astype('float32') or .astype('int64')")),
            header => Ok(header),
        }
    }

    /// As [`read`](Self::read); elements may be text.
    pub(super) fn read_any(reader: &mut impl Read, place: &str) -> Result<Option<Self>> {
        let mut read = |bytes: &mut [u8]| reader.read_exact(bytes).map_err(|e| read_error(place, &e));
        let mut start = [0; 8];
        read(&mut start)?;
        let length = match start {
            [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _] => {
                let mut length = [0; 2];
                read(&mut length)?;
                (10, usize::from(u16::from_le_bytes(length)))
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _] => {
                let mut length = [0; 4];
                read(&mut length)?;
                (12, u32::from_le_bytes(length) as usize)
            }
            _ => return Err(damaged(place, "another beginning than an npy array's")),
        };
        if length.1 > LONGEST_HEADER {
            return Err(damaged(place, &format!("a header of {} bytes", length.1)));
        }
        let mut text = vec![0; length.1];
        read(&mut text)?;
        Self::parse(&String::from_utf8_lossy(&text), (length.0 + length.1) as u64, place)
    }

    fn parse(text: &str, length: u64, place: &str) -> Result<Option<Self>> {
        let value = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let broken = || damaged(place, &format!("the header {text:?}"));
        let descr = value("descr").ok_or_else(broken)?;
        let descr = match descr.strip_prefix('\'').and_then(|d| d.split_once('\'')) {
            Some((descr, _)) => descr,
            None => {
                return Err(Error::data(place)
                    .expected("an array of numbers")
                    .found("an array of records")
                    .advice("save its columns as one plain array"));
            }
        };
        if descr.contains('O') {
            return Ok(None);
        }
        let dtype = Dtype::parse(descr).or_else(|| Dtype::parse_text(descr)).ok_or_else(|| {
            Error::data(place)
                .expected("elements of type float16, float32, float64, bool or an integer type")
                .found(format!("the type {descr:?}"))
                .advice("convert the array with .astype('float32') or .astype('int64')")
        })?;
        let fortran = value("fortran_order").ok_or_else(broken)?.starts_with("True");
        let shape = value("shape").and_then(|s| s.strip_prefix('(')).and_then(|s| s.split_once(')'));
        let shape: Vec<usize> = shape
            .ok_or_else(broken)?
            .0
            .split(',')
            .map(str::trim)
            .filter(|axis| !axis.is_empty())
            .map(|axis| axis.parse().map_err(|_| broken()))
            .collect::<Result<_>>()?;
        let count =
            count(&shape).filter(|c| c.checked_mul(dtype.size as u64).is_some()).ok_or_else(broken)?;
        Ok(Some(Header { dtype, fortran, shape, count, length }))
    }

    /// Bytes of header and elements.
    pub(super) fn file_length(&self) -> u128 {
        u128::from(self.length) + u128::from(self.count) * self.dtype.size as u128
    }

    /// Checks that a file of `available` bytes holds header and elements, no more and no less: before
    /// any memory is taken for them.
    pub(super) fn check_length(&self, available: u64, place: &str) -> Result<()> {
        let needed = self.file_length();
        if needed == u128::from(available) {
            return Ok(());
        }
        Err(damaged(place, &format!("{available} bytes where the shape {:?} needs {needed}", self.shape)))
    }
}

/// Reads elements after the header, some at a time.
pub(super) struct Elements<'a, R> {
    pub(super) reader: R,
    pub(super) dtype: Dtype,
    pub(super) place: &'a str,
    bytes: Vec<u8>,
}

impl<'a, R: Read> Elements<'a, R> {
    pub(super) fn new(reader: R, dtype: Dtype, place: &'a str) -> Self {
        Elements { reader, dtype, place, bytes: Vec::new() }
    }

    /// Reads the bytes of the next `count` elements.
    pub(super) fn bytes(&mut self, count: usize) -> Result<&[u8]> {
        self.bytes.resize(count * self.dtype.size, 0);
        self.reader.read_exact(&mut self.bytes).map_err(|e| read_error(self.place, &e))?;
        Ok(&self.bytes)
    }

    /// Appends the next `count` elements to `out`.
    pub(super) fn append(&mut self, count: usize, out: &mut Values) -> Result<()> {
        let dtype = self.dtype;
        dtype.append(self.bytes(count)?, out);
        Ok(())
    }

    /// Replaces `out` by the next `count` elements.
    pub(super) fn read(&mut self, count: usize, out: &mut Vec<f64>) -> Result<()> {
        out.clear();
        let dtype = self.dtype;
        dtype.decode(self.bytes(count)?, out);
        Ok(())
    }

    /// Checks that nothing follows; reading to the end also checks a zip's checksum.
    pub(super) fn finish(mut self) -> Result<()> {
        match self.reader.read(&mut [0]).map_err(|e| read_error(self.place, &e))? {
            0 => Ok(()),
            _ => Err(damaged(self.place, "more bytes than the shape needs")),
        }
    }
}

/// Reads a whole array; `None` if it is one of Python objects.
pub(in crate::dataset) fn read(mut reader: impl Read, place: &str) -> Result<Option<Array>> {
    let Some(header) = Header::read(&mut reader, place)? else { return Ok(None) };
    let values = header.dtype.empty();
    read_elements(reader, &header, values, place).map(Some)
}

/// The elements after `header`, all of them, appended to the empty `values`.
pub(super) fn read_elements(
    reader: impl Read,
    header: &Header,
    mut values: Values,
    place: &str,
) -> Result<Array> {
    const CHUNK: u64 = 1 << 16;
    let mut elements = Elements::new(reader, header.dtype, place);
    let dtype = header.dtype;
    let mut left = header.count;
    while left > 0 {
        let count = left.min(CHUNK);
        let bytes = elements.bytes(count as usize)?;
        dtype.append(bytes, &mut values);
        left -= count;
    }
    elements.finish()?;
    if dtype.wraps() && matches!(&values, Values::I64(v) if v.iter().any(|x| *x < 0)) {
        return Err(Error::data(place).expected("integers below 2^63").found("a larger one"));
    }
    let shape = header.shape.clone();
    if header.fortran {
        values = values.to_c_order(&shape);
    }
    Ok(Array { shape, values })
}

/// Writes an array in C order, version 1.0.
///
/// # Panics
/// If `values` has not as many elements as `shape` says.
pub fn write<T: Element>(writer: &mut impl Write, shape: &[usize], values: &[T]) -> std::io::Result<()> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "shape {shape:?}");
    let axes: String = shape.iter().map(|axis| format!("{axis}, ")).collect();
    // A tuple of one needs its comma; NumPy itself writes none after the last of several.
    let axes = if shape.len() == 1 { axes.trim_end() } else { axes.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': ({axes}), }}", T::DESCR);
    // The elements begin at a multiple of 64; the header ends in a newline.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', padded - header.len() - 1));
    header.push('\n');
    let length = u16::try_from(padded).map_err(|_| std::io::ErrorKind::InvalidInput)?;
    writer.write_all(b"\x93NUMPY\x01\x00")?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(header.as_bytes())?;
    let mut bytes = Vec::new();
    for chunk in values.chunks(1 << 16) {
        bytes.clear();
        chunk.iter().for_each(|value| value.put(&mut bytes));
        writer.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An npy file of version `version` with this header text and these bytes.
    fn file(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        if version == 1 {
            bytes.extend((header.len() as u16).to_le_bytes());
        } else {
            bytes.extend((header.len() as u32).to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn array(descr: &str, fortran: &str, shape: &str, data: &[u8]) -> Result<Option<Array>> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        read(&file(1, &header, data)[..], "f")
    }

    fn refused(result: Result<Option<Array>>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn the_header_is_as_numpy_writes_it() {
        let mut bytes = Vec::new();
        write(&mut bytes, &[2, 3], &[1.0_f32; 6]).expect("written");
        assert!(bytes.starts_with(
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   "
        ));
        assert_eq!(bytes.len(), 128 + 24);
        bytes.clear();
        write(&mut bytes, &[1], &[1_u8]).expect("written");
        assert!(String::from_utf8_lossy(&bytes).contains("'shape': (1,), }"));
    }

    #[test]
    fn every_type_and_both_ends_are_read() {
        let values =
            |descr, data: &[u8]| array(descr, "False", "(1,)", data).expect(descr).expect(descr).values;
        assert_eq!(values("|b1", &[1]), Values::U8(vec![1]));
        assert_eq!(values("|u1", &[200]), Values::U8(vec![200]));
        assert_eq!(values("|i1", &[0xff]), Values::I32(vec![-1]));
        assert_eq!(values("<i2", &[0xfe, 0xff]), Values::I32(vec![-2]));
        assert_eq!(values(">u2", &[1, 2]), Values::I32(vec![258]));
        assert_eq!(values(">i4", &[0, 0, 1, 0]), Values::I32(vec![256]));
        assert_eq!(values("<u4", &[0xff; 4]), Values::I64(vec![0xffff_ffff]));
        assert_eq!(values(">i8", &[0, 0, 0, 0, 0, 0, 0, 9]), Values::I64(vec![9]));
        assert_eq!(values("<u8", &[9, 0, 0, 0, 0, 0, 0, 0]), Values::I64(vec![9]));
        assert_eq!(values(">f4", &1.5_f32.to_be_bytes()), Values::F32(vec![1.5]));
        // 1.5 is sign 0, exponent 15, fraction 1000000000.
        assert_eq!(values("<f2", &[0x00, 0x3e]), Values::F32(vec![1.5]));
        assert_eq!(values(">f2", &[0x3e, 0x00]), Values::F32(vec![1.5]));
        assert_eq!(values("<f8", &2.5_f64.to_le_bytes()), Values::F64(vec![2.5]));
        assert!(refused(array("<u8", "False", "(1,)", &[0xff; 8])).contains("2^63"));
    }

    #[test]
    fn fortran_order_is_turned() {
        // Columns first: (0,0) (1,0) (0,1) (1,1) (0,2) (1,2).
        let read = array("|u1", "True", "(2, 3)", &[1, 2, 3, 4, 5, 6]).expect("read").expect("numbers");
        assert_eq!(read, Array { shape: vec![2, 3], values: Values::U8(vec![1, 3, 5, 2, 4, 6]) });
    }

    #[test]
    fn what_is_not_an_array_of_numbers_is_refused() {
        assert_eq!(array("|O", "False", "(1,)", b""), Ok(None));
        assert!(refused(array("<c8", "False", "(1,)", &[0; 8])).contains("\"<c8\""));
        assert!(refused(array("<f3", "False", "(1,)", &[0; 3])).contains("astype"));
        assert!(refused(array("|u1", "False", "(3,)", &[0; 2])).contains("truncated"));
        assert!(refused(array("|u1", "False", "(1,)", &[0; 2])).contains("more bytes"));
        assert!(refused(array("|u1", "False", "(-1,)", &[0; 2])).contains("(-1,)"));
        assert!(refused(array("<f8", "False", "(4294967296, 4294967296)", b"")).contains("damaged"));
        let record = "{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }";
        assert!(refused(read(&file(1, record, b"")[..], "f")).contains("records"));
        assert!(refused(read(&file(1, "{}", b"")[..], "f")).contains("header"));
        assert!(refused(read(&b"not an array at all"[..], "f")).contains("beginning"));
        let mut long = file(2, "", b"");
        long[8..12].fill(0xff);
        assert!(refused(read(&long[..], "f")).contains("header of 4294967295 bytes"));
    }

    #[test]
    fn an_array_without_elements_has_no_endless_axis() {
        let read = |shape: &str| {
            let header = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({shape}), }}");
            read(&file(1, &header, &[])[..], "f")
        };
        assert_eq!(read("3, 0").expect("read").expect("numbers").shape, [3, 0]);
        for shape in ["1152921504606846976, 0", "0, 1099511627776, 1099511627776", "16777217, 0"] {
            assert!(read(shape).expect_err("refused").to_string().contains("shape"), "{shape}");
        }
    }

    #[test]
    fn the_second_version_of_the_header_is_read() {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }";
        let read = read(&file(2, header, &[5])[..], "f").expect("read").expect("numbers");
        assert_eq!(read, Array { shape: vec![], values: Values::U8(vec![5]) });
    }
}
