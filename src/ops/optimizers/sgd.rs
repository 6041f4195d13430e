//! Stochastic gradient descent with momentum over one flat buffer.

use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// state `[2, P]` (rows: parameters, momentum) ← one step along gradient `[1, P]`.
/// scalars\[slot..slot + 4\] = learning rate, (unused), weight decay, active (0: leave all).
/// As torch.optim.SGD without dampening: m ← momentum · m + g + decay · p; p ← p − rate · m.
#[derive(Debug, Clone, Copy)]
pub struct Sgd {
    /// The first of its four columns in scalars `[1, S]`.
    pub slot: usize,
    /// 0 to below 1; 0.9 by default.
    pub momentum: f32,
}

impl Op for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && inputs[0].rows == 2
            && (inputs[1].rows, inputs[1].cols) == (1, inputs[0].cols)
            && inputs[2].cols >= self.slot + 4;
        require(fits, self, "state [2, P], gradient [1, P] and scalars [1, slot + 4…]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (state, gradient, scalars) = (inputs[0], inputs[1], inputs[2]);
        let [rate, _, decay, active] = [0, 1, 2, 3].map(|i| scalars.at(0, self.slot + i));
        let mut next = state.clone();
        for i in (0..state.cols).filter(|_| active != 0.0) {
            let p = state.at(0, i);
            let m = f64::from(self.momentum) * state.at(1, i) + gradient.at(0, i) + decay * p;
            next.set(0, i, p - rate * m);
            next.set(1, i, m);
        }
        next
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let length = inputs[1].cols / 4;
        let words = vec![word(length), word(self.slot), self.momentum.to_bits()];
        let grid = Grid::Items(length);
        let variants = vec![
            Variant::new("register", kernel!("sgd", "many"), grid).default_on(Class::SOFTWARE),
            Variant::new("workgroup", kernel!("sgd", "each"), grid).default_on(Class::HARDWARE),
        ];
        Launch { words, variants }
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    // Within a workgroup, a whole one, one more vec4, several with a tail.
    for length in [4, 132, 1024, 1028, 3108] {
        for active in [0.0, 1.0] {
            let scalars = Contents::Values(vec![0.0, 1e-2, 0.0, 0.01, active, 0.0, 0.0, 0.0]);
            let state = (Tensor::f32(2, length), UNIT);
            let inputs = vec![state, (Tensor::f32(1, length), UNIT), (Tensor::f32(1, 8), scalars)];
            cases.push(Case::new(Sgd { slot: 1, momentum: 0.9 }, inputs).update());
        }
    }
    cases
}
