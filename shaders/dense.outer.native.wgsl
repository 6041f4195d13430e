// Dense layer. For software adapters with subgroups of eight and 64-bit integers: the subgroup outer product.
// Portable twin: dense.register.wgsl.
// forward  y[B,N] = act(x[B,K] · w[0..K,N] + w[K,:])
// grad_x   grad_x[B,K] = (dz[B,N] · w[0..K,N]ᵀ) ⊙ act′, from the OUTPUT of the activation that made x
//          (tanh′ = 1 − x², relu′ = x > 0, sigmoid′ = x(1 − x))
// grad_w   grad_w[K+1,N] = [x | 1]ᵀ · dz: a column of ones, never stored, gives the bias's, Σ_b dz[b,:]
//
// A workgroup is one subgroup and computes 32 rows of the result. Values of the left factor lie across lanes,
// columns of the right one too; each value of the left then goes round by a broadcast from a constant lane.
// Such adapters spend their time on loads, which each lane does and guards on its own, then on the
// broadcasts, then on the size of the loop's machine code: it must stay within an instruction cache of 32 KB.
// The figures are of Mesa 25.0.7, lavapipe, one core.

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
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>; // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>; // [B, N]
@group(0) @binding(3) var<storage, read> w: array<vec2<u64>>; // [K + 1, N], the bias last
@group(0) @binding(4) var<storage, read> activated: array<vec4<f32>>; // [B, K]: x, as its activation's output
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // y as dz, grad_x as x, grad_w as w

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 64;
const GRAD_X_TILE_COLS: u32 = 32;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let bits = vec4(vec2<u32>(words), vec2<u32>(words >> vec2(32u)));
    return bitcast<vec4<f32>>(bits.xzyw);
}

fn pair(word: u64) -> vec2<f32> {
    return bitcast<vec2<f32>>(vec2(u32(word), u32(word >> 32u)));
}

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

