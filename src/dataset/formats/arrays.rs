//! Named arrays, wherever they are kept: an npz file, a directory of npy files, a safetensors file.
//!
//! Not what the arrays mean, though what is read in this way are a model's predictions. One is read whole, or
//! piece by piece along its first axis where it may be too large.

use super::array::Dtype;
use super::names::list;
use super::npy::{self, Array, Header, Values};
use super::source::{Limited, damaged, read_error, too_large};
use super::{npz, pickle};
use crate::error::{Error, Result};
use crate::memory;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// An open collection of arrays.
pub struct Arrays {
    path: PathBuf,
    form: Form,
    names: Vec<String>,
    /// Most bytes that an array may inflate to.
    max_bytes: u64,
}

enum Form {
    Npz(Box<npz::Zip>),
    /// By name, the file.
    Npy(BTreeMap<String, PathBuf>),
    /// By name, what it is and where it begins.
    SafeTensors(BTreeMap<String, (Header, u64)>),
}

impl Arrays {
    /// Opens an npz file, a directory of npy files (or one of them, for all of its directory), or a
    /// safetensors file; `None` where the file is of another kind: text, perhaps.
    ///
    /// # Errors
    /// A missing or damaged file, a pickle, a directory without npy files.
    pub fn open(path: &Path, max_bytes: u64) -> Result<Option<Self>> {
        let io = |e: std::io::Error| Error::io(path, &e);
        let new = |form, names| Ok(Some(Arrays { path: path.to_owned(), form, names, max_bytes }));
        if std::fs::metadata(path).map_err(io)?.is_dir() {
            let files = npy_files(path)?;
            let names = files.keys().cloned().collect();
            return new(Form::Npy(files), names);
        }
        let pickled = || pickle::refused_predictions(path, &path.display().to_string());
        if pickle::is_named(path) {
            return Err(pickled());
        }
        let mut head = vec![];
        File::open(path).map_err(io)?.take(9).read_to_end(&mut head).map_err(io)?;
        match head[..] {
            [b'P', b'K', 3, 4, ..] => {
                let zip = npz::open(path)?;
                let names = npz::arrays(path, &zip)?;
                new(Form::Npz(Box::new(zip)), names)
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
                let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
                let files = npy_files(directory.unwrap_or(Path::new(".")))?;
                let names = files.keys().cloned().collect();
                new(Form::Npy(files), names)
            }
            // The header's length, then its opening brace.
            [_, _, _, _, _, _, 0, 0, b'{'] => {
                let tensors = safetensors(path)?;
                let names = tensors.keys().cloned().collect();
                new(Form::SafeTensors(tensors), names)
            }
            // The opcodes that a pickle of protocols 2 to 5 begins with.
            [0x80, 2..=5, ..] => Err(pickled()),
            _ => Ok(None),
        }
    }

    /// The names of all arrays, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The first of `candidates` that is here.
    pub fn find(&self, candidates: &[&str]) -> Option<String> {
        candidates.iter().find(|c| self.names.iter().any(|n| n == *c)).map(|c| (*c).to_owned())
    }

    /// How messages call the array `name`.
    pub fn place(&self, name: &str) -> String {
        format!("{}[{name}]", self.path.display())
    }

    /// The array `name`.
    ///
    /// # Errors
    /// No such array; a damaged file; elements that are no numbers; more bytes than allowed.
    pub fn read(&mut self, name: &str) -> Result<Array> {
        self.with(name, |reader, header, place| {
            numbers(&header, place)?;
            let mut values = header.dtype.empty();
            let copies = if header.fortran { 2 } else { 1 };
            memory::check(place, "an array", header.count * (copies * header.dtype.size_in_memory()) as u64)?;
            // Its length was checked against the file's: growing would take up to twice the memory.
            values.reserve(header.count as usize);
            npy::read_elements(reader, &header, values, place)
        })
    }

