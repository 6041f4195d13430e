//! What is released of a classifier's outputs: the simple mitigations that the paper names, so that their
//! effect can be audited.
//!
//! None of them changes the model, and none is a defense to rely on: the order of the classes, and with it
//! the gap attack and the label-only attack, stays as it was.

/// How logits become what is released. The default releases the probabilities as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Release {
    /// T > 0, by which logits are divided; above 1 confidences are nearer to each other. Default 1.
    pub temperature: f64,
    /// The k largest probabilities, k ≥ 1, are released; the rest is shared evenly by the other classes,
    /// which is all that is then known of them. Default: all.
    pub top_k: Option<usize>,
    /// Probabilities are rounded to so many digits, then divided by their sum: that tells nothing more, and
    /// makes them probabilities again. Where all are rounded to 0, all are alike. Default: not at all.
    pub digits: Option<u32>,
}

impl Default for Release {
    fn default() -> Self {
        Release { temperature: 1.0, top_k: None, digits: None }
    }
}

impl Release {
    /// Probabilities \[N, C\] from logits \[N, C\]: temperature, then top-k, then rounding.
    pub fn probabilities(&self, logits: &[f32], classes: usize) -> Vec<f32> {
        logits.chunks_exact(classes).flat_map(|row| self.row(row)).collect()
    }

    fn row(&self, logits: &[f32]) -> Vec<f32> {
        let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut p: Vec<f64> = logits.iter().map(|&z| (f64::from(z - top) / self.temperature).exp()).collect();
        normalize(&mut p);
        if let Some(k) = self.top_k.filter(|k| *k < p.len()) {
            let mut order: Vec<usize> = (0..p.len()).collect();
            // Of equal ones the first class, as in a prediction.
            order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
            let others = &order[k..];
            let share = others.iter().map(|&c| p[c]).sum::<f64>() / others.len() as f64;
            others.iter().for_each(|&c| p[c] = share);
        }
        if let Some(digits) = self.digits {
            let unit = 10f64.powi(digits as i32);
            p.iter_mut().for_each(|p| *p = (*p * unit).round() / unit);
            normalize(&mut p);
        }
        p.into_iter().map(|p| p as f32).collect()
    }
}

fn normalize(p: &mut [f64]) {
    let (sum, n) = (p.iter().sum::<f64>(), p.len() as f64);
    p.iter_mut().for_each(|p| *p = if sum > 0.0 { *p / sum } else { 1.0 / n });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(release: Release) -> Vec<f32> {
        // Probabilities ½, ¼, ⅛, ⅛.
        release.probabilities(&[3.0, 2.0, 1.0, 1.0].map(|bits: f32| bits * 2f32.ln()), 4)
    }

    #[track_caller]
    fn close(found: &[f32], expected: &[f32]) {
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-6), "{found:?}, not {expected:?}");
    }

    #[test]
    fn each_mitigation_by_hand() {
        close(&released(Release::default()), &[0.5, 0.25, 0.125, 0.125]);
        // p^½, normalized: 1/√2, ½, 1/√8, 1/√8 over their sum.
        let sum = 0.5f32.sqrt() + 0.5 + 2.0 * 0.125f32.sqrt();
        let half = [0.5f32.sqrt() / sum, 0.5 / sum, 0.125f32.sqrt() / sum, 0.125f32.sqrt() / sum];
        close(&released(Release { temperature: 2.0, ..Release::default() }), &half);
        close(
            &released(Release { top_k: Some(1), ..Release::default() }),
            &[0.5, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0],
        );
        let release = Release { digits: Some(1), ..Release::default() };
        close(&release.probabilities(&[0.72f32.ln(), 0.28f32.ln()], 2), &[0.7, 0.3]);
        close(
            &release.probabilities(&[0.44f32.ln(), 0.44f32.ln(), 0.12f32.ln()], 3),
            &[0.4 / 0.9, 0.4 / 0.9, 0.1 / 0.9],
        );
        let release = Release { digits: Some(0), ..Release::default() };
        close(&release.probabilities(&[0.6f32.ln(), 0.4f32.ln()], 2), &[1.0, 0.0]);
    }

    #[test]
    fn what_rounds_to_nothing_is_uniform() {
        let release = Release { digits: Some(0), ..Release::default() };
        close(&release.probabilities(&[0.0; 4], 4), &[0.25; 4]);
    }

    #[test]
    fn the_predicted_class_stays() {
        let release = Release { temperature: 5.0, top_k: Some(2), digits: Some(3) };
        let found = released(release);
        assert!(found[0] > found[1] && found[1] > found[2], "{found:?}");
    }
}
