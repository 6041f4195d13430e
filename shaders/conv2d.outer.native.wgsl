// Convolution, images as rows of pixels of channels. For software adapters with subgroups of eight and 64-bit
// integers: the subgroup outer product of dense.outer.native.wgsl as an implicit matrix product.
// Portable twin: conv2d.register.wgsl.
// forward         y = act(conv(x, w) + bias), channels of x a multiple of 4
// forward_few     the same of images of few channels (not a multiple of 4), a network's first layer
// forward_narrow  the same to few channels, as a dense block has them; channels of x a multiple of 4
// The backward passes: conv2d.outer.backward.native.wgsl.
//
// A workgroup is one subgroup. What lies on padding for a whole tile is skipped, for some of it it reads
// zeros.

struct Dims {
    x_offset: u32, x_stride: u32,
    x_scalars_offset: u32, x_scalars_stride: u32,
    w_offset: u32, w_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,       // whether there is one; grad_x has no use for it
    activation: u32, // of the forward pass: 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u64>;                  // [B, IH·IW·Cin], two values a word
@group(0) @binding(2) var<storage, read> x_scalars: array<f32>;          // [B, IH·IW·Cin]
@group(0) @binding(3) var<storage, read> w: array<vec2<u64>>;            // [k·k·Cin (+ 1), Cout]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>; // y [B, OH·OW·Cout]

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 64;
const FORWARD_NARROW_TILE_ROWS: u32 = 64;
const FORWARD_NARROW_TILE_COLS: u32 = 12;

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

// Images of few pixels go by pixel: the rows of a tile are one pixel of many records, so that what falls on
// padding falls there for all of them. Larger ones go by record: neighboring pixels lie side by side in the
// caches.
fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// A lane's part of the tile: left and right columns of rows 0 ..; a column of a matrix is a row. Separate
// variables, for an array would live in memory.
struct Tile {
    left0: mat4x4<f32>, right0: mat4x4<f32>,
    left4: mat4x4<f32>, right4: mat4x4<f32>,
    left8: mat4x4<f32>, right8: mat4x4<f32>,
    left12: mat4x4<f32>, right12: mat4x4<f32>,
    left16: mat4x4<f32>, right16: mat4x4<f32>,
    left20: mat4x4<f32>, right20: mat4x4<f32>,
    left24: mat4x4<f32>, right24: mat4x4<f32>,
    left28: mat4x4<f32>, right28: mat4x4<f32>,
}

// Rows l, 8 + l, 16 + l, 24 + l of the tile's left factor are lane l's.
fn add_by_rows(
    s: ptr<function, Tile>,
    a0: vec2<f32>,
    a8: vec2<f32>,
    a16: vec2<f32>,
    a24: vec2<f32>,
    b_left: mat2x4<f32>,
    b_right: mat2x4<f32>,
) {
    let t0 = subgroupBroadcast(a0, 0u); (*s).left0[0] += b_left * t0; (*s).right0[0] += b_right * t0;
    let t1 = subgroupBroadcast(a0, 1u); (*s).left0[1] += b_left * t1; (*s).right0[1] += b_right * t1;
    let t2 = subgroupBroadcast(a0, 2u); (*s).left0[2] += b_left * t2; (*s).right0[2] += b_right * t2;
    let t3 = subgroupBroadcast(a0, 3u); (*s).left0[3] += b_left * t3; (*s).right0[3] += b_right * t3;
    let t4 = subgroupBroadcast(a0, 4u); (*s).left4[0] += b_left * t4; (*s).right4[0] += b_right * t4;
    let t5 = subgroupBroadcast(a0, 5u); (*s).left4[1] += b_left * t5; (*s).right4[1] += b_right * t5;
    let t6 = subgroupBroadcast(a0, 6u); (*s).left4[2] += b_left * t6; (*s).right4[2] += b_right * t6;
    let t7 = subgroupBroadcast(a0, 7u); (*s).left4[3] += b_left * t7; (*s).right4[3] += b_right * t7;
    let t8 = subgroupBroadcast(a8, 0u); (*s).left8[0] += b_left * t8; (*s).right8[0] += b_right * t8;
    let t9 = subgroupBroadcast(a8, 1u); (*s).left8[1] += b_left * t9; (*s).right8[1] += b_right * t9;
    let t10 = subgroupBroadcast(a8, 2u); (*s).left8[2] += b_left * t10; (*s).right8[2] += b_right * t10;
    let t11 = subgroupBroadcast(a8, 3u); (*s).left8[3] += b_left * t11; (*s).right8[3] += b_right * t11;
    let t12 = subgroupBroadcast(a8, 4u); (*s).left12[0] += b_left * t12; (*s).right12[0] += b_right * t12;
    let t13 = subgroupBroadcast(a8, 5u); (*s).left12[1] += b_left * t13; (*s).right12[1] += b_right * t13;
    let t14 = subgroupBroadcast(a8, 6u); (*s).left12[2] += b_left * t14; (*s).right12[2] += b_right * t14;
    let t15 = subgroupBroadcast(a8, 7u); (*s).left12[3] += b_left * t15; (*s).right12[3] += b_right * t15;
    let t16 = subgroupBroadcast(a16, 0u); (*s).left16[0] += b_left * t16; (*s).right16[0] += b_right * t16;
    let t17 = subgroupBroadcast(a16, 1u); (*s).left16[1] += b_left * t17; (*s).right16[1] += b_right * t17;
    let t18 = subgroupBroadcast(a16, 2u); (*s).left16[2] += b_left * t18; (*s).right16[2] += b_right * t18;
    let t19 = subgroupBroadcast(a16, 3u); (*s).left16[3] += b_left * t19; (*s).right16[3] += b_right * t19;
    let t20 = subgroupBroadcast(a16, 4u); (*s).left20[0] += b_left * t20; (*s).right20[0] += b_right * t20;
    let t21 = subgroupBroadcast(a16, 5u); (*s).left20[1] += b_left * t21; (*s).right20[1] += b_right * t21;
    let t22 = subgroupBroadcast(a16, 6u); (*s).left20[2] += b_left * t22; (*s).right20[2] += b_right * t22;
    let t23 = subgroupBroadcast(a16, 7u); (*s).left20[3] += b_left * t23; (*s).right20[3] += b_right * t23;
    let t24 = subgroupBroadcast(a24, 0u); (*s).left24[0] += b_left * t24; (*s).right24[0] += b_right * t24;
    let t25 = subgroupBroadcast(a24, 1u); (*s).left24[1] += b_left * t25; (*s).right24[1] += b_right * t25;
    let t26 = subgroupBroadcast(a24, 2u); (*s).left24[2] += b_left * t26; (*s).right24[2] += b_right * t26;
    let t27 = subgroupBroadcast(a24, 3u); (*s).left24[3] += b_left * t27; (*s).right24[3] += b_right * t27;
    let t28 = subgroupBroadcast(a24, 4u); (*s).left28[0] += b_left * t28; (*s).right28[0] += b_right * t28;
    let t29 = subgroupBroadcast(a24, 5u); (*s).left28[1] += b_left * t29; (*s).right28[1] += b_right * t29;
    let t30 = subgroupBroadcast(a24, 6u); (*s).left28[2] += b_left * t30; (*s).right28[2] += b_right * t30;
    let t31 = subgroupBroadcast(a24, 7u); (*s).left28[3] += b_left * t31; (*s).right28[3] += b_right * t31;
}

// Where an output pixel's window begins.
struct Corner {
    ih: u32, iw: u32, // above or left of the image they wrap to huge numbers
    at: u32,          // in x, in words
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

// 32 output pixels × 64 channels, two input channels at a time. A pixel's inputs under one tap are neighbors
// in memory, so a tap is a dense layer of its own whose rows of x are picked by pixel: lane l holds two
// inputs of pixels l, 8 + l, 16 + l, 24 + l, and of channels 4l .. 4l + 4 and 32 + 4l .. of w.
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
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