// 64 columns of y, two inputs at a time. Lane l holds both inputs of rows l, 8 + l, 16 + l, 24 + l of x, and
// of columns 4l .. 4l + 4 and 32 + 4l .. of w: 12 words of 64 bits a lane for 4,096 products of the tile.
//
// x is loaded every other turn, two words at once: rows of x that are 4,096 bytes apart share one set of the
// first cache, and what one turn loads has gone from there by the next. The branch costs next to nothing
// where it is not taken, while an inner loop of two turns would copy all 256 sums in and out (0.7 times).
//
// Measured (best of interleaved runs): 128 × 600 × 1,024: 34 to 37 GFLOP/s, the register tile 7; 256 × 1,024
// × 512: 35, with x loaded every turn 30. Words of 64 bits are worth 1.2 times, this tile against 32 × 32 by
// fours 1.1 times. Lost: 64 × 64 0.86, 48 × 64 0.7, 16 × 64 0.9; four inputs a turn 0.84, eight 0.77; fma,
// which is lowered to a product and a sum there. Words of 256 bits would give another 5 to 10%, but rows of
// parameters are aligned to 128.
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let x_pitch = (dims.inputs + 3) / 4;        // in vec4s, as all rows
    let w_pitch = (dims.outputs + 3) / 4;

    // Rows beyond the batch are read from its last row and not stored; the same for columns.
    let last = dims.batch - 1;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x0 = x_base + min(row + lane, last) * x_pitch;
    let x8 = x_base + min(row + 8 + lane, last) * x_pitch;
    let x16 = x_base + min(row + 16 + lane, last) * x_pitch;
    let x24 = x_base + min(row + 24 + lane, last) * x_pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_left = w_base + min(col, w_pitch - 1);
    let w_right = w_base + min(col + 8, w_pitch - 1);

    // Separate variables, for an array would live in memory; a column of a matrix is (half) a row of the
    // tile.
    var left0 = mat4x4<f32>();
    var left4 = mat4x4<f32>();
    var left8 = mat4x4<f32>();
    var left12 = mat4x4<f32>();
    var left16 = mat4x4<f32>();
    var left20 = mat4x4<f32>();
    var left24 = mat4x4<f32>();
    var left28 = mat4x4<f32>();
    var right0 = mat4x4<f32>();
    var right4 = mat4x4<f32>();
    var right8 = mat4x4<f32>();
    var right12 = mat4x4<f32>();
    var right16 = mat4x4<f32>();
    var right20 = mat4x4<f32>();
    var right24 = mat4x4<f32>();
    var right28 = mat4x4<f32>();
    var x0_words = vec2<u64>();
    var x8_words = vec2<u64>();
    var x16_words = vec2<u64>();
    var x24_words = vec2<u64>();
    for (var k = 0u; k < 2 * x_pitch; k++) {
        let second = k % 2 == 1;
        if !second {
            x0_words = x[x0 + k / 2];
            x8_words = x[x8 + k / 2];
            x16_words = x[x16 + k / 2];
            x24_words = x[x24 + k / 2];
        }
        // Beyond K, x is zero; the clamp keeps w's factor inside this replica, where it is finite.
        let even = min(2 * k, dims.inputs) * w_pitch;
        let odd = min(2 * k + 1, dims.inputs) * w_pitch;
        let b_left = mat2x4(floats(w[w_left + even]), floats(w[w_left + odd]));
        let b_right = mat2x4(floats(w[w_right + even]), floats(w[w_right + odd]));
        let a0 = pair(select(x0_words.x, x0_words.y, second));
        let a8 = pair(select(x8_words.x, x8_words.y, second));
        let a16 = pair(select(x16_words.x, x16_words.y, second));
        let a24 = pair(select(x24_words.x, x24_words.y, second));
        let t0 = subgroupBroadcast(a0, 0u); left0[0] += b_left * t0; right0[0] += b_right * t0;
        let t1 = subgroupBroadcast(a0, 1u); left0[1] += b_left * t1; right0[1] += b_right * t1;
        let t2 = subgroupBroadcast(a0, 2u); left0[2] += b_left * t2; right0[2] += b_right * t2;
        let t3 = subgroupBroadcast(a0, 3u); left0[3] += b_left * t3; right0[3] += b_right * t3;
        let t4 = subgroupBroadcast(a0, 4u); left4[0] += b_left * t4; right4[0] += b_right * t4;
        let t5 = subgroupBroadcast(a0, 5u); left4[1] += b_left * t5; right4[1] += b_right * t5;
        let t6 = subgroupBroadcast(a0, 6u); left4[2] += b_left * t6; right4[2] += b_right * t6;
        let t7 = subgroupBroadcast(a0, 7u); left4[3] += b_left * t7; right4[3] += b_right * t7;
        let t8 = subgroupBroadcast(a8, 0u); left8[0] += b_left * t8; right8[0] += b_right * t8;
        let t9 = subgroupBroadcast(a8, 1u); left8[1] += b_left * t9; right8[1] += b_right * t9;
        let t10 = subgroupBroadcast(a8, 2u); left8[2] += b_left * t10; right8[2] += b_right * t10;
        let t11 = subgroupBroadcast(a8, 3u); left8[3] += b_left * t11; right8[3] += b_right * t11;
        let t12 = subgroupBroadcast(a8, 4u); left12[0] += b_left * t12; right12[0] += b_right * t12;
        let t13 = subgroupBroadcast(a8, 5u); left12[1] += b_left * t13; right12[1] += b_right * t13;
        let t14 = subgroupBroadcast(a8, 6u); left12[2] += b_left * t14; right12[2] += b_right * t14;
        let t15 = subgroupBroadcast(a8, 7u); left12[3] += b_left * t15; right12[3] += b_right * t15;
        let t16 = subgroupBroadcast(a16, 0u); left16[0] += b_left * t16; right16[0] += b_right * t16;
        let t17 = subgroupBroadcast(a16, 1u); left16[1] += b_left * t17; right16[1] += b_right * t17;
        let t18 = subgroupBroadcast(a16, 2u); left16[2] += b_left * t18; right16[2] += b_right * t18;
        let t19 = subgroupBroadcast(a16, 3u); left16[3] += b_left * t19; right16[3] += b_right * t19;
        let t20 = subgroupBroadcast(a16, 4u); left20[0] += b_left * t20; right20[0] += b_right * t20;
        let t21 = subgroupBroadcast(a16, 5u); left20[1] += b_left * t21; right20[1] += b_right * t21;
        let t22 = subgroupBroadcast(a16, 6u); left20[2] += b_left * t22; right20[2] += b_right * t22;
        let t23 = subgroupBroadcast(a16, 7u); left20[3] += b_left * t23; right20[3] += b_right * t23;
        let t24 = subgroupBroadcast(a24, 0u); left24[0] += b_left * t24; right24[0] += b_right * t24;
        let t25 = subgroupBroadcast(a24, 1u); left24[1] += b_left * t25; right24[1] += b_right * t25;
        let t26 = subgroupBroadcast(a24, 2u); left24[2] += b_left * t26; right24[2] += b_right * t26;
        let t27 = subgroupBroadcast(a24, 3u); left24[3] += b_left * t27; right24[3] += b_right * t27;
        let t28 = subgroupBroadcast(a24, 4u); left28[0] += b_left * t28; right28[0] += b_right * t28;
        let t29 = subgroupBroadcast(a24, 5u); left28[1] += b_left * t29; right28[1] += b_right * t29;
        let t30 = subgroupBroadcast(a24, 6u); left28[2] += b_left * t30; right28[2] += b_right * t30;
        let t31 = subgroupBroadcast(a24, 7u); left28[3] += b_left * t31; right28[3] += b_right * t31;
    }

    if col >= w_pitch {
        return;
    }
    // A loop, not 32 copies of the activations: the pipeline builds five times faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    let left_bias = floats(w[w_left + dims.inputs * w_pitch]);
    let right_bias = floats(w[w_right + dims.inputs * w_pitch]);
    // Padding stays zero whatever act(0) is.
    let left_real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
    let right_real = 4 * (col + 8) + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
    let end = min(TILE_ROWS, dims.batch - row) * dims.dz_pitch;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + row * dims.dz_pitch + col;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        result[base + at] = select(vec4(0.0), activate(left[i / 4][i % 4] + left_bias), left_real);
        if col + 8 < w_pitch {
            result[base + at + 8] = select(vec4(0.0), activate(right[i / 4][i % 4] + right_bias), right_real);
        }
        at += dims.dz_pitch;
    }
}

