// Dense layer on lists of ones. For software adapters with 64-bit integers. Portable twin: dense_ones.wgsl.
//
// A workgroup computes 8 rows × 256 columns, a row after the other: lane l adds vec4s l, 8 + l, … of rows of
// w or dz. Loads are what such adapters spend their time on, and a list's entry is loaded once for eight of
// them. What is stored is also two words of 64 bits for four floats. The order is that of
// dense.outer.native.wgsl: the same bytes.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    dz_offset: u32, dz_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K: features, or classes
    outputs: u32,    // N
    pitch: u32,      // words a row of x
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
    dz_pitch: u32,   // vec4s from a row of dz, or of y, to the next: N's, or more in a wider tensor
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // [B, pitch] lists or [K + 1, pitch] columns of bits
@group(0) @binding(2) var<storage, read> w: array<vec2<u64>>; // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read> dz: array<vec2<u64>>; // [B, N]
@group(0) @binding(4) var<storage, read_write> result: array<vec2<u64>>; // y [B, N] or grad_w [K + 1, N]

const TILE_ROWS: u32 = 8;
const TILE_COLS: u32 = 256;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let bits = vec4(vec2<u32>(words), vec2<u32>(words >> vec2(32u)));
    return bitcast<vec4<f32>>(bits.xzyw);
}

fn words(floats: vec4<f32>) -> vec2<u64> {
    let bits = bitcast<vec4<u32>>(floats);
    return vec2<u64>(bits.xz) | (vec2<u64>(bits.yw) << vec2(32u));
}

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

// y[b] = act(sum over the ones k of record b of w[k], then w[K]).
@compute @workgroup_size(8)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let quads = (dims.outputs + 3) / 4;
    let col = group.x * (TILE_COLS / 4) + lane;
    // Columns beyond the last are read from it and not stored.
    let base = (dims.w_offset + group.z * dims.w_stride) / 4;
    let w0 = base + min(col, quads - 1);
    let w1 = base + min(col + 8, quads - 1);
    let w2 = base + min(col + 16, quads - 1);
    let w3 = base + min(col + 24, quads - 1);
    let w4 = base + min(col + 32, quads - 1);
    let w5 = base + min(col + 40, quads - 1);
    let w6 = base + min(col + 48, quads - 1);
    let w7 = base + min(col + 56, quads - 1);
    let end = min(group.y * TILE_ROWS + TILE_ROWS, dims.batch);
    for (var b = group.y * TILE_ROWS; b < end; b++) {
        let list = dims.x_offset + group.z * dims.x_stride + b * dims.pitch;
        let list_end = list + 1 + x[list];
        var s0 = vec4<f32>();
        var s1 = vec4<f32>();
        var s2 = vec4<f32>();
        var s3 = vec4<f32>();
        var s4 = vec4<f32>();
        var s5 = vec4<f32>();
        var s6 = vec4<f32>();
        var s7 = vec4<f32>();
        for (var at = list + 1; at < list_end; at++) {
            let k = x[at] * quads;
            s0 += floats(w[w0 + k]);
            s1 += floats(w[w1 + k]);
            s2 += floats(w[w2 + k]);
            s3 += floats(w[w3 + k]);
            s4 += floats(w[w4 + k]);
            s5 += floats(w[w5 + k]);
            s6 += floats(w[w6 + k]);
            s7 += floats(w[w7 + k]);
        }
        // A loop, not eight copies of the activations: the pipeline builds faster.
        var sums = array(s0, s1, s2, s3, s4, s5, s6, s7);
        let to = (dims.result_offset + group.z * dims.result_stride) / 4 + b * dims.dz_pitch;
        var q = col;
        for (var i = 0u; i < 8 && q < quads; i++) {
            // Padding stays zero whatever act(0) is.
            let real = 4 * q + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs);
            let z = sums[i] + floats(w[base + dims.inputs * quads + q]);
            result[to + q] = words(select(vec4(0.0), activate(z), real));
            q += 8;
        }
    }
}

// grad_w[k] = sum of dz[b] over the records b that have feature k, from the columns of bits that
// columns_of_ones.wgsl makes.
@compute @workgroup_size(8)
fn grad_w(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let quads = (dims.outputs + 3) / 4;
    let col = group.x * (TILE_COLS / 4) + lane;
    // Columns beyond the last are read from it and not stored.
    let base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let d0 = base + min(col, quads - 1);
    let d1 = base + min(col + 8, quads - 1);
    let d2 = base + min(col + 16, quads - 1);
    let d3 = base + min(col + 24, quads - 1);
    let d4 = base + min(col + 32, quads - 1);
    let d5 = base + min(col + 40, quads - 1);
    let d6 = base + min(col + 48, quads - 1);
    let d7 = base + min(col + 56, quads - 1);
    let end = min(group.y * TILE_ROWS + TILE_ROWS, dims.inputs + 1);
    for (var k = group.y * TILE_ROWS; k < end; k++) {
        let bits = dims.x_offset + group.z * dims.x_stride + k * dims.pitch;
        var s0 = vec4<f32>();
        var s1 = vec4<f32>();
        var s2 = vec4<f32>();
        var s3 = vec4<f32>();
        var s4 = vec4<f32>();
        var s5 = vec4<f32>();
        var s6 = vec4<f32>();
        var s7 = vec4<f32>();
        for (var word = 0u; word < dims.pitch; word++) {
            var left = x[bits + word];
            while left != 0 {
                let b = (32 * word + firstTrailingBit(left)) * dims.dz_pitch;
                s0 += floats(dz[d0 + b]);
                s1 += floats(dz[d1 + b]);
                s2 += floats(dz[d2 + b]);
                s3 += floats(dz[d3 + b]);
                s4 += floats(dz[d4 + b]);
                s5 += floats(dz[d5 + b]);
                s6 += floats(dz[d6 + b]);
                s7 += floats(dz[d7 + b]);
                left &= left - 1;
            }
        }
        let to = (dims.result_offset + group.z * dims.result_stride) / 4 + k * quads + col;
        if col < quads { result[to] = words(s0); }
        if col + 8 < quads { result[to + 8] = words(s1); }
        if col + 16 < quads { result[to + 16] = words(s2); }
        if col + 24 < quads { result[to + 24] = words(s3); }
        if col + 32 < quads { result[to + 32] = words(s4); }
        if col + 40 < quads { result[to + 40] = words(s5); }
        if col + 48 < quads { result[to + 48] = words(s6); }
        if col + 56 < quads { result[to + 56] = words(s7); }
    }
}
