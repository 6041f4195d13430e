//! The tiles of the matrix products that GPUs run, `dense.wgsl` and `conv2d.wgsl`: one kernel, whose constants
//! make one or another. Not where they run: that is an operation's list.

use crate::graph::{Class, Finish, Grid, Kernel, Tensor, Variant};
use crate::kernel;
use crate::ops::word;

/// 64 × 64 results a workgroup is what the files say as they stand. 128 × 128: the fewest loads a product.
const WIDE: &[(&str, u32)] = &[("DOWN", 16), ("BLOCKS_ACROSS", 2)];
/// 32 × 32, for results that larger tiles would leave most of the adapter idle at.
const SMALL: &[(&str, u32)] = &[("ACROSS", 8), ("BLOCKS_DOWN", 1)];
/// 128 × 16, for results of few columns: of 12, three quarters of its products count, of the 64 × 64 tile's a
/// fifth.
const TALL: &[(&str, u32)] = &[("DOWN", 16), ("ACROSS", 4)];
const TALL_COLS: usize = 16;
/// What is wider than one of the other tiles.
const WIDE_COLS: usize = 64;

/// For images whose channels do not come in fours.
const ONE_BY_ONE: &[(&str, u32)] = &[("FOURS", 0)];

/// The tiles of `kernel` for a result of this extent.
pub(super) fn tiles(kernel: Kernel, area: Grid) -> Vec<Variant> {
    let cols = match area {
        Grid::Tiles { cols, .. } => cols,
        Grid::Items(_) => usize::MAX,
    };
    vec![
        Variant::new("tall", kernel.with(TALL), area).fits(cols <= TALL_COLS).default_on(Class::HARDWARE),
        Variant::new("workgroup", kernel, area).default_on(Class::HARDWARE),
        Variant::new("wide", kernel.with(WIDE), area).fits(cols > WIDE_COLS),
        Variant::new("small", kernel.with(SMALL), area),
    ]
}

/// A tile that splits what it sums over into `parts`, for a result of few tiles: as it stands, and `tall`.
struct Split {
    parts: usize,
    tile: &'static [(&'static str, u32)],
    tall: &'static [(&'static str, u32)],
}

/// Of a batch, which the gradient of weights is summed over.
const BATCH: Split =
    Split { parts: 16, tile: &[("PARTS", 16)], tall: &[("DOWN", 16), ("ACROSS", 4), ("PARTS", 16)] };
/// Of columns, which a layer's output and its gradient by x are summed over.
const COLUMNS: Split =
    Split { parts: 4, tile: &[("PARTS", 4)], tall: &[("DOWN", 16), ("ACROSS", 4), ("PARTS", 4)] };

impl Split {
    /// It is there where all parts of the result together are no larger than the largest of `inputs`, so that they
    /// fit the adapter as that does, and runs where it was chosen: the sum has another order than a whole one.
    fn of(&self, kernel: Kernel, inputs: &[Tensor], result: &Tensor, finish: Finish) -> Variant {
        let area = Grid::Tiles { rows: result.rows, cols: result.cols };
        let constants = if result.cols <= TALL_COLS { self.tall } else { self.tile };
        let largest = inputs.iter().map(Tensor::elements).max().unwrap_or(0);
        let fits = self.parts * result.elements() <= largest;
        Variant::new("split", kernel.with(constants), area).fits(fits).finish(finish)
    }
}

/// The gradient of weights with its batch in parts.
pub(super) fn split_batch(kernel: Kernel, x: &Tensor, dw: &Tensor) -> Variant {
    let length = dw.elements() / 4;
    let words = [BATCH.parts, length].map(word).to_vec();
    let finish = Finish { kernel: kernel!("sum_parts"), grid: Grid::Items(length), words, inputs: &[] };
    BATCH.of(kernel, &[*x], dw, finish)
}

/// A product whose sums go over columns, in parts. `finish` adds them up and does to a sum what the whole kernel
/// does; its file's `PARTS` is set here.
pub(super) fn split_columns(kernel: Kernel, inputs: &[Tensor], result: &Tensor, finish: Finish) -> Variant {
    let finish = Finish { kernel: finish.kernel.with(COLUMNS.tile), ..finish };
    COLUMNS.of(kernel, inputs, result, finish)
}

/// The one tile of a convolution that reads x one by one.
pub(super) fn one_by_one(kernel: Kernel, area: Grid) -> Variant {
    Variant::new("workgroup", kernel.with(ONE_BY_ONE), area).default_on(Class::HARDWARE)
}
