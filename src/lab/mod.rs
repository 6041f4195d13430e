//! Measuring the engine: every kernel against its f64 reference ([`check`]), derivatives against differences
//! ([`derivatives`]), the graph of a step as it runs (`drawing`), kernels ([`kernels`], at [`shapes`]) and whole
//! steps ([`steps`]) by the clock, as files that can be compared ([`measurements`]); the fastest variants of an
//! adapter ([`tune`], kept as a [`tuning_table`]) and those that a run uses ([`variants`]).

pub mod check;
pub mod derivatives;
pub(crate) mod drawing;
pub mod kernels;
pub mod measurements;
pub mod shapes;
pub mod steps;
pub mod tune;
pub mod tuning_table;
pub mod variants;
