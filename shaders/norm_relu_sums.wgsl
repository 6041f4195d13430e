// Sums over pixels that the gradients of norm_relu.wgsl need: of dz (x - mean) / sqrt(variance + 1e-5) and of dz = dy [y > 0].
// Idea: an invocation sums four channels over one part of the pixels; the parts are added by those who need them, in order.

struct Dims {
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    w_offset: u32, w_stride: u32,
    dy_offset: u32, dy_stride: u32,
    partial_offset: u32, partial_stride: u32,
    rows: u32, // N = B · pixels
    x_pitch: u32, // vec4s a pixel of x
    quads: u32, // how many of them, from the first on, are normalised
    s_pitch: u32, // vec4s a row of s
    s_first: u32, // the first of these channels in s
    part: u32, // pixels a part
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [N, …]
@group(0) @binding(2) var<storage, read> s: array<vec4<f32>>; // [2, …]: mean, variance
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [2, C]: gamma, beta
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>; // [N, C]
@group(0) @binding(5) var<storage, read_write> partial: array<vec4<f32>>; // [2 parts, C]

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
    let first = n / dims.quads * dims.part;
    if first >= dims.rows {
        return;
    }
    let s_base = (dims.s_offset + r * dims.s_stride) / 4u + dims.s_first + q;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4u + q;
    let mean = s[s_base];
    let scale = inverseSqrt(s[s_base + dims.s_pitch] + 1e-5);
    let gamma = w[w_base];
    let beta = w[w_base + dims.quads];
    var by_gamma = vec4<f32>(0.0);
    var by_beta = vec4<f32>(0.0);
    for (var i = first; i < min(first + dims.part, dims.rows); i += 1u) {
        let x_at = (dims.x_offset + r * dims.x_stride) / 4u + i * dims.x_pitch + q;
        let normal = (x[x_at] - mean) * scale;
        let d = dy[(dims.dy_offset + r * dims.dy_stride) / 4u + i * dims.quads + q];
        let dz = select(vec4<f32>(0.0), d, gamma * normal + beta > vec4<f32>(0.0));
        by_gamma += dz * normal;
        by_beta += dz;
    }
    let at = (dims.partial_offset + r * dims.partial_stride) / 4u + n / dims.quads * 2u * dims.quads + q;
    partial[at] = by_gamma;
    partial[at + dims.quads] = by_beta;
}
