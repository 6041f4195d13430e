//! The operations: one file each (forward and backward together), registered in [`ALL`].
//!
//! To add one: `shaders/x.wgsl` with an entry point for each pass, a file in the folder where it belongs with
//! its `mod` line there, a row in the table below. To add a variant of its kernel: a shader (or an entry point
//! of one) and a row in its `launch`. All cases and variants are then tested without another line: kernel
//! against f64 reference, derivative against finite differences, at R = 1 and 3, with poisoned outputs
//! (`lab::check`, `veilgrad check`, `tests/ops.rs`).

mod case;
mod choices;
mod data;
mod layers;
mod losses;
mod optimizers;
mod tensors;

pub use crate::graph::Op;
pub use case::{Case, CaseForm, CaseGraph, Contents};
pub use choices::known_choices;
pub use layers::geometry::Geometry;

use crate::error::{Error, Result};
use crate::graph::{DType, Graph, Kind, Need, NodeId, Tensor};
use std::sync::Arc;

/// An operation's name and its cases.
pub type Entry = (&'static str, fn() -> Vec<Case>);

/// Makes [`ALL`], and the path `ops::X` of every public thing, from the places of the files.
macro_rules! operations {
    ($($folder:ident/$file:ident,)*) => {
        $(pub use $folder::$file::*;)*

        /// Every operation.
        pub const ALL: &[Entry] = &[$((stringify!($file), $folder::$file::cases),)*];
    };
}

operations! {
    layers/activation,
    optimizers/adam,
    optimizers/adam_ones,
    tensors/add,
    optimizers/clip_rows,
    tensors/concat,
    layers/conv2d,
    losses/counters,
    losses/cross_entropy,
    layers/dense,
    layers/dense_ones,
    layers/dropout,
    data/gather_images,
    data/gather_ones,
    data/gather_rows,
    layers/label_layer,
    losses/membership_gain,
    layers/moments,
    optimizers/noise,
    layers/norm_relu,
    data/one_hot,
    losses/output_penalty,
    layers/pool,
    optimizers/record_norm,
    tensors/reduce,
    data/rows_from,
    tensors/row_slice,
    tensors/scale,
    optimizers/sgd,
    layers/softmax,
    tensors/sort_rows,
    data/store_rows,
    tensors/sum_parts,
    data/tape,
}

/// A label or row that stands for padding: it is not counted, gathers zeros.
pub const PADDING: u32 = u32::MAX;

/// The gradient of Σ seed · root with respect to every `w` of `wrt` ([`Graph::gradients_with`],
/// summing with [`Add`], or in place where the newest term can: [`Op::accumulating`]).
///
/// # Errors
/// As [`Graph::gradients_with`].
pub fn gradients(graph: &mut Graph, roots: &[(NodeId, NodeId)], wrt: &[NodeId]) -> Result<Vec<NodeId>> {
    graph.gradients_with(roots, wrt, |graph, sum, term| {
        let node = graph.node(term);
        let accumulating = match &node.kind {
            Kind::Compute(op) => op.accumulating(),
            _ => None,
        };
        match accumulating {
            Some(op) => {
                let inputs: Vec<NodeId> = [sum].into_iter().chain(node.inputs.iter().copied()).collect();
                graph.update_dyn(op, &inputs)
            }
            None => graph.apply(Add, &[sum, term]),
        }
    })
}

/// Refuses inputs unless `fits`.
fn require(fits: bool, op: &dyn Op, expected: &str, inputs: &[Tensor]) -> Result<()> {
    if fits {
        return Ok(());
    }
    let found: Vec<String> = inputs.iter().map(ToString::to_string).collect();
    Err(Error::graph(op.name()).expected(expected).found(found.join(", ")))
}

/// Whether these are so many f32 tensors.
fn all_f32(inputs: &[Tensor], count: usize) -> bool {
    inputs.len() == count && inputs.iter().all(|t| t.dtype == DType::F32)
}

/// A u32 column, a label or an index a row.
fn is_column(tensor: &Tensor, rows: usize) -> bool {
    tensor.dtype == DType::U32 && tensor.rows == rows && tensor.cols == 1
}

/// An f32 scalar.
fn is_scalar(tensor: &Tensor) -> bool {
    tensor.dtype == DType::F32 && (tensor.rows, tensor.cols) == (1, 1)
}

/// vec4s from a row to the next.
fn quads(tensor: &Tensor) -> usize {
    tensor.pitch() / 4
}

/// A count as a word of a launch.
fn word(n: usize) -> u32 {
    u32::try_from(n).expect("sizes fit u32: the adapter's limits are checked before")
}

/// [`Contents::Uniform`] between −1 and 1.
const UNIT: Contents = Contents::Uniform(-1.0, 1.0);

/// What the subgroup outer product needs of an adapter: subgroups of eight lanes and loads of two floats at
/// once.
const OUTER_PRODUCT: &[Need] = &[Need::Subgroups(8), Need::Int64];
