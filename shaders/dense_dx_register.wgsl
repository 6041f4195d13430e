// Dense layer, gradient of the input: grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′(x), where x is the OUTPUT of the
// activation that made it (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x)). For software adapters without
// usable subgroups, where a barrier costs more than the loads it would save; see dense_dx_outer.native.wgsl.
//
// An invocation computes 8 rows × 8 columns of grad_x in registers, four outputs n at a time: 16 vec4 loads for 256
// products. The 8 invocations of a workgroup take neighbouring blocks of rows and so read the same rows of w.

struct Dims {
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    x_offset: u32, x_stride: u32,
    grad_x_offset: u32, grad_x_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K
    outputs: u32,    // N
    activation: u32, // of x: 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dz: array<vec4<f32>>;       // [B, N]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;        // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;        // [B, K]
@group(0) @binding(4) var<storage, read_write> grad_x: array<vec4<f32>>; // [B, K]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 8;

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

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS + 8 * local;
    let col = group.x * (TILE_COLS / 4);
    let pitch = (dims.outputs + 3) / 4;
    let last = dims.batch - 1;

    // Rows beyond the batch are read from its last row and not stored; the same for columns, rows of w.
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz0 = dz_base + min(row, last) * pitch;
    let dz1 = dz_base + min(row + 1, last) * pitch;
    let dz2 = dz_base + min(row + 2, last) * pitch;
    let dz3 = dz_base + min(row + 3, last) * pitch;
    let dz4 = dz_base + min(row + 4, last) * pitch;
    let dz5 = dz_base + min(row + 5, last) * pitch;
    let dz6 = dz_base + min(row + 6, last) * pitch;
    let dz7 = dz_base + min(row + 7, last) * pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w0 = w_base + min(4 * col, dims.inputs) * pitch;
    let w1 = w_base + min(4 * col + 1, dims.inputs) * pitch;
    let w2 = w_base + min(4 * col + 2, dims.inputs) * pitch;
    let w3 = w_base + min(4 * col + 3, dims.inputs) * pitch;
    let w4 = w_base + min(4 * col + 4, dims.inputs) * pitch;
    let w5 = w_base + min(4 * col + 5, dims.inputs) * pitch;
    let w6 = w_base + min(4 * col + 6, dims.inputs) * pitch;
    let w7 = w_base + min(4 * col + 7, dims.inputs) * pitch;

    var top_left = mat4x4<f32>(); // a column of a matrix is a row of grad_x
    var top_right = mat4x4<f32>();
    var low_left = mat4x4<f32>();
    var low_right = mat4x4<f32>();
    for (var n = 0u; n < pitch; n++) {
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
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + col;
    let grad_x_base = (dims.grad_x_offset + group.z * dims.grad_x_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i < dims.batch; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = (row + i) * grad_x_pitch;
        grad_x[grad_x_base + at] = select(vec4(0.0), left * derivative(x[x_base + at]), left_real);
        if col + 1 < grad_x_pitch {
            let next = x[x_base + at + 1];
            grad_x[grad_x_base + at + 1] = select(vec4(0.0), right * derivative(next), right_real);
        }
    }
}
