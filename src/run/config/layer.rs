//! Layers of settings: defaults under a preset or file, under `--set`, under dedicated flags.
//!
//! Every layer is a piece of TOML that is checked by itself, so that an error can name the file and
//! line, or the flag, that the person wrote. Ranges are checked once, on the result.

use std::path::Path;

use toml::de::{DeArray, DeTable, DeValue};
use toml::{Table, Value};

use super::keys::{advice, at, key_at, known_keys, list, suggestion};
use super::{Config, DefenseConfig, GameForm, replica, replica_keys};
use crate::error::{Error, Result};
use crate::setting::{fix, join};

/// Some settings and where they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    origin: Origin,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    /// A file's path or a preset's name: errors name the line too.
    File(String),
    /// As typed on the command line.
    Flag(String),
}

impl Layer {
    /// The TOML `text` of the file or preset `name`.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Layer { origin: Origin::File(name.into()), text: text.into() }
    }

    /// The TOML file at `path`, which may be a finished run's `run.toml`.
    ///
    /// # Errors
    /// The file cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, &e))?;
        Ok(Self::text(path.display().to_string(), text))
    }

    /// `--set KEY=VALUE`, VALUE being TOML, or where it is not, text: `a.b=tanh` is `a.b = "tanh"`.
    ///
    /// # Errors
    /// There is no `=`, or KEY is not a dotted key.
    pub fn set(argument: &str) -> Result<Self> {
        let place = format!("--set {argument}");
        let form = "KEY=VALUE, such as train.epochs=20";
        let Some((key, value)) = argument.split_once('=') else {
            return Err(Error::usage(place).expected(form).found("no `=`"));
        };
        let key = key.trim();
        let bare = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if !key.split('.').all(bare) {
            return Err(Error::usage(place).expected(form).found(format!("the key `{key}`")));
        }
        Ok(Layer { origin: Origin::Flag(place), text: assignment(key, value) })
    }

    /// The dedicated flag `flag` for `key`, its values separated by commas: `--lambda 0,.5,3`.
    pub fn list(flag: &str, key: &str, values: &str) -> Self {
        let items: Vec<String> = values.split(',').map(number).collect();
        let text = match items.as_slice() {
            [one] => format!("{key} = {one}"),
            many => format!("{key} = [{}]", many.join(", ")),
        };
        Layer { origin: Origin::Flag(format!("{flag} {values}")), text }
    }

    /// The dedicated flag `flag` for `key`, whose `value` is text however it looks: a path, a name.
    pub fn string(flag: &str, key: &str, value: &str) -> Self {
        let text = format!("{key} = {}", Value::from(value));
        Layer { origin: Origin::Flag(format!("{flag} {value}")), text }
    }

    /// The dedicated flag `flag` for `key`, a list of texts however they look, one a use of the flag.
    pub fn strings(flag: &str, key: &str, values: &[String]) -> Self {
        let typed: Vec<String> = values.iter().map(|value| format!("{flag} {value}")).collect();
        let text = format!("{key} = {}", Value::from(values.to_vec()));
        Layer { origin: Origin::Flag(typed.join(" ")), text }
    }

    /// The dedicated flag `flag` that turns `key` on or off.
    pub fn switch(flag: &str, key: &str, on: bool) -> Self {
        Layer { origin: Origin::Flag(flag.to_owned()), text: format!("{key} = {on}") }
    }

    /// Whether it has the dotted `key`.
    pub fn gives(&self, key: &str) -> bool {
        toml::from_str::<Table>(&self.text).is_ok_and(|table| at(&table, key).is_some())
    }

    /// The settings as a table to be laid over those `below`, keys and types checked.
    fn table(&self, below: &Table) -> Result<Table> {
        let parsed = DeTable::parse(&self.text).map_err(|e| self.unreadable(&e))?;
        self.check_keys(parsed.get_ref(), &known_keys()?, "")?;
        toml::from_str::<Config>(&self.text).map_err(|e| {
            let start = e.span().map_or(0, |span| span.start);
            let key = key_at(parsed.get_ref(), start).unwrap_or_default();
            Error::usage(self.place(start, &key)).refused(e.message()).advice(advice(&key))
        })?;
        let mut own: Table = toml::from_str(&self.text).map_err(|e| self.unreadable(&e))?;
        // Who gives a number of the blocks means it, whatever sizes a preset's are for.
        if let Some(Value::Table(defense)) = own.get_mut("defense")
            && DefenseConfig::OF_PASSES.iter().any(|key| defense.contains_key(*key))
        {
            defense.entry("block_passes").or_insert(Value::Array(vec![]));
        }
        // A form stands for settings: over those of the layers below, under this layer's own.
        let form = |table: &Table| GameForm::named(at(table, "defense.form")?.as_str()?);
        let Some(form) = form(&own).filter(|own| form(below) != Some(*own)) else { return Ok(own) };
        let mut settings: Table = toml::from_str(form.settings()).map_err(|e| self.unreadable(&e))?;
        lay_over(&mut settings, own);
        Ok(settings)
    }

    /// Refuses keys that do not exist, tables and values in each other's place, and lists for
    /// structural keys; serde would name neither the nearest key nor what is structural.
    fn check_keys(&self, table: &DeTable<'_>, known: &Table, parent: &str) -> Result<()> {
        for (name, value) in table {
            let key = join(parent, name.get_ref());
            let start = name.span().start;
            let fail = |found: String| Error::usage(self.place(start, &key)).found(found);
            match (known.get(name.get_ref().as_ref()), value.get_ref()) {
                (None, _) => {
                    return Err(fail("no such key".to_owned()).advice(suggestion(&key, known, parent)?));
                }
                (Some(Value::Table(known)), DeValue::Table(table)) => self.check_keys(table, known, &key)?,
                (Some(Value::Table(known)), other) => {
                    return Err(Error::usage(self.place(start, &key))
                        .expected("a table")
                        .found(format!("one {}", other.type_str()))
                        .advice(format!("its keys are {}", list(known.keys()))));
                }
                (Some(expected), DeValue::Array(values)) if !takes_list(&key, expected, values) => {
                    return Err(fail(format!("{} values for a structural key", values.len())).advice(
                        format!(
                            "all replicas of a run share it: make one run a value; lists are for {}",
                            list(replica_keys().iter().map(|key| key.key))
                        ),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn unreadable(&self, error: &toml::de::Error) -> Error {
        let start = error.span().map_or(0, |span| span.start);
        Error::usage(self.place(start, "")).expected("TOML").found(error.message())
    }

    /// `FILE:LINE: key`, or the flag as typed.
    fn place(&self, start: usize, key: &str) -> String {
        match &self.origin {
            Origin::Flag(flag) => flag.clone(),
            Origin::File(name) => {
                let line = 1 + self.text.bytes().take(start).filter(|&b| b == b'\n').count();
                match key {
                    "" => format!("{name}:{line}"),
                    key => format!("{name}:{line}: {key}"),
                }
            }
        }
    }
}

impl Config {
    /// The defaults under `layers`, the later over the earlier; ranges are not checked. Of a preset's deviations
    /// those that speak of what a later layer changes fall away.
    ///
    /// # Errors
    /// A layer is not TOML, has a key that does not exist or a value of the wrong type, or gives a
    /// structural key a list; a deviation speaks of a key that does not exist.
    pub fn merge(layers: &[Layer]) -> Result<Config> {
        let mut config = Self::laid_over(layers)?;
        if let Some(preset) = layers.iter().rposition(|layer| layer.gives("deviations")) {
            config.deviations = config.deviations_since(&Self::laid_over(&layers[..=preset])?)?;
        }
        Ok(config)
    }

    fn laid_over(layers: &[Layer]) -> Result<Config> {
        let mut merged = Table::new();
        for layer in layers {
            let table = layer.table(&merged)?;
            lay_over(&mut merged, table);
        }
        Value::Table(merged)
            .try_into()
            .map_err(|e: toml::de::Error| Error::usage("configuration").found(e.message()))
    }

    /// [`merge`](Self::merge), then [`validate`](Self::validate).
    ///
    /// # Errors
    /// As those two; where a layer set the value that is refused, its flag is named.
    pub fn resolve(layers: &[Layer]) -> Result<Config> {
        let config = Self::merge(layers)?;
        config.validate().map_err(|error| typed(error, layers))?;
        Ok(config)
    }

    /// Every key with its value, as `run.toml` holds it; [`resolve`](Self::resolve) reads it back
    /// to the same tree.
    ///
    /// # Errors
    /// A value that TOML cannot hold; none in a valid configuration.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::usage("configuration").found(e.to_string()))
    }
}

/// What is wrong with the setting that `error` names: at the flag that it was typed with, if it was.
fn typed(error: Error, layers: &[Layer]) -> Error {
    let last = layers.iter().rev().find(|layer| layer.gives(&error.place));
    match last.map(|layer| &layer.origin) {
        Some(Origin::Flag(flag)) if !flag.contains(&error.place) => {
            // Nothing is to be corrected elsewhere.
            let advice = if error.advice == fix(&error.place) { String::new() } else { error.advice };
            Error { place: format!("{flag}: {}", error.place), advice, ..error }
        }
        // `--set` names the key by itself.
        _ => error,
    }
}

/// `key = value` where that is TOML, else with the value as text.
fn assignment(key: &str, value: &str) -> String {
    let text = format!("{key} = {value}");
    // A line break in the value could smuggle in other keys.
    if !value.contains('\n') && DeTable::parse(&text).is_ok() {
        return text;
    }
    format!("{key} = {}", Value::from(value))
}

/// A number as TOML writes it: people type `.5`, `1.` and `NaN`, which TOML does not know. Anything
/// else becomes text, for the key's own type to refuse.
fn number(typed: &str) -> String {
    let typed = typed.trim();
    match (typed.parse::<i64>(), typed.parse::<f64>()) {
        (Ok(whole), _) => Value::from(whole).to_string(),
        (_, Ok(fraction)) => Value::from(fraction).to_string(),
        _ => Value::from(typed).to_string(),
    }
}

fn lay_over(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn takes_list(key: &str, default: &Value, values: &DeArray<'_>) -> bool {
    if default.is_array() {
        return !values.iter().any(|value| value.get_ref().is_array());
    }
    replica::takes_list(key)
}

#[cfg(test)]
mod tests {
    use super::super::keys::collect;
    use super::super::{
        AttackInput, AttackLoss, AttackSteps, Column, Detect, Initialization, Penalty, Schedule,
    };
    use super::*;

    fn refusal(layer: Layer) -> String {
        Config::merge(&[layer]).unwrap_err().to_string()
    }

    fn file(text: &str) -> Layer {
        Layer::text("my.toml", text)
    }

    fn set(argument: &str) -> Config {
        Config::merge(&[Layer::set(argument).unwrap()]).unwrap()
    }

    #[test]
    fn a_form_sets_what_its_own_layer_and_those_after_it_do_not() {
        let preset = || Layer::text("p", "[defense]\nattack_loss = \"squared\"\nattack_steps = 3");
        let with = |settings: &[&str]| {
            let mut layers = vec![preset()];
            layers.extend(settings.iter().map(|setting| Layer::set(setting).unwrap()));
            Config::resolve(&layers).unwrap().defense
        };
        let plain = with(&[]);
        assert_eq!((plain.form, plain.attack_loss), (GameForm::Paper, AttackLoss::Squared));
        let paper = with(&["defense.form=paper"]);
        assert_eq!((paper.attack_loss, paper.attack_steps), (AttackLoss::Log, AttackSteps::Count(3)));
        let authors = with(&["defense.form=authors", "defense.attack_input=softmax"]);
        assert_eq!((authors.penalty, authors.schedule), (Penalty::Linear, Schedule::Blocks));
        assert_eq!(authors.attack_input, AttackInput::Softmax);
        assert_eq!(authors.attack.initialisation, Initialization::Normal(0.01));
        let once_more = with(&["defense.form=authors", "defense.penalty=squared", "defense.form=authors"]);
        assert_eq!(once_more.penalty, Penalty::Squared, "of this form already: nothing changes");
        let before = with(&["defense.attack_input=softmax", "defense.form=authors"]);
        assert_eq!(before.attack_input, AttackInput::Logits);
        // What is written holds every key, and so reads back the same.
        let config = Config { defense: authors, ..Config::default() };
        assert_eq!(Config::resolve(&[Layer::text("run.toml", config.to_toml().unwrap())]).unwrap(), config);
        let unknown = Config::resolve(&[Layer::set("defense.form=author").unwrap()]).unwrap_err().to_string();
        assert!(unknown.contains("paper") && unknown.contains("authors"), "{unknown}");
    }

    #[test]
    fn the_default_form_is_the_defaults() {
        let form = Config::resolve(&[Layer::set("defense.form=paper").unwrap()]).unwrap();
        assert_eq!(form, Config::default());
    }

    #[test]
    fn later_layers_win_key_by_key() {
        let config = Config::merge(&[
            file("[train]\nepochs = 7\nbatch = 32\n[defense.attack]\njoint_layers = [9]"),
            Layer::set("train.epochs=8").unwrap(),
            Layer::list("--lambda", "defense.lambda", "0, 2.5,.5,1e1"),
            Layer::list("--seed", "train.seed", "4"),
            Layer::string("--data", "data.path", "1.5"),
            Layer::switch("--no-header", "data.header", false),
        ])
        .unwrap();
        assert_eq!((config.train.epochs, config.train.batch), (8, 32));
        assert_eq!(config.defense.attack.joint_layers, [9]);
        assert_eq!(config.defense.attack.label_layers, Config::default().defense.attack.label_layers);
        assert_eq!(config.defense.lambda.values(), [0.0, 2.5, 0.5, 10.0]);
        assert_eq!(config.train.seed.values(), [4]);
        assert_eq!(config.data.path, "1.5");
        assert_eq!(config.data.header, Detect::Is(false));
    }

    #[test]
    fn set_takes_toml_or_else_text() {
        assert_eq!(set("model.hidden=[3, 4]").model.hidden, [3, 4]);
        assert_eq!(set("model.initialisation=he").model.initialisation, Initialization::He);
        assert_eq!(
            set("model.initialisation={normal=0.1}").model.initialisation,
            Initialization::Normal(0.1)
        );
        assert_eq!(set("data.path=a b/c.csv").data.path, "a b/c.csv");
        assert_eq!(set("data.path=").data.path, "");
        assert_eq!(set("data.label_column=2").data.label_column, Detect::Is(Column::Place(2)));
        // A second line stays part of the value.
        assert_eq!(set("name=\"a\"\ntrain.epochs=3").train.epochs, Config::default().train.epochs);
    }

    #[test]
    fn set_without_a_key_and_a_value_is_refused() {
        for argument in ["train.epochs", "=3", "a..b=3", "train epochs=3", "a.\"b\"=3"] {
            let error = Layer::set(argument).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--set {argument}: expected KEY=VALUE")), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_placed_and_answered_with_the_nearest() {
        assert_eq!(
            refusal(file("[train]\nepochs = 3\n\n[defense]\nlamda = 1")),
            "my.toml:5: defense.lamda: no such key; did you mean `defense.lambda`?"
        );
        assert_eq!(
            refusal(Layer::set("epochs=3").unwrap()),
            "--set epochs=3: no such key; did you mean `train.epochs`?"
        );
        assert_eq!(
            refusal(Layer::set("defense.attack.joint=[3]").unwrap()),
            "--set defense.attack.joint=[3]: no such key; did you mean `defense.attack.joint_layers`?"
        );
        let error = refusal(file("[train]\nzzz = 1"));
        assert!(
            error.ends_with("the keys of [train] are batch, epochs, evaluate_limit, seed, stop"),
            "{error}"
        );
        let error = refusal(file("[optimizer]"));
        assert!(error.starts_with("my.toml:1: optimizer: no such key"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_placed() {
        for (text, place) in [
            ("[model]\n\nhidden = 3", "my.toml:3: model.hidden: "),
            ("model.activation = \"gelu\"", "my.toml:1: model.activation: "),
            ("[train]\nepochs = 1.5", "my.toml:2: train.epochs: "),
            ("[train]\nepochs = -3", "my.toml:2: train.epochs: "),
            ("[train]\nseed = [\n 1,\n \"x\"]", "my.toml:4: train.seed: "),
            ("[defense]\nlambda = \"much\"", "my.toml:2: defense.lambda: "),
            ("model.initialisation = { normal = \"x\" }", "my.toml:1: model.initialisation"),
            ("model = 3", "my.toml:1: model: expected a table"),
            ("[model]\nhidden = [3", "my.toml:2: expected TOML"),
            ("[data]\nheader = 1", "my.toml:2: data.header: "),
            ("[data]\nmembers = 0.5", "my.toml:2: data.members: expected a whole number from 0, found 0.5; "),
        ] {
            let error = refusal(file(text));
            assert!(error.starts_with(place), "{text}: {error}");
        }
        let error = refusal(Layer::list("--lambda", "defense.lambda", "1,x"));
        assert!(error.starts_with("--lambda 1,x: "), "{error}");
        let error = refusal(Layer::list("--lambda", "defense.lambda", "0,1,"));
        assert!(error.starts_with("--lambda 0,1,: "), "{error}");
        let error = refusal(Layer::list("--seed", "train.seed", "9223372036854775808"));
        assert!(error.starts_with("--seed 9223372036854775808: "), "{error}");
    }

    #[test]
    fn a_list_for_a_structural_key_is_refused_and_the_replica_keys_are_named() {
        for (text, key) in [
            ("train.batch = [64, 128]", "train.batch"),
            ("model.hidden = [[64], [128]]", "model.hidden"),
            ("model.activation = [\"tanh\", \"relu\"]", "model.activation"),
            ("data.members = [100]", "data.members"),
            ("audit.learning_rate = [1e-3, 1e-4]", "audit.learning_rate"),
            ("data.synthetic.classes = [2, 3]", "data.synthetic.classes"),
        ] {
            let error = refusal(file(text));
            assert!(error.starts_with(&format!("my.toml:1: {key}: ")), "{error}");
            assert!(error.contains("structural key"), "{error}");
            assert!(error.contains("defense.lambda, train.seed"), "{error}");
        }
        let error = refusal(Layer::set("train.epochs=[1,2]").unwrap());
        assert!(error.starts_with("--set train.epochs=[1,2]: ") && error.contains("structural"), "{error}");
    }

    #[test]
    fn the_written_form_has_every_key_and_reads_back() {
        let mut config = set("model.initialisation={normal=0.1}");
        config.data.header = Detect::Is(true);
        config.data.label_column = Detect::Is(Column::Name("age \"x\"".into()));
        config.defense.lambda = toml::from_str::<Config>("defense.lambda = [0, 0.1]").unwrap().defense.lambda;
        let text = config.to_toml().unwrap();
        assert_eq!(Config::resolve(&[Layer::text("run.toml", text.as_str())]).unwrap(), config);
        let written: Table = toml::from_str(&text).unwrap();
        let (mut all, mut got) = (Vec::new(), Vec::new());
        collect(&known_keys().unwrap(), "", &mut all);
        collect(&written, "", &mut got);
        all.retain(|key| !got.contains(key));
        assert!(all.is_empty(), "not written: {all:?}");
    }
}
