// Dense layer, gradient of the input: grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′(x), where x is the OUTPUT of the
// activation that made it (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x)). For software adapters with
// subgroups of eight and 64-bit integers: the subgroup outer product. Portable twin: dense_dx_register.wgsl.
//
// A workgroup is one subgroup and computes 32 rows × 32 columns of grad_x, four outputs n at a time. Lane l holds
// four outputs of rows l, 8 + l, 16 + l, 24 + l of dz and of rows 4l .. 4l + 4 of w (columns of grad_x); each value
// of dz then goes round by a broadcast from a constant lane. Such adapters spend their time on loads, which each
// lane does and guards on its own: here 16 words of 64 bits a lane serve 4,096 products of the tile. Measured
// (Mesa 25.0.7, lavapipe, one core, 128 × 600 × 1,024): 28 GFLOP/s, the register tile 6. Columns of w are rows in
// memory here, so that the forward kernel's wider tile would need more loads a lane: 0.9 times.

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
@group(0) @binding(1) var<storage, read> dz: array<vec2<u64>>;       // [B, N]
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;        // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read> x: array<vec4<f32>>;        // [B, K]
@group(0) @binding(4) var<storage, read_write> grad_x: array<vec4<f32>>; // [B, K]

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 32;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

fn derivative(y: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return 1.0 - y * y; }
        case 2: { return select(vec4(0.0), vec4(1.0), y > vec4(0.0)); }
        case 3: { return y * (1.0 - y); }
        default: { return vec4(1.0); }
    }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane;
    let dz_pitch = (dims.outputs + 3) / 4;
    let grad_x_pitch = (dims.inputs + 3) / 4;

    // Rows beyond the batch are read from its last row and not stored; the same for columns, rows of w.
    let last = dims.batch - 1;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz0 = dz_base + min(row + lane, last) * dz_pitch;
    let dz1 = dz_base + min(row + 8 + lane, last) * dz_pitch;
    let dz2 = dz_base + min(row + 16 + lane, last) * dz_pitch;
    let dz3 = dz_base + min(row + 24 + lane, last) * dz_pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w0 = w_base + min(4 * col, dims.inputs) * dz_pitch;
    let w1 = w_base + min(4 * col + 1, dims.inputs) * dz_pitch;
    let w2 = w_base + min(4 * col + 2, dims.inputs) * dz_pitch;
    let w3 = w_base + min(4 * col + 3, dims.inputs) * dz_pitch;

    // Separate variables, for an array would live in memory; a column of a matrix is a row of grad_x.
    var rows0 = mat4x4<f32>();
    var rows4 = mat4x4<f32>();
    var rows8 = mat4x4<f32>();
    var rows12 = mat4x4<f32>();
    var rows16 = mat4x4<f32>();
    var rows20 = mat4x4<f32>();
    var rows24 = mat4x4<f32>();
    var rows28 = mat4x4<f32>();
    for (var n = 0u; n < dz_pitch; n++) {
        let b = transpose(mat4x4(floats(w[w0 + n]), floats(w[w1 + n]), floats(w[w2 + n]), floats(w[w3 + n])));
        let a0 = floats(dz[dz0 + n]);
        let a1 = floats(dz[dz1 + n]);
        let a2 = floats(dz[dz2 + n]);
        let a3 = floats(dz[dz3 + n]);
        rows0[0] += b * subgroupBroadcast(a0, 0u);
        rows0[1] += b * subgroupBroadcast(a0, 1u);
        rows0[2] += b * subgroupBroadcast(a0, 2u);
        rows0[3] += b * subgroupBroadcast(a0, 3u);
        rows4[0] += b * subgroupBroadcast(a0, 4u);
        rows4[1] += b * subgroupBroadcast(a0, 5u);
        rows4[2] += b * subgroupBroadcast(a0, 6u);
        rows4[3] += b * subgroupBroadcast(a0, 7u);
        rows8[0] += b * subgroupBroadcast(a1, 0u);
        rows8[1] += b * subgroupBroadcast(a1, 1u);
        rows8[2] += b * subgroupBroadcast(a1, 2u);
        rows8[3] += b * subgroupBroadcast(a1, 3u);
        rows12[0] += b * subgroupBroadcast(a1, 4u);
        rows12[1] += b * subgroupBroadcast(a1, 5u);
        rows12[2] += b * subgroupBroadcast(a1, 6u);
        rows12[3] += b * subgroupBroadcast(a1, 7u);
        rows16[0] += b * subgroupBroadcast(a2, 0u);
        rows16[1] += b * subgroupBroadcast(a2, 1u);
        rows16[2] += b * subgroupBroadcast(a2, 2u);
        rows16[3] += b * subgroupBroadcast(a2, 3u);
        rows20[0] += b * subgroupBroadcast(a2, 4u);
        rows20[1] += b * subgroupBroadcast(a2, 5u);
        rows20[2] += b * subgroupBroadcast(a2, 6u);
        rows20[3] += b * subgroupBroadcast(a2, 7u);
        rows24[0] += b * subgroupBroadcast(a3, 0u);
        rows24[1] += b * subgroupBroadcast(a3, 1u);
        rows24[2] += b * subgroupBroadcast(a3, 2u);
        rows24[3] += b * subgroupBroadcast(a3, 3u);
        rows28[0] += b * subgroupBroadcast(a3, 4u);
        rows28[1] += b * subgroupBroadcast(a3, 5u);
        rows28[2] += b * subgroupBroadcast(a3, 6u);
        rows28[3] += b * subgroupBroadcast(a3, 7u);
    }

    if col >= grad_x_pitch {
        return;
    }
    // A loop, not 32 copies of the derivatives: the pipeline builds several times faster.
    var rows = array(rows0, rows4, rows8, rows12, rows16, rows20, rows24, rows28);
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs); // column K would be the bias: padding is zero
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + row * grad_x_pitch + col;
    let grad_x_base = (dims.grad_x_offset + group.z * dims.grad_x_stride) / 4 + row * grad_x_pitch + col;
    let end = min(TILE_ROWS, dims.batch - row) * grad_x_pitch;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        grad_x[grad_x_base + at] = select(vec4(0.0), rows[i / 4][i % 4] * derivative(x[x_base + at]), real);
        at += grad_x_pitch;
    }
}
