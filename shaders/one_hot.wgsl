// Labels as rows: y[b, c] = high where c = label_b, else low. One vec4 an invocation; padding zero.

struct Dims {
    labels_offset: u32, labels_stride: u32,
    y_offset: u32, y_stride: u32,
    rows: u32,
    quads: u32, // vec4s a row
    cols: u32,  // classes
    low: f32,
    high: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> labels: array<u32>;        // [B, 1]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>; // [B, C]

// 1 for the columns that exist, 0 for the padding of a row's last vec4.
fn mask(col: u32) -> vec4<f32> {
    return select(vec4(0.0), vec4(1.0), vec4(col) + vec4(0u, 1u, 2u, 3u) < vec4(dims.cols));
}

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
    if i >= dims.rows * dims.quads {
        return;
    }
    let col = 4 * (i % dims.quads);
    let label = labels[dims.labels_offset + r * dims.labels_stride + i / dims.quads];
    let hit = vec4(col) + vec4(0u, 1u, 2u, 3u) == vec4(label);
    let value = select(vec4(dims.low), vec4(dims.high), hit);
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = value * mask(col);
}
