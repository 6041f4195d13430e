//! The examples run, and do what they say.

#[path = "../examples/audit_in_memory.rs"]
mod audit_in_memory;

#[allow(dead_code, reason = "the measurement is run by hand, on a quiet machine")]
#[path = "../examples/kernel_ladder.rs"]
mod kernel_ladder;

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

/// The page's table has the numbers of the game: step, then gain, loss and mean log h of λ = 0, and of λ = 3.
#[test]
fn the_worked_step_of_the_page_is_what_is_played() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md");
    let page = std::fs::read_to_string(page).unwrap().replace('−', "-");
    let row = |line: &str| -> Option<Vec<f32>> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().parse().ok()).collect()
    };
    let rows: Vec<Vec<f32>> = page.lines().filter_map(row).filter(|row| row.len() == 7).collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    let games = [0.0, 3.0].map(|lambda| min_max_by_hand::play(lambda).unwrap());
    for row in rows {
        let played = games.iter().flat_map(|steps| {
            let step = steps[row[0] as usize - 1];
            [step.gain, step.loss, step.seen]
        });
        // Three digits are shown; another adapter adds up in another order.
        for (shown, played) in row[1..].iter().zip(played) {
            assert!((shown - played).abs() < 2e-3, "step {}: {shown} is {played}", row[0]);
        }
    }
}

#[test]
fn an_audit_in_memory_finds_a_leak_that_is_there_and_none_where_there_is_none() {
    audit_in_memory::main().unwrap();
    let [none, leak] = [0.0, 1.0].map(|shift| audit_in_memory::audit(shift).unwrap());
    let auc =
        |model: &veilgrad::audit::results::summary::ReplicaSummary| model.attacks["confidence"].ci95.auc;
    assert!(auc(&none)[0] < 0.5 && auc(&none)[1] > 0.5, "{:?}", auc(&none));
    assert!(auc(&leak)[0] > 0.6, "{:?}", auc(&leak));
}

#[test]
fn the_lowest_rung_of_the_ladder_computes_what_the_others_do() {
    assert!(kernel_ladder::conforms().unwrap());
}
