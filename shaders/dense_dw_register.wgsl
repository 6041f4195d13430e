// Dense layer, gradient of weights and bias: dw[K+1,N] = [x | 1]ᵀ · dz, x[B,K] with a column of ones appended
// (never stored), so that the last row, Σ_b dz[b,:], is the bias gradient. For software adapters without usable
// subgroups, where a barrier costs more than the loads it would save; see dense_dw_outer.native.wgsl.
//
// An invocation computes 8 rows × 8 columns of dw in registers, a record at a time: 4 vec4 loads for 64
// products. The 8 invocations of a workgroup take neighbouring blocks of rows and so read the same columns of dz.

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
const TILE_COLS: u32 = 8;

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
    let dz_pitch = (dims.outputs + 3) / 4;

    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x_top = x_base + min(row / 4, x_pitch - 1);
    let x_low = x_base + min(row / 4 + 1, x_pitch - 1);
    let one_top = row + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K
    let one_low = row + vec4(4u, 5u, 6u, 7u) == vec4(dims.inputs);
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz_left = dz_base + col;
    let dz_right = dz_base + min(col + 1, dz_pitch - 1);

    var top_left = mat4x4<f32>(); // a column of a matrix is a row of dw
    var top_right = mat4x4<f32>();
    var low_left = mat4x4<f32>();
    var low_right = mat4x4<f32>();
    for (var b = 0u; b < dims.batch; b++) {
        let left = dz[dz_left + b * dz_pitch];
        let right = dz[dz_right + b * dz_pitch];
        let top = select(x[x_top + b * x_pitch], vec4(1.0), one_top);
        let low = select(x[x_low + b * x_pitch], vec4(1.0), one_low);
        top_left += mat4x4(top.x * left, top.y * left, top.z * left, top.w * left);
        top_right += mat4x4(top.x * right, top.y * right, top.z * right, top.w * right);
        low_left += mat4x4(low.x * left, low.y * left, low.z * left, low.w * left);
        low_right += mat4x4(low.x * right, low.y * right, low.z * right, low.w * right);
    }

    let dw_base = (dims.dw_offset + group.z * dims.dw_stride) / 4 + col;
    for (var i = 0u; i < 8 && row + i <= dims.inputs; i++) {
        let left = select(picked(top_left, i % 4), picked(low_left, i % 4), i >= 4);
        let right = select(picked(top_right, i % 4), picked(low_right, i % 4), i >= 4);
        let at = dw_base + (row + i) * dz_pitch;
        dw[at] = left;
        if col + 1 < dz_pitch {
            dw[at + 1] = right;
        }
    }
}
