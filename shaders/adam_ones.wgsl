// Adam along the weights' gradient of a dense layer on lists of ones, without a buffer for that gradient: an
// invocation sums one vec4 of it as dense_ones.wgsl's grad_w does, a record after the other, and makes its
// step as adam.wgsl does. Neighbors read and write neighboring columns. Software adapters with 64-bit
// integers run adam_ones.native.wgsl.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    scalars_offset: u32, scalars_stride: u32,
    state_offset: u32, state_stride: u32,
    inputs: u32,   // K: features
    outputs: u32,  // N
    pitch: u32,    // words a row of x
    dz_pitch: u32, // vec4s from a row of dz to the next
    length: u32,   // vec4s of the parameters
    first: u32,    // vec4s of them before the layer's
    slot: u32,     // of rate / (1 − b1^t), 1 / sqrt(1 − b2^t), weight decay, active in scalars
    b1: f32,
    b2: f32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // [K + 1, pitch] columns of bits
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(3) var<storage, read> scalars: array<f32>; // [1, slot + 4 …]
@group(0) @binding(4) var<storage, read_write> state: array<vec4<f32>>; // [3, P]: p, m, v

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    let s = dims.scalars_offset + r * dims.scalars_stride + dims.slot;
    if i >= (dims.inputs + 1) * quads || scalars[s + 3] == 0.0 {
        return;
    }
    let bits = dims.x_offset + r * dims.x_stride + (i / quads) * dims.pitch;
    let column = (dims.dz_offset + r * dims.dz_stride) / 4 + i % quads;
    var sum = vec4(0.0);
    for (var word = 0u; word < dims.pitch; word++) {
        var left = x[bits + word];
        while left != 0 {
            sum += dz[column + (32 * word + firstTrailingBit(left)) * dims.dz_pitch];
            left &= left - 1;
        }
    }
    let p_at = (dims.state_offset + r * dims.state_stride) / 4 + dims.first + i;
    let m_at = p_at + dims.length;
    let v_at = m_at + dims.length;
    let p = state[p_at];
    let g = sum + scalars[s + 2] * p;
    let m = dims.b1 * state[m_at] + (1.0 - dims.b1) * g;
    let v = dims.b2 * state[v_at] + (1.0 - dims.b2) * g * g;
    state[m_at] = m;
    state[v_at] = v;
    state[p_at] = p - scalars[s] * m / (sqrt(v) * scalars[s + 1] + dims.eps);
}
