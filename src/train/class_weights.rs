//! What the classes weigh in the loss: of `model.class_weights = "balanced"`.

use crate::dataset::Dataset;
use crate::run::config::{ClassWeights, Config};

/// The weights of the classes among these `members`, where the configuration asks for some: n / (C · n_c) for a class
/// that n_c of the n members have, with C the number of classes that any of them has; 0 for others.
///
/// A member weighs 1 on average, and every class as much as every other. Source: King and Zeng 2001, "Logistic
/// Regression in Rare Events Data", as scikit-learn's `class_weight="balanced"` has it.
pub(super) fn class_weights(config: &Config, dataset: &Dataset, members: &[u32]) -> Option<Vec<f32>> {
    match config.model.class_weights {
        ClassWeights::None => None,
        ClassWeights::Balanced => {
            let mut counts = vec![0usize; dataset.classes];
            members.iter().for_each(|&member| counts[dataset.labels[member as usize] as usize] += 1);
            let present = counts.iter().filter(|&&count| count > 0).count();
            let weight = |&count: &usize| match count {
                0 => 0.0,
                _ => (members.len() as f64 / (present * count) as f64) as f32,
            };
            Some(counts.iter().map(weight).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::synthetic;
    use crate::run::config::Layer;

    #[test]
    fn a_class_weighs_as_much_as_every_other_and_a_member_one_on_average() {
        let config = |text: &str| Config::resolve(&[Layer::text("test", text)]).unwrap();
        let mut dataset = synthetic(&Config::default().data.synthetic).unwrap();
        dataset.classes = 4;
        dataset.labels[..10].copy_from_slice(&[0, 0, 0, 0, 0, 0, 2, 2, 1, 1]);
        let members: Vec<u32> = (0..8).collect();
        assert_eq!(class_weights(&config(""), &dataset, &members), None);
        let weights =
            class_weights(&config("model.class_weights = \"balanced\""), &dataset, &members).unwrap();
        // Six members of the first class, two of the third; nobody of the second and the fourth.
        assert_eq!(weights, [8.0 / 12.0, 0.0, 8.0 / 4.0, 0.0]);
    }
}
