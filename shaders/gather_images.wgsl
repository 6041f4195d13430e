// Gathers images of the resident data set into a batch, normalised by channel:
// y[b, (row W + column) C + c] = (data[rows[b], (c h + row - pad) w + column - pad] - shift[c]) * scale[c].
// Idea: images stay on the GPU as they come in files, a byte a value, a plane a channel; a batch has the
// channels of a pixel side by side, as convolutions read them. What lies outside of the image is byte 0.
// The data are two bindings: CIFAR's 60,000 images are 184 MB, a binding's default limit is 128 MiB.
// Tile: 4 neighbouring values of y an invocation, one vec4 store. A row index beyond the data gives zeros.

struct Dims {
    first_offset: u32,
    first_stride: u32,
    second_offset: u32,
    second_stride: u32,
    rows_offset: u32,
    rows_stride: u32,
    shift_offset: u32,
    shift_stride: u32,
    scale_offset: u32,
    scale_stride: u32,
    y_offset: u32,
    y_stride: u32,
    first_records: u32,
    second_records: u32,
    batch: u32,
    words: u32, // a record
    quads: u32, // vec4s a row of y
    height: u32, // of a stored image
    width: u32,
    channels: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> first: array<u32>;
@group(0) @binding(2) var<storage, read> second: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read> shift: array<f32>;
@group(0) @binding(5) var<storage, read> scale: array<f32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

// A word of a record: those beyond the first part lie in the second.
fn word(record: u32, r: u32, at: u32) -> u32 {
    if record < dims.first_records {
        return first[dims.first_offset + r * dims.first_stride + record * dims.words + at];
    }
    let beyond = record - dims.first_records;
    return second[dims.second_offset + r * dims.second_stride + beyond * dims.words + at];
}

// Value i of the batch's row, from this record.
fn value(record: u32, r: u32, i: u32) -> f32 {
    let out_width = dims.width + 2u * dims.pad;
    let out_height = dims.height + 2u * dims.pad;
    let c = i % dims.channels;
    let pixel = i / dims.channels;
    if pixel >= out_width * out_height {
        return 0.0; // the row's padding
    }
    // Left of or above the image wraps to a huge number: one comparison finds both sides.
    let row = pixel / out_width - dims.pad;
    let column = pixel % out_width - dims.pad;
    var byte = 0u;
    if row < dims.height && column < dims.width {
        let at = (c * dims.height + row) * dims.width + column;
        byte = (word(record, r, at / 4u) >> (8u * (at % 4u))) & 255u;
    }
    let s = shift[dims.shift_offset + r * dims.shift_stride + c];
    return (f32(byte) - s) * scale[dims.scale_offset + r * dims.scale_stride + c];
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    if n >= dims.batch * dims.quads {
        return;
    }
    let b = n / dims.quads;
    let i = 4u * (n % dims.quads);
    let record = rows[dims.rows_offset + r * dims.rows_stride + b];
    var four = vec4<f32>(0.0);
    if record < dims.first_records + dims.second_records {
        four = vec4<f32>(value(record, r, i), value(record, r, i + 1u), value(record, r, i + 2u), value(record, r, i + 3u));
    }
    y[(dims.y_offset + r * dims.y_stride) / 4u + n] = four;
}
