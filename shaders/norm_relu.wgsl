// Batch normalization and ReLU of the first channels of each pixel of x: y = max(0, gamma n + beta) with n =
// (x − mean) / sqrt(variance + 1e-5). Idea: an invocation goes down some pixels of four channels, whose
// numbers it loads once.

struct Dims {
    partial_offset: u32, partial_stride: u32,
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    w_offset: u32, w_stride: u32,
    dy_offset: u32, dy_stride: u32,
    result_offset: u32, result_stride: u32,
    rows: u32,    // N = B · pixels
    x_pitch: u32, // vec4s a pixel of x
    quads: u32,   // how many of them, from the first on, are normalized
    s_pitch: u32, // vec4s a row of s
    s_first: u32, // the first of these channels in s
    part: u32,    // pixels a part
    parts: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;      // [2 parts, C]: of gamma, of beta, …
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;            // [N, …]
@group(0) @binding(3) var<storage, read> s: array<vec4<f32>>;            // [2, …]: mean, variance
@group(0) @binding(4) var<storage, read> w: array<vec4<f32>>;            // [2, C]: gamma, beta
@group(0) @binding(5) var<storage, read> dy: array<vec4<f32>>;           // [N, C]
@group(0) @binding(6) var<storage, read_write> result: array<vec4<f32>>; // as dy, x, partial or s

// What makes y of four channels: max(0, gamma ((x − mean) scale) + beta).
struct Norm {
    mean: vec4<f32>,
    scale: vec4<f32>,
    gamma: vec4<f32>,
    beta: vec4<f32>,
}

fn norm_of(r: u32, q: u32) -> Norm {
    let s_base = (dims.s_offset + r * dims.s_stride) / 4 + dims.s_first + q;
    let w_base = (dims.w_offset + r * dims.w_stride) / 4 + q;
    let scale = inverseSqrt(s[s_base + dims.s_pitch] + 1e-5);
    return Norm(s[s_base], scale, w[w_base], w[w_base + dims.quads]);
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y.
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let q = n % dims.quads;
    let first = n / dims.quads * 8;
    if first >= dims.rows {
        return;
    }
    let norm = norm_of(r, q);
    for (var i = first; i < min(first + 8, dims.rows); i++) {
        let centered = x[(dims.x_offset + r * dims.x_stride) / 4 + i * dims.x_pitch + q] - norm.mean;
        let y_at = (dims.result_offset + r * dims.result_stride) / 4 + i * dims.quads + q;
        result[y_at] = max(vec4(0.0), norm.gamma * (centered * norm.scale) + norm.beta);
    }
}

// Through x itself, its moments held fixed: grad_x = dy [y > 0] gamma / sqrt(variance + 1e-5), added to
// grad_x or, for other channels too (zeros), written.
@compute @workgroup_size(64)
fn grad_x(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let width = select(dims.x_pitch, dims.quads, dims.accumulate == 1);
    let first = n / width * 8;
    if first >= dims.rows {
        return;
    }
    let own = n % width < dims.quads;
    let q = min(n % width, dims.quads - 1);
    let norm = norm_of(r, q);
    for (var i = first; i < min(first + 8, dims.rows); i++) {
        let at = i * dims.x_pitch + n % width;
        let centered = x[(dims.x_offset + r * dims.x_stride) / 4 + i * dims.x_pitch + q] - norm.mean;
        let open = norm.gamma * (centered * norm.scale) + norm.beta > vec4(0.0);
        let above = dy[(dims.dy_offset + r * dims.dy_stride) / 4 + i * dims.quads + q];
        let d = above * (norm.gamma * norm.scale);
        let dx_at = (dims.result_offset + r * dims.result_stride) / 4 + at;
        if dims.accumulate == 1 {
            result[dx_at] += select(vec4(0.0), d, open);
        } else {
            result[dx_at] = select(vec4(0.0), d, open & vec4(own));
        }
    }
}

// Sums over pixels that the other gradients need: of dz n and of dz = dy [y > 0], by parts of the pixels; the
// parts are added by those who need them, in order.
@compute @workgroup_size(64)
fn sums(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let q = n % dims.quads;
    let first = n / dims.quads * dims.part;
    if first >= dims.rows {
        return;
    }
    let norm = norm_of(r, q);
    var by_gamma = vec4(0.0);
    var by_beta = vec4(0.0);
    for (var i = first; i < min(first + dims.part, dims.rows); i++) {
        let x_at = (dims.x_offset + r * dims.x_stride) / 4 + i * dims.x_pitch + q;
        let normal = (x[x_at] - norm.mean) * norm.scale;
        let d = dy[(dims.dy_offset + r * dims.dy_stride) / 4 + i * dims.quads + q];
        let dz = select(vec4(0.0), d, norm.gamma * normal + norm.beta > vec4(0.0));
        by_gamma += dz * normal;
        by_beta += dz;
    }
    let at = (dims.result_offset + r * dims.result_stride) / 4 + n / dims.quads * 2 * dims.quads + q;
    result[at] = by_gamma;
    result[at + dims.quads] = by_beta;
}

// Through the moments: with v = variance + 1e-5, dmean = −gamma / sqrt(v) dbeta and dvariance = −gamma / (2
// v) dgamma; other channels' are zero.
@compute @workgroup_size(64)
fn grad_s(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    if n >= dims.s_pitch {
        return;
    }
    let base = (dims.result_offset + r * dims.result_stride) / 4 + n;
    if n < dims.s_first || n >= dims.s_first + dims.quads {
        result[base] = vec4(0.0);
        result[base + dims.s_pitch] = vec4(0.0);
        return;
    }
    let q = n - dims.s_first;
    var by_gamma = vec4(0.0);
    var by_beta = vec4(0.0);
    for (var i = 0u; i < dims.parts; i++) {
        let at = (dims.partial_offset + r * dims.partial_stride) / 4 + 2 * i * dims.quads + q;
        by_gamma += partial[at];
        by_beta += partial[at + dims.quads];
    }
    let gamma = w[(dims.w_offset + r * dims.w_stride) / 4 + q];
    let v = s[(dims.s_offset + r * dims.s_stride) / 4 + dims.s_pitch + n] + 1e-5;
    result[base] = -gamma * inverseSqrt(v) * by_beta;
    result[base + dims.s_pitch] = -0.5 * gamma / v * by_gamma;
}
