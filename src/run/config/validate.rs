//! The ranges of a configuration, each broken one an error that names the key.
//!
//! What needs the data (sizes against records) or the adapter (sizes against limits) is checked there.

use super::{AttackInput, Config, Initialisation, ModelKind, RateSchedule};
use crate::error::{Error, Result};

/// Replicas are a dimension of a dispatch; WebGPU's limit for one is 65,535 workgroups.
const MAX_REPLICAS: usize = 65_535;

impl Config {
    /// Checks every value's range, and the keys against each other.
    ///
    /// # Errors
    /// A usage error naming the first key out of its range.
    pub fn validate(&self) -> Result<()> {
        self.validate_data()?;
        self.validate_model()?;
        self.validate_train()?;
        self.validate_defense()?;
        self.validate_audit()?;
        match self.replica_count() {
            Some(count) if count <= MAX_REPLICAS => Ok(()),
            count => Err(Error::usage("replicas")
                .expected(format!("at most {MAX_REPLICAS}"))
                .found(count.map_or("more than can be counted".to_owned(), |n| n.to_string()))
                .advice("shorten the lists: their lengths multiply")),
        }
    }

    fn validate_data(&self) -> Result<()> {
        let data = &self.data;
        if data.path.is_empty() && !data.expects.is_empty() {
            return Err(Error::usage("data.path").expected(&data.expects).found("no data").advice(
                "give --data PATH; or use this preset with synthetic data by --set data.expects=\"\"",
            ));
        }
        if let Some(&base) = data.label_base.given() {
            check("data.label_base", base <= 1, "0 or 1", base)?;
        }
        check("data.max_bytes", data.max_bytes >= 1, "at least 1 byte", data.max_bytes)?;
        check("data.pad", data.pad <= 64, "0 to 64 pixels", data.pad)?;
        if data.split.is_empty() {
            check("data.members", data.members >= 1, "at least 1 record", data.members)?;
            if self.train.batch > data.members {
                return Err(Error::usage("train.batch")
                    .expected(format!("at most data.members = {}", data.members))
                    .found(self.train.batch.to_string())
                    .advice("make the batch smaller, or D larger"));
            }
            let fewest = data.reference.values().iter().min().copied().unwrap_or(0);
            if (self.is_defended() || self.learns_reference()) && self.train.batch > fewest {
                return Err(Error::usage("data.reference")
                    .expected(format!(
                        "at least a batch (train.batch = {}) where D′ is used",
                        self.train.batch
                    ))
                    .found(fewest.to_string())
                    .advice("make D′ larger, or the batch smaller"));
            }
        }
        Ok(())
    }

    fn validate_model(&self) -> Result<()> {
        let model = &self.model;
        widths("model.hidden", &model.hidden, 0)?;
        initialisation("model.initialisation", model.initialisation)?;
        for &rate in model.dropout.values() {
            check("model.dropout", (0.0..1.0).contains(&rate), "at least 0 and less than 1", rate)?;
        }
        for &a in model.label_smoothing.values() {
            check("model.label_smoothing", (0.0..1.0).contains(&a), "at least 0 and less than 1", a)?;
        }
        not_negative("model.confidence_penalty", model.confidence_penalty.values())?;
        learning_rates("model.learning_rate", model.learning_rate.values())?;
        momentum("model.momentum", model.momentum)?;
        not_negative("model.weight_decay", model.weight_decay.values())?;
        self.validate_rate_schedule()?;
        for &rate in model.dropout.values() {
            let only = "0, unless model.kind is \"mlp\"";
            check("model.dropout", rate == 0.0 || model.kind == ModelKind::Mlp, only, rate)?;
        }
        model.check_networks()
    }

