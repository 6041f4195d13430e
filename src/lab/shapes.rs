//! What is timed: operations at the shapes of the real networks, or at a shape that was asked for. Not how it is
//! timed: that is [`super::kernels`].

use crate::error::{Error, Result, nearest};
use crate::gpu::Context;
use crate::graph::{Target, Tensor};
use crate::ops::{
    Activation, Adam, Conv2d, Conv2dDw, Conv2dDx, CrossEntropyGrad, Dense, DenseDw, DenseDx, Format,
    GatherRows, Geometry, LabelLayer, LabelLayerDw, Op, Softmax, SoftmaxGrad,
};
use std::sync::Arc;

/// An operation at one shape.
pub(super) struct Bench {
    pub op: Arc<dyn Op>,
    pub inputs: Vec<Tensor>,
    /// Whether the first input is a state that the operation overwrites.
    pub update: bool,
}

/// What to time of all there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Operations by name; none: all.
    pub ops: Vec<String>,
    /// B×K×N of dense operations, or B×pixels×Cin×Cout×kernel×stride×padding of convolutions, instead of the
    /// networks' layers.
    pub shape: Option<Vec<usize>>,
    /// The variant, instead of the one that a run takes; operations and shapes without it are left out.
    pub variant: Option<String>,
}

impl Bench {
    pub fn of(op: impl Op, inputs: Vec<Tensor>) -> Self {
        Bench { op: Arc::new(op), inputs, update: false }
    }

    /// What it writes.
    pub fn output(&self) -> Option<Tensor> {
        if self.update { self.inputs.first().copied() } else { self.op.shape(&self.inputs).ok() }
    }

    /// Whether its tensors fit the adapter's limits for so many models.
    pub fn fits(&self, context: &Context, replicas: usize) -> bool {
        let bytes = |t: &Tensor| 4 * (t.elements() * if t.shared { 1 } else { replicas }) as u64;
        let tensors = self.inputs.iter().copied().chain(self.output());
        tensors.into_iter().all(|t| bytes(&t) <= context.limits().tensor_bytes())
    }

    /// The variants that `target` can run, in order of preference.
    pub fn variants(&self, target: &Target) -> Vec<&'static str> {
        let Some(output) = self.output() else { return vec![] };
        self.op.launch(&self.inputs, &output).runnable(target).map(|variant| variant.name).collect()
    }
}

/// (K, N) of the networks' layers: Purchase100's classifier, the attack network.
const LAYERS: [(usize, usize); 8] =
    [(600, 1024), (1024, 512), (512, 256), (256, 128), (128, 100), (100, 1024), (512, 64), (64, 1)];

/// (pixels each way, Cin, Cout, kernel, stride, padding) of AlexNet's layers, then of DenseNet's (L = 100, k
/// = 12): the first one, a bottleneck and what follows it in each block, a transition.
const CONVOLUTIONS: [[usize; 6]; 13] = [
    [32, 3, 64, 11, 4, 5],
    [4, 64, 192, 5, 1, 2],
    [2, 192, 384, 3, 1, 1],
    [2, 384, 256, 3, 1, 1],
    [2, 256, 256, 3, 1, 1],
    [32, 3, 24, 3, 1, 1],
    [32, 120, 48, 1, 1, 0],
    [32, 48, 12, 3, 1, 1],
    [32, 216, 108, 1, 1, 0],
    [16, 204, 48, 1, 1, 0],
    [16, 48, 12, 3, 1, 1],
    [8, 240, 48, 1, 1, 0],
    [8, 48, 12, 3, 1, 1],
];

