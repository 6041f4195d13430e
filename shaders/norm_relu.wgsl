// Batch normalisation and ReLU, forward: y = max(0, gamma (x - mean) / sqrt(variance + 1e-5) + beta), of the first channels of
// each pixel of x. Idea: an invocation goes down 8 pixels of four channels, whose numbers it loads once.

struct Dims {
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    w_offset: u32, w_stride: u32,
    y_offset: u32, y_stride: u32,
    rows: u32, // N = B · pixels
    x_pitch: u32, // vec4s a pixel of x
    quads: u32, // how many of them, from the first on, are normalised
    s_pitch: u32, // vec4s a row of s
    s_first: u32, // the first of these channels in s
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [N, …]
@group(0) @binding(2) var<storage, read> s: array<vec4<f32>>; // [2, …]: mean, variance
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [2, C]: gamma, beta
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>; // [N, C]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let q = n % dims.quads;
    let first = n / dims.quads * 8u;
    if first >= dims.rows {
        return;
    }
    let s_base = (dims.s_offset + r * dims.s_stride) / 4u + dims.s_first + q;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4u + q;
    let mean = s[s_base];
    let scale = inverseSqrt(s[s_base + dims.s_pitch] + 1e-5);
    let gamma = w[w_base];
    let beta = w[w_base + dims.quads];
    for (var i = first; i < min(first + 8u, dims.rows); i += 1u) {
        let centred = x[(dims.x_offset + r * dims.x_stride) / 4u + i * dims.x_pitch + q] - mean;
        let y_at = (dims.y_offset + r * dims.y_stride) / 4u + i * dims.quads + q;
        y[y_at] = max(vec4<f32>(0.0), gamma * (centred * scale) + beta);
    }
}
