// Backward of softmax, from its output: grad_x = y * (dy - <y, dy>). One row an invocation, two passes.

struct Dims {
    y_offset: u32,
    y_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    grad_x_offset: u32,
    grad_x_stride: u32,
    rows: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_x: array<vec4<f32>>;

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
    if i >= dims.rows {
        return;
    }
    let base_y = (dims.y_offset + r * dims.y_stride) / 4u + i * dims.quads;
    let base_dy = (dims.dy_offset + r * dims.dy_stride) / 4u + i * dims.quads;
    let to = (dims.grad_x_offset + r * dims.grad_x_stride) / 4u + i * dims.quads;
    var sum = vec4<f32>(0.0);
    for (var q = 0u; q < dims.quads; q += 1u) {
        sum += y[base_y + q] * dy[base_dy + q];
    }
    let inner = sum.x + sum.y + sum.z + sum.w;
    for (var q = 0u; q < dims.quads; q += 1u) {
        grad_x[to + q] = y[base_y + q] * (dy[base_dy + q] - inner);
    }
}