    fn validate_rate_schedule(&self) -> Result<()> {
        let model = &self.model;
        let epochs = &model.schedule_epochs;
        let steps = model.schedule == RateSchedule::Steps;
        let ascending = epochs.windows(2).all(|pair| pair[0] < pair[1]) && !epochs.contains(&0);
        let rule = "numbers of epochs from 1 on, ascending, where model.schedule is \"steps\", else none";
        let valid = ascending && steps != epochs.is_empty();
        check("model.schedule_epochs", valid, rule, format!("{epochs:?}"))?;
        let factor = model.schedule_factor;
        check("model.schedule_factor", factor > 0.0 && factor <= 1.0, "more than 0 and at most 1", factor)?;
        let warm = model.warmup_epochs;
        check("model.warmup_epochs", warm == 0 || warm < self.train.epochs, "fewer than train.epochs", warm)
    }

    fn validate_train(&self) -> Result<()> {
        let train = &self.train;
        at_least_one("train.epochs", train.epochs)?;
        at_least_one("train.batch", train.batch)?;
        for &seed in train.seed.values() {
            // TOML's integers are signed: a greater seed could not be read back from run.toml.
            check("train.seed", i64::try_from(seed).is_ok(), "0 to 2⁶³ − 1", seed)?;
        }
        Ok(())
    }

    fn validate_defense(&self) -> Result<()> {
        let defense = &self.defense;
        not_negative("defense.lambda", defense.lambda.values())?;
        at_least_one("defense.attack_steps", defense.attack_steps)?;
        check(
            "defense.lambda_warmup_epochs",
            !self.is_defended() || defense.lambda_warmup_epochs < self.train.epochs,
            "fewer than train.epochs, or the penalty is never on",
            defense.lambda_warmup_epochs,
        )?;
        check(
            "train.epochs",
            !self.is_defended() || defense.schedule != super::Schedule::Blocks || self.train.epochs > 1,
            "at least 2: with blocks the first epoch is plain, and the penalty would never be on",
            self.train.epochs,
        )?;
        check(
            "defense.top_k",
            defense.top_k == 0 || defense.attack_input == AttackInput::SortedLogits,
            "0, unless defense.attack_input is \"sorted_logits\"",
            defense.top_k,
        )?;
        at_least_one("defense.block_attack_steps", defense.block_attack_steps)?;
        at_least_one("defense.block_classifier_steps", defense.block_classifier_steps)?;
        at_least_one("defense.coin_ratio", defense.coin_ratio)?;
        self.validate_reference_weight()?;
        self.validate_private()?;
        let attack = &defense.attack;
        widths("defense.attack.prediction_layers", &attack.prediction_layers, 1)?;
        widths("defense.attack.label_layers", &attack.label_layers, 1)?;
        widths("defense.attack.joint_layers", &attack.joint_layers, 0)?;
        initialisation("defense.attack.initialisation", attack.initialisation)?;
        learning_rates("defense.attack.learning_rate", attack.learning_rate.values())?;
        momentum("defense.attack.momentum", attack.momentum)?;
        not_negative("defense.attack.weight_decay", attack.weight_decay.values())
    }

    fn validate_reference_weight(&self) -> Result<()> {
        for &weight in self.defense.reference_weight.values() {
            let range = "at least 0 and less than 1";
            check("defense.reference_weight", (0.0..1.0).contains(&weight), range, weight)?;
        }
        Ok(())
    }

    fn validate_private(&self) -> Result<()> {
        let private = &self.defense.private;
        not_negative("defense.private.clip", private.clip.values())?;
        not_negative("defense.private.noise", private.noise.values())?;
        let delta = private.delta;
        check("defense.private.delta", delta > 0.0 && delta < 1.0, "above 0 and below 1", delta)?;
        let noisy = private.noise.values().iter().any(|&noise| noise > 0.0);
        let rule = "above 0 in every replica, or 0 in every one and no noise";
        let (least, most) = (|v: &[f64]| v.iter().copied().fold(f64::INFINITY, f64::min), self.is_private());
        let clip = private.clip.values();
        check("defense.private.clip", least(clip) > 0.0 || !(most || noisy), rule, format!("{clip:?}"))?;
        for (key, wanted) in [
            ("defense.lambda", self.is_defended()),
            ("defense.reference_weight", self.learns_reference()),
            ("model.kind", self.model.kind != ModelKind::Mlp),
        ] {
            if self.is_private() && wanted {
                return Err(Error::usage(key)
                    .expected("an mlp trained on D alone, where defense.private.clip is above 0")
                    .found("another kind of training")
                    .advice(
                        "a guarantee for D covers no attack network and no other records: choose one defense",
                    ));
            }
        }
        Ok(())
    }

