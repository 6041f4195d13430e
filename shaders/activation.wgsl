// Activations, element by element; one vec4 an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    y_offset: u32, y_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    length: u32,     // vec4s
    quads: u32,      // vec4s a row
    cols: u32,
    activation: u32, // 1 tanh, 2 relu, 3 sigmoid
    y_pitch: u32,    // vec4s from a row of y to the next: quads, or more in a wider tensor
    dy_pitch: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;            // [B, N]
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;            // [B, N]
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;           // [B, N]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>; // [B, N]: y or grad_x

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn derivative(y: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return 1.0 - y * y; }
        case 2: { return select(vec4(0.0), vec4(1.0), y > vec4(0.0)); }
        case 3: { return y * (1.0 - y); }
        default: { return vec4(1.0); }
    }
}

// 1 for the columns that exist, 0 for the padding of a row's last vec4.
fn mask(col: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), vec4(col) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y = act(x). The padding stays zero: sigmoid(0) is not.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.length {
        return;
    }
    let value = activate(x[(dims.x_offset + r * dims.x_stride) / 4 + i]);
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = value * mask(4 * (i % dims.quads));
}

// grad_x = dy · act′(x), the derivative from the activation's OUTPUT y. dy's padding is zero, so grad_x's is.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.length {
        return;
    }
    let row = i / dims.quads;
    let q = i % dims.quads;
    let d = derivative(y[(dims.y_offset + r * dims.y_stride) / 4 + row * dims.y_pitch + q]);
    let above = dy[(dims.dy_offset + r * dims.dy_stride) / 4 + row * dims.dy_pitch + q];
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = above * d;
}
