//! The examples run, and do what they say.

#[path = "../examples/own_network.rs"]
mod own_network;

#[path = "../examples/own_operation.rs"]
mod own_operation;

#[path = "../examples/min_max_by_hand.rs"]
mod min_max_by_hand;

#[test]
fn a_network_of_ones_own_learns_and_plays_the_game() {
    own_network::main().unwrap();
    let last = own_network::play().unwrap();
    assert!(last.train_accuracy > 0.9 && last.test_accuracy.unwrap() > 0.7, "{last:?}");
    assert!(last.gain.is_some_and(|gain| gain.is_finite()), "h was trained: {last:?}");
}

#[test]
fn an_operation_of_ones_own_passes_the_test_of_ours() {
    own_operation::main().unwrap();
    assert!(own_operation::conforms().unwrap());
}

#[test]
fn ten_steps_by_hand_teach_the_classifier_and_lambda_holds_its_attacker_down() {
    min_max_by_hand::main().unwrap();
    let [plain, defended] = [0.0, 3.0].map(|lambda| min_max_by_hand::play(lambda).unwrap());
    let last = plain.len() - 1;
    assert!(plain[last].loss < 0.8 * plain[0].loss, "f learns: {plain:?}");
    assert_eq!(plain[0].loss.to_bits(), defended[0].loss.to_bits(), "both begin alike");
    assert!(defended[last].gain < plain[last].gain - 0.01, "{plain:?} {defended:?}");
}
