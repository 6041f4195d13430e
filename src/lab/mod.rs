//! Measuring the engine: every kernel against its f64 reference ([`check`]), kernels ([`kernels`]) and whole
//! steps ([`steps`]) by the clock, and which variants an adapter runs ([`tune`], [`variants`]).

pub mod check;
pub mod kernels;
pub mod steps;
pub mod tune;
pub mod variants;
