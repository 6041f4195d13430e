//! Sizes that follow the data: how many records become members, reference and validation records where nobody
//! said, how large a batch is then, and how strong the weights' decay.

use super::{Config, Sweep};
use crate::error::Result;
use serde::{Deserialize, Serialize};

/// A size that follows the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fitted {
    /// |D|: half of the records.
    Members,
    /// |D′|: a fifth, at most half of what the members leave.
    Reference,
    /// A tenth, at most half of what both leave.
    Validation,
    /// The largest power of two up to `train.batch` that makes 8 steps of an epoch.
    Batch,
    /// The classifier's L2 factor: 1 by |D|, so that few members make a simple model.
    WeightDecay,
}

/// Steps of an epoch that a fitted batch makes, where there are as many members.
const FEWEST_STEPS: usize = 8;

impl Config {
    /// Fills in the sizes of `data.fit` for so many records, and empties it: what is left for testing is about
    /// a fifth of the records. Without any there nothing changes, nor where a split file says who is what
    /// ([`fit_split`](Self::fit_split)).
    ///
    /// # Errors
    /// Sizes that do not go together, as [`validate`](Self::validate); not more records than there are, which
    /// [`Split::random`](crate::dataset::Split::random) finds.
    pub fn fit(&mut self, records: usize) -> Result<()> {
        if self.data.fit.is_empty() || !self.data.split.is_empty() {
            return Ok(());
        }
        let fit = std::mem::take(&mut self.data.fit);
        let data = &mut self.data;
        if fit.contains(&Fitted::Members) {
            data.members = (records / 2).max(1);
        }
        let left = records.saturating_sub(data.members);
        if fit.contains(&Fitted::Reference) {
            data.reference = Sweep::one((records / 5).min(left / 2));
        }
        let most = data.reference.values().iter().max().copied().unwrap_or(0);
        if fit.contains(&Fitted::Validation) {
            data.validation = (records / 10).min(left.saturating_sub(most) / 2);
        }
        let fewest = self.data.reference.values().iter().min().copied().unwrap_or(0);
        self.fit_training(&fit, self.data.members, fewest);
        // More than there are is refused where the split is drawn, and not by what follows from it here.
        if self.data.members.saturating_add(most) >= records { Ok(()) } else { self.validate() }
    }

    /// The same of what follows the sizes of a split file: so many members and reference records, the fewest of
    /// any replica.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn fit_split(&mut self, members: usize, reference: usize) -> Result<()> {
        let fit = std::mem::take(&mut self.data.fit);
        self.fit_training(&fit, members, reference);
        self.validate()
    }

    fn fit_training(&mut self, fit: &[Fitted], members: usize, fewest: usize) {
        if fit.contains(&Fitted::Batch) {
            let uses_reference = self.is_defended() || self.learns_reference();
            let room = if uses_reference { fewest } else { usize::MAX };
            let most = self.train.batch.min(members / FEWEST_STEPS).min(room).max(1);
            self.train.batch = 1 << most.ilog2();
        }
        if fit.contains(&Fitted::WeightDecay) {
            self.model.weight_decay = Sweep::one(1.0 / members as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Split;
    use crate::run::config::Layer;

    fn fitted(text: &str, records: usize) -> Config {
        let mut config = Config::resolve(&[Layer::text("test", text)]).unwrap();
        config.fit(records).unwrap();
        assert!(config.data.fit.is_empty());
        config
    }

    fn sizes(config: &Config) -> [usize; 4] {
        [config.data.members, config.data.reference.values()[0], config.data.validation, config.train.batch]
    }

    const ALL: &str = r#"data.fit = ["members", "reference", "validation", "batch"]"#;

    #[test]
    fn half_a_fifth_a_tenth_and_eight_steps() {
        assert_eq!(sizes(&fitted(ALL, 10_000)), [5000, 2000, 1000, 128]);
        assert_eq!(sizes(&fitted(ALL, 300)), [150, 60, 30, 16]);
        assert_eq!(sizes(&fitted(ALL, 11)), [5, 2, 1, 1]);
        for records in 1..400 {
            let [members, reference, validation, batch] = sizes(&fitted(ALL, records));
            assert!(members + reference + validation <= records, "{records}");
            assert!(records < 10 || records - members - reference - validation >= records / 5, "{records}");
            assert!(batch.is_power_of_two() && (members < 8 || members / batch >= 8), "{records}");
        }
    }

    #[test]
    fn a_split_file_s_sizes_make_the_batch_and_the_decay() {
        let text = "data = { fit = [\"batch\", \"weight_decay\"], split = \"s.npz\" }\ndefense.lambda = 1.0";
        let mut config = Config::resolve(&[Layer::text("test", text)]).unwrap();
        config.fit(490).unwrap();
        config.fit_split(245, 98).unwrap();
        assert_eq!((config.train.batch, config.model.weight_decay), (16, Sweep::one(1.0 / 245.0)));
        assert!(config.data.fit.is_empty());
    }

    #[test]
    fn more_than_there_are_is_said_before_what_follows_from_it() {
        let mut config = Config::resolve(&[Layer::text(
            "test",
            "data = { fit = [\"validation\"], members = 2000, reference = 2000 }\ntrain.stop = \"validation\"",
        )])
        .unwrap();
        config.fit(490).unwrap();
        let sizes = [config.data.members, config.data.reference.values()[0], config.data.validation];
        let error = Split::random(490, sizes, None, 0).unwrap_err().to_string();
        assert!(
            error.contains("at most 490 records in all") && error.contains("2000 members + 2000"),
            "{error}"
        );
    }

    #[test]
    fn what_is_given_holds_and_the_others_share_what_it_leaves() {
        let some = r#"data = { fit = ["reference", "validation", "batch"], members = 900 }"#;
        assert_eq!(sizes(&fitted(some, 1000)), [900, 50, 25, 64]);
        let given = r#"data = { fit = ["validation"], members = 400, reference = 500 }"#;
        assert_eq!(sizes(&fitted(given, 1000)), [400, 500, 50, 128]);
        let defended = format!("{ALL}\ndefense.lambda = 1.0");
        let [members, reference, _, batch] = sizes(&fitted(&defended, 60));
        assert!(batch <= reference && members / batch >= 8);
        let decay = |text: &str| fitted(text, 1000).model.weight_decay;
        assert_eq!(decay(r#"data.fit = ["members", "weight_decay"]"#), Sweep::one(1.0 / 500.0));
        assert_eq!(decay(r#"data = { fit = ["weight_decay"], members = 250 }"#), Sweep::one(1.0 / 250.0));
        assert_eq!(sizes(&fitted("", 7))[0], Config::default().data.members, "nothing follows the data");
    }
}
