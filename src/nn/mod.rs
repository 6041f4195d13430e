//! Networks: their parameters in one flat buffer, how these start, how a batch goes through, how an
//! optimiser moves them. Nothing here trains.

mod alexnet;
mod attack;
mod classifier;
mod densenet;
mod initialisation;
mod mlp;
mod network;
mod optimizer;
mod private;

pub use alexnet::AlexNet;
pub use attack::{Attack, AttackInput, LabelEncoding};
pub use classifier::{Classifier, Input, Pass};
pub use densenet::DenseNet;
pub use initialisation::Initialisation;
pub use mlp::{Dropping, Mlp};
pub use network::{Form, Layer, Network};
pub use optimizer::{Optimizer, SCALARS};
pub use private::Private;
