// y = -x. One vec4 an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32, // vec4s
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    if i < dims.length {
        y[(dims.y_offset + group.z * dims.y_stride) / 4 + i] =
            -x[(dims.x_offset + group.z * dims.x_stride) / 4 + i];
    }
}
