// Backward of the label layer: dw[c, :] = sum of dz[b, :] over records with label c; dw[C, :] = sum over all.
// For software adapters; for others label_layer_dw.wgsl.
// A scatter made deterministic: an invocation owns 4 columns and walks the batch in order, adding each record to
// its class's row: work grows with B + C, not B times C. Columns are neighbours, so loads and stores are contiguous.

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

const ITEMS_PER_WORKGROUP: u32 = 8; // vec4s of a row

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let q = group.x * ITEMS_PER_WORKGROUP + local;
    let r = group.z;
    if q >= dims.quads {
        return;
    }
    let to = (dims.dw_offset + r * dims.dw_stride) / 4u + q;
    let base = (dims.dz_offset + r * dims.dz_stride) / 4u + q;
    for (var c = 0u; c < dims.classes; c += 1u) {
        dw[to + c * dims.quads] = vec4<f32>(0.0);
    }
    var sum = vec4<f32>(0.0);
    for (var b = 0u; b < dims.rows; b += 1u) {
        let value = dz[base + b * dims.quads];
        let label = labels[dims.labels_offset + r * dims.labels_stride + b];
        if label < dims.classes {
            dw[to + label * dims.quads] += value;
        }
        sum += value;
    }
    dw[to + dims.classes * dims.quads] = sum;
}
