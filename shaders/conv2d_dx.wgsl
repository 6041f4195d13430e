// Convolution, gradient of the input: grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that
// see pixel i. For hardware GPUs; software adapters run conv2d_dx_outer.native.wgsl or conv2d_dx_register.wgsl.
//
// The tile of dense_dx.wgsl as an implicit matrix product: a workgroup of 128 computes 64 input pixels × 64 channels, each
// invocation 8 × 4 of them, 16 output channels of one tap at a time through workgroup memory. A tap through which no
// pixel of the tile is seen is skipped; the order of pixels is that of conv2d.wgsl. Dims' bias and activation are not used.

struct Dims {
    dz_offset: u32, dz_stride: u32,
    w_offset: u32, w_stride: u32,
    grad_x_offset: u32, grad_x_stride: u32,
    batch: u32,
    in_h: u32, in_w: u32, in_c: u32,
    out_h: u32, out_w: u32, out_c: u32, // out_c a multiple of 4
    window: u32, stride: u32, padding: u32,
    y_channels: u32, y_first: u32, // y's pixels have so many channels; from y_first on, these out_c
    bias: u32,
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dz: array<vec4<f32>>;  // [B, OH OW Cout]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;   // [k k Cin (+ 1), Cout]
@group(0) @binding(3) var<storage, read_write> grad_x: array<f32>;  // [B, IH IW Cin]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> dz_tile: array<vec4<f32>, 256>; // [STEP][TILE_ROWS / 4]
var<workgroup> w_tile: array<vec4<f32>, 256>;  // [STEP][TILE_COLS / 4]

fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// Record and pixel of row n of the matrix; rows beyond the last are read as the last and not stored.
fn place(n: u32) -> vec2<u32> {
    let pixels = dims.in_h * dims.in_w;
    let row = min(n, dims.batch * pixels - 1);
    return select(vec2(row / pixels, row % pixels), vec2(row % dims.batch, row / dims.batch), by_pixel(pixels));
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

// Four output channels, those at `at`, of dz where a record's pixel is seen through a tap; zero where it is not.
fn outputs(place: vec2<u32>, kh: u32, kw: u32, base: u32, at: u32, there: bool) -> vec4<f32> {
    let z_pitch = dims.y_channels / 4;
    let pixel = seen(place.y, kh, kw);
    let real = there && pixel != 0xffffffffu;
    let z = (place.x * dims.out_h * dims.out_w + pixel) * z_pitch + at;
    return select(vec4(0.0), dz[base + select(0u, z, real)], real);
}

// Those of four channels from ci on that there are.
fn store(base: u32, ci: u32, value: vec4<f32>) {
    if ci < dims.in_c {
        grad_x[base + ci] = value.x;
    }
    if ci + 1 < dims.in_c {
        grad_x[base + ci + 1] = value.y;
    }
    if ci + 2 < dims.in_c {
        grad_x[base + ci + 2] = value.z;
    }
    if ci + 3 < dims.in_c {
        grad_x[base + ci + 3] = value.w;
    }
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
    let channel = group.x * TILE_COLS;
    let s = (local % 64) / SIDE;
    let q = local % SIDE;
    let down = local / SIDE; // this invocation's rows: 8 · down .. + 8; its columns: 4q .. + 4
    let pitch = dims.out_c / 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let w_base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let same = by_pixel(dims.in_h * dims.in_w) && place(row).y == place(row + TILE_ROWS - 1).y;
    let one_pixel = place(row).y;
    let p0 = place(row + 4 * q);
    let p1 = place(row + 4 * q + 1);
    let p2 = place(row + 4 * q + 2);
    let p3 = place(row + 4 * q + 3);
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
                dz_tile[to] = block[0];
                dz_tile[to + SIDE] = block[1];
                dz_tile[to + 2 * SIDE] = block[2];
                dz_tile[to + 3 * SIDE] = block[3];
            } else {
                let to = 4 * s * SIDE + q;
                w_tile[to] = block[0];
                w_tile[to + SIDE] = block[1];
                w_tile[to + 2 * SIDE] = block[2];
                w_tile[to + 3 * SIDE] = block[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = dz_tile[i * SIDE + 2 * down];
                let a1 = dz_tile[i * SIDE + 2 * down + 1];
                let b4 = w_tile[i * SIDE + q];
                top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
                bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
            }
        }
    }

    let rows = dims.batch * dims.in_h * dims.in_w;
    let features = dims.in_h * dims.in_w * dims.in_c;
    let x_pitch = (features + 3) / 4 * 4;
    let grad_x_base = dims.grad_x_offset + group.z * dims.grad_x_stride;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n >= rows {
            continue;
        }
        let at = place(n);
        let z = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
        let first = grad_x_base + at.x * x_pitch;
        store(first + at.y * dims.in_c, channel + 4 * q, z);
        // The row's padding.
        if at.y + 1 == dims.in_h * dims.in_w && channel == 0 && q == 0 {
            for (var j = features; j < x_pitch; j++) {
                grad_x[first + j] = 0.0;
            }
        }
    }
}
