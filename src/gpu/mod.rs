//! Adapters, the device, buffers, pipelines, submission: with `plan`, which records the dispatches, the only
//! code that touches wgpu.

mod adapter;
mod buffer;
mod choices;
mod context;
mod kernel;
mod pipeline_cache;
mod reflection;
mod timer;

pub use adapter::{AdapterSummary, adapters};
pub use buffer::Buffer;
pub use choices::{Choices, shape_class};
pub use context::{Context, Limits, Options, Submission, Usage};
pub use kernel::Pipeline;
pub use reflection::{Reflection, reflect};
