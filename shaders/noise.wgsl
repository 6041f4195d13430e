// y = x + s z, with z normal: Box and Muller's transform of two words of a hash of (seed, step, layer, element),
// so that no state is kept and a replica draws the same alone or in company. pcg4d of Jarzynski and Olano, "Hash
// Functions for GPU Rendering" (JCGT 2020). One element an invocation; padding is written as zero.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    key_offset: u32,
    key_stride: u32,
    s_offset: u32,
    s_stride: u32,
    y_offset: u32,
    y_stride: u32,
    length: u32, // elements
    pitch: u32,
    cols: u32,
    layer: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> key: array<u32>;
@group(0) @binding(3) var<storage, read> s: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn pcg4d(seed: vec4<u32>) -> vec2<u32> {
    var v = seed * 1664525u + 1013904223u;
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    v.z += v.x * v.y;
    v.w += v.y * v.z;
    v ^= v >> vec4<u32>(16u);
    v.x += v.y * v.w;
    v.y += v.z * v.x;
    return v.xy;
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64u + local;
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
    let words = pcg4d(vec4<u32>(key[k], key[k + 1u], dims.layer, i));
    // In (0, 1]: the logarithm is finite. 24 bits, so |z| is at most 5.8.
    let u = (vec2<f32>(words >> vec2<u32>(8u)) + vec2<f32>(1.0, 0.0)) * 0x1p-24;
    let z = sqrt(-2.0 * log(u.x)) * cos(6.283185307179586 * u.y);
    let value = x[dims.x_offset + r * dims.x_stride + i] + s[dims.s_offset + r * dims.s_stride] * z;
    y[dims.y_offset + r * dims.y_stride + i] = select(0.0, value, i % dims.pitch < dims.cols);
}
