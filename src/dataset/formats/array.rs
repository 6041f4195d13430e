//! Arrays of numbers, and their elements as NumPy stores them.
//!
//! Not the files they come in: npy has the header, npz the archive.

use crate::error::{Error, Result};
use half::{bf16, f16};

/// An array in C order (the last axis runs fastest).
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Length of each axis; empty for a single number.
    pub shape: Vec<usize>,
    /// As many elements as the product of `shape`.
    pub values: Values,
}

/// Stands in a matrix after the records of a row that is shorter than others.
pub const NO_RECORD: i64 = -1;

/// The elements. Types that are not here are widened: bool to `U8`, i8, i16 and u16 to `I32`, u32 and
/// u64 to `I64`, f16 and bfloat16 to `F32`.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// 32-bit floats; also what f16 and bfloat16 become.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 32-bit whole numbers with a sign; also what i8, i16 and u16 become.
    I32(Vec<i32>),
    /// 64-bit whole numbers with a sign; also what u32 and u64 become, where they fit.
    I64(Vec<i64>),
    /// Bytes; also what bool becomes, 0 and 1.
    U8(Vec<u8>),
}

impl Array {
    /// The elements as record numbers.
    ///
    /// # Errors
    /// Elements that are not integers, or not in 0..2^32; `place` names the array in the message.
    pub fn to_indices(&self, place: &str) -> Result<Vec<u32>> {
        let values = self.to_whole(place)?;
        (0..).zip(values).map(|(i, value)| index(place, i, value)).collect()
    }

    /// The rows of a matrix as record numbers, without the −1s at their ends.
    ///
    /// # Errors
    /// As [`to_indices`](Self::to_indices).
    ///
    /// # Panics
    /// No matrix.
    pub fn to_lists(&self, place: &str) -> Result<Vec<Vec<u32>>> {
        let (rows, size) = (self.shape[0], self.shape[1]);
        let values = self.to_whole(place)?;
        let list = |r: usize| {
            let row = &values[r * size..][..size];
            let end = row.iter().rposition(|&value| value != NO_RECORD).map_or(0, |last| last + 1);
            (r * size..).zip(&row[..end]).map(|(i, &value)| index(place, i, value)).collect()
        };
        (0..rows).map(list).collect()
    }

    fn to_whole(&self, place: &str) -> Result<Vec<i64>> {
        match &self.values {
            Values::I32(v) => Ok(v.iter().map(|x| i64::from(*x)).collect()),
            Values::I64(v) => Ok(v.clone()),
            Values::U8(v) => Ok(v.iter().map(|x| i64::from(*x)).collect()),
            Values::F32(_) | Values::F64(_) => Err(Error::data(place)
                .expected("record numbers from 0, as integers")
                .found("floating-point numbers")
                .advice("convert the array with .astype('int64')")),
        }
    }
}

fn index(place: &str, i: usize, value: i64) -> Result<u32> {
    let found =
        || Error::data(place).expected("record numbers from 0").found(format!("{value} as element {i}"));
    u32::try_from(value).map_err(|_| found())
}

impl Values {
    /// The elements as single-precision numbers; other types are rounded to them.
    pub fn into_f32(self) -> Vec<f32> {
        match self {
            Values::F32(v) => v,
            Values::F64(v) => v.into_iter().map(|x| x as f32).collect(),
            Values::I32(v) => v.into_iter().map(|x| x as f32).collect(),
            Values::I64(v) => v.into_iter().map(|x| x as f32).collect(),
            Values::U8(v) => v.into_iter().map(f32::from).collect(),
        }
    }

    /// The elements as double-precision numbers; integers beyond 2^53 are rounded to them.
    pub fn into_f64(self) -> Vec<f64> {
        match self {
            Values::F32(v) => v.into_iter().map(f64::from).collect(),
            Values::F64(v) => v,
            Values::I32(v) => v.into_iter().map(f64::from).collect(),
            Values::I64(v) => v.into_iter().map(|x| x as f64).collect(),
            Values::U8(v) => v.into_iter().map(f64::from).collect(),
        }
    }