    fn validate_audit(&self) -> Result<()> {
        let audit = &self.audit;
        at_least_one("audit.epochs", audit.epochs)?;
        check(
            "audit.batch",
            audit.batch >= 2 && audit.batch.is_multiple_of(2),
            "an even number from 2",
            audit.batch,
        )?;
        learning_rates("audit.learning_rate", &[audit.learning_rate])?;
        let share = audit.base_rate > 0.0 && audit.base_rate < 1.0;
        check("audit.base_rate", share, "above 0 and below 1", audit.base_rate)?;
        check("audit.delta", (0.0..1.0).contains(&audit.delta), "at least 0 and less than 1", audit.delta)?;
        let pairs = audit.shadows.is_multiple_of(2);
        check("audit.shadows", pairs, "an even number: shadow models come in pairs", audit.shadows)?;
        widths("audit.attack.prediction_layers", &audit.attack.prediction_layers, 1)?;
        widths("audit.attack.label_layers", &audit.attack.label_layers, 1)?;
        widths("audit.attack.joint_layers", &audit.attack.joint_layers, 0)?;
        initialisation("audit.attack.initialisation", audit.attack.initialisation)
    }

    /// Whether gradients are clipped record by record.
    pub fn is_private(&self) -> bool {
        self.defense.private.clip.values().iter().any(|&clip| clip > 0.0)
    }

    /// Whether any replica's classifier is trained on D′ too.
    pub fn learns_reference(&self) -> bool {
        self.defense.reference_weight.values().iter().any(|&weight| weight > 0.0)
    }

    /// Whether any replica plays the min-max game.
    pub fn is_defended(&self) -> bool {
        self.defense.lambda.values().iter().any(|&lambda| lambda > 0.0)
    }
}

fn check(key: &str, holds: bool, expected: &str, found: impl ToString) -> Result<()> {
    Error::check_setting(key, holds, expected, found)
}

fn at_least_one(key: &str, value: usize) -> Result<()> {
    check(key, value >= 1, "at least 1", value)
}

// `is_finite` first: a comparison alone would let infinity through, or NaN where it is negated.
fn learning_rates(key: &str, values: &[f64]) -> Result<()> {
    values.iter().try_for_each(|&v| check(key, v.is_finite() && v > 0.0, "a finite number above 0", v))
}

fn not_negative(key: &str, values: &[f64]) -> Result<()> {
    values.iter().try_for_each(|&v| check(key, v.is_finite() && v >= 0.0, "a finite number, 0 or more", v))
}

fn momentum(key: &str, value: f64) -> Result<()> {
    check(key, (0.0..1.0).contains(&value), "at least 0 and less than 1", value)
}

fn widths(key: &str, layers: &[usize], least: usize) -> Result<()> {
    check(key, layers.len() >= least, "at least one layer", format!("{layers:?}"))?;
    check(key, !layers.contains(&0), "widths of at least 1", format!("{layers:?}"))
}