/// A convolution, forward and both gradients; none where the kernel does not fit the image.
fn convolution(batch: usize, [size, in_c, out_c, kernel, stride, padding]: [usize; 6]) -> Vec<Bench> {
    let f32 = Tensor::f32;
    let geometry = Geometry {
        in_h: size,
        in_w: size,
        in_c,
        out_c,
        kernel,
        stride,
        padding,
        y_channels: out_c,
        y_first: 0,
    };
    let Ok([height, width]) = geometry.out() else { return vec![] };
    let x = f32(batch, size * size * in_c);
    let (w, dz) = (f32(kernel * kernel * in_c, out_c), f32(batch, height * width * out_c));
    let forward = Conv2d { geometry, activation: Activation::Relu, bias: false };
    let mut all = vec![Bench::of(forward, vec![x, w])];
    // The images themselves have no gradient.
    if in_c > 3 {
        all.push(Bench::of(Conv2dDx { geometry, bias: false }, vec![dz, w]));
    }
    all.push(Bench::of(Conv2dDw { geometry, bias: false }, vec![x, dz]));
    all
}

/// A dense layer, forward and both gradients.
fn layer(batch: usize, (k, n): (usize, usize)) -> Vec<Bench> {
    let f32 = Tensor::f32;
    let (x, w, z) = (f32(batch, k), f32(k + 1, n), f32(batch, n));
    let activation = Activation::Tanh;
    vec![
        Bench::of(Dense { activation }, vec![x, w]),
        Bench::of(DenseDx { activation }, vec![z, w, x]),
        Bench::of(DenseDw, vec![x, z]),
    ]
}

/// Every operation that a step spends time in, at the networks' shapes.
pub(super) fn benches(batch: usize) -> Vec<Bench> {
    let f32 = Tensor::f32;
    let mut all: Vec<Bench> = CONVOLUTIONS.iter().flat_map(|&sizes| convolution(batch, sizes)).collect();
    all.extend(LAYERS.iter().flat_map(|&sizes| layer(batch, sizes)));
    let (logits, labels) = (f32(batch, 100), Tensor::u32(batch, 1));
    let relu = LabelLayer { activation: Activation::Relu };
    all.push(Bench::of(Softmax, vec![logits]));
    all.push(Bench::of(SoftmaxGrad, vec![logits, logits]));
    all.push(Bench::of(CrossEntropyGrad, vec![logits, labels, f32(1, 1)]));
    all.push(Bench::of(relu, vec![labels, f32(101, 512)]));
    all.push(Bench::of(LabelLayerDw { classes: 100 }, vec![labels, f32(batch, 512)]));
    let bits = Tensor::u32(20_000, Format::Bits.words(600)).shared();
    all.push(Bench::of(GatherRows { format: Format::Bits, width: 600, most: None }, vec![bits, labels]));
    let parameters = 1_321_140;
    let adam = vec![f32(3, parameters), f32(1, parameters), f32(1, 4)];
    all.push(Bench { update: true, ..Bench::of(Adam::at(0), adam) });
    all
}

/// The operations there are, each with the variants that `target` can run at one of the networks' shapes.
pub fn operations(target: &Target) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut all: Vec<(&'static str, Vec<&'static str>)> = vec![];
    for bench in benches(128) {
        let name = bench.op.name();
        if !all.iter().any(|(other, _)| *other == name) {
            all.push((name, vec![]));
        }
        for (_, variants) in all.iter_mut().filter(|(other, _)| *other == name) {
            let new: Vec<_> = bench.variants(target).into_iter().filter(|v| !variants.contains(v)).collect();
            variants.extend(new);
        }
    }
    all
}

