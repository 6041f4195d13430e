// Softmax of each row: y = exp(x - max) / sum. One row an invocation: three passes of vec4 loads and
// no barrier (on software adapters a workgroup tree per row was 24 times slower).

struct Dims {
    x_offset: u32,
    x_stride: u32,
    y_offset: u32,
    y_stride: u32,
    rows: u32,
    cols: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

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
    let to = (dims.y_offset + r * dims.y_stride) / 4u + i * dims.quads;
    let top = row_max(base);
    var total = vec4<f32>(0.0);
    for (var q = 0u; q < dims.quads; q += 1u) {
        let e = select(vec4<f32>(0.0), exp(x[base + q] - top), inside(q));
        total += e;
        y[to + q] = e;
    }
    let scale = 1.0 / (total.x + total.y + total.z + total.w);
    for (var q = 0u; q < dims.quads; q += 1u) {
        y[to + q] *= scale;
    }
}
