//! Two-dimensional convolution with its bias and activation, and the gradients of its input and weights.

use super::*;
use crate::graph::{Array, Grid, Launch, Target};
use crate::kernel;

/// What a convolution goes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    pub in_h: usize,
    pub in_w: usize,
    /// Cin.
    pub in_c: usize,
    /// Cout, a multiple of 4.
    pub out_c: usize,
    /// Taps each way.
    pub kernel: usize,
    pub stride: usize,
    /// Zeros on every side.
    pub padding: usize,
}

impl Geometry {
    /// Output pixels along `length` input pixels, if the kernel fits the padded input.
    fn along(&self, length: usize) -> Option<usize> {
        Some((length + 2 * self.padding).checked_sub(self.kernel)? / self.stride + 1)
    }

    /// Height and width of the output.
    ///
    /// # Errors
    /// A kernel larger than the padded input.
    pub fn out(&self) -> Result<[usize; 2]> {
        match (self.along(self.in_h), self.along(self.in_w)) {
            (Some(height), Some(width)) if self.stride > 0 => Ok([height, width]),
            _ => Err(Error::graph("conv2d")
                .expected("a kernel that fits the padded input, and a stride of at least 1")
                .found(format!(
                    "{0}×{0} taps on {1}×{2} pixels padded by {3}, stride {4}",
                    self.kernel, self.in_h, self.in_w, self.padding, self.stride
                ))),
        }
    }

    /// k·k·Cin.
    fn fan_in(&self) -> usize {
        self.kernel * self.kernel * self.in_c
    }

    fn in_features(&self) -> usize {
        self.in_h * self.in_w * self.in_c
    }