    /// The shape of the array `name`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn shape(&mut self, name: &str) -> Result<Vec<usize>> {
        self.with(name, |_, header, _| Ok(header.shape))
    }

    /// Whether the elements of the array `name` are text.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn is_text(&mut self, name: &str) -> Result<bool> {
        self.with(name, |_, header, _| Ok(header.dtype.is_text()))
    }

    /// Half the distance from 1 to the next number of the array's type; `None` of integers.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn half_ulp(&mut self, name: &str) -> Result<Option<f64>> {
        self.with(name, |_, header, _| Ok(header.dtype.half_ulp()))
    }

    /// Calls `take` with each text of the array `name`, in order, and returns its shape.
    ///
    /// # Errors
    /// As [`read`](Self::read); elements that are no text; Fortran order.
    pub fn each_text(&mut self, name: &str, take: &mut dyn FnMut(&str)) -> Result<Vec<usize>> {
        self.with(name, |reader, header, place| {
            let flat = header.shape.iter().filter(|axis| **axis != 1).count() <= 1;
            if !header.dtype.is_text() || (header.fortran && !flat) {
                return Err(Error::data(place).expected("an array of texts in C order").found(format!(
                    "the type {}, Fortran order {}",
                    header.dtype.name(),
                    header.fortran
                )));
            }
            let mut elements = npy::Elements::new(reader, header.dtype, place);
            for _ in 0..header.count {
                let text = header.dtype.text(elements.bytes(1)?);
                take(text.trim());
            }
            elements.finish()?;
            Ok(header.shape)
        })
    }

    /// Each piece of the array `name` along its first axis, in order, one in memory at a time.
    ///
    /// # Errors
    /// As [`read`](Self::read), and those of `hear`.
    pub fn each(&mut self, name: &str, hear: &mut dyn FnMut(usize, Values) -> Result<()>) -> Result<()> {
        self.with(name, |reader, header, place| {
            let (pieces, size) = match header.shape.split_first() {
                Some((&pieces, rest)) => (pieces, rest.iter().product::<usize>()),
                None => {
                    return Err(Error::data(place).expected("an array with axes").found("a single number"));
                }
            };
            numbers(&header, place)?;
            if header.fortran {
                // A piece lies all over the file: the whole is needed at once.
                memory::check(place, "an array", 2 * header.count * header.dtype.size_in_memory() as u64)?;
                let whole = npy::read_elements(reader, &header, header.dtype.empty(), place)?.values;
                return (0..pieces).try_for_each(|piece| hear(piece, whole.slice(piece * size, size)));
            }
            memory::check(place, "a part of an array", (size * header.dtype.size_in_memory()) as u64)?;
            let mut elements = npy::Elements::new(reader, header.dtype, place);
            for piece in 0..pieces {
                let mut values = header.dtype.empty();
                elements.append(size, &mut values)?;
                hear(piece, values)?;
            }
            elements.finish()
        })
    }

    fn with<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read, Header, &str) -> Result<T>,
    ) -> Result<T> {
        let place = self.place(name);
        let missing =
            || Error::data(&place).expected("an array").found(format!("only {}", list(&self.names)));
        match &mut self.form {
            Form::Npz(zip) => {
                if !self.names.iter().any(|n| n == name) {
                    return Err(missing());
                }
                npz::with_array(&self.path, zip, name, self.max_bytes, |mut reader, length, place| {
                    let Some(header) = Header::read_any(&mut reader, place)? else { return Ok(None) };
                    header.check_length(length, place)?;
                    read(reader, header, place).map(Some)
                })
            }
            Form::Npy(files) => {
                let path = files.get(name).ok_or_else(missing)?;
                let place = path.display().to_string();
                let file = File::open(path).map_err(|e| Error::io(path, &e))?;
                let length = file.metadata().map_err(|e| Error::io(path, &e))?.len();
                let mut reader = BufReader::with_capacity(1 << 16, file);
                let header =
                    Header::read_any(&mut reader, &place)?.ok_or_else(|| pickle::objects(path, &place))?;
                header.check_length(length, &place)?;
                read(&mut reader, header, &place)
            }
            Form::SafeTensors(tensors) => {
                let (header, begin) = tensors.get(name).ok_or_else(missing)?.clone();
                let bytes = u64::try_from(header.file_length()).unwrap_or(u64::MAX);
                if bytes > self.max_bytes {
                    return Err(too_large(&place, self.max_bytes));
                }
                let mut file = File::open(&self.path).map_err(|e| Error::io(&self.path, &e))?;
                file.seek(SeekFrom::Start(begin)).map_err(|e| Error::io(&self.path, &e))?;
                let mut reader =
                    BufReader::with_capacity(1 << 16, Limited::new(file.take(bytes), bytes, &place));
                read(&mut reader, header, &place)
            }
        }
    }
}

/// Refuses an array of texts where numbers are needed.
fn numbers(header: &Header, place: &str) -> Result<()> {
    if header.dtype.is_text() {
        return Err(Error::data(place).expected("an array of numbers").found("an array of texts"));
    }
    Ok(())
}

/// The npy files of a directory, by name without the ending.
fn npy_files(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let io = |e: std::io::Error| Error::io(directory, &e);
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if let (Some("npy"), Some(stem)) =
            (path.extension().and_then(|e| e.to_str()), path.file_stem().and_then(|s| s.to_str()))
        {
            files.insert(stem.to_owned(), path);
        }
    }
    if files.is_empty() {
        return Err(Error::data(directory.display().to_string())
            .expected("a directory of npy files")
            .found("none in it"));
    }
    Ok(files)
}

