//! Batches of images from the resident data set: bytes in planes become normalized floats, pixel after
//! pixel, framed with black and, for training, moved about.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;
use serde::{Deserialize, Serialize};

/// The shape of an image: H × W pixels of C channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// H, in pixels.
    pub height: usize,
    /// W, in pixels.
    pub width: usize,
    /// C: 1 for grey, 3 for colors.
    pub channels: usize,
}

impl Image {
    /// H·W·C.
    pub fn features(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// With `pad` more pixels on every side.
    #[must_use]
    pub fn padded(self, pad: usize) -> Self {
        Image { height: self.height + 2 * pad, width: self.width + 2 * pad, ..self }
    }
}

impl std::fmt::Display for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.channels == 1 { "" } else { "s" };
        write!(f, "{}×{} pixels, {} channel{plural}", self.height, self.width, self.channels)
    }
}

/// How far augmentation moves an image at most, pixels: the crop of He et al. 2016 ("Deep Residual
/// Learning", 4.2) from an image padded by 4.
pub const CROP: usize = 4;

/// y\[b, (row · W + column) · C + c\] = (data\[rows\[b\], (c · h + row − pad) · w + column − pad\] −
/// shift\[c\]) · scale\[c\], `[B, H·W·C]` with H = h + 2 pad. Inputs: the data in two parts, u32
/// `[N₁, words]` and `[N₂, words]` (a byte a value, as [`Format::Bytes`]: planes of h × w; the same part
/// twice where one holds all), rows u32 `[B, 1]`, shift and scale `[1, C]`. A pixel outside of the image is
/// black, byte 0. A row beyond N₁ + N₂ gives zeros.
///
/// With `augment` and one more input, key u32 `[1, 2]` (seed, step): record b of the batch is moved by up to
/// [`CROP`] pixels each way and mirrored half of the time, as the random number of (seed, step, b) says. No
/// derivative.
#[derive(Debug, Clone, Copy)]
pub struct GatherImages {
    /// h × w, as stored.
    pub image: Image,
    /// Black pixels on every side.
    pub pad: usize,
    /// Whether each image is moved and mirrored by chance.
    pub augment: bool,
}

/// What record `b` of a batch suffers: (rows down, columns right, mirrored).
fn moves(key: [u32; 2], b: usize) -> (isize, isize, bool) {
    let [hash, _] = pcg4d([key[0], key[1], word(b), 0x6372_6f70]);
    let range = 2 * CROP as u32 + 1;
    // 12 bits over 9 places: off from even by at most 0.2%.
    let place = |bits: u32| (((bits & 0xfff) * range) >> 12) as isize - CROP as isize;
    (place(hash >> 8), place(hash >> 20), hash & 0x80 != 0)
}

