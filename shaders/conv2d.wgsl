// Convolution, forward: y = act(conv(x, w) + bias), images as rows of pixels of channels. For hardware GPUs; software adapters
// run conv2d_outer.native.wgsl or conv2d_register.wgsl.
//
// The tile of dense.wgsl as an implicit matrix product: a workgroup of 128 computes 64 output pixels × 64 channels, each
// invocation 8 × 4 of them, 16 inputs at a time through workgroup memory. The inputs of a row of the window follow each other
// in x, and their weights in w, so the sum is walked by rows of the window; what lies on padding for all pixels of
// the tile is skipped, for some of them it is zero. Images of few pixels go by pixel, so that the rows of a tile are one
// pixel of many records and padding is the same for all; larger ones go by record.

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
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;       // [k k Cin (+ 1), Cout]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, OH OW Cout]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> x_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> w_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// Record and pixel of row n of the matrix; rows beyond the last are read as the last and not stored.
fn place(n: u32) -> vec2<u32> {
    let pixels = dims.out_h * dims.out_w;
    let row = min(n, dims.batch * pixels - 1);
    return select(vec2(row / pixels, row % pixels), vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
}

// The taps of a window that begins at `start` of the padded image which are not on padding: from, to.
fn inside(start: u32, length: u32) -> vec2<u32> {
    let low = max(dims.padding, start) - start;
    return vec2(low, max(low, min(dims.window + start, length + dims.padding) - start));
}

// Of the pixels of a tile: rows of the window, then columns, that any of them needs.
fn needed(row: u32) -> vec4<u32> {
    let first = place(row);
    let last = place(row + TILE_ROWS - 1);
    let down = inside(first.y / dims.out_w * dims.stride, dims.in_h);
    let across = inside(first.y % dims.out_w * dims.stride, dims.in_w);
    let one_pixel = first.y == last.y && by_pixel(dims.out_h * dims.out_w);
    // No early return: FXC would not see that all of a workgroup come to the barriers.
    return select(vec4(0u, dims.window, 0u, dims.window), vec4(down, across), one_pixel);
}

// Four inputs, e .. e + 4 of row kh of the window, of a record's pixel.
fn inputs(place: vec2<u32>, kh: u32, e: u32, base: u32) -> vec4<f32> {
    let x_pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let ih = place.y / dims.out_w * dims.stride + kh - dims.padding; // wraps above the image
    let left = place.y % dims.out_w * dims.stride;
    let columns = inside(left, dims.in_w) * dims.in_c;
    let first = base + place.x * x_pitch + (ih * dims.in_w + left - dims.padding) * dims.in_c;
    let own = e + vec4(0u, 1u, 2u, 3u);
    let real = (own >= vec4(columns.x)) & (own < vec4(columns.y)) & vec4(ih < dims.in_h);
    let at = select(vec4(base), first + own, real);
    return select(vec4(0.0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), real);
}

// Column i of m. By constants: a compiler that cannot index registers unrolls every loop around, for minutes.
fn picked(m: mat4x4<f32>, i: u32) -> vec4<f32> {
    switch i {
        case 0: { return m[0]; }
        case 1: { return m[1]; }
        case 2: { return m[2]; }
        default: { return m[3]; }
    }
}

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4
    let pitch = dims.out_c / 4;
    let x_base = dims.x_offset + group.z * dims.x_stride;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w_col = w_base + min(quad + q, pitch - 1);
    let inputs_of_row = dims.window * dims.in_c;
    let last = dims.window * inputs_of_row - 1;
    let taps = needed(row);
    let from_column = taps.z * dims.in_c;
    let to_column = taps.w * dims.in_c;
    let p0 = place(row + 4 * q);
    let p1 = place(row + 4 * q + 1);
    let p2 = place(row + 4 * q + 2);
    let p3 = place(row + 4 * q + 3);

    var top = mat4x4<f32>(); // a column of the matrix is a row of y
    var bottom = mat4x4<f32>();
    for (var kh = taps.x; kh < taps.y; kh++) {
        for (var e = from_column; e < to_column; e += STEP) {
            var next: mat4x4<f32>;
            if local < 64 {
                let own = e + 4 * s;
                next = transpose(mat4x4(
                    inputs(p0, kh, own, x_base),
                    inputs(p1, kh, own, x_base),
                    inputs(p2, kh, own, x_base),
                    inputs(p3, kh, own, x_base),
                ));
            } else {
                // Beyond the row of the window x is zero; the clamp keeps w's factor finite.
                let at = min(kh * inputs_of_row + e + s + vec4(0u, 4u, 8u, 12u), vec4(last)) * pitch + w_col;
                next = mat4x4(w[at.x], w[at.y], w[at.z], w[at.w]);
            }
            workgroupBarrier();
            if local < 64 {
                let at = 4 * s * SIDE + q;
                x_tile[at] = next[0];
                x_tile[at + SIDE] = next[1];
                x_tile[at + 2 * SIDE] = next[2];
                x_tile[at + 3 * SIDE] = next[3];
            } else {
                let at = s * SIDE + q;
                w_tile[at] = next[0];
                w_tile[at + 4 * SIDE] = next[1];
                w_tile[at + 8 * SIDE] = next[2];
                w_tile[at + 12 * SIDE] = next[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = x_tile[i * SIDE + 2 * down];
                let a1 = x_tile[i * SIDE + 2 * down + 1];
                let b4 = w_tile[i * SIDE + q];
                top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
                bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
            }
        }
    }

    let col = quad + q;
    if col >= pitch {
        return;
    }
    var bias = vec4(0.0);
    if dims.bias != 0 {
        bias = w[w_base + (last + 1) * pitch + col];
    }
    let rows = dims.batch * dims.out_h * dims.out_w;
    let base = (dims.y_offset + group.z * dims.y_stride + dims.y_first) / 4 + col;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n < rows {
            let at = place(n);
            let z = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
            y[base + (at.x * dims.out_h * dims.out_w + at.y) * (dims.y_channels / 4)] = activate(z + bias);
        }
    }
}
