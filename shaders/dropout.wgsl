// y = x / (1 - rate) where a random number is at least rate, else 0. The number is a hash of (seed, step,
// layer, element): no state, and the backward pass draws the same ones again. pcg4d of Jarzynski and
// Olano, "Hash Functions for GPU Rendering" (JCGT 2020). One element an invocation.

struct Dims {
    x_offset: u32, x_stride: u32,
    key_offset: u32, key_stride: u32,
    rate_offset: u32, rate_stride: u32,
    y_offset: u32, y_stride: u32,
    length: u32, // elements
    layer: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;       // [B, N]
@group(0) @binding(2) var<storage, read> key: array<u32>;     // [1, 2]: seed, step
@group(0) @binding(3) var<storage, read> rate: array<f32>;    // [1, 1]
@group(0) @binding(4) var<storage, read_write> y: array<f32>; // [B, N]

fn pcg4d(seed: vec4<u32>) -> u32 {
    var v = seed * 1664525 + 1013904223;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4(16u);
    v.x += v.y * v.w;
    return v.x;
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
    if i >= dims.length {
        return;
    }
    let k = dims.key_offset + r * dims.key_stride;
    let u = f32(pcg4d(vec4(key[k], key[k + 1], dims.layer, i)) >> 8u) * 0x1p-24;
    let p = rate[dims.rate_offset + r * dims.rate_stride];
    let value = x[dims.x_offset + r * dims.x_stride + i];
    y[dims.y_offset + r * dims.y_stride + i] = select(0.0, value / (1.0 - p), u >= p);
}
