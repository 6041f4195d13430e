//! A first layer that walks lists of ones leaves the bytes of the dense one.

use super::*;

/// What a run leaves with its first layer on lists of ones, and with whole records, must be the same bytes.
fn same_with_and_without_lists(options: &Options) {
    let context = Context::new(options).expect("a GPU adapter");
    let spec = Synthetic {
        records: 150,
        features: 70,
        classes: 5,
        density: 0.08,
        noise: 0.02,
        ..Synthetic::default()
    };
    let data = synthetic(&spec).unwrap();
    let models = ["on", "off"].map(|sparse| {
        let (models, told) = three_models(&context, &data, &format!("engine.sparse={sparse}"));
        let lists = |event: &Event| matches!(event, Event::Detail(text) if text.contains("adds the rows"));
        assert_eq!(told.iter().any(lists), sparse == "on", "{told:?}");
        models
    });
    assert!(models[0] == models[1], "engine.sparse = on and off give different models");
}

#[test]
fn a_first_layer_on_lists_of_ones_leaves_the_same_bytes() {
    same_with_and_without_lists(&Options::default());
}

#[test]
fn a_first_layer_on_lists_of_ones_leaves_the_same_bytes_with_the_kernels_of_hardware() {
    same_with_and_without_lists(&Options { asked: Asked::WebGpu, ..Options::default() });
}
