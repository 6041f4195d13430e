// Gathers labels: y[b] = labels[rows[b]], or 0xffffffff for a row beyond the data (padding).
// One label an invocation.

struct Dims {
    labels_offset: u32, labels_stride: u32,
    rows_offset: u32, rows_stride: u32,
    y_offset: u32, y_stride: u32,
    records: u32,
    batch: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> labels: array<u32>;  // [N, 1]
@group(0) @binding(2) var<storage, read> rows: array<u32>;    // [B, 1]
@group(0) @binding(3) var<storage, read_write> y: array<u32>; // [B, 1]

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
    if i >= dims.batch {
        return;
    }
    let row = rows[dims.rows_offset + r * dims.rows_stride + i];
    var label = 0xffffffffu;
    if row < dims.records {
        label = labels[dims.labels_offset + r * dims.labels_stride + row];
    }
    y[dims.y_offset + r * dims.y_stride + i] = label;
}
