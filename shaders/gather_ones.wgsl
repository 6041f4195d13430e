// Gathers records of resident bits as lists of their ones: y[b] = (count, entries, the record's words).
// Idea: a first layer on few ones walks the list; the words behind it are what its backward pass transposes.
// An entry is a feature that is a one. Entries ascend; those beyond the count are zero.
// One record an invocation. A row index beyond the data (padding) gives zeros.

struct Dims {
    data_offset: u32,
    data_stride: u32,
    rows_offset: u32,
    rows_stride: u32,
    y_offset: u32,
    y_stride: u32,
    records: u32,
    batch: u32,
    words: u32, // a record
    most: u32, // entries a row of y has place for
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> data: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 8u + local;
}

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = item(group, groups, local);
    let r = group.z;
    if b >= dims.batch {
        return;
    }
    let row = rows[dims.rows_offset + r * dims.rows_stride + b];
    let known = row < dims.records;
    let start = dims.data_offset + r * dims.data_stride + select(0u, row, known) * dims.words;
    let to = dims.y_offset + r * dims.y_stride + b * (1u + dims.most + dims.words);
    var count = 0u;
    for (var i = 0u; i < dims.words; i += 1u) {
        let bits = select(0u, data[start + i], known);
        y[to + 1u + dims.most + i] = bits;
        var left = bits;
        while left != 0u && count < dims.most {
            y[to + 1u + count] = 32u * i + firstTrailingBit(left);
            left &= left - 1u;
            count += 1u;
        }
    }
    y[to] = count;
    for (var i = count; i < dims.most; i += 1u) {
        y[to + 1u + i] = 0u;
    }
}
