// Convolution, images as rows of pixels of channels. For hardware GPUs; software adapters run
// conv2d.outer.native.wgsl, conv2d.outer.backward.native.wgsl or conv2d.register.wgsl.
// forward  y = act(conv(x, w) + bias)
// grad_x   grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that see pixel i
// grad_w   grad_w[tap Cin + ci, co] = sum over records and output pixels of x dz; the last row, where there
//          is a bias, of dz
//
// The tile of dense.wgsl as an implicit matrix product: a workgroup of 128 computes 64 rows × 64 columns of
// the result, each invocation 8 × 4 of them, 16 of what is summed over at a time through workgroup memory.
// What lies on padding for a whole tile is skipped, for some of it it is zero. Summed in order, in one place:
// no atomics, no second pass.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    result_offset: u32, result_stride: u32,
    result_scalars_offset: u32, result_scalars_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,       // whether there is one; grad_x has no use for it
    activation: u32, // of the forward pass: 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;                    // [B, IH·IW·Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;             // [B, OH·OW·Cout]
@group(0) @binding(3) var<storage, read> w: array<vec4<f32>>;              // [k·k·Cin (+ 1), Cout]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>;   // y, as dz, or grad_w, as w
@group(0) @binding(5) var<storage, read_write> result_scalars: array<f32>; // [B, IH·IW·Cin]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> a_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> b_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

