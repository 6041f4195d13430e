// Dense layer, forward: y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:]). For software adapters without usable
// subgroups, where a barrier costs more than the loads it would save; see dense_outer.native.wgsl and dense.wgsl.
//
// An invocation computes 8 rows × 8 columns of y in registers, four inputs at a time: 16 vec4 loads for 256
// products. The 8 invocations of a workgroup take neighbouring blocks of rows and so read the same columns of w.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K
    outputs: u32,    // N
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [B, K]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;       // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, N]

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

// Column i of m. By constants: a compiler that cannot index registers unrolls every loop around, for minutes.
fn picked(m: mat4x4<f32>, i: u32) -> vec4<f32> {
    switch i {
        case 0: { return m[0]; }
        case 1: { return m[1]; }
        case 2: { return m[2]; }
        default: { return m[3]; }
    }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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
    let left_real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // padding stays zero whatever act(0) is
    let right_real = 4 * col + vec4(4u, 5u, 6u, 7u) < vec4(dims.outputs);
    let base = (dims.y_offset + group.z * dims.y_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i < dims.batch; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = base + (row + i) * w_pitch;
        y[at] = select(vec4(0.0), activate(left + left_bias), left_real);
        if col + 1 < w_pitch {
            y[at + 1] = select(vec4(0.0), activate(right + right_bias), right_real);
        }
    }
}
