//! The audit of a run as a whole, on tiny data: every attack at work, shadow models kept, a model that gives
//! nothing away found to give nothing away.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use veilgrad::audit::attacks::ALL;
use veilgrad::audit::persons::Persons;
use veilgrad::audit::results::gate::{Gate, Outcome};
use veilgrad::audit::results::score_file;
use veilgrad::audit::results::subgroups::Subgroups;
use veilgrad::audit::results::summary::Summary;
use veilgrad::dataset::{Dataset, Synthetic, synthetic};
use veilgrad::gpu::{Context, Options};
use veilgrad::random::{Stream, shuffle, stream};
use veilgrad::release::predict::TrainedClassifier;
use veilgrad::run::RunDirectory;
use veilgrad::run::config::{Config, Layer};
use veilgrad::run::event::Event;
use veilgrad::run::model_file::ModelFile;
use veilgrad::run::predictions::{MEMBER, REFERENCE};

const SMALL: &str = r#"
[data]
members = 200
reference = 100
[model]
hidden = [32]
[train]
epochs = 12
batch = 20
[audit]
epochs = 20
shadows = 4
label_only = true
"#;

fn config(changes: &[&str]) -> Config {
    let mut layers = vec![Layer::text("small", SMALL)];
    layers.extend(changes.iter().map(|change| Layer::set(change).unwrap()));
    Config::resolve(&layers).unwrap()
}

/// Hard to learn but by heart.
fn data() -> Dataset {
    let spec = Synthetic { records: 700, features: 60, classes: 5, noise: 0.45, ..Synthetic::default() };
    synthetic(&spec).unwrap()
}

struct Scene {
    config: Config,
    dataset: Dataset,
    context: Context,
    directory: RunDirectory,
}

impl Scene {
    fn trained(changes: &[&str], path: &Path) -> Scene {
        let (config, dataset) = (config(changes), data());
        let context = Context::new(&Options::default()).expect("a GPU adapter");
        let directory = RunDirectory::create(path, false).unwrap();
        let stop = AtomicBool::new(false);
        let job = veilgrad::train::Job {
            config: &config,
            dataset: &dataset,
            context: &context,
            directory: &directory,
            resume: false,
            stop: &stop,
            part: None,
        };
        veilgrad::train::run(&job, &mut ()).unwrap();
        Scene { config, dataset, context, directory }
    }

    /// The audit's result and the notes that it made on its way.
    fn audited(&self, subgroups: Option<&Subgroups>) -> (Summary, Vec<String>) {
        self.audited_by_person(subgroups, None)
    }

    fn audited_by_person(
        &self,
        subgroups: Option<&Subgroups>,
        persons: Option<&Persons>,
    ) -> (Summary, Vec<String>) {
        let stop = AtomicBool::new(false);
        let job = veilgrad::audit::AuditJob {
            config: &self.config,
            directory: &self.directory,
            context: &self.context,
            dataset: Some(&self.dataset),
            accept_changed_data: false,
            mixed: false,
            subgroups,
            persons,
            stop: &stop,
        };
        let mut notes = Notes::default();
        (veilgrad::audit::run(&job, &mut notes).unwrap(), notes.0)
    }
}

#[derive(Default)]
struct Notes(Vec<String>);

impl veilgrad::run::event::Observer for Notes {
    fn event(&mut self, event: &Event) {
        if let Event::Note(text) = event {
            self.0.push(text.clone());
        }
    }
}

