// Gathers records of resident bits as lists of their ones: y[b] = (count, entries, the record's words).
// Idea: a first layer on few ones walks the list; the words behind it are what its backward pass transposes.
// An entry is a feature that is a one. Entries ascend; those beyond the count are zero.
// One record an invocation. A row index beyond the data (padding) gives zeros.

struct Dims {
    data_offset: u32, data_stride: u32,
    rows_offset: u32, rows_stride: u32,
    y_offset: u32, y_stride: u32,
    records: u32,
    batch: u32,
    words: u32, // a record
    most: u32,  // entries a row of y has place for
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> data: array<u32>;    // [N, words]
@group(0) @binding(2) var<storage, read> rows: array<u32>;    // [B, 1]
@group(0) @binding(3) var<storage, read_write> y: array<u32>; // [B, 1 + most + words]

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = (group.y * groups.x + group.x) * 8 + local;
    let r = group.z;
    if b >= dims.batch {
        return;
    }
    let row = rows[dims.rows_offset + r * dims.rows_stride + b];
    let known = row < dims.records;
    let start = dims.data_offset + r * dims.data_stride + select(0u, row, known) * dims.words;
    let to = dims.y_offset + r * dims.y_stride + b * (1 + dims.most + dims.words);
    var count = 0u;
    for (var i = 0u; i < dims.words; i++) {
        let bits = select(0u, data[start + i], known);
        y[to + 1 + dims.most + i] = bits;
        var left = bits;
        while left != 0 && count < dims.most {
            y[to + 1 + count] = 32 * i + firstTrailingBit(left);
            left &= left - 1;
            count++;
        }
    }
    y[to] = count;
    for (var i = count; i < dims.most; i++) {
        y[to + 1 + i] = 0u;
    }
}
