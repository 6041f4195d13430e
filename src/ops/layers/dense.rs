//! A fully connected layer with its bias and activation, and the two matrix products of its backward pass.

use super::tiles::{split_batch, split_columns, tiles};
use crate::graph::{Array, Class, Finish, Grid, Kernel, Launch, Target, Variant};
use crate::kernel;
use crate::ops::*;

/// Whether the outer product fits a result. A single column is one lane's of its eight: of a layer with one
/// output the register tile takes 0.55 to 1.0 times as long, forward and for dw (lavapipe, 128 to 1,408
/// rows); for dx, a layer with one input, it was not timed.
fn fills_lanes(result: &Tensor) -> bool {
    result.cols > 1
}

/// Operations of a product of matrices [B, K] and [K, N]; the bias and the activation are not counted.
fn products(b: usize, k: usize, n: usize) -> f64 {
    2.0 * b as f64 * k as f64 * n as f64
}

/// What adds up the parts of `result`, which read these of the operation's inputs.
fn finish(kernel: Kernel, words: &[u32], result: &Tensor, inputs: &'static [usize]) -> Finish {
    let quads = result.rows * result.cols.div_ceil(4);
    Finish { kernel, grid: Grid::Items(quads), words: words.to_vec(), inputs }
}

/// What messages call an adapter's default kernels: the variant of a large matrix product. What an operation
/// runs is [`Launch::variant`]'s to say.
pub fn default_variant(target: &Target) -> &'static str {
    let (x, w) = (Tensor::f32(64, 64), Tensor::f32(65, 64));
    let launch = Dense { activation: Activation::Identity }.launch(&[x, w], &x);
    launch.default_variant(target).map_or("none", |variant| variant.name)
}

/// y = act(x · w\[..K\] + w\[K\]), `[B, N]`, from x `[B, K]` and w `[K + 1, N]`: weights with the bias as
/// last row. With dz = dy ⊙ act′(y): dx = dz · wᵀ, dw = xᵀ · dz, db = Σ_b dz.
#[derive(Debug, Clone, Copy)]
pub struct Dense {
    /// What is applied to each sum.
    pub activation: Activation,
}

impl Op for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && inputs[1].rows == inputs[0].cols + 1;
        require(fits, self, "x [B, K] and w [K + 1, N]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, w) = (inputs[0], inputs[1]);
        let mut y = Array::zeros(x.rows, w.cols);
        for b in 0..x.rows {
            let mut sums = w.row(x.cols).to_vec();
            for (k, &a) in x.row(b).iter().enumerate().filter(|(_, a)| **a != 0.0) {
                sums.iter_mut().zip(w.row(k)).for_each(|(sum, w)| *sum += a * w);
            }
            sums.iter().enumerate().for_each(|(n, &z)| y.set(b, n, self.activation.value(z)));
        }
        y
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        y: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let (x, w) = (inputs[0], inputs[1]);
        let dz = match self.activation {
            Activation::Identity => dy,
            activation => graph.apply(ActivateGrad(activation), &[y, dy])?,
        };
        let dx = DenseDx { activation: Activation::Identity };
        Ok(vec![
            if wanted[0] { Some(graph.apply(dx, &[dz, w, x])?) } else { None },
            if wanted[1] { Some(graph.apply(DenseDw, &[x, dz])?) } else { None },
        ])
    }

    fn flops(&self, inputs: &[Tensor], y: &Tensor) -> f64 {
        products(y.rows, inputs[0].cols, y.cols)
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let mut words = [y.rows, inputs[0].cols, y.cols].map(word).to_vec();
        words.extend([self.activation as u32, word(quads(y))]);
        let grid = Grid::Tiles { rows: y.rows, cols: y.cols };
        let mut variants = vec![
            Variant::new("outer", kernel!("dense.outer.native", "forward"), grid)
                .needs(OUTER_PRODUCT)
                .fits(fills_lanes(y))
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("dense.register", "forward"), grid).default_on(Class::SOFTWARE),
        ];
        let kernel = kernel!("dense", "forward");
        variants.extend(tiles(kernel, grid));
        let finish = finish(kernel!("dense", "finish_forward"), &words, y, &[1]);
        variants.push(split_columns(kernel, inputs, y, finish));
        Launch { words, variants }
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }

    fn writes_columns(&self) -> bool {
        true
    }
}

/// dx = (dz · wᵀ) ⊙ act′(x), `[B, K]`, from dz `[B, N]`, w `[K + 1, N]` and x `[B, K]`, the output of the
/// activation that made the layer's input (`Identity`: no such factor).
#[derive(Debug, Clone, Copy)]
pub struct DenseDx {
    /// What the layer's input came from; `Identity`: its slope is no factor here.
    pub activation: Activation,
}

