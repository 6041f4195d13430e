// Two sums that were made in parts: y = [sum of even rows; sum of odd rows]. Four columns of both an invocation, in order.

struct Dims {
    partial_offset: u32, partial_stride: u32,
    y_offset: u32, y_stride: u32,
    parts: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>; // [2 parts, C]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [2, C]

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
    var even = vec4<f32>(0.0);
    var odd = vec4<f32>(0.0);
    for (var i = 0u; i < dims.parts; i += 1u) {
        let at = (dims.partial_offset + r * dims.partial_stride) / 4u + 2u * i * dims.quads + n;
        even += partial[at];
        odd += partial[at + dims.quads];
    }
    let base = (dims.y_offset + r * dims.y_stride) / 4u + n;
    y[base] = even;
    y[base + dims.quads] = odd;
}
