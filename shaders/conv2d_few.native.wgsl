// Convolution of images of few channels (not a multiple of 4), a network's first layer, forward: y = act(conv(x, w) + bias).
// For software adapters with subgroups of eight and 64-bit integers. Portable twin: conv2d_register.wgsl.
//
// As conv2d_outer.native.wgsl, a subgroup's 32 output pixels × 64 channels, but with the taps of a row of the window taken
// together: their inputs follow each other in x, and their weights in w, so that three channels need not be filled up
// to four for each tap. Pixels whose row begins or ends on padding read zeros there.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;             // [B, IH IW Cin]
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

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

// Where an output pixel's window begins, and the inputs of a row of it that are in the image.
struct Corner {
    ih: u32, // above the image it wraps to a huge number
    at: u32, // in x
    low: u32, high: u32,
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
    let left = pixel % dims.out_w * dims.stride; // of the padded image
    let x_pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let at = base + b * x_pitch + (ih * dims.in_w + left - dims.padding) * dims.in_c;
    let low = max(dims.padding, left) - left;
    let high = min(dims.window + left, dims.in_w + dims.padding) - left;
    return Corner(ih, at, low * dims.in_c, high * dims.in_c);
}

// Inputs e and e + 1 of a row of the window at `at`, zeros on padding.
fn inputs(at: u32, e: u32, p: Corner, inside: bool, last: u32) -> vec2<f32> {
    let even = inside && e >= p.low && e < p.high;
    let odd = inside && e + 1 >= p.low && e + 1 < p.high;
    return select(vec2(0.0), vec2(x[min(at + e, last)], x[min(at + e + 1, last)]), vec2(even, odd));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let w_pitch = dims.out_c / 4;
    let x_base = dims.x_offset + group.z * dims.x_stride;
    let last = x_base + dims.batch * ((dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4) - 1;
    let p0 = corner(row + lane, x_base);
    let p8 = corner(row + 8 + lane, x_base);
    let p16 = corner(row + 16 + lane, x_base);
    let p24 = corner(row + 24 + lane, x_base);
    // The inputs of a row of the window that are in the image for any of the 32 pixels.
    let low = subgroupMin(min(min(p0.low, p8.low), min(p16.low, p24.low)));
    let high = subgroupMax(max(max(p0.high, p8.high), max(p16.high, p24.high)));
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_left = w_base + min(col, w_pitch - 1);
    let w_right = w_base + min(col + 8, w_pitch - 1);
    let inputs_of_row = dims.window * dims.in_c;
    let last_input = dims.window * inputs_of_row - 1;

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
        let in0 = p0.ih + kh < dims.in_h;
        let in8 = p8.ih + kh < dims.in_h;
        let in16 = p16.ih + kh < dims.in_h;
        let in24 = p24.ih + kh < dims.in_h;
        if !subgroupAny(in0 || in8 || in16 || in24) {
            continue;
        }
        let down = kh * dims.in_w * dims.in_c;
        for (var e = low; e < high; e += 2) {
            // An odd number's last input reads the next row's weight, and x is zero there.
            let even = (kh * inputs_of_row + e) * w_pitch;
            let odd = min(kh * inputs_of_row + e + 1, last_input) * w_pitch;
            let b_left = mat2x4(floats(w[w_left + even]), floats(w[w_left + odd]));
            let b_right = mat2x4(floats(w[w_right + even]), floats(w[w_right + odd]));
            let a0 = inputs(p0.at + down, e, p0, in0, last);
            let a8 = inputs(p8.at + down, e, p8, in8, last);
            let a16 = inputs(p16.at + down, e, p16, in16, last);
            let a24 = inputs(p24.at + down, e, p24, in24, last);
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

    if col >= w_pitch {
        return;
    }
    // A loop, not 32 copies of the activations: the pipeline builds five times faster.
    var left = array(left0, left4, left8, left12, left16, left20, left24, left28);
    var right = array(right0, right4, right8, right12, right16, right20, right24, right28);
    var left_bias = vec4(0.0);
    var right_bias = vec4(0.0);
    if dims.bias != 0 {
        left_bias = floats(w[w_left + (last_input + 1) * w_pitch]);
        right_bias = floats(w[w_right + (last_input + 1) * w_pitch]);
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