/// All attacks' names, as files have them in order.
fn all() -> Vec<&'static str> {
    let mut names: Vec<&str> = ALL.iter().map(|attack| attack.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn every_attack_finds_an_overfitted_model_and_shadow_models_are_trained_once() {
    let temporary = tempfile::tempdir().unwrap();
    let scene = Scene::trained(&["train.seed=[0,1]"], &temporary.path().join("run"));
    let names: Vec<String> = (0..700).map(|row| ["even", "odd"][row % 2].to_owned()).collect();
    let subgroups = Subgroups::new(&names, "here").unwrap();
    let (summary, notes) = scene.audited(Some(&subgroups));
    assert!(notes.iter().filter(|n| n.starts_with("4 shadow models, ")).count() == 2, "{notes:?}");
    for replica in &summary.replicas {
        assert_eq!(replica.attacks.keys().collect::<Vec<_>>(), all());
        for name in ["gap", "confidence", "lira_online", "lira_offline", "rmia_online", "shadow_model"] {
            let found = &replica.attacks[name];
            assert!(found.ci95.auc[0] > 0.5 && found.auc > 0.6, "{name}: {found:?}");
        }
        // Half of the pool's 400 records are scored.
        assert_eq!(
            (replica.attacks["lira_online"].members, replica.attacks["lira_online"].nonmembers),
            (100, 100)
        );
        assert!(!replica.notes.iter().any(|note| note.contains("blind")), "{:?}", replica.notes);
    }
    let details = scene.directory.read_details().unwrap();
    let first = &details.replicas[0];
    assert_eq!(first.curves.keys().collect::<Vec<_>>(), all());
    assert_eq!((first.classes.len(), first.subgroups.len()), (5, 2));
    assert_eq!(first.subgroups.iter().map(|g| g.members + g.nonmembers).sum::<usize>(), 600);
    assert_eq!(first.confidence.members.iter().sum::<u64>(), 200);
    let records = &score_file::load(&scene.directory.file("scores.npz")).unwrap()[0];
    let judged: Vec<&str> = records.on_members.attacks.iter().map(|attack| attack.name.as_str()).collect();
    assert_eq!(judged, ALL.iter().map(|attack| attack.name).collect::<Vec<_>>());
    let members = scene.directory.read_replica(0).unwrap().rows_of(MEMBER);
    assert_eq!(records.on_members.rows[..200], members);
    for i in records.on_members.most_exposed(20) {
        let risk = records.on_members.risks[i].unwrap();
        assert!(risk.low <= risk.value && risk.value <= risk.high && risk.value > 0.5, "{risk:?}");
        assert!(records.on_members.agreement(i).members > 0);
    }
    let of_reference = records.on_reference.as_ref().unwrap();
    assert_eq!((of_reference.members, of_reference.rows.len()), (100, 500));

    let (again, notes) = scene.audited(Some(&subgroups));
    assert!(!notes.iter().any(|n| n.starts_with("4 shadow models, ")), "{notes:?}");
    assert_eq!((again.replicas, scene.directory.read_details().unwrap()), (summary.replicas, details));
}

/// Members and test records have changed places at random: no attack may find a difference, whichever way it
/// learns. A 95% interval misses ½ once in twenty audits; of six, three misses of one attack would be a fault
/// (a chance of 0.2% each), and so would one in eight of all.
#[test]
fn a_model_that_tells_nothing_is_found_to_tell_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let scene = Scene::trained(&["train.seed=[0,1,2,3,4,5]"], &temporary.path().join("run"));
    let mut predictions = scene.directory.read_predictions().unwrap();
    for (r, predictions) in predictions.iter_mut().enumerate() {
        let known: Vec<usize> = (0..600).filter(|&i| predictions.membership[i] != REFERENCE).collect();
        let mut codes: Vec<u32> = known.iter().map(|&i| predictions.membership[i].into()).collect();
        shuffle(&mut codes, &mut stream(r as u64, Stream::Synthetic));
        known.iter().zip(codes).for_each(|(&i, code)| predictions.membership[i] = code as u8);
    }
    scene.directory.write_predictions(predictions.iter().cloned().map(Ok)).unwrap();
    let (summary, _) = scene.audited(None);
    let mut misses: BTreeMap<(String, usize), usize> = BTreeMap::new();
    for replica in &summary.replicas {
        for (name, result) in &replica.attacks {
            for (metric, [low, high]) in [result.ci95.accuracy, result.ci95.auc].into_iter().enumerate() {
                *misses.entry((name.clone(), metric)).or_default() += usize::from(low > 0.5 || high < 0.5);
            }
        }
    }
    assert_eq!(misses.len(), 2 * ALL.len());
    assert!(misses.values().all(|count| *count < 3), "{misses:?}");
    assert!(misses.values().sum::<usize>() * 8 < 6 * misses.len(), "{misses:?}");
}