    /// The elements as integers.
    ///
    /// # Errors
    /// One that is not whole; `place` names the array in the message.
    pub fn into_i64(self, place: &str) -> Result<Vec<i64>> {
        let whole = |(i, x): (usize, f64)| match x.fract() == 0.0 && x.abs() < 9e15 {
            true => Ok(x as i64),
            false => Err(Error::data(place).expected("whole numbers").found(format!("{x} as element {i}"))),
        };
        match self {
            Values::I64(v) => Ok(v),
            Values::I32(v) => Ok(v.into_iter().map(i64::from).collect()),
            Values::U8(v) => Ok(v.into_iter().map(i64::from).collect()),
            Values::F32(v) => v.into_iter().map(f64::from).enumerate().map(whole).collect(),
            Values::F64(v) => v.into_iter().enumerate().map(whole).collect(),
        }
    }

    /// Makes room for `count` more elements.
    pub(super) fn reserve(&mut self, count: usize) {
        match self {
            Values::F32(v) => v.reserve_exact(count),
            Values::F64(v) => v.reserve_exact(count),
            Values::I32(v) => v.reserve_exact(count),
            Values::I64(v) => v.reserve_exact(count),
            Values::U8(v) => v.reserve_exact(count),
        }
    }

    /// `count` elements from `first` on.
    ///
    /// # Panics
    /// There are fewer.
    pub(super) fn slice(&self, first: usize, count: usize) -> Self {
        let part = first..first + count;
        match self {
            Values::F32(v) => Values::F32(v[part].to_vec()),
            Values::F64(v) => Values::F64(v[part].to_vec()),
            Values::I32(v) => Values::I32(v[part].to_vec()),
            Values::I64(v) => Values::I64(v[part].to_vec()),
            Values::U8(v) => Values::U8(v[part].to_vec()),
        }
    }

    /// From first axis fastest to last axis fastest.
    pub(super) fn to_c_order(&self, shape: &[usize]) -> Self {
        match self {
            Values::F32(v) => Values::F32(to_c_order(v, shape)),
            Values::F64(v) => Values::F64(to_c_order(v, shape)),
            Values::I32(v) => Values::I32(to_c_order(v, shape)),
            Values::I64(v) => Values::I64(to_c_order(v, shape)),
            Values::U8(v) => Values::U8(to_c_order(v, shape)),
        }
    }
}

fn to_c_order<T: Copy>(values: &[T], shape: &[usize]) -> Vec<T> {
    let mut strides = vec![1; shape.len()];
    for axis in 1..shape.len() {
        strides[axis] = strides[axis - 1] * shape[axis - 1];
    }
    let place = |mut i: usize| -> usize {
        let mut offset = 0;
        for (extent, stride) in shape.iter().zip(&strides).rev() {
            offset += i % extent * stride;
            i /= extent;
        }
        offset
    };
    (0..values.len()).map(|i| values[place(i)]).collect()
}

/// An element type of an npy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dtype {
    /// f float, i signed, u unsigned, b bool, h bfloat16 (which NumPy lacks), U and S text.
    code: u8,
    /// Bytes of an element.
    pub(super) size: usize,
    big_endian: bool,
}

