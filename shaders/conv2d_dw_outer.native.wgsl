// Convolution, gradient of the weights: dw[tap Cin + ci, co] = sum over records and output pixels of x dz; the last
// row, where there is a bias, the sum of dz. For software adapters with subgroups of eight and 64-bit integers: the
// subgroup outer product of dense_dw_outer.native.wgsl as an implicit matrix product; channels of x a multiple of 4.
// Portable twin: conv2d_dw_register.wgsl.
//
// A workgroup is one subgroup and computes 32 rows × 64 columns of dw, two records at a time. Lane l holds rows 4l ..
// 4l + 4 of the tile, which are neighbouring channels under one tap, and columns 4l .. 4l + 4 and 32 + 4l ..;
// each value of x then goes round by a broadcast from a constant lane. An output pixel at which the taps of all rows fall
// on padding is skipped. Records and pixels are summed in order, in one place. Dims' activation is not used.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;        // [B, IH IW Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>;       // [B, OH OW Cout]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [k k Cin (+ 1), Cout]

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
    let quads = dims.in_c / 4;
    let dz_pitch = dims.out_c / 4;
    let taps = dims.window * dims.window;
    let rows = taps * dims.in_c + dims.bias;

    // The tap and the channels of this lane's rows. The bias is the first row of a tap beyond the last; what else is
    // there is not stored.
    let quad = row / 4 + lane;
    let tap = min(quad / quads, taps);
    let kh = tap / dims.window;
    let kw = tap % dims.window;
    let is_bias = dims.bias != 0 && quad == taps * quads;
    let one = vec4(1.0, 0.0, 0.0, 0.0);
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x_record = dims.in_h * dims.in_w * quads;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let dz_record = dims.out_h * dims.out_w * (dims.y_channels / 4);
    let dz_left = dz_base + min(col, dz_pitch - 1);
    let dz_right = dz_base + min(col + 8, dz_pitch - 1);

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
    for (var first = 0u; first < dims.batch; first += 2) {
        // An odd batch's last record is read twice and counts once.
        let second = min(first + 1, dims.batch - 1);
        let once = second == first;
        for (var oh = 0u; oh < dims.out_h; oh++) {
            let ih = oh * dims.stride + kh - dims.padding;
            if !subgroupAny(is_bias || (tap < taps && ih < dims.in_h)) {
                continue;
            }
            for (var ow = 0u; ow < dims.out_w; ow++) {
                let iw = ow * dims.stride + kw - dims.padding;
                let inside = tap < taps && ih < dims.in_h && iw < dims.in_w;
                if !subgroupAny(is_bias || inside) {
                    continue;
                }
                let source = select(x_base, x_base + (ih * dims.in_w + iw) * quads + quad % quads, inside);
                let to = (oh * dims.out_w + ow) * (dims.y_channels / 4);
                let even = to + first * dz_record;
                let odd = to + second * dz_record;
                let b_left = mat2x4(
                    floats(dz[dz_left + even]),
                    select(floats(dz[dz_left + odd]), vec4(0.0), once),
                );
                let b_right = mat2x4(
                    floats(dz[dz_right + even]),
                    select(floats(dz[dz_right + odd]), vec4(0.0), once),
                );
                let beside = select(vec4(0.0), one, is_bias);
                let a = transpose(mat2x4(
                    select(beside, floats(x[source + first * x_record]), inside),
                    select(beside, floats(x[source + second * x_record]), inside),
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
        }
    }

    if col >= dz_pitch {
        return;
    }
    // A loop whose length no compiler can tell, not 32 copies of the stores: the pipeline builds five times faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    let end = min(TILE_ROWS, rows - row) * dz_pitch;
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
