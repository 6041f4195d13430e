// y = a + b, element by element; one vec4 an invocation.

struct Dims {
    a_offset: u32, a_stride: u32,
    b_offset: u32, b_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32, // vec4s
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;       // [B, N]
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;       // [B, N]
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
    let left = a[(dims.a_offset + r * dims.a_stride) / 4 + i];
    let right = b[(dims.b_offset + r * dims.b_stride) / 4 + i];
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = left + right;
}