// 32 columns of grad_x, four outputs n at a time. Lane l holds four outputs of rows l, 8 + l, 16 + l, 24 + l
// of dz and of rows 4l .. 4l + 4 of w (columns of grad_x): 16 words of 64 bits a lane for 4,096 products of
// the tile. Measured (128 × 600 × 1,024): 28 GFLOP/s, the register tile 6. Columns of w are rows in memory
// here, so that the forward pass's wider tile would need more loads a lane: 0.9 times.
@compute @workgroup_size(8)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (GRAD_X_TILE_COLS / 4) + lane;
    let w_pitch = (dims.outputs + 3) / 4;
    let grad_x_pitch = (dims.inputs + 3) / 4;

    // Rows beyond the batch are read from its last row and not stored; the same for columns, rows of w.
    let last = dims.batch - 1;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz0 = dz_base + min(row + lane, last) * dims.dz_pitch;
    let dz1 = dz_base + min(row + 8 + lane, last) * dims.dz_pitch;
    let dz2 = dz_base + min(row + 16 + lane, last) * dims.dz_pitch;
    let dz3 = dz_base + min(row + 24 + lane, last) * dims.dz_pitch;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w0 = w_base + min(4 * col, dims.inputs) * w_pitch;
    let w1 = w_base + min(4 * col + 1, dims.inputs) * w_pitch;
    let w2 = w_base + min(4 * col + 2, dims.inputs) * w_pitch;
    let w3 = w_base + min(4 * col + 3, dims.inputs) * w_pitch;

    // Separate variables, for an array would live in memory; a column of a matrix is a row of grad_x.
    var rows0 = mat4x4<f32>();
    var rows4 = mat4x4<f32>();
    var rows8 = mat4x4<f32>();
    var rows12 = mat4x4<f32>();
    var rows16 = mat4x4<f32>();
    var rows20 = mat4x4<f32>();
    var rows24 = mat4x4<f32>();
    var rows28 = mat4x4<f32>();
    for (var n = 0u; n < w_pitch; n++) {
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
    // Column K would be the bias: padding is zero.
    let real = 4 * col + vec4(0u, 1u, 2u, 3u) < vec4(dims.inputs);
    let x_base = (dims.activated_offset + group.z * dims.activated_stride) / 4 + row * grad_x_pitch + col;
    let grad_x_base = (dims.result_offset + group.z * dims.result_stride) / 4 + row * grad_x_pitch + col;
    let end = min(TILE_ROWS, dims.batch - row) * grad_x_pitch;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        let slope = derivative(activated[x_base + at]);
        result[grad_x_base + at] = select(vec4(0.0), rows[i / 4][i % 4] * slope, real);
        at += grad_x_pitch;
    }
}

