//! The flags that set up a run, as typed; [`RunFlags::resolve`] says what they mean.

use std::path::absolute;

use clap::Args;

use crate::error::{Error, Result};
use crate::run::config::{Config, Layer};
use crate::run::preset;

/// Each dedicated flag is a key of the configuration. Defaults < `--preset` < `--set` < these.
///
/// Numbers are text here: the configuration's own errors name the key and its range, and say which keys
/// take a list.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct RunFlags {
    /// The records: CSV (a row a record), npz, npy, or Location30, Purchase100, Texas100 as published.
    ///
    /// Without it, and without a preset that is made for certain data: synthetic records.
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    data: Option<String>,
    /// A set-up to start from: a name of `veilgrad presets`, or a TOML file, such as a run's run.toml.
    #[arg(long, value_name = "NAME|FILE")]
    preset: Option<String>,
    /// The number of records to train on (D): those that an attacker looks for.
    #[arg(long, value_name = "N", help_heading = "Data", allow_negative_numbers = true)]
    members: Option<String>,
    /// The number of reference records (D′): as private as test records, the defense learns from them.
    /// A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Data", allow_negative_numbers = true)]
    reference: Option<String>,
    /// The number of validation records, which choose the epoch that is kept and are in no other set.
    #[arg(long, value_name = "N", help_heading = "Data", allow_negative_numbers = true)]
    validation: Option<String>,
    /// The number of test records; 0: all the rest.
    #[arg(long, value_name = "N", help_heading = "Data", allow_negative_numbers = true)]
    test: Option<String>,
    /// An npz file with lists of record numbers from 0: members and, if there, reference, validation, test. It
    /// decides the sizes; where it has validation records, --set train.stop=validation lets them choose the epoch.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    split: Option<String>,
    /// The column of the label: its name, or its place counted from 0.
    #[arg(long, value_name = "NAME|INDEX", help_heading = "Data")]
    label_column: Option<String>,
    /// What the labels in the file count from: 0 or 1.
    #[arg(long, value_name = "BASE", help_heading = "Data", allow_negative_numbers = true)]
    label_base: Option<String>,
    /// The file's first line names its columns.
    #[arg(long, help_heading = "Data", conflicts_with = "no_header")]
    header: bool,
    /// The file's first line is a record.
    #[arg(long, help_heading = "Data")]
    no_header: bool,
    /// What becomes of records without a value: drop (they are left out), impute (the members' median, or
    /// commonest value, and an indicator), category (missing is a value of its own).
    #[arg(long, value_name = "drop|impute|category", help_heading = "Data")]
    missing: Option<String>,
    /// The characters of a text file, such as latin1 or utf-16, where its bytes do not show them.
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    encoding: Option<String>,
    /// The decimal sign of numbers: `,` or `.`.
    #[arg(long, value_name = "SIGN", help_heading = "Data")]
    decimal: Option<String>,
    /// Leave a column out: its name, or its place counted from 0. May be repeated.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    drop: Vec<String>,
    /// Keep a column that looks like identifiers, dates, an index or free text. May be repeated.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    keep: Vec<String>,
    /// A column whose values are names of categories, though they are written as numbers. May be repeated.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    categorical: Vec<String>,
    /// A column that holds numbers: anything else there is an error. May be repeated.
    #[arg(long, value_name = "COLUMN", help_heading = "Data")]
    numeric: Vec<String>,
    /// Make one class, other, of those that fewer than 5 members have.
    #[arg(long, help_heading = "Data")]
    merge_rare_classes: bool,
    /// What the columns are, as `veilgrad schema` writes it and you may have edited it.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    schema: Option<String>,
    /// The most bytes to which a compressed file may inflate.
    #[arg(long, value_name = "BYTES", help_heading = "Data", allow_negative_numbers = true)]
    max_bytes: Option<String>,
    /// Passes over the members.
    #[arg(long, value_name = "N", help_heading = "Training", allow_negative_numbers = true)]
    epochs: Option<String>,
    /// Records a batch.
    #[arg(long, value_name = "N", help_heading = "Training", allow_negative_numbers = true)]
    batch: Option<String>,
    /// The weight of the privacy penalty; 0: no defense. A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Training", allow_negative_numbers = true)]
    lambda: Option<String>,
    /// What all that is random is drawn from. A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Training", allow_negative_numbers = true)]
    seed: Option<String>,
    /// Repeats the noise of a private training, for tests: then nothing is private.
    #[arg(long, value_name = "N", help_heading = "Training", allow_negative_numbers = true)]
    noise_seed: Option<String>,
    /// Steps of the attacker before each step of the classifier, or `auto`: as many as keep it as good as a
    /// threshold on the confidence.
    #[arg(long, value_name = "K", help_heading = "Training", allow_negative_numbers = true)]
    attack_steps: Option<String>,
    /// The classifier's learning rate. A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Training", allow_negative_numbers = true)]
    learning_rate: Option<String>,
    /// The classifier's L2 regularization. A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Training", allow_negative_numbers = true)]
    weight_decay: Option<String>,
    /// The fraction of hidden units left out in training. A list trains a model for each.
    #[arg(long, value_name = "LIST", help_heading = "Training", allow_negative_numbers = true)]
    dropout: Option<String>,
    /// Any other setting, by its key: `--set model.hidden=[256,128]`; `veilgrad settings` lists them. May be
    /// repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// The classifier for a data file without a preset: wide enough for a hundred classes and no deeper than a few
