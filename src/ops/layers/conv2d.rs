//! Two-dimensional convolution with its bias and activation, and the gradients of its input and weights.
//! What it goes over: [`Geometry`].

use super::tiles::{one_by_one, split_batch, tiles};
use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// y\[b, (oh · OW + ow) · Cout + co\] =
/// act(bias\[co\] + Σ w\[(kh · k + kw) · Cin + ci, co\] · x\[b, (ih · IW + iw) · Cin + ci\])
/// with ih = oh · stride + kh − padding, from x `[B, IH·IW·Cin]` and w `[k·k·Cin (+ 1), Cout]`, the bias as
/// last row. Taps on the padding add nothing. With dz = dy ⊙ act′(y): dx and dw as [`Conv2dDx`] and
/// [`Conv2dDw`].
#[derive(Debug, Clone, Copy)]
pub struct Conv2d {
    /// Sizes of x, w and y.
    pub geometry: Geometry,
    /// What is applied to each sum.
    pub activation: Activation,
    /// Whether w has a bias row.
    pub bias: bool,
}

impl Op for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let g = &self.geometry;
        let features = g.out_features()?;
        let rows = g.fan_in() + usize::from(self.bias);
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == g.in_features()
            && (inputs[1].rows, inputs[1].cols) == (rows, g.out_c)
            && g.fours();
        let expected =
            format!("x [B, {}] and w [{rows}, {}], a multiple of 4 of channels", g.in_features(), g.out_c);
        require(fits, self, &expected, inputs)?;
        Ok(Tensor::f32(inputs[0].rows, features))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let features = g.out_features().expect("the shape rule has checked it");
        let mut y = Array::from_fn(x.rows, features, |_, i| {
            if self.bias && self.writes(i) { w.at(g.fan_in(), i % g.y_channels - g.y_first) } else { 0.0 }
        });
        for b in 0..x.rows {
            for &[out, from, tap] in &taps {
                for ci in 0..g.in_c {
                    let a = x.at(b, from * g.in_c + ci);
                    let start = b * y.cols + g.place(out);
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

    fn flops(&self, _: &[Tensor], y: &Tensor) -> f64 {
        flops(y.rows, &self.geometry)
    }

    fn launch(&self, _: &[Tensor], y: &Tensor) -> Launch {
        let g = &self.geometry;
        let words = g.words(y.rows, [usize::from(self.bias), self.activation as usize]);
        let pixels = y.cols / g.y_channels;
        let area = Grid::Tiles { rows: y.rows * pixels, cols: g.out_c };
        let blocks = Grid::Items(y.rows.div_ceil(4) * pixels * g.out_c / 4);
        let mut variants = vec![
            Variant::new("few", kernel!("conv2d.outer.native", "forward_few"), area)
                .needs(OUTER_PRODUCT)
                .fits(!g.in_fours())
                .default_on(Class::SOFTWARE),
            Variant::new("narrow", kernel!("conv2d.outer.native", "forward_narrow"), area)
                .needs(OUTER_PRODUCT)
                .fits(g.in_fours() && g.narrow())
                .default_on(Class::SOFTWARE),
            Variant::new("outer", kernel!("conv2d.outer.native", "forward"), area)
                .needs(OUTER_PRODUCT)
                .fits(g.in_fours() && !g.narrow())
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("conv2d.register", "forward"), blocks)
                .default_on(Class::SOFTWARE),
        ];
        let kernel = kernel!("conv2d", "forward");
        variants.extend(if g.in_fours() { tiles(kernel, area) } else { vec![one_by_one(kernel, area)] });
        Launch { words, variants }
    }

    fn writes(&self, column: usize) -> bool {
        let g = &self.geometry;
        (g.y_first..g.y_first + g.out_c).contains(&(column % g.y_channels))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }
}

/// dx\[b, i, ci\] = Σ dz\[b, o, co\] · w\[tap · Cin + ci, co\] over the outputs o that see pixel i, from dz
/// `[B, OH·OW·Cout]` and w.
#[derive(Debug, Clone, Copy)]
pub struct Conv2dDx {
    /// That of the [`Conv2d`].
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
        let rows = g.fan_in() + usize::from(self.bias);
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == g.out_features()?
            && (inputs[1].rows, inputs[1].cols) == (rows, g.out_c)
            && g.fours();
        require(fits, self, "dz [B, OH·OW·Cout] and w [k·k·Cin (+ 1), Cout]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, g.in_features()))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (dz, w, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let mut dx = Array::zeros(dz.rows, g.in_features());
        for b in 0..dz.rows {
            for &[out, from, tap] in &taps {
                let d = &dz.row(b)[g.place(out)..g.place(out) + g.out_c];
                for ci in 0..g.in_c {
                    let sum: f64 = d.iter().zip(w.row(tap * g.in_c + ci)).map(|(d, w)| d * w).sum();
                    dx.data[b * g.in_features() + from * g.in_c + ci] += sum;
                }
            }
        }
        dx
    }

    fn flops(&self, _: &[Tensor], dx: &Tensor) -> f64 {
        flops(dx.rows, &self.geometry)
    }

    fn launch(&self, _: &[Tensor], dx: &Tensor) -> Launch {
        let g = &self.geometry;
        let words = g.words(dx.rows, [0, 0]);
        let area = Grid::Tiles { rows: dx.rows * g.in_h * g.in_w, cols: g.in_c };
        let blocks = Grid::Items(dx.rows.div_ceil(4) * g.in_h * g.in_w * g.in_c.div_ceil(4));
        // Few channels of x are an image's, and that has no gradient: no kernel of its own. For few channels
        // of y one with the narrow forward kernel's tile was no faster.
        let mut variants = vec![
            Variant::new("outer", kernel!("conv2d.outer.backward.native", "grad_x"), area)
                .needs(OUTER_PRODUCT)
                .fits(g.in_fours())
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("conv2d.register", "grad_x"), blocks)
                .default_on(Class::SOFTWARE),
        ];
        let kernel = kernel!("conv2d", "grad_x");
        variants.extend(if g.in_fours() { tiles(kernel, area) } else { vec![one_by_one(kernel, area)] });
        Launch { words, variants }
    }
}

