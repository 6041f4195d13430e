//! From shadow models to [`ShadowSummary`].

use super::shadows::{ShadowSummary, Shrinkage};
use crate::audit::attacks::rmia::{GAMMA, OFFLINE};
use crate::audit::attacks::variances::VariancePrior;
use crate::audit::shadows::Shadows;
use crate::audit::shadows::moments::Moments;

/// The summary of a target's shadow models; `tuned` is RMIA's a, where it was chosen.
pub fn shadow_summary(shadows: &Shadows, tuned: Option<f64>) -> ShadowSummary {
    let moments = &shadows.moments;
    ShadowSummary {
        models: shadows.models.models(),
        pool: moments.confidence.with.iter().filter(|(count, _)| *count > 0.0).count(),
        rmia_population: shadows.target.population.len(),
        rmia_gamma: GAMMA,
        rmia_a: OFFLINE,
        rmia_a_tuned: tuned,
        lira_with: shrinkage(&moments.phi.with),
        lira_without: shrinkage(&moments.phi.without),
    }
}

fn shrinkage(records: &[Moments]) -> Option<Shrinkage> {
    let prior = VariancePrior::estimated(records)?;
    let strength = prior.strength.is_finite().then_some(prior.strength);
    Some(Shrinkage { strength, variance: prior.variance })
}
