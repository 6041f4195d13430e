// Softmax of each row. One row an invocation, passes of vec4 loads and no barrier (on software adapters a
// workgroup tree per row was 24 times slower).

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, C]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;            // [B, C]
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;           // [B, C]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>; // [B, C]: y or grad_x

fn inside(q: u32) -> vec4<bool> {
    return vec4(4 * q) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols);
}

// The largest element of a row, its padding left out.
fn row_max(base: u32) -> f32 {
    var top = vec4(-3.4e38);
    for (var q = 0u; q < dims.quads; q++) {
        top = max(top, select(vec4(-3.4e38), x[base + q], inside(q)));
    }
    return max(max(top.x, top.y), max(top.z, top.w));
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y = exp(x − max) / Σ exp(x − max).
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.rows {
        return;
    }
    let base = (dims.x_offset + r * dims.x_stride) / 4 + i * dims.quads;
    let to = (dims.result_offset + r * dims.result_stride) / 4 + i * dims.quads;
    let top = row_max(base);
    var total = vec4(0.0);
    for (var q = 0u; q < dims.quads; q++) {
        let e = select(vec4(0.0), exp(x[base + q] - top), inside(q));
        total += e;
        result[to + q] = e;
    }
    let scale = 1.0 / (total.x + total.y + total.z + total.w);
    for (var q = 0u; q < dims.quads; q++) {
        result[to + q] *= scale;
    }
}

// From the forward pass's output: grad_x = y · (dy − ⟨y, dy⟩).
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
    let base_y = (dims.y_offset + r * dims.y_stride) / 4 + i * dims.quads;
    let base_dy = (dims.dy_offset + r * dims.dy_stride) / 4 + i * dims.quads;
    let to = (dims.result_offset + r * dims.result_stride) / 4 + i * dims.quads;
    var sum = vec4(0.0);
    for (var q = 0u; q < dims.quads; q++) {
        sum += y[base_y + q] * dy[base_dy + q];
    }
    let inner = sum.x + sum.y + sum.z + sum.w;
    for (var q = 0u; q < dims.quads; q++) {
        result[to + q] = y[base_y + q] * (dy[base_dy + q] - inner);
    }
}