/// The tensors of a safetensors file, from its header; that the file holds them is checked.
fn safetensors(path: &Path) -> Result<BTreeMap<String, (Header, u64)>> {
    let place = path.display().to_string();
    let io = |e: std::io::Error| read_error(&place, &e);
    let mut file = File::open(path).map_err(|e| Error::io(path, &e))?;
    let length = file.metadata().map_err(|e| Error::io(path, &e))?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(io)?;
    // Up to 2^48, as the two zeros of its beginning say; a header is no larger than the file.
    let begin = u64::from_le_bytes(size) + 8;
    if begin > length {
        return Err(damaged(&place, "a header longer than the file"));
    }
    let mut head = vec![];
    file.take(begin - 8).read_to_end(&mut head).map_err(io)?;
    // Not by the crate's `deserialize`, which needs the whole file in memory.
    let metadata: safetensors::tensor::Metadata =
        serde_json::from_slice(&head).map_err(|e| damaged(&place, &format!("its header: {e}")))?;
    let mut found = BTreeMap::new();
    for (name, info) in metadata.tensors() {
        let place = format!("{place}[{name}]");
        let dtype = Dtype::of_safetensors(info.dtype).ok_or_else(|| {
            Error::data(&place).expected("a tensor of numbers").found(format!("the type {:?}", info.dtype))
        })?;
        let broken = || damaged(&place, &format!("the shape {:?}", info.shape));
        let header = Header::bare(dtype, info.shape.clone()).ok_or_else(broken)?;
        let (from, to) = (info.data_offsets.0 as u64, info.data_offsets.1 as u64);
        let holds = to.checked_sub(from).map(u128::from) == Some(header.file_length());
        if !holds || begin.checked_add(to).is_none_or(|end| end > length) {
            return Err(broken());
        }
        found.insert(name, (header, begin + from));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(path: &Path) -> Result<Option<Arrays>> {
        Arrays::open(path, 1 << 20)
    }

    #[test]
    fn one_array_in_three_forms() {
        let directory = tempfile::tempdir().unwrap();
        let values = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let npz = directory.path().join("a.npz");
        npz::save(&npz, |w| w.write("a", &[3, 2], &values)).unwrap();
        let folder = directory.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        let mut file = File::create(folder.join("a.npy")).unwrap();
        npy::write(&mut file, &[3, 2], &values).unwrap();
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![3, 2], &bytes).unwrap();
        let tensors = directory.path().join("a.safetensors");
        std::fs::write(&tensors, safetensors::serialize([("a", view)], None).unwrap()).unwrap();
        for path in [npz, folder.clone(), folder.join("a.npy"), tensors.clone()] {
            let mut arrays = open(&path).unwrap().expect("arrays");
            assert_eq!(
                (arrays.names(), arrays.find(&["b", "a"])),
                (&["a".to_owned()][..], Some("a".to_owned()))
            );
            assert_eq!(arrays.shape("a").unwrap(), [3, 2]);
            assert_eq!(
                arrays.read("a").unwrap(),
                Array { shape: vec![3, 2], values: Values::F32(values.to_vec()) }
            );
            let mut pieces = vec![];
            arrays
                .each("a", &mut |i, piece| {
                    pieces.push((i, piece.into_f32()));
                    Ok(())
                })
                .unwrap();
            assert_eq!(pieces, [(0, vec![1.0, 2.0]), (1, vec![3.0, 4.0]), (2, vec![5.0, 6.0])]);
            assert!(arrays.read("b").unwrap_err().to_string().contains("only a"), "{}", path.display());
        }
        // Every truncation is an error, of the header or of the tensor.
        let whole = std::fs::read(&tensors).unwrap();
        for length in 9..whole.len() {
            std::fs::write(&tensors, &whole[..length]).unwrap();
            assert!(open(&tensors).is_err(), "cut to {length} of {}", whole.len());
        }
    }

    #[test]
    fn half_precision_is_widened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.safetensors");
        // 1.5 in bfloat16 and in float16.
        let (b, h) = ([0xc0, 0x3f], [0x00, 0x3e]);
        let view = |dtype, bytes| safetensors::tensor::TensorView::new(dtype, vec![1], bytes).unwrap();
        let tensors =
            [("b", view(safetensors::Dtype::BF16, &b[..])), ("h", view(safetensors::Dtype::F16, &h[..]))];
        std::fs::write(&path, safetensors::serialize(tensors, None).unwrap()).unwrap();
        let mut arrays = open(&path).unwrap().unwrap();
        for name in ["b", "h"] {
            assert_eq!(arrays.read(name).unwrap().values, Values::F32(vec![1.5]));
        }
    }

    #[test]
    fn what_holds_no_arrays_is_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        std::fs::write(&path, "label,member,p_0\n0,1,0.5\n").unwrap();
        assert!(open(&path).unwrap().is_none());
        std::fs::write(&path, b"\x80\x04\x95 pickled").unwrap();
        assert!(open(&path).err().unwrap().to_string().contains("pickle"));
        assert!(open(directory.path()).err().unwrap().to_string().contains("npy files"));
        assert!(open(&directory.path().join("none")).is_err());
    }
}
