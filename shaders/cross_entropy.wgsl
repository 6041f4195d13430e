// Mean softmax cross-entropy of a batch of logits: y = 1/B sum_b (lse(x_b) - x_b[label_b]).
// One workgroup a replica: invocation t sums rows t, t + 64, … and invocation 0 adds the 64 parts in
// order, so the sum's order is fixed.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    labels_offset: u32,
    labels_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> partial: array<f32, 64>;

fn inside(q: u32) -> vec4<bool> {
    return vec4<u32>(4u * q) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(dims.cols);
}

// The largest element of a row, its padding left out.
fn row_max(base: u32) -> f32 {
    var top = vec4<f32>(-3.4e38);
    for (var q = 0u; q < dims.quads; q += 1u) {
        top = max(top, select(vec4<f32>(-3.4e38), x[base + q], inside(q)));
    }
    return max(max(top.x, top.y), max(top.z, top.w));
}

fn log_sum_exp(base: u32) -> f32 {
    let top = row_max(base);
    var total = vec4<f32>(0.0);
    for (var q = 0u; q < dims.quads; q += 1u) {
        total += select(vec4<f32>(0.0), exp(x[base + q] - top), inside(q));
    }
    return top + log(total.x + total.y + total.z + total.w);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64u) {
        let base = (dims.x_offset + r * dims.x_stride) / 4u + b * dims.quads;
        let label = labels[dims.labels_offset + r * dims.labels_stride + b];
        sum += log_sum_exp(base) - x[base + label / 4u][label % 4u];
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