fn initialisation(key: &str, initialisation: Initialisation) -> Result<()> {
    match initialisation {
        Initialisation::Normal(deviation) => learning_rates(key, &[deviation]),
        Initialisation::Framework | Initialisation::He | Initialisation::Xavier => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layer;
    use super::*;

    /// The message for the defaults with `text` over them.
    fn refusal(text: &str) -> String {
        Config::resolve(&[Layer::text("test", text)]).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_valid() {
        Config::default().validate().unwrap();
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_key() {
        for (key, value) in [
            ("data.label_base", "2"),
            ("data.max_bytes", "0"),
            ("data.members", "0"),
            ("model.hidden", "[3, 0]"),
            ("model.initialisation", "{ normal = 0.0 }"),
            ("model.dropout", "1.0"),
            ("model.dropout", "[0.0, -0.1]"),
            ("model.learning_rate", "0"),
            ("model.learning_rate", "inf"),
            ("model.momentum", "1"),
            ("model.weight_decay", "-1e-4"),
            ("model.schedule_epochs", "[3]"),
            ("model.schedule_factor", "0"),
            ("model.warmup_epochs", "50"),
            ("model.alexnet.width", "0"),
            ("model.densenet.depth", "41"),
            ("model.densenet.growth", "6"),
            ("model.densenet.compression", "1.5"),
            ("data.pad", "65"),
            ("train.epochs", "0"),
            ("train.batch", "0"),
            ("defense.lambda", "-1"),
            ("defense.lambda", "nan"),
            ("defense.lambda", "[0, inf]"),
            ("defense.attack_steps", "0"),
            ("defense.top_k", "3"),
            ("defense.block_attack_steps", "0"),
            ("defense.block_classifier_steps", "0"),
            ("defense.coin_ratio", "0"),
            ("model.label_smoothing", "1"),
            ("model.confidence_penalty", "-1"),
            ("defense.reference_weight", "1"),
            ("defense.private.clip", "-1"),
            ("defense.private.clip", "[0, 1]"),
            ("defense.private.noise", "nan"),
            ("defense.private.delta", "0"),
            ("defense.attack.prediction_layers", "[]"),
            ("defense.attack.label_layers", "[]"),
            ("defense.attack.joint_layers", "[0]"),
            ("defense.attack.initialisation", "{ normal = nan }"),
            ("defense.attack.learning_rate", "nan"),
            ("defense.attack.momentum", "-0.1"),
            ("defense.attack.weight_decay", "nan"),
            ("audit.epochs", "0"),
            ("audit.batch", "7"),
            ("audit.learning_rate", "-1"),
            ("audit.base_rate", "1"),
            ("audit.delta", "nan"),
            ("audit.shadows", "3"),
            ("audit.attack.prediction_layers", "[]"),
            ("audit.attack.label_layers", "[0]"),
            ("audit.attack.joint_layers", "[0]"),
            ("audit.attack.initialisation", "{ normal = -1 }"),
        ] {
            let message = refusal(&format!("{key} = {value}"));
            assert!(message.starts_with(&format!("{key}: expected ")), "{key} = {value}: {message}");
            assert!(message.contains(", found ") && message.contains("; "), "{message}");
        }
    }

    #[test]
    fn a_lambda_typed_as_nan_or_negative_is_named() {
        for typed in ["NaN", "0,-1", "inf"] {
            let layer = Layer::list("--lambda", "defense.lambda", typed);
            let message = Config::resolve(&[layer]).unwrap_err().to_string();
            assert!(message.starts_with("defense.lambda: expected a finite number"), "{message}");
        }
    }

    #[test]
    fn a_batch_must_fit_into_the_members_and_where_defended_the_reference_set() {
        assert!(
            refusal("data.members = 100").starts_with("train.batch: expected at most data.members = 100")
        );
        Config::resolve(&[Layer::text("test", "data.reference = 0")]).unwrap();
        assert!(refusal("data.reference = 0\ndefense.lambda = [0, 1]").starts_with("data.reference: "));
        // Index lists bring their own sizes.
        Config::resolve(&[Layer::text("test", "data.members = 1\ndata.split = \"s.npz\"")]).unwrap();
    }

    #[test]
    fn a_warmup_as_long_as_the_run_would_hide_the_defense() {
        let warmup = "train.epochs = 5\ndefense.lambda_warmup_epochs = 5\n";
        Config::resolve(&[Layer::text("test", warmup)]).unwrap();
        assert!(
            refusal(&format!("{warmup}defense.lambda = 1")).starts_with("defense.lambda_warmup_epochs: ")
        );
    }

    #[test]
    fn a_seed_that_toml_cannot_hold_and_too_many_replicas_are_refused() {
        let mut config = Config::default();
        config.train.seed = super::super::Sweep::one(1 << 63);
        assert!(config.validate().unwrap_err().to_string().starts_with("train.seed: "));

        let many = format!("[{}]", (0..256).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        let message = refusal(&format!("train.seed = {many}\ndefense.lambda = {many}"));
        assert!(message.contains("65536") && message.contains("multiply"), "{message}");
    }
}
