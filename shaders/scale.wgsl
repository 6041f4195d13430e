// y = x * factor * s, with a constant factor and a scalar s of each replica. One vec4 an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32, // vec4s
    factor: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [B, N]
@group(0) @binding(2) var<storage, read> s: array<f32>;             // [1, 1]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, N]

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
    if i >= dims.length {
        return;
    }
    let s = s[dims.s_offset + r * dims.s_stride] * dims.factor;
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = x[(dims.x_offset + r * dims.x_stride) / 4 + i] * s;
}
