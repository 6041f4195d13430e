//! The presets: named configurations built into the binary from `data/presets/`.
//!
//! A preset is TOML of the same form as a run's `run.toml`, with some of the keys left out.

use std::path::Path;

use super::config::{Config, Layer};
use crate::error::{Error, Result, nearest};

/// A named configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// As typed: `purchase100-official`.
    pub name: &'static str,
    /// The TOML as it stands in `data/presets/`.
    pub text: &'static str,
}

macro_rules! preset {
    ($name:literal) => {
        Preset { name: $name, text: include_str!(concat!("../../data/presets/", $name, ".toml")) }
    };
}

/// Every built-in preset, in the order they are listed.
pub const ALL: &[Preset] = &[
    preset!("demo"),
    preset!("location30"),
    preset!("retail100"),
    preset!("hospital100"),
    preset!("purchase100"),
    preset!("texas100"),
    preset!("purchase100-official"),
    preset!("texas100-official"),
    preset!("cifar100-alexnet"),
    preset!("cifar100-alexnet-official"),
    preset!("cifar100-densenet"),
    preset!("fashion-alexnet"),
];

impl Preset {
    /// The settings it gives.
    pub fn layer(&self) -> Layer {
        Layer::text(format!("preset {}", self.name), self.text)
    }

    /// The whole configuration, the defaults filled in; most need a `data.path` to be valid.
    ///
    /// # Errors
    /// None for a preset of [`ALL`].
    pub fn config(&self) -> Result<Config> {
        Config::merge(&[self.layer()])
    }
}

/// The built-in preset `name`.
///
/// # Errors
/// There is none; the nearest one's name is suggested.
pub fn named(name: &str) -> Result<&'static Preset> {
    ALL.iter().find(|preset| preset.name == name).ok_or_else(|| {
        Error::usage(format!("preset {name}"))
            .expected("a preset's name or a TOML file")
            .found("neither")
            .advice(suggestion(name))
    })
}

/// What `--preset NAME|FILE` means: a built-in preset, or else a file, such as a run's `run.toml`.
///
/// # Errors
/// It is neither; a name is answered with the nearest preset's.
pub fn find(name_or_file: &str) -> Result<Layer> {
    let path = Path::new(name_or_file);
    let unknown = match named(name_or_file) {
        Ok(preset) => return Ok(preset.layer()),
        Err(unknown) => unknown,
    };
    if path.is_dir() {
        return Err(Error::usage(format!("preset {name_or_file}"))
            .expected("a preset's name or a TOML file")
            .found("a directory")
            .advice(format!("to repeat a run, give {}", path.join("run.toml").display())));
    }
    let looks_like_a_file = path.extension().is_some() || path.components().count() > 1;
    if path.exists() || looks_like_a_file { Layer::read(path) } else { Err(unknown) }
}