    /// (output pixel, input pixel, tap) of every product, in a fixed order.
    fn taps(&self) -> Result<Vec<[usize; 3]>> {
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

    /// Uniform words of the three kernels.
    fn words(&self, batch: usize, rest: [usize; 2]) -> Vec<u32> {
        let [height, width] = self.out().expect("the shape rule has checked it");
        let sizes = [batch, self.in_h, self.in_w, self.in_c, height, width, self.out_c];
        let window = [self.kernel, self.stride, self.padding];
        sizes.into_iter().chain(window).chain(rest).map(word).collect()
    }
}

/// y\[b, (oh · OW + ow) · Cout + co\] = act(Σ w\[(kh · k + kw) · Cin + ci, co\] · x\[b, (ih · IW + iw) · Cin + ci\] + bias\[co\])
/// with ih = oh · stride + kh − padding, from x `[B, IH·IW·Cin]` and w `[k·k·Cin (+ 1), Cout]`, the bias as last row.
/// Taps on the padding add nothing. With dz = dy ⊙ act′(y): dx and dw as [`Conv2dDx`] and [`Conv2dDw`].
#[derive(Debug, Clone, Copy)]
pub struct Conv2d {
    pub geometry: Geometry,
    pub activation: Activation,
    pub bias: bool,
}

impl Op for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let g = &self.geometry;
        let [height, width] = g.out()?;
        let rows = g.fan_in() + usize::from(self.bias);
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == g.in_features()
            && (inputs[1].rows, inputs[1].cols) == (rows, g.out_c)
            && g.out_c.is_multiple_of(4);
        let expected =
            format!("x [B, {}] and w [{rows}, {}], a multiple of 4 of channels", g.in_features(), g.out_c);
        require(fits, self, &expected, inputs)?;
        Ok(Tensor::f32(inputs[0].rows, height * width * g.out_c))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let [height, width] = g.out().expect("the shape rule has checked it");
        let mut y = Array::from_fn(x.rows, height * width * g.out_c, |_, i| {
            if self.bias { w.at(g.fan_in(), i % g.out_c) } else { 0.0 }
        });
        for b in 0..x.rows {
            for &[out, from, tap] in &taps {
                for ci in 0..g.in_c {
                    let a = x.at(b, from * g.in_c + ci);
                    let start = b * y.cols + out * g.out_c;
                    let sums = &mut y.data[start..start + g.out_c];
                    sums.iter_mut().zip(w.row(tap * g.in_c + ci)).for_each(|(sum, w)| *sum += a * w);
                }
            }
        }
        y.map(|z| self.activation.value(z))
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        y: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, w, geometry) = (inputs[0], inputs[1], self.geometry);
        let dz = match self.activation {
            Activation::Identity => dy,
            activation => graph.apply(ActivateGrad(activation), &[y, dy])?,
        };
        let (dx, dw) = (Conv2dDx { geometry, bias: self.bias }, Conv2dDw { geometry, bias: self.bias });
        Ok(vec![
            if wanted[0] { Some(graph.apply(dx, &[dz, w])?) } else { None },
            if wanted[1] { Some(graph.apply(dw, &[x, dz])?) } else { None },
        ])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor, _: &Target) -> Launch {
        let words = self.geometry.words(y.rows, [usize::from(self.bias), self.activation as usize]);
        let items = y.rows.div_ceil(4) * y.cols / 4;
        let _ = inputs;
        Launch { kernel: kernel!("conv2d"), words, grid: Grid::Items(items) }
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx\[b, i, ci\] = Σ dz\[b, o, co\] · w\[tap · Cin + ci, co\] over the outputs o that see pixel i, from dz `[B, OH·OW·Cout]`
/// and w.
#[derive(Debug, Clone, Copy)]
pub struct Conv2dDx {
    pub geometry: Geometry,
    /// Whether w has a bias row.
    pub bias: bool,
}

impl Op for Conv2dDx {
    fn name(&self) -> &'static str {
        "conv2d_dx"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let g = &self.geometry;
        let [height, width] = g.out()?;
        let rows = g.fan_in() + usize::from(self.bias);
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == height * width * g.out_c
            && (inputs[1].rows, inputs[1].cols) == (rows, g.out_c)
            && g.out_c.is_multiple_of(4);
        require(fits, self, "dz [B, OH·OW·Cout] and w [k·k·Cin (+ 1), Cout]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, g.in_features()))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (dz, w, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let mut dx = Array::zeros(dz.rows, g.in_features());
        for b in 0..dz.rows {
            for &[out, from, tap] in &taps {
                let d = &dz.row(b)[out * g.out_c..(out + 1) * g.out_c];
                for ci in 0..g.in_c {
                    let sum: f64 = d.iter().zip(w.row(tap * g.in_c + ci)).map(|(d, w)| d * w).sum();
                    dx.data[b * g.in_features() + from * g.in_c + ci] += sum;
                }
            }
        }
        dx
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor, _: &Target) -> Launch {
        let words = self.geometry.words(dx.rows, [0, 0]);
        let items =
            dx.rows.div_ceil(4) * self.geometry.in_h * self.geometry.in_w * self.geometry.in_c.div_ceil(4);
        let _ = inputs;
        Launch { kernel: kernel!("conv2d_dx"), words, grid: Grid::Items(items) }
    }
}

/// dw\[tap · Cin + ci, co\] = Σ_b Σ_o x\[b, i, ci\] · dz\[b, o, co\], the last row (with `bias`) Σ_b Σ_o dz, from x and dz.
#[derive(Debug, Clone, Copy)]
pub struct Conv2dDw {
    pub geometry: Geometry,
    pub bias: bool,
}

impl Op for Conv2dDw {
    fn name(&self) -> &'static str {
        "conv2d_dw"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let g = &self.geometry;
        let [height, width] = g.out()?;
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == g.in_features()
            && (inputs[1].rows, inputs[1].cols) == (inputs[0].rows, height * width * g.out_c)
            && g.out_c.is_multiple_of(4);
        require(fits, self, "x [B, IH·IW·Cin] and dz [B, OH·OW·Cout]", inputs)?;
        Ok(Tensor::f32(g.fan_in() + usize::from(self.bias), g.out_c))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dz, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let mut dw = Array::zeros(g.fan_in() + usize::from(self.bias), g.out_c);
        for b in 0..x.rows {
            for &[out, from, tap] in &taps {
                let d = &dz.row(b)[out * g.out_c..(out + 1) * g.out_c];
                for ci in 0..g.in_c {
                    let a = x.at(b, from * g.in_c + ci);
                    let start = (tap * g.in_c + ci) * g.out_c;
                    dw.data[start..start + g.out_c].iter_mut().zip(d).for_each(|(sum, d)| *sum += a * d);
                }
            }
            let start = g.fan_in() * g.out_c;
            if self.bias {
                dz.row(b).iter().enumerate().for_each(|(i, d)| dw.data[start + i % g.out_c] += d);
            }
        }
        dw
    }

    fn launch(&self, inputs: &[Tensor], dw: &Tensor, _: &Target) -> Launch {
        let g = &self.geometry;
        let words = g.words(inputs[0].rows, [usize::from(self.bias), 0]);
        // The bias takes one item of a block like a tap's.
        let blocks = (g.kernel * g.kernel + usize::from(self.bias)) * g.in_c.div_ceil(4);
        Launch { kernel: kernel!("conv2d_dw"), words, grid: Grid::Items(blocks * dw.cols / 4) }
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let geometry = |[in_h, in_w, in_c, out_c, kernel, stride, padding]: [usize; 7]| Geometry {
        in_h,
        in_w,
        in_c,
        out_c,
        kernel,
        stride,
        padding,
    };
    for (i, (batch, sizes)) in [
        (1, [1, 1, 1, 4, 1, 1, 0]),
        (2, [3, 3, 4, 4, 3, 1, 1]),
        (5, [7, 5, 3, 8, 3, 2, 1]),
        (3, [4, 4, 8, 12, 5, 1, 2]),
        (9, [6, 6, 4, 48, 1, 1, 0]),
        (4, [32, 32, 3, 8, 11, 4, 5]),
        (33, [2, 2, 12, 20, 3, 1, 1]),
        (2, [5, 4, 1, 4, 2, 3, 0]),
    ]
    .into_iter()
    .enumerate()
    {
        let geometry = geometry(sizes);
        let [height, width] = geometry.out().expect("cases fit");
        let (activation, bias) = ([Activation::Relu, Activation::Identity][i % 2], i % 3 != 1);
        let fill = if i == 0 { Fill::Uniform(0.3, 0.9) } else { UNIT };
        let x = (Tensor::f32(batch, geometry.in_features()), fill.clone());
        let w = (Tensor::f32(geometry.fan_in() + usize::from(bias), geometry.out_c), fill);
        let dz = (Tensor::f32(batch, height * width * geometry.out_c), UNIT);
        let case = Case::new(Conv2d { geometry, activation, bias }, vec![x.clone(), w.clone()]);
        cases.push(case.differentiable(&[0, 1]).tolerance(1e-5).floor(1.0));
        let case = Case::new(Conv2dDx { geometry, bias }, vec![dz.clone(), w]);
        cases.push(case.tolerance(1e-5).floor(1.0));
        cases.push(Case::new(Conv2dDw { geometry, bias }, vec![x, dz]).tolerance(1e-5).floor(1.0));
    }
    cases
}
