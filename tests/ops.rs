//! Every operation of `ops::ALL`: kernels against the f64 reference, in checked and unchecked mode,
//! and derivatives against central differences.

use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::{Array, Class, Values};
use veilgrad::lab::check;
use veilgrad::ops;

fn kernels_agree(options: &Options) {
    let context = Context::new(options).expect("a GPU adapter");
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |d| u64::from(d.subsec_nanos()));
    let mut lines = vec![];
    let passed = check::run(&context, seed, &mut |line| lines.push(line.clone())).expect("kernels run");
    let failed: Vec<_> = lines.iter().filter(|l| !l.passed).collect();
    assert!(passed && failed.is_empty(), "{failed:#?}");
    assert!(lines.iter().map(|l| l.cases).sum::<usize>() > 100);
}

#[test]
fn unchecked_kernels_agree_with_the_reference() {
    kernels_agree(&Options { checked: Some(false), ..Options::default() });
}

#[test]
fn checked_kernels_agree_with_the_reference() {
    kernels_agree(&Options { checked: Some(true), ..Options::default() });
}

/// What runs on a small GPU, whatever the adapter is: no subgroups, no 64-bit integers, 8 storage buffers,
/// bindings of 128 MiB.
#[test]
fn the_kernels_of_hardware_agree_with_the_reference_at_webgpus_default_limits() {
    let options = Options { asked: Asked::WebGpu, ..Options::default() };
    let context = Context::new(&options).expect("a GPU adapter");
    let target = context.target();
    assert_ne!(target.class, Class::Software);
    assert_eq!((target.subgroup, target.int64), (None, false));
    assert!(context.limits().binding_bytes <= 128 << 20 && context.adapter().workgroup_bytes <= 16 << 10);
    kernels_agree(&options);
}

/// ⟨y(inputs), dy⟩ and its derivative along a small change of one input.
#[test]
fn derivatives_agree_with_central_differences() {
    let mut tested = 0;
    for (name, cases) in ops::ALL {
        for case in cases().into_iter().filter(|c| !c.differentiable.is_empty()) {
            let graph = case.graph().unwrap();
            let values = check::random_values(&case, &graph, 1, 7).swap_remove(0);
            let dy = values[&graph.dy.unwrap()].clone();
            let loss = |values: &Values| -> f64 {
                let y = &graph.graph.evaluate(values, &[graph.y]).unwrap()[&graph.y];
                y.data.iter().zip(&dy.data).map(|(a, b)| a * b).sum()
            };
            let outputs: Vec<_> = graph.gradients.iter().map(|g| g.1).collect();
            let gradients = graph.graph.evaluate(&values, &outputs).unwrap();
            for &(input, gradient) in &graph.gradients {
                let id = graph.inputs[input];
                let gradient: &Array = &gradients[&gradient];
                let count = gradient.data.len();
                // Elements spread over the tensor, the last one included.
                for i in (0..count).step_by(count.div_ceil(5)).chain([count - 1]) {
                    let h = 1e-5;
                    let at = |delta: f64| {
                        let mut moved = values.clone();
                        moved.get_mut(&id).unwrap().data[i] += delta;
                        loss(&moved)
                    };
                    let numeric = (at(h) - at(-h)) / (2.0 * h);
                    let analytic = gradient.data[i];
                    let bound = 1e-6 * (1.0 + numeric.abs().max(analytic.abs()));
                    assert!(
                        (numeric - analytic).abs() <= bound,
                        "{name}: {} input {input} element {i}: {numeric} by differences, {analytic} by the \
                         vjp",
                        case
                    );
                    tested += 1;
                }
            }
        }
    }
    assert!(tested > 200, "{tested}");
}
