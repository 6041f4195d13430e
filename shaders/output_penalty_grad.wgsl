// Backward of label smoothing and the confidence penalty:
// grad_x[b, c] = dy / B (a ([c = label_b] - 1/C) + w p_c (log p_c - sum_j p_j log p_j)).
// One row an invocation; padding is written as zero.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    labels_offset: u32,
    labels_stride: u32,
    weights_offset: u32,
    weights_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    grad_x_offset: u32,
    grad_x_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>; // a, w
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> grad_x: array<f32>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows {
        return;
    }
    let base = dims.x_offset + r * dims.x_stride + 4u * i * dims.quads;
    let to = dims.grad_x_offset + r * dims.grad_x_stride + 4u * i * dims.quads;
    let k = dims.weights_offset + r * dims.weights_stride;
    let label = labels[dims.labels_offset + r * dims.labels_stride + i];
    let scale = dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    var top = -3.4e38;
    for (var c = 0u; c < dims.cols; c += 1u) {
        top = max(top, x[base + c]);
    }
    var total = 0.0;
    var weighted = 0.0;
    for (var c = 0u; c < dims.cols; c += 1u) {
        let z = x[base + c] - top;
        total += exp(z);
        weighted += exp(z) * z;
    }
    // log p_c - sum_j p_j log p_j = z_c - sum_j p_j z_j: the logarithm of the sum cancels.
    let mean = weighted / total;
    for (var c = 0u; c < 4u * dims.quads; c += 1u) {
        var value = 0.0;
        if c < dims.cols {
            let z = x[base + c] - top;
            let smoothed = select(0.0, 1.0, c == label) - 1.0 / f32(dims.cols);
            value = scale * (weights[k] * smoothed + weights[k + 1u] * exp(z) / total * (z - mean));
        }
        grad_x[to + c] = value;
    }
}
