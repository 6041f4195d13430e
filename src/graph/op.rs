//! What an operation is: its mathematics (shape, derivative, f64 reference) and, in words, how it is
//! launched. Nothing here touches a GPU: a [`Launch`] names a shader, its numbers and its extent.

use super::{Array, Graph, NodeId, Tensor};
use crate::error::Result;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// A WGSL file, as it stands in `shaders/`; its entry point is `main`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kernel {
    /// The file's stem, for labels and caches.
    pub name: &'static str,
    /// The file's text.
    pub source: &'static str,
}

/// The [`Kernel`] of `shaders/$name.wgsl`.
#[macro_export]
macro_rules! kernel {
    ($name:literal) => {
        $crate::graph::Kernel { name: $name, source: include_str!(concat!("../../shaders/", $name, ".wgsl")) }
    };
}

/// How much a dispatch covers. Workgroup counts follow from what the shader declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grid {
    /// A matrix of `rows`×`cols` in tiles of the shader's `TILE_ROWS`×`TILE_COLS`: x over columns,
    /// y over rows.
    Tiles { rows: usize, cols: usize },
    /// So many items, one an invocation; folded into y beyond the adapter's limit in x.
    Items(usize),
}

/// One dispatch for all replicas (the replica is `workgroup_id.z`).
///
/// The shader's `Dims` uniform is an (offset, stride) pair of each storage operand in binding
/// order, which the plan fills in, followed by `words`.
#[derive(Debug, Clone)]
pub struct Launch {
    pub kernel: Kernel,
    /// The operation's own part of the uniform, u32 or the bits of an f32.
    pub words: Vec<u32>,
    pub grid: Grid,
}

/// The kind of adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A CPU behind a graphics API (Mesa's lavapipe, WARP).
    Software,
    /// Integrated and Apple GPUs.
    Integrated,
    Discrete,
}

/// The variants that some kernels have, each for its kind of adapter. They differ in speed and in the
/// order of sums, not in what they compute. The value indexes an operation's list of variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tile {
    /// Workgroup-memory tiles, for hardware GPUs.
    Workgroup = 0,
    /// Register tiles without workgroup memory, for software adapters.
    Register = 1,
    /// Outer products by subgroup broadcasts, for software adapters with subgroups of 8 and 64-bit
    /// integers.
    Outer = 2,
}

impl Tile {
    /// The name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Tile::Workgroup => "workgroup",
            Tile::Register => "register",
            Tile::Outer => "outer",
        }
    }
}

/// What a launch may use of the adapter. It depends on the adapter alone, never on the number of
/// replicas: a replica's bytes must not depend on its company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub class: Class,
    /// Whether there are subgroups of 8, always, and 64-bit integers.
    pub outer: bool,
    /// The variant to run of the kernels that have several.
    pub tile: Tile,
}

impl Target {
    /// The default variant for an adapter.
    pub fn new(class: Class, outer: bool) -> Self {
        let tile = match (class, outer) {
            (Class::Software, true) => Tile::Outer,
            (Class::Software, false) => Tile::Register,
            _ => Tile::Workgroup,
        };
        Target { class, outer, tile }
    }

    /// The variants that the adapter can run.
    pub fn tiles(&self) -> Vec<Tile> {
        let outer = self.outer.then_some(Tile::Outer);
        [Tile::Workgroup, Tile::Register].into_iter().chain(outer).collect()
    }
}

/// An operation of the graph: plain data (two with equal [`Debug`] text are equal) with the
/// derivative, the reference and the launch that belong to it.
pub trait Op: Debug + Any + Send + Sync {
    /// The name in labels and errors.
    fn name(&self) -> &'static str;

    /// The result's tensor.
    ///
    /// # Errors
    /// Inputs that do not fit: names the operation, what it expects and what it got.
    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor>;

    /// The result in f64, the truth that kernels are tested against.
    fn reference(&self, inputs: &[&Array]) -> Array;

    /// Adds the nodes of the vector–Jacobian product to `graph`: for each of `inputs` the gradient
    /// of the loss, given `dy`, the gradient with respect to `y`. `None`: not differentiable there.
    /// Only those with `wanted` need to be built.
    ///
    /// # Errors
    /// Shapes that do not fit, a bug.
    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        y: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let _ = (graph, y, dy, wanted);
        Ok(vec![None; inputs.len()])
    }

    /// How the operation runs on `target`.
    fn launch(&self, inputs: &[Tensor], output: &Tensor, target: &Target) -> Launch;

    /// Whether a column of the result is written; what is not is unspecified.
    fn writes(&self, _column: usize) -> bool {
        true
    }

    /// Whether the backward pass shall compute the result again and not have it kept until then.
    fn recomputed(&self) -> bool {
        false
    }

    /// The update that adds this operation's result to a sum in place, where there is one: its inputs are the sum, then
    /// this operation's.
    fn accumulating(&self) -> Option<Arc<dyn Op>> {
        None
    }

    /// Which inputs have a row for each row of the output, where row i of the output depends on
    /// row i of those alone. Such an operation can be applied to many batches at once
    /// ([`Graph::hoist`]). Empty: it cannot.
    fn row_wise(&self) -> &'static [usize] {
        &[]
    }
}