    var tile = Tile();
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
                add_by_rows(&tile, a0, a8, a16, a24, b_left, b_right);
            }
        }
    }

    if col >= w_pitch {
        return;
    }
    // A loop, not 32 copies of the activations: the pipeline builds five times faster.
    var left = array(
        tile.left0, tile.left4, tile.left8, tile.left12,
        tile.left16, tile.left20, tile.left24, tile.left28,
    );
    var right = array(
        tile.right0, tile.right4, tile.right8, tile.right12,
        tile.right16, tile.right20, tile.right24, tile.right28,
    );
    var left_bias = vec4(0.0);
    var right_bias = vec4(0.0);
    if dims.bias != 0 {
        let last = dims.window * dims.window * dims.in_c * w_pitch;
        left_bias = floats(w[w_left + last]);
        right_bias = floats(w[w_right + last]);
    }
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.result_offset + group.z * dims.result_stride + dims.y_first) / 4 + col;
    let end = min(TILE_ROWS, dims.batch * pixels - row);
    var b = row % dims.batch;
    var pixel = row / dims.batch;
    for (var i = 0u; i < end; i++) {
        let at = base + select(row + i, b * pixels + pixel, by_pixel(pixels)) * (dims.y_channels / 4);
        result[at] = activate(left[i / 4][i % 4] + left_bias);
        if col + 8 < w_pitch {
            result[at + 8] = activate(right[i / 4][i % 4] + right_bias);
        }
        b++;
        if b == dims.batch {
            b = 0;
            pixel++;
        }
    }
}

