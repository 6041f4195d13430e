//! A data set on the GPU, uploaded once and shared by all replicas, and the nodes that take batches
//! out of it.
//!
//! Not the choice of the batches: that is a tape of row numbers.

use super::{Dataset, Features, Standardisation};
use crate::error::Result;
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, NodeId, Tensor};
use crate::ops::{Format, GatherLabels, GatherRows, GatherStandardised};
use crate::plan::Bound;

/// How a resident data set lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub format: Format,
    /// N.
    pub records: usize,
    /// F.
    pub width: usize,
    /// Whether features are standardised as they are gathered, by each replica's own numbers.
    pub standardised: bool,
}

/// Resident features and labels, with a standardisation of each replica where columns are numeric.
#[derive(Debug, Clone)]
pub struct Resident {
    pub layout: Layout,
    features: Buffer,
    labels: Buffer,
    /// shift and scale, [R, 1, F] each.
    standardisation: Vec<Buffer>,
}

/// The inputs of a resident data set in one graph.
#[derive(Debug, Clone)]
pub struct ResidentNodes {
    layout: Layout,
    pub features: NodeId,
    pub labels: NodeId,
    /// shift and scale, or none.
    pub standardisation: Vec<NodeId>,
}

impl Layout {
    /// Adds the data set's inputs to `graph`.
    pub fn nodes(self, graph: &mut Graph) -> ResidentNodes {
        let tensor = match self.standardised {
            true => Tensor::f32(self.records, self.width),
            false => Tensor::u32(self.records, self.format.words(self.width)),
        };
        let lines: &[&str] = if self.standardised { &["shift", "scale"] } else { &[] };
        ResidentNodes {
            layout: self,
            features: graph.input("features", tensor.shared()),
            labels: graph.input("labels", Tensor::u32(self.records, 1).shared()),
            standardisation: lines.iter().map(|l| graph.input(l, Tensor::f32(1, self.width))).collect(),
        }
    }
}

impl Resident {
    /// Uploads `dataset`; `standardisations` holds one for each replica, or none.
    ///
    /// # Errors
    /// Data larger than the adapter's limits or memory.
    pub fn upload(
        context: &Context,
        dataset: &Dataset,
        standardisations: &[Standardisation],
    ) -> Result<Self> {
        let (format, words): (Format, &[u32]) = match &dataset.features {
            Features::Bits { words, .. } => (Format::Bits, words),
            Features::Bytes { words, .. } => (Format::Bytes, words),
            Features::Floats { values, .. } => (Format::Floats, bytemuck::cast_slice(values)),
        };
        let width = dataset.width();
        let line = |part: fn(&Standardisation) -> &[f32]| -> Vec<u32> {
            let pitch = Tensor::f32(1, width).pitch();
            let mut words = vec![];
            for standardisation in standardisations {
                words.extend(part(standardisation).iter().map(|v| v.to_bits()));
                words.resize(words.len().next_multiple_of(pitch), 0);
            }
            words
        };
        let standardisation = match standardisations {
            [] => vec![],
            _ => vec![
                context.upload("shift", &line(|s| &s.shift))?,
                context.upload("scale", &line(|s| &s.scale))?,
            ],
        };
        let layout =
            Layout { format, records: dataset.records(), width, standardised: !standardisations.is_empty() };
        Ok(Resident {
            layout,
            features: context.upload("features", words)?,
            labels: context.upload("labels", &dataset.labels)?,
            standardisation,
        })
    }

    /// Adds the buffers of `nodes` to `bound`.
    pub fn bind(&self, nodes: &ResidentNodes, bound: &mut Bound) {
        bound.insert(nodes.features, self.features.clone());
        bound.insert(nodes.labels, self.labels.clone());
        bound.extend(nodes.standardisation.iter().copied().zip(self.standardisation.iter().cloned()));
    }
}

impl ResidentNodes {
    /// Features `[B, F]` and labels u32 `[B, 1]` of the records in `rows`, u32 `[B, 1]`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn gather(&self, graph: &mut Graph, rows: NodeId) -> Result<(NodeId, NodeId)> {
        let x = match self.standardisation[..] {
            [shift, scale] => graph.apply(GatherStandardised, &[self.features, rows, shift, scale])?,
            _ => {
                let op = GatherRows { format: self.layout.format, width: self.layout.width };
                graph.apply(op, &[self.features, rows])?
            }
        };
        Ok((x, graph.apply(GatherLabels, &[self.labels, rows])?))
    }
}
