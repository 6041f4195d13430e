// Squared norms of each record's own gradient of a dense layer, never the gradients themselves: the gradient
// of record b is (x_b, 1)ᵀ dz_b, a product of two vectors, so its squared norm is (|x_b|² + 1) |dz_b|²
// (Goodfellow 2015, "Efficient per-example gradient computations"). One record an invocation, vec4 reads.

struct Dims {
    x_offset: u32, x_stride: u32,
    dz_offset: u32, dz_stride: u32,
    y_offset: u32, y_stride: u32,
    rows: u32,
    x_quads: u32, // vec4s a row of x; padding is zero
    dz_quads: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;       // [B, K]
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;      // [B, N]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [B, 1]

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let b = item(group, groups, local);
    let r = group.z;
    if b >= dims.rows {
        return;
    }
    let x_base = (dims.x_offset + r * dims.x_stride) / 4 + b * dims.x_quads;
    var inputs = 1.0;
    for (var q = 0u; q < dims.x_quads; q++) {
        inputs += dot(x[x_base + q], x[x_base + q]);
    }
    let dz_base = (dims.dz_offset + r * dims.dz_stride) / 4 + b * dims.dz_quads;
    var outputs = 0.0;
    for (var q = 0u; q < dims.dz_quads; q++) {
        outputs += dot(dz[dz_base + q], dz[dz_base + q]);
    }
    y[(dims.y_offset + r * dims.y_stride) / 4 + b] = vec4(inputs * outputs, 0.0, 0.0, 0.0);
}
