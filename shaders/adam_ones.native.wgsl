// Adam along the weights' gradient of a dense layer on lists of ones, without a buffer for that gradient. For
// software adapters with 64-bit integers. Portable twin: adam_ones.wgsl.
//
// A workgroup owns 2 rows × 1024 columns of the layer's weights, a row after the other. Its lanes sum 256
// columns at once as dense_ones.native.wgsl does, until the row's gradient is in the workgroup's memory; then
// they make its steps as adam.native.wgsl does, in one loop over whole pages of p, m and v. Steps right after
// each sum, or tiles of 8 rows × 256 columns, were never faster.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    scalars_offset: u32, scalars_stride: u32,
    state_offset: u32, state_stride: u32,
    inputs: u32,   // K: features
    outputs: u32,  // N
    pitch: u32,    // words a row of x
    dz_pitch: u32, // vec4s from a row of dz to the next
    length: u32,   // vec4s of the parameters
    first: u32,    // vec4s of them before the layer's
    slot: u32,     // of rate / (1 − b1^t), 1 / sqrt(1 − b2^t), weight decay, active in scalars
    b1: f32,
    b2: f32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // [K + 1, pitch] columns of bits
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>; // [B, N]
@group(0) @binding(3) var<storage, read> scalars: array<f32>; // [1, slot + 4 …]
@group(0) @binding(4) var<storage, read_write> state: array<vec2<u64>>; // [3, P]: p, m, v

const TILE_ROWS: u32 = 2;
const TILE_COLS: u32 = 1024;
const BLOCK: u32 = 64; // vec4s that the lanes sum at once

// A row's, each place written and read by one lane: nothing to wait for.
var<workgroup> gradient: array<vec2<u64>, TILE_COLS / 4>;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let bits = vec4(vec2<u32>(words), vec2<u32>(words >> vec2(32u)));
    return bitcast<vec4<f32>>(bits.xzyw);
}

fn words(floats: vec4<f32>) -> vec2<u64> {
    let bits = bitcast<vec4<u32>>(floats);
    return vec2<u64>(bits.xz) | (vec2<u64>(bits.yw) << vec2(32u));
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let s = dims.scalars_offset + group.z * dims.scalars_stride + dims.slot;
    if scalars[s + 3] == 0.0 {
        return;
    }
    let rate = scalars[s];
    let correction = scalars[s + 1];
    let decay = scalars[s + 2];
    let quads = (dims.outputs + 3) / 4;
    let base = (dims.dz_offset + group.z * dims.dz_stride) / 4;
    let start = group.x * (TILE_COLS / 4);
    let columns_end = min(start + TILE_COLS / 4, quads);
    let end = min(group.y * TILE_ROWS + TILE_ROWS, dims.inputs + 1);
    for (var k = group.y * TILE_ROWS; k < end; k++) {
        let bits = dims.x_offset + group.z * dims.x_stride + k * dims.pitch;
        for (var first = start; first < columns_end; first += BLOCK) {
            let col = first + lane;
            // Columns beyond the last are read from it and have no step.
            let d0 = base + min(col, quads - 1);
            let d1 = base + min(col + 8, quads - 1);
            let d2 = base + min(col + 16, quads - 1);
            let d3 = base + min(col + 24, quads - 1);
            let d4 = base + min(col + 32, quads - 1);
            let d5 = base + min(col + 40, quads - 1);
            let d6 = base + min(col + 48, quads - 1);
            let d7 = base + min(col + 56, quads - 1);
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
            let to = first - start + lane;
            gradient[to] = words(s0);
            gradient[to + 8] = words(s1);
            gradient[to + 16] = words(s2);
            gradient[to + 24] = words(s3);
            gradient[to + 32] = words(s4);
            gradient[to + 40] = words(s5);
            gradient[to + 48] = words(s6);
            gradient[to + 56] = words(s7);
        }
        let row = (dims.state_offset + group.z * dims.state_stride) / 4 + dims.first + k * quads + start;
        for (var q = lane; start + q < columns_end; q += 8) {
            let m_at = row + q + dims.length;
            let v_at = m_at + dims.length;
            let p = floats(state[row + q]);
            let g = floats(gradient[q]) + decay * p;
            let m = dims.b1 * floats(state[m_at]) + (1.0 - dims.b1) * g;
            let v = dims.b2 * floats(state[v_at]) + (1.0 - dims.b2) * g * g;
            state[m_at] = words(m);
            state[v_at] = words(v);
            state[row + q] = words(p - rate * m / (sqrt(v) * correction + dims.eps));
        }
    }
}
