//! The only code that touches wgpu: adapters, the device, buffers, pipelines, submission.

mod adapter;
mod buffer;
mod context;
mod kernel;

pub use adapter::{AdapterSummary, adapters};
pub use buffer::Buffer;
pub use context::{Context, Limits, Options, Submission};
pub use kernel::{Pipeline, Reflection, reflect};
