// Sums of channels over the pixels of a batch, for batch statistics: of x - s and of (x - s)², where s is the channel's
// first value: without it the variance of a channel far from 0 would be a small difference of large numbers.
// Idea: an invocation sums four channels over one part of the pixels; the parts are added by moments.wgsl, in order.

struct Dims {
    x_offset: u32, x_stride: u32,
    partial_offset: u32, partial_stride: u32,
    rows: u32, // N = B · pixels
    x_pitch: u32, // vec4s a pixel of x
    x_first: u32, // the first of them
    quads: u32, // and how many
    part: u32, // pixels a part
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>; // [N, …]
@group(0) @binding(2) var<storage, read_write> partial: array<vec4<f32>>; // [2 parts, C]: rows of sums, of sums of squares, …

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let n = item(group, groups, local);
    let r = group.z;
    let q = n % dims.quads;
    let first = n / dims.quads * dims.part;
    if first >= dims.rows {
        return;
    }
    let base = (dims.x_offset + r * dims.x_stride) / 4u + dims.x_first + q;
    let s = x[base];
    var sum = vec4<f32>(0.0);
    var square = vec4<f32>(0.0);
    for (var i = first; i < min(first + dims.part, dims.rows); i += 1u) {
        let d = x[base + i * dims.x_pitch] - s;
        sum += d;
        square += d * d;
    }
    let at = (dims.partial_offset + r * dims.partial_stride) / 4u + n / dims.quads * 2u * dims.quads + q;
    partial[at] = sum;
    partial[at + dims.quads] = square;
}