// Where an output pixel's window begins, and the inputs of a row of it that are in the image.
struct RowCorner {
    ih: u32, // above the image it wraps to a huge number
    at: u32, // in x
    low: u32, high: u32,
}

// The corner of row n of the matrix; rows beyond the last are read as the last and not stored.
fn row_corner(n: u32, base: u32) -> RowCorner {
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
    return RowCorner(ih, at, low * dims.in_c, high * dims.in_c);
}

// Inputs e and e + 1 of a row of the window at `at`, zeros on padding.
fn two_inputs(at: u32, e: u32, p: RowCorner, inside: bool, last: u32) -> vec2<f32> {
    let even = inside && e >= p.low && e < p.high;
    let odd = inside && e + 1 >= p.low && e + 1 < p.high;
    let values = vec2(x_scalars[min(at + e, last)], x_scalars[min(at + e + 1, last)]);
    return select(vec2(0.0), values, vec2(even, odd));
}

// As forward with the taps of a row of the window taken together: their inputs follow each other in x, and
// their weights in w, so that three channels need not be filled up to four for each tap. Pixels whose row
// begins or ends on padding read zeros there.
@compute @workgroup_size(8)
fn forward_few(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let w_pitch = dims.out_c / 4;
    let x_base = dims.x_scalars_offset + group.z * dims.x_scalars_stride;
    let last = x_base + dims.batch * ((dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4) - 1;
    let p0 = row_corner(row + lane, x_base);
    let p8 = row_corner(row + 8 + lane, x_base);
    let p16 = row_corner(row + 16 + lane, x_base);
    let p24 = row_corner(row + 24 + lane, x_base);
    // The inputs of a row of the window that are in the image for any of the 32 pixels.
    let low = subgroupMin(min(min(p0.low, p8.low), min(p16.low, p24.low)));
    let high = subgroupMax(max(max(p0.high, p8.high), max(p16.high, p24.high)));
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_left = w_base + min(col, w_pitch - 1);
    let w_right = w_base + min(col + 8, w_pitch - 1);
    let inputs_of_row = dims.window * dims.in_c;
    let last_input = dims.window * inputs_of_row - 1;

    var tile = Tile();
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
            let a0 = two_inputs(p0.at + down, e, p0, in0, last);
            let a8 = two_inputs(p8.at + down, e, p8, in8, last);
            let a16 = two_inputs(p16.at + down, e, p16, in16, last);
            let a24 = two_inputs(p24.at + down, e, p24, in24, last);
            add_by_rows(&tile, a0, a8, a16, a24, b_left, b_right);
        }
    }

    if col >= w_pitch {
        return;
    }
    // A loop, not 32 copies of the activations: the pipeline builds five times faster.
    var left = array(
        tile.left0, tile.left4, tile.left8, tile.left12,
        tile.left16, tile.left20, tile.left24, tile.left28,
    );
    var right = array(
        tile.right0, tile.right4, tile.right8, tile.right12,
        tile.right16, tile.right20, tile.right24, tile.right28,
    );
    var left_bias = vec4(0.0);
    var right_bias = vec4(0.0);
    if dims.bias != 0 {
        left_bias = floats(w[w_left + (last_input + 1) * w_pitch]);
        right_bias = floats(w[w_right + (last_input + 1) * w_pitch]);
    }
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.result_offset + group.z * dims.result_stride + dims.y_first) / 4 + col;
    let end = min(TILE_ROWS, dims.batch * pixels - row);
    var b = row % dims.batch;
    var pixel = row / dims.batch;
    for (var i = 0u; i < end; i++) {
        let at = base + select(row + i, b * pixels + pixel, by_pixel(pixels)) * (dims.y_channels / 4);
        result[at] = activate(left[i / 4][i % 4] + left_bias);
        if col + 8 < w_pitch {
            result[at + 8] = activate(right[i / 4][i % 4] + right_bias);
        }
        b++;
        if b == dims.batch {
            b = 0;
            pixel++;
        }
    }
}

