// Dense layer, gradient of weights and bias: dw[K+1,N] = [x | 1]ᵀ · dz, x[B,K] with a column of ones appended
// (never stored), so that the last row, Σ_b dz[b,:], is the bias gradient. For hardware GPUs; software
// adapters run dense_dw_outer.native.wgsl or dense_dw_register.wgsl.
//
// A workgroup of 128 computes 64 rows × 64 columns of dw, each invocation 8 × 4 of them. The batch is walked in
// steps of 16: half the workgroup fetches x's share of the next step, the other half dz's, into registers while
// the current one is being multiplied, so that one copy of each tile in workgroup memory (8 KiB together) is
// enough. The batch is summed in order by one invocation: no atomics, no second pass.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    batch: u32,   // B
    inputs: u32,  // K
    outputs: u32, // N
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;        // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;       // [B, N]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [K + 1, N]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> x_tile: array<vec4<f32>, 256>;  // [STEP][TILE_ROWS / 4]
var<workgroup> dz_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

// Records b + s + 4i of x (local < 64: rows 4q.. of the tile) or of dz (columns 4q..); zero beyond the batch.
fn fetch(local: u32, row: u32, quad: u32, b: u32, replica: u32) -> mat4x4<f32> {
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let records = b + s + vec4(0u, 4u, 8u, 12u);
    let real = records < vec4(dims.batch);
    let at = min(records, vec4(dims.batch - 1));
    let zero = vec4(0.0);
    if local < 64 {
        let pitch = (dims.inputs + 3) / 4;
        let k = row + 4 * q;
        let base = (dims.x_offset + replica * dims.x_stride) / 4 + min(k / 4, pitch - 1);
        let one = k + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K
        return mat4x4(
            select(zero, select(x[base + at.x * pitch], vec4(1.0), one), real.x),
            select(zero, select(x[base + at.y * pitch], vec4(1.0), one), real.y),
            select(zero, select(x[base + at.z * pitch], vec4(1.0), one), real.z),
            select(zero, select(x[base + at.w * pitch], vec4(1.0), one), real.w),
        );
    }
    let pitch = (dims.outputs + 3) / 4;
    let base = (dims.dz_offset + replica * dims.dz_stride) / 4 + min(quad + q, pitch - 1);
    return mat4x4(
        select(zero, dz[base + at.x * pitch], real.x),
        select(zero, dz[base + at.y * pitch], real.y),
        select(zero, dz[base + at.z * pitch], real.z),
        select(zero, dz[base + at.w * pitch], real.w),
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

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4

    var top = mat4x4<f32>(); // a column of the matrix is a row of dw
    var bottom = mat4x4<f32>();
    var next = fetch(local, row, quad, 0, group.z);
    for (var b = 0u; b < dims.batch; b += STEP) {
        workgroupBarrier();
        if local < 64 {
            let at = s * SIDE + q;
            x_tile[at] = next[0];
            x_tile[at + 4 * SIDE] = next[1];
            x_tile[at + 8 * SIDE] = next[2];
            x_tile[at + 12 * SIDE] = next[3];
        } else {
            let at = s * SIDE + q;
            dz_tile[at] = next[0];
            dz_tile[at + 4 * SIDE] = next[1];
            dz_tile[at + 8 * SIDE] = next[2];
            dz_tile[at + 12 * SIDE] = next[3];
        }
        workgroupBarrier();
        next = fetch(local, row, quad, b + STEP, group.z);
        for (var i = 0u; i < STEP; i++) {
            let a0 = x_tile[i * SIDE + 2 * down];
            let a1 = x_tile[i * SIDE + 2 * down + 1];
            let b4 = dz_tile[i * SIDE + q];
            top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
            bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
        }
    }

    let pitch = (dims.outputs + 3) / 4;
    let col = quad + q;
    if col >= pitch {
        return;
    }
    let base = (dims.dw_offset + group.z * dims.dw_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        let first = row + 8 * down + i;
        if first <= dims.inputs {
            dw[base + first * pitch] = picked(top, i);
        }
        if first + 4 <= dims.inputs {
            dw[base + (first + 4) * pitch] = picked(bottom, i);
        }
    }
}
