// Gradient of a batch's moments: grad_x = dmean / N + 2 dvar (x - mean) / N, added to grad_x or, for other channels too (zeros),
// written. Idea: an invocation goes down 8 pixels of four channels, whose numbers it loads once.

struct Dims {
    ds_offset: u32, ds_stride: u32,
    x_offset: u32, x_stride: u32,
    s_offset: u32, s_stride: u32,
    grad_x_offset: u32, grad_x_stride: u32,
    rows: u32, // N = B · pixels
    pitch: u32, // vec4s a pixel of x and a row of s
    first: u32, // the first of these channels
    quads: u32, // and how many
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> ds: array<vec4<f32>>; // [2, channels]
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>; // [N, channels]
@group(0) @binding(3) var<storage, read> s: array<vec4<f32>>; // [2, channels]: mean, variance
@group(0) @binding(4) var<storage, read_write> grad_x: array<vec4<f32>>; // [N, channels]

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
    let width = select(dims.pitch, dims.quads, dims.accumulate == 1u);
    let start = n / width * 8u;
    if start >= dims.rows {
        return;
    }
    let q = n % width + select(0u, dims.first, dims.accumulate == 1u);
    let own = q >= dims.first && q < dims.first + dims.quads;
    let ds_base = (dims.ds_offset + r * dims.ds_stride) / 4u + q;
    let by_mean = ds[ds_base] / f32(dims.rows);
    let by_variance = 2.0 * ds[ds_base + dims.pitch] / f32(dims.rows);
    let mean = s[(dims.s_offset + r * dims.s_stride) / 4u + q];
    for (var i = start; i < min(start + 8u, dims.rows); i += 1u) {
        let at = i * dims.pitch + q;
        let to = (dims.grad_x_offset + r * dims.grad_x_stride) / 4u + at;
        let d = by_mean + by_variance * (x[(dims.x_offset + r * dims.x_stride) / 4u + at] - mean);
        if dims.accumulate == 1u {
            grad_x[to] += d;
        } else {
            grad_x[to] = select(vec4<f32>(0.0), d, own);
        }
    }
}
