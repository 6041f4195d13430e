// Convolution, forward: y = act(conv(x, w) + bias), images as rows of pixels of channels. For software adapters with
// subgroups of eight and 64-bit integers: the subgroup outer product of dense_outer.native.wgsl as an implicit
// matrix product; channels of x a multiple of 4. Portable twin: conv2d_register.wgsl.
//
// A workgroup is one subgroup and computes 32 output pixels × 64 channels, two input channels at a time. A pixel's
// inputs under one tap are neighbours in memory, so a tap is a dense layer of its own whose rows of x are picked
// by pixel: lane l holds two inputs of pixels l, 8 + l, 16 + l, 24 + l, and of channels 4l .. 4l + 4 and
// 32 + 4l .. of w; each value of x then goes round by a broadcast from a constant lane. A tap that falls on padding for
// all 32 pixels is skipped, for some of them it reads zeros.
//
// Images of few pixels go by pixel: the rows of a tile are one pixel of 32 records, so that what falls on padding
// falls there for all of them. Larger ones go by record: neighbouring pixels lie side by side in the caches.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u64>;             // [B, IH IW Cin], two values a word
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;       // [k k Cin (+ 1), Cout]; four values
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, OH OW Cout]

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 64;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
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

// Where an output pixel's window begins.
struct Corner {
    ih: u32, iw: u32, // above or left of the image they wrap to huge numbers
    at: u32,          // in x, in words
}

fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// The corner of row n of the matrix; rows beyond the last are read as the last and not stored.
fn corner(n: u32, base: u32) -> Corner {
    let pixels = dims.out_h * dims.out_w;
    let row = min(n, dims.batch * pixels - 1);
    let b = select(row / pixels, row % dims.batch, by_pixel(pixels));
    let pixel = select(row % pixels, row / dims.batch, by_pixel(pixels));
    let ih = pixel / dims.out_w * dims.stride - dims.padding;
    let iw = pixel % dims.out_w * dims.stride - dims.padding;
    return Corner(ih, iw, base + ((b * dims.in_h + ih) * dims.in_w + iw) * (dims.in_c / 2));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let w_pitch = dims.out_c / 4;
    let pairs = dims.in_c / 2;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 2;
    let p0 = corner(row + lane, x_base);
    let p8 = corner(row + 8 + lane, x_base);
    let p16 = corner(row + 16 + lane, x_base);
    let p24 = corner(row + 24 + lane, x_base);
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_left = w_base + min(col, w_pitch - 1);
    let w_right = w_base + min(col + 8, w_pitch - 1);

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
    for (var kh = 0u; kh < dims.window; kh++) {
        for (var kw = 0u; kw < dims.window; kw++) {
            let in0 = p0.ih + kh < dims.in_h && p0.iw + kw < dims.in_w;
            let in8 = p8.ih + kh < dims.in_h && p8.iw + kw < dims.in_w;
            let in16 = p16.ih + kh < dims.in_h && p16.iw + kw < dims.in_w;
            let in24 = p24.ih + kh < dims.in_h && p24.iw + kw < dims.in_w;
            if !subgroupAny(in0 || in8 || in16 || in24) {
                continue;
            }
            let tap = (kh * dims.in_w + kw) * pairs;
            let x0 = select(x_base, p0.at + tap, in0);
            let x8 = select(x_base, p8.at + tap, in8);
            let x16 = select(x_base, p16.at + tap, in16);
            let x24 = select(x_base, p24.at + tap, in24);
            let first = (kh * dims.window + kw) * dims.in_c * w_pitch;
            for (var c = 0u; c < pairs; c++) {
                let even = first + 2 * c * w_pitch;
                let odd = even + w_pitch;
                let b_left = mat2x4(floats(w[w_left + even]), floats(w[w_left + odd]));
                let b_right = mat2x4(floats(w[w_right + even]), floats(w[w_right + odd]));
                let a0 = select(vec2(0.0), pair(x[x0 + c]), in0);
                let a8 = select(vec2(0.0), pair(x[x8 + c]), in8);
                let a16 = select(vec2(0.0), pair(x[x16 + c]), in16);
                let a24 = select(vec2(0.0), pair(x[x24 + c]), in24);
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
        }
    }

    if col >= w_pitch {
        return;
    }
    // A loop, not 32 copies of the activations: the pipeline builds five times faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    var left_bias = vec4(0.0);
    var right_bias = vec4(0.0);
    if dims.bias != 0 {
        let last = dims.window * dims.window * dims.in_c * w_pitch;
        left_bias = floats(w[w_left + last]);
        right_bias = floats(w[w_right + last]);
    }
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.y_offset + group.z * dims.y_stride + dims.y_first) / 4 + col;
    let end = min(TILE_ROWS, dims.batch * pixels - row);
    var b = row % dims.batch;
    var pixel = row / dims.batch;
    for (var i = 0u; i < end; i++) {
        let at = base + select(row + i, b * pixels + pixel, by_pixel(pixels)) * (dims.y_channels / 4);
        y[at] = activate(left[i / 4][i % 4] + left_bias);
        if col + 8 < w_pitch {
            y[at + 8] = activate(right[i / 4][i % 4] + right_bias);
        }
        b += 1;
        if b == dims.batch {
            b = 0;
            pixel += 1;
        }
    }
}
