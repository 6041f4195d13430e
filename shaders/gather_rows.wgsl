// Gathers rows of the resident data set into a batch: y[b, :] = decode(data[rows[b], :]).
// Idea: the data stays on the GPU as small as it is (bits, bytes or floats); decoding is a shift.
// Tile: 4 neighboring features an invocation, one vec4 store; neighbors read the same word.
// A row index beyond the data (padding of the last evaluation batch) gives zeros.

struct Dims {
    data_offset: u32, data_stride: u32,
    rows_offset: u32, rows_stride: u32,
    y_offset: u32, y_stride: u32,
    records: u32,
    batch: u32,
    width: u32,  // words a record
    quads: u32,  // vec4s a row of y
    format: u32, // 0 bits, 1 bytes, 2 floats
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> data: array<u32>;          // [N, width]
@group(0) @binding(2) var<storage, read> rows: array<u32>;          // [B, 1]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, features]

// Four features from the word or words that hold them; f = index of the first, a multiple of 4.
fn decode(base: u32, f: u32) -> vec4<f32> {
    if dims.format == 0 {
        let bits = data[base + f / 32] >> (f % 32);
        return vec4<f32>((vec4(bits) >> vec4(0u, 1u, 2u, 3u)) & vec4(1u));
    }
    if dims.format == 1 {
        let bytes = data[base + f / 4];
        return vec4<f32>((vec4(bytes) >> vec4(0u, 8u, 16u, 24u)) & vec4(255u));
    }
    let at = base + f;
    return bitcast<vec4<f32>>(vec4(data[at], data[at + 1], data[at + 2], data[at + 3]));
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    if i >= dims.batch * dims.quads {
        return;
    }
    let b = i / dims.quads;
    let row = rows[dims.rows_offset + r * dims.rows_stride + b];
    var value = vec4(0.0);
    if row < dims.records {
        value = decode(dims.data_offset + r * dims.data_stride + row * dims.width, 4 * (i % dims.quads));
    }
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = value;
}
