//! `models/NAME.safetensors`: one replica's classifier, and what is needed to ask it. This is what leaves.
//!
//! Not checkpoints, which also hold what training continues from. Nothing is here that tells of a member
//! beside what the classifier itself learnt: no attack network, no seed, split, path or size of the data.
//!
//! The format (github.com/huggingface/safetensors): the header's length as a little-endian u64, the
//! header as JSON padded by spaces to a multiple of 8, the tensors without gaps.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::config::{Config, Layer};
use crate::dataset::{Image, Schema};
use crate::error::{Error, Result};

/// A tensor and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// The layer and what it is of it: `layers.0.weight`.
    pub name: String,
    /// Length of each axis, as PyTorch has them: of a dense layer's weights `[N, K]`.
    pub shape: Vec<usize>,
    /// The product of `shape` many, the last axis fastest.
    pub data: Vec<f32>,
}

/// What a reader of the model needs besides tensors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// By class id, as written in the file.
    pub class_names: Vec<String>,
    /// How columns become features.
    pub schema: Schema,
    /// H, W and C, where records are images.
    pub image: Option<[usize; 3]>,
    /// The classifier's form: settings in TOML, as `run.toml` has them.
    pub network: String,
}

impl Facts {
    /// Of a classifier of this configuration.
    ///
    /// # Errors
    /// None for a valid configuration.
    pub fn new(
        config: &Config,
        class_names: &[String],
        schema: &Schema,
        image: Option<Image>,
    ) -> Result<Self> {
        let failed = |e: &dyn std::fmt::Display| Error::data("model").found(e.to_string());
        let all = toml::Table::try_from(&config.model).map_err(|e| failed(&e))?;
        // Its form, and nothing of how it was trained.
        let kind = all.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default().to_owned();
        let form = ["kind", "hidden", "activation", &kind];
        let model: toml::Table = all.into_iter().filter(|(key, _)| form.contains(&key.as_str())).collect();
        let mut network = toml::Table::new();
        network.insert("model".to_owned(), model.into());
        if config.data.pad > 0 {
            let pad = toml::Table::from_iter([("pad".to_owned(), toml::Value::from(config.data.pad as i64))]);
            network.insert("data".to_owned(), pad.into());
        }
        Ok(Facts {
            class_names: class_names.to_vec(),
            schema: schema.clone(),
            image: image.map(|image| [image.height, image.width, image.channels]),
            network: toml::to_string(&network).map_err(|e| failed(&e))?,
        })
    }

    /// The configuration of such a classifier; of training it has the defaults.
    ///
    /// # Errors
    /// Settings that this version does not have.
    pub fn config(&self) -> Result<Config> {
        Config::resolve(&[Layer::text("the model's network", self.network.as_str())])
    }
}

impl Facts {
    /// As metadata of the file: each field as JSON, and the program's version.
    ///
    /// # Errors
    /// None for numbers and text.
    pub(crate) fn to_metadata(&self) -> Result<BTreeMap<String, String>> {
        let failed = |e: serde_json::Error| Error::data("model").found(e.to_string());
        let fields = serde_json::to_value(self).map_err(failed)?;
        let fields = fields.as_object().into_iter().flatten();
        let mut metadata: BTreeMap<_, _> =
            fields.map(|(key, value)| (key.clone(), value.to_string())).collect();
        metadata.insert("veilgrad".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        Ok(metadata)
    }
}

/// A model's file, read.
#[derive(Debug)]
pub struct ModelFile {
    path: PathBuf,
    bytes: Vec<u8>,
    /// What is needed to ask it: network, classes, how records become features.
    pub facts: Facts,
}

impl ModelFile {
    /// Reads the file `path`, whole.
    ///
    /// # Errors
    /// A missing file; one that is not safetensors, or not of this program.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, &e))?;
        let refused = |found: String| {
            Error::data(path.display().to_string())
                .expected("a model written by veilgrad")
                .found(found)
                .advice("train the model anew")
        };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| refused(e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let fields =
            metadata.into_iter().filter_map(|(key, text)| Some((key, serde_json::from_str(&text).ok()?)));
        let fields: serde_json::Map<String, serde_json::Value> = fields.collect();
        let facts: Facts = serde_json::from_value(fields.into()).map_err(|e| refused(e.to_string()))?;
        facts.schema.check().map_err(|e| refused(e.to_string()))?;
        Ok(ModelFile { path: path.to_owned(), bytes, facts })
    }

    /// The tensor `name` with its elements, the last axis fastest.
    ///
    /// # Errors
    /// There is none, or not of f32 or not of `shape`.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let refused = |found: String| {
            Error::data(format!("{}[{name}]", self.path.display()))
                .expected(format!("a float32 tensor of shape {shape:?}"))
                .found(found)
        };
        let tensors = SafeTensors::deserialize(&self.bytes).map_err(|e| refused(e.to_string()))?;
        let tensor = tensors.tensor(name).map_err(|e| refused(e.to_string()))?;
        if tensor.dtype() != safetensors::Dtype::F32 || tensor.shape() != shape {
            return Err(refused(format!("{:?} of shape {:?}", tensor.dtype(), tensor.shape())));
        }
        let words = tensor.data().chunks_exact(4);
        Ok(words.map(|w| f32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect())
    }
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
pub(crate) fn write_safetensors(
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
    use crate::dataset::{Synthetic, synthetic};

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
    fn a_file_that_was_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.safetensors");
        let data = synthetic(&Synthetic::default()).unwrap();
        let mut config = Config::default();
        config.model.hidden = vec![7];
        config.train.seed = super::super::config::Sweep::one(4321);
        let facts = Facts::new(&config, &["yes".into(), "no".into()], &data.schema, None).unwrap();
        assert_eq!(facts.config().unwrap().model.hidden, [7]);
        assert!(!facts.network.contains("4321") && !facts.network.contains("rate"), "{}", facts.network);
        let mut bytes = Vec::new();
        let tensors = [tensor("w", &[1, 2], &[1.5, -2.0])];
        write_safetensors(&mut bytes, &tensors, &facts.to_metadata().unwrap()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let file = ModelFile::read(&path).unwrap();
        assert_eq!((&file.facts, file.tensor("w", &[1, 2]).unwrap()), (&facts, vec![1.5, -2.0]));
        assert!(
            file.tensor("w", &[2])
                .unwrap_err()
                .to_string()
                .contains("[w]: expected a float32 tensor of shape [2]")
        );
        assert!(file.tensor("v", &[2]).is_err());
        let mut bytes = Vec::new();
        write_safetensors(&mut bytes, &tensors, &BTreeMap::new()).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let error = ModelFile::read(&path).unwrap_err().to_string();
        assert!(error.contains("expected a model written by veilgrad, found missing field"), "{error}");
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
