// Convolution, gradient of the input: grad_x[b, i, ci] = sum of dz[b, o, co] w[tap Cin + ci, co] over the outputs o that
// see pixel i. For software adapters with subgroups of eight and 64-bit integers: the subgroup outer product of
// dense_dx_outer.native.wgsl as an implicit matrix product; channels of x a multiple of 4. Portable twin: conv2d_dx_register.wgsl.
//
// A workgroup is one subgroup and computes 32 input pixels × 32 channels, four output channels at a time. The
// outputs that see a pixel through one tap are one pixel of dz, so a tap is a dense layer of its own, as in
// conv2d_outer.native.wgsl, its order of pixels included; a tap through which none of the 32 pixels is seen is skipped.
// Dims' bias and activation are not used.

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
@group(0) @binding(1) var<storage, read> dz: array<vec2<u64>>;       // [B, OH OW Cout]
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>;        // [k k Cin (+ 1), Cout]
@group(0) @binding(3) var<storage, read_write> grad_x: array<vec4<f32>>; // [B, IH IW Cin]

const TILE_ROWS: u32 = 32;
const TILE_COLS: u32 = 32;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

// An input pixel: the output pixel that sees it through tap (0, 0) at stride 1, and its record's first word in dz.
struct Pixel {
    down: u32, right: u32,
    at: u32,
}

fn by_pixel(pixels: u32) -> bool {
    return pixels <= 64;
}

// The pixel of row n of the matrix; rows beyond the last are read as the last and not stored.
fn seen(n: u32, base: u32) -> Pixel {
    let pixels = dims.in_h * dims.in_w;
    let row = min(n, dims.batch * pixels - 1);
    let b = select(row / pixels, row % dims.batch, by_pixel(pixels));
    let pixel = select(row % pixels, row / dims.batch, by_pixel(pixels));
    let down = pixel / dims.in_w + dims.padding;
    let right = pixel % dims.in_w + dims.padding;
    return Pixel(down, right, base + b * dims.out_h * dims.out_w * (dims.y_channels / 4));
}

// The output along one axis that sees position p through a tap; beyond `length` where there is none.
fn along(p: u32, tap: u32, length: u32) -> u32 {
    let apart = p - tap; // wraps where there is none
    if dims.stride == 1 {
        return apart;
    }
    return select(length, apart / dims.stride, apart % dims.stride == 0);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let row = group.y * TILE_ROWS;
    let col = group.x * (TILE_COLS / 4) + lane;
    let dz_pitch = dims.out_c / 4;
    let grad_x_pitch = dims.in_c / 4;
    let dz_base = (dims.dz_offset + group.z * dims.dz_stride + dims.y_first) / 4;
    let z_pitch = dims.y_channels / 4;
    let p0 = seen(row + lane, dz_base);
    let p1 = seen(row + 8 + lane, dz_base);
    let p2 = seen(row + 16 + lane, dz_base);
    let p3 = seen(row + 24 + lane, dz_base);
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
        let down0 = along(p0.down, kh, dims.out_h);
        let down1 = along(p1.down, kh, dims.out_h);
        let down2 = along(p2.down, kh, dims.out_h);
        let down3 = along(p3.down, kh, dims.out_h);
        for (var kw = 0u; kw < dims.window; kw++) {
            let right0 = along(p0.right, kw, dims.out_w);
            let right1 = along(p1.right, kw, dims.out_w);
            let right2 = along(p2.right, kw, dims.out_w);
            let right3 = along(p3.right, kw, dims.out_w);
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
                let b = transpose(mat4x4(floats(w[w0 + n]), floats(w[w1 + n]), floats(w[w2 + n]), floats(w[w3 + n])));
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
    let base = (dims.grad_x_offset + group.z * dims.grad_x_stride) / 4 + col;
    let end = min(TILE_ROWS, dims.batch * pixels - row);
    var b = row % dims.batch;
    var pixel = row / dims.batch;
    for (var i = 0u; i < end; i++) {
        grad_x[base + select(row + i, b * pixels + pixel, by_pixel(pixels)) * grad_x_pitch] = rows[i / 4][i % 4];
        b += 1;
        if b == dims.batch {
            b = 0;
            pixel += 1;
        }
    }
}
