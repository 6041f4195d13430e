//! veilgrad trains classifiers whose predictions do not give away who was in the training data, and
//! audits models for that leak, on any GPU that wgpu reaches, without a machine-learning framework.
//!
//! The house, from the bottom up; a room uses those before it, never those after it:
//!
//! | room | what is in it |
//! |---|---|
//! | [`graph`] | pure data: nodes, gradients from graph to graph, what an operation is, the f64 reference |
//! | [`gpu`] | adapters, memory, pipelines: with `plan` the only code that touches wgpu |
//! | [`ops`] | the operations, one file each: shape, derivative, reference, kernels |
//! | [`plan`] | from a graph to dispatches |
//! | [`dataset`] | files of records, their labels and splits; no GPU |
//! | [`nn`] | parameters, layers, networks, optimizers |
//! | [`run`] | what a run is: configuration, presets, directory, events |
//! | [`statistics`] | ROC, intervals that cover, bounds on ε: numbers in, numbers out |
//! | [`train`] | the game and the loop that carries it out |
//! | [`release`] | what leaves: a trained model asked again, and what of its outputs is shown |
//! | [`lab`] | measuring the engine: conformance, kernels, steps, tuning |
//! | [`audit`] | attacks, and the honest measurement of what they find |
//! | [`report`] | terminal, JSON, HTML, tables |
//! | [`experiment`] | the paper's tables: lists of runs |
//! | [`cli`] | what was typed |
//!
//! [`error`], `memory` (the machine's), [`random`] and [`setting`] serve all.

#![deny(missing_docs)]

pub mod audit;
pub mod cli;
pub mod dataset;
pub mod error;
pub mod experiment;
pub mod gpu;
pub mod graph;
pub mod lab;
mod memory;
pub mod nn;
pub mod ops;
pub mod plan;
pub mod random;
pub mod release;
pub mod report;
pub mod run;
pub mod setting;
pub mod statistics;
pub mod train;
