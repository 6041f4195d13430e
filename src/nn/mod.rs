//! Networks: their parameters in one flat buffer, how these start, how a batch goes through, how an
//! optimizer moves them. Nothing here trains.

mod attack_network;
mod initialization;
pub mod networks;
mod optimizer;
mod parameters;

pub use attack_network::{AttackInput, AttackNetwork, LabelEncoding, LabelForm};
pub use initialization::Initialization;
pub use networks::{Dropping, Mode, Network, NetworkSettings, RecordShape};
pub use optimizer::Optimizer;
pub use parameters::{Layer, LayerForm, Parameters};