/// What `selection` names, for batches of so many records (a shape that is asked for has its own).
///
/// # Errors
/// An operation or a variant that there is not, a shape of another form: names those there are.
pub(super) fn select(target: &Target, selection: &Selection, batch: usize) -> Result<Vec<Bench>> {
    let known = operations(target);
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if let Some(unknown) = selection.ops.iter().find(|name| !known.iter().any(|(other, _)| other == name)) {
        let near = nearest(unknown, known.iter().map(|(name, _)| *name));
        return Err(Error::usage("--op")
            .expected(format!("among {}", names()))
            .found(unknown.clone())
            .advice(near.map_or(String::new(), |name| format!("did you mean `{name}`?"))));
    }
    let mut all = match selection.shape.as_deref() {
        None => benches(batch),
        Some(&[b, k, n]) if b * k * n > 0 => layer(b, (k, n)),
        Some(&[b, size, in_c, out_c, kernel, stride, padding]) if b * in_c * out_c * kernel * stride > 0 => {
            convolution(b, [size, in_c, out_c, kernel, stride, padding])
        }
        Some(_) => vec![],
    };
    if let (Some(shape), true) = (&selection.shape, all.is_empty()) {
        let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
        return Err(Error::usage("--shape")
            .expected(
                "BxKxN of a dense layer, or BxPIXELSxCINxCOUTxKERNELxSTRIDExPADDING of a convolution, none 0",
            )
            .found(shape.join("x")));
    }
    all.retain(|bench| selection.ops.is_empty() || selection.ops.iter().any(|name| name == bench.op.name()));
    if all.is_empty() {
        return Err(Error::usage("--shape")
            .expected("a shape of an operation that --op names: three numbers for dense ones, seven for convolutions")
            .found(format!("one that none of {} has", selection.ops.join(", "))));
    }
    if let Some(wanted) = &selection.variant {
        let mut there: Vec<_> = all.iter().flat_map(|bench| bench.variants(target)).collect();
        all.retain(|bench| bench.variants(target).contains(&wanted.as_str()));
        if all.is_empty() {
            there.sort_unstable();
            there.dedup();
            let near = nearest(wanted, there.iter().copied());
            return Err(Error::usage("--variant")
                .expected(format!("one that this adapter can run there: {}", there.join(", ")))
                .found(wanted.clone())
                .advice(near.map_or(String::new(), |name| format!("did you mean `{name}`?"))));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Class;

    const TARGET: Target = Target { class: Class::Discrete, subgroup: Some(32), int64: false };

    fn select(ops: &[&str], shape: &[usize], variant: Option<&str>) -> Result<Vec<String>> {
        let selection = Selection {
            ops: ops.iter().map(|name| (*name).to_owned()).collect(),
            shape: (!shape.is_empty()).then(|| shape.to_vec()),
            variant: variant.map(str::to_owned),
        };
        let found = super::select(&TARGET, &selection, 128)?;
        Ok(found
            .iter()
            .map(|b| format!("{} {:?}", b.op.name(), b.output().map(|y| [y.rows, y.cols])))
            .collect())
    }

    #[test]
    fn a_shape_is_that_of_a_layer_or_of_a_convolution() {
        assert_eq!(select(&["dense"], &[4096, 1000, 300], None).unwrap(), ["dense Some([4096, 300])"]);
        assert_eq!(select(&[], &[2, 3, 5], None).unwrap().len(), 3);
        assert_eq!(select(&["conv2d"], &[2, 8, 4, 12, 3, 1, 1], None).unwrap(), ["conv2d Some([2, 768])"]);
        for bad in [&[1, 2][..], &[0, 2, 3], &[2, 8, 4, 12, 3, 0, 1], &[1, 2, 4, 4, 7, 1, 0]] {
            let error = select(&[], bad, None).unwrap_err().to_string();
            assert!(error.contains("--shape") && error.contains("BxKxN"), "{error}");
        }
        let error = select(&["conv2d"], &[2, 3, 5], None).unwrap_err().to_string();
        assert!(error.contains("seven for convolutions"), "{error}");
    }

    #[test]
    fn what_there_is_not_is_an_error_that_names_what_there_is() {
        let error = select(&["dense", "softmaxx"], &[], None).unwrap_err().to_string();
        assert!(error.contains("softmaxx") && error.contains("dense_dw, "), "{error}");
        // The outer product needs subgroups of 8.
        let error = select(&["dense"], &[], Some("outer")).unwrap_err().to_string();
        assert!(
            error.contains("register, small, split, tall, wide, workgroup") && error.contains("outer"),
            "{error}"
        );
        let with = select(&[], &[], Some("workgroup")).unwrap();
        let found = |op: &str| with.iter().any(|name| name.starts_with(op));
        assert!(found("dense_dx") && found("adam") && !found("softmax"), "{with:?}");
    }
}
