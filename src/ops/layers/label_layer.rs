//! A dense layer whose input is a one-hot label: a row gather, its backward a deterministic scatter.

use crate::graph::{Array, Class, Grid, Launch, Variant};
use crate::kernel;
use crate::ops::*;

/// y\[b, :\] = act(w\[label_b, :\] + w\[C, :\]), `[B, N]`, from labels u32 `[B, 1]` and w `[C + 1, N]` whose
/// last row is the bias.
#[derive(Debug, Clone, Copy)]
pub struct LabelLayer {
    /// What is applied to each sum.
    pub activation: Activation,
}

impl Op for LabelLayer {
    fn name(&self) -> &'static str {
        "label_layer"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits = inputs.len() == 2
            && is_column(&inputs[0], inputs[0].rows)
            && inputs[1].dtype == DType::F32
            && inputs[1].rows > 1;
        require(fits, self, "labels u32 [B, 1] and w [C + 1, N]", inputs)?;
        Ok(Tensor::f32(inputs[0].rows, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (labels, w) = (inputs[0], inputs[1]);
        Array::from_fn(labels.rows, w.cols, |b, n| {
            self.activation.value(w.at((labels.at(b, 0) as usize).min(w.rows - 1), n) + w.at(w.rows - 1, n))
        })
    }

    fn vjp(
        &self,
        graph: &mut Graph,
        inputs: &[NodeId],
        y: NodeId,
        dy: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        if !wanted[1] {
            return Ok(vec![None, None]);
        }
        let dz = match self.activation {
            Activation::Identity => dy,
            activation => graph.apply(ActivateGrad(activation), &[y, dy])?,
        };
        let classes = graph.tensor(inputs[1]).rows - 1;
        Ok(vec![None, Some(graph.apply(LabelLayerDw { classes }, &[inputs[0], dz])?)])
    }

    fn launch(&self, inputs: &[Tensor], y: &Tensor) -> Launch {
        let mut words = [y.rows, inputs[1].rows - 1, y.cols, 1].map(word).to_vec();
        words.extend([self.activation as u32, word(quads(y))]);
        Launch::only(kernel!("dense_ones", "label_forward"), words, Grid::Items(y.elements() / 4))
    }

    fn row_wise(&self) -> &'static [usize] {
        &[0]
    }

    fn writes_columns(&self) -> bool {
        true
    }
}

/// dw\[c, :\] = Σ of dz\[b, :\] with label_b = c; dw\[C, :\] = Σ of all.
#[derive(Debug, Clone, Copy)]
pub struct LabelLayerDw {
    /// C: dw has C + 1 rows.
    pub classes: usize,
}

impl Op for LabelLayerDw {
    fn name(&self) -> &'static str {
        "label_layer_dw"
    }

    fn shape(&self, inputs: &[Tensor]) -> Result<Tensor> {
        let fits =
            inputs.len() == 2 && is_column(&inputs[0], inputs[1].rows) && inputs[1].dtype == DType::F32;
        require(fits, self, "labels u32 [B, 1] and dz [B, N]", inputs)?;
        Ok(Tensor::f32(self.classes + 1, inputs[1].cols))
    }

    fn reference(&self, inputs: &[&Array]) -> Array {
        let (labels, dz) = (inputs[0], inputs[1]);
        let mut dw = Array::zeros(self.classes + 1, dz.cols);
        for b in 0..dz.rows {
            for c in [labels.at(b, 0) as usize, self.classes] {
                for n in 0..dz.cols {
                    dw.set(c, n, dw.at(c, n) + dz.at(b, n));
                }
            }
        }
        dw
    }

    fn launch(&self, inputs: &[Tensor], dw: &Tensor) -> Launch {
        let dz = &inputs[1];
        let words = [dz.rows, self.classes, dw.cols, 1, 0, quads(dz)].map(word).to_vec();
        let [columns, elements] = [quads(dw), dw.rows * quads(dw)].map(Grid::Items);
        let variants = vec![
            Variant::new("register", kernel!("dense_ones", "label_grad_w_many"), columns)
                .default_on(Class::SOFTWARE),
            Variant::new("workgroup", kernel!("dense_ones", "label_grad_w"), elements)
                .default_on(Class::HARDWARE),
        ];
        Launch { words, variants }
    }

    fn reads_columns(&self) -> &'static [usize] {
        &[1]
    }
}

pub(in crate::ops) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (rows, classes, cols) in [(1, 1, 1), (5, 3, 7), (130, 30, 64), (33, 100, 65)] {
        for activation in [Activation::Identity, Activation::Relu] {
            let labels = (Tensor::u32(rows, 1), Contents::Below(classes as u32));
            let inputs = vec![labels, (Tensor::f32(classes + 1, cols), UNIT)];
            cases.push(Case::new(LabelLayer { activation }, inputs).differentiable(&[1]).floor(1.0));
        }
    }
    cases
}
