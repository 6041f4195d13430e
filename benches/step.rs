//! `cargo bench`: whole training steps, as `veilgrad bench step` times them.

use veilgrad::error::Result;
use veilgrad::gpu::{Context, Options};
use veilgrad::lab::steps::{CASES, Conditions, step};

fn main() -> Result<()> {
    let context = Context::new(&Options::default())?;
    println!("{}, {}", context.adapter().name, context.adapter().driver);
    for case in &CASES {
        let time = step(&context, case, Conditions::default(), 1)?;
        println!("{}: {:.2} ms a step, {} dispatches", time.name, time.step_milliseconds, time.dispatches);
    }
    Ok(())
}
