// Label smoothing (a) and the confidence penalty (w) of a batch of logits, as additions to the cross-entropy.

struct Dims {
    x_offset: u32, x_stride: u32,
    labels_offset: u32, labels_stride: u32,
    weights_offset: u32, weights_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;            // [B, C]
@group(0) @binding(2) var<storage, read> labels: array<u32>;       // [B, 1]
@group(0) @binding(3) var<storage, read> weights: array<f32>;      // [1, 2]: a, w
@group(0) @binding(4) var<storage, read> dy: array<f32>;           // [1, 1]
@group(0) @binding(5) var<storage, read_write> result: array<f32>; // y [1, 1] or grad_x [B, C]

var<workgroup> partial: array<f32, 64>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y = 1/B Σ_b (a (log p_label − 1/C Σ_c log p_c) + w Σ_c p_c log p_c). One workgroup a replica: invocation t
// sums rows t, t + 64, … and invocation 0 adds the 64 parts in order.
@compute @workgroup_size(64)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    let k = dims.weights_offset + r * dims.weights_stride;
    let smoothing = weights[k];
    let confidence = weights[k + 1];
    var sum = 0.0;
    for (var b = local; b < dims.rows; b += 64) {
        let base = dims.x_offset + r * dims.x_stride + 4 * b * dims.quads;
        var top = -3.4e38;
        for (var c = 0u; c < dims.cols; c++) {
            top = max(top, x[base + c]);
        }
        var total = 0.0;
        var shifted = 0.0; // sum of z - top
        var weighted = 0.0; // sum of e^(z - top) (z - top)
        for (var c = 0u; c < dims.cols; c++) {
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
    if local == 0 {
        var total = 0.0;
        for (var t = 0u; t < 64; t++) {
            total += partial[t];
        }
        let to = dims.result_offset + r * dims.result_stride;
        result[to] = total / f32(dims.rows);
        for (var c = 1u; c < 4; c++) {
            result[to + c] = 0.0;
        }
    }
}

// grad_x[b, c] = dy / B (a ([c = label_b] − 1/C) + w p_c (log p_c − Σ_j p_j log p_j)). One row an invocation;
// padding is written as zero.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows {
        return;
    }
    let base = dims.x_offset + r * dims.x_stride + 4 * i * dims.quads;
    let to = dims.result_offset + r * dims.result_stride + 4 * i * dims.quads;
    let k = dims.weights_offset + r * dims.weights_stride;
    let label = labels[dims.labels_offset + r * dims.labels_stride + i];
    let scale = dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    var top = -3.4e38;
    for (var c = 0u; c < dims.cols; c++) {
        top = max(top, x[base + c]);
    }
    var total = 0.0;
    var weighted = 0.0;
    for (var c = 0u; c < dims.cols; c++) {
        let z = x[base + c] - top;
        total += exp(z);
        weighted += exp(z) * z;
    }
    // log p_c - sum_j p_j log p_j = z_c - sum_j p_j z_j: the logarithm of the sum cancels.
    let mean = weighted / total;
    for (var c = 0u; c < 4 * dims.quads; c++) {
        var value = 0.0;
        if c < dims.cols {
            let z = x[base + c] - top;
            let smoothed = select(0.0, 1.0, c == label) - 1.0 / f32(dims.cols);
            value = scale * (weights[k] * smoothed + weights[k + 1] * exp(z) / total * (z - mean));
        }
        result[to + c] = value;
    }
}
