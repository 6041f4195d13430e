//! From kernels and places to dispatches that can be recorded: pipelines, bind groups, and one uniform that holds
//! the numbers of all. Not which kernels: that is [`super::Plan`].

use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context, Pipeline};
use crate::graph::{Grid, Kernel, Tensor, Work};
use std::sync::Arc;

/// A dispatch, ready to record.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub label: String,
    pub pipeline: Arc<Pipeline>,
    pub bindings: wgpu::BindGroup,
    pub groups: [u32; 3],
    pub work: Work,
}

/// Where a tensor lies: a buffer, the first element, and elements from replica to replica.
#[derive(Debug, Clone)]
pub struct Place {
    /// The buffer, which may hold other tensors too.
    pub buffer: Buffer,
    /// Elements before the first replica's tensor.
    pub offset: usize,
    /// Elements from one replica's tensor to the next one's; 0 where all share one.
    pub stride: usize,
}

/// A dispatch whose numbers have a place in the uniform, which is not there yet.
struct Recipe {
    label: String,
    pipeline: Arc<Pipeline>,
    buffers: Vec<Buffer>,
    /// Where its `Dims` are: first byte, and how many.
    dims: (usize, usize),
    groups: [u32; 3],
    work: Work,
}

/// Dispatches one after the other.
pub(super) struct Recipes<'a> {
    context: &'a Context,
    replicas: u32,
    uniform: Vec<u32>,
    all: Vec<Recipe>,
}

impl<'a> Recipes<'a> {
    pub fn new(context: &'a Context, replicas: usize) -> Result<Self> {
        let limit = context.limits().workgroups;
        let within = u32::try_from(replicas).ok().filter(|z| *z <= limit);
        let replicas = within.ok_or_else(|| {
            Error::gpu("max_compute_workgroups_per_dimension of the adapter")
                .expected(format!("at most {limit} replicas"))
                .found(replicas.to_string())
        })?;
        Ok(Recipes { context, replicas, uniform: vec![], all: vec![] })
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A dispatch of `kernel`, which reads `operands` but for the last, and writes that; `result` is for its
    /// label.
    pub fn add(
        &mut self,
        kernel: Kernel,
        grid: Grid,
        operands: &[Place],
        words: &[u32],
        result: &Tensor,
        work: Work,
    ) -> Result<()> {
        let pipeline = self.context.pipeline(kernel)?;
        let align = self.context.limits().uniform_alignment as usize / 4;
        let start = self.uniform.len().next_multiple_of(align.max(1));
        let reflection = &pipeline.reflection;
        let bytes = 4 * (2 * reflection.pairs + words.len());
        let writes = (1..=operands.len()).map(|i| i == operands.len());
        if reflection.dims_bytes != bytes || !reflection.bindings.iter().map(|b| b.1).eq(writes) {
            return Err(Error::gpu(kernel.place())
                .expected(format!("Dims of {bytes} bytes and {} bindings", operands.len()))
                .found(format!("{} and {}", reflection.dims_bytes, reflection.bindings.len())));
        }
        // A pair for each tensor of the file; zeros for those that this entry point has no use for.
        self.uniform.resize(start + 2 * reflection.pairs, 0);
        for (place, (binding, _)) in operands.iter().zip(&reflection.bindings) {
            let at = start + 2 * (*binding as usize - 1);
            self.uniform[at..at + 2].copy_from_slice(&[place.offset as u32, place.stride as u32]);
        }
        self.uniform.extend(words);
        let [x, y] = reflection.workgroups(kernel, grid, self.context.limits().workgroups)?;
        self.all.push(Recipe {
            label: format!("{kernel} {result}"),
            buffers: operands.iter().map(|place| place.buffer.clone()).collect(),
            dims: (4 * start, bytes),
            groups: [x, y, self.replicas],
            pipeline,
            work,
        });
        Ok(())
    }

    /// All of them, with their numbers on the GPU.
    pub fn dispatches(self) -> Result<Vec<Dispatch>> {
        let numbers = self.context.uniform("dims", &self.uniform)?;
        let one = |Recipe { label, pipeline, buffers, dims, groups, work }| {
            let bindings = self.context.bind(&label, &pipeline, &numbers, dims, &buffers);
            Dispatch { label, pipeline, bindings, groups, work }
        };
        Ok(self.all.into_iter().map(one).collect())
    }
}
