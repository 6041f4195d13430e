//! Adapters, the device, buffers, pipelines, submission: with `plan`, which records the dispatches, the only
//! code that touches wgpu.

mod adapter;
mod buffer;
mod context;
mod kernel;

pub use adapter::{AdapterSummary, adapters};
pub use buffer::Buffer;
pub use context::{Context, Limits, Options, Submission};
pub use kernel::{Pipeline, Reflection, reflect};
