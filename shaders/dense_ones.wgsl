// Dense layer whose input is ones and zeros: lists of a record's ones, or its label. Rows of w are added,
// nothing is multiplied, and only as many as there are ones. They are added one by one in ascending order,
// the bias last, as dense.wgsl does: the same bytes, for to add 0 · w changes nothing. One vec4 of the result
// an invocation; neighbors read neighboring columns. On lists software adapters with 64-bit integers run
// dense_ones.native.wgsl.

struct Dims {
    x_offset: u32, x_stride: u32,
    w_offset: u32, w_stride: u32,
    dz_offset: u32, dz_stride: u32,
    result_offset: u32, result_stride: u32,
    batch: u32,      // B
    inputs: u32,     // K: features, or classes
    outputs: u32,    // N
    pitch: u32,      // words a row of x
    activation: u32, // 0 none, 1 tanh, 2 relu, 3 sigmoid
    dz_pitch: u32,   // vec4s from a row of dz, or of y, to the next: N's, or more in a wider tensor
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>; // lists [B, pitch], bits [K + 1, pitch] or labels
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>; // [K + 1, N], the bias last
@group(0) @binding(3) var<storage, read> dz: array<vec4<f32>>; // [B, N]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>; // y [B, N] or grad_w [K + 1, N]

fn activate(z: vec4<f32>) -> vec4<f32> {
    switch dims.activation {
        case 1: { return tanh(clamp(z, vec4(-15.0), vec4(15.0))); } // tanh overflows on some backends
        case 2: { return max(z, vec4(0.0)); }
        case 3: { return 1.0 / (1.0 + exp(-clamp(z, vec4(-80.0), vec4(80.0)))); }
        default: { return z; }
    }
}

fn item(group: vec3<u32>, groups: vec3<u32>, local: u32) -> u32 {
    return (group.y * groups.x + group.x) * 64 + local;
}

// y[b] = act(sum over the ones k of record b of w[k], then w[K]).
@compute @workgroup_size(64)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    if i >= dims.batch * quads {
        return;
    }
    let q = i % quads;
    let column = (dims.w_offset + r * dims.w_stride) / 4 + q;
    let list = dims.x_offset + r * dims.x_stride + (i / quads) * dims.pitch;
    let end = list + 1 + x[list];
    var sum = vec4(0.0);
    for (var at = list + 1; at < end; at++) {
        sum += w[column + x[at] * quads];
    }
    let real = 4 * q + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // the padding stays zero whatever act(0) is
    let z = sum + w[column + dims.inputs * quads];
    let to = (dims.result_offset + r * dims.result_stride) / 4 + (i / quads) * dims.dz_pitch + q;
    result[to] = select(vec4(0.0), activate(z), real);
}

// grad_w[k] = sum of dz[b] over the records b that have feature k, from the columns of bits that
// columns_of_ones.wgsl makes; the last, all ones, gives the bias's. The batch is summed in order, a record
// after the other, as dense.wgsl does: the same bytes. No atomics.
@compute @workgroup_size(64)
fn grad_w(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    if i >= (dims.inputs + 1) * quads {
        return;
    }
    let bits = dims.x_offset + r * dims.x_stride + (i / quads) * dims.pitch;
    let column = (dims.dz_offset + r * dims.dz_stride) / 4 + i % quads;
    var sum = vec4(0.0);
    for (var word = 0u; word < dims.pitch; word++) {
        var left = x[bits + word];
        while left != 0 {
            sum += dz[column + (32 * word + firstTrailingBit(left)) * dims.dz_pitch];
            left &= left - 1;
        }
    }
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = sum;
}

// On a label, a row of w: y[b] = act(w[label_b] + w[K]).
@compute @workgroup_size(64)
fn label_forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    if i >= dims.batch * quads {
        return;
    }
    let q = i % quads;
    // Padding (0xffffffff) must not reach beyond w; what it gives is never used.
    let label = min(x[dims.x_offset + r * dims.x_stride + i / quads], dims.inputs);
    let base = (dims.w_offset + r * dims.w_stride) / 4 + q;
    let real = 4 * q + vec4(0u, 1u, 2u, 3u) < vec4(dims.outputs); // the padding stays zero whatever act(0) is
    let sum = w[base + label * quads] + w[base + dims.inputs * quads];
    let to = (dims.result_offset + r * dims.result_stride) / 4 + (i / quads) * dims.dz_pitch + q;
    result[to] = select(vec4(0.0), activate(sum), real);
}

// On a label: grad_w[c] = sum of dz[b] over records with label c; grad_w[K] = sum over all. A scatter turned
// into a gather: an invocation owns one vec4, walks the labels in order and loads only the records of its
// class (the last row: all of them). No two invocations write the same place, so there is nothing to
// synchronize; neighbors share a class, so a workgroup takes the same branch.
@compute @workgroup_size(64)
fn label_grad_w(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let i = item(group, groups, local);
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    if i >= (dims.inputs + 1) * quads {
        return;
    }
    let c = i / quads;
    let base = (dims.dz_offset + r * dims.dz_stride) / 4 + i % quads;
    let first = dims.x_offset + r * dims.x_stride;
    var sum = vec4(0.0);
    for (var b = 0u; b < dims.batch; b++) {
        if c == dims.inputs || x[first + b] == c {
            sum += dz[base + b * dims.dz_pitch];
        }
    }
    result[(dims.result_offset + r * dims.result_stride) / 4 + i] = sum;
}

// The same for software adapters: a scatter made deterministic: an invocation owns 4 columns and walks the
// batch in order, adding each record to its class's row: work grows with B + C, not B times C.
@compute @workgroup_size(8)
fn label_grad_w_many(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let q = group.x * 8 + local;
    let r = group.z;
    let quads = (dims.outputs + 3) / 4;
    if q >= quads {
        return;
    }
    let to = (dims.result_offset + r * dims.result_stride) / 4 + q;
    let base = (dims.dz_offset + r * dims.dz_stride) / 4 + q;
    for (var c = 0u; c < dims.inputs; c++) {
        result[to + c * quads] = vec4(0.0);
    }
    var sum = vec4(0.0);
    for (var b = 0u; b < dims.batch; b++) {
        let value = dz[base + b * dims.dz_pitch];
        let label = x[dims.x_offset + r * dims.x_stride + b];
        if label < dims.inputs {
            result[to + label * quads] += value;
        }
        sum += value;
    }
    result[to + dims.inputs * quads] = sum;
}
