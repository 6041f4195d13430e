// Dense layer, forward: y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:]). For hardware GPUs; software adapters
// run dense_outer.native.wgsl or dense_register.wgsl.
//
// A workgroup of 128 computes 64 rows × 64 columns of y, each invocation 8 × 4 of them. K is walked in
// steps of 16: half the workgroup fetches x's share of the next step, the other half w's, into registers
// while the current one is being multiplied, so that one copy of each tile in workgroup memory (8 KiB
// together) is enough. x is transposed on its way in: both tiles are then read as vec4s along rows and columns.

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
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> x_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> w_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

// Four vec4s of x (local < 64: rows 4q.. of the tile, inputs k + 4s..) or of w (input k + s + 4i, columns 4q..).
fn fetch(local: u32, row: u32, quad: u32, k: u32, replica: u32) -> mat4x4<f32> {
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    if local < 64 {
        let pitch = (dims.inputs + 3) / 4;
        let at = k / 4 + s;
        if at >= pitch {
            return mat4x4<f32>();
        }
        let base = (dims.x_offset + replica * dims.x_stride) / 4 + at;
        let first = row + 4 * q;
        let last = dims.batch - 1;
        return transpose(mat4x4(
            x[base + min(first, last) * pitch],
            x[base + min(first + 1, last) * pitch],
            x[base + min(first + 2, last) * pitch],
            x[base + min(first + 3, last) * pitch],
        ));
    }
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.w_offset + replica * dims.w_stride) / 4 + min(quad + q, pitch - 1);
    // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
    return mat4x4(
        w[base + min(k + s, dims.inputs) * pitch],
        w[base + min(k + s + 4, dims.inputs) * pitch],
        w[base + min(k + s + 8, dims.inputs) * pitch],
        w[base + min(k + s + 12, dims.inputs) * pitch],
    );
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

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of y
    var bottom = mat4x4<f32>();
    var next = fetch(local, row, quad, 0, group.z);
    for (var k = 0u; k < dims.inputs; k += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = 4 * s * SIDE + q;
            x_tile[at] = next[0];
            x_tile[at + SIDE] = next[1];
            x_tile[at + 2 * SIDE] = next[2];
            x_tile[at + 3 * SIDE] = next[3];
        } else {
            let at = s * SIDE + q;
            w_tile[at] = next[0];
            w_tile[at + 4 * SIDE] = next[1];
            w_tile[at + 8 * SIDE] = next[2];
            w_tile[at + 12 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch(local, row, quad, k + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = x_tile[i * SIDE + 2 * down];
            let a1 = x_tile[i * SIDE + 2 * down + 1];
            let b4 = w_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.outputs + 3) / 4;
    let col = quad + q;
    if col >= pitch {
        return;
    }
    let bias = w[(dims.w_offset + group.z * dims.w_stride) / 4 + dims.inputs * pitch + col];
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // the padding stays zero whatever act(0) is
    let base = (dims.y_offset + group.z * dims.y_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first < dims.batch {
            y[base + first * pitch] = select(vec4(0.0), activate(picked(top, i) + bias), real);
        }
        if first + 4 < dims.batch {
            y[base + (first + 4) * pitch] = select(vec4(0.0), activate(picked(bottom, i) + bias), real);
        }
    }
}
