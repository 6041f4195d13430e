//! Images in idx files, as MNIST and its kin come (yann.lecun.com/exdb/mnist): a file of images beside one
//! of labels, compressed or not, or a directory of a training and a test pair.
//!
//! An idx file is two zero bytes, the element's type, the number of dimensions, each dimension as a
//! big-endian u32, the elements. Read here: bytes (type 8), [N, H, W] for images and [N] for labels.

use super::super::options::LoadOptions;
use super::format::{File, Format, Listed, Listing, Parts, Stored};
use super::images::{Pool, read_record};
use super::names::list;
use super::source::{Source, read_error, too_large};
use crate::error::{Error, Result};
use crate::ops::Image;
use std::io::{BufReader, Read};
use std::path::Path;

/// Images of MNIST's form.
pub(super) struct Idx;

impl Format for Idx {
    fn name(&self) -> &'static str {
        "idx"
    }

    fn in_file(&self, file: &File) -> Result<Option<Box<dyn Stored>>> {
        match &file.path {
            Some(path) if is_idx(&file.head) => {
                Ok(Some(Box::new(Pairs(vec![pair(path, file.source.clone())?]))))
            }
            _ => Ok(None),
        }
    }

    fn among(&self, listing: &Listing) -> Result<Option<Box<dyn Stored>>> {
        // Beside a file of images its labels are looked for by path.
        let Some(path) = &listing.directory else { return Ok(None) };
        let found = pairs(path, listing)?;
        Ok((!found.is_empty()).then(|| Box::new(Pairs(found)) as Box<dyn Stored>))
    }
}

/// All that are read into one data set.
struct Pairs(Vec<Pair>);

impl Stored for Pairs {
    fn read(&self, options: &LoadOptions) -> Result<Parts> {
        load(&self.0, options)
    }
}

/// A file of images and the one with their labels.
#[derive(Debug)]
struct Pair {
    images: Source,
    labels: Source,
}

/// Whether a file that begins so is idx.
fn is_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=4, ..])
}

/// Whether a file is called like images in idx.
fn is_images(name: &str) -> bool {
    name.contains("images") && name.contains("idx3")
}

/// The pair of which `images`, at `path`, is the first.
///
/// # Errors
/// The file holds labels, or no labels are beside it.
fn pair(path: &Path, images: Source) -> Result<Pair> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let wanted = name.replace("images", "labels").replace("idx3", "idx1");
    if !is_images(&name) || wanted == name {
        return Err(Error::data(&images.place)
            .expected("an idx file of images, called as train-images-idx3-ubyte")
            .found("an idx file of another name")
            .advice("give the images' file, with the labels' (train-labels-idx1-ubyte) beside it"));
    }
    let other = match wanted.strip_suffix(".gz") {
        Some(plain) => plain.to_owned(),
        None => format!("{wanted}.gz"),
    };
    let found = [&wanted, &other].into_iter().map(|name| path.with_file_name(name)).find(|p| p.is_file());
    match found {
        Some(labels) => Ok(Pair { labels: source(&labels, images.max_bytes)?, images }),
        None => Err(Error::data(&images.place)
            .expected(format!("the labels beside it, {wanted}"))
            .found("no such file")
            .advice("put the file of labels into the same directory")),
    }
}

/// The pairs of the directory `path`: training and test images, those there
/// are; none if there is nothing of the kind.
///
/// # Errors
/// Images of several data sets; images without labels.
fn pairs(path: &Path, listing: &Listing) -> Result<Vec<Pair>> {
    let mut files: Vec<&Listed> = listing.files.iter().filter(|file| is_images(&file.name)).collect();
    files.sort_by_key(|file| (!file.name.starts_with("train"), file.name.as_str()));
    let images: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let known = |name: &&str| ["train", "t10k", "test"].iter().any(|start| name.starts_with(start));
    let stems: Vec<&str> = images.iter().map(|name| name.trim_end_matches(".gz")).collect();
    let twice = stems.iter().enumerate().any(|(i, stem)| stems[..i].contains(stem));
    if images.len() > 1 && (twice || images.len() > 2 || !images.iter().all(known)) {
        return Err(Error::data(path.display().to_string())
            .expected("one file of training images and one of test images")
            .found(list(&images))
            .advice("give the path of the images' file meant"));
    }
    let pair_of = |file: &&Listed| {
        let path = path.join(&file.name);
        pair(&path, source(&path, file.source.max_bytes)?)
    };
    files.iter().map(pair_of).collect()
}

