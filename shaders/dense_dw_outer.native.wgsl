// Dense layer, gradient of weights and bias: dw[K+1,N] = [x | 1]ᵀ · dz, x[B,K] with a column of ones appended
// (never stored), so that the last row, Σ_b dz[b,:], is the bias gradient. For software adapters with subgroups
// of eight and 64-bit integers: the subgroup outer product. Portable twin: dense_dw_register.wgsl.
//
// A workgroup is one subgroup and computes 32 rows × 64 columns of dw, two records at a time. Lane l holds
// columns 4l .. 4l + 4 of the tile's share of x, and 4l .. 4l + 4 and 32 + 4l .. of dz's; each value of x then
// goes round by a broadcast from a constant lane. Such adapters spend their time on loads, which each lane does
// and guards on its own (12 words of 64 bits a lane here, for 4,096 products of the tile), then on the
// broadcasts, then on the size of the loop's machine code. Measured (Mesa 25.0.7, lavapipe, one core,
// 128 × 600 × 1,024): 33 GFLOP/s, 28 with a tile of 32 × 32 by fours, 10 with the register tile.
//
// The batch is summed in order, in one place: no atomics, no second pass.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    batch: u32,   // B
    inputs: u32,  // K
    outputs: u32, // N
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;        // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>;       // [B, N]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [K + 1, N]

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 64;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let x_pitch = (dims.inputs + 3) / 4;
    let dz_pitch = (dims.outputs + 3) / 4;

    // Rows and columns beyond the tensors are read from the last ones and not stored.
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4 + min(row / 4 + lane, x_pitch - 1);
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let dz_left = dz_base + min(col, dz_pitch - 1);
    let dz_right = dz_base + min(col + 8, dz_pitch - 1);
    let one = row + 4 * lane + vec4(0u, 1u, 2u, 3u) == vec4(dims.inputs); // column K of x

    // Separate variables, for an array would live in memory; a column of a matrix is (half) a row of the tile.
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
            floats(dz[dz_left + even * dz_pitch]),
            select(floats(dz[dz_left + odd * dz_pitch]), vec4(0.0), once),
        );
        let b_right = mat2x4(
            floats(dz[dz_right + even * dz_pitch]),
            select(floats(dz[dz_right + odd * dz_pitch]), vec4(0.0), once),
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

    if col >= dz_pitch {
        return;
    }
    // A loop whose length no compiler can tell, not 32 copies of the stores: the pipeline builds five times faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    let end = min(TILE_ROWS, dims.inputs + 1 - row) * dz_pitch;
    let base = (dims.dw_offset + group.z * dims.dw_stride) / 4 + row * dz_pitch + col;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        dw[base + at] = left[i / 4][i % 4];
        if col + 8 < dz_pitch {
            dw[base + at + 8] = right[i / 4][i % 4];
        }
        at += dz_pitch;
    }
}
