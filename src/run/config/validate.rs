//! Whether a configuration can be carried out: each setting in its range, and what needs two of them.
//!
//! The ranges themselves stand in the rows of the tables. What needs the data (sizes against records) or the
//! adapter (sizes against limits) is checked there.

use super::{AttackInput, AttackSteps, ClassWeights, Config, ModelKind, RateSchedule, Schedule, Stop};
use crate::dataset::MissingRecords;
use crate::error::{Error, Result};
use crate::setting::{SettingsTable, refusal};

/// Replicas are a dimension of a dispatch; WebGPU's limit for one is 65,535 workgroups.
const MAX_REPLICAS: usize = 65_535;

impl Config {
    /// Checks every value's range, and the keys against each other.
    ///
    /// # Errors
    /// A usage error naming the first key out of its range.
    pub fn validate(&self) -> Result<()> {
        self.check_ranges("")?;
        self.validate_data()?;
        self.validate_model()?;
        self.validate_defense()?;
        self.validate_private()?;
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
        self.validate_schema()?;
        // Once the file is read, or the data.
        if !data.split.is_empty() || !data.fit.is_empty() {
            return Ok(());
        }
        if self.train.stop == Stop::Validation && data.validation == 0 {
            return Err(Error::usage("data.validation")
                .expected("at least 1 record where train.stop is \"validation\"")
                .found("0")
                .advice("give --validation N, or --set train.stop=epochs"));
        }
        if self.train.batch > data.members {
            return Err(Error::usage("train.batch")
                .expected(format!("at most data.members = {}", data.members))
                .found(self.train.batch.to_string())
                .advice("make the batch smaller, or D larger"));
        }
        let fewest = data.reference.values().iter().min().copied().unwrap_or(0);
        if (self.is_defended() || self.learns_reference()) && self.train.batch > fewest {
            return Err(Error::usage("data.reference")
                .expected(format!("at least a batch (train.batch = {}) where D′ is used", self.train.batch))
                .found(fewest.to_string())
                .advice("make D′ larger, or the batch smaller"));
        }
        Ok(())
    }

    /// A schema says what the columns are: no other setting may.
    fn validate_schema(&self) -> Result<()> {
        let data = &self.data;
        if data.schema.is_empty() {
            return Ok(());
        }
        let named = [
            ("data.drop", data.drop.is_empty()),
            ("data.keep", data.keep.is_empty()),
            ("data.categorical", data.categorical.is_empty()),
            ("data.numeric", data.numeric.is_empty()),
            ("data.missing", data.missing == MissingRecords::Error),
            ("data.merge_rare_classes", !data.merge_rare_classes),
        ];
        match named.into_iter().find(|(_, open)| !open) {
            None => Ok(()),
            Some((key, _)) => Err(Error::usage(key)
                .expected("no setting of columns beside a schema (data.schema), which says what they are")
                .found(format!("{key}, and the schema {}", data.schema))
                .advice("change it in the schema, or leave the schema out")),
        }
    }

    fn validate_model(&self) -> Result<()> {
        let model = &self.model;
        let dropped = model.dropout.values().iter().find(|rate| **rate > 0.0);
        if let Some(rate) = dropped.filter(|_| model.kind != ModelKind::Mlp) {
            return Err(refusal("model.dropout", "0, unless model.kind is \"mlp\"", rate.to_string()));
        }
        let epochs = &model.schedule_epochs;
        let steps = model.schedule == RateSchedule::Steps;
        let ascending = epochs.windows(2).all(|pair| pair[0] < pair[1]) && !epochs.contains(&0);
        let valid = ascending && steps != epochs.is_empty();
        rule("model.schedule_epochs", valid, format!("{epochs:?}"))?;
        let warm = model.warmup_epochs;
        rule("model.warmup_epochs", warm == 0 || warm < self.train.epochs, warm)
    }

