// The sum of all elements times a factor (1 for a sum, 1/n for a mean). One workgroup a replica:
// invocation t sums vec4s t, t + 64, … and invocation 0 adds the 64 parts in order.

struct Dims {
    x_offset: u32,
    x_stride: u32,
    y_offset: u32,
    y_stride: u32,
    length: u32, // vec4s
    factor: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let r = group.z;
    var sum = vec4<f32>(0.0);
    for (var i = local; i < dims.length; i += 64u) {
        sum += x[(dims.x_offset + r * dims.x_stride) / 4u + i];
    }
    partial[local] = (sum.x + sum.y) + (sum.z + sum.w);
    workgroupBarrier();
    if local == 0u {
        var total = 0.0;
        for (var t = 0u; t < 64u; t += 1u) {
            total += partial[t];
        }
        y[(dims.y_offset + r * dims.y_stride) / 4u] = vec4<f32>(total * dims.factor, 0.0, 0.0, 0.0);
    }
}
