// Convolution, images as rows of pixels of channels. For software adapters with subgroups of eight and 64-bit
// integers: the subgroup outer product of dense.outer.native.wgsl as an implicit matrix product.
// Portable twin: conv2d.register.wgsl.
// grad_x         grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that see pixel
//                i; channels of x a multiple of 4: few are an image's, and that has no gradient
// grad_w         grad_w[tap Cin + ci, co] = sum over records and output pixels of x dz; the last row, where
//                there is a bias, of dz; channels of x a multiple of 4
// grad_w_few     the same for images of few channels (not a multiple of 4), a network's first layer
// grad_w_narrow  the same for few channels of y, as a dense block's layers have them
// The forward passes: conv2d.outer.native.wgsl.
//
// A workgroup is one subgroup. What lies on padding for a whole tile is skipped, for some of it it reads
// zeros. Records and pixels are summed in order, in one place.

struct Dims {
    x_offset: u32, x_stride: u32,
    x_scalars_offset: u32, x_scalars_stride: u32,
    dz_offset: u32, dz_stride: u32,
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
@group(0) @binding(1) var<storage, read> x: array<vec2<u64>>;            // [B, IH·IW·Cin]
@group(0) @binding(2) var<storage, read> x_scalars: array<f32>;          // [B, IH·IW·Cin]
@group(0) @binding(3) var<storage, read> dz: array<vec2<u64>>;           // [B, OH·OW·Cout]
@group(0) @binding(4) var<storage, read> w: array<vec2<u64>>;            // [k·k·Cin (+ 1), Cout]
@group(0) @binding(5) var<storage, read_write> result: array<vec4<f32>>; // grad_x, as x, or grad_w, as w

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 64;
const GRAD_X_TILE_COLS: u32 = 32;
const GRAD_W_NARROW_TILE_ROWS: u32 = 64;
const GRAD_W_NARROW_TILE_COLS: u32 = 12;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let bits = vec4(vec2<u32>(words), vec2<u32>(words >> vec2(32u)));
    return bitcast<vec4<f32>>(bits.xzyw);
}

// Images of few pixels go by pixel: the rows of a tile are one pixel of many records, so that what falls on
// padding falls there for all of them. Larger ones go by record: neighboring pixels lie side by side in the
// caches.
fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// An input pixel: the output pixel that sees it through tap (0, 0) at stride 1, and its record's first word
// in dz.
struct Pixel {
    down: u32, right: u32,
    at: u32,
}

// The pixel of row n of the matrix; rows beyond the last are read as the last and not stored.
fn seen_from(n: u32, base: u32) -> Pixel {
    let pixels = dims.in_h * dims.in_w;
    let row = min(n, dims.batch * pixels - 1);
    let b = select(row / pixels, row % dims.batch, by_pixel(pixels));
    let pixel = select(row % pixels, row / dims.batch, by_pixel(pixels));
    let down = pixel / dims.in_w + dims.padding;
    let right = pixel % dims.in_w + dims.padding;
    return Pixel(down, right, base + b * dims.out_h * dims.out_w * (dims.y_channels / 4));
}

// The output along one axis that sees position p through a tap; beyond `length` where there is none.
fn along_axis(p: u32, tap: u32, length: u32) -> u32 {
    let apart = p - tap; // wraps where there is none
    if dims.stride == 1 {
        return apart;
    }
    return select(length, apart / dims.stride, apart % dims.stride == 0);
}

