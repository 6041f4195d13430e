// Dense layer on ones, gradient of weights and bias: dw[k] = sum of dz[b] over the records b that have feature k,
// from the columns of bits that columns_of_ones.wgsl makes; the last, all ones, gives the bias's. For software
// adapters with 64-bit integers. Portable twin: dense_ones_dw.wgsl.
//
// A workgroup computes 8 rows × 256 columns of dw, a row after the other: lane l adds vec4s l, 8 + l, … of dz's rows.
// Records are added in order, as dense_dw_outer.native.wgsl does: the same bytes.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    dw_offset: u32, dw_stride: u32,
    rows: u32,    // K + 1
    outputs: u32, // N
    words: u32,   // of a row of x
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;              // [K + 1, words]
@group(0) @binding(2) var<storage, read> dz: array<vec2<u64>>;       // [B, N]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [K + 1, N]

const TILE_ROWS: u32 = 8;
const TILE_COLS: u32 = 256;

// Four floats, loaded as two words of 64 bits: half as many guarded loads.
fn floats(words: vec2<u64>) -> vec4<f32> {
    let even = bitcast<vec2<f32>>(vec2<u32>(words));
    let odd = bitcast<vec2<f32>>(vec2<u32>(words >> vec2(32u)));
    return vec4(even.x, odd.x, even.y, odd.y);
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
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
    let end = min(group.y * TILE_ROWS + TILE_ROWS, dims.rows);
    for (var k = group.y * TILE_ROWS; k < end; k++) {
        let bits = dims.x_offset + group.z * dims.x_stride + k * dims.words;
        var s0 = vec4<f32>();
        var s1 = vec4<f32>();
        var s2 = vec4<f32>();
        var s3 = vec4<f32>();
        var s4 = vec4<f32>();
        var s5 = vec4<f32>();
        var s6 = vec4<f32>();
        var s7 = vec4<f32>();
        for (var word = 0u; word < dims.words; word++) {
            var left = x[bits + word];
            while left != 0 {
                let b = (32 * word + firstTrailingBit(left)) * quads;
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
        var sums = array(s0, s1, s2, s3, s4, s5, s6, s7);
        let to = (dims.dw_offset + group.z * dims.dw_stride) / 4 + k * quads;
        var q = col;
        for (var i = 0u; i < 8 && q < quads; i++) {
            dw[to + q] = sums[i];
            q += 8;
        }
    }
}