/// dw\[tap · Cin + ci, co\] = Σ_b Σ_o x\[b, i, ci\] · dz\[b, o, co\], the last row (with `bias`) Σ_b Σ_o dz,
/// from x and dz.
#[derive(Debug, Clone, Copy)]
pub struct Conv2dDw {
    /// That of the [`Conv2d`].
    pub geometry: Geometry,
    /// Whether dw has a bias row.
    pub bias: bool,
}

impl Op for Conv2dDw {
    fn name(&self) -> &'static str {
        "conv2d_dw"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let g = &self.geometry;
        let fits = all_f32(inputs, 2)
            && inputs[0].cols == g.in_features()
            && (inputs[1].rows, inputs[1].cols) == (inputs[0].rows, g.out_features()?)
            && g.fours();
        require(fits, self, "x [B, IH·IW·Cin] and dz [B, OH·OW·Cout]", inputs)?;
        Ok(Tensor::f32(g.fan_in() + usize::from(self.bias), g.out_c))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dz, g) = (inputs[0], inputs[1], &self.geometry);
        let taps = g.taps().expect("the shape rule has checked it");
        let mut dw = Array::zeros(g.fan_in() + usize::from(self.bias), g.out_c);
        for b in 0..x.rows {
            for &[out, from, tap] in &taps {
                let d = &dz.row(b)[g.place(out)..g.place(out) + g.out_c];
                for ci in 0..g.in_c {
                    let a = x.at(b, from * g.in_c + ci);
                    let start = (tap * g.in_c + ci) * g.out_c;
                    dw.data[start..start + g.out_c].iter_mut().zip(d).for_each(|(sum, d)| *sum += a * d);
                }
            }
            let start = g.fan_in() * g.out_c;
            if self.bias {
                for pixel in dz.row(b).chunks(g.y_channels) {
                    let own = &pixel[g.y_first..g.y_first + g.out_c];
                    dw.data[start..].iter_mut().zip(own).for_each(|(sum, d)| *sum += d);
                }
            }
        }
        dw
    }

    fn flops(&self, inputs: &[Tensor], _: &Tensor) -> f64 {
        flops(inputs[0].rows, &self.geometry)
    }

    fn launch(&self, inputs: &[Tensor], dw: &Tensor) -> Launch {
        let g = &self.geometry;
        let words = g.words(inputs[0].rows, [usize::from(self.bias), 0]);
        let area = Grid::Tiles { rows: dw.rows, cols: dw.cols };
        // The bias takes one item of a block like a tap's.
        let taps = g.kernel * g.kernel + usize::from(self.bias);
        let blocks = Grid::Items(taps * g.in_c.div_ceil(4) * dw.cols / 4);
        let mut variants = vec![
            Variant::new("few", kernel!("conv2d.outer.backward.native", "grad_w_few"), area)
                .needs(OUTER_PRODUCT)
                .fits(!g.in_fours())
                .default_on(Class::SOFTWARE),
            Variant::new("narrow", kernel!("conv2d.outer.backward.native", "grad_w_narrow"), area)
                .needs(OUTER_PRODUCT)
                .fits(g.in_fours() && g.narrow())
                .default_on(Class::SOFTWARE),
            Variant::new("outer", kernel!("conv2d.outer.backward.native", "grad_w"), area)
                .needs(OUTER_PRODUCT)
                .fits(g.in_fours() && !g.narrow())
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("conv2d.register", "grad_w"), blocks)
                .default_on(Class::SOFTWARE),
        ];
        let kernel = kernel!("conv2d", "grad_w");
        if g.in_fours() {
            variants.extend(tiles(kernel, area));
            variants.push(split_batch(kernel, &inputs[0], dw));
        } else {
            variants.push(one_by_one(kernel, area));
        }
        Launch { words, variants }
    }
}