// 32 input pixels × 32 channels, four output channels at a time. The outputs that see a pixel through one tap
// are one pixel of dz, so a tap is a dense layer of its own; a tap through which none of the 32 pixels is
// seen is skipped.
@compute @workgroup_size(8)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (GRAD_X_TILE_COLS / 4) + lane;
    let dz_pitch = dims.out_c / 4;
    let grad_x_pitch = dims.in_c / 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let z_pitch = dims.y_channels / 4;
    let p0 = seen_from(row + lane, dz_base);
    let p1 = seen_from(row + 8 + lane, dz_base);
    let p2 = seen_from(row + 16 + lane, dz_base);
    let p3 = seen_from(row + 24 + lane, dz_base);
    // Columns beyond the last are computed from it and not stored.
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4 + min(col, grad_x_pitch - 1) * 4 * dz_pitch;

    // Separate variables, for an array would live in memory; a column of a matrix is a row of the tile.
    var rows0 = mat4x4<f32>();
    var rows4 = mat4x4<f32>();
    var rows8 = mat4x4<f32>();
    var rows12 = mat4x4<f32>();
    var rows16 = mat4x4<f32>();
    var rows20 = mat4x4<f32>();
    var rows24 = mat4x4<f32>();
    var rows28 = mat4x4<f32>();
    for (var kh = 0u; kh < dims.window; kh++) {
        let down0 = along_axis(p0.down, kh, dims.out_h);
        let down1 = along_axis(p1.down, kh, dims.out_h);
        let down2 = along_axis(p2.down, kh, dims.out_h);
        let down3 = along_axis(p3.down, kh, dims.out_h);
        for (var kw = 0u; kw < dims.window; kw++) {
            let right0 = along_axis(p0.right, kw, dims.out_w);
            let right1 = along_axis(p1.right, kw, dims.out_w);
            let right2 = along_axis(p2.right, kw, dims.out_w);
            let right3 = along_axis(p3.right, kw, dims.out_w);
            let in0 = down0 < dims.out_h && right0 < dims.out_w;
            let in1 = down1 < dims.out_h && right1 < dims.out_w;
            let in2 = down2 < dims.out_h && right2 < dims.out_w;
            let in3 = down3 < dims.out_h && right3 < dims.out_w;
            if !subgroupAny(in0 || in1 || in2 || in3) {
                continue;
            }
            let z0 = select(dz_base, p0.at + (down0 * dims.out_w + right0) * z_pitch, in0);
            let z1 = select(dz_base, p1.at + (down1 * dims.out_w + right1) * z_pitch, in1);
            let z2 = select(dz_base, p2.at + (down2 * dims.out_w + right2) * z_pitch, in2);
            let z3 = select(dz_base, p3.at + (down3 * dims.out_w + right3) * z_pitch, in3);
            let w0 = w_base + (kh * dims.window + kw) * dims.in_c * dz_pitch;
            let w1 = w0 + dz_pitch;
            let w2 = w1 + dz_pitch;
            let w3 = w2 + dz_pitch;
            for (var n = 0u; n < dz_pitch; n++) {
                let low = mat2x4(floats(w[w0 + n]), floats(w[w1 + n]));
                let high = mat2x4(floats(w[w2 + n]), floats(w[w3 + n]));
                let b = transpose(mat4x4(low[0], low[1], high[0], high[1]));
                let a0 = select(vec4(0.0), floats(dz[z0 + n]), in0);
                let a1 = select(vec4(0.0), floats(dz[z1 + n]), in1);
                let a2 = select(vec4(0.0), floats(dz[z2 + n]), in2);
                let a3 = select(vec4(0.0), floats(dz[z3 + n]), in3);
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
        }
    }

    if col >= grad_x_pitch {
        return;
    }
    // A loop, not 32 copies of the stores: the pipeline builds several times faster.
    var rows = array(rows0, rows4, rows8, rows12, rows16, rows20, rows24, rows28);
    let pixels = dims.in_h * dims.in_w;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    let end = min(TILE_ROWS, dims.batch * pixels - row);
    var b = row % dims.batch;
    var pixel = row / dims.batch;
    for (var i = 0u; i < end; i++) {
        let n = select(row + i, b * pixels + pixel, by_pixel(pixels));
        result[base + n * grad_x_pitch] = rows[i / 4][i % 4];
        b++;
        if b == dims.batch {
            b = 0;
            pixel++;
        }
    }
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

// Rows 4l .. 4l + 4 of the tile's left factor are lane l's.
fn add_by_quads(
    s: ptr<function, Tile>,
    a: mat4x2<f32>,
    b_left: mat2x4<f32>,
    b_right: mat2x4<f32>,
) {
    let t0 = subgroupBroadcast(a[0], 0u); (*s).left0[0] += b_left * t0; (*s).right0[0] += b_right * t0;
    let t1 = subgroupBroadcast(a[1], 0u); (*s).left0[1] += b_left * t1; (*s).right0[1] += b_right * t1;
    let t2 = subgroupBroadcast(a[2], 0u); (*s).left0[2] += b_left * t2; (*s).right0[2] += b_right * t2;
    let t3 = subgroupBroadcast(a[3], 0u); (*s).left0[3] += b_left * t3; (*s).right0[3] += b_right * t3;
    let t4 = subgroupBroadcast(a[0], 1u); (*s).left4[0] += b_left * t4; (*s).right4[0] += b_right * t4;
    let t5 = subgroupBroadcast(a[1], 1u); (*s).left4[1] += b_left * t5; (*s).right4[1] += b_right * t5;
    let t6 = subgroupBroadcast(a[2], 1u); (*s).left4[2] += b_left * t6; (*s).right4[2] += b_right * t6;
    let t7 = subgroupBroadcast(a[3], 1u); (*s).left4[3] += b_left * t7; (*s).right4[3] += b_right * t7;
    let t8 = subgroupBroadcast(a[0], 2u); (*s).left8[0] += b_left * t8; (*s).right8[0] += b_right * t8;
    let t9 = subgroupBroadcast(a[1], 2u); (*s).left8[1] += b_left * t9; (*s).right8[1] += b_right * t9;
    let t10 = subgroupBroadcast(a[2], 2u); (*s).left8[2] += b_left * t10; (*s).right8[2] += b_right * t10;
    let t11 = subgroupBroadcast(a[3], 2u); (*s).left8[3] += b_left * t11; (*s).right8[3] += b_right * t11;
    let t12 = subgroupBroadcast(a[0], 3u); (*s).left12[0] += b_left * t12; (*s).right12[0] += b_right * t12;
    let t13 = subgroupBroadcast(a[1], 3u); (*s).left12[1] += b_left * t13; (*s).right12[1] += b_right * t13;
    let t14 = subgroupBroadcast(a[2], 3u); (*s).left12[2] += b_left * t14; (*s).right12[2] += b_right * t14;
    let t15 = subgroupBroadcast(a[3], 3u); (*s).left12[3] += b_left * t15; (*s).right12[3] += b_right * t15;
    let t16 = subgroupBroadcast(a[0], 4u); (*s).left16[0] += b_left * t16; (*s).right16[0] += b_right * t16;
    let t17 = subgroupBroadcast(a[1], 4u); (*s).left16[1] += b_left * t17; (*s).right16[1] += b_right * t17;
    let t18 = subgroupBroadcast(a[2], 4u); (*s).left16[2] += b_left * t18; (*s).right16[2] += b_right * t18;
    let t19 = subgroupBroadcast(a[3], 4u); (*s).left16[3] += b_left * t19; (*s).right16[3] += b_right * t19;
    let t20 = subgroupBroadcast(a[0], 5u); (*s).left20[0] += b_left * t20; (*s).right20[0] += b_right * t20;
    let t21 = subgroupBroadcast(a[1], 5u); (*s).left20[1] += b_left * t21; (*s).right20[1] += b_right * t21;
    let t22 = subgroupBroadcast(a[2], 5u); (*s).left20[2] += b_left * t22; (*s).right20[2] += b_right * t22;
    let t23 = subgroupBroadcast(a[3], 5u); (*s).left20[3] += b_left * t23; (*s).right20[3] += b_right * t23;
    let t24 = subgroupBroadcast(a[0], 6u); (*s).left24[0] += b_left * t24; (*s).right24[0] += b_right * t24;
    let t25 = subgroupBroadcast(a[1], 6u); (*s).left24[1] += b_left * t25; (*s).right24[1] += b_right * t25;
    let t26 = subgroupBroadcast(a[2], 6u); (*s).left24[2] += b_left * t26; (*s).right24[2] += b_right * t26;
    let t27 = subgroupBroadcast(a[3], 6u); (*s).left24[3] += b_left * t27; (*s).right24[3] += b_right * t27;
    let t28 = subgroupBroadcast(a[0], 7u); (*s).left28[0] += b_left * t28; (*s).right28[0] += b_right * t28;
    let t29 = subgroupBroadcast(a[1], 7u); (*s).left28[1] += b_left * t29; (*s).right28[1] += b_right * t29;
    let t30 = subgroupBroadcast(a[2], 7u); (*s).left28[2] += b_left * t30; (*s).right28[2] += b_right * t30;
    let t31 = subgroupBroadcast(a[3], 7u); (*s).left28[3] += b_left * t31; (*s).right28[3] += b_right * t31;
}

fn scalars_at(at: vec4<u32>) -> vec4<f32> {
    return vec4(x_scalars[at.x], x_scalars[at.y], x_scalars[at.z], x_scalars[at.w]);
}

// 32 rows × 64 columns of grad_w, two records at a time. Lane l holds rows 4l .. 4l + 4 of the tile, which
// are neighboring channels under one tap, and columns 4l .. 4l + 4 and 32 + 4l ... An output pixel at which
// the taps of all rows fall on padding is skipped.
@compute @workgroup_size(8)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let quads = dims.in_c / 4;
    let dz_pitch = dims.out_c / 4;
    let taps = dims.window * dims.window;
    let rows = taps * dims.in_c + dims.bias;

    // The tap and the channels of this lane's rows. The bias is the first row of a tap beyond the last; what
    // else is there is not stored.
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

    var tile = Tile();
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
                add_by_quads(&tile, a, b_left, b_right);
            }
        }
    }

    if col >= dz_pitch {
        return;
    }
    // A loop whose length no compiler can tell, not 32 copies of the stores: the pipeline builds five times
    // faster.
    var left = array(
        tile.left0, tile.left4, tile.left8, tile.left12,
        tile.left16, tile.left20, tile.left24, tile.left28,
    );
    var right = array(
        tile.right0, tile.right4, tile.right8, tile.right12,
        tile.right16, tile.right20, tile.right24, tile.right28,
    );
    let end = min(TILE_ROWS, rows - row) * dz_pitch;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + row * dz_pitch + col;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        result[base + at] = left[i / 4][i % 4];
        if col + 8 < dz_pitch {
            result[base + at + 8] = right[i / 4][i % 4];
        }
        at += dz_pitch;
    }
}

