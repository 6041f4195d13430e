// Gathers rows of the resident data set into a batch: y[b, :] = decode(data[rows[b], :]).
// Idea: the data stays on the GPU as small as it is (bits, bytes or floats); decoding is a shift.
// Tile: 4 neighbouring features an invocation, one vec4 store; neighbours read the same word.
// A row index beyond the data (padding of the last evaluation batch) gives zeros.

struct Dims {
    data_offset: u32,
    data_stride: u32,
    rows_offset: u32,
    rows_stride: u32,
    y_offset: u32,
    y_stride: u32,
    records: u32,
    batch: u32,
    width: u32, // words a record
    quads: u32, // vec4s a row of y
    format: u32, // 0 bits, 1 bytes, 2 floats
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> data: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Four features from the word or words that hold them; f = index of the first, a multiple of 4.
fn decode(base: u32, f: u32) -> vec4<f32> {
    if dims.format == 0u {
        let bits = data[base + f / 32u] >> (f % 32u);
        return vec4<f32>((vec4<u32>(bits) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u));
    }
    if dims.format == 1u {
        let bytes = data[base + f / 4u];
        return vec4<f32>((vec4<u32>(bytes) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
    }
    return bitcast<vec4<f32>>(vec4<u32>(data[base + f], data[base + f + 1u], data[base + f + 2u], data[base + f + 3u]));
}

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
    if i >= dims.batch * dims.quads {
        return;
    }
    let b = i / dims.quads;
    let row = rows[dims.rows_offset + r * dims.rows_stride + b];
    var value = vec4<f32>(0.0);
    if row < dims.records {
        value = decode(dims.data_offset + r * dims.data_stride + row * dims.width, 4u * (i % dims.quads));
    }
    y[(dims.y_offset + r * dims.y_stride) / 4u + i] = value;
}
