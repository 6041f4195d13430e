//! The attack network h: from a prediction and a label to the logit of membership.

use super::Parameters;
use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::ops::{Activation, Concat, Dense, LabelLayer, OneHot, Softmax, SortRows};
use serde::{Deserialize, Serialize};

/// What the attack network sees of the classifier's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackInput {
    /// Class probabilities, in the order of the classes: the paper.
    Softmax,
    /// Raw logits, in the order of the classes: the official code.
    Logits,
    /// Logits from the greatest to the least, all or the first `top_k` (RelaxLoss).
    SortedLogits,
}

/// How the record's label is handed to the attack network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelEncoding {
    /// One-hot: 1 at the label, 0 elsewhere.
    ZeroOne,
    /// 1 at the label, −1 elsewhere: the official code for CIFAR-100.
    PlusMinusOne,
}

/// How the label is seen: its encoding, and whether nothing follows the layers that it goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelForm {
    /// The values of the label's row `[1, C]`.
    pub encoding: LabelEncoding,
    /// Whether the layers that it goes through have no ReLU.
    pub linear: bool,
}

/// With a ReLU after each layer.
impl From<LabelEncoding> for LabelForm {
    fn from(encoding: LabelEncoding) -> Self {
        LabelForm { encoding, linear: false }
    }
}

/// Two towers, prediction and label, joined: ReLU, the label's tower aside, and one logit at the end.
#[derive(Debug, Clone)]
pub struct AttackNetwork {
    /// Its layers, named as in the model file: `prediction.0`, `label.0`, `joint.0`, ….
    pub parameters: Parameters,
    input: AttackInput,
    label_form: LabelForm,
    classes: usize,
    /// Columns of the prediction that are seen, C or k.
    seen: usize,
    prediction: Vec<usize>,
    label: Vec<usize>,
    joint: Vec<usize>,
}

impl AttackNetwork {
    /// Towers of the given widths for `classes` classes; `top_k` of the sorted logits (0: all).
    pub fn new(
        classes: usize,
        [prediction, label, joint]: [&[usize]; 3],
        input: AttackInput,
        top_k: usize,
        label_form: impl Into<LabelForm>,
    ) -> Self {
        let label_form = label_form.into();
        let seen = match input {
            AttackInput::SortedLogits if top_k > 0 => top_k.min(classes),
            _ => classes,
        };
        let mut parameters = Parameters::default();
        let prediction = parameters.stack("prediction", seen, prediction);
        let label = parameters.stack("label", classes, label);
        let width = [&prediction, &label].iter().map(|t| parameters.layers[t[t.len() - 1]].outputs).sum();
        let joint: Vec<usize> = joint.iter().copied().chain([1]).collect();
        let joint = parameters.stack("joint", width, &joint);
        AttackNetwork { parameters, input, label_form, classes, seen, prediction, label, joint }
    }

    /// The logit s `[B, 1]` for logits z `[B, C]` and labels u32 `[B, 1]`, and the outputs of the
    /// hidden layers that end in a ReLU.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(
        &self,
        graph: &mut Graph,
        weights: &[NodeId],
        z: NodeId,
        labels: NodeId,
    ) -> Result<(NodeId, Vec<NodeId>)> {
        let relu = Dense { activation: Activation::Relu };
        let mut hidden = vec![];
        let mut a = match self.input {
            AttackInput::Softmax => graph.apply(Softmax, &[z])?,
            AttackInput::Logits => z,
            AttackInput::SortedLogits => graph.apply(SortRows { k: self.seen }, &[z])?,
        };
        for &layer in &self.prediction {
            a = graph.apply(relu, &[a, weights[layer]])?;
            hidden.push(a);
        }
        let mut b = labels;
        let LabelForm { encoding, linear } = self.label_form;
        let activation = if linear { Activation::Identity } else { Activation::Relu };
        let dense = Dense { activation };
        for (i, &layer) in self.label.iter().enumerate() {
            let first = i == 0;
            b = match encoding {
                LabelEncoding::ZeroOne if first => {
                    graph.apply(LabelLayer { activation }, &[b, weights[layer]])?
                }
                LabelEncoding::PlusMinusOne if first => {
                    let one_hot = OneHot { classes: self.classes, low: -1.0, high: 1.0 };
                    let encoded = graph.apply(one_hot, &[b])?;
                    graph.apply(dense, &[encoded, weights[layer]])?
                }
                _ => graph.apply(dense, &[b, weights[layer]])?,
            };
            hidden.extend((!linear).then_some(b));
        }
        let mut x = graph.apply(Concat, &[a, b])?;
        for (i, &layer) in self.joint.iter().enumerate() {
            if i + 1 < self.joint.len() {
                x = graph.apply(relu, &[x, weights[layer]])?;
                hidden.push(x);
            } else {
                x = graph.apply(Dense { activation: Activation::Identity }, &[x, weights[layer]])?;
            }
        }
        Ok((x, hidden))
    }
}
