// Gradient of norm_relu.wgsl through x itself, its moments held fixed: grad_x = dy [y > 0] gamma / sqrt(variance + 1e-5), added to
// grad_x or, for other channels too (zeros), written. Idea: an invocation goes down 8 pixels of four channels.

struct Dims {
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    w_offset: u32, w_stride: u32,
    dy_offset: u32, dy_stride: u32,
    grad_x_offset: u32, grad_x_stride: u32,
    rows: u32, // N = B · pixels
    x_pitch: u32, // vec4s a pixel of x
    quads: u32, // how many of them, from the first on, are normalised
    s_pitch: u32, // vec4s a row of s
    s_first: u32, // the first of these channels in s
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [N, …]
@group(0) @binding(2) var<storage, read> s: array<vec4<f32>>; // [2, …]: mean, variance
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [2, C]: gamma, beta
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>; // [N, C]
@group(0) @binding(5) var<storage, read_write> grad_x: array<vec4<f32>>; // [N, …]

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
    let width = select(dims.x_pitch, dims.quads, dims.accumulate == 1u);
    let first = n / width * 8u;
    if first >= dims.rows {
        return;
    }
    let own = n % width < dims.quads;
    let q = min(n % width, dims.quads - 1u);
    let s_base = (dims.s_offset + r * dims.s_stride) / 4u + dims.s_first + q;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4u + q;
    let mean = s[s_base];
    let scale = inverseSqrt(s[s_base + dims.s_pitch] + 1e-5);
    let gamma = w[w_base];
    let beta = w[w_base + dims.quads];
    for (var i = first; i < min(first + 8u, dims.rows); i += 1u) {
        let at = i * dims.x_pitch + n % width;
        let centred = x[(dims.x_offset + r * dims.x_stride) / 4u + i * dims.x_pitch + q] - mean;
        let open = gamma * (centred * scale) + beta > vec4<f32>(0.0);
        let d = dy[(dims.dy_offset + r * dims.dy_stride) / 4u + i * dims.quads + q] * (gamma * scale);
        let dx_at = (dims.grad_x_offset + r * dims.grad_x_stride) / 4u + at;
        if dims.accumulate == 1u {
            grad_x[dx_at] += select(vec4<f32>(0.0), d, open);
        } else {
            grad_x[dx_at] = select(vec4<f32>(0.0), d, open & vec4<bool>(own));
        }
    }
}
