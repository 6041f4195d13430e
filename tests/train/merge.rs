//! A run whose operations are merged leaves the bytes of one whose are not.

use super::*;

fn same_merged_and_apart(options: &Options) {
    let context = Context::new(options).expect("a GPU adapter");
    let spec = Synthetic { records: 150, features: 40, classes: 5, ..Synthetic::default() };
    let data = synthetic(&spec).unwrap();
    let models = [false, true].map(|merge| {
        let temporary = tempfile::tempdir().unwrap();
        let config = config(&[&format!("engine.merge={merge}"), "train.seed=[3,4,5]", "train.epochs=2"]);
        let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
        let stop = AtomicBool::new(false);
        let job = Job {
            config: &config,
            dataset: &data,
            context: &context,
            directory: &directory,
            resume: false,
            stop: &stop,
            part: None,
        };
        veilgrad::train::run(&job, &mut StopAfter(usize::MAX, &stop, vec![])).unwrap();
        [0, 1, 2].map(|r| std::fs::read(directory.model(r)).unwrap())
    });
    assert!(models[0] == models[1], "engine.merge = false and true give different models");
}

#[test]
fn merged_operations_leave_the_same_models() {
    same_merged_and_apart(&Options::default());
}

#[test]
fn merged_operations_leave_the_same_models_with_the_kernels_of_hardware() {
    same_merged_and_apart(&Options { asked: Asked::WebGpu, ..Options::default() });
}
