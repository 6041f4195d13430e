//! Adam over one flat buffer of parameters and moments.

use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// state `[3, P]` (rows: parameters, first and second moment) ← one step along gradient `[1, P]`.
/// scalars\[slot..slot + 4\] = learning rate / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), weight decay, active (0: leave
/// all). Kingma and Ba 2015, as torch.optim.Adam: L2 enters the gradient before the moments.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// The first of its four columns in scalars `[1, S]`.
    pub slot: usize,
    /// β₁, 0.9 by default.
    pub b1: f32,
    /// β₂, 0.999 by default.
    pub b2: f32,
    /// ε, 1e-8 by default.
    pub eps: f32,
}

impl Adam {
    /// The paper's β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    pub fn at(slot: usize) -> Self {
        Adam { slot, b1: 0.9, b2: 0.999, eps: 1e-8 }
    }
}

impl Op for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && inputs[0].rows == 3
            && (inputs[1].rows, inputs[1].cols) == (1, inputs[0].cols)
            && inputs[2].cols >= self.slot + 4;
        require(fits, self, "state [3, P], gradient [1, P] and scalars [1, slot + 4…]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (state, gradient, scalars) = (inputs[0], inputs[1], inputs[2]);
        let [rate, correction, decay, active] = [0, 1, 2, 3].map(|i| scalars.at(0, self.slot + i));
        let (b1, b2, eps) = (f64::from(self.b1), f64::from(self.b2), f64::from(self.eps));
        let mut next = state.clone();
        for i in (0..state.cols).filter(|_| active != 0.0) {
            let p = state.at(0, i);
            let g = gradient.at(0, i) + decay * p;
            let m = b1 * state.at(1, i) + (1.0 - b1) * g;
            let v = b2 * state.at(2, i) + (1.0 - b2) * g * g;
            next.set(0, i, p - rate * m / (v.sqrt() * correction + eps));
            next.set(1, i, m);
            next.set(2, i, v);
        }
        next
    }

    fn launch(&self, inputs: &[Tensor], _: &Tensor) -> Launch {
        let length = inputs[1].cols / 4;
        let mut words = vec![word(length), word(self.slot)];
        words.extend([self.b1, self.b2, self.eps].map(f32::to_bits));
        let grid = Grid::Items(length);
        // The names are those of the matrix products that they go with.
        let variants = vec![
            Variant::new("outer", kernel!("adam.native", "many"), grid)
                .needs(OUTER_PRODUCT)
                .default_on(Class::SOFTWARE),
            Variant::new("register", kernel!("adam", "many"), grid).default_on(Class::SOFTWARE),
            Variant::new("workgroup", kernel!("adam", "each"), grid).default_on(Class::HARDWARE),
        ];
        Launch { words, variants }
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    // Within a workgroup, a whole one, one more vec4, several with a tail.
    for length in [4, 132, 1024, 1028, 3108] {
        for active in [0.0, 1.0] {
            let state = (Tensor::f32(3, length), Contents::Uniform(0.1, 1.0));
            let scalars = Contents::Values(vec![0.0, 1e-3, 1.5, 0.01, active, 0.0, 0.0, 0.0]);
            let inputs = vec![state, (Tensor::f32(1, length), UNIT), (Tensor::f32(1, 8), scalars)];
            cases.push(Case::new(Adam::at(1), inputs).update());
        }
    }
    cases
}