/// Appends every element of `$bytes` to `$out`, converted by `as`.
macro_rules! decode {
    ($dtype:expr, $bytes:expr, $out:expr, $target:ty) => {
        match ($dtype.code, $dtype.size) {
            (b'f', 2) => {
                let (elements, _) = $bytes.as_chunks::<2>();
                let read = if $dtype.big_endian { f16::from_be_bytes } else { f16::from_le_bytes };
                $out.extend(elements.iter().map(|e| read(*e).to_f32() as $target));
            }
            (b'h', _) => {
                let (elements, _) = $bytes.as_chunks::<2>();
                $out.extend(elements.iter().map(|e| bf16::from_le_bytes(*e).to_f32() as $target));
            }
            (b'f', 4) => decode!(@ f32, $dtype, $bytes, $out, $target),
            (b'f', 8) => decode!(@ f64, $dtype, $bytes, $out, $target),
            (b'i', 1) => decode!(@ i8, $dtype, $bytes, $out, $target),
            (b'i', 2) => decode!(@ i16, $dtype, $bytes, $out, $target),
            (b'i', 4) => decode!(@ i32, $dtype, $bytes, $out, $target),
            (b'i', 8) => decode!(@ i64, $dtype, $bytes, $out, $target),
            (b'u', 2) => decode!(@ u16, $dtype, $bytes, $out, $target),
            (b'u', 4) => decode!(@ u32, $dtype, $bytes, $out, $target),
            (b'u', 8) => decode!(@ u64, $dtype, $bytes, $out, $target),
            // u1 and b1: the header's parser lets nothing else through.
            _ => decode!(@ u8, $dtype, $bytes, $out, $target),
        }
    };
    (@ $from:ty, $dtype:expr, $bytes:expr, $out:expr, $target:ty) => {{
        let (elements, _) = $bytes.as_chunks::<{ size_of::<$from>() }>();
        if $dtype.big_endian {
            $out.extend(elements.iter().map(|e| <$from>::from_be_bytes(*e) as $target));
        } else {
            $out.extend(elements.iter().map(|e| <$from>::from_le_bytes(*e) as $target));
        }
    }};
}

impl Dtype {
    /// From NumPy's name of it, such as `<f8`; `None` for a type that is not read.
    pub(super) fn parse(descr: &str) -> Option<Self> {
        let (order, rest) = descr.split_at_checked(1)?;
        let code = *rest.as_bytes().first()?;
        let size: usize = rest.get(1..)?.parse().ok()?;
        let known = matches!((code, size), (b'f', 2 | 4 | 8) | (b'i' | b'u', 1 | 2 | 4 | 8) | (b'b', 1));
        let ordered = matches!(order, "<" | "|" | ">") || (order == "=" && cfg!(target_endian = "little"));
        (known && ordered).then_some(Dtype { code, size, big_endian: order == ">" })
    }

    /// From NumPy's name of a type of text of a fixed length, such as `<U5`.
    pub(super) fn parse_text(descr: &str) -> Option<Self> {
        let (order, rest) = descr.split_at_checked(1)?;
        let code = *rest.as_bytes().first()?;
        let length: usize = rest.get(1..)?.parse().ok()?;
        // A character of U takes four bytes.
        let size = length.checked_mul(if code == b'U' { 4 } else { 1 })?;
        matches!((order, code), ("<" | ">" | "|" | "=", b'U') | ("|", b'S')).then_some(Dtype {
            code,
            size,
            big_endian: order == ">",
        })
    }

    /// Whether elements are text.
    pub(super) fn is_text(self) -> bool {
        matches!(self.code, b'U' | b'S')
    }

    /// The text of an element, which ends where zeros fill its place.
    pub(super) fn text(self, bytes: &[u8]) -> String {
        if self.code == b'S' {
            let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            return String::from_utf8_lossy(&bytes[..end]).into_owned();
        }
        let (units, _) = bytes.as_chunks::<4>();
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        let characters = units.iter().map(|unit| read(*unit)).take_while(|code| *code != 0);
        characters.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }

    /// Half the distance from 1 to the next number; `None` of integers.
    pub(super) fn half_ulp(self) -> Option<f64> {
        match (self.code, self.size) {
            (b'h', _) => Some(f64::from(bf16::EPSILON) / 2.0),
            (b'f', 2) => Some(f64::from(f16::EPSILON) / 2.0),
            (b'f', 4) => Some(f64::from(f32::EPSILON) / 2.0),
            (b'f', _) => Some(f64::EPSILON / 2.0),
            _ => None,
        }
    }