    fn validate_defense(&self) -> Result<()> {
        let (defense, epochs) = (&self.defense, self.train.epochs);
        let warm = defense.lambda_warmup_epochs;
        rule("defense.lambda_warmup_epochs", !self.is_defended() || warm < epochs, warm)?;
        if self.is_defended() && defense.schedule == Schedule::Blocks && epochs <= defense.plain_epochs {
            let expected = "more than defense.plain_epochs with blocks, or the penalty would never be on";
            return Err(refusal("train.epochs", expected, epochs.to_string()));
        }
        if defense.attack_steps == AttackSteps::Auto && defense.schedule != Schedule::Ratio {
            let expected = "a number, unless defense.schedule is \"ratio\"";
            return Err(refusal("defense.attack_steps", expected, "\"auto\""));
        }
        let all = defense.top_k == 0 || defense.attack_input == AttackInput::SortedLogits;
        rule("defense.top_k", all, defense.top_k)
    }

    fn validate_private(&self) -> Result<()> {
        let private = &self.defense.private;
        let clip = private.clip.values();
        let noisy = private.noise.values().iter().any(|&noise| noise > 0.0);
        if (self.is_private() || noisy) && clip.contains(&0.0) {
            let expected = "above 0 in every replica, or 0 in every one and no noise";
            return Err(refusal("defense.private.clip", expected, format!("{clip:?}")));
        }
        for (key, wanted) in [
            ("defense.lambda", self.is_defended()),
            ("defense.reference_weight", self.learns_reference()),
            ("model.class_weights", self.model.class_weights != ClassWeights::None),
            ("model.kind", self.model.kind != ModelKind::Mlp),
        ] {
            if self.is_private() && wanted {
                return Err(Error::usage(key)
                    .expected(
                        "an mlp trained on D alone, all of it weighing the same, where defense.private.clip is above 0",
                    )
                    .found("another kind of training")
                    .advice(
                        "a guarantee for D covers no attack network, no other records and no counts of classes: \
                         choose one",
                    ));
            }
        }
        Ok(())
    }

    /// Whether gradients are clipped record by record.
    pub fn is_private(&self) -> bool {
        self.defense.private.clip.values().iter().any(|&clip| clip > 0.0)
    }

    /// Whether any replica's classifier is trained on D′ too.
    pub fn learns_reference(&self) -> bool {
        self.defense.reference_weight.values().iter().any(|&weight| weight > 0.0)
    }

    /// Whether any replica's labels are smoothed, or its confidence is penalized.
    pub fn penalizes_outputs(&self) -> bool {
        let model = &self.model;
        [&model.label_smoothing, &model.confidence_penalty]
            .iter()
            .any(|s| s.values().iter().any(|&v| v > 0.0))
    }

    /// Whether any replica plays the min-max game.
    pub fn is_defended(&self) -> bool {
        self.defense.lambda.values().iter().any(|&lambda| lambda > 0.0)
    }
}

/// Refuses the setting `key`, `found`, unless its own row's words `hold`.
fn rule(key: &str, holds: bool, found: impl ToString) -> Result<()> {
    if holds {
        return Ok(());
    }
    let mut rows = vec![];
    Config::rows("", &mut rows);
    let expected = rows.iter().find(|row| row.key == key).map_or("", |row| row.range);
    Err(refusal(key, expected, found.to_string()))
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
    fn nothing_else_says_what_columns_are_beside_a_schema() {
        for other in
            ["drop = [\"age\"]", "numeric = [\"age\"]", "missing = \"impute\"", "merge_rare_classes = true"]
        {
            let text = refusal(&format!("[data]\npath = \"a.csv\"\nschema = \"s.toml\"\n{other}"));
            let key = other.split(' ').next().unwrap();
            assert!(
                text.starts_with(&format!("data.{key}: expected no setting of columns beside a schema")),
                "{text}"
            );
        }
        Config::resolve(&[Layer::text("test", "[data]\npath = \"a.csv\"\nschema = \"s.toml\"")]).unwrap();
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
            let named = format!("--lambda {typed}: defense.lambda: expected a finite number");
            assert!(message.starts_with(&named), "{message}");
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