/// At this rate the first steps drive every rectifier out of its range: the network says the same of every record,
/// whatever is planted, while thresholds find the leak.
#[test]
fn an_attack_network_that_collapses_is_no_evidence() {
    let temporary = tempfile::tempdir().unwrap();
    let scene = Scene::trained(&["audit.learning_rate=1000"], &temporary.path().join("run"));
    let (summary, _) = scene.audited(None);
    let replica = &summary.replicas[0];
    assert!(!replica.attack_trained, "{replica:?}");
    assert_eq!(replica.attacks["neural"].trained, Some(false), "{:?}", replica.attacks["neural"]);
    assert_eq!(replica.attacks["shadow_model"].trained, Some(false), "{:?}", replica.attacks["shadow_model"]);
    assert!(replica.attacks["confidence"].ci95.auc[0] > 0.5);
    assert!(replica.notes.iter().any(|note| note.contains("the neural attack did not train")));
    let gate = Gate::new(&["neural.accuracy > 0.99".to_owned()], None).unwrap();
    let verdicts = gate.judge(&summary, &scene.directory.read_details().unwrap()).unwrap();
    assert_eq!(verdicts[0].outcome, Outcome::Inconclusive, "{verdicts:?}");
}

#[test]
fn a_split_that_is_not_fair_is_said_to_be_so() {
    let temporary = tempfile::tempdir().unwrap();
    let (split, data) = (temporary.path().join("split.npz"), data());
    // Members have the most ones.
    let mut rows: Vec<u32> = (0..700).collect();
    rows.sort_by_key(|row| data.row(*row as usize).iter().filter(|x| **x == 1.0).count());
    let [test, members] = [rows[..200].to_vec(), rows[500..].to_vec()];
    let split_of = veilgrad::dataset::Split {
        members,
        reference: rows[200..300].to_vec(),
        test,
        ..veilgrad::dataset::Split::default()
    };
    veilgrad::dataset::save_splits(&split, &[split_of]).unwrap();
    let path = format!("data.split=\"{}\"", split.display());
    let scene = Scene::trained(&[&path, "audit.shadows=0", "train.epochs=1"], &temporary.path().join("run"));
    let (summary, _) = scene.audited(None);
    let blind = summary.replicas[0].blind.as_ref().unwrap();
    assert!(blind.auc > 0.9, "{blind:?}");
    assert!(summary.replicas[0].notes.iter().any(|note| note.contains("blind attack")));
}

#[test]
fn a_classifier_read_from_its_file_gives_the_outputs_it_gave() {
    let temporary = tempfile::tempdir().unwrap();
    let changes = ["train.seed=[0,1]", "train.epochs=3"];
    let scene = Scene::trained(&changes, &temporary.path().join("run"));
    let file = |number| ModelFile::read(&scene.directory.model(number));
    for replica in 0..2 {
        let file = file(replica).unwrap();
        let classifier = TrainedClassifier::load(&scene.context, &file, &scene.dataset).unwrap();
        let logits = classifier.logits(&scene.dataset, &AtomicBool::new(false)).unwrap();
        let saved = scene.directory.read_replica(replica).unwrap();
        for (place, &row) in saved.rows.iter().enumerate() {
            assert_eq!(saved.logits[place * 5..][..5], logits[row as usize * 5..][..5]);
        }
    }
    assert!(file(2).unwrap_err().to_string().contains("replica-2.safetensors"));
}
