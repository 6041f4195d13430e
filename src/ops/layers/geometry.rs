//! What a convolution goes over, and how much work it is.

use crate::ops::*;

/// What a convolution goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// IH, in pixels.
    pub in_h: usize,
    /// IW, in pixels.
    pub in_w: usize,
    /// Cin.
    pub in_c: usize,
    /// Cout, a multiple of 4.
    pub out_c: usize,
    /// Taps each way.
    pub kernel: usize,
    /// Pixels from one tap window to the next, each way; at least 1.
    pub stride: usize,
    /// Zeros on every side.
    pub padding: usize,
    /// Channels of a pixel of y, a multiple of 4: Cout, or more where y is a part of a dense block's
    /// features.
    pub y_channels: usize,
    /// The first of the Cout among them, a multiple of 4.
    pub y_first: usize,
}

impl Geometry {
    /// Output pixels along `length` input pixels, if the kernel fits the padded input and moves.
    fn along(&self, length: usize) -> Option<usize> {
        Some((length + 2 * self.padding).checked_sub(self.kernel)?.checked_div(self.stride)? + 1)
    }

    /// Height and width of the output.
    ///
    /// # Errors
    /// A kernel larger than the padded input; a stride of 0.
    pub fn out(&self) -> Result<[usize; 2]> {
        match (self.along(self.in_h), self.along(self.in_w)) {
            (Some(height), Some(width)) => Ok([height, width]),
            _ => Err(Error::graph("conv2d")
                .expected("a kernel that fits the padded input, and a stride of at least 1")
                .found(format!(
                    "{0}×{0} taps on {1}×{2} pixels padded by {3}, stride {4}",
                    self.kernel, self.in_h, self.in_w, self.padding, self.stride
                ))),
        }
    }

    /// k·k·Cin.
    pub(super) fn fan_in(&self) -> usize {
        self.kernel * self.kernel * self.in_c
    }

    /// The same over images of this size, y a part of pixels of so many channels.
    #[must_use]
    pub fn part(self, y_channels: usize, y_first: usize) -> Self {
        Geometry { y_channels, y_first, ..self }
    }

    /// Elements of a record of y.
    pub(super) fn out_features(&self) -> Result<usize> {
        let [height, width] = self.out()?;
        Ok(height * width * self.y_channels)
    }

    /// The place of channel co of an output pixel in a record of y.
    pub(super) fn place(&self, pixel: usize) -> usize {
        pixel * self.y_channels + self.y_first
    }

    /// Whether channels of y can be loaded four at a time.
    pub(super) fn fours(&self) -> bool {
        let fits = self.y_first + self.out_c <= self.y_channels;
        fits && [self.out_c, self.y_channels, self.y_first].iter().all(|c| c.is_multiple_of(4))
    }

    pub(super) fn in_features(&self) -> usize {
        self.in_h * self.in_w * self.in_c
    }

    /// (output pixel, input pixel, tap) of every product, in a fixed order.
    pub(super) fn taps(&self) -> Result<Vec<[usize; 3]>> {
        let [height, width] = self.out()?;
        let mut taps = vec![];
        for pixel in 0..height * width {
            for tap in 0..self.kernel * self.kernel {
                let at = |out: usize, tap: usize, length: usize| {
                    (out * self.stride + tap).checked_sub(self.padding).filter(|i| *i < length)
                };
                let y = at(pixel / width, tap / self.kernel, self.in_h);
                let x = at(pixel % width, tap % self.kernel, self.in_w);
                if let (Some(y), Some(x)) = (y, x) {
                    taps.push([pixel, y * self.in_w + x, tap]);
                }
            }
        }
        Ok(taps)
    }

    /// Products of numbers that are not padding, a record.
    pub fn products(&self) -> usize {
        self.taps().map_or(0, |taps| taps.len() * self.in_c * self.out_c)
    }

    /// Whether channels of x can be loaded four at a time.
    pub(super) fn in_fours(&self) -> bool {
        self.in_c.is_multiple_of(4)
    }

    /// Whether y has few channels for the outer product, whose tiles are 64 wide.
    pub(super) fn narrow(&self) -> bool {
        self.out_c < 32
    }

    /// Uniform words of the three kernels.
    pub(super) fn words(&self, batch: usize, rest: [usize; 2]) -> Vec<u32> {
        let [height, width] = self.out().expect("the shape rule has checked it");
        let sizes = [batch, self.in_h, self.in_w, self.in_c, height, width, self.out_c];
        let window = [self.kernel, self.stride, self.padding, self.y_channels, self.y_first];
        sizes.into_iter().chain(window).chain(rest).map(word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_larger_than_its_padded_input_is_refused() {
        let geometry = |padding, stride| Geometry {
            in_h: 4,
            in_w: 2,
            in_c: 4,
            out_c: 8,
            kernel: 5,
            stride,
            padding,
            y_channels: 8,
            y_first: 0,
        };
        let error = geometry(1, 1).out().unwrap_err().to_string();
        assert!(error.contains("5×5 taps on 4×2 pixels padded by 1"), "{error}");
        assert!(geometry(2, 0).out().unwrap_err().to_string().contains("stride of at least 1"));
        assert_eq!(geometry(2, 1).out().unwrap(), [4, 2]);
    }

    #[test]
    fn only_products_with_pixels_are_counted() {
        // 3×3 over 2×2 pixels padded by 1: each output sees all 4 pixels, of 9 taps.
        let side = |size, kernel, padding| Geometry {
            in_h: size,
            in_w: size,
            in_c: 4,
            out_c: 8,
            kernel,
            stride: 1,
            padding,
            y_channels: 8,
            y_first: 0,
        };
        assert_eq!(side(2, 3, 1).products(), 4 * 4 * 4 * 8);
        assert_eq!(side(2, 1, 0).products(), 4 * 4 * 8);
    }
}
