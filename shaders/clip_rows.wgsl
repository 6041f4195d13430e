// Scales each row so that the record's whole gradient is no longer than a bound: y_b = dz_b · C / max(C, B
// √s_b), with s_b the squared norm of the record's part of a batch's MEAN gradient. One vec4 an invocation.

struct Dims {
    dz_offset: u32, dz_stride: u32,
    squares_offset: u32, squares_stride: u32,
    clip_offset: u32, clip_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32,  // vec4s
    quads: u32,   // vec4s a row
    records: f32, // B
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dz: array<vec4<f32>>;      // [B, N]
@group(0) @binding(2) var<storage, read> squares: array<vec4<f32>>; // [B, 1]
@group(0) @binding(3) var<storage, read> clip: array<f32>;          // [1, 1]
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>; // [B, N]

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
    if i >= dims.length {
        return;
    }
    let bound = clip[dims.clip_offset + r * dims.clip_stride];
    let square = squares[(dims.squares_offset + r * dims.squares_stride) / 4 + i / dims.quads].x;
    let factor = bound / max(bound, dims.records * sqrt(square));
    let value = dz[(dims.dz_offset + r * dims.dz_stride) / 4 + i];
    y[(dims.y_offset + r * dims.y_stride) / 4 + i] = value * factor;
}
