//! A replica's bytes do not depend on whom it is trained beside, nor on how replicas are grouped.

use super::*;

#[test]
fn a_replica_in_company_is_the_model_trained_alone() {
    let many = train(&["train.seed=[3,4]", "defense.lambda=[0.5,2.0]"]);
    assert_eq!(many.metrics.len(), 4 * 4);
    for (number, (lambda, seed)) in [(0.5, 3), (0.5, 4), (2.0, 3), (2.0, 4)].into_iter().enumerate() {
        let alone = train(&[&format!("train.seed={seed}"), &format!("defense.lambda={lambda:?}")]);
        assert_eq!(replica(&many, number), replica(&alone, 0), "λ {lambda}, seed {seed}");
    }
    assert_ne!(replica(&many, 0), replica(&many, 1));
    assert_ne!(replica(&many, 0), replica(&many, 2));
}

/// As many attack steps as its own h needs: what its siblings need changes nothing.
#[test]
fn a_replica_that_finds_its_attack_steps_is_the_model_trained_alone() {
    // The first rate teaches h nothing, the second much.
    let auto = [
        "defense.attack_steps=auto",
        "defense.attack_steps_most=4",
        "train.epochs=12",
        "model.learning_rate=0.01",
    ];
    let with = |more: &[&str]| train(&[&auto[..], more].concat());
    let many = with(&["defense.attack.learning_rate=[1e-9,0.01]", "defense.lambda=[0.5,2.0]"]);
    for (number, (rate, lambda)) in
        [("1e-9", 0.5), ("1e-9", 2.0), ("0.01", 0.5), ("0.01", 2.0)].into_iter().enumerate()
    {
        let rate = format!("defense.attack.learning_rate={rate}");
        let alone = with(&[&rate, &format!("defense.lambda={lambda:?}")]);
        assert_eq!(replica(&many, number), replica(&alone, 0), "{rate}, λ {lambda}");
    }
    let steps = |number: usize| -> Vec<usize> {
        let of = many.metrics.iter().filter(|m| m.replica == number);
        of.map(|m| m.attack_steps.unwrap()).collect()
    };
    assert!((0..4).all(|r| steps(r)[0] == 1), "all begin with one");
    let all = [0, 1, 2, 3].map(steps);
    assert!(all.iter().flatten().all(|steps| (1..=4).contains(steps)), "{all:?}");
    // Only where one takes more steps than another do the others' updates have to be switched off.
    assert!(all[0].iter().any(|steps| *steps > 1), "{all:?}");
    assert_ne!(all[0], all[2], "replicas of one pace prove nothing");
    assert!(many.metrics.iter().all(|m| m.adversary.is_some()));
}

/// The classes weigh what each replica's own members make them.
#[test]
fn a_replica_with_class_weights_is_the_model_trained_alone() {
    let balanced = ["model.class_weights=balanced", "data.validation=20", "train.stop=validation"];
    let with = |more: &str| train(&[&balanced[..], &[more]].concat());
    let many = with("train.seed=[3,4]");
    for (number, seed) in [3, 4].into_iter().enumerate() {
        let alone = with(&format!("train.seed={seed}"));
        assert_eq!(replica(&many, number), replica(&alone, 0), "seed {seed}");
    }
    let plain = train(&["train.seed=[3,4]", "data.validation=20", "train.stop=validation"]);
    assert_ne!(replica(&many, 0), replica(&plain, 0));
}

/// Where there are several sizes of D′, a smaller one is the beginning of the largest.
#[test]
fn a_replica_with_a_smaller_reference_set_is_the_model_trained_alone() {
    let many = train(&["data.reference=[20,50]"]);
    for (number, size) in [20, 50].into_iter().enumerate() {
        let alone = train(&[&format!("data.reference={size}")]);
        assert_eq!(replica(&many, number), replica(&alone, 0), "|D′| {size}");
    }
    assert_ne!(replica(&many, 0), replica(&many, 1));
    let measured = |m: &veilgrad::run::event::EpochMetrics| m.test_accuracy.is_some_and(f64::is_finite);
    assert!(many.metrics.iter().all(measured));
}

#[test]
fn results_do_not_depend_on_how_replicas_are_grouped() {
    let changes = ["train.seed=[0,1]", "defense.lambda=[0.5,2.0]"];
    let together = train(&changes);
    // 256 records of 40 features, 41 kB a replica, are the largest tensor: two fit.
    let options = Options { tensor_bytes: Some(90_000), ..Options::default() };
    let (context, config, dataset) = (Context::new(&options).unwrap(), config(&changes), data());
    let temporary = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(&temporary.path().join("run"), false).unwrap();
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter(0, &stop, vec![]);
    let job = Job {
        config: &config,
        dataset: &dataset,
        context: &context,
        directory: &directory,
        resume: false,
        stop: &stop,
        part: None,
    };
    let outcome = veilgrad::train::run(&job, &mut observer).unwrap();
    assert!(observer.2.iter().any(|e| matches!(e, Event::Started { groups: 2, .. })), "said so");
    assert_eq!(files(directory.path(), outcome).model, together.model);
}
