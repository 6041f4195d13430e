// Dense layer on lists of ones, forward: y[b] = act(sum over the ones k of record b of w[k], then w[K]). For
// hardware GPUs; software adapters with 64-bit integers run dense_ones_wide.native.wgsl.
// Idea: rows of w are added, nothing is multiplied, and only as many as there are ones. They are added one by one in
// ascending order, the bias last, as dense.wgsl does: the same bytes, for to add 0 * w changes nothing.
// Tile: one vec4 of one record an invocation; neighbors read neighboring columns of w and the same list.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    w_offset: u32,
    w_stride: u32,
    y_offset: u32,
    y_stride: u32,
    batch: u32, // B
    inputs: u32, // K
    outputs: u32, // N
    pitch: u32, // of x
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // [B, pitch]: count, entries, words
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>; // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, N]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3u) / 4u;
    if i >= dims.batch * quads {
        return;
    }
    let q = i % quads;
    let column = (dims.w_offset + r * dims.w_stride) / 4u + q;
    let list = dims.x_offset + r * dims.x_stride + (i / quads) * dims.pitch;
    let end = list + 1u + x[list];
    var sum = vec4<f32>(0.0);
    for (var at = list + 1u; at < end; at += 1u) {
        sum += w[column + x[at] * quads];
    }
    let real = 4u * q + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // the padding stays zero whatever act(0) is
    let z = sum + w[column + dims.inputs * quads];
    y[(dims.y_offset + r * dims.y_stride) / 4u + i] = select(vec4(0.0), activate(z), real);
}
