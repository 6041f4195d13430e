// The sum of parts that follow each other, in their order: of a sum that several workgroups shared. One vec4
// of the result an invocation; neighbors read neighboring vec4s.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    parts: u32,  // P
    length: u32, // vec4s of y
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [P·rows, N]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [rows, N]

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
    if i >= dims.length {
        return;
    }
    let first = (dims.x_offset + group.z * dims.x_stride) / 4 + i;
    var sum = x[first];
    for (var part = 1u; part < dims.parts; part++) {
        sum += x[first + part * dims.length];
    }
    y[(dims.y_offset + group.z * dims.y_stride) / 4 + i] = sum;
}
