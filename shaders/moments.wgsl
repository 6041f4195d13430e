// Mean and variance (biased) of channels, from the sums of channel_sums.wgsl. Four channels an invocation.

struct Dims {
    partial_offset: u32, partial_stride: u32,
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    parts: u32,
    rows: f32, // N
    first: u32, // vec4s before these channels in a pixel of x and a row of s
    quads: u32,
    pitch: u32, // vec4s a row of s
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>; // [2 parts, C]
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>; // [N, …]: its first pixel is read
@group(0) @binding(3) var<storage, read_write> s: array<vec4<f32>>; // [2, channels]: mean, variance

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
    var sum = vec4<f32>(0.0);
    var square = vec4<f32>(0.0);
    for (var i = 0u; i < dims.parts; i += 1u) {
        let at = (dims.partial_offset + r * dims.partial_stride) / 4u + 2u * i * dims.quads + n;
        sum += partial[at];
        square += partial[at + dims.quads];
    }
    let d = sum / dims.rows;
    let base = (dims.s_offset + r * dims.s_stride) / 4u + dims.first + n;
    s[base] = x[(dims.x_offset + r * dims.x_stride) / 4u + dims.first + n] + d;
    s[base + dims.pitch] = max(square / dims.rows - d * d, vec4<f32>(0.0));
}