    /// Bytes that an element takes in [`Values`].
    pub(super) fn size_in_memory(self) -> usize {
        match self.empty() {
            Values::U8(_) => 1,
            Values::F32(_) | Values::I32(_) => 4,
            Values::F64(_) | Values::I64(_) => 8,
        }
    }

    /// From the name that safetensors gives it, such as `BF16`; `None` for a type that is not read.
    pub(super) fn of_safetensors(dtype: safetensors::Dtype) -> Option<Self> {
        use safetensors::Dtype as D;
        let (code, size) = match dtype {
            D::F16 => (b'f', 2),
            D::BF16 => (b'h', 2),
            D::F32 => (b'f', 4),
            D::F64 => (b'f', 8),
            D::I8 => (b'i', 1),
            D::I16 => (b'i', 2),
            D::I32 => (b'i', 4),
            D::I64 => (b'i', 8),
            D::U8 => (b'u', 1),
            D::U16 => (b'u', 2),
            D::U32 => (b'u', 4),
            D::U64 => (b'u', 8),
            D::BOOL => (b'b', 1),
            _ => return None,
        };
        Some(Dtype { code, size, big_endian: false })
    }

    /// NumPy's long name of it, such as `float64`.
    pub(super) fn name(self) -> String {
        let kind = match self.code {
            b'f' => "float",
            b'h' => "bfloat",
            b'i' => "int",
            b'u' => "uint",
            b'U' | b'S' => return "text".to_owned(),
            _ => return "bool".to_owned(),
        };
        format!("{kind}{}", 8 * self.size)
    }

    /// Whether elements are 0 to 255 and nothing else.
    pub(super) fn is_byte(self) -> bool {
        self.code == b'u' && self.size == 1
    }

    /// Appends the elements in `bytes` to `out` (integers beyond 2^53 are rounded).
    pub(super) fn decode(self, bytes: &[u8], out: &mut Vec<f64>) {
        decode!(self, bytes, out, f64);
    }

    /// Appends the elements in `bytes` to `out`, which [`empty`](Self::empty) made.
    pub(super) fn append(self, bytes: &[u8], out: &mut Values) {
        match out {
            Values::F32(v) => decode!(self, bytes, v, f32),
            Values::F64(v) => decode!(self, bytes, v, f64),
            Values::I32(v) => decode!(self, bytes, v, i32),
            Values::I64(v) => decode!(self, bytes, v, i64),
            Values::U8(v) => decode!(self, bytes, v, u8),
        }
    }

    /// Whether an element may be too large for the i64 that holds it, and come out negative.
    pub(super) fn wraps(self) -> bool {
        self.code == b'u' && self.size == 8
    }

    /// No elements, of the type that holds these.
    pub(super) fn empty(self) -> Values {
        match (self.code, self.size) {
            (b'f', 2 | 4) | (b'h', _) => Values::F32(Vec::new()),
            (b'f', _) => Values::F64(Vec::new()),
            (b'u' | b'b', 1) => Values::U8(Vec::new()),
            (b'i', 1 | 2 | 4) | (b'u', 2) => Values::I32(Vec::new()),
            _ => Values::I64(Vec::new()),
        }
    }
}

/// An element type that can be written.
pub trait Element: Copy {
    /// NumPy's name of the type, little end first.
    const DESCR: &'static str;
    /// Appends the element's bytes, little end first.
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! element {
    ($($type:ty => $descr:literal),*) => {$(
        impl Element for $type {
            const DESCR: &'static str = $descr;
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
element!(f32 => "<f4", f64 => "<f8", i32 => "<i4", i64 => "<i8", u8 => "|u1");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_must_be_whole_and_not_negative() {
        let array = |values| Array { shape: vec![2], values };
        assert_eq!(array(Values::I64(vec![3, 4])).to_indices("f").expect("indices"), [3, 4]);
        assert!(array(Values::I64(vec![3, -4])).to_indices("f").expect_err("negative").found.contains("-4"));
        assert!(array(Values::F64(vec![3.0, 4.0])).to_indices("f").is_err());
    }
}
