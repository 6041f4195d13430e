// Dense layer. For software adapters without usable subgroups, where a barrier costs more than the loads it
// would save; see dense.outer.native.wgsl and dense.wgsl.
// forward  y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:])
// grad_x   grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′, from the OUTPUT of the activation that made x
//          (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x))
// grad_w   grad_w[K+1,N] = [x | 1]ᵀ · dz: a column of ones, never stored, gives the bias's, Σ_b dz[b,:]
//
// An invocation computes 8 rows × 8 columns of the result in registers. The 8 invocations of a workgroup take
// neighboring blocks of rows and so read the same right factor.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    activated_offset: u32, activated_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K
    outputs: u32,    // N
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
    dz_pitch: u32,   // vec4s from a row of dz, or of y, to the next: N's, or more in a wider tensor
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>; // [K + 1, N], the bias last
@group(0) @binding(4) var<storage, read> activated: array<vec4<f32>>; // [B, K]: x, as its activation's output
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // y as dz, grad_x as x, grad_w as w

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 8;

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

// Column i of m. By constants: a compiler that cannot index registers unrolls every loop around, for minutes.
fn picked(m: mat4x4<f32>, i: u32) -> vec4<f32> {
    switch i {
        case 0: { return m[0]; }
        case 1: { return m[1]; }
        case 2: { return m[2]; }
        default: { return m[3]; }
    }
}

// Four inputs at a time: 16 vec4 loads for 256 products.
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS + 8 * local;
    let col = group.x * (TILE_COLS / 4);
    let x_pitch = (dims.inputs + 3) / 4;
    let w_pitch = (dims.outputs + 3) / 4;
    let last = dims.batch - 1;

    // Rows beyond the batch are read from its last row and not stored.
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x0 = x_base + min(row, last) * x_pitch;
    let x1 = x_base + min(row + 1, last) * x_pitch;
    let x2 = x_base + min(row + 2, last) * x_pitch;
    let x3 = x_base + min(row + 3, last) * x_pitch;
    let x4 = x_base + min(row + 4, last) * x_pitch;
    let x5 = x_base + min(row + 5, last) * x_pitch;
    let x6 = x_base + min(row + 6, last) * x_pitch;
    let x7 = x_base + min(row + 7, last) * x_pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_left = w_base + col;
    let w_right = w_base + min(col + 1, w_pitch - 1);

    var top_left = mat4x4<f32>(); // a column of a matrix is a row of y
    var top_right = mat4x4<f32>();
    var low_left = mat4x4<f32>();
    var low_right = mat4x4<f32>();
    for (var k = 0u; k < x_pitch; k++) {
        // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
        let k0 = 4 * k * w_pitch;
        let k1 = min(4 * k + 1, dims.inputs) * w_pitch;
        let k2 = min(4 * k + 2, dims.inputs) * w_pitch;
        let k3 = min(4 * k + 3, dims.inputs) * w_pitch;
        let left = mat4x4(w[w_left + k0], w[w_left + k1], w[w_left + k2], w[w_left + k3]);
        let right = mat4x4(w[w_right + k0], w[w_right + k1], w[w_right + k2], w[w_right + k3]);
        let top = mat4x4(x[x0 + k], x[x1 + k], x[x2 + k], x[x3 + k]);
        let low = mat4x4(x[x4 + k], x[x5 + k], x[x6 + k], x[x7 + k]);
        top_left += left * top;
        top_right += right * top;
        low_left += left * low;
        low_right += right * low;
    }

    // A loop, not 16 copies of the activations: the pipeline builds several times faster.
    let left_bias = w[w_left + dims.inputs * w_pitch];
    let right_bias = w[w_right + dims.inputs * w_pitch];
    // Padding stays zero whatever act(0) is.
    let left_real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
    let right_real = 4 * col + vec4(4u, 5u, 6u, 7u) < vec4(dims.outputs);
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i < dims.batch; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = base + (row + i) * dims.dz_pitch;
        result[at] = select(vec4(0.0), activate(left + left_bias), left_real);
        if col + 1 < w_pitch {
            result[at + 1] = select(vec4(0.0), activate(right + right_bias), right_real);
        }
    }
}

