// Gathers rows of resident f32 data and standardizes them: y[b, f] = (data[rows[b], f] - shift[f]) *
// scale[f]. Shift and scale come from each replica's own members, so the resident data can be shared. Tile: 4
// neighboring features an invocation. A row index beyond the data gives zeros.

struct Dims {
    data_offset: u32, data_stride: u32,
    rows_offset: u32, rows_stride: u32,
    shift_offset: u32, shift_stride: u32,
    scale_offset: u32, scale_stride: u32,
    y_offset: u32, y_stride: u32,
    records: u32,
    batch: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> data: array<vec4<f32>>;    // [N, features]
@group(0) @binding(2) var<storage, read> rows: array<u32>;          // [B, 1]
@group(0) @binding(3) var<storage, read> shift: array<vec4<f32>>;   // [1, features]
@group(0) @binding(4) var<storage, read> scale: array<vec4<f32>>;   // [1, features]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>; // [B, features]

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
    let q = i % dims.quads;
    let row = rows[dims.rows_offset + r * dims.rows_stride + b];
    var value = vec4(0.0);
    if row < dims.records {
        let x = data[(dims.data_offset + r * dims.data_stride) / 4 + row * dims.quads + q];
        let s = shift[(dims.shift_offset + r * dims.shift_stride) / 4 + q];
        value = (x - s) * scale[(dims.scale_offset + r * dims.scale_stride) / 4 + q];
    }
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = value;
}
