// Running statistics of batch normalisation: r = (1 - momentum) r + momentum s, the variance unbiased. Four channels an
// invocation.

struct Dims {
    s_offset: u32, s_stride: u32,
    running_offset: u32, running_stride: u32,
    quads: u32,
    s_pitch: u32, // vec4s a row of s
    pitch: u32, // and of r
    first: u32, // the first of these channels in r
    momentum: f32,
    unbiased: f32, // N / (N - 1)
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> s: array<vec4<f32>>; // [2, channels]: mean, variance of the batch
@group(0) @binding(2) var<storage, read_write> running: array<vec4<f32>>; // [2, all layers' channels]

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
    if n >= dims.quads {
        return;
    }
    let source = (dims.s_offset + r * dims.s_stride) / 4u + n;
    let to = (dims.running_offset + r * dims.running_stride) / 4u + dims.first + n;
    let keep = 1.0 - dims.momentum;
    running[to] = keep * running[to] + dims.momentum * s[source];
    let variance = s[source + dims.s_pitch] * dims.unbiased;
    running[to + dims.pitch] = keep * running[to + dims.pitch] + dims.momentum * variance;
}
