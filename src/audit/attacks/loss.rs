//! The loss attack (Yeom et al. 2018, "Privacy risk in machine learning: analyzing the connection to
//! overfitting"): a small cross-entropy means a member.
//!
//! Not another ranking than the confidence's: the loss falls where φ rises.

use super::scores::{Predictions, confidence};

/// log p_y = −log(1 + e^−φ); `[N]`.
pub(super) fn negative_loss(predictions: &Predictions) -> Vec<f64> {
    confidence(predictions).into_iter().map(|phi| phi.min(0.0) - (-phi.abs()).exp().ln_1p()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uniform_record_by_hand() {
        let predictions = Predictions::from_logits(&[3.0; 4], 4, &[1]).unwrap();
        assert!((negative_loss(&predictions)[0] - 0.25f64.ln()).abs() < 1e-12);
    }
}