impl Op for DenseDx {
    fn name(&self) -> &'static str {
        "dense_dx"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && inputs[0].cols == inputs[1].cols
            && inputs[1].rows == inputs[2].cols + 1
            && inputs[0].rows == inputs[2].rows;
        require(fits, self, "dz [B, N], w [K + 1, N] and x [B, K]", inputs)?;
        Ok(Tensor::f32(inputs[2].rows, inputs[2].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (dz, w, x) = (inputs[0], inputs[1], inputs[2]);
        Array::from_fn(x.rows, x.cols, |b, k| {
            let sum: f64 = dz.row(b).iter().zip(w.row(k)).map(|(d, w)| d * w).sum();
            sum * self.activation.slope(x.at(b, k))
        })
    }

    fn flops(&self, inputs: &[Tensor], dx: &Tensor) -> f64 {
        products(dx.rows, dx.cols, inputs[0].cols)
    }

    fn launch(&self, inputs: &[Tensor], dx: &Tensor) -> Launch {
        let dz = &inputs[0];
        let mut words = [dx.rows, dx.cols, dz.cols].map(word).to_vec();
        words.extend([self.activation as u32, word(quads(dz))]);
        let grid = Grid::Tiles { rows: dx.rows, cols: dx.cols };
        let mut variants = vec![
            Variant::new("outer", kernel!("dense.outer.native", "grad_x"), grid)
                .needs(OUTER_PRODUCT)
                .fits(fills_lanes(dx))
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("dense.register", "grad_x"), grid).default_on(Class::SOFTWARE),
        ];
        let kernel = kernel!("dense", "grad_x");
        variants.extend(tiles(kernel, grid));
        let finish = finish(kernel!("dense", "finish_grad_x"), &words, dx, &[2]);
        variants.push(split_columns(kernel, inputs, dx, finish));
        Launch { words, variants }
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[0]
    }
}

/// dw = (x, 1)ᵀ · dz, `[K + 1, N]`, from x `[B, K]` and dz `[B, N]`; the last row is the bias's gradient.
#[derive(Debug, Clone, Copy)]
pub struct DenseDw;

impl Op for DenseDw {
    fn name(&self) -> &'static str {
        "dense_dw"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 2) && inputs[0].rows == inputs[1].rows;
        require(fits, self, "x [B, K] and dz [B, N]", inputs)?;
        Ok(Tensor::f32(inputs[0].cols + 1, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (x, dz) = (inputs[0], inputs[1]);
        let mut dw = Array::zeros(x.cols + 1, dz.cols);
        for b in 0..x.rows {
            for k in 0..=x.cols {
                let a = if k < x.cols { x.at(b, k) } else { 1.0 };
                let row = &mut dw.data[k * dz.cols..(k + 1) * dz.cols];
                row.iter_mut().zip(dz.row(b)).for_each(|(sum, d)| *sum += a * d);
            }
        }
        dw
    }

    fn flops(&self, inputs: &[Tensor], dw: &Tensor) -> f64 {
        products(inputs[0].rows, inputs[0].cols, dw.cols)
    }

    fn launch(&self, inputs: &[Tensor], dw: &Tensor) -> Launch {
        let (x, dz) = (&inputs[0], &inputs[1]);
        let words = [x.rows, x.cols, dw.cols, 0, quads(dz)].map(word).to_vec();
        let grid = Grid::Tiles { rows: dw.rows, cols: dw.cols };
        let mut variants = vec![
            Variant::new("outer", kernel!("dense.outer.native", "grad_w"), grid)
                .needs(OUTER_PRODUCT)
                .fits(fills_lanes(dw))
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("dense.register", "grad_w"), grid).default_on(Class::SOFTWARE),
        ];
        variants.extend(tiles(kernel!("dense", "grad_w"), grid));
        variants.push(split_batch(kernel!("dense", "grad_w"), x, dw));
        Launch { words, variants }
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    let shapes = [
        (1, 1, 1),
        (2, 3, 5),
        (7, 13, 11),
        (31, 32, 33),
        (33, 31, 32),
        (64, 64, 64),
        (65, 63, 65),
        (128, 446, 30),
        (129, 100, 97),
        (37, 1, 67),
        (17, 64, 1),
        (127, 12, 16),
        (257, 129, 12),
        // A sum that is long beside its result, which can be split: two columns of tiles, and one.
        (1100, 5, 66),
        (263, 70, 3),
        // The same of sums over columns: the last part shorter, and none left for it.
        (9, 130, 300),
        (3, 13, 5),
    ];
    for (i, (rows, inputs, outputs)) in shapes.into_iter().enumerate() {
        let activation =
            [Activation::Tanh, Activation::Relu, Activation::Sigmoid, Activation::Identity][i % 4];
        // A single output must not be a difference near 0: there is nothing larger to measure its error by.
        let w = Tensor::f32(inputs + 1, outputs);
        let (fill, weights) = match activation {
            _ if i == 0 => (Contents::Uniform(0.3, 0.9), Contents::Uniform(0.3, 0.9)),
            Activation::Relu => (Contents::Sixteenths, Contents::off_the_kink(w)),
            _ => (UNIT, UNIT),
        };
        let (x, w) = ((Tensor::f32(rows, inputs), fill), (w, weights));
        let dz = (Tensor::f32(rows, outputs), UNIT);
        // A sum of K products of numbers up to 1 has an error of about √K · 2⁻²⁴.
        let case = Case::new(Dense { activation }, vec![x.clone(), w.clone()]).differentiable(&[0, 1]);
        cases.push(case.tolerance(1e-5).floor(1.0));
        let case = Case::new(DenseDx { activation }, vec![dz.clone(), w, x.clone()]);
        cases.push(case.tolerance(1e-5).floor(1.0));
        cases.push(Case::new(DenseDw, vec![x, dz]).tolerance(1e-5).floor(1.0));
    }
    cases
}
