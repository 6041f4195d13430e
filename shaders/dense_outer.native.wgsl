// Dense layer, forward: y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:]). For software adapters with subgroups of
// eight: the subgroup outer product. Portable twin: dense_register.wgsl.
//
// A workgroup is one subgroup and computes 32 rows × 32 columns of y. Lane l holds four inputs of rows l, 8 + l,
// 16 + l and 24 + l of x, and four inputs of columns 4l .. 4l + 4 of w: 8 vec4 loads for the whole tile's 4,096
// products. x goes round by broadcasts from constant lanes, which cost a shuffle each; loads are what costs on
// such adapters, each lane's being guarded on its own, and a barrier is dearer still.

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

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 32;

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

// What lanes 0 to 3, or 4 to 7, hold, as the columns of a matrix.
fn first_four(v: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(subgroupBroadcast(v, 0u), subgroupBroadcast(v, 1u), subgroupBroadcast(v, 2u), subgroupBroadcast(v, 3u));
}
fn last_four(v: vec4<f32>) -> mat4x4<f32> {
    return mat4x4(subgroupBroadcast(v, 4u), subgroupBroadcast(v, 5u), subgroupBroadcast(v, 6u), subgroupBroadcast(v, 7u));
}

// Four rows of y, this lane's four columns each.
fn store(rows: mat4x4<f32>, bias: vec4<f32>, row: u32, col: u32, replica: u32) {
    let pitch = (dims.outputs + 3) / 4;
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // the padding stays zero whatever act(0) is
    let base = (dims.y_offset + replica * dims.y_stride) / 4 + col;
    for (var i = 0u; i < 4; i++) {
        if row + i < dims.batch && col < pitch {
            y[base + (row + i) * pitch] = select(vec4(0.0), activate(rows[i] + bias), real);
        }
    }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane;
    let x_pitch = (dims.inputs + 3) / 4;
    let w_pitch = (dims.outputs + 3) / 4;

    // Rows beyond the batch are read from its last row and not stored; the same for columns.
    let last = dims.batch - 1;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x0 = x_base + min(row + lane, last) * x_pitch;
    let x1 = x_base + min(row + 8 + lane, last) * x_pitch;
    let x2 = x_base + min(row + 16 + lane, last) * x_pitch;
    let x3 = x_base + min(row + 24 + lane, last) * x_pitch;
    let w_col = (dims.w_offset + group.z * dims.w_stride) / 4 + min(col, w_pitch - 1);

    var rows0 = mat4x4<f32>(); // a column of a matrix is a row of y: four rows each
    var rows4 = mat4x4<f32>();
    var rows8 = mat4x4<f32>();
    var rows12 = mat4x4<f32>();
    var rows16 = mat4x4<f32>();
    var rows20 = mat4x4<f32>();
    var rows24 = mat4x4<f32>();
    var rows28 = mat4x4<f32>();
    for (var k = 0u; k < x_pitch; k++) {
        // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
        let b = mat4x4(
            w[w_col + 4 * k * w_pitch],
            w[w_col + min(4 * k + 1, dims.inputs) * w_pitch],
            w[w_col + min(4 * k + 2, dims.inputs) * w_pitch],
            w[w_col + min(4 * k + 3, dims.inputs) * w_pitch],
        );
        let a0 = x[x0 + k];
        let a1 = x[x1 + k];
        let a2 = x[x2 + k];
        let a3 = x[x3 + k];
        rows0 += b * first_four(a0);
        rows4 += b * last_four(a0);
        rows8 += b * first_four(a1);
        rows12 += b * last_four(a1);
        rows16 += b * first_four(a2);
        rows20 += b * last_four(a2);
        rows24 += b * first_four(a3);
        rows28 += b * last_four(a3);
    }

    let bias = w[w_col + dims.inputs * w_pitch];
    store(rows0, bias, row, col, group.z);
    store(rows4, bias, row + 4, col, group.z);
    store(rows8, bias, row + 8, col, group.z);
    store(rows12, bias, row + 12, col, group.z);
    store(rows16, bias, row + 16, col, group.z);
    store(rows20, bias, row + 20, col, group.z);
    store(rows24, bias, row + 24, col, group.z);
    store(rows28, bias, row + 28, col, group.z);
}
