// Gradient of norm_relu.wgsl through the moments, from the sums of norm_relu_sums.wgsl: with v = variance + 1e-5,
// dmean = -gamma / sqrt(v) dbeta and dvar = -gamma / (2 v) dgamma; other channels' are zero. Four channels an invocation.

struct Dims {
    partial_offset: u32, partial_stride: u32,
    s_offset: u32, s_stride: u32,
    w_offset: u32, w_stride: u32,
    ds_offset: u32, ds_stride: u32,
    parts: u32,
    quads: u32,
    s_pitch: u32, // vec4s a row of s and ds
    s_first: u32, // the first of these channels in them
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>; // [2 parts, C]
@group(0) @binding(2) var<storage, read> s: array<vec4<f32>>; // [2, …]: mean, variance
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [2, C]: gamma, beta
@group(0) @binding(4) var<storage, read_write> ds: array<vec4<f32>>; // [2, …]

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
    if n >= dims.s_pitch {
        return;
    }
    let base = (dims.ds_offset + r * dims.ds_stride) / 4u + n;
    if n < dims.s_first || n >= dims.s_first + dims.quads {
        ds[base] = vec4<f32>(0.0);
        ds[base + dims.s_pitch] = vec4<f32>(0.0);
        return;
    }
    let q = n - dims.s_first;
    var by_gamma = vec4<f32>(0.0);
    var by_beta = vec4<f32>(0.0);
    for (var i = 0u; i < dims.parts; i += 1u) {
        let at = (dims.partial_offset + r * dims.partial_stride) / 4u + 2u * i * dims.quads + q;
        by_gamma += partial[at];
        by_beta += partial[at + dims.quads];
    }
    let gamma = w[(dims.w_offset + r * dims.w_stride) / 4u + q];
    let v = s[(dims.s_offset + r * dims.s_stride) / 4u + dims.s_pitch + n] + 1e-5;
    ds[base] = -gamma * inverseSqrt(v) * by_beta;
    ds[base + dims.s_pitch] = -0.5 * gamma / v * by_gamma;
}
