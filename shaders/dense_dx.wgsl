// Dense layer, gradient of the input: grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′(x), where x is the OUTPUT of the
// activation that made it (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x)). For hardware GPUs; software
// adapters run dense_dx_outer.native.wgsl or dense_dx_register.wgsl.
//
// A workgroup of 128 computes 64 rows × 64 columns of grad_x, each invocation 8 × 4 of them. N is walked in steps
// of 16: half the workgroup fetches dz's share of the next step, the other half w's, into registers while the
// current one is being multiplied, so that one copy of each tile in workgroup memory (8 KiB together) is
// enough. Both run along N in memory: both are transposed on their way in.

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
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> dz_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> w_tile: array<vec4<f32>, 256>;  // [STEP][TILE_COLS / 4]

// Outputs n + 4s.. of four rows of dz (local < 64) or of w (then the rows are columns of grad_x), transposed.
fn fetch(local: u32, row: u32, col: u32, n: u32, replica: u32) -> mat4x4<f32> {
    let pitch = (dims.outputs + 3) / 4;
    let at = n / 4 + (local % 64) / SIDE;
    let q = local % SIDE;
    if local < 64 {
        if at >= pitch {
            return mat4x4<f32>();
        }
        let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + at;
        let first = row + 4 * q;
        let last = dims.batch - 1;
        return transpose(mat4x4(
            dz[base + min(first, last) * pitch],
            dz[base + min(first + 1, last) * pitch],
            dz[base + min(first + 2, last) * pitch],
            dz[base + min(first + 3, last) * pitch],
        ));
    }
    // Beyond N, dz is zero; the clamp keeps w's factor inside this replica, where it is finite.
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(at, pitch - 1);
    let first = col + 4 * q;
    return transpose(mat4x4(
        w[base + min(first, dims.inputs) * pitch],
        w[base + min(first + 1, dims.inputs) * pitch],
        w[base + min(first + 2, dims.inputs) * pitch],
        w[base + min(first + 3, dims.inputs) * pitch],
    ));
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

fn derivative(y: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return 1.0 - y * y; }
        case 2: { return select(vec4(0.0), vec4(1.0), y > vec4(0.0)); }
        case 3: { return y * (1.0 - y); }
        default: { return vec4(1.0); }
    }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of grad_x
    var bottom = mat4x4<f32>();
    var next = fetch(local, row, group.x * TILE_COLS, 0, group.z);
    for (var n = 0u; n < dims.outputs; n += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = 4 * s * SIDE + q;
            dz_tile[at] = next[0];
            dz_tile[at + SIDE] = next[1];
            dz_tile[at + 2 * SIDE] = next[2];
            dz_tile[at + 3 * SIDE] = next[3];
        } else {
            let at = 4 * s * SIDE + q;
            w_tile[at] = next[0];
            w_tile[at + SIDE] = next[1];
            w_tile[at + 2 * SIDE] = next[2];
            w_tile[at + 3 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch(local, row, group.x * TILE_COLS, n + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = dz_tile[i * SIDE + 2 * down];
            let a1 = dz_tile[i * SIDE + 2 * down + 1];
            let b4 = w_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.inputs + 3) / 4;
    let col = group.x * (TILE_COLS / 4) + q;
    if col >= pitch {
        return;
    }
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs); // column K would be the bias: padding is zero
    let source = (dims.x_offset + group.z * dims.x_stride) / 4 + col;
    let base = (dims.grad_x_offset + group.z * dims.grad_x_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first < dims.batch {
            let at = first * pitch;
            grad_x[base + at] = select(vec4(0.0), picked(top, i) * derivative(x[source + at]), real);
        }
        if first + 4 < dims.batch {
            let at = (first + 4) * pitch;
            grad_x[base + at] = select(vec4(0.0), picked(bottom, i) * derivative(x[source + at]), real);
        }
    }
}
