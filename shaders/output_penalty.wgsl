// Label smoothing and the confidence penalty of a batch of logits, as additions to the cross-entropy:
// y = 1/B sum_b (a (log p_label - 1/C sum_c log p_c) + w sum_c p_c log p_c).
// One workgroup a replica: invocation t sums rows t, t + 64, … and invocation 0 adds the 64 parts in order.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    labels_offset: u32,
    labels_stride: u32,
    weights_offset: u32,
    weights_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>; // a, w
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    let k = dims.weights_offset + r * dims.weights_stride;
    let smoothing = weights[k];
    let confidence = weights[k + 1u];
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64u) {
        let base = dims.x_offset + r * dims.x_stride + 4u * b * dims.quads;
        var top = -3.4e38;
        for (var c = 0u; c < dims.cols; c += 1u) {
            top = max(top, x[base + c]);
        }
        var total = 0.0;
        var shifted = 0.0; // sum of z - top
        var weighted = 0.0; // sum of e^(z - top) (z - top)
        for (var c = 0u; c < dims.cols; c += 1u) {
            let z = x[base + c] - top;
            total += exp(z);
            shifted += z;
            weighted += exp(z) * z;
        }
        let label = labels[dims.labels_offset + r * dims.labels_stride + b];
        let own = x[base + label] - top;
        sum += smoothing * (own - shifted / f32(dims.cols)) + confidence * (weighted / total - log(total));
    }
    partial[local] = sum;
    workgroupBarrier();
    if local == 0u {
        var total = 0.0;
        for (var t = 0u; t < 64u; t += 1u) {
            total += partial[t];
        }
        y[(dims.y_offset + r * dims.y_stride) / 4u] = vec4<f32>(total / f32(dims.rows), 0.0, 0.0, 0.0);
    }
}
