//! The operations: one file each (forward and backward together), registered in [`ALL`].
//!
//! To add one: `shaders/x.wgsl`, `ops/x.rs`, a line in [`ALL`]. Its cases are then tested without
//! another line: kernel against f64 reference, derivative against finite differences, at R = 1
//! and 3, with poisoned outputs (`plan::check`, `veilgrad check`, `tests/ops.rs`).

mod activation;
mod adam;
mod add;
mod clip_rows;
mod concat;
mod conv2d;
mod counters;
mod cross_entropy;
mod dense;
mod dropout;
mod gather_images;
mod gather_rows;
mod geometry;
mod label_layer;
mod membership_gain;
mod moments;
mod noise;
mod norm_relu;
mod one_hot;
mod output_penalty;
mod pool;
mod record_norm;
mod reduce;
mod row_slice;
mod scale;
mod sgd;
mod softmax;
mod sort_rows;
mod store_rows;
mod tape;

pub use crate::graph::Op;
pub use activation::{Activate, ActivateGrad, Activation};
pub use adam::Adam;
pub use add::Add;
pub use clip_rows::ClipRows;
pub use concat::{ColumnSlice, Concat};
pub use conv2d::{Conv2d, Conv2dDw, Conv2dDx};
pub use counters::{AttackCounts, ClassifierCounts, CountAttack, CountClassifier};
pub use cross_entropy::{CrossEntropy, CrossEntropyGrad};
pub use dense::{Dense, DenseDw, DenseDx};
pub use dropout::{Dropout, pcg4d};
pub use gather_images::{CROP, GatherImages, Image};
pub use gather_rows::{Format, GatherLabels, GatherRows, GatherStandardised};
pub use geometry::Geometry;
pub use label_layer::{LabelLayer, LabelLayerDw};
pub use membership_gain::{GainForm, MembershipGain, MembershipGainGrad};
pub use moments::{ChannelSums, Channels, Moments, MomentsDx, RunningMoments, moments};
pub use noise::Noise;
pub use norm_relu::{NormRelu, NormReluDs, NormReluDx, NormReluSums, SumParts};
pub use one_hot::OneHot;
pub use output_penalty::{OutputPenalty, OutputPenaltyGrad};
pub use pool::{Pool, PoolGrad, Pooling, Windows};
pub use record_norm::RecordNorm;
pub use reduce::{Broadcast, Reduce};
pub use row_slice::{RowPad, RowSlice};
pub use scale::Scale;
pub use sgd::Sgd;
pub use softmax::{Softmax, SoftmaxGrad};
pub use sort_rows::{SortRows, SortRowsGrad};
pub use store_rows::StoreRows;
pub use tape::{Advance, Tape};

use crate::error::{Error, Result};
use crate::graph::{DType, Graph, Kind, NodeId, Tensor};
use std::sync::Arc;

/// A label or row that stands for padding: it is not counted, gathers zeros.
pub const PADDING: u32 = u32::MAX;

/// What an input of a [`Case`] is filled with.
#[derive(Debug, Clone)]
pub enum Fill {
    /// Uniform in the range.
    Uniform(f64, f64),
    /// Whole numbers below the bound.
    Below(u32),
    /// Any 32 bits.
    Words,
    /// These, in memory order, repeated as needed.
    Values(Vec<f64>),
}

/// An operation at given shapes with given inputs, to be tested in every way there is.
#[derive(Debug, Clone)]
pub struct Case {
    pub op: Arc<dyn Op>,
    pub inputs: Vec<(Tensor, Fill)>,
    /// The largest |kernel − reference| allowed, relative to the largest |reference| in the tensor, or to
    /// `floor` where that is more.
    pub tolerance: f64,
    /// The size of the numbers that were added up, where a result may be a small difference of them: its
    /// error is theirs. 0 by default.
    pub floor: f64,
    /// The inputs that have a derivative to be tested.
    pub differentiable: Vec<usize>,
    /// What the node is.
    pub form: Form,
}

/// How the operation of a [`Case`] is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Compute,
    /// It writes its first input, a state.
    Update,
    /// It writes its part into the first input, a state.
    Fill,
}

impl Case {
    /// A case with tolerance 2e-6 (about 16 ulp) and no derivative.
    pub fn new(op: impl Op, inputs: Vec<(Tensor, Fill)>) -> Self {
        Case {
            op: Arc::new(op),
            inputs,
            tolerance: 2e-6,
            floor: 0.0,
            differentiable: vec![],
            form: Form::Compute,
        }
    }

    #[must_use]
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    #[must_use]
    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    #[must_use]
    pub fn differentiable(mut self, inputs: &[usize]) -> Self {
        self.differentiable = inputs.to_vec();
        self
    }

    #[must_use]
    pub fn update(mut self) -> Self {
        self.form = Form::Update;
        self
    }

    #[must_use]
    pub fn fill(mut self) -> Self {
        self.form = Form::Fill;
        self
    }
}

/// An operation's name and its cases.
pub type Entry = (&'static str, fn() -> Vec<Case>);

/// Every operation.
pub const ALL: &[Entry] = &[
    ("activation", activation::cases),
    ("adam", adam::cases),
    ("add", add::cases),
    ("clip_rows", clip_rows::cases),
    ("concat", concat::cases),
    ("conv2d", conv2d::cases),
    ("counters", counters::cases),
    ("cross_entropy", cross_entropy::cases),
    ("dense", dense::cases),
    ("dropout", dropout::cases),
    ("gather_images", gather_images::cases),
    ("gather_rows", gather_rows::cases),
    ("label_layer", label_layer::cases),
    ("membership_gain", membership_gain::cases),
    ("moments", moments::cases),
    ("noise", noise::cases),
    ("norm_relu", norm_relu::cases),
    ("one_hot", one_hot::cases),
    ("output_penalty", output_penalty::cases),
    ("pool", pool::cases),
    ("record_norm", record_norm::cases),
    ("reduce", reduce::cases),
    ("row_slice", row_slice::cases),
    ("scale", scale::cases),
    ("sgd", sgd::cases),
    ("softmax", softmax::cases),
    ("sort_rows", sort_rows::cases),
    ("store_rows", store_rows::cases),
    ("tape", tape::cases),
];

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

/// vec4s in a row.
fn quads(tensor: &Tensor) -> usize {
    tensor.pitch() / 4
}

/// A count as a word of a launch.
fn word(n: usize) -> u32 {
    u32::try_from(n).expect("sizes fit u32: the adapter's limits are checked before")
}

/// [`Fill::Uniform`] between −1 and 1.
const UNIT: Fill = Fill::Uniform(-1.0, 1.0);
