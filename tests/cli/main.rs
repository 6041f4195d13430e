//! The command line end to end: the real program, in a fresh directory, expected against got.
//!
//! Not what flags and files mean in every case: that is tested beside `run::config` and in `tests/data`.
//! Nearly all of them need an adapter; where there is none they fail.

mod bad_data;
mod bad_runs;
mod bad_settings;
mod bench;
mod browser;
#[cfg(unix)]
mod holding;
mod information;
#[cfg(unix)]
mod interruption;
mod prediction_files;
mod predictions;
mod program;
mod report;
#[cfg(unix)]
mod reproduce;
mod runs;
mod settings;
mod shards;
mod tables;
mod tuning;