/// hundred members carry; and a logistic regression to stand beside it. With the decay that follows the members the
/// network is at least as accurate as scikit-learn's networks and logistic regressions on 200 to 2,000 members of three
/// data sets (`results/defaults`).
const OWN_NETWORK: &str = "\
model = { hidden = [512], activation = \"relu\", initialisation = \"xavier\" }
audit.logistic = true";

impl RunFlags {
    /// The same flags for the data file `path`.
    pub(super) fn of_file(self, path: &str) -> Self {
        RunFlags { data: Some(path.to_owned()), ..self }
    }

    /// The configuration that is meant: paths made absolute, so that `run.toml` finds the data again
    /// from everywhere.
    ///
    /// # Errors
    /// An unknown preset or key, a value of the wrong type or out of its range.
    pub(super) fn resolve(&self) -> Result<Config> {
        let mut config = Config::resolve(&self.layers()?)?;
        for path in [&mut config.data.path, &mut config.data.split, &mut config.data.schema] {
            if !path.is_empty() {
                let full = absolute(&*path).map_err(|e| Error::io(&*path, &e))?;
                *path = full.into_os_string().into_string().map_err(|_| {
                    Error::usage(&*path).expected("a path in UTF-8").found("another in a directory above it")
                })?;
            }
        }
        Ok(config)
    }

    fn layers(&self) -> Result<Vec<Layer>> {
        let mut layers = Vec::new();
        if let Some(preset) = &self.preset {
            layers.push(preset::find(preset)?);
        }
        for argument in &self.set {
            layers.push(Layer::set(argument)?);
        }
        let texts = [
            ("--data", "data.path", &self.data),
            ("--split", "data.split", &self.split),
            ("--missing", "data.missing", &self.missing),
            ("--encoding", "data.encoding", &self.encoding),
            ("--decimal", "data.decimal", &self.decimal),
            ("--schema", "data.schema", &self.schema),
        ];
        for (flag, key, value) in texts {
            layers.extend(value.as_ref().map(|value| Layer::string(flag, key, value)));
        }
        let columns = [
            ("--drop", "data.drop", &self.drop),
            ("--keep", "data.keep", &self.keep),
            ("--categorical", "data.categorical", &self.categorical),
            ("--numeric", "data.numeric", &self.numeric),
        ];
        for (flag, key, names) in columns.into_iter().filter(|(_, _, names)| !names.is_empty()) {
            layers.push(Layer::strings(flag, key, names));
        }
        if self.merge_rare_classes {
            layers.push(Layer::switch("--merge-rare-classes", "data.merge_rare_classes", true));
        }
        let numbers = [
            ("--members", "data.members", &self.members),
            ("--reference", "data.reference", &self.reference),
            ("--validation", "data.validation", &self.validation),
            ("--test", "data.test", &self.test),
            ("--label-base", "data.label_base", &self.label_base),
            ("--max-bytes", "data.max_bytes", &self.max_bytes),
            ("--epochs", "train.epochs", &self.epochs),
            ("--batch", "train.batch", &self.batch),
            ("--lambda", "defense.lambda", &self.lambda),
            ("--seed", "train.seed", &self.seed),
            ("--noise-seed", "defense.private.noise_seed", &self.noise_seed),
            ("--attack-steps", "defense.attack_steps", &self.attack_steps),
            ("--learning-rate", "model.learning_rate", &self.learning_rate),
            ("--weight-decay", "model.weight_decay", &self.weight_decay),
            ("--dropout", "model.dropout", &self.dropout),
        ];
        for (flag, key, value) in numbers {
            layers.extend(value.as_ref().map(|value| Layer::list(flag, key, value)));
        }
        if let Some(column) = &self.label_column {
            let (flag, key) = ("--label-column", "data.label_column");
            layers.push(match column.parse::<usize>() {
                Ok(_) => Layer::list(flag, key, column),
                Err(_) => Layer::string(flag, key, column),
            });
        }
        if self.header || self.no_header {
            let flag = if self.header { "--header" } else { "--no-header" };
            layers.push(Layer::switch(flag, "data.header", self.header));
        }
        if self.preset.is_none() && self.data.is_some() {
            let own = self.for_own_data(&layers);
            layers.insert(0, own);
        }
        Ok(layers)
    }

