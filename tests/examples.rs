//! The examples run, and do what they say.

#[path = "../examples/own_network.rs"]
mod own_network;

#[test]
fn a_network_of_ones_own_learns_and_plays_the_game() {
    own_network::main().unwrap();
    let last = own_network::play().unwrap();
    assert!(last.train_accuracy > 0.9 && last.test_accuracy.unwrap() > 0.7, "{last:?}");
    assert!(last.gain.is_some_and(|gain| gain.is_finite()), "h was trained: {last:?}");
}