/// The file at `path`, compressed or not.
fn source(path: &Path, max_bytes: u64) -> Result<Source> {
    let plain = Source::file(path, false, max_bytes);
    let gzip = plain.head(2)?.starts_with(b"\x1f\x8b");
    Ok(Source { gzip, ..plain })
}

/// Reads all pairs into one pool.
fn load(pairs: &[Pair], options: &LoadOptions) -> Result<Parts> {
    let mut pool: Option<(Pool, Image, &Source)> = None;
    for Pair { images, labels } in pairs {
        let (mut pixels, [count, height, width]) = open::<3>(images)?;
        let image = Image { height, width, channels: 1 };
        let (mut classes, [label_count]) = open::<1>(labels)?;
        if count != label_count {
            return Err(Error::data(&labels.place)
                .expected(format!("{count} labels, one for each image of {}", images.place))
                .found(label_count.to_string())
                .advice("check that images and labels belong together"));
        }
        let (pool, ..) = match &mut pool {
            Some((_, first, source)) if *first != image => {
                return Err(Error::data(&images.place)
                    .expected(format!("images of {first}, as in {}", source.place))
                    .found(image.to_string())
                    .advice("give the path of one of the files of images"));
            }
            Some(pool) => pool,
            None => pool.insert((Pool::new(image), image, images)),
        };
        let name = images.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let (mut planes, mut label) = (vec![0; image.features()], [0]);
        for number in 0..count {
            let whole = read_record(&mut pixels, &mut planes, images, number)?;
            let labelled = read_record(&mut classes, &mut label, labels, number)?;
            for (present, source) in [(whole, images), (labelled, labels)] {
                if !present {
                    return Err(Error::data(&source.place)
                        .expected(format!("{count} records, as its header says"))
                        .found(number.to_string())
                        .advice("copy or download it again: it is truncated"));
                }
            }
            pool.push(&name, &planes, label[0], || format!("{}, record {number}", labels.place))?;
        }
        finished(&mut pixels, images)?;
        finished(&mut classes, labels)?;
    }
    let Some((pool, ..)) = pool else {
        return Err(Error::data("idx").expected("a file of images").found("none"));
    };
    let place = pairs[0].labels.place.clone();
    pool.finish("idx images", place, None, vec![], options)
}

/// The elements of a file of bytes in `D` dimensions, and those.
fn open<const D: usize>(source: &Source) -> Result<(impl Read, [usize; D])> {
    let mut reader = BufReader::with_capacity(1 << 16, source.open()?);
    let mut header = vec![0; 4 + 4 * D];
    let mut filled = 0;
    while filled < header.len() {
        match reader.read(&mut header[filled..]).map_err(|e| read_error(&source.place, &e))? {
            0 => break,
            count => filled += count,
        }
    }
    let what = if D == 3 { "images (0x00000803)" } else { "labels (0x00000801)" };
    let fail = |found: String, advice: &str| {
        Err(Error::data(&source.place)
            .expected(format!("an idx header of {} bytes, of {what}", 4 + 4 * D))
            .found(found)
            .advice(advice))
    };
    if filled >= 4 && header[..4] != [0, 0, 8, D as u8] {
        let magic: String = header[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        return fail(format!("0x{magic}"), "check that it is a file of unsigned bytes, and of that kind");
    }
    if filled < header.len() {
        return fail(format!("{filled} bytes"), "copy or download it again: it is truncated");
    }
    let mut sizes = [0; D];
    let mut elements = 1_u128;
    for (size, bytes) in sizes.iter_mut().zip(header[4..].chunks_exact(4)) {
        *size = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        elements = elements.saturating_mul(*size as u128);
    }
    if elements == 0 {
        return fail(format!("the sizes {sizes:?}"), "check that it was written whole");
    }
    if elements > u128::from(source.max_bytes) {
        return Err(too_large(&source.place, source.max_bytes));
    }
    let total = elements + header.len() as u128;
    if let Some(length) = source.length()?.filter(|length| u128::from(*length) != total) {
        return Err(Error::data(&source.place)
            .expected(format!("{total} bytes, as its header says"))
            .found(length.to_string())
            .advice("copy or download it again: it is truncated or corrupt"));
    }
    Ok((reader, sizes))
}

/// Reads to the end, and so to a compressed file's checksum.
fn finished(reader: &mut impl Read, source: &Source) -> Result<()> {
    if read_record(reader, &mut [0], source, 0)? {
        return Err(Error::data(&source.place)
            .expected("as many records as its header says")
            .found("more")
            .advice("copy or download it again: it is corrupt"));
    }
    Ok(())
}
