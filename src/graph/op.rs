//! What an operation is: its mathematics (shape, derivative, f64 reference) and the kernels that compute it.
//! Not what a kernel is: that is [`Launch`].

use super::{Array, Graph, Launch, NodeId, Tensor};
use crate::error::Result;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

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

    /// The operation's numbers and the list of its variants, for tensors that fit: what each runs and needs.
    /// Which of them runs follows from the adapter and from what was chosen for it ([`Launch::variant`]).
    fn launch(&self, inputs: &[Tensor], output: &Tensor) -> Launch;

    /// Floating-point operations of the result, a multiply-add as two, of one replica; 0: its time is that of the
    /// bytes it moves, and nobody counts.
    fn flops(&self, _inputs: &[Tensor], _output: &Tensor) -> f64 {
        0.0
    }

    /// Elements that it reads and writes, of one replica, where it leaves part of its tensors alone.
    fn moved(&self, _inputs: &[Tensor], _output: &Tensor) -> Option<usize> {
        None
    }

    /// Whether a column of the result is written; what is not is unspecified.
    fn writes(&self, _column: usize) -> bool {
        true
    }

    /// Which inputs may be columns of a wider tensor: `launch` hands their [`Tensor::pitch`] to the kernel.
    fn reads_columns(&self) -> &'static [usize] {
        &[]
    }

    /// Whether the result may be columns of a wider tensor, by `launch` as the inputs.
    fn writes_columns(&self) -> bool {
        false
    }

    /// Whether the backward pass shall compute the result again and not have it kept until then.
    fn recomputed(&self) -> bool {
        false
    }

    /// The update that adds this operation's result to a sum in place, where there is one: its inputs are the
    /// sum, then this operation's.
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
