//! Adam over one flat buffer of parameters and moments.

use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// state `[3, P]` (rows: parameters, first and second moment) ← one step along gradient `[1, N]`, of the N
/// parameters from `first` on; others stay. scalars\[slot..slot + 4\] = learning rate / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), weight decay, active (0: leave
/// all). Kingma and Ba 2015, as torch.optim.Adam: L2 enters the gradient before the moments.
#[derive(Debug, Clone, Copy)]
pub struct Adam {
    /// The first of its four columns in scalars `[1, S]`.
    pub slot: usize,
    /// Parameters before the first of those that the gradient is of, a multiple of 4; 0 by default.
    pub first: usize,
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
        Adam { slot, first: 0, b1: 0.9, b2: 0.999, eps: 1e-8 }
    }

    /// Its part of a launch: vec4s of a row of the state and before the first parameter, then the rest.
    pub(in crate::ops) fn words(&self, state: &Tensor) -> [u32; 6] {
        let [b1, b2, eps] = [self.b1, self.b2, self.eps].map(f32::to_bits);
        [word(quads(state)), word(self.first / 4), word(self.slot), b1, b2, eps]
    }
}

impl Op for Adam {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = all_f32(inputs, 3)
            && inputs[0].rows == 3
            && inputs[1].rows == 1
            && self.first + inputs[1].cols <= inputs[0].cols
            && inputs[2].cols >= self.slot + 4;
        require(fits, self, "state [3, P], gradient [1, P − first or less], scalars [1, slot + 4…]", inputs)?;
        Ok(inputs[0])
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (state, gradient, scalars) = (inputs[0], inputs[1], inputs[2]);
        let [rate, correction, decay, active] = [0, 1, 2, 3].map(|i| scalars.at(0, self.slot + i));
        let (b1, b2, eps) = (f64::from(self.b1), f64::from(self.b2), f64::from(self.eps));
        let mut next = state.clone();
        for (i, &g) in (self.first..).zip(gradient.row(0)).filter(|_| active != 0.0) {
            let p = state.at(0, i);
            let g = g + decay * p;
            let m = b1 * state.at(1, i) + (1.0 - b1) * g;
            let v = b2 * state.at(2, i) + (1.0 - b2) * g * g;
            next.set(0, i, p - rate * m / (v.sqrt() * correction + eps));
            next.set(1, i, m);
            next.set(2, i, v);
        }
        next
    }

    fn moved(&self, inputs: &[Tensor], _: &Tensor) -> Option<usize> {
        Some(7 * inputs[1].elements())
    }

    fn launch(&self, inputs: &[Tensor], state: &Tensor) -> Launch {
        let count = inputs[1].cols.div_ceil(4);
        let mut words = vec![word(count)];
        words.extend(self.words(state));
        let grid = Grid::Items(count);
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
            let inputs = [state, (Tensor::f32(1, length), UNIT), (Tensor::f32(1, 8), scalars)];
            cases.push(Case::new(Adam::at(1), inputs.to_vec()).update());
            let [_, gradient, scalars] = inputs;
            let longer = (Tensor::f32(3, length + 20), Contents::Uniform(0.1, 1.0));
            let part = Case::new(Adam { first: 8, ..Adam::at(1) }, vec![longer, gradient, scalars]);
            cases.push(part.update());
        }
    }
    cases
}