// 64 columns of grad_w, two records at a time. Lane l holds columns 4l .. 4l + 4 of the tile's share of x,
// and 4l .. 4l + 4 and 32 + 4l .. of dz's: 12 words of 64 bits a lane for 4,096 products of the tile.
// Measured (128 × 600 × 1,024): 33 GFLOP/s, 28 with a tile of 32 × 32 by fours, 10 with the register tile.
// The batch is summed in order, in one place: no atomics, no second pass.
@compute @workgroup_size(8)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let x_pitch = (dims.inputs + 3) / 4;
    let dw_pitch = (dims.outputs + 3) / 4;

    // Rows and columns beyond the tensors are read from the last ones and not stored.
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + min(row / 4 + lane, x_pitch - 1);
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz_left = dz_base + min(col, dw_pitch - 1);
    let dz_right = dz_base + min(col + 8, dw_pitch - 1);
    let one = row + 4 * lane + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K of x

    // Separate variables, for an array would live in memory; a column of a matrix is (half) a row of the
    // tile.
    var left0 = mat4x4<f32>();
    var left4 = mat4x4<f32>();
    var left8 = mat4x4<f32>();
    var left12 = mat4x4<f32>();
    var left16 = mat4x4<f32>();
    var left20 = mat4x4<f32>();
    var left24 = mat4x4<f32>();
    var left28 = mat4x4<f32>();
    var right0 = mat4x4<f32>();
    var right4 = mat4x4<f32>();
    var right8 = mat4x4<f32>();
    var right12 = mat4x4<f32>();
    var right16 = mat4x4<f32>();
    var right20 = mat4x4<f32>();
    var right24 = mat4x4<f32>();
    var right28 = mat4x4<f32>();
    for (var even = 0u; even < dims.batch; even += 2) {
        // An odd batch's last record is read twice and counts once.
        let odd = min(even + 1, dims.batch - 1);
        let once = odd == even;
        let b_left = mat2x4(
            floats(dz[dz_left + even * dims.dz_pitch]),
            select(floats(dz[dz_left + odd * dims.dz_pitch]), vec4(0.0), once),
        );
        let b_right = mat2x4(
            floats(dz[dz_right + even * dims.dz_pitch]),
            select(floats(dz[dz_right + odd * dims.dz_pitch]), vec4(0.0), once),
        );
        let a = transpose(mat2x4(
            select(floats(x[x_base + even * x_pitch]), vec4(1.0), one),
            select(floats(x[x_base + odd * x_pitch]), vec4(1.0), one),
        ));
        let t0 = subgroupBroadcast(a[0], 0u); left0[0] += b_left * t0; right0[0] += b_right * t0;
        let t1 = subgroupBroadcast(a[1], 0u); left0[1] += b_left * t1; right0[1] += b_right * t1;
        let t2 = subgroupBroadcast(a[2], 0u); left0[2] += b_left * t2; right0[2] += b_right * t2;
        let t3 = subgroupBroadcast(a[3], 0u); left0[3] += b_left * t3; right0[3] += b_right * t3;
        let t4 = subgroupBroadcast(a[0], 1u); left4[0] += b_left * t4; right4[0] += b_right * t4;
        let t5 = subgroupBroadcast(a[1], 1u); left4[1] += b_left * t5; right4[1] += b_right * t5;
        let t6 = subgroupBroadcast(a[2], 1u); left4[2] += b_left * t6; right4[2] += b_right * t6;
        let t7 = subgroupBroadcast(a[3], 1u); left4[3] += b_left * t7; right4[3] += b_right * t7;
        let t8 = subgroupBroadcast(a[0], 2u); left8[0] += b_left * t8; right8[0] += b_right * t8;
        let t9 = subgroupBroadcast(a[1], 2u); left8[1] += b_left * t9; right8[1] += b_right * t9;
        let t10 = subgroupBroadcast(a[2], 2u); left8[2] += b_left * t10; right8[2] += b_right * t10;
        let t11 = subgroupBroadcast(a[3], 2u); left8[3] += b_left * t11; right8[3] += b_right * t11;
        let t12 = subgroupBroadcast(a[0], 3u); left12[0] += b_left * t12; right12[0] += b_right * t12;
        let t13 = subgroupBroadcast(a[1], 3u); left12[1] += b_left * t13; right12[1] += b_right * t13;
        let t14 = subgroupBroadcast(a[2], 3u); left12[2] += b_left * t14; right12[2] += b_right * t14;
        let t15 = subgroupBroadcast(a[3], 3u); left12[3] += b_left * t15; right12[3] += b_right * t15;
        let t16 = subgroupBroadcast(a[0], 4u); left16[0] += b_left * t16; right16[0] += b_right * t16;
        let t17 = subgroupBroadcast(a[1], 4u); left16[1] += b_left * t17; right16[1] += b_right * t17;
        let t18 = subgroupBroadcast(a[2], 4u); left16[2] += b_left * t18; right16[2] += b_right * t18;
        let t19 = subgroupBroadcast(a[3], 4u); left16[3] += b_left * t19; right16[3] += b_right * t19;
        let t20 = subgroupBroadcast(a[0], 5u); left20[0] += b_left * t20; right20[0] += b_right * t20;
        let t21 = subgroupBroadcast(a[1], 5u); left20[1] += b_left * t21; right20[1] += b_right * t21;
        let t22 = subgroupBroadcast(a[2], 5u); left20[2] += b_left * t22; right20[2] += b_right * t22;
        let t23 = subgroupBroadcast(a[3], 5u); left20[3] += b_left * t23; right20[3] += b_right * t23;
        let t24 = subgroupBroadcast(a[0], 6u); left24[0] += b_left * t24; right24[0] += b_right * t24;
        let t25 = subgroupBroadcast(a[1], 6u); left24[1] += b_left * t25; right24[1] += b_right * t25;
        let t26 = subgroupBroadcast(a[2], 6u); left24[2] += b_left * t26; right24[2] += b_right * t26;
        let t27 = subgroupBroadcast(a[3], 6u); left24[3] += b_left * t27; right24[3] += b_right * t27;
        let t28 = subgroupBroadcast(a[0], 7u); left28[0] += b_left * t28; right28[0] += b_right * t28;
        let t29 = subgroupBroadcast(a[1], 7u); left28[1] += b_left * t29; right28[1] += b_right * t29;
        let t30 = subgroupBroadcast(a[2], 7u); left28[2] += b_left * t30; right28[2] += b_right * t30;
        let t31 = subgroupBroadcast(a[3], 7u); left28[3] += b_left * t31; right28[3] += b_right * t31;
    }

    if col >= dw_pitch {
        return;
    }
    // A loop whose length no compiler can tell, not 32 copies of the stores: the pipeline builds five times
    // faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    let end = min(TILE_ROWS, dims.inputs + 1 - row) * dw_pitch;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + row * dw_pitch + col;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        result[base + at] = left[i / 4][i % 4];
        if col + 8 < dw_pitch {
            result[base + at + 8] = right[i / 4][i % 4];
        }
        at += dw_pitch;
    }
}
