//! Adapters, the device, buffers, pipelines, submission: with `plan`, which records the dispatches, the only
//! code that touches wgpu.

mod adapter;
mod buffer;
mod context;
mod kernel;
mod pipeline_cache;
mod timer;
mod tuning;

pub use adapter::{AdapterSummary, adapters};
pub use buffer::Buffer;
pub use context::{Context, Limits, Options, Submission, Usage};
pub use kernel::{Pipeline, Reflection, reflect};
pub use tuning::{Choices, shape_class};
