//! A run whose operations are merged leaves the bytes of one whose are not.

use super::*;

fn same_merged_and_apart(options: &Options) {
    let context = Context::new(options).expect("a GPU adapter");
    let spec = Synthetic { records: 150, features: 40, classes: 5, ..Synthetic::default() };
    let data = synthetic(&spec).unwrap();
    let models = [false, true].map(|merge| three_models(&context, &data, &format!("engine.merge={merge}")).0);
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
