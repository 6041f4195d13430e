// gather_images.wgsl for training: each record of the batch is moved by up to 4 pixels either way and mirrored
// half of the time, as the random number of (seed, step, place in the batch) says. What comes in from outside of
// the image is byte 0.
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
    key_offset: u32,
    key_stride: u32,
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
@group(0) @binding(6) var<storage, read> key: array<u32>; // seed, step
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

// First word of pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 2020).
fn pcg4d(seed: vec4<u32>) -> u32 {
    var v = seed * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v = v ^ (v >> vec4<u32>(16u));
    return v.x + v.y * v.w;
}

// One of 0 to 8 by 12 bits.
fn place(bits: u32) -> u32 {
    return ((bits & 0xfffu) * 9u) >> 12u;
}

// A word of a record: those beyond the first part lie in the second.
fn word(record: u32, r: u32, at: u32) -> u32 {
    if record < dims.first_records {
        return first[dims.first_offset + r * dims.first_stride + record * dims.words + at];
    }
    let beyond = record - dims.first_records;
    return second[dims.second_offset + r * dims.second_stride + beyond * dims.words + at];
}

// Value i of the batch's row, from this record, moved as `hash` says.
fn value(record: u32, r: u32, i: u32, hash: u32) -> f32 {
    let out_width = dims.width + 2u * dims.pad;
    let out_height = dims.height + 2u * dims.pad;
    let c = i % dims.channels;
    let pixel = i / dims.channels;
    if pixel >= out_width * out_height {
        return 0.0; // the row's padding
    }
    // Left of or above the image wraps to a huge number: one comparison finds both sides.
    let row = pixel / out_width + 4u - place(hash >> 8u) - dims.pad;
    var x = pixel % out_width;
    if (hash & 0x80u) != 0u {
        x = out_width - 1u - x;
    }
    let column = x + 4u - place(hash >> 20u) - dims.pad;
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
        let k = dims.key_offset + r * dims.key_stride;
        let hash = pcg4d(vec4<u32>(key[k], key[k + 1u], b, 0x63726f70u));
        four = vec4<f32>(
            value(record, r, i, hash),
            value(record, r, i + 1u, hash),
            value(record, r, i + 2u, hash),
            value(record, r, i + 3u, hash),
        );
    }
    y[(dims.y_offset + r * dims.y_stride) / 4u + n] = four;
}
