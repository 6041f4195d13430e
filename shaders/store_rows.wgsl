// Stores a batch into a long table at the step's place: table[counter * batch + b, :] = x[b, :].
// One vec4 an invocation; rows beyond the table are dropped (padding of the last batch).

struct Dims {
    x_offset: u32, x_stride: u32,
    counter_offset: u32, counter_stride: u32,
    table_offset: u32, table_stride: u32,
    batch: u32,
    quads: u32,   // vec4s a row
    records: u32, // rows of the table
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;           // [B, N]
@group(0) @binding(2) var<storage, read> counter: array<u32>;           // [1, 1]
@group(0) @binding(3) var<storage, read_write> table: array<vec4<f32>>; // [records, N]

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
    let b = i / dims.quads;
    let row = counter[dims.counter_offset + r * dims.counter_stride] * dims.batch + b;
    if b >= dims.batch || row >= dims.records {
        return;
    }
    let value = x[(dims.x_offset + r * dims.x_stride) / 4 + i];
    table[(dims.table_offset + r * dims.table_stride) / 4 + row * dims.quads + i % dims.quads] = value;
}
