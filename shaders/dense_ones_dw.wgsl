// Dense layer on ones, gradient of weights and bias: dw[k] = sum of dz[b] over the records b that have feature k,
// from the columns of bits that columns_of_ones.wgsl makes; the last, all ones, gives the bias's. For hardware GPUs;
// software adapters with 64-bit integers run dense_ones_dw_wide.native.wgsl.
// The batch is summed in order, a record after the other, as dense_dw.wgsl does: the same bytes. No atomics.
// Tile: one vec4 of one row of dw an invocation; neighbors read neighboring columns of dz and the same bits.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    dz_offset: u32,
    dz_stride: u32,
    dw_offset: u32,
    dw_stride: u32,
    rows: u32, // K + 1
    outputs: u32, // N
    words: u32, // of a row of x
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // [K + 1, words]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>; // [K + 1, N]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3u) / 4u;
    if i >= dims.rows * quads {
        return;
    }
    let bits = dims.x_offset + r * dims.x_stride + (i / quads) * dims.words;
    let column = (dims.dz_offset + r * dims.dz_stride) / 4u + i % quads;
    var sum = vec4<f32>(0.0);
    for (var word = 0u; word < dims.words; word += 1u) {
        var left = x[bits + word];
        while left != 0u {
            sum += dz[column + (32u * word + firstTrailingBit(left)) * quads];
            left &= left - 1u;
        }
    }
    dw[(dims.dw_offset + r * dims.dw_stride) / 4u + i] = sum;
}
