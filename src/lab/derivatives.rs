//! An operation's derivative against central differences, in f64: nothing here runs on a GPU.

use super::check::{Line, random_values};
use crate::error::Result;
use crate::graph::Values;
use crate::ops::Case;

/// The step of the differences.
const STEP: f64 = 1e-5;

/// What is allowed of |by differences − by the derivative|, relative to 1 + the larger of both.
const TOLERANCE: f64 = 1e-6;

/// ⟨y(inputs), dy⟩ and its derivative along a small change of one element, for six elements of every input that
/// has a derivative, in all `cases`. Inputs are drawn by `seed`. `cases` of the line: elements compared.
///
/// # Errors
/// A case whose shapes do not fit.
pub fn check(name: &str, cases: &[Case], seed: u64) -> Result<Line> {
    let mut line = Line {
        op: name.to_owned(),
        variant: "derivative",
        cases: 0,
        worst: 0.0,
        passed: true,
        detail: String::new(),
    };
    for case in cases {
        let graph = case.graph()?;
        let Some(above) = graph.dy else { continue };
        let values = random_values(case, &graph, 1, seed).swap_remove(0);
        let dy = values[&above].clone();
        let loss = |values: &Values| -> Result<f64> {
            let y = &graph.graph.evaluate(values, &[graph.y])?[&graph.y];
            Ok(y.data.iter().zip(&dy.data).map(|(a, b)| a * b).sum())
        };
        let outputs: Vec<_> = graph.gradients.iter().map(|gradient| gradient.1).collect();
        let gradients = graph.graph.evaluate(&values, &outputs)?;
        for &(input, gradient) in &graph.gradients {
            let id = graph.inputs[input];
            let gradient = &gradients[&gradient].data;
            // Elements spread over the tensor, the last one included.
            let last = gradient.len() - 1;
            for i in (0..gradient.len()).step_by(gradient.len().div_ceil(5)).chain([last]) {
                let at = |delta: f64| {
                    let mut moved = values.clone();
                    if let Some(array) = moved.get_mut(&id) {
                        array.data[i] += delta;
                    }
                    loss(&moved)
                };
                let numeric = (at(STEP)? - at(-STEP)?) / (2.0 * STEP);
                let analytic = gradient[i];
                let bound = TOLERANCE * (1.0 + numeric.abs().max(analytic.abs()));
                let error = (numeric - analytic).abs() / bound;
                if error > line.worst || error.is_nan() {
                    line.worst = if error.is_nan() { f64::INFINITY } else { error };
                    line.detail = format!(
                        "{case}, input {input}, element {i}: {numeric} by differences, {analytic} by the derivative"
                    );
                }
                line.cases += 1;
            }
        }
    }
    line.passed = line.worst <= 1.0;
    Ok(line)
}