// As grad_w, but each of a lane's four rows has a tap of its own, loaded for itself. Pixels are walked
// outside, records inside: which taps fall on padding is found once a pixel.
@compute @workgroup_size(8)
fn grad_w_few(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane; // in vec4s, of the left half; the right half's is 8 further
    let dz_pitch = dims.out_c / 4;
    let weights = dims.window * dims.window * dims.in_c;
    let rows = weights + dims.bias;

    // The taps and channels of this lane's rows; the row after the last weight is the bias.
    let own = row + 4 * lane + vec4(0u, 1u, 2u, 3u);
    let tap = own / dims.in_c;
    let kh = tap / dims.window;
    let kw = tap % dims.window;
    let is_weight = own < vec4(weights);
    let beside = select(vec4(0.0), vec4(1.0), own == vec4(weights));
    let x_base = dims.x_scalars_offset + group.z * dims.x_scalars_stride;
    let x_record = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let dz_record = dims.out_h * dims.out_w * (dims.y_channels / 4);
    let dz_left = dz_base + min(col, dz_pitch - 1);
    let dz_right = dz_base + min(col + 8, dz_pitch - 1);

    var tile = Tile();
    for (var oh = 0u; oh < dims.out_h; oh++) {
        let ih = oh * dims.stride + kh - dims.padding;
        for (var ow = 0u; ow < dims.out_w; ow++) {
            let iw = ow * dims.stride + kw - dims.padding;
            let inside = is_weight & (ih < vec4(dims.in_h)) & (iw < vec4(dims.in_w));
            if !subgroupAny(any(inside) || any(beside == vec4(1.0))) {
                continue;
            }
            let at = (ih * dims.in_w + iw) * dims.in_c + own % dims.in_c;
            let source = x_base + select(vec4(0u), at, inside);
            let to = (oh * dims.out_w + ow) * (dims.y_channels / 4);
            for (var first = 0u; first < dims.batch; first += 2) {
                // An odd batch's last record is read twice and counts once.
                let second = min(first + 1, dims.batch - 1);
                let once = second == first;
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
                let p = source + first * x_record;
                let q = source + second * x_record;
                let a = transpose(mat2x4(
                    select(beside, scalars_at(p), inside),
                    select(beside, scalars_at(q), inside),
                ));
                add_by_quads(&tile, a, b_left, b_right);
            }
        }
    }

    if col >= dz_pitch {
        return;
    }
    // A loop whose length no compiler can tell, not 32 copies of the stores: the pipeline builds five times
    // faster.
    var left = array(
        tile.left0, tile.left4, tile.left8, tile.left12,
        tile.left16, tile.left20, tile.left24, tile.left28,
    );
    var right = array(
        tile.right0, tile.right4, tile.right8, tile.right12,
        tile.right16, tile.right20, tile.right24, tile.right28,
    );
    let end = min(TILE_ROWS, rows - row) * dz_pitch;
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + row * dz_pitch + col;
    var at = 0u;
    for (var i = 0u; at < end; i++) {
        result[base + at] = left[i / 4][i % 4];
        if col + 8 < dz_pitch {
            result[base + at + 8] = right[i / 4][i % 4];
        }
        at += dz_pitch;
    }
}

