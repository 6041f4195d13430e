// grad_x = dy * act'(x), with the derivative from the activation's OUTPUT y: tanh 1 - y², relu [y > 0],
// sigmoid y (1 - y). One vec4 an invocation. dy's padding is zero, so grad_x's is.

struct Dims {
    y_offset: u32,
    y_stride: u32,
    dy_offset: u32,
    dy_stride: u32,
    grad_x_offset: u32,
    grad_x_stride: u32,
    length: u32, // vec4s
    activation: u32, // 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> grad_x: array<vec4<f32>>;

fn slope(y: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1u: { return 1.0 - y * y; }
        case 2u: { return select(vec4<f32>(0.0), vec4<f32>(1.0), y > vec4<f32>(0.0)); }
        case 3u: { return y * (1.0 - y); }
        default: { return vec4<f32>(1.0); }
    }
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
    let d = slope(y[(dims.y_offset + r * dims.y_stride) / 4u + i]);
    grad_x[(dims.grad_x_offset + r * dims.grad_x_stride) / 4u + i] = dy[(dims.dy_offset + r * dims.dy_stride) / 4u + i] * d;
}
