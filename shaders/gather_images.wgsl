// Gathers images of the resident data set into a batch, normalized by channel:
// y[b, (row W + column) C + c] = (data[rows[b], (c h + row − pad) w + column − pad] − shift[c]) · scale[c].
// Idea: images stay on the GPU as they come in files, a byte a value, a plane a channel; a batch has the
// channels of a pixel side by side, as convolutions read them. What lies outside of the image is byte 0.
// The data are two bindings: CIFAR's 60,000 images are 184 MB, a binding's default limit is 128 MiB.
// Tile: 4 neighboring values of y an invocation, one vec4 store. A row index beyond the data gives zeros.

struct Dims {
    first_offset: u32, first_stride: u32,
    second_offset: u32, second_stride: u32,
    rows_offset: u32, rows_stride: u32,
    shift_offset: u32, shift_stride: u32,
    scale_offset: u32, scale_stride: u32,
    key_offset: u32, key_stride: u32,
    y_offset: u32, y_stride: u32,
    first_records: u32,  // N₁
    second_records: u32, // N₂
    batch: u32,
    words: u32,          // a record
    quads: u32,          // vec4s a row of y
    height: u32,         // of a stored image
    width: u32,
    channels: u32,
    pad: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> first: array<u32>;         // [N₁, words]
@group(0) @binding(2) var<storage, read> second: array<u32>;        // [N₂, words]
@group(0) @binding(3) var<storage, read> rows: array<u32>;          // [B, 1]
@group(0) @binding(4) var<storage, read> shift: array<f32>;         // [1, C]
@group(0) @binding(5) var<storage, read> scale: array<f32>;         // [1, C]
@group(0) @binding(6) var<storage, read> key: array<u32>;           // [1, 2]: seed, step
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>; // [B, H · W · C]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// A word of a record: those beyond the first part lie in the second.
fn word(record: u32, r: u32, at: u32) -> u32 {
    if record < dims.first_records {
        return first[dims.first_offset + r * dims.first_stride + record * dims.words + at];
    }
    let beyond = record - dims.first_records;
    return second[dims.second_offset + r * dims.second_stride + beyond * dims.words + at];
}

// First word of pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 2020).
fn pcg4d(seed: vec4<u32>) -> u32 {
    var v = seed * 1664525 + 1013904223;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4(16u);
    v.x += v.y * v.w;
    return v.x;
}

// How far an image is moved.
struct Move {
    down: u32, right: u32, // wrapping: up and left are huge numbers
    mirrored: bool,
}

// One of −4 to 4 by 12 bits.
fn moved(bits: u32) -> u32 {
    return (((bits & 0xfffu) * 9) >> 12u) - 4;
}

// Value i of the batch's row, from this record.
fn value(record: u32, r: u32, i: u32, by: Move) -> f32 {
    let out_width = dims.width + 2 * dims.pad;
    let out_height = dims.height + 2 * dims.pad;
    let c = i % dims.channels;
    let pixel = i / dims.channels;
    if pixel >= out_width * out_height {
        return 0.0; // the row's padding
    }
    // Left of or above the image wraps to a huge number: one comparison finds both sides.
    let x = pixel % out_width;
    let row = pixel / out_width - by.down - dims.pad;
    let column = select(x, out_width - 1 - x, by.mirrored) - by.right - dims.pad;
    var byte = 0u;
    if row < dims.height && column < dims.width {
        let at = (c * dims.height + row) * dims.width + column;
        byte = (word(record, r, at / 4) >> (8 * (at % 4))) & 255u;
    }
    let s = shift[dims.shift_offset + r * dims.shift_stride + c];
    return (f32(byte) - s) * scale[dims.scale_offset + r * dims.scale_stride + c];
}

// Four values from number `n` of the batch's vec4s on, zeros where the record is beyond the data.
fn four(record: u32, r: u32, n: u32, by: Move) -> vec4<f32> {
    if record >= dims.first_records + dims.second_records {
        return vec4(0.0);
    }
    let i = 4 * (n % dims.quads);
    return vec4(
        value(record, r, i, by),
        value(record, r, i + 1, by),
        value(record, r, i + 2, by),
        value(record, r, i + 3, by),
    );
}

@compute @workgroup_size(64)
fn plain(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    if n >= dims.batch * dims.quads {
        return;
    }
    let record = rows[dims.rows_offset + r * dims.rows_stride + n / dims.quads];
    y[(dims.y_offset + r * dims.y_stride) / 4 + n] = four(record, r, n, Move(0, 0, false));
}

// For training: each record of the batch is moved by up to 4 pixels either way and mirrored half of the time,
// as the random number of (seed, step, place in the batch) says.
@compute @workgroup_size(64)
fn augmented(
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
    let record = rows[dims.rows_offset + r * dims.rows_stride + b];
    let k = dims.key_offset + r * dims.key_stride;
    let hash = pcg4d(vec4(key[k], key[k + 1], b, 0x63726f70u));
    let by = Move(moved(hash >> 8u), moved(hash >> 20u), (hash & 0x80) != 0);
    y[(dims.y_offset + r * dims.y_stride) / 4 + n] = four(record, r, n, by);
}
