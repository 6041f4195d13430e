//! How much an operation has to do: what a roofline is drawn from.

use super::{Op, Tensor};

/// The work of one dispatch, of all replicas together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Work {
    /// Floating-point operations ([`Op::flops`]); 0: not counted.
    pub flops: f64,
    /// Bytes of the tensors that are read and of the one that is written, each once, or of the parts of them that
    /// are ([`Op::moved`]).
    pub bytes: f64,
}

impl Work {
    /// Of `op` for `replicas` models. Of a data set that all share as many bytes are counted as are written: a
    /// gather reads the rows that it writes, not all there are.
    pub fn of(op: &dyn Op, inputs: &[Tensor], output: &Tensor, replicas: usize) -> Work {
        let bytes = |tensor: &Tensor| 4.0 * tensor.elements() as f64;
        let written = bytes(output);
        let read = inputs.iter().map(|tensor| match tensor.shared {
            true => bytes(tensor).min(written),
            false => bytes(tensor),
        });
        let bytes = match op.moved(inputs, output) {
            Some(elements) => 4.0 * elements as f64,
            None => written + read.sum::<f64>(),
        };
        let replicas = replicas as f64;
        Work { flops: replicas * op.flops(inputs, output), bytes: replicas * bytes }
    }
}
