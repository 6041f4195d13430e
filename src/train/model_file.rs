//! Tensors by name in the safetensors format.
//!
//! Not checkpoints, which also hold what training continues from.
//!
//! The format (github.com/huggingface/safetensors): the header's length as a little-endian u64, the
//! header as JSON padded by spaces to a multiple of 8, the tensors without gaps.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

/// A tensor and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    pub name: String,
    pub shape: Vec<usize>,
    /// The product of `shape` many, the last axis fastest.
    pub data: Vec<f32>,
}

#[derive(Serialize)]
struct Entry<'a> {
    dtype: &'static str,
    shape: &'a [usize],
    data_offsets: [usize; 2],
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, Entry<'a>>,
}

/// Writes `tensors` in their order.
///
/// Not by the `safetensors` crate's own writer: that keeps metadata in a hash map, whose order, and so
/// the file's bytes, differ from process to process; and it would hold all tensors a second time.
///
/// # Errors
/// The writer's; two tensors of one name.
///
/// # Panics
/// If a tensor has not as many elements as its shape says.
pub(super) fn write_safetensors(
    writer: &mut impl Write,
    tensors: &[NamedTensor],
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let mut entries = BTreeMap::new();
    let mut end = 0;
    for NamedTensor { name, shape, data } in tensors {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "{name}: shape {shape:?}");
        let begin = end;
        end += size_of_val(data.as_slice());
        let entry = Entry { dtype: "F32", shape, data_offsets: [begin, end] };
        if entries.insert(name.as_str(), entry).is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("two tensors called {name}")));
        }
    }
    let mut header = serde_json::to_vec(&Header { metadata, tensors: entries })?;
    header.resize(header.len().next_multiple_of(8), b' ');
    writer.write_all(&(header.len() as u64).to_le_bytes())?;
    writer.write_all(&header)?;
    for tensor in tensors {
        for chunk in tensor.data.chunks(1 << 14) {
            let bytes: Vec<u8> = chunk.iter().flat_map(|x| x.to_le_bytes()).collect();
            writer.write_all(&bytes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    fn tensor(name: &str, shape: &[usize], data: &[f32]) -> NamedTensor {
        NamedTensor { name: name.to_owned(), shape: shape.to_vec(), data: data.to_vec() }
    }

    #[test]
    fn the_reference_reader_finds_the_tensors_and_the_metadata() {
        let tensors = [
            tensor("replica_0.layer_0.weight", &[2, 3], &[1.0, -2.0, 3.5, f32::MIN_POSITIVE, 5.0, 6.0]),
            tensor("a \"quoted\" name", &[2], &[7.0, 8.0]),
            tensor("empty", &[0, 4], &[]),
        ];
        let metadata: BTreeMap<String, String> =
            (0..20).map(|i| (format!("key {i}"), format!("value {i}"))).collect();
        let mut bytes = Vec::new();
        write_safetensors(&mut bytes, &tensors, &metadata).unwrap();

        let read = SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(read.len(), tensors.len());
        for expected in &tensors {
            let found = read.tensor(&expected.name).unwrap();
            assert_eq!(found.shape(), expected.shape);
            assert_eq!(found.dtype(), safetensors::Dtype::F32);
            let data: Vec<u8> = expected.data.iter().flat_map(|x| x.to_le_bytes()).collect();
            assert_eq!(found.data(), data);
        }
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let found: BTreeMap<_, _> = header.metadata().clone().unwrap().into_iter().collect();
        assert_eq!(found, metadata);

        let mut again = Vec::new();
        write_safetensors(&mut again, &tensors, &metadata).unwrap();
        assert_eq!(bytes, again);
    }

    #[test]
    fn a_name_twice_is_refused_and_no_metadata_is_none() {
        let one = tensor("w", &[1], &[1.0]);
        assert!(write_safetensors(&mut Vec::new(), &[one.clone(), one.clone()], &BTreeMap::new()).is_err());
        let mut bytes = Vec::new();
        write_safetensors(&mut bytes, &[one], &BTreeMap::new()).unwrap();
        assert_eq!(SafeTensors::read_metadata(&bytes).unwrap().1.metadata(), &None);
    }
}
