// Rows counted from another one: y[b] = rows[b] - start, wrapping around below 0.
// One row an invocation.

struct Dims {
    rows_offset: u32, rows_stride: u32,
    y_offset: u32, y_stride: u32,
    batch: u32,
    start: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> rows: array<u32>;    // [B, 1]
@group(0) @binding(2) var<storage, read_write> y: array<u32>; // [B, 1]

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
    y[dims.y_offset + r * dims.y_stride + i] = rows[dims.rows_offset + r * dims.rows_stride + i] - dims.start;
}
