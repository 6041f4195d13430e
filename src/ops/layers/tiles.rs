//! The tiles of the matrix products that GPUs run, `dense.wgsl` and `conv2d.wgsl`: one kernel, whose constants
//! make one or another. Not where they run: that is an operation's list.

use crate::graph::{Class, Grid, Kernel, Tensor, Variant};

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

/// Parts of a sum: 16 times the workgroups of a result that has few of them, and a second pass.
const PARTS: usize = 16;
const SPLIT: &[(&str, u32)] = &[("PARTS", PARTS as u32)];
const TALL_SPLIT: &[(&str, u32)] = &[("DOWN", 16), ("ACROSS", 4), ("PARTS", PARTS as u32)];

/// A tile of `kernel` that splits what it sums over, where all parts of `result` together are no larger than
/// `input`, which it reads: so they fit the adapter as that does. It runs where it was chosen: the sum has
/// another order than a whole one.
pub(super) fn split(kernel: Kernel, input: &Tensor, result: &Tensor) -> Variant {
    let constants = if result.cols <= TALL_COLS { TALL_SPLIT } else { SPLIT };
    let area = Grid::Tiles { rows: result.rows, cols: result.cols };
    let fits = PARTS * result.elements() <= input.elements();
    Variant::new("split", kernel.with(constants), area).fits(fits)
}

/// The one tile of a convolution that reads x one by one.
pub(super) fn one_by_one(kernel: Kernel, area: Grid) -> Variant {
    Variant::new("workgroup", kernel.with(ONE_BY_ONE), area).default_on(Class::HARDWARE)
}
