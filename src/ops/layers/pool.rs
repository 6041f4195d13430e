//! Pooling of images: the largest or the mean value of each channel in windows of pixels.

use crate::graph::{Array, Grid, Launch};
use crate::kernel;
use crate::ops::*;

/// Windows of k×k pixels (global: of all pixels), a step of `stride` apart, none reaching beyond the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// IH, in pixels.
    pub in_h: usize,
    /// IW, in pixels.
    pub in_w: usize,
    /// C, a multiple of 4.
    pub channels: usize,
    /// Rows and columns of a window.
    pub window: [usize; 2],
    /// Pixels from one window to the next, each way; at least 1.
    pub stride: usize,
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Pooling {
    /// Its gradient goes to the first maximum, row by row.
    Max = 0,
    /// Its gradient goes to all pixels of the window alike.
    Mean = 1,
}

impl Windows {
    /// One window of all pixels.
    pub fn whole(in_h: usize, in_w: usize, channels: usize) -> Self {
        Windows { in_h, in_w, channels, window: [in_h, in_w], stride: 1 }
    }

    /// Height and width of the output.
    ///
    /// # Errors
    /// A window larger than the image: nothing would be left.
    pub fn out(&self) -> Result<[usize; 2]> {
        let along = |length: usize, window: usize| Some(length.checked_sub(window)? / self.stride + 1);
        match (along(self.in_h, self.window[0]), along(self.in_w, self.window[1])) {
            (Some(height), Some(width)) => Ok([height, width]),
            _ => Err(Error::graph("pool").expected("a window that fits the image").found(format!(
                "{}×{} of {}×{} pixels: nothing would be left",
                self.window[0], self.window[1], self.in_h, self.in_w
            ))),
        }
    }

    fn in_features(&self) -> usize {
        self.in_h * self.in_w * self.channels
    }

    /// The input pixels of output pixel `pixel`, row by row.
    fn pixels(&self, pixel: usize, out_w: usize) -> impl Iterator<Item = usize> + use<> {
        let Windows { in_w, window: [rows, cols], stride, .. } = *self;
        let (top, left) = (pixel / out_w * stride, pixel % out_w * stride);
        (0..rows * cols).map(move |i| (top + i / cols) * in_w + left + i % cols)
    }

    fn words(&self, batch: usize, pooling: Pooling) -> Vec<u32> {
        let [height, width] = self.out().expect("the shape rule has checked it");
        let sizes = [batch, self.in_h, self.in_w, height, width, self.channels / 4];
        let rest = [self.window[0], self.window[1], self.stride, pooling as usize];
        sizes.into_iter().chain(rest).map(word).collect()
    }
}

/// y\[b, o, c\] = the maximum or mean of x\[b, i, c\] over the pixels i of window o, `[B, OH·OW·C]` from x
/// `[B, IH·IW·C]`.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// Sizes of x and of the windows.
    pub windows: Windows,
    /// Maximum or mean.
    pub pooling: Pooling,
}

impl Op for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let [height, width] = self.windows.out()?;
        let (features, channels) = (self.windows.in_features(), self.windows.channels);
        let fits = all_f32(inputs, 1) && inputs[0].cols == features && channels.is_multiple_of(4);
        require(fits, self, &format!("x [B, {features}], a multiple of 4 of channels"), inputs)?;
        Ok(Tensor::f32(inputs[0].rows, height * width * channels))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w) = (inputs[0], &self.windows);
        let [height, width] = w.out().expect("the shape rule has checked it");
        Array::from_fn(x.rows, height * width * w.channels, |b, i| {
            let (pixel, c) = (i / w.channels, i % w.channels);
            let values = w.pixels(pixel, width).map(|p| x.at(b, p * w.channels + c));
            match self.pooling {
                Pooling::Max => values.fold(f64::NEG_INFINITY, f64::max),
                Pooling::Mean => values.sum::<f64>() / (w.window[0] * w.window[1]) as f64,
            }
        })
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        _: NodeId,
        dy: NodeId,
        _: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Ok(vec![Some(graph.apply(PoolGrad(*self), &[inputs[0], dy])?)])
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let words = self.windows.words(y.rows, self.pooling);
        Launch::only(kernel!("pool", "forward"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx of [`Pool`] from x and dy: of a mean dy / (pixels of a window) for each window that a pixel is in, of a
/// maximum dy for each window whose first maximum it is.
#[derive(Debug, Clone, Copy)]
pub struct PoolGrad(pub Pool);

impl Op for PoolGrad {
    fn name(&self) -> &'static str {
        "pool_grad"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && self.0.shape(&inputs[..1])? == inputs[1];
        require(fits, self, "x [B, IH·IW·C] and dy [B, OH·OW·C]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dy, w) = (inputs[0], inputs[1], &self.0.windows);
        let [height, width] = w.out().expect("the shape rule has checked it");
        let mut dx = Array::zeros(x.rows, x.cols);
        for b in 0..x.rows {
            for i in 0..height * width * w.channels {
                let (pixel, c, d) = (i / w.channels, i % w.channels, dy.at(b, i));
                let places: Vec<usize> = w.pixels(pixel, width).map(|p| p * w.channels + c).collect();
                let mut add = |place: usize, d: f64| dx.data[b * x.cols + place] += d;
                match self.0.pooling {
                    Pooling::Mean => places.iter().for_each(|&p| add(p, d / places.len() as f64)),
                    Pooling::Max => {
                        let first = places
                            .iter()
                            .fold(places[0], |best, &p| if x.at(b, p) > x.at(b, best) { p } else { best });
                        add(first, d);
                    }
                }
            }
        }
        dx
    }

    fn launch(&self, _: &[Tensor], dx: &Tensor) -> Launch {
        let words = self.0.windows.words(dx.rows, self.0.pooling);
        Launch::only(kernel!("pool", "grad_x"), words, Grid::Items(dx.elements() / 4))
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (batch, windows) in [
        (1, Windows { in_h: 1, in_w: 1, channels: 4, window: [1, 1], stride: 1 }),
        (3, Windows { in_h: 8, in_w: 8, channels: 12, window: [2, 2], stride: 2 }),
        (2, Windows { in_h: 5, in_w: 7, channels: 4, window: [2, 2], stride: 2 }),
        (2, Windows { in_h: 7, in_w: 6, channels: 8, window: [3, 3], stride: 2 }),
        (65, Windows::whole(4, 3, 8)),
    ] {
        let x = Tensor::f32(batch, windows.in_features());
        // Apart by more than finite differences move them; every tenth is 0, so maxima are tied too.
        let value =
            |i: usize| if i % 10 < 3 { 0.0 } else { f64::from(pcg4d([i as u32, 5, 1, 2])[0] % 1000) / 500.0 };
        let values: Vec<f64> = (0..x.elements()).map(value).collect();
        for pooling in [Pooling::Max, Pooling::Mean] {
            let op = Pool { windows, pooling };
            let mean = pooling == Pooling::Mean;
            let case = Case::new(op, vec![(x, UNIT)]).floor(1.0);
            cases.push(if mean || windows.window == [2, 2] { case.differentiable(&[0]) } else { case });
            let dy = op.shape(&[x]).expect("cases fit");
            let inputs = vec![(x, Contents::Values(values.clone())), (dy, UNIT)];
            cases.push(Case::new(PoolGrad(op), inputs).floor(1.0));
        }
    }
    cases
}