// Four outputs n at a time: 16 vec4 loads for 256 products.
@compute @workgroup_size(8)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS + 8 * local;
    let col = group.x * (TILE_COLS / 4);
    let w_pitch = (dims.outputs + 3) / 4;
    let last = dims.batch - 1;

    // Rows beyond the batch are read from its last row and not stored; the same for columns, rows of w.
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz0 = dz_base + min(row, last) * dims.dz_pitch;
    let dz1 = dz_base + min(row + 1, last) * dims.dz_pitch;
    let dz2 = dz_base + min(row + 2, last) * dims.dz_pitch;
    let dz3 = dz_base + min(row + 3, last) * dims.dz_pitch;
    let dz4 = dz_base + min(row + 4, last) * dims.dz_pitch;
    let dz5 = dz_base + min(row + 5, last) * dims.dz_pitch;
    let dz6 = dz_base + min(row + 6, last) * dims.dz_pitch;
    let dz7 = dz_base + min(row + 7, last) * dims.dz_pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w0 = w_base + min(4 * col, dims.inputs) * w_pitch;
    let w1 = w_base + min(4 * col + 1, dims.inputs) * w_pitch;
    let w2 = w_base + min(4 * col + 2, dims.inputs) * w_pitch;
    let w3 = w_base + min(4 * col + 3, dims.inputs) * w_pitch;
    let w4 = w_base + min(4 * col + 4, dims.inputs) * w_pitch;
    let w5 = w_base + min(4 * col + 5, dims.inputs) * w_pitch;
    let w6 = w_base + min(4 * col + 6, dims.inputs) * w_pitch;
    let w7 = w_base + min(4 * col + 7, dims.inputs) * w_pitch;

    var top_left = mat4x4<f32>(); // a column of a matrix is a row of grad_x
    var top_right = mat4x4<f32>();
    var low_left = mat4x4<f32>();
    var low_right = mat4x4<f32>();
    for (var n = 0u; n < w_pitch; n++) {
        let left = transpose(mat4x4(w[w0 + n], w[w1 + n], w[w2 + n], w[w3 + n]));
        let right = transpose(mat4x4(w[w4 + n], w[w5 + n], w[w6 + n], w[w7 + n]));
        let top = mat4x4(dz[dz0 + n], dz[dz1 + n], dz[dz2 + n], dz[dz3 + n]);
        let low = mat4x4(dz[dz4 + n], dz[dz5 + n], dz[dz6 + n], dz[dz7 + n]);
        top_left += left * top;
        top_right += right * top;
        low_left += left * low;
        low_right += right * low;
    }

    // A loop, not 16 copies of the derivatives: the pipeline builds several times faster.
    let grad_x_pitch = (dims.inputs + 3) / 4;
    let left_real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs); // column K would be the bias
    let right_real = 4 * col + vec4(4u, 5u, 6u, 7u) < vec4(dims.inputs);
    let x_base = (dims.activated_offset + group.z * dims.activated_stride) / 4 + col;
    let grad_x_base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i < dims.batch; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = (row + i) * grad_x_pitch;
        result[grad_x_base + at] = select(vec4(0.0), left * derivative(activated[x_base + at]), left_real);
        if col + 1 < grad_x_pitch {
            let next = activated[x_base + at + 1];
            result[grad_x_base + at + 1] = select(vec4(0.0), right * derivative(next), right_real);
        }
    }
}

// A record at a time: 4 vec4 loads for 64 products.
@compute @workgroup_size(8)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS + 8 * local;
    let col = group.x * (TILE_COLS / 4);
    let x_pitch = (dims.inputs + 3) / 4;
    let dw_pitch = (dims.outputs + 3) / 4;

    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x_top = x_base + min(row / 4, x_pitch - 1);
    let x_low = x_base + min(row / 4 + 1, x_pitch - 1);
    let one_top = row + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K
    let one_low = row + vec4(4u, 5u, 6u, 7u) == vec4(dims.inputs);
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz_left = dz_base + col;
    let dz_right = dz_base + min(col + 1, dw_pitch - 1);

    var top_left = mat4x4<f32>(); // a column of a matrix is a row of dw
    var top_right = mat4x4<f32>();
    var low_left = mat4x4<f32>();
    var low_right = mat4x4<f32>();
    for (var b = 0u; b < dims.batch; b++) {
        let left = dz[dz_left + b * dims.dz_pitch];
        let right = dz[dz_right + b * dims.dz_pitch];
        let top = select(x[x_top + b * x_pitch], vec4(1.0), one_top);
        let low = select(x[x_low + b * x_pitch], vec4(1.0), one_low);
        top_left += mat4x4(top.x * left, top.y * left, top.z * left, top.w * left);
        top_right += mat4x4(top.x * right, top.y * right, top.z * right, top.w * right);
        low_left += mat4x4(low.x * left, low.y * left, low.z * left, low.w * left);
        low_right += mat4x4(low.x * right, low.y * right, low.z * right, low.w * right);
    }

    let dw_base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i <= dims.inputs; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = dw_base + (row + i) * dw_pitch;
        result[at] = left;
        if col + 1 < dw_pitch {
            result[at + 1] = right;
        }
    }
}
