//! Every operation of `ops::ALL`: kernels against the f64 reference, in checked and unchecked mode,
//! and derivatives against central differences.

use veilgrad::gpu::{Asked, Context, Options};
use veilgrad::graph::Class;
use veilgrad::lab::{check, derivatives};
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

#[test]
fn derivatives_agree_with_central_differences() {
    let mut tested = 0;
    for (name, cases) in ops::ALL {
        let line = derivatives::check(name, &cases(), 7).unwrap();
        assert!(line.passed, "{name}: {}", line.detail);
        tested += line.cases;
    }
    assert!(tested > 200, "{tested}");
}
