//! Damaged files, made of sound ones: by a seed, the same on every machine.
//!
//! Half of them are damaged as they stand. In the other half the damage is inside, and checksums and lengths
//! fit it: it comes past the check of a zip file, a tar archive or a checkpoint to the reader of what is in
//! it.

use std::io::{Cursor, Read, Write};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};
use veilgrad::random::{Stream, below, chance, stream};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Damaged file `number` of those that come of `corpus`.
pub fn damaged(corpus: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut rng = stream(0, Stream::Perturbation { record: number });
    let file = &corpus[number as usize % corpus.len()];
    let other = &corpus[pick(&mut rng, corpus.len())];
    if chance(&mut rng, 0.5) {
        return scrambled(file, other, &mut rng);
    }
    inside(file, other, &mut rng)
}

/// The damage is in what the file holds.
fn inside(file: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    match file {
        [b'P', b'K', ..] => in_zip(file, rng),
        [0x1f, 0x8b, ..] => {
            let mut inner = vec![];
            let whole = MultiGzDecoder::new(file).read_to_end(&mut inner).is_ok();
            assert!(whole, "a seed is sound");
            let mut packed = GzEncoder::new(vec![], Compression::fast());
            packed.write_all(&inside(&inner, other, rng)).expect("memory");
            packed.finish().expect("memory")
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
            let length = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
            let header = scrambled(&file[10..length], other, rng);
            let length = (header.len() as u16).to_le_bytes();
            [&file[..8], &length, &header, &file[10 + header.len().min(file.len() - 10)..]].concat()
        }
        [_, _, _, _, _, _, 0, 0, b'{', ..] => in_tensors(file, other, rng),
        _ if file.get(257..262) == Some(b"ustar") => tar_checked(scrambled(file, other, rng)),
        _ => scrambled(file, other, rng),
    }
}

/// One of the arrays is damaged; the checksums are right.
fn in_zip(file: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut zip = ZipArchive::new(Cursor::new(file)).expect("a seed is sound");
    let mut out = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let chosen = pick(rng, zip.len());
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i).expect("a seed is sound");
        let name = entry.name().expect("a name in UTF-8").into_owned();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).expect("a seed is sound");
        if i == chosen {
            bytes = if chance(rng, 0.5) { inside(&bytes, &[], rng) } else { scrambled(&bytes, &[], rng) };
        }
        out.start_file(name, options).and_then(|()| Ok(out.write_all(&bytes)?)).expect("memory");
    }
    out.finish().expect("memory").into_inner()
}

/// The header of a safetensors file is damaged, or all of it; its length fits, and a checkpoint's checksum.
fn in_tensors(file: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    const DIGEST: usize = 32;
    let (body, digest) = file.split_at(file.len() - DIGEST);
    if Sha256::digest(body).as_slice() == digest {
        let body = if chance(rng, 0.5) { in_tensors(body, other, rng) } else { scrambled(body, other, rng) };
        let digest = Sha256::digest(&body);
        return [&body, digest.as_slice()].concat();
    }
    let length = u64::from_le_bytes(std::array::from_fn(|i| file[i])) as usize;
    let header = scrambled(&file[8..8 + length], other, rng);
    [&(header.len() as u64).to_le_bytes()[..], &header, &file[8 + length..]].concat()
}

/// The checksum of every header of a tar archive, set right.
fn tar_checked(mut archive: Vec<u8>) -> Vec<u8> {
    const FIELD: std::ops::Range<usize> = 148..156;
    for header in archive.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        header[FIELD].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[FIELD].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    archive
}

/// What stands in place of a number.
const NUMBERS: [&str; 20] = [
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "255",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999",
    "0.5",
    "1e-320",
    "1e39",
    "1e400",
    "NaN",
    "-inf",
    "null",
];

/// What is put between.
const TOKENS: [&str; 14] =
    ["\0", "\"", "'", ",", ";", "\n", "\r\n", "\u{feff}", "[", "{", "]", "}", "NaN,", "\u{1b}[31m"];

/// One to four damages.
fn scrambled(file: &[u8], other: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=pick(rng, 4) {
        damage(&mut bytes, other, rng);
    }
    bytes
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], rng: &mut ChaCha8Rng) {
    if bytes.is_empty() {
        bytes.push(below(rng, 256) as u8);
    }
    let at = pick(rng, bytes.len());
    // Up to 64, seldom up to the end.
    let most = if chance(rng, 0.9) { 64 } else { bytes.len() };
    let end = at + pick(rng, (bytes.len() - at).min(most)) + 1;
    match below(rng, 12) {
        0 => bytes[at] ^= 1 << below(rng, 8),
        1 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b' ', b'9', b'-'][pick(rng, 8)],
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let copy = bytes[at..end].repeat(1 + pick(rng, 3));
            insert(bytes, at, &copy);
        }
        5 => {
            let from = pick(rng, other.len().max(1)).min(other.len());
            let piece = &other[from..(from + end - at).min(other.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        6 => edge_integer(bytes, at, rng),
        7..=9 => edge_number(bytes, at, rng),
        10 => insert(bytes, at, TOKENS[pick(rng, TOKENS.len())].as_bytes()),
        _ => {
            let depth = 1 << pick(rng, 14);
            let nested = ["[", "{\"a\":", "(", "a."][pick(rng, 4)].repeat(depth);
            match chance(rng, 0.1) {
                true => insert(bytes, at, nested.as_bytes()),
                false => bytes.swap(at, end - 1),
            }
        }
    }
}

/// An integer at the edge of its width, little-endian or big-endian.
fn edge_integer(bytes: &mut [u8], at: usize, rng: &mut ChaCha8Rng) {
    let width = [1, 2, 4, 8][pick(rng, 4)].min(bytes.len() - at);
    let edges =
        [0, 1, i8::MAX as u64, u16::MAX.into(), i32::MAX as u64, u32::MAX.into(), i64::MAX as u64, !0];
    let edge = edges[pick(rng, edges.len())].wrapping_add([0, 1, !0][pick(rng, 3)]).to_le_bytes();
    bytes[at..at + width].copy_from_slice(&edge[..width]);
    if chance(rng, 0.5) {
        bytes[at..at + width].reverse();
    }
}

/// In place of the first number from `at` on, in text, another.
fn edge_number(bytes: &mut Vec<u8>, at: usize, rng: &mut ChaCha8Rng) {
    let digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let Some(start) = bytes[at..].iter().position(digit).map(|found| at + found) else { return };
    let end = bytes[start..].iter().position(|byte| !digit(byte)).map_or(bytes.len(), |found| start + found);
    bytes.splice(start..end, NUMBERS[pick(rng, NUMBERS.len())].bytes());
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

fn pick(rng: &mut ChaCha8Rng, n: usize) -> usize {
    below(rng, n as u32) as usize
}
