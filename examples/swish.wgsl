// Swish: y = x σ(βx), element by element, and dx = dy (σ(βx) + βx σ(βx) (1 − σ(βx))); one vec4 an invocation.
// Access: each invocation reads one vec4 of every input and writes one; a group 64 in a row.

// x, y `[B, N]`.
struct Forward {
    x_offset: u32,
    x_stride: u32,
    y_offset: u32,
    y_stride: u32,
    length: u32, // vec4s
    beta: f32,
}

// x, dy, dx `[B, N]`.
struct Backward {
    x_offset: u32,
    x_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    dx_offset: u32,
    dx_stride: u32,
    length: u32, // vec4s
    beta: f32,
}

@group(0) @binding(0) var<uniform> forward_dims: Forward;
@group(0) @binding(0) var<uniform> backward_dims: Backward;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx_out: array<vec4<f32>>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

fn sigmoid(t: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + exp(-t));
}

@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= forward_dims.length {
        return;
    }
    let value = x[(forward_dims.x_offset + r * forward_dims.x_stride) / 4u + i];
    y[(forward_dims.y_offset + r * forward_dims.y_stride) / 4u + i] = value * sigmoid(forward_dims.beta * value);
}

@compute @workgroup_size(64)
fn backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= backward_dims.length {
        return;
    }
    let scaled = backward_dims.beta * x[(backward_dims.x_offset + r * backward_dims.x_stride) / 4u + i];
    let s = sigmoid(scaled);
    let slope = s + scaled * s * (1.0 - s);
    let above = dy[(backward_dims.dy_offset + r * backward_dims.dy_stride) / 4u + i];
    dx_out[(backward_dims.dx_offset + r * backward_dims.dx_stride) / 4u + i] = above * slope;
}
