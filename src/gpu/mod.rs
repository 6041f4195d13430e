//! Adapters, the device, buffers, pipelines, submission: with `plan`, which records the dispatches, the only
//! code that touches wgpu.

pub(crate) mod adapter;
mod advice;
mod buffer;
mod choices;
mod context;
mod failure;
mod kernel;
mod limits;
mod memory;
mod pipeline_cache;
mod reflection;
mod submission;
mod timer;

pub use adapter::{AdapterSummary, adapters};
pub use buffer::Buffer;
pub use choices::{Choices, shape_class};
pub use context::{Context, Options, Usage};
pub use kernel::Pipeline;
pub use limits::{Asked, Limits};
pub use reflection::{Reflection, reflect};
pub use submission::Submission;
