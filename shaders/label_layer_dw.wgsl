// Backward of the label layer: dw[c, :] = sum of dz[b, :] over records with label c; dw[C, :] = sum over all.
// A scatter turned into a gather: an invocation owns one vec4 of dw, walks the labels in order and loads only
// the records of its class (the last row: all of them). No two invocations write the same place, so there is
// nothing to synchronise; neighbours share a class, so a workgroup takes the same branch.

struct Dims {
    labels_offset: u32,
    labels_stride: u32,
    dz_offset: u32,
    dz_stride: u32,
    dw_offset: u32,
    dw_stride: u32,
    rows: u32, // B
    classes: u32,
    quads: u32, // vec4s a row
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> labels: array<u32>;
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dw: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = (group.y * groups.x + group.x) * 64u + local;
    let r = group.z;
    if i >= (dims.classes + 1u) * dims.quads {
        return;
    }
    let c = i / dims.quads;
    let base = (dims.dz_offset + r * dims.dz_stride) / 4u + i % dims.quads;
    let first = dims.labels_offset + r * dims.labels_stride;
    var sum = vec4<f32>(0.0);
    for (var b = 0u; b < dims.rows; b += 1u) {
        if c == dims.classes || labels[first + b] == c {
            sum += dz[base + b * dims.quads];
        }
    }
    dw[(dims.dw_offset + r * dims.dw_stride) / 4u + i] = sum;
}
