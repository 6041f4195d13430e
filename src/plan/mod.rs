//! From a graph to dispatches: which run side by side ([`schedule`]), which memory they share
//! ([`memory`]), and the recording of them, again and again, without allocating anything.

mod columns;
mod fuse;
pub mod memory;
mod ones;
mod recipes;
mod rewrite;
pub mod schedule;
mod tails;
mod updates;

use crate::error::{Error, Result};
use crate::gpu::{Buffer, Context};
use crate::graph::{Graph, Kind, NodeId, Op, Tensor, Variant, Work};
pub use recipes::Place;
use recipes::{Dispatch, Recipes};
pub use rewrite::{Rewritten, rewrite};
use std::collections::HashMap;
use std::ops::Range;

/// What a dispatch takes, alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// Kernel and result.
    pub label: String,
    /// Of one dispatch.
    pub seconds: f64,
    /// Of all replicas.
    pub work: Work,
}

/// A graph compiled for R replicas on one device.
#[derive(Debug)]
pub struct Plan {
    dispatches: Vec<Dispatch>,
    memory: HashMap<NodeId, Place>,
    /// Where each node of the graph that was compiled is found after the rewrites.
    moved: Vec<NodeId>,
    /// Dispatches until the end of each wave.
    wave_ends: Vec<usize>,
    scratch: Vec<Buffer>,
}

/// The variant to run of an operation with these inputs and this output, if it is not to be the default.
type Wanted<'a> = &'a dyn Fn(&dyn Op, &[Tensor], &Tensor) -> Option<&'a str>;

/// Buffers that the caller owns, by input or state node: [R, elements] words each.
pub type Bound = HashMap<NodeId, Buffer>;

impl Plan {
    /// Compiles `graph` for `replicas` models. `bound` holds a buffer for every input and state that
    /// the graph needs; `outputs` are the tensors to be read afterwards ([`place`](Self::place)),
    /// besides the states.
    ///
    /// # Errors
    /// A graph that cannot run as written, sizes beyond the adapter's limits, out of memory, a
    /// shader that does not build.
    pub fn compile(
        context: &Context,
        graph: &Graph,
        replicas: usize,
        bound: &Bound,
        outputs: &[NodeId],
    ) -> Result<Plan> {
        let chosen =
            |op: &dyn Op, inputs: &[Tensor], y: &Tensor| context.choices().variant(op.name(), inputs, y);
        Self::compile_with(context, graph, replicas, bound, outputs, &chosen)
    }