fn suggestion(name: &str) -> String {
    let names: Vec<&str> = ALL.iter().map(|preset| preset.name).collect();
    match nearest(name, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the presets are {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{
        AttackInput, AttackLoss, GameForm, Initialization, Penalty, Schedule, replica_keys,
    };
    use super::*;
    use crate::error::Kind;

    fn config(name: &str) -> Config {
        named(name).unwrap().config().unwrap()
    }

    #[test]
    fn every_preset_says_what_it_is_and_is_valid_with_data() {
        for preset in ALL {
            let config = Config::resolve(&[preset.layer(), Layer::string("--data", "data.path", "x.npz")])
                .unwrap_or_else(|e| panic!("{}: {e}", preset.name));
            assert_eq!(config.name, preset.name);
            assert!(!config.description.is_empty(), "{}", preset.name);
            assert!(!config.deviations.is_empty(), "{}", preset.name);
            assert_eq!(config.data.expects.is_empty(), preset.name == "demo", "{}", preset.name);
        }
    }

    #[test]
    fn every_preset_is_the_same_after_being_written_and_read() {
        for preset in ALL {
            let config = preset.config().unwrap();
            let text = config.to_toml().unwrap();
            let back = Config::merge(&[Layer::text("run.toml", text.as_str())]).unwrap();
            assert_eq!(back, config, "{}", preset.name);
            assert_eq!(back.to_toml().unwrap(), text, "{}", preset.name);
        }
    }

    #[test]
    fn the_demo_runs_on_synthetic_data_with_and_without_the_defense() {
        let config = Config::resolve(&[find("demo").unwrap()]).unwrap();
        let lambdas: Vec<f64> = config.replicas().iter().map(|r| r.lambda).collect();
        assert_eq!(lambdas.len(), 2);
        assert!(lambdas[0] == 0.0 && lambdas[1] > 0.0, "{lambdas:?}");
        assert!(config.data.path.is_empty());
    }

    /// A table in the authors' form repeated what its preset says of k and of the attack network's start.
    #[test]
    fn a_deviation_falls_away_with_the_settings_it_speaks_of() {
        let said = |changes: &[&str]| -> String {
            let changes = changes.iter().map(|change| Layer::set(change).unwrap());
            let layers: Vec<Layer> = [find("retail100").unwrap()].into_iter().chain(changes).collect();
            let config = Config::merge(&layers).unwrap();
            config.deviations.iter().map(|deviation| deviation.text().to_owned() + "\n").collect()
        };
        let all = said(&[]);
        assert!(all.contains("He initialisation") && all.contains("k = 1") && all.contains("5,000"), "{all}");
        assert_eq!(said(&["train.epochs=25", "defense.lambda=1"]), all);
        let authors = said(&["defense.form=authors", "data.reference=20000"]);
        assert_eq!(authors.lines().count(), all.lines().count() - 3, "{authors}");
        assert!(authors.contains("another source") && authors.contains("one hidden layer more"), "{authors}");

        // A single key of the form's, too: the preset no longer is what its sentence says.
        let layers = [find("purchase100-official").unwrap(), Layer::set("defense.penalty=log").unwrap()];
        let official = Config::merge(&layers).unwrap();
        assert!(!official.deviations.iter().any(|said| said.text().contains("bounded penalty")));

        let typo = r#"deviations = [{ text = "x", of = ["train.epoch"] }]"#;
        let error = Config::merge(&[Layer::text("mine.toml", typo)]).unwrap_err().to_string();
        assert!(error.contains("deviations") && error.contains("train.epoch"), "{error}");
    }

    /// The sizes the authors' code prints add up to the data sets' records.
    #[test]
    fn official_splits_use_every_record() {
        for (name, records) in [("purchase100-official", 197_324), ("texas100-official", 67_330)] {
            let data = config(name).data;
            assert_eq!(data.members + data.reference.values()[0] + data.test, records, "{name}");
        }
    }

    #[test]
    fn paper_and_official_forms_differ_where_they_should() {
        for (paper, official) in [("purchase100", "purchase100-official"), ("texas100", "texas100-official")]
        {
            let (paper, official) = (config(paper).defense, config(official).defense);
            assert_eq!(
                (paper.attack_loss, paper.penalty, paper.attack_input, paper.schedule),
                (AttackLoss::Log, Penalty::Log, AttackInput::Softmax, Schedule::Ratio)
            );
            assert_eq!(
                (official.attack_loss, official.penalty, official.attack_input, official.schedule),
                (AttackLoss::Squared, Penalty::Linear, AttackInput::Logits, Schedule::Blocks)
            );
            assert_eq!((paper.form, official.form), (GameForm::Paper, GameForm::Authors));
            assert_eq!(paper.attack.initialisation, Initialization::He);
            assert_eq!(official.attack.initialisation, Initialization::Normal(0.01));
        }
    }

    #[test]
    fn a_preset_without_its_data_is_refused_and_named() {
        let error = Config::resolve(&[find("location30").unwrap()]).unwrap_err().to_string();
        assert!(error.contains("data.path") && error.contains("Location30"), "{error}");
        assert!(error.contains("--data"), "{error}");
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = find("locaton30").unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert_eq!(error.advice, "did you mean `location30`?");
        assert!(find("zzz").unwrap_err().advice.contains("texas100-official"));
    }

    #[test]
    fn a_file_is_read_and_a_missing_file_or_a_directory_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("mine.toml");
        std::fs::write(&file, "train.epochs = 3").unwrap();
        let config = Config::merge(&[find(file.to_str().unwrap()).unwrap()]).unwrap();
        assert_eq!(config.train.epochs, 3);

        let missing = directory.path().join("missing.toml");
        let error = find(missing.to_str().unwrap()).unwrap_err();
        assert_eq!(error.kind, Kind::Io);
        assert!(error.place.ends_with("missing.toml"), "{error}");

        let error = find(directory.path().to_str().unwrap()).unwrap_err();
        assert!(error.advice.contains("run.toml"), "{error}");
    }

    #[test]
    fn replica_keys_are_keys() {
        for key in replica_keys() {
            Config::merge(&[Layer::list("--flag", key.key, "1")]).unwrap();
        }
    }
}