    /// What holds for a data file without a preset, under the `layers` that were typed: sizes that follow the
    /// data, the epoch that suits the validation records, and [`OWN_NETWORK`].
    fn for_own_data(&self, layers: &[Layer]) -> Layer {
        let open = |key: &str| !layers.iter().any(|layer| layer.gives(key));
        let sizes = [
            ("data.members", "members"),
            ("data.reference", "reference"),
            ("data.validation", "validation"),
            ("train.batch", "batch"),
            ("model.weight_decay", "weight_decay"),
        ];
        let drawn = open("data.split");
        // Of a split file the members and the others are as they are; what follows from their number is not.
        let follows = |key: &str| drawn || !key.starts_with("data.");
        let fit: Vec<&str> =
            sizes.iter().filter(|(key, _)| follows(key) && open(key)).map(|(_, size)| *size).collect();
        let validated = drawn && self.validation.as_deref() != Some("0");
        let stop = if validated { "validation" } else { "epochs" };
        Layer::text("data", format!("data.fit = {fit:?}\ntrain.stop = {stop:?}\n{OWN_NETWORK}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::config::{Column, Detect};
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        flags: RunFlags,
    }

    fn resolve(line: &str) -> Result<Config> {
        let words = std::iter::once("veilgrad").chain(line.split_whitespace());
        Typed::try_parse_from(words).unwrap().flags.resolve()
    }

    #[test]
    fn every_flag_reaches_its_key() {
        let config = resolve(
            "--data d.csv --members 64 --reference 65,66 --test 3 --split s.npz --label-column age,x \
             --label-base 1 \
             --no-header --max-bytes 9 --epochs 4 --batch 5 --lambda 0,.5 --seed 6,7 --noise-seed 9 --attack-steps 8 \
             --learning-rate 0.25 --weight-decay 0.125 --dropout 0.5 --set name=mine",
        )
        .unwrap();
        let (data, train) = (&config.data, &config.train);
        assert_eq!((data.members, data.test, data.max_bytes), (64, 3, 9));
        assert_eq!(data.reference.values(), [65, 66]);
        assert_eq!(data.label_column, Detect::Is(Column::Name("age,x".into())));
        assert_eq!((data.label_base, data.header), (Detect::Is(1), Detect::Is(false)));
        assert_eq!((train.epochs, train.batch, train.seed.values()), (4, 5, &[6, 7][..]));
        assert_eq!(config.defense.lambda.values(), [0.0, 0.5]);
        assert_eq!(config.defense.attack_steps, crate::run::config::AttackSteps::Count(8));
        assert_eq!(config.defense.private.noise_seed, 9);
        assert_eq!(config.model.learning_rate.values(), [0.25]);
        assert_eq!(config.model.weight_decay.values(), [0.125]);
        assert_eq!(config.model.dropout.values(), [0.5]);
        assert_eq!(config.name, "mine");
        let here = std::env::current_dir().unwrap();
        assert_eq!(std::path::Path::new(&data.path), here.join("d.csv"));
        assert_eq!(std::path::Path::new(&data.split), here.join("s.npz"));
        assert_eq!(
            resolve("--label-column 3 --header").unwrap().data.label_column,
            Detect::Is(Column::Place(3))
        );
    }

    #[test]
    fn flags_win_over_set_and_set_over_the_preset() {
        let config = resolve("--epochs 3 --set train.epochs=4 --set train.batch=9 --preset demo").unwrap();
        assert_eq!((config.name.as_str(), config.train.epochs, config.train.batch), ("demo", 3, 9));
        assert_eq!(resolve("").unwrap(), Config::default());
    }

    #[test]
    fn a_negative_number_reaches_the_range_check_and_a_list_the_structural_one() {
        let message = |line: &str| resolve(line).unwrap_err().to_string();
        assert!(message("--lambda -1").starts_with("--lambda -1: defense.lambda: expected a finite number"));
        assert!(message("--epochs 1,2").contains("structural key"), "{}", message("--epochs 1,2"));
        assert!(message("--epochs -2").starts_with("--epochs -2: "), "{}", message("--epochs -2"));
    }
}