/// Operations of a pass over so many records; those on padding are not counted.
fn flops(records: usize, geometry: &Geometry) -> f64 {
    2.0 * records as f64 * geometry.products() as f64
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let geometry = |[in_h, in_w, in_c, out_c, kernel, stride, padding]: [usize; 7]| Geometry {
        in_h,
        in_w,
        in_c,
        out_c,
        kernel,
        stride,
        padding,
        y_channels: out_c,
        y_first: 0,
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
        (3, [9, 8, 4, 68, 3, 1, 1]),
        (5, [9, 9, 36, 12, 3, 2, 1]),
        (1, [12, 11, 8, 32, 1, 1, 0]),
        // 64 pixels go by pixel, 65 by record: of few channels of x, of few of y, and of many.
        (3, [8, 8, 3, 8, 3, 1, 1]),
        (3, [13, 5, 3, 8, 3, 1, 1]),
        (3, [8, 8, 4, 8, 3, 1, 1]),
        (3, [13, 5, 4, 8, 3, 1, 1]),
        (3, [8, 8, 4, 36, 3, 1, 1]),
        (3, [13, 5, 4, 36, 3, 1, 1]),
        // About a tile of 128 × 16, and of 128 × 128.
        (127, [1, 1, 16, 16, 1, 1, 0]),
        (43, [3, 1, 132, 12, 3, 1, 1]),
        (3, [7, 7, 68, 132, 1, 2, 0]),
        // A sum that is long beside grad_w, which can be split: few columns, and more.
        (9, [17, 16, 8, 12, 3, 1, 1]),
        (70, [6, 5, 4, 20, 1, 1, 0]),
    ]
    .into_iter()
    .enumerate()
    {
        let geometry = geometry(sizes);
        // Every other one writes a part of its pixels' channels.
        let geometry = if i % 2 == 1 { geometry.part(geometry.out_c + 12, 8) } else { geometry };
        let features = geometry.out_features().expect("cases fit");
        let activation = [Activation::Relu, Activation::Identity][i % 2];
        // The bias keeps sums off the kink.
        let bias = activation == Activation::Relu || i % 3 != 1;
        let w = Tensor::f32(geometry.fan_in() + usize::from(bias), geometry.out_c);
        let (fill, weights) = match activation {
            _ if i == 0 => (Contents::Uniform(0.3, 0.9), Contents::Uniform(0.3, 0.9)),
            Activation::Relu => (Contents::Sixteenths, Contents::off_the_kink(w)),
            _ => (UNIT, UNIT),
        };
        let (x, w) = ((Tensor::f32(batch, geometry.in_features()), fill), (w, weights));
        let dz = (Tensor::f32(batch, features), UNIT);
        let op = Conv2d { geometry, activation, bias };
        let case = match i % 2 {
            0 => Case::new(op, vec![x.clone(), w.clone()]).differentiable(&[0, 1]),
            _ => Case::new(op, vec![dz.clone(), x.clone(), w.clone()]).fill().differentiable(&[1, 2]),
        };
        cases.push(case.tolerance(1e-5).floor(1.0));
        let case = Case::new(Conv2dDx { geometry, bias }, vec![dz.clone(), w]);
        cases.push(case.tolerance(1e-5).floor(1.0));
        cases.push(Case::new(Conv2dDw { geometry, bias }, vec![x, dz]).tolerance(1e-5).floor(1.0));
    }
    cases
}
