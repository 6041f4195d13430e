// Backward of the mean softmax cross-entropy: grad_x[b, c] = dy / B (softmax(x_b)[c] - [c = label_b]).
// One row an invocation, three passes, no barrier.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    labels_offset: u32,
    labels_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    grad_x_offset: u32,
    grad_x_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> grad_x: array<vec4<f32>>;

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
    let base = (dims.x_offset + r * dims.x_stride) / 4u + i * dims.quads;
    let to = (dims.grad_x_offset + r * dims.grad_x_stride) / 4u + i * dims.quads;
    let label = labels[dims.labels_offset + r * dims.labels_stride + i];
    let scale = dy[dims.dy_offset + r * dims.dy_stride] / f32(dims.rows);
    let top = row_max(base);
    var total = vec4<f32>(0.0);
    for (var q = 0u; q < dims.quads; q += 1u) {
        let e = select(vec4<f32>(0.0), exp(x[base + q] - top), inside(q));
        total += e;
        grad_x[to + q] = e;
    }
    let norm = scale / (total.x + total.y + total.z + total.w);
    for (var q = 0u; q < dims.quads; q += 1u) {
        let hit = vec4<u32>(4u * q) + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(label);
        grad_x[to + q] = grad_x[to + q] * norm - select(vec4<f32>(0.0), vec4<f32>(scale), hit);
    }
}