impl Op for GatherImages {
    fn name(&self) -> &'static str {
        "gather_images"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let line = |t: &Tensor| t.dtype == DType::F32 && (t.rows, t.cols) == (1, self.image.channels);
        let words = Format::Bytes.words(self.image.features());
        let fits = inputs.len() == 5 + usize::from(self.augment)
            && inputs[..2].iter().all(|t| t.dtype == DType::U32 && t.cols == words)
            && is_column(&inputs[2], inputs[2].rows)
            && inputs[3..5].iter().all(line)
            && (!self.augment || (inputs[5].dtype == DType::U32 && inputs[5].elements() == 2));
        let key = if self.augment { ", key u32 [1, 2]" } else { "" };
        let expected = format!("data u32 [N, {words}] twice, rows u32 [B, 1], shift and scale [1, C]{key}");
        require(fits, self, &expected, inputs)?;
        Ok(Tensor::f32(inputs[2].rows, self.image.padded(self.pad).features()))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let &[first, second, rows, shift, scale, ..] = inputs else { unreachable!("as its shape rule says") };
        let word = |row: usize, i: usize| match row.checked_sub(first.rows) {
            Some(beyond) => second.at(beyond, i) as u32,
            None => first.at(row, i) as u32,
        };
        let (image, out) = (self.image, self.image.padded(self.pad));
        Array::from_fn(rows.rows, out.features(), |b, i| {
            let row = rows.at(b, 0) as usize;
            if row >= first.rows + second.rows {
                return 0.0;
            }
            let (c, pixel) = (i % out.channels, i / out.channels);
            let (y, x) = ((pixel / out.width) as isize, (pixel % out.width) as isize);
            let (down, right, mirrored) = match inputs.get(5) {
                Some(key) => moves([key.data[0] as u32, key.data[1] as u32], b),
                None => (0, 0, false),
            };
            let x = if mirrored { out.width as isize - 1 - x } else { x };
            let (y, x) = (y - down - self.pad as isize, x - right - self.pad as isize);
            let inside = (0..image.height as isize).contains(&y) && (0..image.width as isize).contains(&x);
            let value = match inside {
                true => {
                    let at = (c * image.height + y as usize) * image.width + x as usize;
                    f64::from(word(row, at / 4) >> (8 * (at % 4)) & 255)
                }
                false => 0.0,
            };
            (value - shift.at(0, c)) * scale.at(0, c)
        })
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let kernel = match self.augment {
            true => kernel!("gather_images", "augmented"),
            false => kernel!("gather_images", "plain"),
        };
        let Image { height, width, channels } = self.image;
        let data = [inputs[0].rows, inputs[1].rows, y.rows, inputs[0].cols];
        let words = [data, [quads(y), height, width, channels]].concat().into_iter().chain([self.pad]);
        Launch::only(kernel, words.map(word).collect(), Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        // Augmentation depends on a record's place in the batch.
        if self.augment { &[] } else { &[2] }
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let shapes = [(1, 1, 1, 1, 0), (3, 5, 7, 3, 2), (2, 28, 28, 1, 2), (67, 32, 32, 3, 0), (5, 6, 4, 2, 1)];
    for (batch, height, width, channels, pad) in shapes {
        let image = Image { height, width, channels };
        let words = Format::Bytes.words(image.features());
        let line = (Tensor::f32(1, channels), Contents::Uniform(0.01, 1.0));
        let inputs = vec![
            (Tensor::u32(4, words).shared(), Contents::Words),
            (Tensor::u32(2, words).shared(), Contents::Words),
            // Up to one beyond the data: that row is padding.
            (Tensor::u32(batch, 1), Contents::Below(4 + 2 + 1)),
            line.clone(),
            line,
        ];
        cases.push(Case::new(GatherImages { image, pad, augment: false }, inputs.clone()));
        let inputs = [inputs, vec![(Tensor::u32(1, 2), Contents::Words)]].concat();
        cases.push(Case::new(GatherImages { image, pad, augment: true }, inputs));
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_moved_everywhere_evenly_and_mirrored_half_of_the_time() {
        let draws = 1 << 16;
        let (mut down, mut right, mut mirrored) = ([0; 9], [0; 9], 0);
        for b in 0..draws {
            let (y, x, flip) = moves([7, 3], b);
            down[(y + 4) as usize] += 1;
            right[(x + 4) as usize] += 1;
            mirrored += usize::from(flip);
        }
        // Five standard deviations of a count of 65536 draws: 5 √(n p (1 − p)).
        let near = |count: usize, p: f64| {
            let n = draws as f64;
            (count as f64 - n * p).abs() < 5.0 * (n * p * (1.0 - p)).sqrt()
        };
        assert!(down.iter().chain(&right).all(|&count| near(count, 1.0 / 9.0)), "{down:?} {right:?}");
        assert!(near(mirrored, 0.5), "{mirrored}");
        assert_ne!(moves([7, 3], 0), moves([7, 4], 0), "another step");
    }

    #[test]
    fn planes_become_pixels_and_the_frame_is_black() {
        // One image of 1×2 pixels, 2 channels: planes (10, 20) and (30, 40); frame of 1.
        let op = GatherImages { image: Image { height: 1, width: 2, channels: 2 }, pad: 1, augment: false };
        let data = Array::scalar(f64::from(u32::from_le_bytes([10, 20, 30, 40])));
        let shift = Array::new(1, 2, vec![10.0, 0.0]);
        let scale = Array::new(1, 2, vec![1.0, 0.5]);
        let y = op.reference(&[&data, &data, &Array::scalar(0.0), &shift, &scale]);
        assert_eq!((y.rows, y.cols), (1, 3 * 4 * 2));
        assert_eq!(y.row(0)[10..14], [0.0, 15.0, 10.0, 20.0], "the second row's middle pixels");
        assert_eq!(y.row(0)[..2], [-10.0, 0.0], "black, normalized");
    }
}
