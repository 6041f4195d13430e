// Backward of a sum or mean: every element of y is the scalar s times a factor; the padding is zero.
// One vec4 an invocation.

struct Dims {
    s_offset: u32,
    s_stride: u32,
    y_offset: u32,
    y_stride: u32,
    length: u32, // vec4s
    quads: u32, // vec4s a row
    cols: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

// 1 for the columns that exist, 0 for the padding of a row's last vec4.
fn mask(col: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), vec4<f32>(1.0), vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(dims.cols));
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
    if i >= dims.length {
        return;
    }
    let value = s[dims.s_offset + r * dims.s_stride] * dims.factor;
    y[(dims.y_offset + r * dims.y_stride) / 4u + i] = value * mask(4u * (i % dims.quads));
}
