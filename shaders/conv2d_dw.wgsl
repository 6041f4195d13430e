// Convolution, gradient of the weights: dw[tap Cin + ci, co] = sum over records and output pixels of x dz; the last
// row, where there is a bias, the sum of dz. For hardware GPUs; software adapters run conv2d_dw_outer.native.wgsl or
// conv2d_dw_register.wgsl.
//
// The tile of dense_dw.wgsl as an implicit matrix product: a workgroup of 128 computes 64 rows × 64 columns of dw, each
// invocation 8 × 4 of them, 16 records of one output pixel at a time through workgroup memory. Pixels at which the taps of all
// rows fall on padding are skipped. Summed in order, in one place: no atomics, no second pass. Dims' activation is not used.

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
@group(0) @binding(1) var<storage, read> x: array<f32>;              // [B, IH IW Cin]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;       // [B, OH OW Cout]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [k k Cin (+ 1), Cout]

const TILE_ROWS: u32 = 64;
const TILE_COLS: u32 = 64;
const STEP: u32 = 16;
const SIDE: u32 = 16; // vec4s in a row of either tile

var<workgroup> x_tile: array<vec4<f32>, 256>;  // [STEP][TILE_ROWS / 4]
var<workgroup> dz_tile: array<vec4<f32>, 256>; // [STEP][TILE_COLS / 4]

// The input that row `own` of dw has at an output pixel, in a record of x; a huge number on padding.
fn source(own: u32, oh: u32, ow: u32) -> u32 {
    let tap = own / dims.in_c;
    let ih = oh * dims.stride + tap / dims.window - dims.padding; // wraps above the image
    let iw = ow * dims.stride + tap % dims.window - dims.padding;
    let real = tap < dims.window * dims.window && ih < dims.in_h && iw < dims.in_w;
    return select(0xffffffffu, (ih * dims.in_w + iw) * dims.in_c + own % dims.in_c, real);
}

// What four rows of dw have in a record that begins at `record` of x: inputs, or `beside`.
fn inputs(record: u32, sources: vec4<u32>, beside: vec4<f32>, real: bool) -> vec4<f32> {
    let here = (sources != vec4(0xffffffffu)) & vec4(real);
    let at = select(vec4(dims.x_offset), record + sources, here);
    let value = vec4(x[at.x], x[at.y], x[at.z], x[at.w]);
    return select(select(vec4(0.0), beside, vec4(real)), value, here);
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
                    inputs(first.x, sources, beside, real.x),
                    inputs(first.y, sources, beside, real.y),
                    inputs(first.z, sources, beside, real.z),
                    inputs(first.w, sources, beside, real.w),
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
                x_tile[at] = block[0];
                x_tile[at + 4 * SIDE] = block[1];
                x_tile[at + 8 * SIDE] = block[2];
                x_tile[at + 12 * SIDE] = block[3];
            } else {
                let at = s * SIDE + q;
                dz_tile[at] = block[0];
                dz_tile[at + 4 * SIDE] = block[1];
                dz_tile[at + 8 * SIDE] = block[2];
                dz_tile[at + 12 * SIDE] = block[3];
            }
            workgroupBarrier();
            for (var i = 0u; i < STEP; i++) {
                let a0 = x_tile[i * SIDE + 2 * down];
                let a1 = x_tile[i * SIDE + 2 * down + 1];
                let b4 = dz_tile[i * SIDE + q];
                top += mat4x4(a0.x * b4, a0.y * b4, a0.z * b4, a0.w * b4);
                bottom += mat4x4(a1.x * b4, a1.y * b4, a1.z * b4, a1.w * b4);
            }
        }
    }

    let col = quad + q;
    if col >= pitch {
        return;
    }
    let base = (dims.dw_offset + group.z * dims.dw_stride) / 4 + col;
    for (var i = 0u; i < 8; i++) {
        let n = row + 8 * down + i;
        if n < weights + dims.bias {
            dw[base + n * pitch] = select(picked(top, i % 4), picked(bottom, i % 4), i >= 4);
        }
    }
}
