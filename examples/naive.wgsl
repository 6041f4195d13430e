// Dense layer, forward, as one would write it first: y[B,N] = x[B,K] · w[0..K,N] + w[K,:].
// Idea: none; it is what tiles are measured against. Tile: one output an invocation. Access: each invocation
// walks a row of x and a column of w, two loads for a multiply-add; neighbors read the same row of x.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    w_offset: u32,
    w_stride: u32,
    y_offset: u32,
    y_stride: u32,
    inputs: u32,  // K
    outputs: u32, // N
    length: u32,  // B times the pitch of N
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;       // [B, K]
@group(0) @binding(2) var<storage, read> w: array<f32>;       // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read_write> y: array<f32>; // [B, N]

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    if i >= dims.length {
        return;
    }
    let x_pitch = (dims.inputs + 3u) / 4u * 4u;
    let pitch = (dims.outputs + 3u) / 4u * 4u;
    let row = i / pitch;
    let col = i % pitch;
    let x_first = dims.x_offset + group.z * dims.x_stride + row * x_pitch;
    let w_first = dims.w_offset + group.z * dims.w_stride + col;
    var sum = 0.0;
    for (var k = 0u; k < dims.inputs; k++) {
        sum += x[x_first + k] * w[w_first + k * pitch];
    }
    sum += w[w_first + dims.inputs * pitch];
    y[dims.y_offset + group.z * dims.y_stride + i] = select(0.0, sum, col < dims.outputs);
}