    /// [`compile`](Self::compile) with the variant of this name of every operation that has such a one, and
    /// the defaults of others, whatever was chosen for the adapter.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_for(
        context: &Context,
        graph: &Graph,
        replicas: usize,
        bound: &Bound,
        outputs: &[NodeId],
        variant: &str,
    ) -> Result<Plan> {
        Self::compile_with(context, graph, replicas, bound, outputs, &|_, _, _| Some(variant))
    }

    fn compile_with(
        context: &Context,
        graph: &Graph,
        replicas: usize,
        bound: &Bound,
        outputs: &[NodeId],
        wanted: Wanted<'_>,
    ) -> Result<Plan> {
        let Rewritten { graph: fused, moved, keep, waves } = rewrite(context, graph, replicas, outputs)?;
        let slots = memory::assign(&fused, &waves, &keep)?;
        let mut plan = Plan {
            dispatches: vec![],
            memory: HashMap::new(),
            moved: moved.clone(),
            wave_ends: vec![],
            scratch: vec![],
        };
        let bound: Bound = bound.iter().map(|(id, b)| (moved[id.index()], b.clone())).collect();
        plan.allocate(context, &fused, replicas, &bound, &slots)?;
        plan.build(context, &fused, replicas, &waves, wanted)?;
        Ok(plan)
    }

    /// Finds memory for every tensor that is read or written.
    fn allocate(
        &mut self,
        context: &Context,
        graph: &Graph,
        replicas: usize,
        bound: &Bound,
        slots: &memory::Slots,
    ) -> Result<()> {
        for (slot, &elements) in slots.sizes.iter().enumerate() {
            self.scratch.push(context.allocate_words(&slots.labels[slot], elements * replicas)?);
        }
        for id in graph.ids() {
            let node = graph.node(id);
            let own = |buffer: Buffer| {
                let stride = if node.tensor.shared { 0 } else { node.tensor.elements() };
                Place { buffer, offset: 0, stride }
            };
            let place = match &node.kind {
                Kind::Input | Kind::State => bound.get(&id).cloned().map(own),
                Kind::Constant(value) => Some(own(context.upload(&node.label, &[value.to_bits(), 0, 0, 0])?)),
                Kind::Update(_) | Kind::Fill(_) => self.memory.get(&node.inputs[0]).cloned(),
                Kind::View { offset } => self
                    .memory
                    .get(&node.inputs[0])
                    .map(|source| Place { offset: source.offset + offset, ..source.clone() }),
                Kind::Compute(_) | Kind::Pack | Kind::Columns => slots.places.get(&id).map(|place| Place {
                    buffer: self.scratch[place.slot].clone(),
                    offset: place.offset,
                    stride: place.stride,
                }),
            };
            if let Some(place) = place {
                self.memory.insert(id, place);
            }
        }
        Ok(())
    }

    /// Builds the dispatches: one an operation, or, where a kernel splits its sum, one more that adds the parts.
    fn build(
        &mut self,
        context: &Context,
        graph: &Graph,
        replicas: usize,
        waves: &[Vec<NodeId>],
        wanted: Wanted<'_>,
    ) -> Result<()> {
        let mut recipes = Recipes::new(context, replicas)?;
        for wave in waves {
            for &id in wave {
                let node = graph.node(id);
                let Some((op, inputs)) = graph.operation(id) else {
                    return Err(Error::graph(format!("plan of {}", node.label)).expected("an operation"));
                };
                let launch = op.launch(&inputs, &node.tensor);
                let wanted = wanted(op.as_ref(), &inputs, &node.tensor);
                let variant = launch.variant(&context.target(), wanted).ok_or_else(|| {
                    Error::gpu(format!("{} of {}", op.name(), node.tensor))
                        .expected("a variant for this adapter")
                        .found("none")
                })?;
                // Binding order: inputs, then what is written; an update's state is what it writes.
                let mut operands: Vec<Place> = match &node.kind {
                    Kind::Update(_) | Kind::Fill(_) => node.inputs[1..].iter().chain([&id]),
                    _ => node.inputs[..].iter().chain([&id]),
                }
                .map(|operand| {
                    self.memory.get(operand).cloned().ok_or_else(|| {
                        Error::graph(format!("plan of {}", node.label))
                            .expected(format!("a buffer for {}", graph.node(*operand).label))
                    })
                })
                .collect::<Result<_>>()?;
                let work = Work::of(op.as_ref(), &inputs, &node.tensor, replicas);
                let Variant { kernel, grid, finish, .. } = variant;
                let Some(finish) = finish else {
                    recipes.add(*kernel, *grid, &operands, &launch.words, &node.tensor, work)?;
                    continue;
                };
                let parts = context.pipeline(*kernel)?.reflection.parts as usize;
                let parts = Tensor::f32(parts * node.tensor.rows, node.tensor.cols);
                let room = self.room_for(context, parts.elements(), replicas, &node.label)?;
                let mut finishing = vec![room.clone()];
                finishing.extend(finish.inputs.iter().map(|&i| operands[i].clone()));
                finishing.extend(operands.pop());
                operands.push(room);
                recipes.add(*kernel, *grid, &operands, &launch.words, &node.tensor, work)?;
                let mut read = vec![parts];
                read.extend(finish.inputs.iter().map(|&i| inputs[i]));
                let work = Work { flops: 0.0, ..Work::of(op.as_ref(), &read, &node.tensor, replicas) };
                recipes.add(finish.kernel, finish.grid, &finishing, &finish.words, &node.tensor, work)?;
            }
            self.wave_ends.push(recipes.len());
        }
        self.dispatches = recipes.dispatches()?;
        Ok(())
    }

    /// Memory of its own for `elements` a replica.
    fn room_for(&mut self, context: &Context, elements: usize, replicas: usize, of: &str) -> Result<Place> {
        let buffer = context.allocate_words(&format!("parts of {of}"), elements * replicas)?;
        self.scratch.push(buffer.clone());
        Ok(Place { buffer, offset: 0, stride: elements })
    }

    /// Where a tensor of the graph lies. `None` for one that is not kept.
    pub fn place(&self, id: NodeId) -> Option<&Place> {
        self.memory.get(&self.moved[id.index()])
    }

    /// Dispatches a run.
    pub fn dispatches(&self) -> usize {
        self.dispatches.len()
    }

    /// Groups of dispatches that do not depend on each other.
    pub fn waves(&self) -> usize {
        self.wave_ends.len()
    }

    /// GPU memory that the plan allocated for intermediate results, in bytes.
    pub fn scratch_bytes(&self) -> u64 {
        self.scratch.iter().map(|buffer| buffer.bytes).sum()
    }

    /// Fills all intermediate memory with NaNs, so that a test sees what a kernel leaves unwritten.
    ///
    /// # Errors
    /// Out of memory, a lost device.
    pub fn poison(&self, context: &Context) -> Result<()> {
        let words = |buffer: &Buffer| vec![u32::MAX; (buffer.bytes / 4) as usize];
        self.scratch.iter().try_for_each(|buffer| context.write(buffer, 0, &words(buffer)))
    }

    /// Submits `runs` runs, one after another, a compute pass each, and does not wait.
    pub fn submit(&self, context: &Context, runs: usize) -> crate::gpu::Submission {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("steps") };
        let mut encoder = context.device.create_command_encoder(&descriptor);
        for _ in 0..runs {
            record(&mut encoder, &self.dispatches, 1, None);
        }
        context.submit(encoder.finish())
    }

    /// A run in up to `pieces` pieces of about as many dispatches each: whole waves, one after another.
    pub fn pieces(&self, pieces: usize) -> Vec<Range<usize>> {
        let size = self.dispatches.len().div_ceil(pieces.max(1)).max(1);
        let (mut cut, mut start) = (vec![], 0);
        for &end in &self.wave_ends {
            if end - start >= size || end == self.dispatches.len() {
                cut.push(start..end);
                start = end;
            }
        }
        cut
    }

    /// Submits one of the [`pieces`](Self::pieces) of a run, and does not wait.
    pub fn submit_piece(&self, context: &Context, piece: Range<usize>) -> crate::gpu::Submission {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("piece of a step") };
        let mut encoder = context.device.create_command_encoder(&descriptor);
        record(&mut encoder, &self.dispatches[piece], 1, None);
        context.submit(encoder.finish())
    }

    /// What each dispatch takes, from `repeats` of it alone after one to warm up: what a step is made of, barriers between dispatches and overlap aside. By the adapter's timestamps where it
    /// has them, else by the host's clock. It changes the states.
    ///
    /// # Errors
    /// A lost device.
    pub fn profile(&self, context: &Context, repeats: usize) -> Result<Vec<Timed>> {
        context.wait_for(&self.submit(context, 1))?;
        let seconds = match context.timer(self.dispatches.len()) {
            Some(timer) => {
                let mut encoder = context.device.create_command_encoder(&Default::default());
                for (dispatch, i) in self.dispatches.iter().zip(0..) {
                    record(&mut encoder, std::slice::from_ref(dispatch), repeats, Some(timer.writes(i)));
                }
                context.time(encoder, &timer)?
            }
            None => {
                let one = |dispatch| {
                    let mut encoder = context.device.create_command_encoder(&Default::default());
                    record(&mut encoder, std::slice::from_ref(dispatch), repeats, None);
                    let started = std::time::Instant::now();
                    context.wait_for(&context.submit(encoder.finish()))?;
                    Ok(started.elapsed().as_secs_f64())
                };
                self.dispatches.iter().map(one).collect::<Result<Vec<f64>>>()?
            }
        };
        let timed = |(dispatch, seconds): (&Dispatch, f64)| Timed {
            label: dispatch.label.clone(),
            seconds: seconds / repeats as f64,
            work: dispatch.work,
        };
        Ok(self.dispatches.iter().zip(seconds).map(timed).collect())
    }
}

/// One compute pass of `dispatches`, `repeats` times over.
fn record(
    encoder: &mut wgpu::CommandEncoder,
    dispatches: &[Dispatch],
    repeats: usize,
    timestamp_writes: Option<wgpu::ComputePassTimestampWrites<'_>>,
) {
    let descriptor = wgpu::ComputePassDescriptor { label: Some("step"), timestamp_writes };
    let mut pass = encoder.begin_compute_pass(&descriptor);
    for dispatch in (0..repeats).flat_map(|_| dispatches) {
        pass.set_pipeline(&dispatch.pipeline.raw);
        pass.set_bind_group(0, &dispatch.bindings, &[]);
        let [x, y, z] = dispatch.groups;
        pass.dispatch_workgroups(x, y, z);
    }
}

/// The most replicas whose every tensor fits a binding of `limit` bytes; 0: not even one does.
pub fn replicas_within(graph: &Graph, limit: u64) -> usize {
    let largest = graph
        .nodes()
        .iter()
        .filter(|node| !node.tensor.shared)
        .map(|node| 4 * node.tensor.elements() as u64)
        .max();
    usize::try_from(limit / largest.unwrap_or(1).max(1)).unwrap_or(usize::MAX)
}