// As forward with the roles exchanged, for 64 channels a tile would be mostly empty: 64 output pixels × 12
// channels, two input channels at a time; pixels lie across lanes (lane l holds pixels l, 8 + l, …), and the
// weights, which lanes 0 to 5 load, go round by broadcasts from constant lanes: 10 words of 64 bits a lane
// for 1,536 products of the tile.
@compute @workgroup_size(8)
fn forward_narrow(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * FORWARD_NARROW_TILE_ROWS;
    let quad = group.x * (FORWARD_NARROW_TILE_COLS / 4); // of channels, the tile's first
    let w_pitch = dims.out_c / 4;
    let pairs = dims.in_c / 2;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 2;
    let p0 = corner(row + 0 + lane, x_base);
    let p1 = corner(row + 8 + lane, x_base);
    let p2 = corner(row + 16 + lane, x_base);
    let p3 = corner(row + 24 + lane, x_base);
    let p4 = corner(row + 32 + lane, x_base);
    let p5 = corner(row + 40 + lane, x_base);
    let p6 = corner(row + 48 + lane, x_base);
    let p7 = corner(row + 56 + lane, x_base);
    // Lanes 0 to 2 load the even input's weights, 3 to 5 the odd one's.
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let odd = min(lane / 3, 1u);
    let w_lane = w_base + odd * w_pitch + min(quad + lane % 3, w_pitch - 1);

    // Separate variables, for an array would live in memory; a matrix is a row of the tile.
    var rows0 = mat3x4<f32>();
    var rows1 = mat3x4<f32>();
    var rows2 = mat3x4<f32>();
    var rows3 = mat3x4<f32>();
    var rows4 = mat3x4<f32>();
    var rows5 = mat3x4<f32>();
    var rows6 = mat3x4<f32>();
    var rows7 = mat3x4<f32>();
    for (var kh = 0u; kh < dims.window; kh++) {
        for (var kw = 0u; kw < dims.window; kw++) {
            let in0 = p0.ih + kh < dims.in_h && p0.iw + kw < dims.in_w;
            let in1 = p1.ih + kh < dims.in_h && p1.iw + kw < dims.in_w;
            let in2 = p2.ih + kh < dims.in_h && p2.iw + kw < dims.in_w;
            let in3 = p3.ih + kh < dims.in_h && p3.iw + kw < dims.in_w;
            let in4 = p4.ih + kh < dims.in_h && p4.iw + kw < dims.in_w;
            let in5 = p5.ih + kh < dims.in_h && p5.iw + kw < dims.in_w;
            let in6 = p6.ih + kh < dims.in_h && p6.iw + kw < dims.in_w;
            let in7 = p7.ih + kh < dims.in_h && p7.iw + kw < dims.in_w;
            if !subgroupAny(in0 || in1 || in2 || in3 || in4 || in5 || in6 || in7) {
                continue;
            }
            let tap = (kh * dims.in_w + kw) * pairs;
            let x0 = select(x_base, p0.at + tap, in0);
            let x1 = select(x_base, p1.at + tap, in1);
            let x2 = select(x_base, p2.at + tap, in2);
            let x3 = select(x_base, p3.at + tap, in3);
            let x4 = select(x_base, p4.at + tap, in4);
            let x5 = select(x_base, p5.at + tap, in5);
            let x6 = select(x_base, p6.at + tap, in6);
            let x7 = select(x_base, p7.at + tap, in7);
            let first = w_lane + (kh * dims.window + kw) * dims.in_c * w_pitch;
            for (var c = 0u; c < pairs; c++) {
                let b = floats(w[first + 2 * c * w_pitch]);
                let a0 = select(vec2(0.0), pair(x[x0 + c]), in0);
                let a1 = select(vec2(0.0), pair(x[x1 + c]), in1);
                let a2 = select(vec2(0.0), pair(x[x2 + c]), in2);
                let a3 = select(vec2(0.0), pair(x[x3 + c]), in3);
                let a4 = select(vec2(0.0), pair(x[x4 + c]), in4);
                let a5 = select(vec2(0.0), pair(x[x5 + c]), in5);
                let a6 = select(vec2(0.0), pair(x[x6 + c]), in6);
                let a7 = select(vec2(0.0), pair(x[x7 + c]), in7);
                let t0 = subgroupBroadcast(b, 0u);
                let t1 = subgroupBroadcast(b, 1u);
                let t2 = subgroupBroadcast(b, 2u);
                let t3 = subgroupBroadcast(b, 3u);
                let t4 = subgroupBroadcast(b, 4u);
                let t5 = subgroupBroadcast(b, 5u);
                rows0[0] += a0.x * t0 + a0.y * t3;
                rows0[1] += a0.x * t1 + a0.y * t4;
                rows0[2] += a0.x * t2 + a0.y * t5;
                rows1[0] += a1.x * t0 + a1.y * t3;
                rows1[1] += a1.x * t1 + a1.y * t4;
                rows1[2] += a1.x * t2 + a1.y * t5;
                rows2[0] += a2.x * t0 + a2.y * t3;
                rows2[1] += a2.x * t1 + a2.y * t4;
                rows2[2] += a2.x * t2 + a2.y * t5;
                rows3[0] += a3.x * t0 + a3.y * t3;
                rows3[1] += a3.x * t1 + a3.y * t4;
                rows3[2] += a3.x * t2 + a3.y * t5;
                rows4[0] += a4.x * t0 + a4.y * t3;
                rows4[1] += a4.x * t1 + a4.y * t4;
                rows4[2] += a4.x * t2 + a4.y * t5;
                rows5[0] += a5.x * t0 + a5.y * t3;
                rows5[1] += a5.x * t1 + a5.y * t4;
                rows5[2] += a5.x * t2 + a5.y * t5;
                rows6[0] += a6.x * t0 + a6.y * t3;
                rows6[1] += a6.x * t1 + a6.y * t4;
                rows6[2] += a6.x * t2 + a6.y * t5;
                rows7[0] += a7.x * t0 + a7.y * t3;
                rows7[1] += a7.x * t1 + a7.y * t4;
                rows7[2] += a7.x * t2 + a7.y * t5;
            }
        }
    }

    var rows = array(rows0, rows1, rows2, rows3, rows4, rows5, rows6, rows7);
    let last = w_base + dims.window * dims.window * dims.in_c * w_pitch;
    let pixels = dims.out_h * dims.out_w;
    let base = (dims.result_offset + group.z * dims.result_stride + dims.y_first) / 4;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * i + lane;
        if n >= dims.batch * pixels {
            continue;
        }
        let own = select(n, n % dims.batch * pixels + n / dims.batch, by_pixel(pixels));
        let at = base + own * (dims.y_channels / 4);
        for (var q = 0u; q < min(3u, w_pitch - quad); q++) {
            var z = rows[i][q];
            if dims.bias != 0 {
                z += floats(w[last + quad + q]);
            }
            result[at + quad + q] = activate(z);
        }
    }
}
