//! veilgrad trains classifiers whose predictions do not give away who was in the training data, and
//! audits models for that leak, on any GPU that wgpu reaches, without a machine-learning framework.
//!
//! Read in this order: [`graph`] (a static graph as pure data), [`ops`] (each operation: shape,
//! derivative, f64 reference, kernel), [`plan`] (graph to dispatches), [`gpu`] (adapters, memory,
//! pipelines: with `plan` the only code that touches wgpu), then [`nn`], [`dataset`], [`train`], [`audit`], [`experiment`] and
//! [`cli`].

pub mod audit;
pub mod cli;
pub mod dataset;
pub mod error;
pub mod experiment;
pub mod gpu;
pub mod graph;
pub mod nn;
pub mod ops;
pub mod plan;
pub mod report;
pub mod train;