// Column i of m. By constants: a compiler that cannot index registers unrolls every loop around, for minutes.
fn picked(m: mat4x4<f32>, i: u32) -> vec4<f32> {
    switch i {
        case 0: { return m[0]; }
        case 1: { return m[1]; }
        case 2: { return m[2]; }
        default: { return m[3]; }
    }
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

// Record and pixel of row n of y as a matrix; rows beyond the last are read as the last and not stored.
fn output_place(n: u32) -> vec2<u32> {
    let pixels = dims.out_h * dims.out_w;
    let row = min(n, dims.batch * pixels - 1);
    let of_record = vec2(row / pixels, row % pixels);
    return select(of_record, vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
}

// The taps of a window that begins at `start` of the padded image which are not on padding: from, to.
fn on_image(start: u32, length: u32) -> vec2<u32> {
    let low = max(dims.padding, start) - start;
    return vec2(low, max(low, min(dims.window + start, length + dims.padding) - start));
}

// Of the pixels of a tile: rows of the window, then columns, that any of them needs.
fn needed(row: u32) -> vec4<u32> {
    let first = output_place(row);
    let last = output_place(row + TILE_ROWS - 1);
    let down = on_image(first.y / dims.out_w * dims.stride, dims.in_h);
    let across = on_image(first.y % dims.out_w * dims.stride, dims.in_w);
    let one_pixel = first.y == last.y && by_pixel(dims.out_h * dims.out_w);
    // No early return: FXC would not see that all of a workgroup come to the barriers.
    return select(vec4(0u, dims.window, 0u, dims.window), vec4(down, across), one_pixel);
}

// Four inputs, e .. e + 4 of row kh of the window, of a record's pixel.
fn window_inputs(place: vec2<u32>, kh: u32, e: u32, base: u32) -> vec4<f32> {
    let x_pitch = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let ih = place.y / dims.out_w * dims.stride + kh - dims.padding; // wraps above the image
    let left = place.y % dims.out_w * dims.stride;
    let columns = on_image(left, dims.in_w) * dims.in_c;
    let first = base + place.x * x_pitch + (ih * dims.in_w + left - dims.padding) * dims.in_c;
    let own = e + vec4(0u, 1u, 2u, 3u);
    let real = (own >= vec4(columns.x)) & (own < vec4(columns.y)) & vec4(ih < dims.in_h);
    let at = select(vec4(base), first + own, real);
    return select(vec4(0.0), vec4(x[at.x], x[at.y], x[at.z], x[at.w]), real);
}

// 64 output pixels × 64 channels. The inputs of a row of the window follow each other in x, and their weights
// in w, so the sum is walked by rows of the window.
@compute @workgroup_size(128)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
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
    let p0 = output_place(row + 4 * q);
    let p1 = output_place(row + 4 * q + 1);
    let p2 = output_place(row + 4 * q + 2);
    let p3 = output_place(row + 4 * q + 3);

    var top = mat4x4<f32>(); // a column of the matrix is a row of y
    var bottom = mat4x4<f32>();
    for (var kh = taps.x; kh < taps.y; kh++) {
        for (var e = from_column; e < to_column; e += STEP) {
            var next: mat4x4<f32>;
            if local < 64 {
                let own = e + 4 * s;
                next = transpose(mat4x4(
                    window_inputs(p0, kh, own, x_base),
                    window_inputs(p1, kh, own, x_base),
                    window_inputs(p2, kh, own, x_base),
                    window_inputs(p3, kh, own, x_base),
                ));
            } else {
                // Beyond the row of the window x is zero; the clamp keeps w's factor finite.
                let at = min(kh * inputs_of_row + e + s + vec4(0u, 4u, 8u, 12u), vec4(last)) * pitch + w_col;
                next = mat4x4(w[at.x], w[at.y], w[at.z], w[at.w]);
            }
            workgroupBarrier();
            if local < 64 {
                let at = 4 * s * SIDE + q;
                a_tile[at] = next[0];
                a_tile[at + SIDE] = next[1];
                a_tile[at + 2 * SIDE] = next[2];
                a_tile[at + 3 * SIDE] = next[3];
            } else {
                let at = s * SIDE + q;
                b_tile[at] = next[0];
                b_tile[at + 4 * SIDE] = next[1];
                b_tile[at + 8 * SIDE] = next[2];
                b_tile[at + 12 * SIDE] = next[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = a_tile[i * SIDE + 2 * down];
                let a1 = a_tile[i * SIDE + 2 * down + 1];
                let b4 = b_tile[i * SIDE + q];
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
    let base = (dims.result_offset + group.z * dims.result_stride + dims.y_first) / 4 + col;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n < rows {
            let at = output_place(n);
            let z = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
            let to = (at.x * dims.out_h * dims.out_w + at.y) * (dims.y_channels / 4);
            result[base + to] = activate(z + bias);
        }
    }
}

// Record and pixel of row n of x as a matrix; rows beyond the last are read as the last and not stored.
fn input_place(n: u32) -> vec2<u32> {
    let pixels = dims.in_h * dims.in_w;
    let row = min(n, dims.batch * pixels - 1);
    let of_record = vec2(row / pixels, row % pixels);
    return select(of_record, vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
}

// The output along one axis that sees position p through a tap; `length` where there is none.
fn along(p: u32, tap: u32, length: u32) -> u32 {
    let apart = p + dims.padding - tap; // wraps where there is none
    return select(length, min(apart / dims.stride, length), apart % dims.stride == 0);
}

// Where the output is that sees a pixel through a tap, in pixels of dz; a huge number where there is none.
fn seen(pixel: u32, kh: u32, kw: u32) -> u32 {
    let oh = along(pixel / dims.in_w, kh, dims.out_h);
    let ow = along(pixel % dims.in_w, kw, dims.out_w);
    return select(0xffffffffu, oh * dims.out_w + ow, oh < dims.out_h && ow < dims.out_w);
}

// Four output channels, those at `at`, of dz where a record's pixel is seen through a tap; zero where it is
// not.
fn outputs(place: vec2<u32>, kh: u32, kw: u32, base: u32, at: u32, there: bool) -> vec4<f32> {
    let z_pitch = dims.y_channels / 4;
    let pixel = seen(place.y, kh, kw);
    let real = there && pixel != 0xffffffffu;
    let z = (place.x * dims.out_h * dims.out_w + pixel) * z_pitch + at;
    return select(vec4(0.0), dz[base + select(0u, z, real)], real);
}

// Those of four channels from ci on that there are.
fn store_channels(base: u32, ci: u32, value: vec4<f32>) {
    if ci < dims.in_c {
        result_scalars[base + ci] = value.x;
    }
    if ci + 1 < dims.in_c {
        result_scalars[base + ci + 1] = value.y;
    }
    if ci + 2 < dims.in_c {
        result_scalars[base + ci + 2] = value.z;
    }
    if ci + 3 < dims.in_c {
        result_scalars[base + ci + 3] = value.w;
    }
}

// 64 input pixels × 64 channels, 16 output channels of one tap at a time. A tap through which no pixel of the
// tile is seen is skipped.
@compute @workgroup_size(128)
fn grad_x(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let channel = group.x * TILE_COLS;
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4
    let pitch = dims.out_c / 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let same = by_pixel(dims.in_h * dims.in_w) && input_place(row).y == input_place(row + TILE_ROWS - 1).y;
    let one_pixel = input_place(row).y;
    let p0 = input_place(row + 4 * q);
    let p1 = input_place(row + 4 * q + 1);
    let p2 = input_place(row + 4 * q + 2);
    let p3 = input_place(row + 4 * q + 3);
    // Channels beyond the last are computed from it and not stored.
    let channels = min(channel + 4 * q + vec4(0u, 1u, 2u, 3u), vec4(dims.in_c - 1));

    var top = mat4x4<f32>(); // a column of the matrix is a row of grad_x
    var bottom = mat4x4<f32>();
    for (var tap = 0u; tap < dims.window * dims.window; tap++) {
        let kh = tap / dims.window;
        let kw = tap % dims.window;
        if same && seen(one_pixel, kh, kw) == 0xffffffffu {
            continue;
        }
        for (var n = 0u; n < pitch; n += STEP / 4) {
            var block: mat4x4<f32>;
            let at = min(n + s, pitch - 1);
            if local < 64 {
                let there = n + s < pitch;
                block = transpose(mat4x4(
                    outputs(p0, kh, kw, dz_base, at, there),
                    outputs(p1, kh, kw, dz_base, at, there),
                    outputs(p2, kh, kw, dz_base, at, there),
                    outputs(p3, kh, kw, dz_base, at, there),
                ));
            } else {
                let from_w = w_base + at + (tap * dims.in_c + channels) * pitch;
                block = transpose(mat4x4(w[from_w.x], w[from_w.y], w[from_w.z], w[from_w.w]));
            }
            workgroupBarrier();
            if local < 64 {
                let to = 4 * s * SIDE + q;
                a_tile[to] = block[0];
                a_tile[to + SIDE] = block[1];
                a_tile[to + 2 * SIDE] = block[2];
                a_tile[to + 3 * SIDE] = block[3];
            } else {
                let to = 4 * s * SIDE + q;
                b_tile[to] = block[0];
                b_tile[to + SIDE] = block[1];
                b_tile[to + 2 * SIDE] = block[2];
                b_tile[to + 3 * SIDE] = block[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = a_tile[i * SIDE + 2 * down];
                let a1 = a_tile[i * SIDE + 2 * down + 1];
                let b4 = b_tile[i * SIDE + q];
                top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
                bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
            }
        }
    }

    let rows = dims.batch * dims.in_h * dims.in_w;
    let features = dims.in_h * dims.in_w * dims.in_c;
    let x_pitch = (features + 3) / 4 * 4;
    let grad_x_base = dims.result_scalars_offset + group.z * dims.result_scalars_stride;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n >= rows {
            continue;
        }
        let at = input_place(n);
        let z = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
        let first = grad_x_base + at.x * x_pitch;
        store_channels(first + at.y * dims.in_c, channel + 4 * q, z);
        // The row's padding.
        if at.y + 1 == dims.in_h * dims.in_w && channel == 0 && q == 0 {
            for (var j = features; j < x_pitch; j++) {
                result_scalars[first + j] = 0.0;
            }
        }
    }
}

// The input that row `own` of dw has at an output pixel, in a record of x; a huge number on padding.
fn source(own: u32, oh: u32, ow: u32) -> u32 {
    let tap = own / dims.in_c;
    let ih = oh * dims.stride + tap / dims.window - dims.padding; // wraps above the image
    let iw = ow * dims.stride + tap % dims.window - dims.padding;
    let real = tap < dims.window * dims.window && ih < dims.in_h && iw < dims.in_w;
    return select(0xffffffffu, (ih * dims.in_w + iw) * dims.in_c + own % dims.in_c, real);
}

// What four rows of dw have in a record that begins at `record` of x: inputs, or `beside`.
fn record_inputs(record: u32, sources: vec4<u32>, beside: vec4<f32>, real: bool) -> vec4<f32> {
    let here = (sources != vec4(0xffffffffu)) & vec4(real);
    let at = select(vec4(dims.x_offset), record + sources, here);
    let value = vec4(x[at.x], x[at.y], x[at.z], x[at.w]);
    return select(select(vec4(0.0), beside, vec4(real)), value, here);
}

// 64 rows × 64 columns of grad_w, 16 records of one output pixel at a time. Pixels at which the taps of all
// rows fall on padding are skipped.
@compute @workgroup_size(128)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * TILE_ROWS;
    let quad = group.x * (TILE_COLS / 4);
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4
    let weights = dims.window * dims.window * dims.in_c;
    let pitch = dims.out_c / 4;
    let z_pitch = dims.y_channels / 4;
    let x_base = dims.x_offset + group.z * dims.x_stride;
    let x_record = (dims.in_h * dims.in_w * dims.in_c + 3) / 4 * 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4 + min(quad + q, pitch - 1);
    let dz_record = dims.out_h * dims.out_w * z_pitch;
    let own = row + 4 * q + vec4(0u, 1u, 2u, 3u);
    let beside = select(vec4(0.0), vec4(1.0), own == vec4(weights)); // the bias
    // Where all rows have one tap, it alone says which pixels count.
    let one_tap = row / dims.in_c == (row + TILE_ROWS - 1) / dims.in_c && row + TILE_ROWS <= weights;

    var top = mat4x4<f32>(); // a column of the matrix is a row of dw
    var bottom = mat4x4<f32>();
    for (var pixel = 0u; pixel < dims.out_h * dims.out_w; pixel++) {
        let oh = pixel / dims.out_w;
        let ow = pixel % dims.out_w;
        if one_tap && source(row, oh, ow) == 0xffffffffu {
            continue;
        }
        let sources = vec4(
            source(own.x, oh, ow),
            source(own.y, oh, ow),
            source(own.z, oh, ow),
            source(own.w, oh, ow),
        );
        for (var b = 0u; b < dims.batch; b += STEP) {
            var block: mat4x4<f32>;
            let records = b + s + vec4(0u, 4u, 8u, 12u);
            let real = records < vec4(dims.batch);
            if local < 64 {
                let first = x_base + records * x_record;
                block = mat4x4(
                    record_inputs(first.x, sources, beside, real.x),
                    record_inputs(first.y, sources, beside, real.y),
                    record_inputs(first.z, sources, beside, real.z),
                    record_inputs(first.w, sources, beside, real.w),
                );
            } else {
                let at = dz_base + min(records, vec4(dims.batch - 1)) * dz_record + pixel * z_pitch;
                block = mat4x4(
                    select(vec4(0.0), dz[at.x], real.x),
                    select(vec4(0.0), dz[at.y], real.y),
                    select(vec4(0.0), dz[at.z], real.z),
                    select(vec4(0.0), dz[at.w], real.w),
                );
            }
            workgroupBarrier();
            if local < 64 {
                let at = s * SIDE + q;
                a_tile[at] = block[0];
                a_tile[at + 4 * SIDE] = block[1];
                a_tile[at + 8 * SIDE] = block[2];
                a_tile[at + 12 * SIDE] = block[3];
            } else {
                let at = s * SIDE + q;
                b_tile[at] = block[0];
                b_tile[at + 4 * SIDE] = block[1];
                b_tile[at + 8 * SIDE] = block[2];
                b_tile[at + 12 * SIDE] = block[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = a_tile[i * SIDE + 2 * down];
                let a1 = a_tile[i * SIDE + 2 * down + 1];
                let b4 = b_tile[i * SIDE + q];
                top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
                bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
            }
        }
    }

    let col = quad + q;
    if col >= pitch {
        return;
    }
    let base = (dims.result_offset + group.z * dims.result_stride) / 4 + col;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n < weights + dims.bias {
            result[base + n * pitch] = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
        }
    }
}