// Four rows of grad_w: neighboring channels under one tap; the bias is the first row of a tap beyond the
// last.
struct Rows {
    tap: u32,
    kh: u32, kw: u32,
    channels: u32, // in vec4s
    beside: vec4<f32>, // what x is where it is not in the image
}

fn rows_of(quad: u32) -> Rows {
    let quads = dims.in_c / 4;
    let tap = quad / quads;
    let is_bias = dims.bias != 0 && quad == dims.window * dims.window * quads;
    let beside = select(vec4(0.0), vec4(1.0, 0.0, 0.0, 0.0), is_bias);
    return Rows(tap, tap / dims.window, tap % dims.window, quad % quads, beside);
}

// As grad_w with the roles exchanged, for 64 columns a tile would be mostly empty: 64 rows × 12 columns, two
// records at a time; rows lie across lanes (lane l holds rows 4l .. 4l + 4 and 32 + 4l ..), and dz, which
// lanes 0 to 5 load, goes round by broadcasts from constant lanes.
@compute @workgroup_size(8)
fn grad_w_narrow(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * GRAD_W_NARROW_TILE_ROWS;
    let quad = group.x * (GRAD_W_NARROW_TILE_COLS / 4); // of columns, the tile's first
    let quads = dims.in_c / 4;
    let dz_pitch = dims.out_c / 4;
    let taps = dims.window * dims.window;
    let low = rows_of(row / 4 + lane);
    let high = rows_of(row / 4 + 8 + lane);
    let is_bias = low.beside.x + high.beside.x > 0.0;
    let x_base = (dims.x_offset + group.z * dims.x_stride) / 4;
    let x_record = dims.in_h * dims.in_w * quads;
    // Lanes 0 to 2 load the even record's dz, 3 to 5 the odd one's.
    let z_pitch = dims.y_channels / 4;
    let dz_record = dims.out_h * dims.out_w * z_pitch;
    let odd = min(lane / 3, 1u);
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let dz_lane = dz_base + min(quad + lane % 3, dz_pitch - 1);

    // Separate variables, for an array would live in memory; a matrix is a row of the tile.
    var low0 = mat3x4<f32>();
    var low1 = mat3x4<f32>();
    var low2 = mat3x4<f32>();
    var low3 = mat3x4<f32>();
    var high0 = mat3x4<f32>();
    var high1 = mat3x4<f32>();
    var high2 = mat3x4<f32>();
    var high3 = mat3x4<f32>();
    for (var first = 0u; first < dims.batch; first += 2) {
        // An odd batch's last record is read twice and counts once.
        let second = min(first + 1, dims.batch - 1);
        let record = dz_lane + select(first, second, odd == 1) * dz_record;
        let counts = odd == 0 || second > first;
        for (var oh = 0u; oh < dims.out_h; oh++) {
            let low_ih = oh * dims.stride + low.kh - dims.padding;
            let high_ih = oh * dims.stride + high.kh - dims.padding;
            for (var ow = 0u; ow < dims.out_w; ow++) {
                let low_iw = ow * dims.stride + low.kw - dims.padding;
                let high_iw = ow * dims.stride + high.kw - dims.padding;
                let low_in = low.tap < taps && low_ih < dims.in_h && low_iw < dims.in_w;
                let high_in = high.tap < taps && high_ih < dims.in_h && high_iw < dims.in_w;
                if !subgroupAny(is_bias || low_in || high_in) {
                    continue;
                }
                let low_at = (low_ih * dims.in_w + low_iw) * quads + low.channels;
                let high_at = (high_ih * dims.in_w + high_iw) * quads + high.channels;
                let l = x_base + select(0u, low_at, low_in);
                let h = x_base + select(0u, high_at, high_in);
                let b = select(vec4(0.0), floats(dz[record + (oh * dims.out_w + ow) * z_pitch]), counts);
                let low_even = select(low.beside, floats(x[l + first * x_record]), low_in);
                let low_odd = select(low.beside, floats(x[l + second * x_record]), low_in);
                let high_even = select(high.beside, floats(x[h + first * x_record]), high_in);
                let high_odd = select(high.beside, floats(x[h + second * x_record]), high_in);
                let t0 = subgroupBroadcast(b, 0u);
                let t1 = subgroupBroadcast(b, 1u);
                let t2 = subgroupBroadcast(b, 2u);
                let t3 = subgroupBroadcast(b, 3u);
                let t4 = subgroupBroadcast(b, 4u);
                let t5 = subgroupBroadcast(b, 5u);
                low0[0] += low_even[0] * t0 + low_odd[0] * t3;
                low0[1] += low_even[0] * t1 + low_odd[0] * t4;
                low0[2] += low_even[0] * t2 + low_odd[0] * t5;
                low1[0] += low_even[1] * t0 + low_odd[1] * t3;
                low1[1] += low_even[1] * t1 + low_odd[1] * t4;
                low1[2] += low_even[1] * t2 + low_odd[1] * t5;
                low2[0] += low_even[2] * t0 + low_odd[2] * t3;
                low2[1] += low_even[2] * t1 + low_odd[2] * t4;
                low2[2] += low_even[2] * t2 + low_odd[2] * t5;
                low3[0] += low_even[3] * t0 + low_odd[3] * t3;
                low3[1] += low_even[3] * t1 + low_odd[3] * t4;
                low3[2] += low_even[3] * t2 + low_odd[3] * t5;
                high0[0] += high_even[0] * t0 + high_odd[0] * t3;
                high0[1] += high_even[0] * t1 + high_odd[0] * t4;
                high0[2] += high_even[0] * t2 + high_odd[0] * t5;
                high1[0] += high_even[1] * t0 + high_odd[1] * t3;
                high1[1] += high_even[1] * t1 + high_odd[1] * t4;
                high1[2] += high_even[1] * t2 + high_odd[1] * t5;
                high2[0] += high_even[2] * t0 + high_odd[2] * t3;
                high2[1] += high_even[2] * t1 + high_odd[2] * t4;
                high2[2] += high_even[2] * t2 + high_odd[2] * t5;
                high3[0] += high_even[3] * t0 + high_odd[3] * t3;
                high3[1] += high_even[3] * t1 + high_odd[3] * t4;
                high3[2] += high_even[3] * t2 + high_odd[3] * t5;
            }
        }
    }

    var rows = array(low0, low1, low2, low3, high0, high1, high2, high3);
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + quad;
    for (var i = 0u; i < 8; i++) {
        let n = row + i / 4 * 32 + 4 * lane + i % 4;
        if n >= taps * dims.in_c + dims.bias {
            continue;
        }
        for (var q = 0u; q < min(3u, dz_pitch - quad); q++) {
            result[base + n * dz_pitch + q] = rows[i][q];
        }
    }
}
